//! One connection as both drivers use it: an outbound queue, a read that is always outstanding
//! (unless a device plays frozen), and a record of every byte at the moment the kernel took or gave it.
//! If it is encrypted, recorded is what was said; what counts as written is still what the kernel took.
mod secure;

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use proto::{CloseReason, Frame, Time};

use crate::{
    Dir, Env, Event,
    net::Stream,
    record::veil::{Shade, Veil},
    tls::Layer,
};

/// Frames handed to the kernel in one call.
const AT_ONCE: usize = 32;
/// Bytes waiting to be written above which we stop reading: whoever does not listen is not heard.
const FULL: usize = 256 * 1024;
/// The same for frames, which cost memory however short they are.
const FULL_FRAMES: usize = 1024;
const READ: usize = 16 * 1024;

thread_local! {
    /// Where bytes are read to before they are known to be few: one for all connections, and it need
    /// not be cleared each time.
    static READING: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

pub(crate) struct Wire {
    stream: Stream,
    conn: u32,
    /// What encrypts it.
    tls: Option<Box<Layer>>,
    /// So many of the frames in front go out before that begins.
    plain: usize,
    outbox: VecDeque<Outgoing>,
    queued: usize,
    /// Bytes the kernel has taken in all.
    written: u64,
    held: bool,
    read_ended: bool,
    /// The last thing that happened was that bytes came in.
    heard: bool,
    /// Why nothing can be written any more. What the peer said before is still read.
    broken: Option<CloseReason>,
    finish: Finish,
    veil: Veil,
    sent: Shade,
    received: Shade,
}

#[derive(PartialEq)]
enum Finish {
    NotAsked,
    AfterOutbox,
    Done,
}

struct Outgoing {
    frame: Frame,
    rest: Bytes,
    since: Time,
}

/// What a wire did.
pub(crate) enum Happened {
    Received(Bytes),
    Eof,
    /// It is encrypted from now on.
    Secured,
    /// The kernel has all of this frame.
    Wrote(Frame),
    Ended(CloseReason),
}

impl Wire {
    pub(crate) fn new(stream: Stream, conn: u32) -> Self {
        Self {
            stream,
            conn,
            tls: None,
            plain: 0,
            outbox: VecDeque::new(),
            queued: 0,
            written: 0,
            held: false,
            read_ended: false,
            heard: false,
            broken: None,
            finish: Finish::NotAsked,
            veil: Veil::default(),
            sent: Shade::default(),
            received: Shade::default(),
        }
    }
    /// From its first byte on, what goes over it is written down as `veil` lets it be seen.
    pub(crate) fn veiled(self, veil: &Veil) -> Self {
        Self { veil: veil.clone(), sent: veil.stream(), received: veil.stream(), ..self }
    }
    pub(crate) fn send(&mut self, frame: Frame, now: Time) {
        if self.broken.is_none() && self.finish == Finish::NotAsked {
            self.queued += frame.bytes.len();
            self.outbox.push_back(Outgoing { rest: frame.bytes.clone(), frame, since: now });
        }
    }
    /// FIN, once everything queued is out.
    pub(crate) fn finish(&mut self) {
        if self.finish == Finish::NotAsked {
            self.finish = Finish::AfterOutbox;
        }
    }
    /// Leaves what arrives in the kernel, or takes it again.
    pub(crate) fn hold(&mut self, held: bool) {
        self.held = held;
    }
    pub(crate) fn is_flushed(&self) -> bool {
        self.outbox.is_empty() && self.tls.as_ref().is_none_or(|tls| tls.out().is_empty())
    }
    pub(crate) fn written(&self) -> u64 {
        self.written
    }
    /// Bytes the peer's kernel has in all, where that can be asked.
    pub(crate) fn acked(&self) -> Option<u64> {
        Some(self.written.saturating_sub(self.stream.unacked()? as u64))
    }
    /// Requests that are still queued stay unsent, for they will be asked elsewhere; and so does all
    /// else if one of them is half out.
    pub(crate) fn drop_requests(&mut self) {
        let mut sealed = self.tls.as_ref().map_or(0, |tls| tls.sealed());
        let mut under_way = self.outbox.iter().take_while(|out| {
            let is = out.rest.len() < out.frame.bytes.len() || sealed > 0;
            sealed = sealed.saturating_sub(out.rest.len());
            is
        });
        if under_way.any(|out| out.frame.ticket.is_some()) {
            self.drop_all();
        }
        self.outbox.retain(|out| out.frame.ticket.is_none());
        self.queued = self.outbox.iter().map(|out| out.rest.len()).sum();
    }
    /// Hands the kernel what it takes at once of what is queued.
    pub(crate) fn last_words(&mut self, env: &Env) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while !self.outbox.is_empty() && self.broken.is_none() {
            if self.poll_write(&mut cx, env).is_pending() {
                return;
            }
        }
    }
    /// Closes and records it. What was not written yet is dropped.
    #[track_caller]
    pub(crate) fn close(mut self, reason: CloseReason, env: &Env) {
        // A peer given up on may come back, and the kernel would go on trying to hand it these bytes:
        // old news, perhaps after what a newer connection has brought.
        let old_news = matches!(reason, CloseReason::TimedOut(_))
            && self.stream.unacked().is_some_and(|unacked| unacked > 0);
        if reason == CloseReason::Abort || old_news {
            self.stream.reset();
        } else {
            self.take_leave();
            drop(self.stream);
        }
        env.record(Event::Closed { conn: self.conn, reason });
    }
    /// Waits for the next thing the wire does. Cancel safe.
    pub(crate) async fn next(&mut self, env: &Env) -> Happened {
        poll_fn(|cx| self.poll(cx, env)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>, env: &Env) -> Poll<Happened> {
        // Reading comes first, so that an end is noticed before more is written into it; but not
        // twice in a row, or a peer that never stops talking would never be answered.
        let answer_first = std::mem::take(&mut self.heard);
        if answer_first && let Poll::Ready(happened) = self.poll_write(cx, env) {
            return Poll::Ready(happened);
        }
        loop {
            let reads = self.reads();
            if reads && let Poll::Ready(happened) = self.poll_read(cx, env) {
                self.heard = matches!(happened, Happened::Received(_));
                return Poll::Ready(happened);
            }
            if let Poll::Ready(happened) = self.poll_write(cx, env) {
                return Poll::Ready(happened);
            }
            // Writing may have made the room that reading waited for.
            if reads || !self.reads() {
                return Poll::Pending;
            }
        }
    }

    fn reads(&self) -> bool {
        // Nothing of what waits can go out before the peer's part of a handshake has come in.
        let room = self.queued < FULL && self.outbox.len() < FULL_FRAMES || self.is_securing();
        !self.read_ended && !self.held && room
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, env: &Env) -> Poll<Happened> {
        if let Some(happened) = self.heard_under_tls(env) {
            return Poll::Ready(happened);
        }
        let read = READING.with_borrow_mut(|buf| {
            let read = self.stream.poll_read(cx, buf);
            match &mut self.tls {
                None => read.map_ok(|n| Some(Bytes::copy_from_slice(&buf[..n]))),
                Some(tls) => read.map_ok(|n| {
                    tls.hear(&buf[..n]);
                    (n == 0).then(Bytes::new)
                }),
            }
        });
        let read = match ready!(read) {
            Ok(Some(bytes)) => Ok(bytes),
            Err(e) => Err(e),
            Ok(None) => {
                let heard = self.heard_under_tls(env);
                if heard.is_none() {
                    // There may be more, and nothing else would look.
                    cx.waker().wake_by_ref();
                }
                return heard.map_or(Poll::Pending, Poll::Ready);
            }
        };
        Poll::Ready(match read {
            Ok(bytes) if bytes.is_empty() => {
                self.not_ended_by_tls(env).unwrap_or_else(|| self.end_of_stream(env))
            }
            Ok(bytes) => {
                self.record_received(&bytes, env);
                Happened::Received(bytes)
            }
            Err(e) => {
                self.read_ended = true;
                Happened::Ended(close_reason(&e))
            }
        })
    }

    fn record_received(&mut self, bytes: &Bytes, env: &Env) {
        let (conn, shown) = (self.conn, self.received.pass(bytes));
        env.record_with(|| Event::Received { conn, bytes: shown.unwrap_or_else(|| bytes.clone()) });
    }

    fn end_of_stream(&mut self, env: &Env) -> Happened {
        self.read_ended = true;
        match self.broken.take() {
            Some(reason) => Happened::Ended(reason),
            None => {
                env.record(Event::Eof { conn: self.conn });
                Happened::Eof
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, env: &Env) -> Poll<Happened> {
        loop {
            if let Some(frame) = self.pop_written(env) {
                return Poll::Ready(Happened::Wrote(frame));
            }
            if self.is_flushed() && !self.says_farewell() {
                return self.poll_finish();
            }
            match ready!(self.poll_hand_over(cx)) {
                Ok(n) => self.advance(n, env),
                Err(e) => {
                    self.drop_all();
                    let reason = close_reason(&e);
                    if self.read_ended {
                        return Poll::Ready(Happened::Ended(reason));
                    }
                    self.broken = Some(reason);
                    // The read side tells the rest: an answer that came before, then the end.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Hands over what the kernel takes. Ready with how many bytes of what was said are out with it.
    fn poll_hand_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &mut self.tls {
            Some(tls) if self.plain == 0 => {
                if tls.out().is_empty() {
                    tls.seal(self.outbox.iter().take(AT_ONCE).map(|out| &out.rest[..]));
                }
                if tls.out().is_empty() {
                    // In a handshake it is the peer's turn.
                    return Poll::Pending;
                }
                let n = ready!(self.stream.poll_write(cx, &[IoSlice::new(tls.out())]))?;
                self.written += n as u64;
                Poll::Ready(Ok(tls.took(n)))
            }
            Some(_) | None => {
                let mut slices = [IoSlice::new(&[]); AT_ONCE];
                let most = if self.tls.is_some() { self.plain } else { self.outbox.len() };
                let filled = most.min(AT_ONCE);
                for (slice, out) in slices.iter_mut().zip(&self.outbox) {
                    *slice = IoSlice::new(&out.rest);
                }
                let n = ready!(self.stream.poll_write(cx, &slices[..filled]))?;
                self.written += n as u64;
                Poll::Ready(Ok(n))
            }
        }
    }

    /// The next frame of which the kernel has every byte.
    pub(crate) fn pop_written(&mut self, env: &Env) -> Option<Frame> {
        self.outbox.front().filter(|out| out.rest.is_empty())?;
        let written = self.outbox.pop_front()?;
        self.plain = self.plain.saturating_sub(1);
        env.record_with(|| {
            let frame = self.veil.frame(written.frame.clone());
            outbound(self.conn, frame, env.now() - written.since)
        });
        Some(written.frame)
    }

    fn poll_finish(&mut self) -> Poll<Happened> {
        if self.finish == Finish::AfterOutbox && !self.is_securing() {
            self.finish = Finish::Done;
            if let Err(e) = self.stream.finish() {
                return Poll::Ready(Happened::Ended(close_reason(&e)));
            }
        }
        Poll::Pending
    }

    fn drop_all(&mut self) {
        self.outbox.clear();
        (self.queued, self.plain) = (0, 0);
        if let Some(tls) = &mut self.tls {
            tls.take_back();
        }
    }

    fn advance(&mut self, mut n: usize, env: &Env) {
        self.queued -= n;
        for out in &mut self.outbox {
            if n == 0 {
                break;
            }
            let taken = out.rest.split_to(n.min(out.rest.len()));
            n -= taken.len();
            let bytes = self.sent.pass(&taken).unwrap_or(taken);
            env.record(Event::Sent { conn: self.conn, bytes });
        }
    }
}

fn outbound(conn: u32, frame: Frame, took: std::time::Duration) -> Event {
    let Frame { bytes, kind, ticket, msg_id, device_id } = frame;
    Event::Frame {
        conn,
        dir: Dir::Out,
        kind: kind.into(),
        ticket,
        msg_id,
        device_id,
        bytes,
        took_us: took.as_micros() as u64,
    }
}

/// The record of a whole frame that arrived.
pub(crate) fn inbound(conn: u32, frame: Frame) -> Event {
    let Frame { bytes, kind, ticket, msg_id, device_id } = frame;
    Event::Frame {
        conn,
        dir: Dir::In,
        kind: kind.into(),
        ticket,
        msg_id,
        device_id,
        bytes,
        took_us: 0,
    }
}

fn close_reason(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => CloseReason::Reset,
        _ => CloseReason::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
