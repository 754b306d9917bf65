//! VKB-Link, both ends joined by a perfect wire in virtual time.
use proto::quirk::Mode as _;
use proto::{
    CloseReason, Delivery, Fact, Input, Output, Policy, Protocol, RawPolicy, Session, Supervisor,
    Ticket, Time,
    resilience::{Connection, Happening, RawBreaker, Step},
    testing::{Pair, check},
    vkb::{Bitmaps, Client, Mode, Replied, Settings, Vkb},
};

fn vkb(replies: bool) -> Vkb {
    Vkb::new(Settings { replies, ..Settings::default() }).unwrap()
}

fn state(shift: u8, subshift: u8) -> Bitmaps {
    Bitmaps { shift, subshift }
}

/// State number `n` of a sender that counts.
fn counted(n: u16) -> Bitmaps {
    let [shift, subshift] = n.to_le_bytes();
    state(shift, subshift)
}

/// Everything a session has to say now, up to its wait.
fn said(client: &mut Client) -> Vec<Output<Replied>> {
    std::iter::from_fn(|| match client.poll_output() {
        Output::Wait(_) => None,
        output => Some(output),
    })
    .collect()
}

/// A client that has asserted states 1 to `n`, under tickets of that number.
fn asserted(n: u16) -> Client {
    let mut client = Vkb::default().client(Time::default());
    for n in 1..=n {
        client.handle_input(Time::default(), Input::Request(Ticket(n.into()), counted(n)));
    }
    said(&mut client);
    client
}

/// Which requests these bytes are counted for, and how many were pushes.
fn credited(client: &mut Client, bytes: &[u8]) -> (Vec<u64>, usize) {
    client.handle_input(Time::default(), Input::Received(bytes));
    let (mut replies, mut pushes) = (Vec::new(), 0);
    for output in said(client) {
        match output {
            Output::Reply(ticket, _) => replies.push(ticket.0),
            Output::Push(_) => pushes += 1,
            Output::Received(_) => {}
            other => panic!("{other:?}"),
        }
    }
    (replies, pushes)
}

#[test]
fn a_device_that_answers_keeps_the_promises_of_every_protocol() {
    check(|| vkb(true), state(1, 0));
}

#[test]
fn a_state_arrives_as_its_eight_bytes_and_is_in_force() {
    for replies in [false, true] {
        let vkb = vkb(replies);
        let mut pair = Pair::new(&vkb);
        pair.ask(Ticket(1), state(2, 1));
        let memory = vkb.snapshot();
        assert_eq!(memory.state, state(2, 1));
        assert_eq!(memory.connections[0].bytes[..], [0xa5, 0x0d, 0, 4, 2, 1, 0, 0]);
        assert_eq!(pair.replies.len(), usize::from(replies), "{}", pair.transcript);
    }
}

#[test]
fn an_answer_proves_replied_and_no_more() {
    let replied = Replied { bytes: vec![0, 1].into() };
    assert_eq!(Vkb::answer(&replied), proto::Answer::Accepted(Delivery::Replied));
}

#[test]
fn the_settings_of_the_wire_are_on_the_wire() {
    let vkb = |header_byte, command_byte| {
        Vkb::new(Settings { header_byte, command_byte, ..Settings::default() }).unwrap()
    };
    for (header, command) in [(165, 13), (90, 7)] {
        let vkb = vkb(header, command);
        Pair::new(&vkb).ask(Ticket(1), state(1, 0));
        let memory = vkb.snapshot();
        assert_eq!(memory.connections[0].bytes[..2], [header, command]);
        assert_eq!(memory.numbers.frames, 1);
    }
}

#[test]
fn bitmaps_beyond_eight_bits_are_refused_by_name() {
    let read = |json: &str| serde_json::from_str::<Bitmaps>(json).map_err(|e| e.to_string());
    assert_eq!(read(r#"{"shift": 255, "subshift": 0}"#), Ok(state(255, 0)));
    let problem = read(r#"{"shift": 1, "subshift": 256}"#).unwrap_err();
    assert!(problem.starts_with("subshift: 256 is no bitmap"), "{problem}");
    assert!(read(r#"{"shift": -1, "subshift": 0}"#).unwrap_err().starts_with("shift: -1"));
    assert!(read(r#"{"shift": 1, "subshift": 0, "led": 1}"#).unwrap_err().contains("`led`"));
    assert!(read(r#"{"shift": 1}"#).unwrap_err().contains("subshift"));
}

#[test]
fn junk_between_frames_is_named_and_the_connection_goes_on() {
    let vkb = vkb(false);
    let mut pair = Pair::new(&vkb);
    pair.ask(Ticket(1), state(1, 0));
    pair.device.handle_input(pair.now, Input::Received(b"FSDJump\n"));
    pair.ask(Ticket(2), state(2, 0));
    let junk = Fact::Malformed {
        reason: "junk".into(),
        detail: "8 bytes that begin no frame".into(),
        bytes: b"FSDJump\n".to_vec().into(),
    };
    assert_eq!(pair.facts, [junk]);
    assert_eq!(pair.closed, [None, None]);
    assert_eq!((vkb.snapshot().numbers.frames, vkb.snapshot().state), (2, state(2, 0)));
}

#[test]
fn a_frame_cut_short_by_the_end_is_named() {
    let vkb = vkb(false);
    let mut pair = Pair::new(&vkb);
    pair.device.handle_input(pair.now, Input::Received(&[0xa5, 0x0d, 0]));
    pair.device.handle_input(pair.now, Input::Eof);
    pair.run();
    assert!(matches!(&pair.facts[..], [Fact::Malformed { reason, .. }] if reason == "truncated"));
    assert_eq!(pair.closed[1], Some(CloseReason::Peer));
}

#[test]
fn the_nth_answer_is_counted_for_the_nth_frame() {
    let mut client = asserted(3);
    assert_eq!(credited(&mut client, &[0, 1]), (vec![1], 0));
    assert_eq!(credited(&mut client, &[0, 1, 0, 1]), (vec![2, 3], 0));
    assert_eq!(credited(&mut client, &[0, 1]), (vec![], 1), "nothing is left to answer");
}

#[test]
fn half_an_answer_is_none_and_its_rest_is_not_the_next_ones() {
    let mut client = asserted(2);
    assert_eq!(credited(&mut client, &[0]), (vec![], 0));
    assert_eq!(credited(&mut client, &[1]), (vec![1], 0));
    assert_eq!(credited(&mut client, b"anything else"), (vec![2], 0));
}

#[test]
fn frames_no_longer_remembered_still_have_their_answers_first() {
    let mut client = asserted(4100);
    for _ in 0..4 {
        assert_eq!(credited(&mut client, &[0, 1]), (vec![], 1));
    }
    assert_eq!(credited(&mut client, &[0, 1]), (vec![5], 0));
}

#[test]
fn an_answer_without_a_frame_is_a_push() {
    assert_eq!(credited(&mut asserted(0), &[0, 1]), (vec![], 1));
}

#[test]
fn after_an_answer_too_many_none_is_counted_for_a_frame() {
    let mut client = asserted(1);
    assert_eq!(credited(&mut client, &[0, 1, 0, 1]), (vec![1], 1));
    client.handle_input(Time::default(), Input::Request(Ticket(2), counted(2)));
    said(&mut client);
    assert_eq!(credited(&mut client, &[0, 1]), (vec![], 1));
}

#[test]
fn a_device_with_room_for_one_keeps_to_it() {
    for (way, ends) in [("kick", [true, false]), ("close", [false, true])] {
        let vkb = vkb(false);
        vkb.misbehave(format!("one_connection {way}").parse().unwrap());
        let (mut older, mut newer) = (Pair::new(&vkb), Pair::new(&vkb));
        newer.run();
        for pair in [&mut older, &mut newer] {
            if pair.closed[1].is_none() {
                pair.ask(Ticket(1), state(1, 0));
            }
        }
        assert_eq!([older.closed[1].is_some(), newer.closed[1].is_some()], ends, "{way}");
        assert_eq!(vkb.snapshot().numbers.frames, 1, "{way}");
    }
    let vkb = vkb(false);
    vkb.misbehave("one_connection refuse".parse().unwrap());
    let only = Pair::new(&vkb);
    assert!(!vkb.listening(), "while there is one, there is no listener");
    drop(only);
    assert!(vkb.listening());
}

#[test]
fn several_clients_share_a_state_and_each_has_its_log() {
    let vkb = vkb(false);
    let (mut one, mut other) = (Pair::new(&vkb), Pair::new(&vkb));
    one.ask(Ticket(1), counted(1));
    other.ask(Ticket(2), counted(2));
    one.ask(Ticket(3), counted(3));
    one.ask(Ticket(3), counted(3));
    let memory = vkb.snapshot();
    assert_eq!((memory.opened, memory.state), (2, counted(3)));
    let frames: Vec<_> = memory.connections.iter().map(|c| c.numbers.frames).collect();
    assert_eq!(frames, [3, 1]);
    assert_eq!(memory.connections[0].numbers.gaps, ["2"]);
    assert_eq!((memory.numbers.missing, memory.numbers.duplicates), (0, 1));
}

#[test]
fn two_devices_do_not_share_a_memory() {
    let (first, second) = (Vkb::default(), Vkb::default());
    Pair::new(&first).ask(Ticket(1), state(1, 1));
    assert_eq!(second.snapshot().opened, 0);
}

/// Every mode, and what each end makes of it.
#[test]
fn every_mode_does_what_it_says() {
    for (name, mode) in Mode::MODES.iter().copied() {
        // Answering is a deviation only where silence was asked for.
        let vkb = vkb(!matches!(mode, Mode::Reply | Mode::Success));
        let quirk = if matches!(mode, Mode::SilentAfter(_)) { "silent_after 0" } else { name };
        vkb.misbehave(quirk.parse().unwrap());
        let mut pair = Pair::new(&vkb);
        pair.run();
        let _newer = matches!(mode, Mode::OneConnection(_)).then(|| Pair::new(&vkb));
        pair.ask(Ticket(7), state(1, 0));
        let fired =
            pair.facts.iter().any(|f| matches!(f, Fact::Quirk { name: n, .. } if n == name));
        assert_eq!(fired, !matches!(mode, Mode::Success | Mode::Refuse), "{name}");
        let read = vkb.snapshot().numbers.frames == 1;
        let replied = pair.replies.first().map(|(_, reply)| reply.bytes.len());
        let got = (read, replied, pair.closed[1].clone());
        let wanted = match mode {
            Mode::Success | Mode::Mute | Mode::SilentAfter(_) | Mode::HalfClose => {
                (true, None, None)
            }
            Mode::Reply | Mode::DelayReply(_) | Mode::Duplicate | Mode::Flood(_) | Mode::Refuse => {
                (true, Some(2), None)
            }
            // Half an answer and a whole one, taken together for what nobody can read.
            Mode::Truncated => (true, Some(3), None),
            // It was no answer to anything, and so no later one is believed.
            Mode::Unasked => (true, None, None),
            Mode::Lie => (false, Some(2), None),
            Mode::OneConnection(_) => (false, None, Some(CloseReason::Local)),
            Mode::JunkReply => (true, Some(9), None),
            Mode::Frozen(_) => (false, None, None),
            Mode::Reject => (false, None, Some(CloseReason::Local)),
            Mode::ResetBefore => (false, None, Some(CloseReason::Abort)),
            Mode::ResetAfter => (true, None, Some(CloseReason::Abort)),
            Mode::DisconnectAfter(_) => (true, None, Some(CloseReason::Local)),
        };
        assert_eq!(got, wanted, "{name}:\n{}", pair.transcript);
        assert_eq!(vkb.listening(), mode != Mode::Refuse);
    }
}

#[test]
fn a_frozen_device_that_thaws_reads_what_it_left() {
    let vkb = vkb(true);
    vkb.misbehave("frozen 200ms x1".parse().unwrap());
    let mut pair = Pair::new(&vkb);
    pair.ask(Ticket(1), state(1, 0));
    assert_eq!(pair.now, Time::from_millis(200));
    assert_eq!(pair.replies.len(), 1, "{}", pair.transcript);
}

#[test]
fn a_device_disconnects_after_as_many_frames_as_told() {
    let vkb = vkb(false);
    vkb.misbehave("disconnect_after 3 x1".parse().unwrap());
    for (connection, frames) in [(0, 3), (1, 5)] {
        let mut pair = Pair::new(&vkb);
        for n in 1..=5 {
            if pair.closed[1].is_none() {
                pair.ask(Ticket(n), counted(n as u16));
            }
        }
        assert_eq!(vkb.snapshot().connections[connection].numbers.frames, frames);
    }
}

#[test]
fn a_mode_switched_on_strikes_connections_that_live() {
    let vkb = vkb(false);
    let mut pair = Pair::new(&vkb);
    pair.ask(Ticket(1), state(1, 0));
    vkb.misbehave("reset_before".parse().unwrap());
    pair.ask(Ticket(2), state(2, 0));
    assert_eq!(pair.closed[1], Some(CloseReason::Abort));
}

/// Two states are lost with their connection; each draws its own delay before it is sent again.
#[test]
fn a_newer_state_never_overtakes_an_older_one_after_a_loss() {
    for seed in 0..50 {
        let policy = Policy::new::<Vkb>(RawPolicy {
            connection: Connection::Kept,
            confirm: Some(Delivery::Survived),
            ..RawPolicy::default()
        });
        let mut supervisor = Supervisor::new(Vkb::default(), policy.unwrap(), seed);
        let mut now = Time::default();
        for n in 1..=2 {
            let submit = Happening::Submit(Ticket(n), state(n as u8, 0));
            supervisor.handle_input(now, submit);
        }
        let (mut connects, mut sent) = (0, Vec::new());
        while sent.len() < 4 {
            match supervisor.poll_output() {
                Step::Connect => {
                    connects += 1;
                    supervisor.handle_input(now, Happening::Connected);
                }
                Step::Transmit(frame) => {
                    sent.push((connects, frame.bytes[4]));
                    supervisor.handle_input(now, Happening::Written(frame.ticket.unwrap()));
                    if sent.len() == 2 {
                        supervisor.handle_input(now, Happening::Closed(CloseReason::Reset));
                    }
                }
                Step::Wait(at) => {
                    now = at.expect("there is more to send");
                    supervisor.handle_input(now, Happening::Timeout);
                }
                _ => {}
            }
        }
        assert_eq!(sent, [(1, 1), (1, 2), (2, 1), (2, 2)], "seed {seed}");
    }
}

/// A dying listener's backlog takes connections, and resets them.
#[test]
fn a_connection_that_only_opened_is_a_failure_to_the_breaker() {
    for threshold in [2, 3] {
        let breaker = Some(RawBreaker { threshold, ..RawBreaker::default() });
        let policy = RawPolicy { connection: Connection::Kept, breaker, ..RawPolicy::default() };
        let policy = RawPolicy { max_attempts: 9, ..policy };
        let mut supervisor =
            Supervisor::new(Vkb::default(), Policy::new::<Vkb>(policy).unwrap(), 1);
        let (mut now, mut connects) = (Time::default(), 0);
        supervisor.handle_input(now, Happening::Submit(Ticket(1), state(1, 0)));
        loop {
            match supervisor.poll_output() {
                Step::Connect => {
                    connects += 1;
                    supervisor.handle_input(now, Happening::Connected);
                    supervisor.handle_input(now, Happening::Closed(CloseReason::Reset));
                }
                Step::Done(..) => break,
                Step::Wait(at) => {
                    now = at.expect("there is more to try");
                    supervisor.handle_input(now, Happening::Timeout);
                }
                _ => {}
            }
        }
        assert_eq!(connects, threshold);
    }
}
