//! Every code of refusal, and what brings it about.
use proto::{
    gem::{RawBounds, RawCommand, RawTool, Said},
    secs2::{Item, Limits},
    session::hex,
};

use crate::support::{Bench, a, b, l, u4};

fn busy() -> Bench {
    let mut bench = Bench::new();
    bench.prompt("busy");
    bench
}

fn local() -> Bench {
    let mut bench = Bench::new();
    bench.prompt("local");
    bench
}

fn bounded(bounds: RawBounds) -> Bench {
    Bench::with(RawTool { bounds, ..RawTool::default() })
}

#[test]
fn commack_1_of_a_busy_tool() {
    let mut bench = Bench::alone(RawTool::default());
    bench.gem.selected(bench.now);
    bench.prompt("busy");
    assert!(bench.ask("S1F13", l([])).starts_with("S1F14 <L [2] <B 0x01>"));
    assert_eq!(bench.snapshot().communication, proto::gem::Link::WaitCra);
    bench.prompt("idle");
    assert!(bench.ask("S1F13", l([])).starts_with("S1F14 <L [2] <B 0x00>"));
    assert_eq!(bench.snapshot().communication, proto::gem::Link::Communicating);
}

#[test]
fn onlack_tells_who_may_bring_it_online() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S1F17", None), "S1F18 <B 0x02>");
    assert_eq!(bench.ask("S1F15", None), "S1F16 <B 0x00>");
    assert_eq!(bench.ask("S1F17", None), "S1F18 <B 0x00>");
    bench.prompt("offline");
    assert_eq!(bench.ask("S1F17", None), "S1F18 <B 0x01>");
}

#[test]
fn eac_says_why_a_constant_stays() {
    let eac = |bench: &mut Bench, item| bench.ask("S2F15", l([l([u4(2001), u4(6)]), item]));
    let mut bench = Bench::new();
    assert_eq!(eac(&mut bench, l([u4(9), u4(7)])), "S2F16 <B 0x01>");
    assert_eq!(eac(&mut busy(), l([u4(2001), u4(7)])), "S2F16 <B 0x02>");
    for high_or_low in [u4(0), u4(26), Item::i4(-1), Item::u8(u64::MAX)] {
        assert_eq!(eac(&mut bench, l([u4(2001), high_or_low])), "S2F16 <B 0x03>");
    }
    for format in [a("7"), Item::f4(7.0), b(7), l([]), Item::u4s([7, 8]), Item::u4s([])] {
        assert_eq!(eac(&mut bench, l([u4(2001), format])), "S2F16 <B 0x04>");
    }
    // One wrong constant spoils all.
    assert_eq!(bench.snapshot().constants["2001"], "<U4 5>");
    assert_eq!(eac(&mut bench, l([u4(2001), Item::i1(7)])), "S2F16 <B 0x00>");
    assert_eq!(bench.snapshot().constants["2001"], "<U4 7>");
}

#[test]
fn tiack_1_for_what_is_no_time() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S2F31", a("yesterday")), "S2F32 <B 0x01>");
    assert_eq!(bench.ask("S2F17", None), r#"S2F18 <A "2026010100000000">"#);
}

#[test]
fn tiaack_says_why_there_is_no_trace() {
    let trace = |id: u32, period: &str, total: u32, group: u32, svids: Item| {
        l([u4(id), a(period), u4(total), u4(group), svids])
    };
    let svid = || l([u4(1001)]);
    let bounds = RawBounds { traces: 1, trace_variables: 2, ..RawBounds::default() };
    let mut bench = bounded(bounds);
    let mut ask = |item| bench.ask("S2F23", item);
    assert_eq!(ask(trace(1, "000001", 5, 1, l([u4(1001), u4(1001), u4(1001)]))), "S2F24 <B 0x01>");
    assert_eq!(ask(trace(1, "00000x", 5, 1, svid())), "S2F24 <B 0x03>");
    assert_eq!(ask(trace(1, "000000", 5, 1, svid())), "S2F24 <B 0x03>");
    assert_eq!(ask(trace(1, "000001", 5, 1, l([u4(9)]))), "S2F24 <B 0x04>");
    assert_eq!(ask(trace(1, "000001", 5, 0, svid())), "S2F24 <B 0x05>");
    assert_eq!(ask(trace(1, "000001", 5, 6, svid())), "S2F24 <B 0x05>");
    assert_eq!(ask(trace(1, "000001", u32::MAX, u32::MAX, svid())), "S2F24 <B 0x05>");
    assert_eq!(ask(trace(1, "000001", 5, 1, svid())), "S2F24 <B 0x00>");
    assert_eq!(ask(trace(2, "000001", 5, 1, svid())), "S2F24 <B 0x02>");
    assert_eq!(ask(trace(1, "000002", 5, 1, svid())), "S2F24 <B 0x00>");
}

#[test]
fn drack_says_why_no_report_is_defined() {
    let define = |bench: &mut Bench, reports: Item| bench.ask("S2F33", l([u4(1), reports]));
    let report = |id: Item, vid: Item| l([id, l([vid])]);
    let mut bench = bounded(RawBounds { reports: 2, ..RawBounds::default() });
    let two = l([report(u4(200), u4(1001)), report(u4(201), u4(1001))]);
    assert_eq!(define(&mut bench, two), "S2F34 <B 0x01>");
    for wrong in
        [report(Item::f4(1.0), u4(1001)), report(u4(200), Item::f4(1.0)), report(l([]), u4(1001))]
    {
        assert_eq!(define(&mut bench, l([wrong])), "S2F34 <B 0x02>");
    }
    assert_eq!(define(&mut bench, l([report(a("1"), u4(1001))])), "S2F34 <B 0x03>");
    assert_eq!(define(&mut bench, l([report(u4(200), u4(9))])), "S2F34 <B 0x04>");
    assert_eq!(Vec::from_iter(bench.snapshot().reports.keys()), ["1"]);
    // Deleted and defined anew in one message.
    assert_eq!(
        define(&mut bench, l([l([u4(1), l([])]), report(u4(1), u4(2001))])),
        "S2F34 <B 0x00>"
    );
    assert_eq!(bench.snapshot().reports["1"], ["2001"]);
}

#[test]
fn lrack_says_why_no_report_is_linked() {
    let link = |bench: &mut Bench, event: Item, report: Item| {
        bench.ask("S2F35", l([u4(1), l([l([event, l([report])])])]))
    };
    let mut bench = bounded(RawBounds { links: 1, ..RawBounds::default() });
    assert_eq!(link(&mut bench, l([]), u4(1)), "S2F36 <B 0x02>");
    assert_eq!(link(&mut bench, u4(50), Item::f8(100.0)), "S2F36 <B 0x02>");
    assert_eq!(link(&mut bench, u4(9), u4(1)), "S2F36 <B 0x04>");
    assert_eq!(link(&mut bench, u4(50), u4(9)), "S2F36 <B 0x05>");
    assert_eq!(link(&mut bench, u4(50), u4(1)), "S2F36 <B 0x00>");
    assert_eq!(link(&mut bench, u4(50), u4(1)), "S2F36 <B 0x03>");
    assert_eq!(link(&mut bench, u4(51), u4(1)), "S2F36 <B 0x01>");
    assert_eq!(Vec::from_iter(bench.snapshot().links.keys()), ["50"]);
    let unlink = l([u4(1), l([l([u4(50), l([])])])]);
    assert_eq!(bench.ask("S2F35", unlink), "S2F36 <B 0x00>");
    assert!(bench.snapshot().links.is_empty());
    assert_eq!(link(&mut bench, u4(51), u4(1)), "S2F36 <B 0x00>");
    let twice = l([u4(1), l([l([u4(51), l([])]), l([u4(51), l([u4(1), u4(1)])])])]);
    assert_eq!(Bench::new().ask("S2F35", twice), "S2F36 <B 0x03>");
}

#[test]
fn erack_1_for_an_unknown_event_and_none_is_enabled() {
    let mut bench = Bench::new();
    let enable = |ids| l([Item::boolean(true), ids]);
    assert_eq!(bench.ask("S2F37", enable(l([u4(50), u4(9)]))), "S2F38 <B 0x01>");
    assert!(bench.snapshot().enabled_events.is_empty());
    assert_eq!(bench.ask("S2F37", enable(l([]))), "S2F38 <B 0x00>");
    assert_eq!(bench.snapshot().enabled_events.len(), 11);
}

#[test]
fn hcack_says_what_becomes_of_a_command() {
    let command = |name: &str, params| l([a(name), params]);
    let mut bench = Bench::new();
    let mut ask = |name: &str, params| bench.ask("S2F41", command(name, params));
    assert_eq!(ask("DANCE", l([])), "S2F42 <L [2] <B 0x01> <L [0]>>");
    assert_eq!(ask("START", l([l([a("PPID"), a("NONE")])])), "S2F42 <L [2] <B 0x06> <L [0]>>");
    assert_eq!(ask("START", l([])), "S2F42 <L [2] <B 0x00> <L [0]>>");
    assert_eq!(ask("START", l([])), "S2F42 <L [2] <B 0x05> <L [0]>>");
    let answers: Vec<u8> = bench.snapshot().commands.iter().map(|c| c.hcack).collect();
    assert_eq!(answers, [1, 6, 0, 5]);
    for mut bench in [busy(), local()] {
        let answer = bench.ask("S2F41", command("START", l([])));
        assert_eq!(answer, "S2F42 <L [2] <B 0x02> <L [0]>>");
        assert_eq!(bench.snapshot().variables["1002"], r#"<A "IDLE">"#);
    }
}

#[test]
fn cpack_says_what_is_wrong_with_a_parameter() {
    let command: RawCommand = serde_json::from_str(
        r#"{"name": "MOVE", "params": [
            {"name": "AXIS", "format": "A", "one_of": ["X", "Y"], "required": true},
            {"name": "BY", "format": "I4"}]}"#,
    )
    .unwrap();
    let mut bench = Bench::with(RawTool { commands: vec![command], ..RawTool::default() });
    let mut ask = |params| bench.ask("S2F41", l([a("MOVE"), params]));
    let wrong = ask(l([l([a("AXIS"), a("Z")]), l([a("BY"), a("1")]), l([u4(3), a("")])]));
    let list = r#"<L [2] <A "AXIS"> <B 0x02>> <L [2] <A "BY"> <B 0x03>> <L [2] <U4 3> <B 0x01>>"#;
    assert_eq!(wrong, format!("S2F42 <L [2] <B 0x03> <L [3] {list}>>"));
    let missing = r#"<L [1] <L [2] <A "AXIS"> <B 0x01>>>"#;
    assert_eq!(ask(l([l([a("BY"), Item::i4(-1)])])), format!("S2F42 <L [2] <B 0x03> {missing}>"));
    assert_eq!(ask(l([l([a("AXIS"), a("Y")])])), "S2F42 <L [2] <B 0x00> <L [0]>>");
}

#[test]
fn hcack_4_comes_before_the_deed() {
    let command: RawCommand = serde_json::from_str(
        r#"{"name": "BAKE", "after": "2s", "sets": [{"id": 1002, "value": "BAKED"}], "raises": [51]}"#,
    )
    .unwrap();
    let mut bench = Bench::with(RawTool { commands: vec![command], ..RawTool::default() });
    bench.ask("S2F37", l([Item::boolean(true), l([u4(51)])]));
    assert_eq!(bench.ask("S2F41", l([a("BAKE"), l([])])), "S2F42 <L [2] <B 0x04> <L [0]>>");
    bench.at(1999);
    assert_eq!(bench.snapshot().variables["1002"], r#"<A "IDLE">"#);
    bench.at(2000);
    assert_eq!(bench.snapshot().variables["1002"], r#"<A "BAKED">"#);
    assert_eq!(bench.hear(), ["S6F11 W <L [3] <U4 1> <U4 51> <L [0]>>"]);
}

#[test]
fn what_takes_longer_is_done_later() {
    let commands = serde_json::from_str(
        r#"[{"name": "SLOW", "after": "2s", "sets": [{"id": 1002, "value": "SLOW"}]},
            {"name": "QUICK", "after": "1s", "sets": [{"id": 1002, "value": "QUICK"}]}]"#,
    );
    let mut bench = Bench::with(RawTool { commands: commands.unwrap(), ..RawTool::default() });
    bench.ask("S2F41", l([a("SLOW"), l([])]));
    bench.ask("S2F41", l([a("QUICK"), l([])]));
    bench.now = proto::Time::from_millis(9000);
    bench.gem.timeout(bench.now);
    assert_eq!(bench.snapshot().variables["1002"], r#"<A "SLOW">"#);
}

#[test]
fn a_command_can_be_one_that_is_always_refused() {
    for code in [1, 2, 3, 5, 6] {
        let json = format!(
            r#"{{"name": "NEVER", "refused": {code}, "sets": [{{"id": 1002, "value": "X"}}]}}"#
        );
        let command = serde_json::from_str(&json).unwrap();
        let mut bench = Bench::with(RawTool { commands: vec![command], ..RawTool::default() });
        let answer = bench.ask("S2F41", l([a("NEVER"), l([])]));
        assert_eq!(answer, format!("S2F42 <L [2] <B 0x0{code}> <L [0]>>"));
        assert_eq!(bench.snapshot().variables["1002"], r#"<A "IDLE">"#);
    }
}

#[test]
fn ackc5_1_for_an_unknown_alarm() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S5F3", l([b(0x80), u4(9)])), "S5F4 <B 0x01>");
    assert_eq!(bench.ask("S5F3", l([b(0), a("")])), "S5F4 <B 0x00>");
    assert!(bench.snapshot().enabled_alarms.is_empty());
    assert_eq!(bench.ask("S5F3", l([b(0x80), u4(3002)])), "S5F4 <B 0x00>");
    assert_eq!(bench.snapshot().enabled_alarms, ["3002"]);
}

#[test]
fn ppgnt_says_why_no_recipe_may_come() {
    let bounds = RawBounds { recipes: 3, recipe_bytes: 20, ..RawBounds::default() };
    let ask = |bench: &mut Bench, id, length| bench.ask("S7F1", l([id, u4(length)]));
    let mut bench = bounded(bounds.clone());
    assert_eq!(ask(&mut bench, a("NEW"), 20), "S7F2 <B 0x00>");
    assert_eq!(ask(&mut bench, a("RECIPE-A"), 1), "S7F2 <B 0x01>");
    assert_eq!(ask(&mut bench, a("NEW"), 21), "S7F2 <B 0x02>");
    assert_eq!(ask(&mut bench, a(""), 1), "S7F2 <B 0x03>");
    assert_eq!(ask(&mut bench, Item::f4(1.0), 1), "S7F2 <B 0x03>");
    assert_eq!(ask(&mut bounded(RawBounds { recipes: 2, ..bounds }), a("NEW"), 1), "S7F2 <B 0x02>");
    assert_eq!(ask(&mut busy(), a("NEW"), 1), "S7F2 <B 0x04>");
    assert_eq!(ask(&mut local(), a("NEW"), 1), "S7F2 <B 0x05>");
}

#[test]
fn ackc7_says_what_became_of_a_recipe() {
    let bounds = RawBounds { recipes: 2, recipe_bytes: 20, ..RawBounds::default() };
    let send = |bench: &mut Bench, id, body| bench.ask("S7F3", l([id, body]));
    let mut bench = bounded(bounds);
    assert_eq!(send(&mut bench, a("RECIPE-A"), Item::binary([0; 21])), "S7F4 <B 0x02>");
    assert_eq!(send(&mut bench, a("NEW"), b(1)), "S7F4 <B 0x03>");
    assert_eq!(send(&mut bench, Item::f4(1.0), b(1)), "S7F4 <B 0x04>");
    assert_eq!(send(&mut bench, a("RECIPE-A"), b(1)), "S7F4 <B 0x00>");
    assert_eq!(bench.ask("S7F17", l([a("RECIPE-A"), a("NONE")])), "S7F18 <B 0x04>");
    assert_eq!(bench.snapshot().recipes.len(), 2);
    for mut bench in [busy(), local()] {
        assert_eq!(send(&mut bench, a("NEW"), b(1)), "S7F4 <B 0x01>");
        assert_eq!(bench.ask("S7F17", l([])), "S7F18 <B 0x01>");
        assert_eq!(bench.snapshot().recipes.len(), 2);
    }
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S7F1", l([a("NEW"), u4(3)])), "S7F2 <B 0x00>");
    assert_eq!(send(&mut bench, a("NEW"), Item::binary([1, 2])), "S7F4 <B 0x02>");
}

#[test]
fn ackc10_says_why_a_text_is_not_shown() {
    let mut bench = bounded(RawBounds { terminal_text: 5, ..RawBounds::default() });
    assert_eq!(bench.ask("S10F3", l([b(0), a("SHORT")])), "S10F4 <B 0x00>");
    assert_eq!(bench.ask("S10F3", l([b(0), a("LONGER")])), "S10F4 <B 0x01>");
    assert_eq!(bench.ask("S10F3", l([b(1), a("SHORT")])), "S10F4 <B 0x02>");
    assert_eq!(bench.snapshot().terminal.len(), 1);
    let raw = RawTool { terminals: vec![1], ..RawTool::default() };
    assert_eq!(Bench::with(raw).ask("S10F3", l([b(1), a("SHORT")])), "S10F4 <B 0x00>");
}

#[test]
fn strack_says_why_a_stream_is_not_kept() {
    let choice = |stream: u8, functions| l([Item::u1(stream), functions]);
    let f = Item::u1;
    let wrong = l([
        choice(1, l([])),
        choice(99, l([])),
        choice(6, l([f(11), f(13)])),
        choice(6, l([f(12)])),
        choice(5, l([])),
    ]);
    let list = "<L [3] <U1 1> <B 0x01> <L [0]>> <L [3] <U1 99> <B 0x02> <L [0]>> \
                <L [3] <U1 6> <B 0x03> <L [1] <U1 13>>> <L [3] <U1 6> <B 0x04> <L [1] <U1 12>>>";
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S2F43", wrong), format!("S2F44 <L [2] <B 0x01> <L [4] {list}>>"));
    assert!(bench.snapshot().spool.streams.is_empty());
    let right = l([choice(5, l([])), choice(6, l([f(11)]))]);
    assert_eq!(bench.ask("S2F43", right), "S2F44 <L [2] <B 0x00> <L [0]>>");
    assert_eq!(bench.snapshot().spool.streams, ["S5F1", "S6F11"]);
    assert_eq!(bench.ask("S2F43", l([])), "S2F44 <L [2] <B 0x00> <L [0]>>");
    assert!(bench.snapshot().spool.streams.is_empty());
}

#[test]
fn rsda_says_why_nothing_is_told() {
    assert_eq!(Bench::new().ask("S6F23", Item::u1(0)), "S6F24 <B 0x02>");
    assert_eq!(busy().ask("S6F23", Item::u1(0)), "S6F24 <B 0x01>");
    assert_eq!(Bench::new().ask("S6F23", Item::u1(2)), "S9F7");
}

#[test]
fn stream_9_says_what_is_wrong_with_a_message() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S77F1", None), "S9F3");
    assert_eq!(bench.ask("S1F99", None), "S9F5");
    // What only equipment says is unknown to it as well.
    assert_eq!(bench.ask("S6F11", l([])), "S9F5");
    let wrong: &[(&str, Option<Item>)] = &[
        ("S1F1", Some(u4(1))),
        ("S1F3", None),
        ("S1F3", Some(u4(1001))),
        ("S1F3", Some(l([l([])]))),
        ("S1F11", Some(l([l([])]))),
        ("S1F21", Some(l([l([])]))),
        ("S1F23", Some(l([l([])]))),
        ("S2F13", Some(l([l([])]))),
        ("S2F29", Some(l([l([])]))),
        ("S5F5", Some(l([l([])]))),
        ("S7F17", Some(l([l([])]))),
        ("S1F13", Some(l([u4(1)]))),
        ("S1F17", Some(a("please"))),
        ("S2F15", Some(l([u4(2001)]))),
        ("S2F23", Some(l([u4(1)]))),
        ("S2F25", Some(a("ABC"))),
        ("S2F31", Some(u4(7))),
        ("S2F33", Some(l([u4(1)]))),
        ("S2F35", Some(l([u4(1), l([u4(50)])]))),
        ("S2F37", Some(l([a("yes"), l([])]))),
        ("S2F41", Some(l([a("START"), l([a("PPID")])]))),
        ("S2F43", Some(l([u4(5)]))),
        ("S5F3", Some(l([a("on"), u4(3001)]))),
        ("S5F5", Some(Item::f4(1.0))),
        ("S6F15", Some(l([u4(50)]))),
        ("S6F19", None),
        ("S7F1", Some(l([a("NEW"), a("long")]))),
        ("S7F3", Some(a("NEW"))),
        ("S7F17", Some(a("NEW"))),
        ("S10F3", Some(l([b(0), b(1)]))),
    ];
    for (named, item) in wrong {
        assert_eq!(bench.ask(named, item.clone()), "S9F7", "{named} {item:?}");
    }
    assert_eq!(bench.snapshot().said["S9F7"], wrong.len() as u64);
    for (bytes, function) in [("b105", 7), ("0100ff", 7)] {
        let wrong = Item::decode(&hex::decode(bytes).unwrap(), &Limits::default()).unwrap_err();
        let said = Said { stream: 2, function: 25, wait: true, item: Err(&wrong) };
        let answer = bench.gem.primary(bench.now, &said);
        assert_eq!(answer, proto::gem::Answer::Stream9(function));
    }
}

#[test]
fn what_is_too_long_is_called_too_long() {
    let limits = Limits::new(proto::secs2::RawLimits { size: 2, ..Default::default() }).unwrap();
    let wrong = Item::decode(&hex::decode("b10400000001").unwrap(), &limits).unwrap_err();
    let mut bench = Bench::new();
    let said = Said { stream: 2, function: 25, wait: true, item: Err(&wrong) };
    assert_eq!(bench.gem.primary(bench.now, &said), proto::gem::Answer::Stream9(11));
    let elsewhere = Said { stream: 77, ..said };
    assert_eq!(bench.gem.primary(bench.now, &elsewhere), proto::gem::Answer::Stream9(3));
}

#[test]
fn replies_and_stream_9_are_never_answered() {
    let mut bench = Bench::new();
    for named in ["S1F2", "S1F0", "S6F12", "S9F1", "S9F7", "S77F2"] {
        assert_eq!(bench.ask(named, None), "-");
    }
}
