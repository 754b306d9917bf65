//! The toggle protocol, both ends joined by a perfect wire in virtual time.
use proptest::prelude::*;
use proto::{
    CloseReason, Fact, Input, Output, Protocol, Session, Ticket, Time,
    testing::{Pair, check, client_takes, device_takes, explains},
    toggle::{AnswerForm, Device, Lamp, Mode, Quirk, Reply, Settings, Toggle, encode_toggle},
};

fn lamp(answer: AnswerForm) -> Lamp {
    Lamp::new(Settings { answer, ..Settings::default() }).unwrap()
}

fn on() -> Toggle {
    Toggle::new("D1", true).unwrap()
}

fn pair(quirk: &str) -> (Lamp, Pair<Lamp>) {
    let lamp = lamp(AnswerForm::Framed);
    lamp.misbehave(quirk.parse().unwrap());
    let pair = Pair::new(&lamp);
    (lamp, pair)
}

#[test]
fn both_answer_forms_keep_the_promises_of_every_protocol() {
    check(|| lamp(AnswerForm::Ack), on());
    check(|| lamp(AnswerForm::Framed), on());
}

#[test]
fn the_answer_form_decides_what_is_proved() {
    for (form, reply) in [(AnswerForm::Ack, Reply::Ack), (AnswerForm::Framed, Reply::Applied)] {
        let mut pair = Pair::new(&lamp(form));
        pair.ask(Ticket(7), on());
        assert_eq!(pair.replies, [(Ticket(7), reply)]);
    }
}

#[test]
fn a_repeated_command_is_answered_again_and_applied_once() {
    let lamp = lamp(AnswerForm::Framed);
    for _ in 0..3 {
        let mut pair = Pair::new(&lamp);
        pair.ask(Ticket(7), on());
        assert_eq!(pair.replies, [(Ticket(7), Reply::Applied)]);
    }
    let memory = lamp.snapshot();
    assert_eq!(memory.devices["D1"].applied, 1);
    assert_eq!(memory.seen["0000000000000007"], 3);
}

#[test]
fn the_memory_forgets_by_count_and_by_age_as_set() {
    let applied = |settings: Settings, tickets: &[u64], pause_s: u64| {
        let lamp = Lamp::new(settings).unwrap();
        let mut pair = Pair::new(&lamp);
        for ticket in tickets {
            pair.ask(Ticket(*ticket), on());
            pair.now = pair.now + std::time::Duration::from_secs(pause_s);
        }
        lamp.snapshot().devices["D1"].applied
    };
    let limit = |applied_limit| Settings { applied_limit, ..Settings::default() };
    assert_eq!(applied(limit(2), &[1, 2, 1], 0), 2);
    assert_eq!(applied(limit(1), &[1, 2, 1], 0), 3);
    let ttl =
        |s: u64| Settings { applied_ttl: proto::Span::millis(s * 1000), ..Settings::default() };
    assert_eq!(applied(ttl(300), &[1, 1], 299), 1);
    assert_eq!(applied(ttl(300), &[1, 1], 301), 2);
    for (senseless, most) in [(0, 1), (1_000_001, 1_000_000), (usize::MAX, 1_000_000)] {
        assert_eq!(Lamp::new(limit(senseless)).unwrap_err().key, "applied_limit");
        assert!(Lamp::new(limit(most)).is_ok());
    }
}

#[test]
fn what_the_memory_lets_go_of_is_told() {
    let lamp = Lamp::new(Settings { applied_limit: 2, ..Settings::default() }).unwrap();
    let mut pair = Pair::new(&lamp);
    (1..=3).for_each(|ticket| pair.ask(Ticket(ticket), on()));
    let forgot = pair.facts.iter().filter(|fact| matches!(fact, Fact::Forgot { ids: 1 }));
    assert_eq!(forgot.count(), 1, "{}", pair.transcript);
}

#[test]
fn a_repeated_framed_answer_is_an_orphan_and_a_bare_one_is_refused() {
    let (_, mut framed) = pair("duplicate");
    framed.ask(Ticket(7), on());
    assert!(framed.facts.contains(&Fact::Orphan { ticket: Ticket(7) }));
    let bare = lamp(AnswerForm::Ack);
    bare.misbehave(Quirk { mode: Mode::Duplicate, times: None });
    let mut pair = Pair::new(&bare);
    pair.ask(Ticket(7), on());
    assert!(matches!(pair.closed[0], Some(CloseReason::Misbehaved(_))), "{}", pair.transcript);
}

#[test]
fn a_quirk_for_a_few_times_wears_off() {
    let (_, mut pair) = pair("nack x2");
    for ticket in 1..=3 {
        pair.ask(Ticket(ticket), on());
    }
    let accepted: Vec<bool> = pair.replies.iter().map(|(_, r)| *r == Reply::Applied).collect();
    assert_eq!(accepted, [false, false, true]);
}

#[test]
fn what_strikes_at_open_strikes_connections_that_are() {
    for mode in ["reject", "reset_before"] {
        let (lamp, mut pair) = pair("success");
        pair.ask(Ticket(1), on());
        lamp.misbehave(mode.parse().unwrap());
        pair.ask(Ticket(2), on());
        assert!(pair.closed[1].is_some(), "{mode}:\n{}", pair.transcript);
        assert_eq!(lamp.snapshot().devices["D1"].applied, 1, "{mode}");
    }
}

#[test]
fn two_lamps_do_not_share_a_memory() {
    let (first, second) = (Lamp::default(), Lamp::default());
    Pair::new(&first).ask(Ticket(1), on());
    assert!(second.snapshot().devices.is_empty());
}

/// Messages of either side, sound and not, and what is no message at all.
fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
    let frame = |json: String| {
        let length = (json.len() as u32).to_be_bytes();
        [&[0xf0, 0x0d, 1], &length[..], json.as_bytes()].concat()
    };
    let toggle = r#"\{"opcode":"toggle","device_id":"[A-C]","msg_id":"[1-3]","state":(true|on)\}"#;
    let answer = r#"\{"opcode":"(n?ack|toggle)","msg_id":"0{15}[12]","reason":"no"\}"#;
    let piece = prop_oneof![
        toggle.prop_map(frame),
        answer.prop_map(frame),
        Just(b"ACK".to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_confuse_either_end_however_they_are_cut(bytes in some_bytes()) {
        client_takes(&Lamp::default(), &on(), &bytes);
        device_takes(Lamp::default, &bytes);
        explains::<Lamp>(&bytes);
    }
}

/// A device hears these commands in one breath; what it does about them.
fn hears(device: &mut Device, commands: impl Iterator<Item = (u64, String)>) -> Vec<Output<Reply>> {
    let frame = |(n, id): (u64, String)| encode_toggle(Ticket(n), &Toggle::new(id, true).unwrap());
    let bytes: Vec<u8> = commands.flat_map(frame).collect();
    device.handle_input(Time::default(), Input::Received(&bytes));
    let outputs = std::iter::from_fn(|| match device.poll_output() {
        Output::Wait(_) => None,
        other => Some(other),
    });
    outputs.collect()
}

#[test]
fn strangers_with_invented_names_cannot_fill_its_memory() {
    let lamp = Lamp::default();
    let mut device = lamp.device(Time::default());
    hears(&mut device, (0..10_000).map(|n| (n, format!("D{n:05}"))));
    assert_eq!(lamp.snapshot().devices.len(), 10_000);
    hears(&mut device, (10_000..10_010).map(|n| (n, format!("D{n:05}"))));
    let devices = lamp.snapshot().devices;
    assert_eq!(devices.len(), 10_000);
    assert!(devices.contains_key("D10009"), "the newest is known");
    hears(&mut device, [(20_000, "D10009".into())].into_iter());
    assert_eq!(lamp.snapshot().devices["D10009"].applied, 2, "who is known pushes nobody out");
    assert_eq!(lamp.snapshot().devices.len(), 10_000);
}

#[test]
fn answers_held_back_are_limited() {
    let closes = |commands: u64| {
        let lamp = Lamp::default();
        lamp.misbehave("delay 1h".parse().unwrap());
        let mut device = lamp.device(Time::default());
        let outputs = hears(&mut device, (0..commands).map(|n| (n, "D1".into())));
        matches!(outputs.last(), Some(Output::Close(CloseReason::Misbehaved(_))))
    };
    assert_eq!((closes(1024), closes(1025)), (false, true));
}
