//! The controller's end of one connection: lets a bridge in, asks it, and follows each command from the
//! frame's arrival to the lamp it changed.
//!
//! ```text
//!           login           greeting over          probe answered
//!   Waiting ─────▶ Greeting ─────────────▶ Probing ──────────────▶ Up
//!                      └────── no probe is wanted ─────────────────▶
//! ```
mod follow;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;

use super::{
    command::{self, Command, Target, code},
    inner::{Inner, InnerError, Kind},
    lamp::{self, Lamp},
    message::Message,
    numbers::Numbers,
    packet::{Framed, Framing},
    request::{Reply, Request, Seen},
    settings::Controller,
};
use crate::{CloseReason, Fact, Frame, Input, Output, Proof, Session, Ticket, Time};

/// Commands followed at once; beyond that the oldest is let go.
const MAX_OPEN: usize = 1024;
/// Commands that came to their end lately, so that a repeated answer is known for what it is.
const REMEMBERED: usize = 64;
/// What an end for want of pings begins with.
pub const KEEP_ALIVE: &str = "keep-alive";
/// How long a command is followed.
const FOLLOWED: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
enum State {
    Waiting {
        until: Time,
    },
    Greeting {
        until: Time,
    },
    Probing,
    Up,
    /// It has been given up; nothing more is to come.
    Over,
}

/// The controller's end.
#[derive(Debug)]
pub struct Client {
    set: Controller,
    state: State,
    framing: Framing,
    out: VecDeque<Output<Reply>>,
    /// The bridge, as it called itself.
    device: u32,
    /// How long it may be silent, and when it was heard last.
    silence: Option<Duration>,
    heard: Time,
    /// One sequence for all connections: message ids are its low bytes.
    numbers: Arc<Mutex<Numbers>>,
    open: BTreeMap<u32, Open>,
    ended: VecDeque<(u32, Ticket)>,
}

/// A command that is followed.
#[derive(Debug)]
struct Open {
    ticket: Ticket,
    asks: Option<(Target, Command)>,
    until: Time,
    /// Nobody waits for it any more.
    forgotten: bool,
    arrived: bool,
    done: bool,
    /// The lamp is as was asked; the bridge has not said yet that this is our doing.
    seen: Option<Seen>,
}

impl Client {
    pub(super) fn new(set: Controller, numbers: Arc<Mutex<Numbers>>, now: Time) -> Self {
        Self {
            set,
            state: State::Waiting { until: now + set.patience },
            framing: Framing::default(),
            out: VecDeque::new(),
            device: 0,
            silence: None,
            heard: now,
            numbers,
            open: BTreeMap::new(),
            ended: VecDeque::new(),
        }
    }

    fn ask(&mut self, now: Time, ticket: Ticket, request: &Request) {
        let asks = request.command();
        let until = now + FOLLOWED;
        // The same command again has the same bytes, so that the bridge can know it.
        let seq = self.numbers.lock().expect("held for a line that does not panic").of(ticket);
        match self.open.get_mut(&seq) {
            Some(open) => (open.until, open.forgotten) = (until, false),
            None => {
                if self.open.len() == MAX_OPEN {
                    self.open.pop_first();
                }
                let (arrived, done, seen, forgotten) = (false, false, None, false);
                let open = Open { ticket, asks, until, forgotten, arrived, done, seen };
                self.open.insert(seq, open);
            }
        }
        let body = asks.map(|(to, command)| (command.code(), command.body(seq, to)));
        let mut inner = match &body {
            Some((code, body)) => Inner::new(seq, Kind::Request, *code, body),
            None => Inner::new(seq, Kind::Request, code::QUERY, command::all_lamps()),
        };
        inner.escaped = self.set.escape;
        let message = Message::pipe(false, self.device, id_of(seq), inner);
        let to = asks.map(|(to, _)| to.to_string().into());
        self.transmit(&message, Some(ticket), Some(seq), to);
    }

    fn transmit(
        &mut self,
        message: &Message,
        ticket: Option<Ticket>,
        seq: Option<u32>,
        device_id: Option<Arc<str>>,
    ) {
        let msg_id = seq.map(|seq| seq.to_string().into());
        let (bytes, kind) = (message.encode(), message.kind());
        self.out.push_back(Output::Transmit(Frame { bytes, kind, ticket, msg_id, device_id }));
    }
    fn answer(&mut self, message: &Message) {
        self.transmit(message, None, None, None);
    }
    fn close(&mut self, reason: CloseReason) {
        self.state = State::Over;
        self.out.push_back(Output::Close(reason));
    }
    fn odd(&mut self, what: &'static str, detail: impl Into<String>) {
        self.out.push_back(Output::Fact(Fact::Odd { what: what.into(), detail: detail.into() }));
    }
    fn received(&mut self, bytes: &Bytes, kind: &'static str, from: Option<(u32, Ticket)>) {
        self.received_of(bytes, kind, from, None);
    }
    fn received_of(
        &mut self,
        bytes: &Bytes,
        kind: &'static str,
        from: Option<(u32, Ticket)>,
        device_id: Option<Arc<str>>,
    ) {
        let bytes = bytes.clone();
        let msg_id = from.map(|(seq, _)| seq.to_string().into());
        let ticket = from.map(|(_, ticket)| ticket);
        self.out.push_back(Output::Received(Frame { bytes, kind, ticket, msg_id, device_id }));
    }

    fn read(&mut self, now: Time) {
        while !matches!(self.state, State::Over) {
            match self.framing.next() {
                None => return,
                Some(Framed::Whole(bytes)) => {
                    self.packet(now, &bytes);
                    // What is due at once comes before what follows in the same bytes.
                    self.pass_time(now);
                }
                Some(Framed::Lost(at, why, bytes)) => {
                    let detail = format!("byte {at}: {why}");
                    self.out.push_back(Output::Fact(Fact::malformed("junk", detail, &bytes)));
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
                let fact = Fact::malformed("packet", wrong.to_string(), bytes);
                return self.out.push_back(Output::Fact(fact));
            }
        };
        let kind = message.kind();
        if let (State::Waiting { .. }, false) = (self.state, matches!(message, Message::Login(_))) {
            self.received(bytes, kind, None);
            return self.odd("before_login", format!("{kind} came before a login"));
        }
        match message {
            Message::Pipe { report, device, id, inner, .. } => {
                self.pipe(bytes, kind, report, inner);
                self.answer(&match report {
                    true => Message::ReportAck { id, code: 0 },
                    // What the cloud says to every pipe of a device.
                    false => Message::PipeAck { of_device: false, device, id, code: 0x0a },
                });
            }
            Message::PipeAck { device, id, code, of_device } => {
                self.acknowledged(bytes, device, id, code, of_device);
            }
            other => {
                let named = match &other {
                    Message::Login(login) => Some(format!("{:08x}", login.id).into()),
                    _ => None,
                };
                self.received_of(bytes, kind, None, named);
                self.about_the_link(now, &other);
            }
        }
    }

    fn about_the_link(&mut self, now: Time, message: &Message) {
        match *message {
            Message::Login(login) => {
                self.answer(&Message::LoginAck { app: login.app, code: 0 });
                if let State::Waiting { .. } = self.state {
                    self.device = login.id;
                    let keep_alive = Duration::from_secs(login.keep_alive.into());
                    // Half as long again: a ping may be on its way.
                    self.silence = (login.keep_alive > 0).then(|| keep_alive * 3 / 2);
                    self.state = State::Greeting { until: now + self.set.greeting };
                } else {
                    self.odd("login_again", format!("{:08x} is in already", login.id));
                }
            }
            Message::ProbeAck { id, .. } => match self.state {
                State::Probing if id == PROBE => {
                    self.state = State::Up;
                    self.out.push_back(Output::Ready(Proof::RoundTrip));
                }
                State::Probing
                | State::Waiting { .. }
                | State::Greeting { .. }
                | State::Up
                | State::Over => {
                    self.odd("probe_ack", format!("nobody waits for an answer to probe {id}"));
                }
            },
            Message::TimeAsked => match self.set.clock(now) {
                Some(clock) => self.answer(&Message::Time(clock)),
                None => self.odd("no_time", "this far from its start there is no calendar"),
            },
            Message::Ping => self.answer(&Message::Pong),
            Message::Sync { id, records, .. } => {
                self.answer(&Message::SyncAck { id, code: 0 });
                for record in records.flatten() {
                    if let Some((mesh, state)) = Lamp::of_record(record.data) {
                        let seen = Seen { lamp: mesh.into(), state };
                        self.out.push_back(Output::Push(Reply::Seen(seen)));
                    }
                }
            }
            Message::Disconnect { reason, .. } => {
                let reason = CloseReason::Left(format!("a disconnect, reason {reason}"));
                self.close(reason);
            }
            Message::LoginAck { .. }
            | Message::SyncAck { .. }
            | Message::ReportAck { .. }
            | Message::Probe { .. }
            | Message::Time(_)
            | Message::Pong => {
                self.odd("not_for_us", format!("{} is a controller's", message.kind()))
            }
            Message::Pipe { .. } | Message::PipeAck { .. } => {}
        }
    }

    fn pass_time(&mut self, now: Time) {
        if let State::Over = self.state {
            return;
        }
        while self.open.first_key_value().is_some_and(|(_, open)| open.until <= now) {
            self.open.pop_first();
        }
        match self.state {
            State::Waiting { until } if until <= now => {
                self.close(CloseReason::TimedOut("login".into()));
            }
            State::Greeting { until } if until <= now => self.greet(),
            State::Waiting { .. }
            | State::Greeting { .. }
            | State::Probing
            | State::Up
            | State::Over => {}
        }
        if let Some(limit) = self.silence.filter(|limit| self.heard + *limit <= now) {
            let reason = format!("{KEEP_ALIVE}: not a word from the bridge for {limit:?}");
            self.close(CloseReason::Timer(reason));
        }
    }

    fn greet(&mut self) {
        if self.set.probe {
            self.state = State::Probing;
            self.answer(&Message::Probe { device: self.device, id: PROBE });
        } else {
            self.state = State::Up;
            self.out.push_back(Output::Ready(Proof::Connected));
        }
    }

    fn wake_at(&self) -> Option<Time> {
        let state = match self.state {
            State::Waiting { until } | State::Greeting { until } => Some(until),
            State::Probing | State::Up => None,
            State::Over => return None,
        };
        let silence = self.silence.map(|limit| self.heard + limit);
        [state, silence].into_iter().flatten().min()
    }
}

/// The message id of the probe. Commands count from 1.
const PROBE: u16 = 0;

/// The message id of a command: the low bytes of its sequence.
fn id_of(seq: u32) -> u16 {
    let [.., high, low] = seq.to_be_bytes();
    u16::from_be_bytes([high, low])
}

impl Session for Client {
    type Request = Request;
    type Reply = Reply;

    fn handle_input(&mut self, now: Time, input: Input<'_, Request>) {
        match input {
            Input::Request(ticket, request) => self.ask(now, ticket, &request),
            Input::Received(bytes) => {
                self.framing.push(bytes);
                self.read(now);
            }
            Input::Eof => {
                // What follows a close is nobody's, cut or not.
                let part = self.framing.rest();
                if !matches!(self.state, State::Over) && !part.is_empty() {
                    let detail =
                        format!("the connection closed {} bytes into a packet", part.len());
                    self.out.push_back(Output::Fact(Fact::malformed("truncated", detail, &part)));
                }
                self.close(CloseReason::Peer);
            }
            Input::Forget(ticket) => {
                for open in self.open.values_mut().filter(|open| open.ticket == ticket) {
                    open.forgotten = true;
                }
            }
            Input::Leave => self.answer(&Message::Disconnect { reason: 3, response: false }),
            Input::Prompted | Input::Timeout => {}
        }
        self.pass_time(now);
    }

    fn poll_output(&mut self) -> Output<Reply> {
        self.out.pop_front().unwrap_or_else(|| Output::Wait(self.wake_at()))
    }
}
