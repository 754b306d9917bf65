//! TAZCOM, both ends joined, in every version and mode.
use std::time::Duration;

use proto::{
    CloseReason, Fact, Input, Output, Protocol, Session, Ticket, Time,
    quirk::Mode as _,
    rng::Rng,
    tazcom::{
        Body, Chat, Identity, Message, Mode, Parcel, Payload, RawTerms, Reply, Request, Settings,
        Tazcom, Terms, Version,
    },
    testing::{Pair, check, tazcom::any_bytes},
};

const VERSIONS: [Version; 3] = [Version::V01, Version::V02, Version::V03];

fn node(version: Version) -> Tazcom {
    Tazcom::new(Settings { version, ..Settings::default() }).unwrap()
}

fn hello() -> Request {
    Request::Hello {}
}

fn asked(node: &Tazcom, quirk: &str) -> Pair<Tazcom> {
    node.misbehave(quirk.parse().unwrap());
    let mut pair = Pair::new(node);
    pair.ask(Ticket(1), hello());
    pair
}

/// The same by a client that begins later, and so with another nonce.
fn asked_later(node: &Tazcom, quirk: &str) -> Pair<Tazcom> {
    node.misbehave(quirk.parse().unwrap());
    let mut pair = Pair::new(node);
    pair.client = node.client(Time::from_millis(1));
    pair.ask(Ticket(1), hello());
    pair
}

#[test]
fn the_protocol_keeps_what_every_protocol_owes() {
    for version in VERSIONS {
        check(|| node(version), hello());
    }
    let chat =
        Request::Chat { content: "ciao ☀".into(), timestamp: "2025-07-01T10:00:00".into() };
    check(|| node(Version::V02), chat);
}

#[test]
fn a_hello_of_0_1_is_one_line_and_one_ack_and_the_end() {
    let node = node(Version::V01);
    let mut pair = asked(&node, "success");
    assert_eq!(pair.replies, [(Ticket(1), Reply { id: None, verified: false })]);
    assert_eq!(pair.kinds, [["hello", "hello"], ["ack", "ack"]]);
    assert_eq!(pair.closed[1], Some(CloseReason::Local));
    let greeted: Vec<_> = node.snapshot().greeted.into_iter().collect();
    assert!(matches!(greeted[..], [(_, by)] if by.times == 1 && !by.verified));
    // The reference answers nothing more.
    pair.run();
    assert_eq!(pair.kinds.len(), 2);
}

#[test]
fn a_hello_of_0_3_is_proven_both_ways() {
    let node = node(Version::V03);
    let pair = asked(&node, "success");
    let id = Some(node.snapshot().id);
    assert_eq!(pair.replies, [(Ticket(1), Reply { id, verified: true })]);
    assert!(node.snapshot().greeted.values().all(|by| by.verified));
}

#[test]
fn a_chat_is_heard_with_its_words() {
    let node = node(Version::V02);
    let mut pair = Pair::new(&node);
    let chat = Request::Chat { content: "\u{1b}[31mciao".into(), timestamp: "then".into() };
    pair.ask(Ticket(1), chat);
    assert_eq!(pair.replies.len(), 1);
    assert_eq!(node.snapshot().chats[0].content, "\u{1b}[31mciao");
}

#[test]
fn every_mode_strikes_and_no_wrong_answer_is_taken_for_one() {
    // Without a listener there is no connection to strike on.
    let modes = Mode::MODES.iter().filter(|(name, _)| !matches!(*name, "success" | "refuse"));
    for (name, mode) in modes {
        for version in VERSIONS {
            let proven = version == Version::V03;
            if matches!(mode, Mode::Impostor | Mode::Stale) && !proven {
                continue;
            }
            let node = node(version);
            // Some repeat what an earlier connection was told.
            asked(&node, "success");
            let pair = asked_later(&node, name);
            let struck = |fact: &Fact| matches!(fact, Fact::Quirk { name: it, .. } if it == name);
            assert!(pair.facts.iter().any(struck), "{name}:\n{}", pair.transcript);
            let answered = match mode {
                Mode::Late(_)
                | Mode::Lie
                | Mode::Unasked
                | Mode::Spelling(_)
                | Mode::PortChange => true,
                // A second CHALLENGE comes where none may.
                Mode::Twice | Mode::Flood(_) => !proven,
                _ => false,
            };
            assert_eq!(pair.replies.len(), usize::from(answered), "{name}:\n{}", pair.transcript);
        }
    }
}

#[test]
fn an_impostor_is_told_as_one_however_it_tries() {
    for quirk in ["impostor", "stale", "corrupt 150"] {
        let node = node(Version::V03);
        asked(&node, "success");
        let pair = asked_later(&node, quirk);
        let told = |fact: &Fact| matches!(fact, Fact::Odd { what, .. } if what == "impostor");
        assert!(pair.facts.iter().any(told), "{quirk}:\n{}", pair.transcript);
        assert!(matches!(pair.closed[0], Some(CloseReason::Misbehaved(_))));
    }
}

#[test]
fn an_answer_may_be_written_in_any_way_that_is_json() {
    for (way, versions) in [("crlf", 3), ("padded", 3), ("compact", 1), ("escaped", 1), ("bom", 0)]
    {
        let quirk = format!("spelling {way}");
        let answered = VERSIONS.into_iter().filter(|version| {
            let pair = asked(&node(*version), &quirk);
            let struck = pair.facts.iter().any(|fact| matches!(fact, Fact::Quirk { .. }));
            assert!(struck || *version < Version::V03, "{way}:\n{}", pair.transcript);
            struck && pair.replies.len() == 1
        });
        assert_eq!(answered.count(), versions, "{way}");
    }
}

#[test]
fn an_ack_that_nobody_asked_for_proves_nothing() {
    let node = node(Version::V03);
    let pair = asked(&node, "unasked");
    assert_eq!(pair.replies, [(Ticket(1), Reply { id: None, verified: false })]);
    assert!(node.snapshot().greeted.is_empty(), "{}", pair.transcript);
}

#[test]
fn who_lies_remembers_nothing() {
    for version in VERSIONS {
        let node = node(version);
        let pair = asked(&node, "lie");
        assert_eq!((pair.replies.len(), node.snapshot().greeted.len()), (1, 0), "{version:?}");
    }
}

#[test]
fn who_is_gone_listens_no_more_and_who_has_moved_says_so_once() {
    for (quirk, listens, moves) in
        [("port_change", true, true), ("vanish", false, false), ("refuse", false, false)]
    {
        let node = node(Version::V01);
        assert!(node.listening() && !node.leaves());
        let pair = asked(&node, quirk);
        assert_eq!((node.listening(), node.leaves()), (listens, moves), "{quirk}");
        assert!(!node.leaves());
        let reset = pair.closed[1] == Some(CloseReason::Abort);
        assert_eq!(reset, quirk == "vanish", "{}", pair.transcript);
    }
}

#[test]
fn who_vanishes_resets_connections_on_which_nothing_is_said() {
    let node = node(Version::V03);
    let mut device = node.device(Time::default());
    device.handle_input(Time::default(), Input::Prompted);
    assert!(matches!(device.poll_output(), Output::Wait(_)), "it was told nothing");
    node.misbehave("vanish".parse().unwrap());
    device.handle_input(Time::default(), Input::Prompted);
    assert!(matches!(device.poll_output(), Output::Fact(Fact::Quirk { .. })));
    assert!(matches!(device.poll_output(), Output::Close(CloseReason::Abort)));
}

#[test]
fn a_mute_peer_is_given_up_after_the_patience_that_was_set() {
    for ms in [300, 5000] {
        let patience = proto::Span::millis(ms);
        let node = Tazcom::new(Settings { patience, ..Settings::default() }).unwrap();
        let pair = asked(&node, "mute");
        assert_eq!(pair.now.since_start(), Duration::from_millis(ms), "{}", pair.transcript);
        assert!(matches!(pair.closed[0], Some(CloseReason::TimedOut(_))));
    }
}

#[test]
fn limits_and_keys_are_what_was_set() {
    let small = Settings { message_size_limit: 256, ..Settings::default() };
    let line = Request::Line(format!("{{\"type\": \"HELLO\", \"x\": \"{}\"}}", "x".repeat(300)));
    let refused = |settings: Settings| {
        let mut pair = Pair::new(&Tazcom::new(settings).unwrap());
        pair.ask(Ticket(1), line.clone());
        format!("{:?}", pair.facts)
    };
    assert!(refused(small).contains("too_long"));
    assert!(refused(Settings::default()).contains("from is missing"));
    let chat = Request::Chat { content: "x".repeat(3000), timestamp: String::new() };
    let heard = |envelope_size_limit| {
        let settings =
            Settings { version: Version::V02, envelope_size_limit, ..Settings::default() };
        let node = Tazcom::new(settings).unwrap();
        let mut pair = Pair::new(&node);
        pair.ask(Ticket(1), chat.clone());
        node.snapshot().chats.len()
    };
    assert_eq!([heard(2048), heard(4096)], [0, 1]);
    let id = |key| Tazcom::new(Settings { key, ..Settings::default() }).unwrap().snapshot().id;
    assert_ne!(id(1), id(2));
    assert!(Terms::new(RawTerms { message_size_limit: 1, ..RawTerms::default() }).is_err());
}

#[test]
fn no_bytes_do_harm_however_they_are_cut() {
    let id = node(Version::V01).snapshot().id;
    let line = format!("{{\"type\": \"HELLO\", \"from\": \"{id}\"}}\n");
    let proof = format!("{{\"type\": \"PROOF\", \"proof\": \"{}\"}}\n", "A".repeat(86));
    let lines = [
        "ACK\n",
        "ERROR\n",
        "\n",
        "\u{feff}{}\n",
        "[]\nACK\n",
        &line,
        &proof,
        &format!("{line}{line}"),
        &format!("{{\"x\": {}\n", "[".repeat(900)),
    ];
    for bytes in lines.map(str::as_bytes).into_iter().chain([&[0xff, 0xfe, b'\n'][..]]) {
        any_bytes(bytes);
    }
    any_bytes(&[b'x'; 70_000]);
}

/// Whole lines of every kind, spoilt in one place.
#[test]
fn no_byte_of_a_message_does_harm_when_it_is_another() {
    let me = Identity::from_seed([3; 32]);
    let body = Body::Chat { text: "ciao ☀".into() };
    let (created, expires) = (1_767_225_600_000, 1_767_225_700_000);
    let payload = Payload { author: me.id(), channel: "#mainfloor".into(), created, expires, body };
    let parcel = Parcel::pack(&me, &payload);
    let lines = [
        Message::Hello { from: me.id(), nonce: Some([1; 32]) },
        Message::Chat(Chat::new(me.id(), "then", "ciao")),
        Message::IHave(vec![parcel.id()]),
        Message::Since(1),
        Message::Signed { hops: 1, parcel },
    ];
    let mut rng = Rng::new(7, &[]);
    for line in lines.map(|message| message.encode().to_vec()) {
        assert!(Tazcom::kinds().contains(&Tazcom::kind(&line)));
        any_bytes(&line);
        for _ in 0..20 {
            let mut line = line.clone();
            let at = rng.below(line.len() as u64) as usize;
            line[at] = rng.next_u64() as u8;
            any_bytes(&line);
        }
    }
}
