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

/// Eight bytes that name no request.
const STATE: &[u8] = &[0xa5, 0x0d, 0, 4, 1, 0, 0, 0];

fn state_out(ticket: Ticket, conn: u32) -> Event {
    let (kind, ticket) = ("bitmaps".into(), Some(ticket));
    let (dir, bytes) = (Dir::Out, STATE.into());
    Event::Frame { conn, dir, kind, ticket, msg_id: None, device_id: None, bytes, took_us: 0 }
}

fn bytes_in(bytes: &'static [u8]) -> Event {
    Event::Received { conn: 1, bytes: bytes.into() }
}

/// The client leaves port 40001 on its connection 1 and asserts two states there.
fn two_states() -> Tape {
    let submitted = |n| Event::Submitted { ticket: Ticket(n), device_id: None };
    Tape::default()
        .client(submitted(1))
        .client(submitted(2))
        .client(opened_between(1, 40001, 50995))
        .client(Event::Ready { conn: 1, proof: proto::Proof::Connected })
        .client(state_out(Ticket(1), 1))
        .client(state_out(Ticket(2), 1))
}

/// Both ended at this level, and everything was closed.
fn both_done(tape: Tape, level: Delivery) -> Tape {
    tape.client(done(Ticket(1), ok(level), 1))
        .client(done(Ticket(2), ok(level), 1))
        .client(Event::Closed { conn: 1, reason: CloseReason::Local })
        .device(Event::Closed { conn: 1, reason: CloseReason::Peer })
        .end()
}

#[test]
fn a_request_without_a_name_is_followed_by_its_bytes() {
    let read = two_states()
        .device(opened_between(1, 50995, 40001))
        .device(bytes_in(&STATE[..5]))
        .device(bytes_in(&STATE[5..]))
        .device(bytes_in(STATE));
    assert_eq!(verdict(both_done(read, Delivery::Survived)), None);
}

#[test]
fn a_byte_short_of_the_frame_is_not_the_frame() {
    let cut = two_states()
        .device(opened_between(1, 50995, 40001))
        .device(bytes_in(STATE))
        .device(bytes_in(&STATE[..7]));
    let records = both_done(cut, Delivery::Survived).records();
    let found = broken(&Index::new(&records));
    assert_eq!(found.len(), 1, "the first was read whole: {found:#?}");
    assert!(found[0].rule == OK_MEANS_SEEN && found[0].text.contains("0000000000000002"));
}

#[test]
fn bytes_read_from_somebody_else_are_no_evidence() {
    let other = two_states()
        .device(opened_between(1, 50995, 40002))
        .device(bytes_in(STATE))
        .device(bytes_in(STATE));
    fails(OK_MEANS_SEEN, both_done(other, Delivery::Survived));
    let never_accepted = two_states().device(Event::Deaf).device(opened_between(1, 50995, 7));
    fails(OK_MEANS_SEEN, both_done(never_accepted, Delivery::Survived));
}

#[test]
fn what_was_not_lost_may_be_read_late_but_not_be_answered_before() {
    let accepted = two_states().device(opened_between(1, 50995, 40001));
    let late = |level| both_done(accepted.clone(), level).unended();
    let read = |tape: Tape| tape.device(bytes_in(STATE)).device(bytes_in(STATE)).end();
    assert_eq!(verdict(read(late(Delivery::Survived))), None);
    let answer = |n| frame(1, Dir::In, "reply", Ticket(n), "ok");
    let accepted = accepted.clone().client(bytes_in(b"ok")).client(answer(1)).client(answer(2));
    fails(OK_MEANS_SEEN, read(both_done(accepted, Delivery::Replied).unended()));
}

#[test]
fn addresses_used_again_are_another_connection() {
    let again = two_states()
        .client(Event::Closed { conn: 1, reason: CloseReason::Reset })
        .client(opened_between(1, 40001, 50995))
        .client(Event::Ready { conn: 1, proof: proto::Proof::Connected })
        .client(state_out(Ticket(1), 1))
        .client(state_out(Ticket(2), 1))
        .device(opened_between(1, 50995, 40001));
    let read = again.clone().device(bytes_in(STATE)).device(bytes_in(STATE));
    assert_eq!(verdict(both_done(read, Delivery::Survived)), None);
    fails(OK_MEANS_SEEN, both_done(again, Delivery::Survived));
}

#[test]
fn where_frames_name_their_request_bytes_alone_do_not_count() {
    let named = two_states()
        .device(opened_between(1, 50995, 40001))
        .device(bytes_in(STATE))
        .device(frame(1, Dir::In, "bitmaps", Ticket(1), "the first"))
        .device(bytes_in(STATE));
    fails(OK_MEANS_SEEN, both_done(named, Delivery::Survived));
}
