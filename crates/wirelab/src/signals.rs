//! Being told to stop: Ctrl+C, and SIGTERM where there is one.
use std::{io, sync::mpsc};

use tokio::sync::watch;

use crate::exit::Exit;

/// Whether a command that works on another thread was told to stop.
#[derive(Clone)]
pub(crate) struct Told(watch::Receiver<bool>);

impl Told {
    /// It was.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }
    /// Returns once it was.
    pub(crate) async fn set(mut self) {
        if self.0.wait_for(|told| *told).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Listens on a thread of its own, and has begun to when it returns. The first signal is a request,
/// the second ends the program.
pub(crate) fn listen() -> Told {
    let (tell, told) = watch::channel(false);
    let (begin, begun) = mpsc::channel();
    std::thread::spawn(move || {
        let listening = crate::block_on(async {
            // Without ears, signals go on to kill, which is a way to stop as well.
            let Ok(mut signals) = Signals::new() else { return Ok(()) };
            drop(begin);
            signals.stop().await;
            tell.send_replace(true);
            signals.stop().await;
            std::process::exit(Exit::Interrupted.code().into());
        });
        drop(listening);
    });
    // Nothing is ever sent; whether it listens or cannot, the other end goes.
    let _: Result<(), _> = begun.recv();
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
