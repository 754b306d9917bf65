//! One of the two connections that make up a carried one: a socket, and what encrypts it, if anything
//! does. Whoever drives it sees plaintext.
use std::{
    io::IoSlice,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use proto::CloseReason;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{Env, Event, net::Stream, tls::Layer, wire::Wire};

/// How long a peer may take to be encrypted, its wait for a turn included.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections of one proxy that are in their handshakes at once; further ones wait for their turn.
const AT_ONCE: usize = 256;

/// One connection.
pub(super) struct Leg {
    pub(super) stream: Stream,
    pub(super) conn: u32,
    pub(super) tls: Option<Box<Layer>>,
    /// Why it cannot be deciphered any more.
    pub(super) failed: Option<CloseReason>,
}

/// Who may be in a handshake.
#[derive(Clone)]
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Leg {
    /// One that was accepted, and is encrypted if it is to be.
    ///
    /// # Errors
    /// It never will be. It is closed then, and why is in the record.
    pub(super) async fn accepted(
        stream: Stream,
        conn: u32,
        env: &Env,
        turns: &Turns,
        stop: &CancellationToken,
    ) -> Result<Self, ()> {
        let closed = |reason| env.record(Event::Closed { conn, reason });
        let mut wire = Wire::accepted(stream, conn, env).map_err(closed)?;
        let secured = tokio::select! {
            biased;
            () = stop.cancelled() => Err(CloseReason::Local),
            secured = secured(&mut wire, env, turns) => secured,
        };
        match secured {
            Ok(()) => Ok(Self::of(wire, conn)),
            Err(reason) => {
                wire.close(reason, env);
                Err(())
            }
        }
    }
    /// One that was dialled, and is encrypted if it is to be.
    ///
    /// # Errors
    /// Why it never will be. Nothing is in the record yet.
    pub(super) async fn dialled(
        stream: Stream,
        conn: u32,
        env: &Env,
        turns: &Turns,
    ) -> Result<Self, CloseReason> {
        let mut wire = Wire::dialled(stream, conn, env)?;
        match secured(&mut wire, env, turns).await {
            Ok(()) => Ok(Self::of(wire, conn)),
            Err(reason) => {
                // It may have a word for the peer about it.
                wire.take_leave();
                Err(reason)
            }
        }
    }
    fn of(wire: Wire, conn: u32) -> Self {
        let (stream, tls) = wire.into_parts();
        Self { stream, conn, tls, failed: None }
    }
    /// Ends what nothing was carried on.
    pub(super) fn close(mut self, env: &Env) {
        self.say_farewell();
        env.record(Event::Closed { conn: self.conn, reason: CloseReason::Local });
    }
    /// Says under TLS that nothing more comes, or what was wrong, if the kernel takes it at once.
    pub(super) fn say_farewell(&mut self) {
        let Some(tls) = self.tls.as_mut().filter(|tls| tls.sealed() == 0) else { return };
        tls.end();
        let mut cx = Context::from_waker(Waker::noop());
        while !tls.out().is_empty() {
            match self.stream.poll_write(&mut cx, &[IoSlice::new(tls.out())]) {
                Poll::Ready(Ok(n)) => drop(tls.took(n)),
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }
}

async fn secured(wire: &mut Wire, env: &Env, Turns(turns): &Turns) -> Result<(), CloseReason> {
    if !wire.is_securing() {
        return Ok(());
    }
    let mut alarm = env.alarm();
    alarm.set(Some(env.now() + HANDSHAKE));
    let handshake = async {
        let _turn = turns.acquire().await.expect("it is never closed");
        wire.handshake(env).await
    };
    tokio::select! {
        biased;
        secured = handshake => secured,
        () = alarm.ring() => Err(CloseReason::TimedOut("TLS handshake".into())),
    }
}
