//! What a fake equipment does wrong on purpose, and what a host makes of it.
use proto::{
    Fact, Frame, Input, Output, Protocol, Session, Ticket, Time,
    hsms::{Client, Device, Hsms, Message, Reply, Request, Settings},
    session::hex,
    testing::Pair,
};

const SELECT: &str = "0000000a ffff 0000 0001 0000002a";
const S1F1: &str = "0000000a 0000 8101 0000 00000007";

/// A tool that does not speak first.
fn quiet() -> Hsms {
    let tool = serde_json::from_str(r#"{ "initiates": false }"#).unwrap();
    Hsms::new(Settings { tool: Some(tool), ..Settings::default() }).unwrap()
}

fn ask(text: &str) -> Request {
    text.parse().unwrap()
}

fn told(quirk: &str) -> Hsms {
    let hsms = quiet();
    hsms.misbehave(quirk.parse().unwrap());
    hsms
}

/// Messages by name with their system bytes, and what else is sent.
fn sent(device: &mut Device, bytes: &str) -> Vec<String> {
    device.handle_input(Time::default(), Input::Received(&hex::decode(bytes).unwrap()));
    let mut sent = Vec::new();
    loop {
        match device.poll_output() {
            Output::Transmit(Frame { bytes, .. }) => sent.push(match Message::of_frame(&bytes) {
                Some(m) => format!("{} {:x}", m.header, m.header.system),
                None => hex::encode(&bytes),
            }),
            Output::Close(reason) => sent.push(format!("close: {reason}")),
            Output::Finish => sent.push("FIN".into()),
            Output::Wait(_) => return sent,
            _ => {}
        }
        if sent.last().is_some_and(|last| last.starts_with("close")) {
            return sent;
        }
    }
}

fn selected(hsms: &Hsms) -> Device {
    let mut device = hsms.device(Time::default());
    assert_eq!(sent(&mut device, SELECT), ["Select.rsp status 0 2a"]);
    device
}

#[test]
fn replies_in_another_order_are_all_there() {
    let hsms = told("reorder");
    let mut device = selected(&hsms);
    assert_eq!(sent(&mut device, S1F1), [""; 0]);
    let other = S1F1.replace("00000007", "00000008");
    assert_eq!(sent(&mut device, &other), ["S1F2 8", "S1F2 7"]);
    let mut few = selected(&told("reorder x1"));
    assert_eq!(sent(&mut few, &format!("{S1F1}{other}")), ["S1F2 8", "S1F2 7"]);
}

#[test]
fn a_stale_reply_is_of_an_earlier_connection() {
    let hsms = told("stale");
    let mut first = selected(&hsms);
    assert_eq!(sent(&mut first, S1F1), ["S1F2 7"]);
    drop(first);
    let mut second = hsms.device(Time::default());
    assert_eq!(sent(&mut second, SELECT), ["Select.rsp status 0 2a", "S1F2 7"]);
    assert_eq!(sent(&mut second, S1F1), ["S1F2 7"], "its own");
}

#[test]
fn what_nobody_asked_comes_once_it_is_selected() {
    let mut device = told("unasked").device(Time::default());
    assert_eq!(sent(&mut device, SELECT), ["Select.rsp status 0 2a", "S1F2 ffffffff"]);
    let mut device = told("duplicate_select").device(Time::default());
    assert_eq!(sent(&mut device, SELECT), ["Select.rsp status 0 2a"; 2]);
    let mut device = selected(&told("same_system"));
    assert_eq!(sent(&mut device, S1F1), ["S1F1 W 7", "S1F2 7"]);
    let mut device = selected(&told("separate"));
    assert_eq!(sent(&mut device, S1F1), ["Separate.req 1", "FIN"]);
}

#[test]
fn a_lie_is_told_where_there_is_something_to_lie_about() {
    let constant = ask("S2F15 W <L <L <U4 2001> <U4 3>>>.");
    for (quirk, set) in [("success", true), ("lie", false)] {
        let hsms = told(quirk);
        let mut pair = Pair::new(&hsms);
        pair.run();
        pair.ask(Ticket(1), ask("S2F13 W <L <U4 2001>>."));
        pair.ask(Ticket(2), constant.clone());
        pair.ask(Ticket(3), ask("S2F13 W <L <U4 2001>>."));
        let said = |n: usize| match &pair.replies[n].1 {
            Reply::Message(message) => message.text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(said(1), [0x21, 1, 0][..], "{quirk}: it says that it was done");
        assert_eq!(said(0) != said(2), set, "{quirk}:\n{}", pair.transcript);
    }
}

#[test]
fn a_newer_connection_takes_the_place_of_an_older_one() {
    let hsms = told("second kick");
    let (mut older, mut newer) = (selected(&hsms), selected(&hsms));
    let said = sent(&mut older, S1F1);
    assert!(said.last().is_some_and(|last| last.starts_with("close")), "{said:?}");
    assert_eq!(sent(&mut newer, S1F1), ["S1F2 7"]);
}

/// Of a reply's 14 bytes of length and header none can change without its being noticed; there is no
/// checksum for the text.
#[test]
fn no_header_with_a_bit_turned_answers_anything() {
    for at in 0..14 {
        let mut pair = Pair::new(&told(&format!("corrupt {at}")));
        pair.run();
        pair.client.handle_input(pair.now, Input::Request(Ticket(7), ask("S1F1 W.")));
        let device = answer(&mut pair.client, &mut pair.device);
        assert!(!device, "byte {at}");
    }
}

/// Carries one message each way. Was the question answered?
fn answer(client: &mut Client, device: &mut Device) -> bool {
    let question = said(client, |_| {});
    device.handle_input(Time::default(), Input::Received(&question));
    let reply = said(device, |_| {});
    client.handle_input(Time::default(), Input::Received(&reply));
    let mut answered = false;
    said(client, |reply| answered |= matches!(reply, Reply::Message(_)));
    answered
}

fn said<S: Session<Reply = Reply>>(session: &mut S, mut reply: impl FnMut(&Reply)) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        match session.poll_output() {
            Output::Transmit(frame) => bytes.extend_from_slice(&frame.bytes),
            Output::Reply(_, it) => reply(&it),
            Output::Wait(_) | Output::Close(_) => return bytes,
            _ => {}
        }
    }
}

#[test]
fn every_new_mode_is_told_when_it_strikes() {
    let cases = [
        ("corrupt 4", false),
        ("garbage_before", false),
        ("truncated", false),
        ("padded", true),
        ("same_system", true),
        ("separate", false),
        ("unasked", true),
        ("duplicate_select", true),
    ];
    for (quirk, answered) in cases {
        let mut pair = Pair::new(&told(quirk));
        pair.run();
        pair.ask(Ticket(7), ask("S1F1 W."));
        let name = quirk.split(' ').next().unwrap();
        let struck =
            pair.facts.iter().any(|f| matches!(f, Fact::Quirk { name: n, .. } if n == name));
        assert!(struck, "{quirk}:\n{}", pair.transcript);
        let got = pair.replies.iter().any(|(_, reply)| matches!(reply, Reply::Message(_)));
        assert_eq!(got, answered, "{quirk}:\n{}", pair.transcript);
    }
}
