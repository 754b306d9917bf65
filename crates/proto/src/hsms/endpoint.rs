//! One end of an HSMS connection (SEMI E37 §7, E37.1), whoever dialled and whoever commands.
//!
//! ```text
//!   TCP open                    Select.rsp 0, sent or received
//!  ─────────▶ NOT SELECTED ───────────────────────────────────▶ SELECTED
//!               │      ▲                                           │
//!      T6, T7, T8      └──────── Deselect.rsp 0 ───────────────────┤
//!               ▼                                                  ▼
//!             closed ◀──── Separate.req, T6 of a linktest, T8, a bad length
//! ```
//! NOT CONNECTED is having no endpoint. Reactions here; `timers.rs` keeps the timers, `control.rs` and
//! `data.rs` take the messages.
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{
    conduct::{Conduct, Reaction},
    framing::{Framed, Framing},
    message::{Header, Message, NO_SESSION, SType},
    settings::Timers,
    timers::{Cause, Running},
};
use crate::{CloseReason, Fact, Frame, Ticket, Time};

/// Messages kept for later at most.
const MAX_HELD: usize = 64;
/// Messages in a row that are rejected at most: two ends that reject each other's rejects never stop.
const MAX_REJECTS: u32 = 100;

/// What an endpoint is told about itself.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) conduct: &'static Conduct,
    pub(super) timers: Timers,
    /// Device id, and the session of everything we say first.
    pub(super) session: u16,
    /// The longest length taken.
    pub(super) max_message: u32,
    /// Transactions of ours open at once.
    pub(super) max_open: usize,
    /// This end sends Select.req.
    pub(super) active: bool,
    /// T3 is kept here, not by whoever asks.
    pub(super) keeps_t3: bool,
    /// Serves another connection already: Select.req gets status 3.
    pub(super) exhausted: bool,
}

/// What an endpoint does and tells.
#[derive(Debug)]
pub(super) enum Said {
    Transmit(Message, Option<Ticket>),
    Received(Frame),
    Selected,
    Deselected,
    /// The peer asks or tells something.
    Primary(Message),
    /// The one end of something we asked.
    Answered(Ticket, Answered),
    Fact(Fact),
    /// Nothing more will be said here.
    Finish,
    Close(CloseReason),
}

/// How something we asked ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answered {
    /// This came back.
    Message(Message),
    /// Nothing will come back, and why.
    Failed(String),
    /// T3 ran out for what was said with this header, or T6.
    TimedOut(String, Header),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The system bytes of our Select.req, if it is open.
    NotSelected {
        asked: Option<u32>,
    },
    Selected,
}

/// A control transaction of ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Control {
    pub(super) stype: SType,
    pub(super) ticket: Option<Ticket>,
    pub(super) t6: Running,
}

/// A data transaction of ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) ticket: Ticket,
    pub(super) header: Header,
    pub(super) t3: Option<Running>,
}

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) config: Config,
    pub(super) framing: Framing,
    pub(super) state: State,
    pub(super) open: BTreeMap<u32, Open>,
    /// Open transactions by T3: it is the same for all, so they run out in order.
    pub(super) t3: VecDeque<u32>,
    pub(super) control: BTreeMap<u32, Control>,
    pub(super) t7: Option<Running>,
    pub(super) t8: Option<Running>,
    pub(super) linktest: Option<Running>,
    /// Linktests in a row without an answer.
    pub(super) unanswered: u32,
    last_system: u32,
    pub(super) held: VecDeque<Message>,
    /// Reads a message that is too long, and waits for all of it.
    pub(super) swallowing: bool,
    pub(super) wedged: bool,
    pub(super) closed: bool,
    /// Who asked for Separate.req, as soon as nothing is open any more.
    pub(super) leaving: Option<Ticket>,
    /// Messages that were rejected since the last one that belonged.
    rejects: u32,
    /// What is being taken does not belong.
    stray: bool,
    /// When bytes last came, and whether they have been looked at.
    now: Time,
    unread: bool,
    out: VecDeque<Said>,
}

impl Endpoint {
    /// An end of a connection that has just opened.
    pub(super) fn new(config: Config, now: Time) -> Self {
        let mut endpoint = Self {
            framing: Framing::new(config.max_message),
            config,
            state: State::NotSelected { asked: None },
            open: BTreeMap::new(),
            t3: VecDeque::new(),
            control: BTreeMap::new(),
            t7: None,
            t8: None,
            linktest: None,
            unanswered: 0,
            last_system: 0,
            held: VecDeque::new(),
            swallowing: false,
            wedged: false,
            closed: false,
            leaving: None,
            rejects: 0,
            stray: false,
            now,
            unread: false,
            out: VecDeque::new(),
        };
        endpoint.not_selected(now, Cause::Open);
        if endpoint.config.active {
            endpoint.select(now);
        }
        endpoint
    }

    /// What to do next, if anything. Messages are taken one by one: the next is not looked at before
    /// everything about the one before has been said, or what came in one read would count as less
    /// than what came in two.
    pub(super) fn poll(&mut self) -> Option<Said> {
        while self.out.is_empty() && self.take_next() {}
        self.out.pop_front()
    }

    /// Takes the next message that is whole. Was there one?
    fn take_next(&mut self) -> bool {
        if self.closed || self.wedged {
            return false;
        }
        match self.framing.next() {
            Some(Framed::Whole(bytes)) => self.message(self.now, bytes),
            Some(Framed::TooShort(length)) => {
                self.bad_length(self.config.conduct.short_length, length);
            }
            Some(Framed::TooLong(length)) => {
                self.swallowing = self.config.conduct.long_length == Reaction::Ignore;
                self.bad_length(self.config.conduct.long_length, length);
            }
            None => {
                if std::mem::take(&mut self.unread) {
                    self.watch_gaps(self.now);
                }
                return false;
            }
        }
        true
    }

    pub(super) fn is_selected(&self) -> bool {
        self.state == State::Selected
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Bytes arrived.
    pub(super) fn received(&mut self, now: Time, bytes: &[u8]) {
        if self.closed || self.wedged {
            return;
        }
        self.framing.push(bytes);
        if self.linktest.is_some() {
            self.watch_idle(now);
        }
        (self.now, self.unread) = (now, true);
    }

    /// The peer finished sending.
    pub(super) fn eof(&mut self, now: Time) {
        if self.config.conduct.separate_on_eof {
            self.separate_now(now);
        }
        let partial = self.framing.partial();
        if partial > 0 {
            let detail = format!("the connection closed {partial} bytes into a message");
            self.tell(Fact::malformed("truncated", detail, &[]));
        }
        self.close(CloseReason::Peer);
    }

    /// A data transaction of ours has begun.
    pub(super) fn opened(&mut self, now: Time, ticket: Ticket, header: Header) {
        while self.t3.front().is_some_and(|system| !self.open.contains_key(system)) {
            self.t3.pop_front();
        }
        let t3 = self.config.keeps_t3.then(|| {
            self.t3.push_back(header.system);
            Running { at: now + self.config.timers.t3, since: now, cause: Cause::Sent(header) }
        });
        self.open.insert(header.system, Open { ticket, header, t3 });
    }

    pub(super) fn not_selected(&mut self, now: Time, cause: Cause) {
        self.state = State::NotSelected { asked: None };
        self.linktest = None;
        self.t7 = self.config.conduct.t7.then(|| self.running(now, self.config.timers.t7, cause));
    }

    pub(super) fn selected(&mut self, now: Time) {
        if self.is_selected() {
            return;
        }
        self.state = State::Selected;
        self.t7 = None;
        self.watch_idle(now);
        self.say(Said::Selected);
    }

    /// Asks the peer something about the connection itself; T6 runs from here.
    pub(super) fn ask_control(&mut self, now: Time, stype: SType, ticket: Option<Ticket>) -> u32 {
        let by_id = stype == SType::SelectReq && self.config.conduct.select_by_id;
        let session = if by_id { self.config.session } else { NO_SESSION };
        let system = self.fresh_system();
        let header = Header::control(stype, session, 0, 0, system);
        let t6 = self.running(now, self.config.timers.t6, Cause::Sent(header));
        self.control.insert(system, Control { stype, ticket, t6 });
        self.say(Said::Transmit(Message::bare(header), ticket));
        system
    }

    /// System bytes that no open transaction of ours has.
    pub(super) fn fresh_system(&mut self) -> u32 {
        loop {
            self.last_system = self.last_system.wrapping_add(1);
            if self.is_free(self.last_system) {
                return self.last_system;
            }
        }
    }

    pub(super) fn is_free(&self, system: u32) -> bool {
        !self.open.contains_key(&system) && !self.control.contains_key(&system)
    }

    /// Does what the conduct says about a message that does not belong.
    pub(super) fn react(&mut self, reaction: Reaction, message: &Message, reason: u8, why: &str) {
        self.stray = true;
        let header = message.header;
        let why = format!("{header}: {why}");
        // Whatever is wrong with a Reject.req, rejecting it would never end.
        let rejects = header.stype == SType::RejectReq || header.ptype == SType::RejectReq.number();
        match reaction {
            Reaction::Reject if rejects => self.odd("ignored", why),
            Reaction::Reject if self.rejects == MAX_REJECTS => {
                let why = format!("{MAX_REJECTS} messages in a row that do not belong; last {why}");
                self.close(CloseReason::Misbehaved(why));
            }
            Reaction::Reject | Reaction::RejectClose => {
                self.rejects += 1;
                let byte2 = if reason == 2 { header.ptype } else { header.stype.number() };
                let reject =
                    Header { byte2, byte3: reason, ptype: 0, stype: SType::RejectReq, ..header };
                self.say(Said::Transmit(Message::bare(reject), None));
                match reaction {
                    Reaction::RejectClose => self.close(CloseReason::Misbehaved(why)),
                    _ => self.odd("rejected", why),
                }
            }
            Reaction::Hold if self.held.len() < MAX_HELD => self.held.push_back(message.clone()),
            Reaction::Close => self.close(CloseReason::Misbehaved(why)),
            Reaction::Reset => {
                self.odd("reset", why);
                self.close(CloseReason::Abort);
            }
            Reaction::Wedge => {
                self.odd("wedged", why);
                self.wedged = true;
            }
            Reaction::Accept | Reaction::Status(_) | Reaction::Ignore | Reaction::Hold => {
                self.odd("ignored", why);
            }
        }
    }

    fn bad_length(&mut self, reaction: Reaction, length: u32) {
        let why = match length < super::message::HEADER as u32 {
            true => format!("length {length} is below the header's 10 bytes"),
            false => format!("length {length} is over the limit of {}", self.config.max_message),
        };
        self.tell(Fact::malformed("length", why.clone(), &length.to_be_bytes()));
        match reaction {
            Reaction::Reset => self.close(CloseReason::Abort),
            Reaction::Ignore => {}
            _ => self.close(CloseReason::Misbehaved(why)),
        }
    }

    pub(super) fn odd(&mut self, what: &'static str, detail: String) {
        self.stray = true;
        self.tell(Fact::Odd { what: what.into(), detail });
    }

    pub(super) fn tell(&mut self, fact: Fact) {
        self.say(Said::Fact(fact));
    }

    pub(super) fn say(&mut self, said: Said) {
        if !self.closed {
            self.out.push_back(said);
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        self.say(Said::Close(reason));
        self.closed = true;
    }

    pub(super) fn message(&mut self, now: Time, bytes: Bytes) {
        let mut message = Message::of_frame(&bytes).expect("framing gives whole messages");
        if self.config.conduct.type_in_ptype {
            message.header.stype = SType::of(message.header.ptype);
            message.header.ptype = 0;
        }
        let ticket = self.ticket_of(&message.header);
        self.say(Said::Received(message.frame(bytes, ticket)));
        self.stray = false;
        self.take(now, message);
        if !self.stray {
            self.rejects = 0;
        }
    }

    /// Takes a message by what it is.
    pub(super) fn take(&mut self, now: Time, message: Message) {
        let conduct = self.config.conduct;
        let header = message.header;
        if header.ptype != 0 && conduct.odd_ptype != Reaction::Accept {
            return self.react(conduct.odd_ptype, &message, 2, "only PType 0 is known");
        }
        match header.stype {
            SType::Data => self.data(now, message),
            SType::Other(byte) => {
                let reaction = if byte < 128 { conduct.odd_stype } else { conduct.wild_stype };
                self.react(reaction, &message, 1, "there is no such SType");
            }
            _ if !message.text.is_empty() && conduct.control_text != Reaction::Accept => {
                self.react(conduct.control_text, &message, 1, "a control message has no text");
            }
            _ => self.control_message(now, message),
        }
    }
}
