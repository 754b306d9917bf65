//! Being told to stop: Ctrl+C, and SIGTERM where there is one.
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::exit::Exit;

/// Whether a command that waits for nothing itself was told to stop.
pub(crate) struct Told(Arc<AtomicBool>);

impl Told {
    /// It was.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Listens on a thread of its own. The first signal is a request, the second ends the program.
pub(crate) fn watch() -> Told {
    let told = Arc::new(AtomicBool::new(false));
    let flag = told.clone();
    std::thread::spawn(move || {
        let listening = crate::block_on(async {
            // Without ears, signals go on to kill, which is a way to stop as well.
            let Ok(mut signals) = Signals::new() else { return Ok(()) };
            signals.stop().await;
            flag.store(true, Ordering::Relaxed);
            signals.stop().await;
            std::process::exit(Exit::Interrupted.code().into());
        });
        drop(listening);
    });
    Told(told)
}

/// Hears the signals from now on; until then they kill.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn new() -> io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
        })
    }
    /// Returns once told to stop. Cancel safe.
    pub(crate) async fn stop(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
