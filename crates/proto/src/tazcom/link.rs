//! One end of one connection between nodes: greets, proves, then carries messages. What they mean is not
//! its business.
//!
//! ```text
//!  dialer     HELLO ───────────── ACK ─────────────▶ over          an old peer, whose id is not proven
//!             HELLO+nonce ─ CHALLENGE ─ PROOF ─ ACK ─▶ open        0.3
//!             HELLO+nonce ─ CHALLENGE ─ PROOF ─ ACK ─▶ TLS ─ ACK ─▶ open      0.3, encrypted
//!             CHAT ────────────── ACK ─────────────▶ over          0.2
//!  listener   answers in kind; to what is no JSON with ERROR, to everything else by closing
//! ```
//!
//! Encrypting is done underneath: a link says with whom it is to begin, and is told that it has. The second
//! ACK is needed since in TLS 1.3 the dialer is through before the listener has judged its key.
use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{
    Identity, NodeId,
    codec::{DecodeError, Message},
    hello::{Meeting, Role},
    line::Lines,
    news::{News, Opening, Peer, Secure},
    terms::{Terms, Version},
};
use crate::{CloseReason, Fact, Frame, Input, Output, Proof, Session, Time};

/// One end of a connection.
#[derive(Debug)]
pub struct Link {
    me: Arc<Identity>,
    terms: Terms,
    binding: [u8; 32],
    state: State,
    lines: Lines,
    out: VecDeque<Output<News>>,
    /// When something was heard and said last.
    heard: Time,
    said: Time,
}

#[derive(Debug)]
enum State {
    /// We dialled, said HELLO with this nonce, and wait for ACK or CHALLENGE.
    Greeting([u8; 32]),
    /// We dialled and proved ourselves to one that did; now it must let us in.
    Proved(NodeId),
    /// We dialled, said one thing, and wait for ACK.
    Said,
    /// We listen with this nonce, and nothing was said.
    Listening([u8; 32]),
    /// We listen, and asked for the dialer's proof.
    Challenged(Meeting),
    /// Both have proven themselves, and the connection is being encrypted.
    Securing(Role, NodeId),
    /// We dialled, it is encrypted, and the listener must say that it takes our key.
    Secured(NodeId),
    /// Both have proven themselves.
    Open,
    /// Nothing more counts.
    Over,
}

impl Link {
    /// The end that dialled.
    pub fn dial(me: Arc<Identity>, terms: Terms, opening: Opening, now: Time) -> Self {
        let mut link = Self::new(me, terms, State::Said, now);
        match opening {
            Opening::Greet(nonce) => {
                let provable = link.terms.version >= Version::V03;
                let hello = Message::Hello { from: link.me.id(), nonce: provable.then_some(nonce) };
                link.state = State::Greeting(nonce);
                link.send(now, &hello);
            }
            Opening::Say(message) => link.send(now, &message),
            Opening::Line(bytes) => {
                let kind = Message::decode(&bytes).map_or("junk", |message| message.kind());
                link.transmit(now, kind, bytes);
            }
        }
        link
    }
    /// The end that was called, with 32 random bytes.
    pub fn listen(me: Arc<Identity>, terms: Terms, nonce: [u8; 32], now: Time) -> Self {
        Self::new(me, terms, State::Listening(nonce), now)
    }
    /// The same over an encrypted connection with this secret of its own, for instance what
    /// RFC 5705 exports. It must be set before anything was received.
    pub fn bound_to(self, binding: [u8; 32]) -> Self {
        Self { binding, ..self }
    }
    fn new(me: Arc<Identity>, terms: Terms, state: State, now: Time) -> Self {
        let binding = [0; 32];
        let (lines, out) = (Lines::default(), VecDeque::new());
        Self { me, terms, binding, state, lines, out, heard: now, said: now }
    }
    /// Both ends have proven themselves, and it carries messages.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// The connection is encrypted now, and its other end has shown the key it was to show.
    pub fn secured(&mut self, now: Time) {
        let State::Securing(role, peer) = self.state else { return };
        match role {
            Role::Dialer => self.state = State::Secured(peer),
            Role::Listener => {
                self.send(now, &Message::Ack);
                self.open(peer);
                self.heard = now;
            }
        }
    }

    fn send(&mut self, now: Time, message: &Message) {
        self.transmit(now, message.kind(), message.encode());
    }

    fn transmit(&mut self, now: Time, kind: &'static str, bytes: Bytes) {
        self.said = now;
        self.out.push_back(Output::Transmit(frame(kind, bytes)));
    }

    fn read(&mut self, now: Time) {
        while !matches!(self.state, State::Over) {
            match self.lines.take(self.limit()) {
                Ok(None) => return,
                Ok(Some(line)) => self.read_line(now, line),
                Err(wrong) => {
                    let bytes = self.lines.take_all();
                    self.refuse(wrong.reason(), &wrong.to_string(), &bytes);
                }
            }
        }
        self.lines.take_all();
    }

    /// The longest line that may come now. Of a first line it depends on what it begins as, which a CHAT
    /// does with its type.
    fn limit(&self) -> usize {
        let Terms { version, short, long, .. } = self.terms;
        let begins = &self.lines.peek()[..self.lines.peek().len().min(32)];
        match self.state {
            State::Open => long,
            State::Listening(_) if version >= Version::V02 && has(begins, b"\"CHAT\"") => long,
            _ => short,
        }
    }

    fn read_line(&mut self, now: Time, line: Bytes) {
        let message = match Message::decode(&line) {
            Ok(message) => message,
            Err(wrong) => {
                if matches!((&wrong, &self.state), (DecodeError::Json(_), State::Listening(_))) {
                    self.send(now, &Message::Error);
                }
                return self.refuse(wrong.reason(), &format!("a line {wrong}"), &line);
            }
        };
        self.out.push_back(Output::Received(frame(message.kind(), line.clone())));
        self.takes(now, message, &line);
    }

    fn takes(&mut self, now: Time, message: Message, line: &Bytes) {
        let version = self.terms.version;
        match (&self.state, message) {
            (State::Listening(_), Message::Hello { from, nonce: None }) => {
                self.answer_old(now, News::Greeted(Peer { id: Some(from), verified: false }));
            }
            (State::Listening(_), Message::Hello { from, .. }) if version < Version::V03 => {
                self.answer_old(now, News::Greeted(Peer { id: Some(from), verified: false }));
            }
            (State::Listening(ours), Message::Hello { from, nonce: Some(theirs) }) => {
                let meeting = self.meeting((from, theirs), (self.me.id(), *ours));
                let (nonce, proof) = (*ours, meeting.prove(Role::Listener, &self.me));
                self.state = State::Challenged(meeting);
                self.send(now, &Message::Challenge { from: self.me.id(), nonce, proof });
            }
            (State::Listening(_), chat @ Message::Chat(_)) if version >= Version::V02 => {
                self.answer_old(now, News::Heard(chat));
            }
            (State::Challenged(meeting), Message::Proof(proof)) => {
                let claimed = meeting.dialer;
                if !meeting.holds(Role::Dialer, &proof) {
                    return self.unmask(claimed);
                }
                if self.terms.encrypt {
                    self.said = now;
                    let ack = frame(Message::Ack.kind(), Message::Ack.encode());
                    return self.secure(Role::Listener, claimed, Some(ack));
                }
                self.send(now, &Message::Ack);
                self.open(claimed);
            }
            (State::Greeting(_), Message::Ack) => {
                self.out.push_back(Output::Ready(Proof::RoundTrip));
                let peer = Peer { id: None, verified: false };
                self.out.push_back(Output::Push(News::Greeted(peer)));
                self.close(CloseReason::Local);
            }
            (State::Greeting(ours), Message::Challenge { from, nonce, proof })
                if version >= Version::V03 =>
            {
                let meeting = self.meeting((self.me.id(), *ours), (from, nonce));
                if !meeting.holds(Role::Listener, &proof) {
                    return self.unmask(from);
                }
                self.state = State::Proved(from);
                self.send(now, &Message::Proof(meeting.prove(Role::Dialer, &self.me)));
            }
            (State::Proved(peer), Message::Ack) if self.terms.encrypt => {
                self.secure(Role::Dialer, *peer, None);
            }
            (State::Proved(peer) | State::Secured(peer), Message::Ack) => self.open(*peer),
            (State::Said, Message::Ack) => {
                self.out.push_back(Output::Ready(Proof::RoundTrip));
                self.out.push_back(Output::Push(News::Heard(Message::Ack)));
                self.close(CloseReason::Local);
            }
            (State::Open, Message::Ping) => {}
            (
                State::Open,
                message @ (Message::Signed { .. }
                | Message::IHave(_)
                | Message::IWant(_)
                | Message::Since(_)),
            ) => self.out.push_back(Output::Push(News::Heard(message))),
            (
                State::Greeting(_) | State::Proved(_) | State::Secured(_) | State::Said,
                Message::Error,
            ) => self.refuse("error", "the peer says that this was no message", line),
            (State::Over, _) => {}
            (
                State::Greeting(_)
                | State::Proved(_)
                | State::Said
                | State::Listening(_)
                | State::Challenged(_)
                | State::Securing(..)
                | State::Secured(_)
                | State::Open,
                message,
            ) => {
                let detail = format!("a {} where none may come", message.kind());
                self.refuse("out_of_place", &detail, line);
            }
        }
    }

    fn meeting(&self, dialer: (NodeId, [u8; 32]), listener: (NodeId, [u8; 32])) -> Meeting {
        let ((dialer, dialer_nonce), (listener, listener_nonce)) = (dialer, listener);
        Meeting { dialer, dialer_nonce, listener, listener_nonce, binding: self.binding }
    }

    /// One line a connection, as old peers have it.
    fn answer_old(&mut self, now: Time, news: News) {
        self.send(now, &Message::Ack);
        self.out.push_back(Output::Push(news));
        self.close(CloseReason::Local);
    }

    /// What came behind the last plain line is TLS already.
    fn secure(&mut self, role: Role, peer: NodeId, last: Option<Frame>) {
        self.state = State::Securing(role, peer);
        let first = self.lines.take_all();
        self.out.push_back(Output::Push(News::Proven(Secure { role, peer, last, first })));
    }

    fn open(&mut self, peer: NodeId) {
        self.state = State::Open;
        self.out.push_back(Output::Ready(Proof::RoundTrip));
        self.out.push_back(Output::Push(News::Greeted(Peer { id: Some(peer), verified: true })));
    }

    fn unmask(&mut self, claimed: NodeId) {
        self.out.push_back(Output::Push(News::Impostor { claimed }));
        self.close(CloseReason::Misbehaved(format!("it claims to be {claimed} without proof")));
    }

    fn refuse(&mut self, reason: &'static str, detail: &str, bytes: &[u8]) {
        self.out.push_back(Output::Fact(Fact::malformed(reason, detail, bytes)));
        self.close(CloseReason::Misbehaved(detail.to_owned()));
    }

    fn close(&mut self, reason: CloseReason) {
        self.state = State::Over;
        self.out.push_back(Output::Close(reason));
    }

    fn eof(&mut self) {
        if matches!(self.state, State::Over) {
            return;
        }
        let part = self.lines.take_all();
        if !part.is_empty() {
            let detail = format!("the connection closed {} bytes into a line", part.len());
            self.out.push_back(Output::Fact(Fact::malformed("truncated", detail, &part)));
        }
        self.close(CloseReason::Peer);
    }

    fn tick(&mut self, now: Time) {
        let Terms { patience, heartbeat, idle, .. } = self.terms;
        match self.state {
            State::Over => {}
            State::Open if now >= self.heard + idle => {
                self.close(CloseReason::TimedOut("word from the peer".into()));
            }
            State::Open if now >= self.said + heartbeat => self.send(now, &Message::Ping),
            State::Open => {}
            State::Greeting(_)
            | State::Proved(_)
            | State::Said
            | State::Listening(_)
            | State::Challenged(_) => {
                if now >= self.heard + patience {
                    self.close(CloseReason::TimedOut("greeting".into()));
                }
            }
            State::Securing(..) | State::Secured(_) => {
                if now >= self.heard + patience {
                    self.close(CloseReason::TimedOut("encryption".into()));
                }
            }
        }
    }

    /// When it wants to be woken.
    pub(super) fn alarm(&self) -> Option<Time> {
        let Terms { patience, heartbeat, idle, .. } = self.terms;
        match self.state {
            State::Over => None,
            State::Open => Some((self.heard + idle).min(self.said + heartbeat)),
            State::Greeting(_)
            | State::Proved(_)
            | State::Said
            | State::Listening(_)
            | State::Challenged(_)
            | State::Securing(..)
            | State::Secured(_) => Some(self.heard + patience),
        }
    }
}

impl Session for Link {
    type Request = Message;
    type Reply = News;

    fn handle_input(&mut self, now: Time, input: Input<'_, Message>) {
        match input {
            Input::Received(bytes) if matches!(self.state, State::Securing(..)) => {
                self.refuse("out_of_place", "bytes before TLS could begin", bytes);
            }
            Input::Received(bytes) => {
                self.lines.push(bytes);
                self.read(now);
                // A greeting has its time as a whole: a byte now and then must not prolong it.
                if self.is_open() {
                    self.heard = now;
                }
            }
            Input::Eof => self.eof(),
            Input::Request(_, message) if self.is_open() => self.send(now, &message),
            Input::Request(_, message) => {
                let detail = format!("a {} before there was a greeting", message.kind());
                self.out.push_back(Output::Fact(Fact::Odd { what: "dropped".into(), detail }));
            }
            Input::Forget(_) | Input::Prompted | Input::Leave => {}
            Input::Timeout => self.tick(now),
        }
    }
    fn poll_output(&mut self) -> Output<News> {
        self.out.pop_front().unwrap_or_else(|| Output::Wait(self.alarm()))
    }
}

pub(super) fn frame(kind: &'static str, bytes: Bytes) -> Frame {
    Frame { bytes, kind, ticket: None, msg_id: None, device_id: None }
}

fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
