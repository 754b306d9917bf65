//! A fake VKB-Link's end of one connection: reads frames, finds its place again after junk, and
//! answers only if it was told to.
use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    Bitmaps, Mode, Replied, Vkb,
    client::frame,
    codec::{ANSWER, Found},
    quirk::{Connected, Moment},
};
use crate::quirk::{Mode as _, Number, One};
use crate::{CloseReason, Fact, Frame, Input, Never, Output, Session, Time, inbox::Inbox};

/// Answers held back at most.
const MAX_HELD: usize = 1024;
const NOISE: &[u8] = b"\xff\x1b[31m\x07\xa5\x0d";

/// The device's end.
pub struct Device {
    vkb: Vkb,
    /// This connection, in the device's memory.
    number: u64,
    /// There was another when it opened.
    second: bool,
    inbox: Inbox,
    frames: u64,
    out: VecDeque<Output<Replied>>,
    held: VecDeque<(Time, Frame)>,
    reading: Reading,
    /// Our FIN is out.
    finished: bool,
    /// The peer has finished; go once everything held is out.
    leaving: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Reading {
    On,
    Off { until: Option<Time> },
}

impl Device {
    pub(super) fn new(vkb: Vkb, now: Time) -> Self {
        let (number, second) = vkb.memory().open();
        let mut device = Self {
            vkb,
            number,
            second,
            inbox: Inbox::default(),
            frames: 0,
            out: VecDeque::new(),
            held: VecDeque::new(),
            reading: Reading::On,
            finished: false,
            leaving: false,
        };
        device.strike(Moment::Open, now);
        device
    }

    /// Does whatever wrong it was told to do at this moment.
    fn strike(&mut self, moment: Moment, now: Time) -> Mode {
        let mode = {
            let mut memory = self.vkb.memory();
            let (second, outdated) = (self.second, memory.is_outdated(self.number));
            let on = Connected { frames: self.frames, replies: self.vkb.replies, second, outdated };
            memory.strike(moment, on)
        };
        if mode != Mode::Success {
            let name = mode.name().into();
            self.out.push_back(Output::Fact(Fact::Quirk { name, ticket: None }));
        }
        match mode {
            Mode::Reject
            | Mode::DisconnectAfter(_)
            | Mode::OneConnection(One::Close | One::Kick) => self.close(CloseReason::Local),
            Mode::ResetBefore | Mode::ResetAfter => self.close(CloseReason::Abort),
            Mode::Frozen(d) => self.reading = Reading::Off { until: d.map(|d| now + d) },
            Mode::HalfClose if !self.finished => {
                self.finished = true;
                self.out.push_back(Output::Finish);
            }
            Mode::Unasked => self.send(answer()),
            Mode::Success
            | Mode::HalfClose
            | Mode::Refuse
            | Mode::OneConnection(One::Refuse)
            | Mode::Reply
            | Mode::Mute
            | Mode::SilentAfter(_)
            | Mode::Lie
            | Mode::JunkReply
            | Mode::DelayReply(_)
            | Mode::Truncated
            | Mode::Duplicate
            | Mode::Flood(_) => {}
        }
        mode
    }

    fn close(&mut self, reason: CloseReason) {
        self.out.push_back(Output::Close(reason));
    }

    fn read(&mut self, now: Time, bytes: &[u8]) {
        self.vkb.memory().read(self.number, bytes);
        self.inbox.push(bytes);
        let mut understood = false;
        while let Some(found) = self.vkb.codec.decode(&mut self.inbox) {
            match found {
                Found::Junk(junk) => {
                    let detail = format!("{} bytes that begin no frame", junk.len());
                    self.out.push_back(Output::Fact(Fact::malformed("junk", detail, &junk)));
                }
                Found::Frame(state, bytes) => {
                    understood = true;
                    self.assert(now, state, bytes);
                }
            }
            // What follows a close is not read: nobody would see what became of it.
            if matches!(self.out.back(), Some(Output::Close(_))) {
                return;
            }
        }
        if understood && self.reading == Reading::On && !self.finished {
            self.answer(now);
        }
    }

    fn assert(&mut self, now: Time, state: Bitmaps, bytes: Bytes) {
        self.frames += 1;
        self.out.push_back(Output::Received(frame("bitmaps", None, bytes)));
        let mode = self.strike(Moment::Frame, now);
        if !matches!(mode, Mode::Lie | Mode::OneConnection(One::Kick)) {
            self.vkb.memory().assert(self.number, state);
        }
    }

    fn answer(&mut self, now: Time) {
        match self.strike(Moment::Answer, now) {
            Mode::Mute | Mode::SilentAfter(_) => {}
            Mode::Reply => self.send(answer()),
            Mode::JunkReply => self.send(frame("junk", None, Bytes::from_static(NOISE))),
            Mode::DelayReply(d) => self.hold(now + d, answer()),
            Mode::Truncated => {
                self.send(frame("part", None, Bytes::from_static(&ANSWER[..1])));
                self.send(answer());
            }
            Mode::Duplicate => self.repeat(2),
            Mode::Flood(Number(n)) => self.repeat(n),
            Mode::Success
            | Mode::Frozen(_)
            | Mode::Lie
            | Mode::Unasked
            | Mode::Reject
            | Mode::Refuse
            | Mode::OneConnection(_)
            | Mode::ResetBefore
            | Mode::ResetAfter
            | Mode::DisconnectAfter(_)
            | Mode::HalfClose => {
                if self.vkb.replies {
                    self.send(answer());
                }
            }
        }
    }

    fn repeat(&mut self, times: u32) {
        for _ in 0..times {
            self.send(answer());
        }
    }

    fn send(&mut self, frame: Frame) {
        self.out.push_back(Output::Transmit(frame));
    }

    fn hold(&mut self, until: Time, frame: Frame) {
        if self.held.len() < MAX_HELD {
            self.held.push_back((until, frame));
        } else {
            self.close(CloseReason::Misbehaved("more answers asked for than I can hold".into()));
        }
    }

    fn release(&mut self, now: Time) {
        while self.held.front().is_some_and(|(at, _)| *at <= now) {
            let (_, frame) = self.held.pop_front().expect("looked at just now");
            self.send(frame);
        }
        if self.thaws_at().is_some_and(|at| at <= now) {
            self.reading = Reading::On;
        }
        if self.leaving && self.held.is_empty() {
            self.close(CloseReason::Peer);
        }
    }

    fn thaws_at(&self) -> Option<Time> {
        match self.reading {
            Reading::On => None,
            Reading::Off { until } => until,
        }
    }

    fn peer_finished(&mut self) {
        if !self.inbox.is_empty() {
            let part = self.inbox.take_all();
            let detail = format!("the connection closed {} bytes into a frame", part.len());
            self.out.push_back(Output::Fact(Fact::malformed("truncated", detail, &part)));
        }
        self.leaving = true;
    }
}

fn answer() -> Frame {
    frame("reply", None, Bytes::from_static(ANSWER))
}

impl Session for Device {
    type Request = Never;
    type Reply = Replied;

    fn handle_input(&mut self, now: Time, input: Input<'_, Never>) {
        match input {
            Input::Received(bytes) => self.read(now, bytes),
            Input::Eof => self.peer_finished(),
            Input::Request(_, never) => match never {},
            Input::Forget(_) | Input::Prompted | Input::Leave | Input::Timeout => {}
        }
        self.release(now);
    }
    fn poll_output(&mut self) -> Output<Replied> {
        let answers_at = self.held.front().map(|(at, _)| *at);
        let wake_at = [answers_at, self.thaws_at()].into_iter().flatten().min();
        self.out.pop_front().unwrap_or(Output::Wait(wake_at))
    }
    fn reading(&self) -> bool {
        self.reading == Reading::On
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.vkb.memory().close();
    }
}
