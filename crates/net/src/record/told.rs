//! Stories for the tests of the folds: a happy one, single facts, and anything at all.
use std::net::SocketAddr;

use bytes::Bytes;
use proto::{
    CloseReason, Delivery, Fact, Proof, Stage, Ticket, Time,
    resilience::{BreakerEvent, BreakerState, Cause},
    rng::Rng,
};

use super::{Dir, End, Event, Record, Role};

/// The 91 bytes that turn `D1` on.
pub(crate) fn d1_bytes() -> Bytes {
    let json =
        br#"{"opcode": "toggle", "device_id": "D1", "msg_id": "3fe16b6143344afb", "state": true}"#;
    [&[0xf0, 0x0d, 1, 0, 0, 0, 0x54], &json[..]].concat().into()
}
pub(crate) const T1: Ticket = Ticket(0x3fe1_6b61_4334_4afb);

pub(crate) fn by(node: &str, role: Role, at_us: u64, event: Event) -> Record {
    Record { seq: 0, at: Time::from_micros(at_us), node: node.into(), role, line: 30, event }
}
pub(crate) fn client(at_us: u64, event: Event) -> Record {
    by("toggler", Role::Client, at_us, event)
}
pub(crate) fn submitted(ticket: Ticket, device: &str) -> Event {
    Event::Submitted { ticket, device_id: Some(device.into()) }
}
pub(crate) fn attempt(ticket: Ticket, attempt: u32) -> Event {
    Event::Attempt { ticket, attempt }
}
pub(crate) fn frame(dir: Dir, kind: &'static str, ticket: Ticket, took_us: u64) -> Event {
    let bytes = if dir == Dir::Out { d1_bytes() } else { Bytes::from_static(b"ACK") };
    let (kind, ticket) = (kind.into(), Some(ticket));
    Event::Frame { conn: 1, dir, kind, ticket, msg_id: None, device_id: None, bytes, took_us }
}
pub(crate) fn malformed() -> Event {
    let (reason, bytes) = ("bad_magic".into(), Bytes::from_static(b"NAK"));
    Event::Fact { conn: 1, fact: Fact::Malformed { reason, detail: "no magic".into(), bytes } }
}
pub(crate) fn failed(ticket: Ticket, attempt: u32, stage: Stage, again: bool) -> Event {
    let retry_in_us = again.then_some(250_000);
    Event::AttemptFailed { ticket, attempt, stage, detail: "so it goes".into(), retry_in_us }
}
pub(crate) fn done(ticket: Ticket, failed: Option<Stage>) -> Event {
    let end = match failed {
        Some(stage) => End::Failed { stage, detail: "in vain".into() },
        None => End::Ok { delivery: Delivery::Replied, reply: Some("ACK".into()) },
    };
    Event::Done { ticket, end, attempts: 2, elapsed_us: 2000 }
}
pub(crate) fn addr() -> SocketAddr {
    ([127, 0, 0, 1], 9000).into()
}
/// `D1` turned on at the first attempt, answered 2.5 ms after the send began.
pub(crate) fn happy() -> Vec<Record> {
    vec![
        client(0, submitted(T1, "D1")),
        client(0, attempt(T1, 1)),
        client(10, Event::Connecting { conn: 1, addr: addr() }),
        client(50, Event::Opened { conn: 1, local: addr(), peer: addr() }),
        client(1000, frame(Dir::Out, "toggle", T1, 400)),
        client(3100, frame(Dir::In, "ack", T1, 0)),
        client(3200, done(T1, None)),
    ]
}
fn breaker(rng: &mut Rng) -> BreakerEvent {
    let mut state = || BreakerState::ALL[rng.below(4) as usize];
    let (from, to) = (state(), state());
    match rng.below(3) {
        0 => BreakerEvent::Counted { failures: 1, threshold: 5, state: from },
        1 => BreakerEvent::Changed { from, to, cause: Cause::Threshold },
        _ => BreakerEvent::Changed { from, to, cause: Cause::Elapsed },
    }
}
/// Any records at all, in any order.
pub(crate) fn anything(seed: u64, count: usize) -> Vec<Record> {
    let mut rng = Rng::new(seed, &[]);
    let mut at = 0;
    let mut next = || {
        at += rng.below(100_000);
        let ticket = Ticket(rng.below(4));
        let conn = rng.below(3) as u32;
        let stage = Stage::ALL[rng.below(Stage::ALL.len() as u64) as usize];
        let event = match rng.below(16) {
            0 => submitted(ticket, ["D1", "D\u{202e}2"][rng.below(2) as usize]),
            1 => attempt(ticket, 1 + rng.below(3) as u32),
            2 | 3 => frame(Dir::Out, "toggle", ticket, rng.below(1000)),
            4 => frame(Dir::In, "ack", ticket, 0),
            5 => frame(Dir::In, "nack", ticket, 0),
            6 => malformed(),
            7 => failed(ticket, 1, stage, rng.below(2) == 0),
            8 => done(ticket, (rng.below(2) == 0).then_some(stage)),
            9 => Event::Opened { conn, local: addr(), peer: addr() },
            10 => Event::Received { conn, bytes: Bytes::from_static(b"A\x1b[2J") },
            11 => Event::Connecting { conn, addr: addr() },
            12 => Event::Proved { conn, proof: Proof::RoundTrip },
            13 => Event::Closed { conn, reason: CloseReason::Reset },
            14 => Event::Lost { conn, reason: "A\x1b[2J".into(), redial_in_us: rng.below(1000) },
            _ => Event::Breaker { what: breaker(&mut rng) },
        };
        let (node, role) = [
            ("toggler", Role::Client),
            ("second", Role::Client),
            ("device", Role::Device),
            ("proxy", Role::Proxy),
        ][rng.below(4) as usize];
        by(node, role, at, event)
    };
    (0..count).map(|_| next()).collect()
}
