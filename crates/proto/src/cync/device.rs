//! The fake bridge's end of one connection: logs in, answers, pings, obeys, and says so three times: the
//! frame arrived, the command was done, the lamp is like this now.
//!
//! ```text
//!               let in            probed, or a second later
//!   LoggingIn ─────────▶ In, asks ─────────────────────────▶ asks the time, tells of its lamps
//!               the time
//! ```
mod obey;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;

use super::{
    Cync, Mode,
    chaos::Storm,
    command::{Command, Target, code},
    inner::{Inner, InnerError, Kind},
    message::{Message, kind_of},
    packet::{Framed, Framing},
    quirk::Moment,
    request::Reply,
    sync::{self, Record, Records},
};
use crate::{CloseReason, Fact, Frame, Input, Never, Output, Session, Ticket, Time, rng::Rng};

/// Packets held back at most, per connection.
const MAX_HELD: usize = 4096;
/// Who is not probed asks the time this long after the login.
const UNPROBED: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
enum State {
    /// It says nothing for a while, or for good.
    Mute {
        until: Option<Time>,
    },
    LoggingIn {
        until: Time,
    },
    In,
    /// It has been given up; nothing more is to come.
    Over,
}

/// The bridge's end of one connection.
pub struct Device {
    pub(super) cync: Cync,
    pub(super) place: u64,
    state: State,
    framing: Framing,
    pub(super) out: VecDeque<Output<Reply>>,
    held: BTreeMap<(Time, u64), Bytes>,
    order: u64,
    chance: Rng,
    storm: Storm,
    /// The next message ids of pipes and of reports.
    pipes: u16,
    reports: u16,
    /// When to ask the time; not any more once it was.
    asks_at: Option<Time>,
    pings_at: Option<Time>,
    heard: Time,
    leaving: bool,
}

/// A command as it arrived.
pub(super) struct Asked {
    /// Of the packet around it.
    pub(super) device: u32,
    pub(super) id: u16,
    pub(super) seq: u32,
    pub(super) code: u8,
    /// Whom it is for, unless it asks for all.
    pub(super) to: Option<(Target, Command)>,
    pub(super) ticket: Ticket,
}

impl Device {
    pub(super) fn new(cync: Cync, now: Time) -> Self {
        let place = cync.memory().open();
        let until = now + cync.bridge.patience;
        let mut device = Self {
            place,
            state: State::LoggingIn { until },
            framing: Framing::default(),
            out: VecDeque::new(),
            held: BTreeMap::new(),
            order: 0,
            chance: cync.bridge.latency.chance(place),
            storm: cync.bridge.chaos.storm(cync.bridge.seed, place),
            pipes: 0,
            reports: 0,
            asks_at: None,
            pings_at: None,
            heard: now,
            leaving: false,
            cync,
        };
        match device.strike(Moment::Open, None) {
            Mode::Reject => device.close(CloseReason::Local),
            Mode::NoLogin => device.state = State::Mute { until: None },
            Mode::LateLogin(after) => device.state = State::Mute { until: Some(now + after) },
            // Nothing else strikes now.
            _ => device.log_in(),
        }
        device
    }

    fn log_in(&mut self) {
        let bridge = &self.cync.bridge;
        let login = Message::login(bridge.id, &bridge.key.0, bridge.keep_alive).encode();
        self.send(login);
    }

    pub(super) fn strike(&mut self, moment: Moment, ticket: Option<Ticket>) -> Mode {
        let mode = self.cync.memory().strike(moment);
        if mode != Mode::Success {
            let name = crate::quirk::Mode::name(mode).into();
            self.tell(Fact::Quirk { name, ticket });
        }
        mode
    }
    pub(super) fn tell(&mut self, fact: Fact) {
        self.out.push_back(Output::Fact(fact));
    }
    fn odd(&mut self, what: &'static str, detail: impl Into<String>) {
        self.tell(Fact::Odd { what: what.into(), detail: detail.into() });
    }
    pub(super) fn close(&mut self, reason: CloseReason) {
        self.state = State::Over;
        self.out.push_back(Output::Close(reason));
    }
    fn is_closed(&self) -> bool {
        matches!(self.state, State::Over)
    }
    fn send(&mut self, bytes: Bytes) {
        let kind = kind_of(&bytes);
        let (ticket, msg_id, device_id) = (None, None, None);
        self.out.push_back(Output::Transmit(Frame { bytes, kind, ticket, msg_id, device_id }));
    }
    /// Says this about a command then, after what is to be said then already; unless chance has it
    /// otherwise.
    pub(super) fn hold(&mut self, at: Time, bytes: Bytes) {
        let kind = kind_of(&bytes);
        let fate = self.storm.says(&self.cync.bridge.chaos, bytes);
        for what in fate.did {
            self.odd(what, kind);
        }
        for (late, bytes) in fate.copies {
            self.hold_for_sure(at + late, bytes);
        }
    }
    fn hold_for_sure(&mut self, at: Time, bytes: Bytes) {
        if self.held.len() == MAX_HELD {
            let reason = CloseReason::Misbehaved("more commands in flight than I can hold".into());
            return self.close(reason);
        }
        self.order += 1;
        self.held.insert((at, self.order), bytes);
    }
    /// After how long the next word comes.
    pub(super) fn pause(&mut self) -> Duration {
        self.cync.bridge.latency.next(&mut self.chance)
    }
    pub(super) fn next_pipe(&mut self) -> u16 {
        self.pipes = self.pipes.wrapping_add(1);
        self.pipes.wrapping_sub(1)
    }
    pub(super) fn next_report(&mut self) -> u16 {
        self.reports = self.reports.wrapping_add(1);
        self.reports.wrapping_sub(1)
    }

    fn read(&mut self, now: Time) {
        // What follows a close is not read: nobody would see what became of it.
        while !self.is_closed() {
            match self.framing.next() {
                None => return,
                Some(Framed::Whole(bytes)) => {
                    self.packet(now, &bytes);
                    // What is due at once comes before what follows in the same bytes.
                    if !self.is_closed() {
                        self.pass_time(now);
                    }
                }
                Some(Framed::Lost(at, why, bytes)) => {
                    self.tell(Fact::malformed("junk", format!("byte {at}: {why}"), &bytes));
                }
                Some(Framed::Found(skipped)) => {
                    self.odd("resynchronised", format!("after {skipped} bytes that are no packet"));
                }
            }
        }
    }

    fn packet(&mut self, now: Time, bytes: &Bytes) {
        self.heard = now;
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(wrong) => {
                return self.tell(Fact::malformed("packet", wrong.to_string(), bytes));
            }
        };
        let asked = self.asked(&message);
        let mut times = 1;
        if let (State::In, Message::Pipe { report: false, .. }) = (self.state, &message) {
            times = self.storm.hears(&self.cync.bridge.chaos);
        }
        match times {
            0 => return self.odd("lost", message.kind()),
            1 => {}
            _ => self.odd("doubled", message.kind()),
        }
        self.received(bytes, message.kind(), asked.as_ref());
        match (self.state, message) {
            (State::LoggingIn { .. }, Message::LoginAck { app: false, code }) => {
                self.welcome(now, code);
            }
            (State::LoggingIn { .. } | State::Mute { .. } | State::Over, other) => {
                self.odd("before_login", format!("{} came before leave to be in", other.kind()));
            }
            (State::In, Message::Probe { device, id }) => self.probed(now, device, id),
            (State::In, Message::Time(clock)) => {
                self.cync.memory().clock = Some(clock.to_string());
                self.tell_of_lamps();
            }
            (State::In, Message::Pipe { device, id, inner, report: false, .. }) => match asked {
                Some(asked) => (0..times).for_each(|_| self.obey(now, &asked)),
                None => self.cannot(now, device, id, &inner, bytes),
            },
            (State::In, Message::PipeAck { code: code @ (1..=9 | 11..), id, .. }) => {
                self.odd("refused", format!("message {id} was refused with code {code}"));
            }
            (State::In, Message::Disconnect { reason, .. }) => {
                self.close(CloseReason::Left(format!("a disconnect, reason {reason}")));
            }
            (
                State::In,
                Message::PipeAck { .. }
                | Message::SyncAck { .. }
                | Message::ReportAck { .. }
                | Message::Pong,
            ) => {}
            (
                State::In,
                other @ (Message::Login(_)
                | Message::LoginAck { .. }
                | Message::Sync { .. }
                | Message::Pipe { .. }
                | Message::ProbeAck { .. }
                | Message::TimeAsked
                | Message::Ping),
            ) => self.odd("not_for_us", format!("{} is a bridge's", other.kind())),
        }
    }

    fn received(&mut self, bytes: &Bytes, kind: &'static str, asked: Option<&Asked>) {
        let to = asked.and_then(|asked| asked.to);
        self.out.push_back(Output::Received(Frame {
            bytes: bytes.clone(),
            kind,
            ticket: None,
            msg_id: asked.map(|asked| asked.seq.to_string().into()),
            device_id: to.map(|(to, _)| to.to_string().into()),
        }));
    }

    fn welcome(&mut self, now: Time, code: u8) {
        if code != 0 {
            return self.close(CloseReason::Refused(format!("login refused with code {code}")));
        }
        self.state = State::In;
        self.cync.memory().let_in();
        self.asks_at = Some(now + UNPROBED);
        self.pings_at = self.cync.bridge.ping.map(|every| now + every);
        if self.strike(Moment::In, None) == Mode::Unasked {
            let result = self.result(u32::MAX, code::POWER, 0);
            self.send(result);
        }
    }

    fn probed(&mut self, now: Time, device: u32, id: u16) {
        if self.strike(Moment::Probe, None) != Mode::NoProbe {
            let at = now + self.pause();
            self.hold_for_sure(at, Message::ProbeAck { device, id }.encode());
        }
        if let Some(at) = &mut self.asks_at {
            *at = now;
        }
    }

    fn tell_of_lamps(&mut self) {
        let mut records = Vec::new();
        let memory = self.cync.memory();
        // A record has one byte for the id. Of other lamps only the answer to a query tells.
        let told =
            memory.lamps().iter().filter_map(|(id, lamp)| Some((u8::try_from(*id).ok()?, lamp)));
        for (item, (id, lamp)) in (1..).zip(told) {
            let data = lamp.record(id);
            Record { item, kind: sync::STATE, data: &data }.write(&mut records);
        }
        drop(memory);
        let (device, id, flag) = (self.cync.bridge.id, 0x0101, 6);
        self.send(Message::Sync { device, id, flag, records: Records(&records) }.encode());
    }

    fn pass_time(&mut self, now: Time) {
        while let Some(first) = self.held.first_entry().filter(|held| held.key().0 <= now) {
            let bytes = first.remove();
            self.send(bytes);
        }
        match self.state {
            State::Mute { until: Some(until) } if until <= now => {
                self.state = State::LoggingIn { until: now + self.cync.bridge.patience };
                self.log_in();
            }
            State::LoggingIn { until } if until <= now => {
                return self.close(CloseReason::TimedOut("answer to the login".into()));
            }
            State::Mute { .. } | State::LoggingIn { .. } | State::In | State::Over => {}
        }
        // The answer to a probe comes first: it may not have been said yet.
        if self.asks_at.is_some_and(|at| at <= now) && self.held.is_empty() {
            self.asks_at = None;
            self.send(Message::TimeAsked.encode());
        }
        if let Some(at) = self.pings_at.filter(|at| *at <= now) {
            self.pings_at = self.cync.bridge.ping.map(|every| at.max(now) + every);
            if self.strike(Moment::Ping, None) != Mode::NoPing {
                self.send(Message::Ping.encode());
            }
        }
        if self.silent_until().is_some_and(|at| at <= now) {
            self.close(CloseReason::TimedOut("word from the controller".into()));
        }
        if self.leaving && self.held.is_empty() {
            self.close(CloseReason::Peer);
        }
    }

    /// A controller answers pings, so it cannot be silent for so long.
    fn silent_until(&self) -> Option<Time> {
        let keep_alive = Duration::from_secs(self.cync.bridge.keep_alive.into());
        let pings = self.pings_at.is_some() && !keep_alive.is_zero();
        (pings && matches!(self.state, State::In)).then(|| self.heard + keep_alive * 3 / 2)
    }

    fn wake_at(&self) -> Option<Time> {
        let held = self.held.keys().next().map(|(at, _)| *at);
        let state = match self.state {
            State::Mute { until } => until,
            State::LoggingIn { until } => Some(until),
            State::In => None,
            State::Over => return None,
        };
        // What is asked waits for what is held.
        let asks = self.asks_at.filter(|_| self.held.is_empty());
        [held, state, asks, self.pings_at, self.silent_until()].into_iter().flatten().min()
    }
}

impl Session for Device {
    type Request = Never;
    type Reply = Reply;

    fn handle_input(&mut self, now: Time, input: Input<'_, Never>) {
        match input {
            Input::Received(bytes) => {
                self.framing.push(bytes);
                self.read(now);
            }
            Input::Eof => {
                // What follows a close is nobody's, cut or not.
                let part = self.framing.rest();
                if !self.is_closed() && !part.is_empty() {
                    let detail =
                        format!("the connection closed {} bytes into a packet", part.len());
                    self.tell(Fact::malformed("truncated", detail, &part));
                }
                self.leaving = true;
            }
            Input::Request(_, never) => match never {},
            Input::Leave => {
                self.send(Message::Disconnect { reason: 3, response: false }.encode());
                return;
            }
            Input::Forget(_) | Input::Prompted | Input::Timeout => {}
        }
        if !self.is_closed() {
            self.pass_time(now);
        }
    }
    fn poll_output(&mut self) -> Output<Reply> {
        self.out.pop_front().unwrap_or_else(|| Output::Wait(self.wake_at()))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.cync.memory().close();
    }
}
