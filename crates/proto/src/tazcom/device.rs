//! The fake peer's end of one connection: answers as a node would, or as it was told to.
use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{
    Identity, Link, Message, Mode, News, Reply, Tazcom, link::frame, quirk::Moment, terms::Version,
};
use crate::{CloseReason, Fact, Frame, Input, Never, Output, Session, Time, quirk::Mode as _};

const NOISE: &[u8] = b"\x00\xff\x1b[31mnoise\r\x07\x80\xfe<html>\xf0\x0e\x01\n";

/// The peer's end of one connection.
pub struct Device {
    peer: Tazcom,
    link: Link,
    /// How the last line is treated.
    mode: Mode,
    out: VecDeque<Output<Reply>>,
    /// Kept back until their time, in order.
    held: VecDeque<(Time, Output<Reply>)>,
    /// It has closed, or never will by itself.
    over: bool,
}

impl Device {
    pub(super) fn new(peer: Tazcom, now: Time) -> Self {
        let number = peer.memory().open();
        let mode = peer.memory().strike(Moment::Open, peer.terms.version >= Version::V03);
        let me = match mode {
            // Of another key, under our id: what is announced is ours, and the proof will not hold.
            Mode::Impostor => Arc::new(Identity::from_seed(peer.nonce(0)).claiming(peer.me.id())),
            _ => peer.me.clone(),
        };
        let link = Link::listen(me, peer.terms.clone(), peer.nonce(number), now);
        let (out, held) = (VecDeque::new(), VecDeque::new());
        let mut device = Self { peer, link, mode: Mode::Success, out, held, over: false };
        device.tell(mode);
        device
    }

    fn tell(&mut self, mode: Mode) {
        if mode != Mode::Success {
            let name = mode.name().into();
            self.out.push_back(Output::Fact(Fact::Quirk { name, ticket: None }));
        }
    }

    fn hear(&mut self, now: Time) {
        loop {
            match self.link.poll_output() {
                Output::Wait(_) => return,
                Output::Received(frame) => {
                    self.mode = self.peer.memory().strike(Moment::Line, false);
                    self.out.push_back(Output::Received(frame));
                    self.tell(self.mode);
                    self.cut_short();
                }
                Output::Transmit(frame) => self.answer(now, frame),
                Output::Close(reason) => self.end(now, reason),
                Output::Push(News::Greeted(peer)) => self.peer.memory().greeted(peer),
                Output::Push(News::Impostor { claimed }) => {
                    self.peer.memory().unmasked();
                    let detail = format!("it claims to be {claimed} and cannot prove it");
                    self.out.push_back(Output::Fact(Fact::Odd { what: "impostor".into(), detail }));
                }
                Output::Push(News::Heard(Message::Chat(chat))) => self.peer.memory().heard(chat),
                // Its terms ask for no encryption, so it is never told to begin it.
                Output::Push(News::Heard(_) | News::Proven(_))
                | Output::Ready(_)
                | Output::Reply(..) => {}
                Output::Fact(fact) => self.out.push_back(Output::Fact(fact)),
                Output::Finish => self.out.push_back(Output::Finish),
            }
        }
    }

    /// Modes that end the connection in place of an answer.
    fn cut_short(&mut self) {
        match self.mode {
            Mode::HangUp => self.close(CloseReason::Local),
            Mode::Vanish => self.close(CloseReason::Abort),
            _ => {}
        }
    }

    fn answer(&mut self, now: Time, right: Frame) {
        if self.over {
            return;
        }
        let wrong = |bytes: Vec<u8>| frame(self.mode.name(), Bytes::from(bytes));
        let frame = match self.mode {
            Mode::Success | Mode::Impostor | Mode::PortChange => right,
            Mode::Mute | Mode::HangUp | Mode::Vanish => return,
            Mode::Late(after) => {
                return self.held.push_back((now + after, Output::Transmit(right)));
            }
            Mode::Error => wrong(Message::Error.encode().to_vec()),
            Mode::Oversized => {
                let mut long = vec![b'x'; self.peer.terms.long];
                long.push(b'\n');
                wrong(long)
            }
            Mode::Unended => {
                self.out.push_back(Output::Transmit(wrong(
                    right.bytes[..right.bytes.len() - 1].to_vec(),
                )));
                return self.close(CloseReason::Local);
            }
            Mode::Garbage => wrong(NOISE.to_vec()),
            Mode::Twice => {
                self.out.push_back(Output::Transmit(right.clone()));
                right
            }
        };
        self.out.push_back(Output::Transmit(frame));
    }

    fn end(&mut self, now: Time, reason: CloseReason) {
        match self.mode {
            // Nothing is said, and nothing is ended: that is for the other to do.
            Mode::Mute if reason == CloseReason::Local => {}
            Mode::Late(after) if !self.held.is_empty() => {
                self.held.push_back((now + after, Output::Close(reason)));
            }
            _ => self.close(reason),
        }
    }

    fn close(&mut self, reason: CloseReason) {
        if !self.over {
            self.over = true;
            self.out.push_back(Output::Close(reason));
        }
    }

    fn release(&mut self, now: Time) {
        while self.held.front().is_some_and(|(at, _)| *at <= now) {
            let (_, output) = self.held.pop_front().expect("looked at just now");
            self.over |= matches!(output, Output::Close(_));
            self.out.push_back(output);
        }
    }
}

impl Session for Device {
    type Request = Never;
    type Reply = Reply;

    fn handle_input(&mut self, now: Time, input: Input<'_, Never>) {
        match input {
            Input::Received(bytes) => self.link.handle_input(now, Input::Received(bytes)),
            Input::Eof => {
                self.link.handle_input(now, Input::Eof);
                self.hear(now);
                if self.held.is_empty() {
                    self.close(CloseReason::Peer);
                }
            }
            Input::Request(_, never) => match never {},
            Input::Timeout => self.link.handle_input(now, Input::Timeout),
            Input::Forget(_) | Input::Prompted | Input::Leave => {}
        }
        self.hear(now);
        self.release(now);
    }
    fn poll_output(&mut self) -> Output<Reply> {
        let held = self.held.front().map(|(at, _)| *at);
        let alarm = held.into_iter().chain(self.link.alarm()).min();
        self.out.pop_front().unwrap_or(Output::Wait(alarm.filter(|_| !self.over)))
    }
}
