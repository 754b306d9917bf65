//! What the client makes of answers that come late, twice, in part, or for commands long gone.
use proto::{
    CloseReason, Fact, Input, Output, Protocol, Session, Ticket, Time,
    toggle::{Client, Lamp, Reply, Toggle},
};

fn client() -> Client {
    Lamp::default().client(Time::default())
}

fn ask(client: &mut Client, tickets: std::ops::RangeInclusive<u64>) {
    for ticket in tickets {
        let request = Toggle::new("D1", true).unwrap();
        client.handle_input(Time::default(), Input::Request(Ticket(ticket), request));
    }
    said(client);
}

/// What it said since.
fn said(client: &mut Client) -> Vec<Output<Reply>> {
    let next = || match client.poll_output() {
        Output::Wait(_) => None,
        said => Some(said),
    };
    std::iter::from_fn(next).collect()
}

/// A framed answer to this command arrives: what comes of it, in a word.
fn answer(client: &mut Client, ticket: u64) -> &'static str {
    let json = format!(r#"{{"opcode": "ack", "msg_id": "{ticket:016x}"}}"#);
    let frame = [&[0xf0, 0x0d, 1, 0, 0, 0, json.len() as u8], json.as_bytes()].concat();
    client.handle_input(Time::default(), Input::Received(&frame));
    match said(client).last() {
        Some(Output::Reply(Ticket(to), Reply::Applied)) if *to == ticket => "taken",
        Some(Output::Fact(Fact::Orphan { .. })) => "orphan",
        Some(Output::Close(CloseReason::Misbehaved(_))) => "refused",
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_find_their_commands_in_any_order() {
    let mut client = client();
    ask(&mut client, 1..=3);
    assert_eq!([2, 3, 1].map(|ticket| answer(&mut client, ticket)), ["taken"; 3]);
}

#[test]
fn a_repeated_answer_is_known_for_a_while() {
    let mut client = client();
    ask(&mut client, 1..=9);
    for ticket in 1..=9 {
        assert_eq!(answer(&mut client, ticket), "taken");
    }
    for ticket in 2..=9 {
        assert_eq!(answer(&mut client, ticket), "orphan");
    }
    assert_eq!(answer(&mut client, 1), "refused", "the ninth last is forgotten");
}

#[test]
fn commands_never_answered_are_forgotten_in_the_end() {
    for (commands, first) in [(4096, "taken"), (4097, "refused")] {
        let mut client = client();
        ask(&mut client, 1..=commands);
        assert_eq!(answer(&mut client, 1), first);
    }
}

#[test]
fn half_an_answer_before_the_end_is_told() {
    for (part, told) in [(&b""[..], 0), (b"AC", 1), (b"\xf0\x0d", 1)] {
        let mut client = client();
        ask(&mut client, 1..=1);
        client.handle_input(Time::default(), Input::Received(part));
        client.handle_input(Time::default(), Input::Eof);
        let said = said(&mut client);
        let truncated = |o: &&Output<Reply>| matches!(o, Output::Fact(Fact::Malformed { reason, .. }) if reason == "truncated");
        assert_eq!(said.iter().filter(truncated).count(), told, "{said:?}");
        assert!(matches!(said.last(), Some(Output::Close(CloseReason::Peer))), "{said:?}");
    }
}

#[test]
fn only_a_device_told_to_refuse_does_not_listen() {
    let lamp = Lamp::default();
    assert!(lamp.listening());
    lamp.misbehave("refuse".parse().unwrap());
    assert!(!lamp.listening());
    lamp.misbehave("nack".parse().unwrap());
    assert!(lamp.listening());
}
