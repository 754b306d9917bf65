//! What is different about a wire that is encrypted.
use std::{
    io::IoSlice,
    task::{Context, Poll, Waker},
};

use proto::{CloseReason, Fact};
use rustls::Connection;

use super::{Finish, Happened, Wire};
use crate::{
    Env, Event,
    net::Stream,
    tls::{Layer, News, TlsClient, TlsServer},
};

impl Wire {
    /// One that was dialled, encrypted if `env` says so.
    ///
    /// # Errors
    /// It cannot begin to be.
    pub(crate) fn dialled(stream: Stream, conn: u32, env: &Env) -> Result<Self, CloseReason> {
        let tls = env.tls.dialling.as_ref().map(TlsClient::begin).transpose()?;
        Ok(Self::begun(stream, conn, tls))
    }
    /// One that was accepted, encrypted if `env` says so.
    ///
    /// # Errors
    /// It cannot begin to be.
    pub(crate) fn accepted(stream: Stream, conn: u32, env: &Env) -> Result<Self, CloseReason> {
        let tls = env.tls.listening.as_ref().map(TlsServer::begin).transpose()?;
        Ok(Self::begun(stream, conn, tls))
    }
    fn begun(stream: Stream, conn: u32, tls: Option<Connection>) -> Self {
        let mut wire = Self::new(stream, conn);
        if let Some(tls) = tls {
            wire.secure(tls, &[]);
        }
        wire
    }
    /// Encrypts all that is sent from now on, and takes all that comes for encrypted, beginning with
    /// `first`, which has come already.
    pub(crate) fn secure(&mut self, tls: Connection, first: &[u8]) {
        let mut layer = Layer::new(tls);
        layer.hear(first);
        self.tls = Some(Box::new(layer));
        self.plain = self.outbox.len();
    }
    /// Waits until it is encrypted, if it is to be. Cancel safe.
    ///
    /// # Errors
    /// Why it never will be. It is of no use any more.
    pub(crate) async fn handshake(&mut self, env: &Env) -> Result<(), CloseReason> {
        while self.is_securing() {
            match self.next(env).await {
                Happened::Eof => return Err(CloseReason::Peer),
                Happened::Ended(reason) => return Err(reason),
                Happened::Secured | Happened::Received(_) | Happened::Wrote(_) => {}
            }
        }
        // Our part of it may be ready just now, and the peer waits for it.
        self.hand_over_records();
        Ok(())
    }

    /// The socket and what encrypts it, for who carries on with both in another way. Nothing may be
    /// queued on it.
    pub(crate) fn into_parts(self) -> (Stream, Option<Box<Layer>>) {
        (self.stream, self.tls)
    }

    pub(crate) fn is_securing(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| !tls.is_open())
    }

    /// What came of the bytes that came in, if they were encrypted.
    pub(super) fn heard_under_tls(&mut self, env: &Env) -> Option<Happened> {
        Some(match self.tls.as_mut()?.news()? {
            News::Secured => Happened::Secured,
            News::Plain(bytes) => {
                self.record_received(&bytes, env);
                Happened::Received(bytes)
            }
            News::End => self.end_of_stream(env),
            News::Failed(reason) => {
                self.read_ended = true;
                Happened::Ended(reason)
            }
        })
    }

    /// The stream is over, and under TLS nobody has said that it would be.
    pub(super) fn not_ended_by_tls(&mut self, env: &Env) -> Option<Happened> {
        if self.broken.is_some() || self.tls.is_none() {
            return None;
        }
        if self.is_securing() {
            self.read_ended = true;
            let why = "it closed in the TLS handshake; perhaps it speaks no TLS, or wants another";
            return Some(Happened::Ended(CloseReason::Misbehaved(why.into())));
        }
        let detail = "the connection ended and TLS did not: bytes may be missing".into();
        let fact = Fact::Odd { what: "cut_off".into(), detail };
        env.record(Event::Fact { conn: self.conn, fact });
        None
    }

    /// Before it finishes sending, an encrypted end says so. Whether there is such a word to be sent.
    pub(super) fn says_farewell(&mut self) -> bool {
        match &mut self.tls {
            Some(tls) if self.finish == Finish::AfterOutbox => {
                tls.end();
                !tls.out().is_empty()
            }
            Some(_) | None => false,
        }
    }

    /// Says that nothing more comes, or what was wrong, if the kernel takes it at once.
    pub(crate) fn take_leave(&mut self) {
        let Some(tls) = &mut self.tls else { return };
        if self.plain > 0 || tls.sealed() > 0 || self.broken.is_some() {
            return;
        }
        tls.end();
        self.hand_over_records();
    }

    /// Hands over what the kernel takes at once, of records in which nothing is said.
    fn hand_over_records(&mut self) {
        if self.plain > 0 {
            return;
        }
        let Some(tls) = self.tls.as_mut().filter(|tls| tls.sealed() == 0) else { return };
        let mut cx = Context::from_waker(Waker::noop());
        while !tls.out().is_empty() {
            match self.stream.poll_write(&mut cx, &[IoSlice::new(tls.out())]) {
                Poll::Ready(Ok(n)) => {
                    self.written += n as u64;
                    tls.took(n);
                }
                // It is tried again, and then noticed, with whatever is written next.
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }
}

#[cfg(test)]
#[path = "secure_tests.rs"]
mod tests;
