//! One of the two connections while it is being carried: reads and writes plaintext, whatever is on the
//! wire, and knows how far its end has come.
use std::{
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use proto::{CloseReason, Fact};

use super::leg::Leg;
use crate::{
    Env, Event,
    net::Stream,
    record::veil::{Shade, Veil},
    tls::{Layer, News},
};

/// One of its two sockets.
pub(super) struct Side<'a> {
    stream: &'a Stream,
    pub(super) conn: u32,
    tls: Option<&'a mut Layer>,
    failed: &'a mut Option<CloseReason>,
    /// It will say no more.
    pub(super) silent: bool,
    /// Nothing can be written to it.
    pub(super) deaf: bool,
    /// It is to be told that nothing more comes,
    ending: bool,
    /// without a word of TLS about it,
    abruptly: bool,
    /// and it was.
    pub(super) told: bool,
    /// It was reset.
    pub(super) broken: bool,
    /// What may be seen of its two directions.
    received: Shade,
    sent: Shade,
}

/// What came from a side.
pub(super) enum Heard {
    /// So many bytes, which are in the buffer.
    Read(usize),
    /// These, which came encrypted.
    Deciphered(Bytes),
    /// Something that says nothing.
    Nothing,
    /// Its end, of one kind or another.
    End(Ending),
}

/// How a side's stream ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It finished.
    Finished,
    /// It finished, and its encryption did not.
    CutOff,
    /// It was reset, or cannot be deciphered any more.
    Broke,
}

impl<'a> Side<'a> {
    /// The leg at work, and what breaks when it does.
    pub(super) fn of(leg: &'a mut Leg, veil: &Veil) -> (Self, impl Future<Output = ()> + use<'a>) {
        let Leg { stream, conn, tls, failed } = leg;
        let stream: &Stream = stream;
        let side = Self {
            stream,
            conn: *conn,
            tls: tls.as_deref_mut(),
            failed,
            silent: false,
            deaf: false,
            ending: false,
            abruptly: false,
            told: false,
            broken: false,
            received: veil.stream(),
            sent: veil.stream(),
        };
        (side, stream.broken())
    }
    /// Reads once.
    pub(super) fn poll_hear(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Heard> {
        if let Some(heard) = self.deciphered() {
            return Poll::Ready(heard);
        }
        let ending = match ready!(self.stream.poll_read(cx, scratch)) {
            Ok(n @ 1..) => {
                let Some(tls) = &mut self.tls else { return Poll::Ready(Heard::Read(n)) };
                tls.hear(&scratch[..n]);
                return Poll::Ready(self.deciphered().unwrap_or(Heard::Nothing));
            }
            // Where writing found the reset first, reading finds only an end.
            Ok(_) if self.broken => Ending::Broke,
            Ok(_) if self.tls.is_some() => Ending::CutOff,
            Ok(_) => Ending::Finished,
            Err(e) if is_reset(&e) => Ending::Broke,
            Err(_) => Ending::Finished,
        };
        Poll::Ready(Heard::End(ending))
    }
    fn deciphered(&mut self) -> Option<Heard> {
        Some(match self.tls.as_mut()?.news()? {
            News::Secured => Heard::Nothing,
            News::Plain(bytes) => Heard::Deciphered(bytes),
            News::End => Heard::End(Ending::Finished),
            News::Failed(reason) => {
                *self.failed = Some(reason);
                self.deaf = true;
                Heard::End(Ending::Broke)
            }
        })
    }
    /// Writes as much of these as the kernel takes now. What it did not take has to be offered again
    /// before anything else, for under TLS it may be encrypted already.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(tls) = &mut self.tls else {
            return self.stream.poll_write(cx, &[IoSlice::new(bytes)]);
        };
        loop {
            if tls.sealed() == 0 {
                tls.seal(std::iter::once(bytes));
            }
            if tls.sealed() == 0 {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let n = ready!(self.stream.poll_write(cx, &[IoSlice::new(tls.out())]))?;
            let plain = tls.took(n);
            if plain > 0 {
                return Poll::Ready(Ok(plain));
            }
        }
    }
    /// From now on nothing more comes; it is told so once all else is out.
    pub(super) fn finish(&mut self, cx: &mut Context<'_>) {
        self.ending = true;
        if let Some(tls) = self.tls.as_mut().filter(|_| !self.abruptly) {
            tls.end();
        }
        self.settle(cx);
    }
    /// When nothing more comes, TLS is not to say so: it did not on the other side.
    pub(super) fn will_end_abruptly(&mut self) {
        self.abruptly = true;
    }
    /// Hands over what TLS has to say for itself, and what is to be told then.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>) {
        while let Some(tls) = self.tls.as_mut().filter(|tls| tls.sealed() == 0) {
            if tls.out().is_empty() || self.deaf {
                break;
            }
            match self.stream.poll_write(cx, &[IoSlice::new(tls.out())]) {
                Poll::Ready(Ok(n)) => drop(tls.took(n)),
                Poll::Ready(Err(_)) => self.refuse(),
                Poll::Pending => return,
            }
        }
        if self.ending && !self.told {
            self.told = true;
            if !self.deaf && self.stream.finish().is_err() {
                self.refuse();
            }
        }
    }
    /// Whether it has read all that it was sent; `None` if nobody can know.
    pub(super) fn drained(&self) -> Option<bool> {
        self.stream.drained()
    }
    /// Writing found that it is reset. Reading may find no more than an end, then.
    pub(super) fn refuse(&mut self) {
        (self.deaf, self.broken) = (true, true);
    }
    /// It says no more; writes down how that came.
    pub(super) fn fell_silent(&mut self, how: Ending, env: &Env) {
        self.silent = true;
        let conn = self.conn;
        if how == Ending::CutOff {
            let detail = "the connection ended and TLS did not: bytes may be missing".into();
            let fact = Fact::Odd { what: "cut_off".into(), detail };
            env.record(Event::Fact { conn, fact });
        }
        if how != Ending::Broke {
            env.record(Event::Eof { conn });
        }
    }
    /// Writes down what came from it.
    pub(super) fn received(&mut self, env: &Env, bytes: &[u8]) {
        let shown = self.received.pass(bytes);
        if env.recorder.hears_bytes() {
            let bytes = shown.unwrap_or_else(|| Bytes::copy_from_slice(bytes));
            env.record(Event::Received { conn: self.conn, bytes });
        }
    }
    /// Writes down what it was sent.
    pub(super) fn sent(&mut self, env: &Env, bytes: &[u8]) {
        let shown = self.sent.pass(bytes);
        if env.recorder.hears_bytes() {
            let bytes = shown.unwrap_or_else(|| Bytes::copy_from_slice(bytes));
            env.record(Event::Sent { conn: self.conn, bytes });
        }
    }
}

fn is_reset(error: &io::Error) -> bool {
    // Whatever else ended it, the receiver must not take it for a proper end.
    !matches!(error.kind(), io::ErrorKind::UnexpectedEof)
}
