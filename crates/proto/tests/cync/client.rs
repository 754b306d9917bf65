//! The controller's end by itself: answers late, twice, to nobody; ids; silence.
use std::time::Duration;

use proto::{
    Fact, Frame, Input, Output, Protocol, Session, Span, Ticket, Time,
    cync::{Client, Cync, Inner, Kind, Lamp, Message, Reply, Settings},
    session::hex,
};

use crate::pair::{on, quiet};

const BRIDGE: u32 = 1;

/// What it said since, in short.
fn said(client: &mut Client) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        said.push(match client.poll_output() {
            Output::Transmit(Frame { bytes, kind, .. }) if bytes.len() < 13 => {
                format!("{kind} {}", hex::encode(&bytes[5..]))
            }
            Output::Transmit(Frame { kind, .. }) => kind.into(),
            Output::Received(Frame { ticket, .. }) => match ticket {
                Some(ticket) => format!("for {}", ticket.0),
                None => continue,
            },
            Output::Reply(ticket, reply) => format!("reply {} {reply:?}", ticket.0),
            Output::Fact(Fact::Odd { what, .. }) => format!("odd {what}"),
            Output::Fact(Fact::Malformed { reason, .. }) => format!("malformed {reason}"),
            Output::Fact(Fact::Orphan { ticket }) => format!("orphan {}", ticket.0),
            Output::Close(reason) => return [said, vec![format!("close: {reason}")]].concat(),
            Output::Ready(proof) => format!("ready {proof:?}"),
            Output::Push(_) | Output::Fact(_) | Output::Finish => continue,
            Output::Wait(_) => return said,
        });
    }
}

fn hears(client: &mut Client, message: &Message) -> Vec<String> {
    client.handle_input(Time::default(), Input::Received(&message.encode()));
    said(client)
}

/// A controller with a bridge, and the time it all happens at.
fn up(settings: Settings) -> Client {
    let greeting = Span(Duration::ZERO);
    let cync = Cync::new(Settings { greeting, ..settings }).unwrap();
    let mut client = cync.client(Time::default());
    let login =
        hex::decode("23 0000001a 03 00000001 0010 30303030303030303030303030303030 00 0000");
    client.handle_input(Time::default(), Input::Received(&login.unwrap()));
    assert_eq!(said(&mut client), ["login_ack 00 00", "probe 00 00 00 01 00 00 00"]);
    assert_eq!(hears(&mut client, &Message::ProbeAck { device: 1, id: 0 }), ["ready RoundTrip"]);
    client
}

fn asked(tickets: std::ops::RangeInclusive<u64>) -> Client {
    let mut client = up(quiet());
    for ticket in tickets {
        client.handle_input(Time::default(), Input::Request(Ticket(ticket), on()));
        assert_eq!(said(&mut client), ["power"]);
    }
    client
}

fn ack(id: u16, code: u8) -> Message<'static> {
    Message::PipeAck { of_device: true, device: BRIDGE, id, code }
}

fn pipe(inner: Inner) -> Message {
    Message::Pipe { report: false, device: BRIDGE, id: 0, flag: 0, inner: Ok(inner), raw: &[] }
}

fn result(seq: u32, code: u8) -> Message<'static> {
    let body = if code == 0 { &[0][..] } else { &[1][..] };
    pipe(Inner::new(seq, Kind::Response, 0xd0, body))
}

fn report(lamp: u16, on: bool) -> Vec<u8> {
    let body = Lamp { on, ..Lamp::default() }.report([0; 3], lamp);
    let inner = Ok(Inner::new(0, Kind::Event, 0xdb, &body[..]));
    Message::Pipe { report: true, device: BRIDGE, id: 7, flag: 0, inner, raw: &[] }
        .encode()
        .to_vec()
}

const TAKEN: &str = "pipe_ack 00 00 00 01 00 00 0a";

#[test]
fn answers_find_their_commands_in_any_order() {
    let mut client = asked(1..=3);
    for n in [3, 1, 2] {
        assert_eq!(
            hears(&mut client, &ack(n, 0)),
            [format!("for {n}"), format!("reply {n} Arrived")]
        );
    }
    for n in [2, 3, 1] {
        let heard = hears(&mut client, &result(n, 0));
        assert_eq!(heard, [format!("for {n}"), format!("reply {n} Done"), TAKEN.into()]);
    }
}

#[test]
fn an_acknowledgement_of_nothing_is_answered_with_a_five() {
    let mut client = asked(1..=1);
    assert_eq!(
        hears(&mut client, &ack(9, 0)),
        ["odd nobody_asked", "pipe_ack 00 00 00 01 00 09 05"]
    );
    assert_eq!(hears(&mut client, &result(9, 0)), ["odd nobody_asked", TAKEN]);
    // And ours is still open.
    assert_eq!(hears(&mut client, &ack(1, 0)), ["for 1", "reply 1 Arrived"]);
}

#[test]
fn a_five_refuses_and_a_result_that_is_not_zero_fails() {
    let mut client = asked(1..=2);
    assert_eq!(hears(&mut client, &ack(1, 5)), ["for 1", "reply 1 Refused(5)"]);
    assert_eq!(hears(&mut client, &result(2, 1)), ["for 2", "reply 2 Failed([1])", TAKEN]);
    let no = Reply::Refused(5);
    assert!(matches!(Cync::answer(&no), proto::Answer::Rejected(why) if why.contains('5')));
}

#[test]
fn what_is_said_twice_counts_once() {
    let mut client = asked(1..=1);
    hears(&mut client, &ack(1, 0));
    assert_eq!(hears(&mut client, &ack(1, 0)), ["for 1", "orphan 1"]);
    hears(&mut client, &result(1, 0));
    assert_eq!(hears(&mut client, &result(1, 0)), ["for 1", "orphan 1", TAKEN]);
    client.handle_input(Time::default(), Input::Received(&report(1, true)));
    assert_eq!(said(&mut client).len(), 3);
    assert_eq!(hears(&mut client, &result(1, 0)), ["for 1", "orphan 1", TAKEN], "it has ended");
    assert_eq!(hears(&mut client, &ack(1, 0)), ["for 1", "orphan 1"]);
}

#[test]
fn only_the_lamp_that_was_meant_in_the_state_that_was_asked_is_an_effect() {
    let mut client = asked(1..=1);
    hears(&mut client, &result(1, 0));
    let acked = "report_ack 00 07 00";
    for (lamp, on) in [(2, true), (1, false)] {
        client.handle_input(Time::default(), Input::Received(&report(lamp, on)));
        assert_eq!(said(&mut client), [acked], "{lamp} {on}");
    }
    client.handle_input(Time::default(), Input::Received(&report(1, true)));
    let said = said(&mut client);
    assert!(
        said[0] == "for 1" && said[1].starts_with("reply 1 Seen") && said[2] == acked,
        "{said:?}"
    );
}

#[test]
fn a_report_before_the_result_counts_with_it() {
    let mut client = asked(1..=1);
    client.handle_input(Time::default(), Input::Received(&report(1, true)));
    assert_eq!(said(&mut client), ["for 1", "report_ack 00 07 00"]);
    let heard = hears(&mut client, &result(1, 0));
    assert!(heard[1] == "reply 1 Done" && heard[2].starts_with("reply 1 Seen"), "{heard:?}");
}

#[test]
fn a_stale_checksum_of_a_report_is_noted_and_any_other_wrong_one_is_refused() {
    let mut client = asked(1..=1);
    let mut stale = report(1, true);
    let at = stale.len() - 2;
    stale[at] ^= 1;
    client.handle_input(Time::default(), Input::Received(&stale));
    assert_eq!(said(&mut client), ["odd stale_checksum", "for 1", "report_ack 00 07 00"]);
    let Message::Pipe { inner: Ok(mut inner), .. } = result(1, 0) else { panic!() };
    inner.checksum ^= 1;
    assert_eq!(hears(&mut client, &pipe(inner)), ["malformed checksum", TAKEN]);
}

#[test]
fn a_retry_has_the_bytes_of_the_first_attempt_and_a_late_answer_is_its_answer() {
    let mut client = up(quiet());
    let mut bytes = Vec::new();
    for _ in 0..2 {
        client.handle_input(Time::default(), Input::Request(Ticket(1), on()));
        let Output::Transmit(frame) = client.poll_output() else { panic!() };
        bytes.push(frame.bytes);
        client.handle_input(Time::default(), Input::Forget(Ticket(1)));
    }
    assert_eq!(bytes[0], bytes[1]);
    assert_eq!(hears(&mut client, &ack(1, 0))[0], "odd late");
    client.handle_input(Time::default(), Input::Request(Ticket(1), on()));
    said(&mut client);
    assert_eq!(hears(&mut client, &result(1, 0)), ["for 1", "reply 1 Done", TAKEN]);
}

#[test]
fn ids_are_the_low_bytes_of_one_sequence() {
    let mut client = up(quiet());
    for ticket in 1..=70_000_u64 {
        // Each in another minute, so that those before it are not followed any more.
        let now = Time::from_millis(ticket * 60_000);
        client.handle_input(now, Input::Request(Ticket(ticket), on()));
        let Output::Transmit(Frame { bytes, msg_id, .. }) = client.poll_output() else { panic!() };
        let Ok(Message::Pipe { id, inner: Ok(inner), .. }) = Message::decode(&bytes) else {
            panic!("it is a pipe")
        };
        assert_eq!(u64::from(inner.seq), ticket);
        assert_eq!(u64::from(id), ticket % 65_536);
        assert_eq!(msg_id.as_deref(), Some(&*ticket.to_string()));
    }
    assert_eq!(hears(&mut client, &ack(4464, 0))[0], "for 70000");
}

#[test]
fn nothing_but_a_login_is_answered_before_one() {
    let mut client = Cync::default().client(Time::default());
    for message in [Message::Ping, Message::TimeAsked, result(1, 0), ack(1, 0)] {
        assert_eq!(hears(&mut client, &message), ["odd before_login"]);
    }
}

#[test]
fn every_timer_that_is_set_is_the_one_that_runs() {
    let closed = |settings: Settings, login: bool| {
        let mut client = Cync::new(settings).unwrap().client(Time::default());
        if login {
            let login = "23 0000001a 03 00000001 0010 30303030303030303030303030303030 00 000a";
            let bytes = hex::decode(login).unwrap();
            client.handle_input(Time::default(), Input::Received(&bytes));
        }
        loop {
            match client.poll_output() {
                Output::Close(reason) => return reason.to_string(),
                Output::Wait(at) => client.handle_input(at.expect("it waits"), Input::Timeout),
                _ => {}
            }
        }
    };
    assert_eq!(closed(quiet(), false), "no login in time");
    let silent = closed(quiet(), true);
    assert_eq!(silent, "keep-alive: not a word from the bridge for 15s");
    for patience in [Span::millis(20), Span::millis(90)] {
        let cync = Cync::new(Settings { patience, ..quiet() }).unwrap();
        let mut client = cync.client(Time::default());
        assert!(
            matches!(client.poll_output(), Output::Wait(Some(at)) if at.since_start() == patience.0)
        );
    }
}

#[test]
fn without_a_probe_it_is_ready_when_the_greeting_is_over() {
    let mut client =
        Cync::new(Settings { probe: false, ..quiet() }).unwrap().client(Time::default());
    let login = "23 0000001a 03 00000001 0010 30303030303030303030303030303030 00 0000";
    client.handle_input(Time::default(), Input::Received(&hex::decode(login).unwrap()));
    assert_eq!(said(&mut client), ["login_ack 00 00"]);
    client.handle_input(Time::from_millis(500), Input::Timeout);
    assert_eq!(said(&mut client), ["ready Connected"]);
}

#[test]
fn a_goodbye_is_said_and_understood() {
    let mut client = asked(1..=1);
    client.handle_input(Time::default(), Input::Leave);
    assert_eq!(said(&mut client), ["disconnect 03"]);
    let goodbye = Message::Disconnect { reason: 3, response: false };
    assert_eq!(hears(&mut client, &goodbye), ["close: peer left with a disconnect, reason 3"]);
}
