//! A controller and a bridge, joined.
use std::time::Duration;

use proto::{
    Delivery, Fact, Frame, Input, Output, Protocol, Session, Span, Ticket, Time,
    cync::{Cync, Message, Pace, Reply, Request, Secret, Settings},
    testing::Pair,
};

pub(crate) const SECRET: &str = "c0ffee5ec4e7b105";

/// A bridge that comes to rest: without pings.
pub(crate) fn quiet() -> Settings {
    let never = Span(Duration::ZERO);
    Settings { ping: never, keep_alive: never, key: Secret(SECRET.into()), ..Settings::default() }
}

pub(crate) fn ask(json: &str) -> Request {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}"))
}

pub(crate) fn on() -> Request {
    ask(r#"{ "power": { "to": 1, "on": true } }"#)
}

/// The two after the login, and the answers to one request.
pub(crate) fn after(cync: &Cync, request: Request) -> Pair<Cync> {
    let mut pair = Pair::new(cync);
    pair.run();
    pair.ask(Ticket(1), request);
    pair
}

fn levels(pair: &Pair<Cync>) -> Vec<String> {
    pair.replies.iter().map(|(_, reply)| format!("{:?}", Cync::answer(reply))).collect()
}

#[test]
fn a_command_is_followed_from_its_frame_to_its_lamp() {
    let cync = Cync::new(quiet()).unwrap();
    let pair = after(&cync, on());
    assert_eq!(levels(&pair), ["SoFar(Replied)", "SoFar(Applied)", "Accepted(Observed)"]);
    let memory = cync.snapshot();
    assert!(memory.lamps[&1].on, "{}", pair.transcript);
    assert_eq!((memory.applied, memory.logins, memory.repeated), (1, 1, 0));
    // In the order of the captures, at the times that were set.
    let steps: Vec<_> = pair.transcript.lines().filter(|line| line.contains("sends")).collect();
    let steps: Vec<_> = steps.iter().map(|line| line.trim()).collect();
    assert_eq!(
        steps,
        [
            "0 ms  device sends login, 31 B",
            "0 ms  client sends login_ack, 7 B",
            "500 ms  client sends probe, 12 B",
            "530 ms  device sends probe_ack, 1024 B",
            "530 ms  device sends time, 6 B",
            "530 ms  client sends time_ack, 16 B",
            "530 ms  device sends sync, 31 B",
            "530 ms  client sends sync_ack, 8 B",
            "530 ms  client sends power, 36 B",
            "560 ms  device sends pipe_ack, 12 B",
            "590 ms  device sends result, 24 B",
            "590 ms  client sends pipe_ack, 12 B",
            "620 ms  device sends status, 42 B",
            "620 ms  client sends report_ack, 8 B",
        ]
    );
    assert!(pair.kinds.iter().all(|[told, read]| told == read), "{:?}", pair.kinds);
}

#[test]
fn however_the_bytes_are_cut_the_same_is_said() {
    let pieces = [usize::MAX, 1, 2, 3, 7, 64].map(|piece| {
        let mut pair = Pair::new(&Cync::new(quiet()).unwrap());
        pair.piece = piece;
        pair.run();
        pair.ask(Ticket(1), on());
        (pair.replies, pair.kinds)
    });
    assert_eq!(pieces[0].0.len(), 3);
    assert!(pieces.iter().all(|piece| *piece == pieces[0]));
}

#[test]
fn every_request_changes_its_lamps_and_is_seen_to() {
    let settings = || Settings { lamps: vec![1, 206], groups: vec![18], ..quiet() };
    for (request, lamp, highest, words) in [
        (r#"{ "power": { "to": 206, "on": true } }"#, 206, Delivery::Observed, "on, 100 %"),
        (r#"{ "brightness": { "to": 206, "percent": 7 } }"#, 206, Delivery::Observed, "off, 7 %"),
        (
            r#"{ "temperature": { "to": 1, "percent": 58 } }"#,
            1,
            Delivery::Observed,
            "temperature 58",
        ),
        (r#"{ "rgb": { "to": 1, "rgb": [1, 2, 3] } }"#, 1, Delivery::Observed, "#010203"),
        (
            r#"{ "combo": { "to": 206, "on": true, "brightness": 64, "rgb": [9, 8, 7] } }"#,
            206,
            Delivery::Observed,
            "on, 64 %, #090807",
        ),
        (r#"{ "power": { "to": "group 18", "on": true } }"#, 1, Delivery::Applied, "on, 100 %"),
    ] {
        let request = ask(request);
        for escape in [false, true] {
            let cync = Cync::new(Settings { escape, ..settings() }).unwrap();
            let pair = after(&cync, request);
            let is = cync.snapshot().lamps[&lamp].in_words();
            assert!(is.contains(words), "{request:?}: {is}\n{}", pair.transcript);
            let last = Cync::answer(&pair.replies.last().unwrap().1);
            let wanted = [proto::Answer::Accepted(highest), proto::Answer::SoFar(highest)];
            assert!(wanted.contains(&last), "{request:?}: {last:?}");
            assert_eq!(Cync::highest(&request), highest);
        }
    }
}

#[test]
fn a_query_brings_all_lamps() {
    let cync = Cync::new(Settings { lamps: (1..=160).collect(), ..quiet() }).unwrap();
    let pair = after(&cync, ask(r#"{ "query": {} }"#));
    let Some((_, Reply::Lamps(lamps))) = pair.replies.last() else { panic!("{:?}", pair.replies) };
    assert_eq!(lamps.len(), 160);
    assert_eq!(levels(&pair), ["SoFar(Replied)", "SoFar(Replied)", "Accepted(Applied)"]);
}

#[test]
fn a_lamp_whose_id_has_two_bytes_is_told_of_when_asked_and_as_no_other_before() {
    let cync = Cync::new(Settings { lamps: vec![7, 300], ..quiet() }).unwrap();
    let pair = after(&cync, ask(r#"{ "query": {} }"#));
    let pushed = |reply: &Reply| match reply {
        Reply::Seen(seen) => seen.lamp,
        other => panic!("{other:?}"),
    };
    let told: Vec<_> = pair.pushes.iter().map(pushed).collect();
    assert_eq!(told, [7], "in one byte, 300 would be 44");
    let Some((_, Reply::Lamps(lamps))) = pair.replies.last() else { panic!("{:?}", pair.replies) };
    assert_eq!(lamps.iter().map(|seen| seen.lamp).collect::<Vec<_>>(), [7, 300]);
}

#[test]
fn a_lamp_that_is_not_there_is_taken_and_never_seen() {
    let cync = Cync::new(quiet()).unwrap();
    let pair = after(&cync, ask(r#"{ "power": { "to": 77, "on": true } }"#));
    assert_eq!(levels(&pair), ["SoFar(Replied)", "SoFar(Applied)"]);
    assert!(
        pair.facts.iter().any(|f| matches!(f, Fact::Odd { what, .. } if what == "no_such_lamp"))
    );
}

#[test]
fn the_time_is_the_one_that_was_set_and_goes_on() {
    for (started, utc_offset, told) in [
        (Some(1_762_417_240), -360, "2025-11-06 Thu 02:20:40 -0600"),
        (Some(1_762_417_240), 0, "2025-11-06 Thu 08:20:40 +0000"),
        (None, 0, "2024-03-10 Sun 12:04:31 -0500"),
    ] {
        let cync = Cync::new(Settings { started, utc_offset, ..quiet() }).unwrap();
        Pair::new(&cync).run();
        assert_eq!(cync.snapshot().clock.as_deref(), Some(told));
    }
    let greeting = Span::millis(3_600_000);
    let cync = Cync::new(Settings { started: Some(0), greeting, ..quiet() }).unwrap();
    Pair::new(&cync).run();
    // A bridge that is not probed asks a second after its login.
    assert_eq!(cync.snapshot().clock.as_deref(), Some("1970-01-01 Thu 00:00:01 +0000"));
}

#[test]
fn a_slow_home_is_slow_and_in_order_for_each_command() {
    let took = |pace| {
        let cync = Cync::new(Settings { pace, seed: 7, ..quiet() }).unwrap();
        let mut pair = Pair::new(&cync);
        pair.run();
        for n in 1..=20 {
            pair.client.handle_input(pair.now, Input::Request(Ticket(n), on()));
        }
        pair.run();
        assert_eq!(cync.snapshot().applied, 20);
        for n in 1..=20 {
            let of = pair.replies.iter().filter(|(ticket, _)| *ticket == Ticket(n));
            let of: Vec<_> = of.map(|(_, reply)| reply).collect();
            assert!(matches!(of[..], [Reply::Arrived, Reply::Done, Reply::Seen(_)]), "{of:?}");
        }
        pair.now
    };
    let [steady, home] = [took(Pace::Steady), took(Pace::Home)];
    assert_eq!(steady, Time::from_millis(530 + 90));
    assert!(home > Time::from_millis(800), "{home:?}");
}

#[test]
fn what_people_may_read_of_a_login_has_no_key_in_it() {
    let cync = Cync::new(quiet()).unwrap();
    let mut device = cync.device(Time::default());
    let Output::Transmit(Frame { bytes: login, .. }) = device.poll_output() else { panic!() };
    assert!(login.windows(16).any(|w| w == SECRET.as_bytes()));
    // Whole, taken for another packet, with a byte wrong, and with an end too soon.
    let harmed = |at: usize, byte: u8| {
        let mut wrong = login.to_vec();
        wrong[at] = byte;
        wrong
    };
    for bytes in [&login[..], &harmed(0, 0x73), &harmed(4, 10), &harmed(11, 0x20), &login[..25]] {
        let shown = format!("{:?}", Cync::explain(bytes));
        let text = SECRET.as_bytes().windows(4).any(|run| {
            shown.contains(std::str::from_utf8(run).unwrap())
                || shown.contains(&proto::session::hex::encode(run))
        });
        assert!(!text, "{shown}");
    }
    let shown = format!("{:?} {:?}", Message::decode(&login), Cync::explain(&login));
    assert!(shown.contains("not shown"));
    assert!(!format!("{cync:?}").contains(SECRET));
    assert!(!serde_json::to_string(&cync.snapshot()).unwrap().contains(SECRET));
}
