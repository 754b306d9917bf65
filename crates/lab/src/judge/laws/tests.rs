use net::{Dir, Event};
use proto::{CloseReason, Stage, Ticket};

use super::super::{Outcome, tape::*};
use super::*;

/// The one rule this history breaks, and how badly; none for a sound one.
fn verdict(tape: Tape) -> Option<(String, Outcome)> {
    let records = tape.records();
    let found = broken(&Index::new(&records));
    assert!(found.iter().all(|f| f.rule == found[0].rule), "one thing is spoilt: {found:#?}");
    found.first().map(|f| (f.rule.clone(), f.outcome))
}

fn fails(rule: &str, tape: Tape) {
    assert_eq!(verdict(tape), Some((rule.into(), Outcome::Fail)));
}

fn is_inconclusive(rule: &str, tape: Tape) {
    assert_eq!(verdict(tape), Some((rule.into(), Outcome::Inconclusive)));
}

#[test]
fn a_sound_history_breaks_no_law() {
    assert_eq!(verdict(Tape::sound()), None);
    assert_eq!(verdict(Tape::many(3)), None);
}

#[test]
fn a_request_without_an_end_is_convicted() {
    fails(ONE_ANSWER, Tape::sound().without(|r| matches!(r.event, Event::Done { .. })));
}

#[test]
fn a_request_that_ends_twice_is_convicted() {
    let twice = Tape::sound().client(done(TICKET, failed(Stage::Closed), 1));
    fails(ONE_ANSWER, twice);
}

#[test]
fn an_end_that_nobody_asked_for_is_convicted() {
    fails(ONE_ANSWER, Tape::sound().without(|r| matches!(r.event, Event::Submitted { .. })));
    fails(ONE_ANSWER, Tape::sound().client(done(Ticket(7), failed(Stage::QueueFull), 0)));
}

#[test]
fn an_ok_that_no_device_received_is_convicted() {
    let deaf = |r: &net::Record| {
        r.role == Role::Device && matches!(r.event, Event::Frame { dir: Dir::In, .. })
    };
    fails(OK_MEANS_SEEN, Tape::sound().without(deaf));
}

#[test]
fn an_ok_without_the_answers_frame_is_convicted() {
    let mute = |r: &net::Record| {
        r.role == Role::Client && matches!(r.event, Event::Frame { dir: Dir::In, .. })
    };
    fails(OK_MEANS_SEEN, Tape::sound().without(mute));
}

#[test]
fn written_claims_nothing_that_must_be_seen() {
    let written = Tape::default()
        .client(Event::Submitted { ticket: TICKET, device_id: None })
        .client(done(TICKET, ok(Delivery::Written), 1))
        .device(Event::Deaf)
        .end();
    assert_eq!(verdict(written), None);
}

#[test]
fn a_foreign_device_leaves_a_note_and_no_finding() {
    let tape = Tape::sound().without(|r| r.role == Role::Device);
    let records = tape.records();
    let index = Index::new(&records);
    assert_eq!(broken(&index), []);
    assert!(notes(&index)[0].starts_with("client-side evidence only"));
    let records = Tape::sound().records();
    assert_eq!(notes(&Index::new(&records)), [""; 0]);
}

#[test]
fn a_request_on_a_connection_never_ready_is_convicted() {
    let hasty = Tape::sound().without(|r| matches!(r.event, Event::Ready { .. }));
    fails(NO_WORDS_BEFORE_READY, hasty);
}

#[test]
fn a_success_without_inbound_bytes_is_convicted() {
    let invented = Tape::sound().without(|r| matches!(r.event, Event::Received { .. }));
    fails(VERIFIED_MEANS_ANSWERED, invented);
}

#[test]
fn bytes_on_another_connection_verify_nothing() {
    let elsewhere = Tape::sound()
        .unended()
        .client(opened(2))
        .client(Event::Submitted { ticket: Ticket(2), device_id: None })
        .device(frame(1, Dir::In, "toggle", Ticket(2), WIRE))
        .client(Event::Received { conn: 2, bytes: "ACK".into() })
        .client(frame(2, Dir::In, "ack", Ticket(2), "ACK"))
        .client(done(Ticket(2), ok(Delivery::Replied), 1))
        .client(Event::Closed { conn: 2, reason: CloseReason::Local })
        .end();
    fails(VERIFIED_MEANS_ANSWERED, elsewhere);
}

#[test]
fn a_device_that_does_it_twice_is_convicted() {
    fails(ONCE_IS_ONCE, Tape::sound().device(applied(1, TICKET)));
    assert_eq!(verdict(Tape::sound().device(applied(1, Ticket(9)))), None);
}

#[test]
fn a_quirk_that_never_fired_proves_nothing() {
    is_inconclusive(THE_FAULT_FIRED, Tape::sound().lab(armed("reject x1")));
    is_inconclusive(THE_FAULT_FIRED, Tape::sound().lab(armed("refuse")));
    let too_early = Tape::sound().device(quirk("reject")).lab(armed("reject"));
    is_inconclusive(THE_FAULT_FIRED, too_early);
    assert_eq!(verdict(Tape::sound().lab(armed("success"))), None);
    assert_eq!(verdict(Tape::sound().lab(armed("delay 2s x3")).device(quirk("delay"))), None);
    let refused = Event::ConnectFailed { conn: 2, stage: Stage::Refused, detail: String::new() };
    assert_eq!(verdict(Tape::sound().lab(armed("refuse")).client(refused)), None);
}

#[test]
fn a_connection_left_open_is_convicted() {
    let left = |r: &net::Record| r.role == Role::Device && matches!(r.event, Event::Closed { .. });
    fails(CLEAN_END, Tape::sound().without(left));
    let reused = Tape::sound().unended().device(opened(1)).end();
    fails(CLEAN_END, reused);
}

#[test]
fn a_task_left_over_is_convicted() {
    fails(CLEAN_END, Tape::sound().unended().lab(Event::Ended { tasks_left: 1 }));
}

#[test]
fn a_run_cut_short_convicts_nobody() {
    let cut = Tape::sound()
        .unended()
        .without(|r| matches!(r.event, Event::Done { .. } | Event::Closed { .. }));
    is_inconclusive(CLEAN_END, cut);
}
