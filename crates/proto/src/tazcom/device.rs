//! The fake peer's end of one connection: answers as a node would, or as it was told to.
use std::{collections::VecDeque, sync::Arc};

use super::{
    Identity, Link, Message, Mode, News, Reply, Tazcom,
    link::frame,
    memory::Place,
    quirk::{Connected, Moment},
    terms::Version,
};
use crate::{CloseReason, Fact, Frame, Input, Never, Output, Session, Time, quirk::Mode as _};

/// The peer's end of one connection.
pub struct Device {
    pub(super) peer: Tazcom,
    pub(super) place: Place,
    link: Link,
    /// How the last line is treated.
    pub(super) mode: Mode,
    pub(super) out: VecDeque<Output<Reply>>,
    /// Kept back until their time, in order.
    pub(super) held: VecDeque<(Time, Output<Reply>)>,
    /// It has closed, or never will by itself.
    over: bool,
}

impl Device {
    pub(super) fn new(peer: Tazcom, now: Time) -> Self {
        let place = peer.memory().open();
        let provable = peer.terms.version >= Version::V03;
        let on = Connected { provable, before: place.before.is_some() };
        let mode = peer.memory().strike(Moment::Open, on);
        let me = match mode {
            // Of another key, under our id: what is announced is ours, and the proof will not hold.
            Mode::Impostor => Arc::new(Identity::from_seed(peer.nonce(0)).claiming(peer.me.id())),
            _ => peer.me.clone(),
        };
        let link = Link::listen(me, peer.terms.clone(), peer.nonce(place.number), now);
        let (out, held) = (VecDeque::new(), VecDeque::new());
        let mut device = Self { peer, place, link, mode: Mode::Success, out, held, over: false };
        device.tell(mode);
        device.open(mode);
        device
    }

    fn open(&mut self, mode: Mode) {
        match mode {
            Mode::Reject => self.close(CloseReason::Local),
            Mode::ResetBefore => self.close(CloseReason::Abort),
            Mode::Unasked => self.send(frame(mode.name(), Message::Ack.encode())),
            // Nothing else is done now: an impostor has another key, and where it listens is done elsewhere.
            _ => {}
        }
    }

    /// The wrong that is to be done at this moment, told as a fact if there is one.
    fn strike(&mut self, moment: Moment) -> Mode {
        let on = Connected { provable: self.is_provable(), before: self.place.before.is_some() };
        let mode = self.peer.memory().strike(moment, on);
        self.tell(mode);
        mode
    }

    fn tell(&mut self, mode: Mode) {
        if mode != Mode::Success {
            let name = mode.name().into();
            self.out.push_back(Output::Fact(Fact::Quirk { name, ticket: None }));
        }
    }

    fn is_provable(&self) -> bool {
        self.peer.terms.version >= Version::V03
    }

    fn hear(&mut self, now: Time) {
        loop {
            match self.link.poll_output() {
                Output::Wait(_) => return,
                Output::Received(frame) => self.read(frame),
                Output::Transmit(frame) => self.answer(now, frame),
                Output::Close(reason) => self.end(now, reason),
                Output::Push(News::Greeted(peer)) => {
                    if self.strike(Moment::Heard) != Mode::Lie {
                        self.peer.memory().greeted(peer);
                    }
                }
                Output::Push(News::Heard(Message::Chat(chat))) => {
                    if self.strike(Moment::Heard) != Mode::Lie {
                        self.peer.memory().heard(chat);
                    }
                }
                Output::Push(News::Impostor { claimed }) => {
                    self.peer.memory().unmasked();
                    let detail = format!("it claims to be {claimed} and cannot prove it");
                    self.out.push_back(Output::Fact(Fact::Odd { what: "impostor".into(), detail }));
                }
                // Its terms ask for no encryption, so it is never told to begin it.
                Output::Push(News::Heard(_) | News::Proven(_))
                | Output::Ready(_)
                | Output::Reply(..) => {}
                Output::Fact(fact) => self.out.push_back(Output::Fact(fact)),
                Output::Finish => self.out.push_back(Output::Finish),
            }
        }
    }

    fn read(&mut self, frame: Frame) {
        let asks = matches!(
            Message::decode(&frame.bytes),
            Ok(Message::Hello { nonce: Some(_), .. }) if self.is_provable()
        );
        self.out.push_back(Output::Received(frame));
        self.mode = self.strike(if asks { Moment::Asked } else { Moment::Line });
        match self.mode {
            Mode::HangUp => self.close(CloseReason::Local),
            Mode::ResetAfter | Mode::Vanish => self.close(CloseReason::Abort),
            Mode::HalfClose => self.out.push_back(Output::Finish),
            // The others are about the answer.
            _ => {}
        }
    }

    pub(super) fn send(&mut self, frame: Frame) {
        if !self.over {
            self.out.push_back(Output::Transmit(frame));
        }
    }

    fn end(&mut self, now: Time, reason: CloseReason) {
        match self.mode {
            // Nothing is said, and nothing is ended: that is for the other to do.
            Mode::Mute | Mode::HalfClose if reason == CloseReason::Local => {}
            Mode::Late(after) if !self.held.is_empty() => {
                self.held.push_back((now + after, Output::Close(reason)));
            }
            _ => self.close(reason),
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
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
            Input::Prompted => {
                if self.strike(Moment::Told) == Mode::Vanish {
                    self.close(CloseReason::Abort);
                }
            }
            Input::Timeout => self.link.handle_input(now, Input::Timeout),
            Input::Forget(_) | Input::Leave => {}
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
