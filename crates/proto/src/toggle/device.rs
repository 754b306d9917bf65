//! The fake device's end of one connection: reads commands, obeys them, and answers as it was told to.
use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{
    AnswerForm, Lamp, Mode, Reply,
    codec::{self, BARE_ACK, DecodeError, Message},
    memory::Place,
    quirk::Moment,
    wrong::NOBODY,
};
use crate::{
    CloseReason, Fact, Frame, Input, Never, Output, Session, Ticket, Time,
    inbox::Inbox,
    quirk::{Mode as _, One},
};

/// Answers held back at most, per connection.
const MAX_HELD: usize = 1024;

/// The device's end of one connection.
pub struct Device {
    lamp: Lamp,
    place: Place,
    inbox: Inbox,
    /// Commands read on this connection.
    commands: u64,
    pub(super) out: VecDeque<Output<Reply>>,
    held: VecDeque<(Time, Frame)>,
    /// Answers that wait for later ones, to go out after them.
    kept: Vec<Frame>,
    /// The peer has finished; go once everything held is out.
    leaving: bool,
}

/// A command as it arrived.
pub(super) struct Command {
    pub(super) ticket: Ticket,
    pub(super) msg_id: Arc<str>,
    device_id: Arc<str>,
    state: bool,
}

impl Device {
    pub(super) fn new(lamp: Lamp) -> Self {
        let place = lamp.memory().open();
        let mut device = Self {
            lamp,
            place,
            inbox: Inbox::default(),
            commands: 0,
            out: VecDeque::new(),
            held: VecDeque::new(),
            kept: Vec::new(),
            leaving: false,
        };
        device.open();
        device
    }

    fn open(&mut self) {
        match self.strike(Moment::Open, None) {
            Mode::Reject | Mode::OneConnection(One::Close) => self.close(CloseReason::Local),
            Mode::ResetBefore => self.close(CloseReason::Abort),
            Mode::Unasked => self.answer_nobody(NOBODY),
            Mode::Stale => {
                if let Some(before) = self.place.before.clone() {
                    self.answer_nobody(&before);
                }
            }
            // Nothing else strikes now, but not to listen any more, which is done elsewhere.
            _ => {}
        }
    }

    /// The wrong that is to be done at this moment, told as a fact if there is one.
    fn strike(&mut self, moment: Moment, ticket: Option<Ticket>) -> Mode {
        let mode = self.lamp.memory().strike(moment, &self.place, self.commands);
        if mode != Mode::Success {
            let name = mode.name().into();
            self.out.push_back(Output::Fact(Fact::Quirk { name, ticket }));
        }
        mode
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        self.out.push_back(Output::Close(reason));
    }

    fn read_commands(&mut self, now: Time) {
        // What follows a close is not read: nobody would see what became of it.
        while !matches!(self.out.back(), Some(Output::Close(_))) {
            let wrong = match codec::decode(&mut self.inbox) {
                Ok(None) => return,
                Ok(Some((Message::Toggle { device_id, msg_id, state }, bytes))) => {
                    let ticket = Ticket::from_wire(&msg_id);
                    let command = Command {
                        ticket,
                        msg_id: msg_id.into(),
                        device_id: device_id.into(),
                        state,
                    };
                    self.out.push_back(Output::Received(command.frame("toggle", bytes)));
                    self.obey(now, &command);
                    continue;
                }
                Ok(Some((Message::Ack { .. }, _))) => DecodeError::Opcode("ack".into()),
                Ok(Some((Message::Nack { .. }, _))) => DecodeError::Opcode("nack".into()),
                Err(wrong) => wrong,
            };
            let bytes = self.inbox.take_all();
            let fact = Fact::malformed(wrong.reason(), wrong.to_string(), &bytes);
            self.out.push_back(Output::Fact(fact));
            return self.close(CloseReason::Misbehaved(wrong.to_string()));
        }
    }

    fn obey(&mut self, now: Time, command: &Command) {
        self.commands += 1;
        let mode = self.strike(Moment::Command, Some(command.ticket));
        if mode.applies() {
            self.apply(now, command);
        }
        self.answer(now, command, mode);
        if !matches!(mode, Mode::Reorder(_)) {
            self.send_kept();
        }
    }

    fn apply(&mut self, now: Time, command: &Command) {
        let Command { ticket, ref msg_id, ref device_id, state } = *command;
        let arrival = self.lamp.memory().apply(now, msg_id, device_id, state);
        if arrival.forgot > 0 {
            self.out.push_back(Output::Fact(Fact::Forgot { ids: arrival.forgot }));
        }
        self.out.push_back(Output::Fact(if arrival.is_new() {
            let state = if state { "on" } else { "off" };
            Fact::Applied { ticket, device_id: device_id.clone(), state: state.into() }
        } else {
            Fact::Duplicate { ticket, arrivals: arrival.times }
        }));
    }

    pub(super) fn ack(&self, command: &Command) -> Frame {
        command.frame(
            "ack",
            match self.lamp.answer {
                AnswerForm::Ack => Bytes::from_static(BARE_ACK),
                AnswerForm::Framed => codec::encode_ack(&command.msg_id),
            },
        )
    }

    pub(super) fn send(&mut self, frame: Frame) {
        self.out.push_back(Output::Transmit(frame));
    }

    /// Keeps an answer until there are so many, then sends the last first.
    pub(super) fn keep(&mut self, frame: Frame, until: usize) {
        self.kept.push(frame);
        if self.kept.len() >= until {
            self.send_kept();
        }
    }

    fn send_kept(&mut self) {
        for frame in std::mem::take(&mut self.kept).into_iter().rev() {
            self.send(frame);
        }
    }

    pub(super) fn hold(&mut self, until: Time, frame: Frame) {
        if self.held.len() == MAX_HELD {
            let reason = CloseReason::Misbehaved("more commands in flight than I can hold".into());
            return self.close(reason);
        }
        self.held.push_back((until, frame));
    }

    fn release(&mut self, now: Time) {
        while self.held.front().is_some_and(|(at, _)| *at <= now) {
            let (_, frame) = self.held.pop_front().expect("looked at just now");
            self.send(frame);
        }
        if self.leaving && self.held.is_empty() {
            self.close(CloseReason::Peer);
        }
    }

    fn peer_finished(&mut self) {
        if !self.inbox.is_empty() {
            let part = self.inbox.take_all();
            let detail = format!("the connection closed {} bytes into a command", part.len());
            self.out.push_back(Output::Fact(Fact::malformed("truncated", detail, &part)));
        }
        self.send_kept();
        self.leaving = true;
    }
}

impl Command {
    pub(super) fn frame(&self, kind: &'static str, bytes: Bytes) -> Frame {
        let spelled_as_ours = *self.msg_id == *self.ticket.to_string();
        Frame {
            bytes,
            kind,
            ticket: Some(self.ticket),
            msg_id: (!spelled_as_ours).then(|| self.msg_id.clone()),
            device_id: Some(self.device_id.clone()),
        }
    }
}

impl Session for Device {
    type Request = Never;
    type Reply = Reply;

    fn handle_input(&mut self, now: Time, input: Input<'_, Never>) {
        match input {
            Input::Received(bytes) => {
                self.inbox.push(bytes);
                self.read_commands(now);
            }
            Input::Eof => self.peer_finished(),
            Input::Request(_, never) => match never {},
            Input::Forget(_) | Input::Prompted | Input::Leave | Input::Timeout => {}
        }
        self.release(now);
    }
    fn poll_output(&mut self) -> Output<Reply> {
        let wake_at = self.held.front().map(|(at, _)| *at);
        self.out.pop_front().unwrap_or(Output::Wait(wake_at))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.lamp.memory().close();
    }
}
