//! The same command twice: the same bytes, answered again, done once; also on the next connection.
use std::time::Duration;

use bytes::Bytes;
use proto::{
    Fact, Input, Output, Protocol, Session, Span, Ticket, Time,
    cync::{Client, Cync, KnowsAgain, Lamp, Message, Settings},
    session::hex,
    testing::Pair,
};

use crate::pair::{ask, on, quiet};

/// A command asked on each of two connections: what the bridge did of it, and knew again.
fn over_two_connections(settings: Settings, tickets: [u64; 2], apart: Duration) -> (u64, u64) {
    let cync = Cync::new(settings).unwrap();
    let mut now = Time::default();
    for ticket in tickets {
        let mut pair = Pair::new(&cync);
        (pair.now, pair.client, pair.device) = (now, cync.client(now), cync.device(now));
        pair.run();
        pair.ask(Ticket(ticket), on());
        assert!(pair.replies.iter().any(|(_, reply)| format!("{reply:?}") == "Done"));
        now = pair.now + apart;
    }
    let memory = cync.snapshot();
    (memory.applied, memory.repeated)
}

const AT_ONCE: Duration = Duration::ZERO;

#[test]
fn a_command_repeated_on_another_connection_is_answered_again_and_done_once() {
    assert_eq!(over_two_connections(quiet(), [7, 7], AT_ONCE), (1, 1));
    assert_eq!(over_two_connections(quiet(), [7, 8], AT_ONCE), (2, 0), "another one is done");
}

#[test]
fn for_how_long_a_bridge_knows_again_is_as_set() {
    let with = |knows_again| Settings { knows_again, ..quiet() };
    let always = over_two_connections(with(KnowsAgain::Always), [7, 7], AT_ONCE);
    let connection = over_two_connections(with(KnowsAgain::Connection), [7, 7], AT_ONCE);
    assert_eq!([always, connection], [(1, 1), (2, 0)]);
}

#[test]
fn the_bridge_forgets_by_age_and_by_count_as_set() {
    for (seconds, wanted) in [(300, (1, 1)), (5, (2, 0))] {
        let settings = Settings { applied_ttl: Span::millis(seconds * 1000), ..quiet() };
        let came = over_two_connections(settings, [7, 7], Duration::from_secs(10));
        assert_eq!(came, wanted, "after {seconds} s");
    }
    for (applied_limit, repeated) in [(1, 0), (2, 1)] {
        let cync = Cync::new(Settings { applied_limit, ..quiet() }).unwrap();
        let mut pair = Pair::new(&cync);
        pair.run();
        for ticket in [7, 8, 7] {
            pair.ask(Ticket(ticket), on());
        }
        assert_eq!(cync.snapshot().repeated, repeated, "of {applied_limit}");
        let forgot = pair.facts.iter().any(|fact| matches!(fact, Fact::Forgot { ids: 1 }));
        assert_eq!(forgot, applied_limit == 1);
    }
    let senseless = Cync::new(Settings { applied_limit: 0, ..quiet() }).map(drop);
    assert_eq!(senseless.unwrap_err().key, "applied_limit");
}

fn prompt() -> Settings {
    Settings { greeting: Span(Duration::ZERO), ..quiet() }
}

/// A controller's end of a new connection, ready; and what it says to this command.
fn says(cync: &Cync, ticket: u64) -> Bytes {
    let mut client: Client = cync.client(Time::default());
    let login = "23 0000001a 03 00000001 0010 30303030303030303030303030303030 00 0000";
    let probed = Message::ProbeAck { device: 1, id: 0 }.encode();
    for bytes in [hex::decode(login).unwrap(), probed] {
        client.handle_input(Time::default(), Input::Received(&bytes));
    }
    client.handle_input(Time::default(), Input::Request(Ticket(ticket), on()));
    loop {
        match client.poll_output() {
            Output::Transmit(frame) if frame.kind == "power" => return frame.bytes,
            Output::Wait(_) => panic!("it asks"),
            _ => {}
        }
    }
}

#[test]
fn an_attempt_on_another_connection_has_the_very_same_bytes() {
    let cync = Cync::new(prompt()).unwrap();
    let first = says(&cync, 7);
    assert_ne!(says(&cync, 8), first);
    assert_eq!(says(&cync, 7), first);
}

#[test]
fn a_controller_that_begins_anew_is_not_taken_for_the_one_before() {
    let tickets = [0x1111_1111_1122_3344, 0x5555_5555_5566_7788];
    let said = tickets.map(|ticket| says(&Cync::new(prompt()).unwrap(), ticket));
    assert_ne!(said[0], said[1]);
}

#[test]
fn what_takes_a_request_back_makes_the_lamp_what_it_was() {
    for was in [
        r#"{ "combo": { "to": 1, "on": true, "brightness": 40, "temperature": 20 } }"#,
        r#"{ "combo": { "to": 1, "on": false, "brightness": 90, "rgb": [1, 2, 3] } }"#,
    ] {
        for request in [
            r#"{ "power": { "to": 1, "on": true } }"#,
            r#"{ "brightness": { "to": 1, "percent": 7 } }"#,
            r#"{ "temperature": { "to": 1, "percent": 58 } }"#,
            r#"{ "rgb": { "to": 1, "rgb": [9, 8, 7] } }"#,
            r#"{ "combo": { "to": 1, "on": true, "brightness": 64, "rgb": [9, 8, 7] } }"#,
        ] {
            let cync = Cync::new(quiet()).unwrap();
            let mut pair = Pair::new(&cync);
            pair.run();
            pair.ask(Ticket(1), ask(was));
            let before = cync.snapshot().lamps[&1];
            let back = ask(request).undo(&before).unwrap();
            pair.ask(Ticket(2), ask(request));
            pair.ask(Ticket(3), back);
            let after = cync.snapshot().lamps[&1];
            let shows = |lamp: &proto::cync::Lamp| lamp.in_words();
            assert_eq!(shows(&after), shows(&before), "{request}");
        }
    }
    assert_eq!(ask(r#"{ "query": {} }"#).undo(&Lamp::default()), None);
    assert_eq!(ask(r#"{ "power": { "to": "group 1", "on": true } }"#).undo(&Lamp::default()), None);
}
