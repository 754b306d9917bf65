//! The fake device: its memory, shared by all its connections, and its end of one of them.
use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use lru::LruCache;
use serde::Serialize;

use super::{
    AnswerForm, Lamp, Mode, Quirk, Reply,
    codec::{self, BARE_ACK, DecodeError, Message},
};
use crate::quirk::{Mode as _, Modes};
use crate::{
    CloseReason, ConfigError, Fact, Frame, Input, Never, Output, Session, Ticket, Time,
    inbox::Inbox,
};

/// Devices remembered at most; a stranger cannot fill the memory with invented ids.
const MAX_DEVICES: usize = 10_000;
/// Commands remembered at most.
const MAX_SEEN: usize = 1_000_000;
/// Answers held back at most, per connection.
const MAX_HELD: usize = 1024;
/// Between the pieces of an answer sent in pieces.
const PIECE_GAP: Duration = Duration::from_millis(5);
const NOISE: &[u8; 32] = b"\x00\xff\x1b[31mnoise\r\n\x07\x80\xfe<html>\xf0\x0e\x01\0\0\0\0\0\0";

/// What a device remembers over all its connections.
#[derive(Debug)]
pub struct Memory {
    modes: Modes<Mode>,
    seen: LruCache<Arc<str>, Seen>,
    ttl: Duration,
    devices: BTreeMap<Arc<str>, Switch>,
}

#[derive(Debug)]
struct Seen {
    at: Time,
    arrivals: u32,
}

/// One device's state, and how often a command changed or confirmed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Switch {
    /// On or off.
    pub state: bool,
    /// Commands applied, repeats not counted.
    pub applied: u64,
}

/// What the device would say of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The mode in force.
    pub mode: String,
    /// Every device it has been told about.
    pub devices: BTreeMap<Arc<str>, Switch>,
    /// Commands it still remembers, and how often each arrived.
    pub seen: BTreeMap<Arc<str>, u32>,
}

impl Memory {
    pub(super) fn new(limit: usize, ttl: Duration) -> Result<Self, ConfigError> {
        // The cache takes its room at once.
        let limit = NonZeroUsize::new(limit).filter(|limit| limit.get() <= MAX_SEEN);
        let problem = || ConfigError::new("applied_limit", format!("must be from 1 to {MAX_SEEN}"));
        let limit = limit.ok_or_else(problem)?;
        Ok(Self {
            modes: Modes::default(),
            seen: LruCache::new(limit),
            ttl,
            devices: BTreeMap::new(),
        })
    }
    pub(super) fn misbehave(&mut self, quirk: Quirk) {
        self.modes.misbehave(quirk);
    }
    pub(super) fn listening(&self) -> bool {
        self.modes.standing() != Mode::Refuse
    }
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            mode: Quirk { mode: self.modes.standing(), times: None }.to_string(),
            devices: self.devices.clone(),
            seen: self.seen.iter().map(|(id, seen)| (id.clone(), seen.arrivals)).collect(),
        }
    }
    /// The mode for what is happening now, used up if it was for a few times only.
    fn mode_for(&mut self, opening: bool) -> Mode {
        // What strikes at open and was switched on while a connection lived strikes now.
        let standing = !self.modes.has_next();
        self.modes.strike(|mode| standing || mode.strikes_at_open() == opening)
    }
    /// Whether this command is new, and how often it has arrived. Applies it if it is.
    fn apply(&mut self, now: Time, msg_id: &Arc<str>, device_id: &Arc<str>, state: bool) -> u32 {
        let remembered = self.seen.get_mut(msg_id).filter(|seen| now - seen.at <= self.ttl);
        if let Some(seen) = remembered {
            seen.arrivals += 1;
            return seen.arrivals;
        }
        self.seen.put(msg_id.clone(), Seen { at: now, arrivals: 1 });
        if self.devices.len() >= MAX_DEVICES && !self.devices.contains_key(device_id) {
            self.devices.pop_first();
        }
        let switch = self.devices.entry(device_id.clone()).or_insert(Switch { state, applied: 0 });
        *switch = Switch { state, applied: switch.applied + 1 };
        1
    }
}

/// The device's end of one connection.
pub struct Device {
    lamp: Lamp,
    inbox: Inbox,
    out: VecDeque<Output<Reply>>,
    held: VecDeque<(Time, Frame)>,
    /// The peer has finished; go once everything held is out.
    leaving: bool,
}

/// A command as it arrived.
struct Command {
    ticket: Ticket,
    msg_id: Arc<str>,
    device_id: Arc<str>,
    state: bool,
}

impl Device {
    pub(super) fn new(lamp: Lamp) -> Self {
        let mode = lamp.memory().mode_for(true);
        let mut device = Self {
            lamp,
            inbox: Inbox::default(),
            out: VecDeque::new(),
            held: VecDeque::new(),
            leaving: false,
        };
        match mode {
            Mode::Reject => device.strike(mode, None, CloseReason::Local),
            Mode::ResetBefore => device.strike(mode, None, CloseReason::Abort),
            _ => {}
        }
        device
    }

    fn strike(&mut self, mode: Mode, ticket: Option<Ticket>, close: CloseReason) {
        self.note_quirk(mode, ticket);
        self.out.push_back(Output::Close(close));
    }

    fn note_quirk(&mut self, mode: Mode, ticket: Option<Ticket>) {
        if mode != Mode::Success {
            let name = mode.name().into();
            self.out.push_back(Output::Fact(Fact::Quirk { name, ticket }));
        }
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
            self.out.push_back(Output::Close(CloseReason::Misbehaved(wrong.to_string())));
            return;
        }
    }

    fn obey(&mut self, now: Time, command: &Command) {
        let mode = self.lamp.memory().mode_for(false);
        self.note_quirk(mode, Some(command.ticket));
        match mode {
            Mode::Disconnect | Mode::Reject => {
                self.out.push_back(Output::Close(CloseReason::Local))
            }
            Mode::ResetAfter | Mode::ResetBefore => {
                self.out.push_back(Output::Close(CloseReason::Abort));
            }
            Mode::Nack => {
                let bytes = codec::encode_nack(&command.msg_id, "told to refuse");
                self.send(command.frame("nack", bytes));
            }
            Mode::Lie => self.send(self.ack(command)),
            Mode::Refuse | Mode::Success => {
                self.apply(now, command);
                self.send(self.ack(command));
            }
            Mode::Delay(d) | Mode::Late(d) => {
                self.apply(now, command);
                self.hold(now + d, self.ack(command));
            }
            Mode::Timeout => self.apply(now, command),
            Mode::HalfClose => {
                self.apply(now, command);
                self.out.push_back(Output::Finish);
            }
            Mode::Partial => {
                self.apply(now, command);
                let whole = self.ack(command).bytes;
                self.send(command.frame("part", whole.slice(..whole.len() / 2)));
                self.out.push_back(Output::Close(CloseReason::Local));
            }
            Mode::WrongId => {
                self.apply(now, command);
                let other = Ticket(!command.ticket.0).to_string();
                self.send(command.frame("wrong_id", codec::encode_ack(&other)));
            }
            Mode::Duplicate => {
                self.apply(now, command);
                self.send(self.ack(command));
                self.send(self.ack(command));
            }
            Mode::Garbage => {
                self.apply(now, command);
                self.send(command.frame("garbage", Bytes::from_static(NOISE)));
            }
            Mode::Split => {
                self.apply(now, command);
                let whole = self.ack(command).bytes;
                let pieces = [whole.slice(..whole.len() / 2), whole.slice(whole.len() / 2..)];
                self.send_pieces(now, command, &pieces);
            }
            Mode::Dribble => {
                self.apply(now, command);
                let whole = self.ack(command).bytes;
                let pieces: Vec<_> = (0..whole.len()).map(|i| whole.slice(i..=i)).collect();
                self.send_pieces(now, command, &pieces);
            }
        }
    }

    fn apply(&mut self, now: Time, command: &Command) {
        let Command { ticket, ref msg_id, ref device_id, state } = *command;
        let arrivals = self.lamp.memory().apply(now, msg_id, device_id, state);
        self.out.push_back(Output::Fact(if arrivals > 1 {
            Fact::Duplicate { ticket, arrivals }
        } else {
            let state = if state { "on" } else { "off" };
            Fact::Applied { ticket, device_id: device_id.clone(), state: state.into() }
        }));
    }

    fn ack(&self, command: &Command) -> Frame {
        command.frame(
            "ack",
            match self.lamp.answer {
                AnswerForm::Ack => Bytes::from_static(BARE_ACK),
                AnswerForm::Framed => codec::encode_ack(&command.msg_id),
            },
        )
    }

    fn send(&mut self, frame: Frame) {
        self.out.push_back(Output::Transmit(frame));
    }

    fn send_pieces(&mut self, now: Time, command: &Command, pieces: &[Bytes]) {
        let mut at = now;
        for piece in pieces {
            self.hold(at, command.frame("part", piece.clone()));
            at = at + PIECE_GAP;
        }
    }

    fn hold(&mut self, until: Time, frame: Frame) {
        if self.held.len() == MAX_HELD {
            let reason = CloseReason::Misbehaved("more commands in flight than I can hold".into());
            return self.out.push_back(Output::Close(reason));
        }
        self.held.push_back((until, frame));
    }

    fn release(&mut self, now: Time) {
        while self.held.front().is_some_and(|(at, _)| *at <= now) {
            let (_, frame) = self.held.pop_front().expect("looked at just now");
            self.send(frame);
        }
        if self.leaving && self.held.is_empty() {
            self.out.push_back(Output::Close(CloseReason::Peer));
        }
    }

    fn peer_finished(&mut self) {
        if !self.inbox.is_empty() {
            let part = self.inbox.take_all();
            let detail = format!("the connection closed {} bytes into a command", part.len());
            self.out.push_back(Output::Fact(Fact::malformed("truncated", detail, &part)));
        }
        self.leaving = true;
    }
}

impl Command {
    fn frame(&self, kind: &'static str, bytes: Bytes) -> Frame {
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
