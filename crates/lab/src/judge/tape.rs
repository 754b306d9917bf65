//! Histories for tests: a sound one, and ways to spoil it.
use std::{borrow::Cow, net::SocketAddr};

use net::{
    Dir, Event, Record,
    record::{End, Role},
};
use proto::{CloseReason, Delivery, Fact, Proof, Stage, Ticket, Time};

/// The ticket of a sound history's one request.
pub(crate) const TICKET: Ticket = Ticket(0x1d);
/// Its wire form.
pub(crate) const WIRE: &str = "{\"msg_id\": \"000000000000001d\"}";

/// Records being written. Every next one is a millisecond later.
#[derive(Clone, Default)]
pub(crate) struct Tape(Vec<Record>);

impl Tape {
    /// One request, answered and done, on one connection closed by both ends.
    pub(crate) fn sound() -> Self {
        Self::default().request(TICKET, 1).lab(Event::Ended { tasks_left: 0 })
    }
    /// `n` sound requests.
    pub(crate) fn many(n: u32) -> Self {
        let tape = (1..=n).fold(Self::default(), |t, n| t.request(Ticket(n.into()), n));
        tape.lab(Event::Ended { tasks_left: 0 })
    }
    fn request(self, ticket: Ticket, conn: u32) -> Self {
        self.client(Event::Submitted { ticket, device_id: None })
            .client(Event::Attempt { ticket, attempt: 1 })
            .client(opened(conn))
            .client(Event::Ready { conn, proof: Proof::Connected })
            .client(frame(conn, Dir::Out, "toggle", ticket, WIRE))
            .device(opened(conn))
            .device(frame(conn, Dir::In, "toggle", ticket, WIRE))
            .device(applied(conn, ticket))
            .device(frame(conn, Dir::Out, "ack", ticket, "ACK"))
            .client(Event::Received { conn, bytes: "ACK".into() })
            .client(frame(conn, Dir::In, "ack", ticket, "ACK"))
            .client(done(ticket, ok(Delivery::Replied), 1))
            .client(Event::Closed { conn, reason: CloseReason::Local })
            .device(Event::Closed { conn, reason: CloseReason::Peer })
    }
    /// The client writes this down.
    pub(crate) fn client(self, event: Event) -> Self {
        self.push("toggler", Role::Client, event)
    }
    /// The device writes this down.
    pub(crate) fn device(self, event: Event) -> Self {
        self.push("lamp", Role::Device, event)
    }
    /// The proxy writes this down.
    pub(crate) fn proxy(self, event: Event) -> Self {
        self.push("wire", Role::Proxy, event)
    }
    /// The lab writes this down.
    pub(crate) fn lab(self, event: Event) -> Self {
        self.push("lab", Role::Lab, event)
    }
    /// Everything before the end of the run, so that more can be added.
    pub(crate) fn unended(self) -> Self {
        self.without(|r| matches!(r.event, Event::Ended { .. }))
    }
    /// The end of the run.
    pub(crate) fn end(self) -> Self {
        self.lab(Event::Ended { tasks_left: 0 })
    }
    /// All but these.
    pub(crate) fn without(mut self, unwanted: impl Fn(&Record) -> bool) -> Self {
        let before = self.0.len();
        self.0.retain(|r| !unwanted(r));
        assert_ne!(before, self.0.len(), "nothing was taken out");
        self
    }
    /// The newest record happened `ms` milliseconds into the run; the next ones follow.
    pub(crate) fn at(mut self, ms: u64) -> Self {
        self.0.last_mut().expect("a record").at = Time::from_millis(ms);
        self
    }
    /// The records, numbered from 0.
    pub(crate) fn records(mut self) -> Vec<Record> {
        for (seq, record) in (0..).zip(&mut self.0) {
            record.seq = seq;
        }
        self.0
    }
    fn push(mut self, node: &str, role: Role, event: Event) -> Self {
        let at = self.0.last().map_or(0, |r| r.at.as_micros() + 1000);
        let at = Time::from_micros(at);
        self.0.push(Record { seq: 0, at, node: node.into(), role, line: 0, event });
        self
    }
}

pub(crate) fn opened(conn: u32) -> Event {
    opened_between(conn, 9000, 9000)
}

/// A connection from this port of ours to that of theirs.
pub(crate) fn opened_between(conn: u32, local: u16, peer: u16) -> Event {
    let addr = |port| SocketAddr::from(([127, 0, 0, 1], port));
    Event::Opened { conn, local: addr(local), peer: addr(peer) }
}

pub(crate) fn frame(conn: u32, dir: Dir, kind: &'static str, ticket: Ticket, text: &str) -> Event {
    let (msg_id, device_id) = (None, None);
    let bytes = text.to_owned().into();
    let (kind, ticket) = (Cow::Borrowed(kind), Some(ticket));
    Event::Frame { conn, dir, kind, ticket, msg_id, device_id, bytes, took_us: 0 }
}

pub(crate) fn applied(conn: u32, ticket: Ticket) -> Event {
    let fact = Fact::Applied { ticket, device_id: "D1".into(), state: "on".into() };
    Event::Fact { conn, fact }
}

pub(crate) fn quirk(name: &'static str) -> Event {
    Event::Fact { conn: 1, fact: Fact::Quirk { name: name.into(), ticket: None } }
}

pub(crate) fn armed(quirk: &'static str) -> Event {
    Event::Armed { device: "lamp".into(), quirk: quirk.into() }
}

pub(crate) fn ok(delivery: Delivery) -> End {
    End::Ok { delivery, reply: None }
}

pub(crate) fn failed(stage: Stage) -> End {
    End::Failed { stage, detail: String::new() }
}

pub(crate) fn done(ticket: Ticket, end: End, attempts: u32) -> Event {
    Event::Done { ticket, end, attempts, elapsed_us: 12_000 }
}

pub(crate) fn attempt_failed(attempt: u32, stage: Stage) -> Event {
    let (ticket, detail) = (TICKET, String::new());
    Event::AttemptFailed { ticket, attempt, stage, detail, retry_in_us: None }
}
