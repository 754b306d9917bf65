//! One connection as both drivers use it: an outbound queue, a read that is always outstanding
//! (unless a device plays frozen), and a record of every byte at the moment the kernel took or gave it.
use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    task::{Context, Poll},
};

use bytes::Bytes;
use proto::{CloseReason, Frame, Time};

use crate::{
    Dir, Env, Event,
    net::Stream,
    record::veil::{Shade, Veil},
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
    /// The kernel has all of this frame.
    Wrote(Frame),
    Ended(CloseReason),
}

impl Wire {
    /// What goes over it is written down as `veil` lets it be seen.
    pub(crate) fn new(stream: Stream, conn: u32, veil: &Veil) -> Self {
        Self {
            stream,
            conn,
            outbox: VecDeque::new(),
            queued: 0,
            written: 0,
            held: false,
            read_ended: false,
            heard: false,
            broken: None,
            finish: Finish::NotAsked,
            veil: veil.clone(),
            sent: veil.stream(),
            received: veil.stream(),
        }
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
        self.outbox.is_empty()
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
        let half = |out: &Outgoing| out.rest.len() < out.frame.bytes.len();
        if self.outbox.front().is_some_and(|out| out.frame.ticket.is_some() && half(out)) {
            self.outbox.clear();
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
    pub(crate) fn close(self, reason: CloseReason, env: &Env) {
        // A peer given up on may come back, and the kernel would go on trying to hand it these bytes:
        // old news, perhaps after what a newer connection has brought.
        let old_news = matches!(reason, CloseReason::TimedOut(_))
            && self.stream.unacked().is_some_and(|unacked| unacked > 0);
        if reason == CloseReason::Abort || old_news {
            self.stream.reset();
        } else {
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
        !self.read_ended && !self.held && self.queued < FULL && self.outbox.len() < FULL_FRAMES
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, env: &Env) -> Poll<Happened> {
        let conn = self.conn;
        let read = READING.with_borrow_mut(|buf| {
            let read = self.stream.poll_read(cx, buf);
            read.map_ok(|n| Bytes::copy_from_slice(&buf[..n]))
        });
        let Poll::Ready(read) = read else { return Poll::Pending };
        Poll::Ready(match read {
            Ok(bytes) if bytes.is_empty() => {
                self.read_ended = true;
                match self.broken.take() {
                    Some(reason) => Happened::Ended(reason),
                    None => {
                        env.record(Event::Eof { conn });
                        Happened::Eof
                    }
                }
            }
            Ok(bytes) => {
                let shown = self.received.pass(&bytes);
                env.record_with(|| Event::Received {
                    conn,
                    bytes: shown.unwrap_or_else(|| bytes.clone()),
                });
                Happened::Received(bytes)
            }
            Err(e) => {
                self.read_ended = true;
                Happened::Ended(close_reason(&e))
            }
        })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, env: &Env) -> Poll<Happened> {
        loop {
            if let Some(frame) = self.pop_written(env) {
                return Poll::Ready(Happened::Wrote(frame));
            }
            if self.outbox.is_empty() {
                return self.poll_finish();
            }
            let mut slices = [IoSlice::new(&[]); AT_ONCE];
            let filled = self.outbox.len().min(AT_ONCE);
            for (slice, out) in slices.iter_mut().zip(&self.outbox) {
                *slice = IoSlice::new(&out.rest);
            }
            match self.stream.poll_write(cx, &slices[..filled]) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(n)) => self.advance(n, env),
                Poll::Ready(Err(e)) => {
                    self.outbox.clear();
                    self.queued = 0;
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

    /// The next frame of which the kernel has every byte.
    pub(crate) fn pop_written(&mut self, env: &Env) -> Option<Frame> {
        self.outbox.front().filter(|out| out.rest.is_empty())?;
        let written = self.outbox.pop_front()?;
        env.record_with(|| {
            let frame = self.veil.frame(written.frame.clone());
            outbound(self.conn, frame, env.now() - written.since)
        });
        Some(written.frame)
    }

    fn poll_finish(&mut self) -> Poll<Happened> {
        if self.finish == Finish::AfterOutbox {
            self.finish = Finish::Done;
            if let Err(e) = self.stream.finish() {
                return Poll::Ready(Happened::Ended(close_reason(&e)));
            }
        }
        Poll::Pending
    }

    fn advance(&mut self, mut n: usize, env: &Env) {
        self.queued -= n;
        self.written += n as u64;
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
