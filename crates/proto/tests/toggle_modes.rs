//! Every mode of the toggle device, and what its client makes of it.
use proto::{
    CloseReason, Fact, Frame, Input, Output, Protocol, Session, Ticket, Time,
    quirk::{Mode as _, One},
    testing::Pair,
    toggle::{AnswerForm, Device, Lamp, Mode, Reply, Settings, Toggle, encode_toggle},
};

fn lamp() -> Lamp {
    Lamp::new(Settings { answer: AnswerForm::Framed, ..Settings::default() }).unwrap()
}

fn set(id: &str) -> Toggle {
    Toggle::new(id, true).unwrap()
}

/// A lamp in this mode, with one command behind it, and a new connection to it.
fn pair(quirk: &str) -> (Lamp, Pair<Lamp>) {
    let lamp = lamp();
    Pair::new(&lamp).ask(Ticket(1), set("earlier"));
    lamp.misbehave(quirk.parse().unwrap());
    let mut pair = Pair::new(&lamp);
    pair.run();
    (lamp, pair)
}

fn malformed(pair: &Pair<Lamp>) -> Option<String> {
    pair.facts.iter().find_map(|fact| match fact {
        Fact::Malformed { reason, .. } => Some(reason.to_string()),
        _ => None,
    })
}

fn struck(pair: &Pair<Lamp>, mode: &str) -> usize {
    let this = |fact: &&Fact| matches!(fact, Fact::Quirk { name, .. } if name == mode);
    pair.facts.iter().filter(this).count()
}

#[test]
fn every_mode_does_what_it_says() {
    for (name, mode) in Mode::MODES.iter().copied() {
        if matches!(mode, Mode::Success | Mode::Refuse) {
            continue;
        }
        let quirk = if matches!(mode, Mode::SilentAfter(_)) { "silent_after 0" } else { name };
        let (lamp, mut pair) = pair(quirk);
        let _newer = matches!(mode, Mode::OneConnection(_)).then(|| Pair::new(&lamp));
        pair.ask(Ticket(7), set("D1"));
        assert_eq!(struck(&pair, name), 1, "{name}:\n{}", pair.transcript);
        let applied = lamp.snapshot().devices.contains_key("D1");
        let replied = pair.replies.first().map(|(_, reply)| reply.clone());
        let got = (applied, replied, malformed(&pair), pair.closed[1].clone());
        let nack = Reply::Nack { reason: "told to refuse".into() };
        let wrong = |reason: &str| (true, None, Some(reason.to_owned()), None);
        let wanted = match mode {
            Mode::Success | Mode::Refuse => unreachable!("skipped above"),
            Mode::Delay(_)
            | Mode::Late(_)
            | Mode::SlowFirst(_)
            | Mode::Split
            | Mode::Dribble
            | Mode::Duplicate
            | Mode::Flood(_) => (true, Some(Reply::Applied), None, None),
            Mode::Timeout | Mode::HalfClose | Mode::SilentAfter(_) | Mode::Reorder(_) => {
                (true, None, None, None)
            }
            Mode::Disconnect | Mode::Reject | Mode::OneConnection(_) => {
                (false, None, None, Some(CloseReason::Local))
            }
            Mode::ResetBefore | Mode::ResetAfter => (false, None, None, Some(CloseReason::Abort)),
            Mode::Partial => (true, None, None, Some(CloseReason::Local)),
            Mode::WrongId => wrong("wrong_id"),
            // The client has closed before anything could be asked.
            Mode::Stale | Mode::Unasked => (false, None, Some("wrong_id".into()), None),
            Mode::Garbage | Mode::GarbageBefore | Mode::Magic | Mode::Corrupt(_) => wrong("magic"),
            Mode::Version(_) => wrong("version"),
            Mode::Opcode => wrong("opcode"),
            Mode::Truncated | Mode::Length(_) | Mode::Spelling(_) => wrong("json"),
            Mode::Nack => (false, Some(nack), None, None),
            Mode::Lie => (false, Some(Reply::Applied), None, None),
        };
        assert_eq!(got, wanted, "{name}:\n{}", pair.transcript);
    }
}

#[test]
fn no_answer_with_a_bit_turned_passes_for_one() {
    let whole = encode_toggle(Ticket(7), &set("D1")).len();
    for at in 0..whole {
        let (_, mut pair) = pair(&format!("corrupt {at}"));
        pair.ask(Ticket(7), set("D1"));
        assert_eq!(struck(&pair, "corrupt"), 1);
        assert_eq!(pair.replies, [], "byte {at}:\n{}", pair.transcript);
    }
}

#[test]
fn a_length_that_lies_is_noticed_or_waited_for() {
    let cases = [
        ("0", Some("json")),
        ("46", Some("json")),
        ("48", None),
        ("65536", None),
        ("65537", Some("too_long")),
        ("4294967295", Some("too_long")),
    ];
    for (length, reason) in cases {
        let (_, mut pair) = pair(&format!("length {length}"));
        pair.ask(Ticket(7), set("D1"));
        assert_eq!(malformed(&pair).as_deref(), reason, "{length}:\n{}", pair.transcript);
        assert_eq!(pair.replies, []);
    }
}

#[test]
fn json_is_taken_however_it_is_written_and_nothing_else_is() {
    let cases = [
        ("bom", Some("json")),
        ("crlf", None),
        ("pretty", None),
        ("escaped", None),
        ("upper", Some("wrong_id")),
    ];
    for (way, reason) in cases {
        let (_, mut pair) = pair(&format!("spelling {way}"));
        pair.ask(Ticket(0xab), set("D1"));
        assert_eq!(malformed(&pair).as_deref(), reason, "{way}:\n{}", pair.transcript);
        assert_eq!(pair.replies.len(), usize::from(reason.is_none()), "{way}");
    }
}

#[test]
fn how_often_and_when_is_as_told() {
    let (_, mut flooded) = pair("flood 5");
    flooded.ask(Ticket(7), set("D1"));
    let orphans = flooded.facts.iter().filter(|f| matches!(f, Fact::Orphan { .. })).count();
    assert_eq!((flooded.replies.len(), orphans), (1, 4));

    let (_, mut silent) = pair("silent_after 2");
    for ticket in 1..=4 {
        silent.ask(Ticket(ticket), set("D1"));
    }
    assert_eq!((silent.replies.len(), silent.closed.clone()), (2, [None, None]));

    let (_, mut slow) = pair("slow_first 300ms");
    for _ in 0..2 {
        slow.ask(Ticket(7), set("D1"));
        assert_eq!(slow.now, Time::from_millis(300), "only the first waits");
    }
}

/// What a device says to these commands, heard in one breath: kinds of frames and their commands.
fn answers(device: &mut Device, tickets: &[u64]) -> Vec<(&'static str, u64)> {
    let bytes: Vec<u8> =
        tickets.iter().flat_map(|n| encode_toggle(Ticket(*n), &set("D1"))).collect();
    device.handle_input(Time::default(), Input::Received(&bytes));
    sent(device)
}

fn sent(device: &mut Device) -> Vec<(&'static str, u64)> {
    let mut sent = Vec::new();
    loop {
        match device.poll_output() {
            Output::Transmit(Frame { kind, ticket, .. }) => sent.push((kind, ticket.unwrap().0)),
            Output::Wait(_) => return sent,
            _ => {}
        }
    }
}

#[test]
fn reordered_answers_come_last_first_and_none_is_lost() {
    let device = |quirk: &str| {
        let lamp = lamp();
        lamp.misbehave(quirk.parse().unwrap());
        lamp.device(Time::default())
    };
    let order = |quirk, tickets: &[u64]| {
        answers(&mut device(quirk), tickets).iter().map(|(_, n)| *n).collect::<Vec<_>>()
    };
    assert_eq!(order("reorder", &[1, 2, 3, 4]), [2, 1, 4, 3]);
    assert_eq!(order("reorder 3", &[1, 2, 3, 4]), [3, 2, 1]);
    assert_eq!(order("reorder x1", &[1, 2, 3]), [2, 1, 3], "the others overtake it");
    let mut rest = device("reorder 9");
    assert_eq!(answers(&mut rest, &[1, 2]), []);
    rest.handle_input(Time::default(), Input::Eof);
    assert_eq!(sent(&mut rest), [("ack", 2), ("ack", 1)], "nobody will ask more");
}

#[test]
fn a_device_with_room_for_one_keeps_to_it() {
    for (way, ends) in [("kick", [true, false]), ("close", [false, true])] {
        let lamp = lamp();
        lamp.misbehave(format!("one_connection {way}").parse().unwrap());
        let (mut older, mut newer) = (Pair::new(&lamp), Pair::new(&lamp));
        newer.run();
        for pair in [&mut older, &mut newer] {
            if pair.closed[1].is_none() {
                pair.ask(Ticket(1), set("D1"));
            }
        }
        assert_eq!([older.closed[1].is_some(), newer.closed[1].is_some()], ends, "{way}");
        assert_eq!(lamp.snapshot().devices["D1"].applied, 1, "{way}");
    }
    let lamp = lamp();
    lamp.misbehave("one_connection refuse".parse().unwrap());
    assert!(lamp.listening());
    let only = Pair::new(&lamp);
    assert!(!lamp.listening(), "while there is one, there is no listener");
    drop(only);
    assert!(lamp.listening());
    assert!(matches!(
        Mode::MODES.iter().find(|(name, _)| *name == "one_connection"),
        Some((_, Mode::OneConnection(One::Kick)))
    ));
}

#[test]
fn an_answer_is_stale_only_where_something_was_asked_before() {
    let fresh = lamp();
    fresh.misbehave("stale x1".parse().unwrap());
    let mut first = Pair::new(&fresh);
    first.ask(Ticket(1), set("D1"));
    assert_eq!((struck(&first, "stale"), first.replies.len()), (0, 1));
    let mut second = Pair::new(&fresh);
    second.run();
    assert_eq!((struck(&second, "stale"), malformed(&second).as_deref()), (1, Some("wrong_id")));
}
