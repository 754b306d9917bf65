//! A bridge in every mode: how far a command gets, what became of the lamp, and what else is noticed.
use proto::{
    CloseReason, Fact, Protocol, Ticket,
    cync::{Cync, Mode, Settings},
    quirk::Mode as _,
    testing::Pair,
};

use crate::pair::{on, quiet};

/// How far it got, whether the lamp is on, and the facts besides the quirk's own and the effect.
fn play(quirk: &str) -> (String, bool, Vec<String>, Pair<Cync>) {
    let cync = Cync::new(quiet()).unwrap();
    cync.misbehave(quirk.parse().unwrap());
    let mut pair = Pair::new(&cync);
    pair.run();
    if pair.closed == [None, None] {
        pair.ask(Ticket(1), on());
    }
    let end = pair.replies.last().map_or("nothing".into(), |(_, reply)| {
        format!("{reply:?}").split([' ', '(']).next().unwrap_or_default().to_owned()
    });
    let struck = pair.facts.iter().filter(|fact| matches!(fact, Fact::Quirk { .. })).count();
    assert!(struck > 0 || quirk == "success" || quirk == "no_ping", "{quirk} never struck");
    let told = pair.facts.iter().filter_map(|fact| match fact {
        Fact::Odd { what, .. } => Some(what.to_string()),
        Fact::Malformed { reason, .. } => Some(reason.to_string()),
        Fact::Orphan { .. } => Some("orphan".into()),
        Fact::Duplicate { .. } => Some("duplicate".into()),
        Fact::Applied { .. } | Fact::Forgot { .. } | Fact::Quirk { .. } => None,
    });
    let mut told: Vec<String> = told.collect();
    told.dedup();
    (end, cync.snapshot().lamps[&1].on, told, pair)
}

#[test]
fn every_mode_does_what_its_name_says_and_is_noticed() {
    let table: &[(&str, &str, bool, &[&str])] = &[
        ("success", "Seen", true, &[]),
        ("mute", "nothing", false, &[]),
        ("no_ack", "Seen", true, &[]),
        ("no_result", "Arrived", true, &[]),
        ("no_report", "Done", true, &[]),
        ("lie", "Done", false, &[]),
        ("nack", "Refused", false, &[]),
        ("fail", "Failed", false, &[]),
        ("stale_checksum", "Seen", true, &["stale_checksum"]),
        ("bad_checksum", "Arrived", true, &["checksum"]),
        ("wrong_seq", "Arrived", true, &["nobody_asked"]),
        ("wrong_id", "Seen", true, &["nobody_asked", "refused"]),
        ("duplicate", "Seen", true, &["orphan"]),
        ("coalesce", "Seen", true, &[]),
        ("reorder", "Seen", true, &["orphan"]),
        ("late", "Seen", true, &[]),
        ("garbage", "Seen", true, &["junk", "resynchronised"]),
        ("length 0", "Seen", true, &["packet", "junk", "resynchronised"]),
        ("length 4294967295", "Seen", true, &["junk", "resynchronised"]),
        ("corrupt 17", "Arrived", true, &["inner"]),
        ("corrupt 0", "Arrived", true, &["junk", "resynchronised"]),
        ("flood 20", "Seen", true, &[]),
        ("unasked", "Seen", true, &["nobody_asked"]),
        ("no_ping", "Seen", true, &[]),
        ("no_login", "nothing", false, &[]),
        ("late_login", "Seen", true, &[]),
        ("no_probe", "Seen", true, &[]),
        ("reject", "nothing", false, &[]),
        ("disconnect", "nothing", false, &[]),
        ("reset_after", "nothing", false, &[]),
        ("half_close", "nothing", true, &[]),
    ];
    for (quirk, end, is_on, told) in table {
        let (got, lamp, facts, pair) = play(quirk);
        assert_eq!((&*got, lamp), (*end, *is_on), "{quirk}\n{}", pair.transcript);
        assert_eq!(facts, *told, "{quirk}\n{}", pair.transcript);
    }
    for (name, _) in Mode::MODES {
        let named = |row: &&(&str, &str, bool, &[&str])| row.0.split(' ').next() == Some(name);
        assert!(table.iter().any(|row| named(&row)), "{name} is not in the table");
    }
}

#[test]
fn a_bridge_that_closes_or_resets_does_so() {
    let closed = |quirk: &str| play(quirk).3.closed;
    assert_eq!(closed("reject")[1], Some(CloseReason::Local));
    assert_eq!(closed("disconnect")[1], Some(CloseReason::Local));
    assert_eq!(closed("reset_after")[1], Some(CloseReason::Abort));
    assert_eq!(closed("no_login")[0], Some(CloseReason::TimedOut("login".into())));
}

#[test]
fn a_command_that_comes_again_is_answered_again_and_not_done_again() {
    let cync = Cync::new(quiet()).unwrap();
    cync.misbehave("no_result x1".parse().unwrap());
    let mut pair = Pair::new(&cync);
    pair.run();
    pair.ask(Ticket(1), on());
    pair.ask(Ticket(1), on());
    let memory = cync.snapshot();
    assert_eq!((memory.applied, memory.repeated), (1, 1), "{}", pair.transcript);
    assert!(pair.facts.iter().any(|f| matches!(f, Fact::Duplicate { arrivals: 2, .. })));
    let ends: Vec<_> = pair.replies.iter().map(|(_, reply)| format!("{reply:?}")).collect();
    assert!(ends.iter().any(|end| end == "Done"), "{ends:?}");
}

#[test]
fn pings_come_as_often_as_was_set_and_stop_when_told() {
    use proto::{Input, Output, Session, Span, Time};
    for (every, stopped, wanted) in [(21, false, 4), (42, false, 2), (21, true, 0)] {
        let ping = Span::millis(every * 1000);
        let cync = Cync::new(Settings { ping, ..Settings::default() }).unwrap();
        if stopped {
            cync.misbehave("no_ping".parse().unwrap());
        }
        let mut device = cync.device(Time::default());
        device.handle_input(Time::default(), Input::Received(b"\x28\0\0\0\x02\0\0"));
        let (mut pings, mut now) = (0, Time::default());
        while now < Time::from_millis(89_000) {
            match device.poll_output() {
                Output::Transmit(frame) if frame.kind == "ping" => pings += 1,
                Output::Wait(at) => {
                    now = at.unwrap();
                    device.handle_input(now, Input::Timeout);
                }
                _ => {}
            }
        }
        assert_eq!(pings, wanted, "every {every} s");
        let end = loop {
            match device.poll_output() {
                Output::Close(reason) => break reason.to_string(),
                Output::Wait(at) => device.handle_input(at.unwrap(), Input::Timeout),
                _ => {}
            }
        };
        assert_eq!(end, "no word from the controller in time");
    }
}
