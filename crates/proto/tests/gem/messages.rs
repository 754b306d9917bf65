//! One exchange of every message, with the text the standard wants; bytes where other stacks agree on
//! them.
use proto::{gem::Answer, secs2::encode, session::hex};

use crate::support::{Bench, a, b, item, l, u4};
use proto::{
    gem::{RawTool, Said},
    secs2::Item,
};

fn asked(named: &str, item: impl Into<Option<Item>>, answer: &str) {
    assert_eq!(Bench::new().ask(named, item), answer);
}

#[test]
fn s1f1_is_answered_with_the_bytes_of_other_stacks() {
    let mut bench = Bench::new();
    let said = Said { stream: 1, function: 1, wait: true, item: Ok(None) };
    let Answer::Reply { function: 2, item: Some(item) } = bench.gem.primary(bench.now, &said)
    else {
        panic!("no S1F2")
    };
    let golden = "01 02 41 07 46 41 4b 45 2d 45 51 41 05 31 2e 30 2e 30";
    assert_eq!(encode(&item), hex::decode(golden).unwrap());
}

#[test]
fn s1f3_tells_status() {
    let svids = item("0102 b104000003e9 b104000003ea");
    asked("S1F3", svids, r#"S1F4 <L [2] <F4 25.5> <A "IDLE">>"#);
    asked(
        "S1F3",
        l([Item::u2(1001), a("1002"), u4(7)]),
        r#"S1F4 <L [3] <F4 25.5> <A "IDLE"> <L [0]>>"#,
    );
    // A data variable is none of the status variables, nor is a constant.
    asked("S1F3", l([u4(1501), u4(2001)]), "S1F4 <L [2] <L [0]> <L [0]>>");
    let all = Bench::new().ask("S1F3", l([]));
    assert!(all.starts_with(r#"S1F4 <L [11] <F4 25.5> <A "IDLE"> <A "2026010100000000"> <U1 5>"#));
}

#[test]
fn s1f11_names_status_variables() {
    let one = item("0101 b104000003e9");
    asked("S1F11", one, r#"S1F12 <L [1] <L [3] <U4 1001> <A "Temperature"> <A "degC">>>"#);
    let unknown = l([Item::i2(7)]);
    asked("S1F11", unknown, r#"S1F12 <L [1] <L [3] <I2 7> <A ""> <A "">>>"#);
    assert!(Bench::new().ask("S1F11", l([])).starts_with("S1F12 <L [11] <L [3] <U4 1001>"));
}

#[test]
fn s1f13_is_accepted_from_hosts_of_either_kind() {
    let answer = item("0102 210100 0102 4107 46414b452d4551 4105 312e302e30");
    asked("S1F13", l([]), &format!("S1F14 {answer}"));
    asked("S1F13", item("0102 4107 46414b452d4551 4105 312e302e30"), &format!("S1F14 {answer}"));
}

#[test]
fn s1f21_and_s1f23_name_data_and_events() {
    asked("S1F21", l([u4(1501)]), r#"S1F22 <L [1] <L [3] <U4 1501> <A "LastRecipe"> <A "">>>"#);
    asked("S1F21", l([]), r#"S1F22 <L [1] <L [3] <U4 1501> <A "LastRecipe"> <A "">>>"#);
    asked("S1F21", l([u4(1001)]), r#"S1F22 <L [1] <L [3] <U4 1001> <A ""> <A "">>>"#);
    let event = r#"<L [3] <U4 50> <A "ProcessStarted"> <L [1] <U4 1501>>>"#;
    let unknown = r#"<L [3] <A "?"> <A ""> <L [0]>>"#;
    asked("S1F23", l([u4(50), a("?")]), &format!("S1F24 <L [2] {event} {unknown}>"));
    assert!(Bench::new().ask("S1F23", l([])).starts_with(&format!("S1F24 <L [11] {event}")));
}

#[test]
fn s2f13_and_s2f29_tell_constants() {
    asked("S2F13", item("0101 b104000007d1"), "S2F14 <L [1] <U4 5>>");
    asked("S2F13", l([u4(9)]), "S2F14 <L [1] <L [0]>>");
    asked("S2F13", l([]), "S2F14 <L [5] <U4 5> <U4 10> <U4 1> <U4 0> <BOOLEAN TRUE>>");
    let known = r#"<L [6] <U4 2001> <A "WaferCount"> <U4 1> <U4 25> <U4 5> <A "wafers">>"#;
    let unknown = r#"<L [6] <U4 9> <A ""> <A ""> <A ""> <A ""> <A "">>"#;
    asked("S2F29", l([u4(2001), u4(9)]), &format!("S2F30 <L [2] {known} {unknown}>"));
    assert!(Bench::new().ask("S2F29", l([])).starts_with(&format!("S2F30 <L [5] {known}")));
}

#[test]
fn s2f15_changes_constants() {
    let mut bench = Bench::new();
    let new = item("0101 0102 b104000007d1 b104 00000007");
    assert_eq!(bench.ask("S2F15", new), "S2F16 <B 0x00>");
    assert_eq!(bench.snapshot().constants["2001"], "<U4 7>");
}

#[test]
fn s2f17_and_s2f31_tell_and_set_the_time() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S2F17", None), r#"S2F18 <A "2026010100000000">"#);
    bench.at(1250);
    assert_eq!(bench.ask("S2F17", None), r#"S2F18 <A "2026010100000125">"#);
    let time = item("4110 32303236313132303233313533303030");
    assert_eq!(bench.ask("S2F31", time), "S2F32 <B 0x00>");
    bench.at(2250);
    assert_eq!(bench.ask("S2F17", None), r#"S2F18 <A "2026112023153100">"#);
}

#[test]
fn s2f25_comes_back_as_it_went() {
    asked("S2F25", item("2103 007fff"), "S2F26 <B 0x00 0x7F 0xFF>");
    asked("S2F25", Item::binary([]), "S2F26 <B>");
}

#[test]
fn s2f33_s2f35_and_s2f37_take_the_bytes_of_other_stacks() {
    let mut bench = Bench::new();
    let define = "0102 b10400000001 0101 0102 b10400000064 0102 b104000003e9b104000003ea";
    assert_eq!(bench.ask("S2F33", item(define)), "S2F34 <B 0x00>");
    let link = "0102 b10400000001 0101 0102 b10400000032 0101 b10400000064";
    assert_eq!(bench.ask("S2F35", item(link)), "S2F36 <B 0x00>");
    for enable in ["0102 2501 01 0101 b10400000032", "0102 2501 ff 0101 b10400000032"] {
        assert_eq!(bench.ask("S2F37", item(enable)), "S2F38 <B 0x00>");
    }
    bench.prompt("set 1002 RUN");
    bench.prompt("event 50");
    let [said] = &bench.primaries()[..] else { panic!("no S6F11") };
    assert_eq!((said.stream, said.function, said.wait), (6, 11, true));
    let golden =
        "0103 b10400000001 b10400000032 0101 0102 b10400000064 0102 910441cc0000 410352554e";
    assert_eq!(said.item, Some(item(golden)));
}

#[test]
fn s2f39_is_granted_for_what_it_is_worth() {
    asked("S2F39", l([u4(1), u4(100_000)]), "S2F40 <B 0x00>");
}

#[test]
fn s2f41_takes_the_bytes_of_other_stacks() {
    let start = "0102 4105 5354415254 0101 0102 4104 50504944 4108 5245434950452d41";
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S2F41", item(start)), "S2F42 <L [2] <B 0x00> <L [0]>>");
    let snapshot = bench.snapshot();
    assert_eq!(snapshot.variables["1002"], r#"<A "RUN">"#);
    assert_eq!(snapshot.variables["1501"], r#"<A "RECIPE-A">"#);
    assert_eq!((snapshot.commands[0].name.as_str(), snapshot.commands[0].hcack), ("START", 0));
    assert_eq!(snapshot.commands[0].params["PPID"], r#"<A "RECIPE-A">"#);
}

#[test]
fn s5f1_has_the_bytes_of_other_stacks() {
    let mut bench = Bench::new();
    bench.prompt("alarm 3001 set");
    let [said] = &bench.primaries()[..] else { panic!("no S5F1") };
    assert_eq!((said.stream, said.function, said.wait), (5, 1, true));
    let golden = "0103 210181 b10400000bb9 4110 4348414d424552204f56455254454d50";
    assert_eq!(said.item, Some(item(golden)));
    bench.prompt("alarm 3001 clear");
    assert_eq!(bench.hear(), [r#"S5F1 W <L [3] <B 0x01> <U4 3001> <A "CHAMBER OVERTEMP">>"#]);
}

#[test]
fn s5f5_and_s5f7_list_alarms() {
    let mut bench = Bench::new();
    bench.prompt("alarm 3002 set");
    let hot = r#"<L [3] <B 0x01> <U4 3001> <A "CHAMBER OVERTEMP">>"#;
    let open = r#"<L [3] <B 0x82> <U4 3002> <A "DOOR OPEN">>"#;
    let both = format!("<L [2] {hot} {open}>");
    for all in [l([]), Item::u4s([]), a("")] {
        assert_eq!(bench.ask("S5F5", all), format!("S5F6 {both}"));
    }
    assert_eq!(bench.ask("S5F5", Item::u4s([3001, 3002])), format!("S5F6 {both}"));
    let unknown = r#"<L [3] <B> <I1 7> <A "">>"#;
    let some = l([u4(3002), Item::i1(7)]);
    assert_eq!(bench.ask("S5F5", some), format!("S5F6 <L [2] {open} {unknown}>"));
    assert_eq!(bench.ask("S5F3", l([b(0), u4(3001)])), "S5F4 <B 0x00>");
    assert_eq!(bench.ask("S5F7", None), format!("S5F8 <L [1] {open}>"));
}

#[test]
fn s6f15_and_s6f19_tell_reports_when_asked() {
    let mut bench = Bench::new();
    let values = r#"<L [2] <F4 25.5> <A "IDLE">>"#;
    assert_eq!(bench.ask("S6F19", Item::u1(1)), format!("S6F20 {values}"));
    assert_eq!(bench.ask("S6F19", u4(7)), "S6F20 <L [0]>");
    let link = l([u4(1), l([l([u4(51), l([u4(1)])])])]);
    assert_eq!(bench.ask("S2F35", link), "S2F36 <B 0x00>");
    let report = format!("<L [1] <L [2] <U4 1> {values}>>");
    assert_eq!(bench.ask("S6F15", a("51")), format!("S6F16 <L [3] <U4 1> <A \"51\"> {report}>"));
    assert_eq!(bench.ask("S6F15", u4(9)), "S6F16 <L [3] <U4 2> <U4 9> <L [0]>>");
}

#[test]
fn stream_7_takes_gives_lists_and_deletes_recipes() {
    let mut bench = Bench::new();
    let body = Item::binary([1, 2, 3]);
    assert_eq!(bench.ask("S7F1", l([a("NEW"), u4(3)])), "S7F2 <B 0x00>");
    assert_eq!(bench.ask("S7F3", l([a("NEW"), body])), "S7F4 <B 0x00>");
    assert_eq!(bench.ask("S7F5", a("NEW")), r#"S7F6 <L [2] <A "NEW"> <B 0x01 0x02 0x03>>"#);
    assert_eq!(bench.ask("S7F5", a("OLD")), "S7F6 <L [0]>");
    assert_eq!(
        bench.ask("S7F19", None),
        r#"S7F20 <L [3] <A "NEW"> <A "RECIPE-A"> <A "RECIPE-B">>"#
    );
    assert_eq!(bench.ask("S7F17", l([a("NEW")])), "S7F18 <B 0x00>");
    assert_eq!(bench.ask("S7F19", None), r#"S7F20 <L [2] <A "RECIPE-A"> <A "RECIPE-B">>"#);
    assert_eq!(bench.ask("S7F17", l([])), "S7F18 <B 0x00>");
    assert_eq!(bench.ask("S7F19", None), "S7F20 <L [0]>");
}

#[test]
fn stream_10_goes_both_ways() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S10F3", item("0102 210100 4105 48454c4c4f")), "S10F4 <B 0x00>");
    assert_eq!(bench.ask("S10F5", l([b(0), l([a("one"), a("two")])])), "S10F6 <B 0x00>");
    let shown = bench.snapshot().terminal;
    assert_eq!(shown[0].text, ["HELLO"]);
    assert_eq!(
        (shown[1].terminal, &shown[1].text[..]),
        (0, &["one".to_string(), "two".into()][..])
    );
    bench.prompt("terminal help me");
    assert_eq!(bench.hear(), [r#"S10F1 W <L [2] <B 0x00> <A "help me">>"#]);
}

#[test]
fn the_equipment_says_what_it_is_told_to_say() {
    let mut bench = Bench::new();
    bench.prompt("send S6F25 W <L <U4 1> <A 'two'>>");
    bench.prompt("send S2F17 W");
    bench.prompt("send S9F13");
    assert_eq!(bench.hear(), [r#"S6F25 W <L [2] <U4 1> <A "two">>"#, "S2F17 W", "S9F13"]);
}

#[test]
fn every_message_is_counted() {
    let mut bench = Bench::new();
    bench.ask("S1F1", None);
    bench.ask("S1F1", None);
    bench.ask("S77F1", None);
    bench.prompt("alarm 3001 set");
    bench.hear();
    let snapshot = bench.snapshot();
    assert_eq!((snapshot.heard["S1F1"], snapshot.heard["S77F1"]), (2, 1));
    assert_eq!((snapshot.said["S5F1"], snapshot.said["S9F3"], snapshot.said["S1F13"]), (1, 1, 1));
}

#[test]
fn no_reply_is_given_to_who_wants_none() {
    let mut bench = Bench::new();
    assert_eq!(bench.say("S2F15", false, Some(&l([l([u4(2001), u4(9)])]))), "-");
    assert_eq!(bench.snapshot().constants["2001"], "<U4 9>");
    assert_eq!(bench.say("S2F15", false, Some(&u4(9))), "S9F7");
}

#[test]
fn identity_is_the_tools_own() {
    let raw = RawTool { mdln: "ETCHER".into(), softrev: "7".into(), ..RawTool::default() };
    assert_eq!(Bench::with(raw).ask("S1F1", None), r#"S1F2 <L [2] <A "ETCHER"> <A "7">>"#);
}
