//! The client's end of one connection: writes frames, and takes in whatever comes back. It never
//! waits for an answer, and counts one for no more than it is.
use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    Bitmaps, Replied,
    codec::{ANSWER, Codec},
};
use crate::{CloseReason, Frame, Input, Output, Proof, Session, Ticket, Time, inbox::Inbox};

/// Unanswered frames remembered by name. Most devices never answer, so the oldest must go.
const MAX_OPEN: usize = 4096;
/// Of an answer nobody can read, this much is handed on.
const SHOWN: usize = 64;

/// The client's end.
///
/// An answer names no frame, but it cannot come before the frame it answers was read, and no frame
/// is answered twice. So the n-th answer proves at least the n-th frame, and is counted for that. An
/// answer beyond that shows a device to which this does not apply: nothing it says afterwards on this
/// connection is counted for a frame.
#[derive(Debug)]
pub struct Client {
    codec: Codec,
    inbox: Inbox,
    out: VecDeque<Output<Replied>>,
    /// Frames written and not answered.
    open: VecDeque<Ticket>,
    /// How many more there are, older than those.
    forgotten: u64,
    /// More answers came than there were frames.
    babbles: bool,
}

impl Client {
    pub(super) fn new(codec: Codec) -> Self {
        Self {
            codec,
            inbox: Inbox::default(),
            out: VecDeque::from([Output::Ready(Proof::Connected)]),
            open: VecDeque::new(),
            forgotten: 0,
            babbles: false,
        }
    }

    fn assert(&mut self, ticket: Ticket, state: Bitmaps) {
        if self.open.len() == MAX_OPEN {
            self.open.pop_front();
            self.forgotten += 1;
        }
        self.open.push_back(ticket);
        let bytes = self.codec.encode(state);
        self.out.push_back(Output::Transmit(frame("bitmaps", Some(ticket), bytes)));
    }

    fn take_answers(&mut self) {
        while !self.inbox.is_empty() {
            let front = self.inbox.peek();
            let bytes = if front.starts_with(ANSWER) {
                self.inbox.take(ANSWER.len())
            } else if ANSWER.starts_with(front) {
                // Its second byte must not pass for the answer to the next frame.
                return;
            } else {
                self.inbox.take_all()
            };
            self.count(bytes);
        }
    }

    fn count(&mut self, bytes: Bytes) {
        let replied = Replied { bytes: bytes.slice(..bytes.len().min(SHOWN)) };
        self.babbles |= self.forgotten == 0 && self.open.is_empty();
        let counts = self.forgotten == 0 && !self.babbles;
        let answered = if counts { self.open.pop_front() } else { None };
        self.forgotten = self.forgotten.saturating_sub(1);
        let kind = if answered.is_some() { "reply" } else { "push" };
        self.out.push_back(Output::Received(frame(kind, answered, bytes)));
        self.out.push_back(match answered {
            Some(ticket) => Output::Reply(ticket, replied),
            None => Output::Push(replied),
        });
    }
}

pub(super) fn frame(kind: &'static str, ticket: Option<Ticket>, bytes: Bytes) -> Frame {
    Frame { bytes, kind, ticket, msg_id: None, device_id: None }
}

impl Session for Client {
    type Request = Bitmaps;
    type Reply = Replied;

    fn handle_input(&mut self, _: Time, input: Input<'_, Bitmaps>) {
        match input {
            Input::Request(ticket, state) => self.assert(ticket, state),
            Input::Received(bytes) => {
                self.inbox.push(bytes);
                self.take_answers();
            }
            Input::Eof => self.out.push_back(Output::Close(CloseReason::Peer)),
            Input::Forget(_) | Input::Prompted | Input::Leave | Input::Timeout => {}
        }
    }
    fn poll_output(&mut self) -> Output<Replied> {
        self.out.pop_front().unwrap_or(Output::Wait(None))
    }
}
