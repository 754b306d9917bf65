use net::{Dir, Event, Flow};
use proto::{CloseReason, Delivery, Proof, Ticket};

use super::super::{Outcome, laws, tape::*};
use super::*;

const STATE: &[u8] = &[0xa5, 0x0d, 0, 4, 1, 0, 0, 0];
const DROP: &str = "drop bytes=1 byte=3";

fn bytes_in(conn: u32, bytes: &'static [u8]) -> Event {
    Event::Received { conn, bytes: bytes.into() }
}

fn struck(conn: u32, fault: &str) -> Event {
    let (fault, did) = (fault.into(), String::new());
    Event::Struck { conn, flow: Flow::Up, fault, at: 0, did }
}

fn at_wire(fault: &'static str) -> Event {
    Event::Armed { device: "wire".into(), quirk: fault.into() }
}

fn lifted(fault: &str) -> Event {
    Event::Lifted { device: "wire".into(), fault: fault.into() }
}

fn knock() -> Event {
    Event::Connecting { conn: 1, addr: ([127, 0, 0, 1], 7000).into() }
}

/// A client at port 40001 asserts a state through a proxy at 7000, which goes on from 40002.
fn one_state() -> Tape {
    let bytes = STATE.into();
    let (conn, dir, kind, ticket) = (1, Dir::Out, "bitmaps".into(), Some(Ticket(1)));
    Tape::default()
        .proxy(Event::Listening { addr: ([127, 0, 0, 1], 7000).into() })
        .client(Event::Submitted { ticket: Ticket(1), device_id: None })
        .client(opened_between(1, 40001, 7000))
        .client(Event::Ready { conn: 1, proof: Proof::Connected })
        .client(Event::Frame {
            conn,
            dir,
            kind,
            ticket,
            msg_id: None,
            device_id: None,
            bytes,
            took_us: 0,
        })
}

fn carried(tape: Tape) -> Tape {
    tape.proxy(opened_between(1, 7000, 40001))
        .proxy(opened_between(2, 40002, 50995))
        .proxy(Event::Joined { conn: 1, onto: 2 })
        .device(opened_between(1, 50995, 40002))
        .proxy(bytes_in(1, STATE))
}

fn survived(tape: Tape) -> Tape {
    let closed = |conn| Event::Closed { conn, reason: CloseReason::Peer };
    tape.client(done(Ticket(1), ok(Delivery::Survived), 1))
        .client(Event::Closed { conn: 1, reason: CloseReason::Local })
        .proxy(closed(1))
        .proxy(closed(2))
        .device(closed(1))
        .end()
}

fn verdict(tape: Tape) -> (Vec<(String, Outcome)>, Vec<String>) {
    let records = tape.records();
    let index = Index::new(&records);
    let found = laws::broken(&index).into_iter().map(|f| (f.rule, f.outcome));
    (found.collect(), laws::notes(&index))
}

#[test]
fn a_request_is_followed_through_a_proxy() {
    let read = carried(one_state()).device(bytes_in(1, STATE));
    assert_eq!(verdict(survived(read)), (vec![], vec![]));
}

#[test]
fn what_a_proxy_read_is_not_yet_at_the_device() {
    let (found, notes) = verdict(survived(carried(one_state())));
    assert_eq!(found, [("law 2: ok means seen".into(), Outcome::Fail)]);
    assert_eq!(notes, [""; 0]);
}

#[test]
fn legs_that_nobody_joined_are_two_connections() {
    let apart = carried(one_state()).device(bytes_in(1, STATE));
    let apart = apart.without(|r| matches!(r.event, Event::Joined { .. }));
    assert_eq!(verdict(survived(apart)).0[0].1, Outcome::Fail);
}

#[test]
fn after_a_fault_bytes_are_looked_for_and_not_counted() {
    let moved = carried(one_state())
        .proxy(struck(1, "insert hex=00 byte=0"))
        .device(bytes_in(1, b"\0\xa5\x0d\0"))
        .device(bytes_in(1, &[4, 1, 0, 0, 0]));
    assert_eq!(verdict(survived(moved)), (vec![], vec![]));
    let spoilt = carried(one_state())
        .proxy(struck(1, "corrupt mask=ff byte=4"))
        .device(bytes_in(1, &[0xa5, 0x0d, 0, 4, 0xfe, 0, 0, 0]));
    let (found, notes) = verdict(survived(spoilt));
    assert_eq!((found, notes.len()), (vec![], 1), "as many bytes, and not the frame");
}

#[test]
fn who_claims_no_more_than_survived_is_not_blamed_for_what_the_wire_took() {
    let lost = carried(one_state()).proxy(struck(1, DROP)).device(bytes_in(1, &STATE[1..]));
    let (found, notes) = verdict(survived(lost));
    assert_eq!(found, []);
    assert!(notes[0].contains(DROP) && notes[0].contains("lost on the wire"), "{notes:?}");
    let unread = one_state()
        .proxy(opened_between(1, 7000, 40001))
        .proxy(opened_between(2, 40002, 50995))
        .proxy(Event::Joined { conn: 1, onto: 2 })
        .device(opened_between(1, 50995, 40002))
        .proxy(struck(1, DROP));
    assert_eq!(verdict(survived(unread)).0[0].1, Outcome::Fail, "the wire never had it");
}

#[test]
fn a_fault_lifted_before_it_struck_proves_nothing() {
    let good = || carried(one_state()).device(bytes_in(1, STATE));
    let open = |tape: Tape| {
        verdict(survived(tape)).0.into_iter().map(|(rule, _)| rule).collect::<Vec<_>>()
    };
    let law = ["law 6: the fault fired"];
    assert_eq!(open(good().lab(at_wire(DROP))), law);
    assert_eq!(open(good().lab(at_wire(DROP)).lab(lifted(DROP))), law);
    assert_eq!(open(good().lab(at_wire(DROP)).proxy(struck(1, DROP))), [""; 0]);
    let second = good().lab(at_wire(DROP)).lab(lifted(DROP)).lab(at_wire(DROP));
    assert_eq!(open(second.proxy(struck(1, DROP))), law, "the first of them did not");
}

#[test]
fn a_changed_door_must_be_knocked_at() {
    let shut = |events: &[Event]| {
        let good = carried(one_state()).device(bytes_in(1, STATE)).lab(at_wire("refuse"));
        let tape = events.iter().fold(good, |tape, event| match event {
            Event::Connecting { .. } => tape.client(event.clone()),
            _ => tape.proxy(event.clone()),
        });
        verdict(survived(tape)).0.is_empty()
    };
    let door = || struck(0, "refuse");
    assert!(shut(&[door(), knock()]));
    assert!(!shut(&[door()]));
    assert!(!shut(&[knock(), door()]));
    assert!(!shut(&[door(), lifted("refuse"), knock()]));
    assert!(!shut(&[knock()]));
}
