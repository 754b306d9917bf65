//! HSMS, message by message: what an endpoint makes of everything that may come, in every state, by
//! every reading of the standard. The equipment's end is poked with raw bytes.
use std::{fmt::Write, time::Duration};

use proto::{
    CloseReason, Frame, Input, Output, Protocol, Session, Span, Ticket, Time,
    hsms::{Client, Connect, Device, Hsms, Message, Personality, Request, Settings},
    session::hex,
    testing::{Pair, check, client_takes, device_takes, explains, hsms::any_bytes},
};

const SELECT: &str = "0000000a ffff 0000 0001 0000002a";
const SELECTED: &str = "0000000a ffff 0000 0002 00000001";
const S1F1: &str = "0000000a 0000 8101 0000 00000001";

fn hsms(settings: Settings) -> Hsms {
    Hsms::new(settings).unwrap()
}

/// A tool that does not speak first.
fn quiet() -> Settings {
    let tool = serde_json::from_str(r#"{ "initiates": false }"#).unwrap();
    Settings { tool: Some(tool), ..Settings::default() }
}

fn ask(text: &str) -> Request {
    text.parse().unwrap()
}

/// What a session says, in words: messages by name with their system bytes, facts, the end.
fn hear<S: Session>(session: &mut S) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        match session.poll_output() {
            Output::Transmit(Frame { bytes, .. }) => said.push(match Message::of_frame(&bytes) {
                Some(m) => format!("{} {:x}", m.header, m.header.system),
                None => hex::encode(&bytes),
            }),
            Output::Reply(ticket, _) => said.push(format!("answer {}", ticket.0)),
            Output::Finish => said.push("FIN".into()),
            Output::Close(CloseReason::Abort) => said.push("RST".into()),
            Output::Close(reason) => said.push(format!("close: {reason}")),
            Output::Received(_) | Output::Ready(_) | Output::Push(_) | Output::Fact(_) => {}
            Output::Wait(_) => return said,
        }
        if said.last().is_some_and(|last| last == "RST" || last.starts_with("close")) {
            return said;
        }
    }
}

fn poke<S: Session>(session: &mut S, now: Time, bytes: &str) -> Vec<String> {
    session.handle_input(now, Input::Received(&hex::decode(bytes).unwrap()));
    hear(session)
}

fn ms(n: u64) -> Time {
    Time::from_millis(n)
}

/// An equipment's end with these settings, and what it said at the start.
fn device(settings: Settings) -> (Device, Vec<String>) {
    let mut device = hsms(settings).device(ms(0));
    let said = hear(&mut device);
    (device, said)
}

fn host(settings: Settings) -> (Client, Vec<String>) {
    let mut client = hsms(settings).client(ms(0));
    let said = hear(&mut client);
    (client, said)
}

const STIMULI: &[(&str, &str)] = &[
    ("Select.req", "0000000a ffff 0000 0001 00000007"),
    ("Select.req of session 5", "0000000a 0005 0000 0001 00000007"),
    ("Select.rsp, orphan", "0000000a ffff 0000 0002 00000007"),
    ("Deselect.req", "0000000a ffff 0000 0003 00000007"),
    ("Linktest.req", "0000000a ffff 0000 0005 00000007"),
    ("Linktest.rsp, orphan", "0000000a ffff 0000 0006 00000007"),
    ("Linktest.req with a text", "0000000c ffff 0000 0005 00000007 0000"),
    ("Reject.req of nothing", "0000000a ffff 0501 0007 00000007"),
    ("Separate.req", "0000000a ffff 0000 0009 00000007"),
    ("SType 8", "0000000a ffff 0000 0008 00000007"),
    ("SType 11", "0000000a ffff 0000 000b 00000007"),
    ("SType 200", "0000000a ffff 0000 00c8 00000007"),
    ("PType 1 data", "0000000a 0000 8101 0100 00000007"),
    ("S1F1 W", "0000000a 0000 8101 0000 00000007"),
    ("S1F2, orphan", "0000000a 0000 0102 0000 00000007"),
    ("length 0", "00000000"),
    ("length 9", "00000009"),
    ("length 2^32-1", "ffffffff"),
];

/// E37 wants system bytes unique among open transactions. That of an attempt given up is not open.
#[test]
fn a_primary_that_is_sent_again_has_its_system_bytes_and_a_late_reply_answers_it() {
    let (mut client, _) = host(Settings::default());
    poke(&mut client, ms(0), SELECTED);
    for n in 0..2 {
        client.handle_input(ms(n), Input::Request(Ticket(0x77), ask("S1F1 W")));
        assert_eq!(hear(&mut client), ["S1F1 W 77"]);
        if n == 0 {
            client.handle_input(ms(1), Input::Forget(Ticket(0x77)));
        }
    }
    let reply = "0000000a 0000 0102 0000 00000077";
    assert_eq!(poke(&mut client, ms(2), reply), ["answer 119"]);
}

/// While the first is open, one with the same ticket cannot have the same.
#[test]
fn system_bytes_in_use_are_given_to_nobody_else() {
    let (mut client, _) = host(Settings::default());
    poke(&mut client, ms(0), SELECTED);
    let mut said = Vec::new();
    for _ in 0..2 {
        client.handle_input(ms(0), Input::Request(Ticket(0x77), ask("S1F1 W")));
        said.extend(hear(&mut client));
    }
    assert!(said[0] == "S1F1 W 77" && said[1] != said[0], "{said:?}");
}

/// The whole table: every state, every message, every reading and every stack that was observed.
#[test]
fn every_state_meets_every_message() {
    let mut table = String::new();
    for r#as in Personality::ALL {
        for selected in [false, true] {
            let state = if selected { "SELECTED" } else { "NOT SELECTED" };
            writeln!(table, "\n{} {state}", r#as).unwrap();
            for (name, bytes) in STIMULI {
                let settings = Settings { r#as: Some(*r#as), ..quiet() };
                let (mut device, _) = device(settings);
                if selected {
                    let select = match r#as {
                        Personality::Xstatenet => "0000000a ffff 0000 0100 0000002a",
                        _ => SELECT,
                    };
                    assert_eq!(poke(&mut device, ms(0), select).len(), 1, "{as}");
                }
                let mut said = poke(&mut device, ms(0), bytes);
                if said.is_empty() {
                    said.push("-".into());
                }
                writeln!(table, "  {name:<26} {}", said.join(", ")).unwrap();
            }
        }
    }
    insta::assert_snapshot!("hsms_table", table);
}

#[test]
fn a_session_is_the_same_however_its_bytes_are_cut() {
    let fresh = || hsms(quiet());
    check(fresh, ask("linktest"));
    for bytes in [SELECT, SELECTED, S1F1, "ffffffff", "00000009ff"] {
        let bytes = hex::decode(bytes).unwrap();
        device_takes(fresh, &bytes);
        client_takes(&fresh(), &ask("S1F1 W"), &bytes);
        explains::<Hsms>(&bytes);
    }
}

#[test]
fn t7_ends_a_connection_that_is_never_selected_and_linktests_do_not_help() {
    for r#as in [Personality::Wirelab, Personality::GoSecs] {
        let settings = Settings { t7: Span::millis(3000), r#as: Some(r#as), ..quiet() };
        let (mut device, _) = device(settings);
        for n in 1..7 {
            let said = poke(&mut device, ms(n * 400), "0000000a ffff 0000 0005 00000001");
            assert_eq!(said, ["Linktest.rsp 1"]);
        }
        device.handle_input(ms(2999), Input::Timeout);
        assert_eq!(hear(&mut device), [""; 0]);
        device.handle_input(ms(3000), Input::Timeout);
        let said = hear(&mut device);
        assert!(said[0].contains("T7 of 3s ran out, started at 0ns"), "{said:?}");
    }
}

/// Each byte restarts it, those of the length too; between messages it does not run.
#[test]
fn t8_runs_between_any_two_bytes_of_a_message() {
    let whole = hex::decode("0000000c ffff 0000 0005 00000001 0000").unwrap();
    for cut in 1..whole.len() {
        let settings = Settings { t8: Span::millis(2000), t7: Span::millis(60_000), ..quiet() };
        let (mut device, _) = device(settings);
        for (n, byte) in whole[..cut].iter().enumerate() {
            device.handle_input(ms(n as u64 * 1900), Input::Received(&[*byte]));
            assert_eq!(hear(&mut device), [""; 0], "byte {n}");
        }
        let last = (cut as u64 - 1) * 1900;
        device.handle_input(ms(last + 1999), Input::Timeout);
        assert_eq!(hear(&mut device), [""; 0]);
        device.handle_input(ms(last + 2000), Input::Timeout);
        let said = hear(&mut device);
        assert!(
            said[0].contains(&format!("started at {:?} by byte {cut} of", ms(last))),
            "{said:?}"
        );
    }
}

/// Both orders of the two: the shorter one ends it, and neither hangs.
#[test]
fn a_select_without_an_answer_ends_by_t6_or_t7_whichever_is_first() {
    for (t6, t7, timer) in [(2000, 9000, "T6 of 2s"), (9000, 3000, "T7 of 3s"), (2000, 2000, "T6")]
    {
        let settings = Settings { t6: Span::millis(t6), t7: Span::millis(t7), ..quiet() };
        let (mut client, said) = host(settings);
        assert_eq!(said, ["Select.req 1"]);
        client.handle_input(ms(t6.min(t7)), Input::Timeout);
        let said = hear(&mut client);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("selection timeout: no response received"), "{said:?}");
        assert!(said[0].contains(timer), "{said:?}");
    }
}

#[test]
fn a_select_refused_is_no_connection() {
    for (status, why) in
        [(1, "already active"), (2, "not ready"), (3, "exhausted"), (200, "own making")]
    {
        let (mut client, _) = host(quiet());
        let said = poke(&mut client, ms(1), &format!("0000000a ffff 00{status:02x} 0002 00000001"));
        assert!(said[0].contains("select refused") && said[0].contains(why), "{said:?}");
    }
    let (mut client, _) = host(quiet());
    let said = poke(&mut client, ms(1), "0000000a ffff 0104 0007 00000001");
    assert!(said[0].contains("entity not selected"), "{said:?}");
}

#[test]
fn two_that_select_at_once_are_selected_once() {
    let (mut client, _) = host(quiet());
    assert_eq!(poke(&mut client, ms(1), SELECT), ["Select.rsp status 0 2a"]);
    assert_eq!(poke(&mut client, ms(2), SELECTED), [""; 0]);
    client.handle_input(ms(3), Input::Request(Ticket(9), ask("S1F1 W")));
    assert_eq!(hear(&mut client), ["S1F1 W 9"]);
    // Neither T6 nor T7 is left running.
    client.handle_input(ms(60_000), Input::Timeout);
    assert_eq!(hear(&mut client), [""; 0]);
}

/// The two directions count by themselves, and a reply must be the primary's own.
#[test]
fn replies_find_their_primaries_and_nothing_else_does() {
    let reply = |session, stream_function: &str| {
        format!("0000000a {session} {stream_function} 0000 00000009")
    };
    let foreign = [reply("0001", "0102"), reply("0000", "0202"), reply("0000", "0104")];
    for (bytes, answered) in
        foreign.iter().map(|b| (b, false)).chain([(&reply("0000", "0102"), true)])
    {
        let (mut client, _) = host(quiet());
        poke(&mut client, ms(1), SELECTED);
        client.handle_input(ms(2), Input::Request(Ticket(9), ask("S1F1 W")));
        hear(&mut client);
        assert_eq!(
            poke(&mut client, ms(3), bytes).contains(&"answer 9".to_owned()),
            answered,
            "{bytes}"
        );
    }
    let (mut client, _) = host(quiet());
    poke(&mut client, ms(1), SELECTED);
    client.handle_input(ms(2), Input::Request(Ticket(9), ask("S1F1 W")));
    assert_eq!(hear(&mut client), ["S1F1 W 9"]);
    let theirs = poke(&mut client, ms(3), "0000000a 0000 8101 0000 00000009");
    assert_eq!(theirs, ["S1F2 9"], "their primary with our system bytes is theirs");
    assert_eq!(poke(&mut client, ms(4), &reply("0000", "0102")), ["answer 9"]);
}

#[test]
fn stream_9_fails_the_transaction_it_blames_and_no_other() {
    let (mut client, _) = host(quiet());
    poke(&mut client, ms(1), SELECTED);
    for n in [8, 9] {
        client.handle_input(ms(2), Input::Request(Ticket(n), ask("S1F1 W")));
        hear(&mut client);
    }
    let said =
        poke(&mut client, ms(3), "00000016 0000 0905 0000 00000019 210a 0000 8101 0000 00000009");
    assert_eq!(said, ["answer 9"]);
}

#[test]
fn a_late_reply_is_dropped_and_told() {
    let (mut client, _) = host(quiet());
    poke(&mut client, ms(1), SELECTED);
    client.handle_input(ms(2), Input::Request(Ticket(9), ask("S1F1 W")));
    hear(&mut client);
    client.handle_input(ms(3), Input::Forget(Ticket(9)));
    let late = hex::decode("0000000a 0000 0102 0000 00000009").unwrap();
    client.handle_input(ms(4), Input::Received(&late));
    let facts: Vec<_> = std::iter::from_fn(|| match client.poll_output() {
        Output::Fact(fact) => Some(format!("{fact:?}")),
        Output::Received(_) => Some(String::new()),
        other => panic!(
            "{other:?}",
            other = matches!(other, Output::Wait(_)).then_some(()).ok_or("said").err()
        ),
    })
    .take(2)
    .collect();
    assert!(facts[1].contains("orphan_reply"), "{facts:?}");
}

/// T6 passes `threshold` times without an answer; traffic puts the next test off.
#[test]
fn linktests_notice_a_silent_peer_and_traffic_suppresses_them() {
    for (threshold, end) in [(1, 2000), (3, 6000)] {
        let settings = Settings {
            linktest: Some(Span::millis(1000)),
            t6: Span::millis(1000),
            linktest_threshold: threshold,
            ..quiet()
        };
        let (mut client, _) = host(settings);
        poke(&mut client, ms(0), SELECTED);
        let mut said = Vec::new();
        let mut closed_at = None;
        for n in 1..100 {
            client.handle_input(ms(n * 100), Input::Timeout);
            said.extend(hear(&mut client));
            if said.last().is_some_and(|last: &String| last.starts_with("close")) {
                closed_at = Some(n * 100);
                break;
            }
        }
        assert_eq!(closed_at, Some(end), "{said:?}");
        assert_eq!(said.iter().filter(|s| s.starts_with("Linktest")).count() as u32, threshold);
    }
    let settings = Settings { linktest: Some(Span::millis(1000)), ..quiet() };
    let (mut client, _) = host(settings);
    poke(&mut client, ms(0), SELECTED);
    for n in 1..20 {
        poke(&mut client, ms(n * 900), "0000000a 0000 0101 0000 00000007");
        client.handle_input(ms(n * 900 + 800), Input::Timeout);
        assert_eq!(hear(&mut client), [""; 0]);
    }
}

#[test]
fn separate_waits_for_what_is_open_and_nothing_new_begins() {
    let (mut client, _) = host(quiet());
    poke(&mut client, ms(1), SELECTED);
    client.handle_input(ms(2), Input::Request(Ticket(9), ask("S1F1 W")));
    client.handle_input(ms(2), Input::Request(Ticket(10), ask("separate")));
    client.handle_input(ms(2), Input::Request(Ticket(11), ask("S1F1 W")));
    assert_eq!(hear(&mut client), ["answer 11", "S1F1 W 9"]);
    let said = poke(&mut client, ms(3), "0000000a 0000 0102 0000 00000009");
    assert_eq!(said, ["answer 9", "Separate.req 2", "FIN"]);
}

#[test]
fn hanging_up_says_separate_first() {
    let (mut client, _) = host(quiet());
    client.handle_input(ms(1), Input::Leave);
    assert_eq!(hear(&mut client), [""; 0], "nothing to separate yet");
    poke(&mut client, ms(1), SELECTED);
    client.handle_input(ms(2), Input::Leave);
    assert_eq!(hear(&mut client), ["Separate.req 2", "FIN"]);
}

#[test]
fn either_end_may_be_active() {
    let active = Settings { connect: Some(Connect::Active), session: 5, ..quiet() };
    let (mut equipment, said) = device(active.clone());
    assert_eq!(said, ["Select.req 1"]);
    assert_eq!(poke(&mut equipment, ms(1), SELECTED), [""; 0]);
    assert_eq!(hsms(active).dials(), Some(Duration::from_secs(10)));
    let passive = Settings { connect: Some(Connect::Passive), ..quiet() };
    let (mut client, said) = host(passive.clone());
    assert_eq!(said, [""; 0]);
    assert_eq!(poke(&mut client, ms(1), SELECT), ["Select.rsp status 0 2a"]);
    assert!(hsms(passive).listens());
}

#[test]
fn a_host_and_an_equipment_understand_each_other() {
    let mut pair = Pair::new(&hsms(quiet()));
    pair.run();
    pair.ask(Ticket(5), ask("linktest"));
    assert!(matches!(&pair.replies[..], [(Ticket(5), _)]), "{}", pair.transcript);
}

/// The published reference's SELECT has its type in the wrong byte.
#[test]
fn the_reference_is_not_selected_but_by_its_own_kind() {
    let reference = "0000000a 0000 0000 0100 00003039";
    let (mut ours, _) = device(quiet());
    assert_eq!(poke(&mut ours, ms(0), reference), ["Reject.req reason 2 3039"]);
    let its_kind = Settings { r#as: Some(Personality::Xstatenet), ..quiet() };
    let (mut its_kind, _) = device(its_kind);
    let said = poke(&mut its_kind, ms(0), "0000000a 0000 0000 0100 00003039");
    assert_eq!(said, ["message of PType 2 3039"]);
}

/// Real messages of other stacks, cut at every byte and with every byte spoiled, and all the bad ones.
#[test]
fn hostile_bytes_do_no_harm() {
    let messages = [
        "0000002a 0000 8221 0000 00000010 0102 b10400000001 0101 0102 b10400000064 0102 b104000003e9b104000003ea",
        "00000016 0000 0905 0000 00000019 210a 0000 8101 0000 00000001",
        "0000001c 0000 0102 0000 00000001 0102 4107 46414b452d4551 4105 312e302e30",
    ];
    for message in messages.map(|message| hex::decode(message).unwrap()) {
        for at in 0..message.len() {
            any_bytes(&message[..at]);
            for flip in [0x01, 0x80, 0xff] {
                let mut spoiled = message.to_vec();
                spoiled[at] ^= flip;
                any_bytes(&spoiled);
            }
        }
    }
    for (_, bytes) in STIMULI {
        any_bytes(&hex::decode(bytes).unwrap());
    }
    let deep =
        [&hex::decode("00009c4a 0000 8219 0000 00000001").unwrap()[..], &[1, 1].repeat(20_000)];
    any_bytes(&deep.concat());
}

/// What each stack was seen to do as the end that dials, row by row: T6 is 2 s, T7 10 s.
#[test]
fn every_dialling_stack_takes_a_select_gone_wrong_in_its_own_way() {
    const LATER: &str = "later";
    let rows: &[(&str, &[&str])] = &[
        ("no Select.rsp", &[LATER]),
        ("Select.rsp status 1", &["0000000a ffff 0001 0002 00000001", S1F1, LATER]),
        ("Select.rsp status 3", &["0000000a ffff 0003 0002 00000001", S1F1, LATER]),
        ("Reject of Select", &["0000000a ffff 0104 0007 00000001", LATER]),
        ("Select.rsp of other system bytes", &["0000000a ffff 0000 0002 00000063", LATER]),
        ("our Select.req crosses", &[SELECT]),
        ("data before Select.rsp", &[S1F1, SELECTED]),
        ("Deselect", &[SELECTED, "0000000a ffff 0000 0003 00000007"]),
        ("Separate", &[SELECTED, "0000000a ffff 0000 0009 00000007"]),
    ];
    let mut table = String::new();
    for r#as in Personality::ALL.iter().filter(|who| **who != Personality::Xstatenet) {
        writeln!(table, "\n{as}").unwrap();
        for (row, words) in rows {
            let settings = Settings {
                connect: Some(Connect::Active),
                r#as: Some(*r#as),
                t6: Span::millis(2000),
                ..quiet()
            };
            let (mut tool, _) = device(settings);
            let mut said = Vec::new();
            for bytes in *words {
                if *bytes != LATER {
                    said.extend(poke(&mut tool, ms(1), bytes));
                    continue;
                }
                for second in [2, 10] {
                    if said.last().is_some_and(|last: &String| last.starts_with("close")) {
                        break;
                    }
                    tool.handle_input(ms(second * 1000 + 1), Input::Timeout);
                    said.extend(hear(&mut tool).into_iter().map(
                        |end| match end.starts_with("close") {
                            true => format!("close at {second} s"),
                            false => end,
                        },
                    ));
                }
            }
            let said: Vec<_> = said.iter().map(|s| s.split(':').next().unwrap()).collect();
            let said = if said.is_empty() { "-".into() } else { said.join(", ") };
            writeln!(table, "  {row:<33} {said}").unwrap();
        }
    }
    insta::assert_snapshot!("hsms_active_table", table);
}
