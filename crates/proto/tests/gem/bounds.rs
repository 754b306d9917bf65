//! What a host without end can cost.
use proto::{
    gem::{RawBounds, RawTool},
    secs2::Item,
};

use crate::support::{Bench, a, b, l, u4};

fn reports(from: u32, to: u32) -> Item {
    let all = (from..to).map(|id| l([u4(id), l([u4(1001)])]));
    l([u4(1), Item::list(all)])
}

#[test]
fn ten_thousand_reports_are_not_defined() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S2F33", reports(10_000, 20_000)), "S2F34 <B 0x01>");
    assert_eq!(bench.snapshot().reports.len(), 1);
    let mut refused = 0;
    for id in 10_000..11_500 {
        refused += u32::from(bench.ask("S2F33", reports(id, id + 1)) == "S2F34 <B 0x01>");
    }
    assert_eq!((refused, bench.snapshot().reports.len()), (501, 1000));
}

#[test]
fn no_report_has_more_variables_than_there_is_room() {
    let bounds = RawBounds { report_values: 10, ..RawBounds::default() };
    let mut bench = Bench::with(RawTool { bounds, ..RawTool::default() });
    let of = |n| l([u4(1), l([l([u4(7), Item::list((0..n).map(|_| u4(1001)))])])]);
    assert_eq!(bench.ask("S2F33", of(9)), "S2F34 <B 0x01>");
    assert_eq!(bench.ask("S2F33", of(8)), "S2F34 <B 0x00>");
    assert_eq!(bench.ask("S2F33", l([u4(1), l([])])), "S2F34 <B 0x00>");
    assert_eq!(bench.ask("S2F33", of(10)), "S2F34 <B 0x00>");
}

#[test]
fn a_report_that_is_deleted_makes_room() {
    let bounds = RawBounds { report_values: 4, reports: 2, links: 1, ..RawBounds::default() };
    let mut bench = Bench::with(RawTool { bounds, ..RawTool::default() });
    let vids = || l([u4(1001), u4(1002)]);
    for _ in 0..3 {
        assert_eq!(bench.ask("S2F33", l([u4(1), l([l([u4(7), vids()])])])), "S2F34 <B 0x00>");
        assert_eq!(bench.ask("S2F35", l([u4(1), l([l([u4(50), l([u4(7)])])])])), "S2F36 <B 0x00>");
        assert_eq!(bench.ask("S2F33", l([u4(1), l([l([u4(7), l([])])])])), "S2F34 <B 0x00>");
    }
}

#[test]
fn a_reply_longer_than_any_host_takes_is_an_abort() {
    let mut bench = Bench::new();
    let long = "x".repeat(60_000);
    bench.prompt(&format!("set 1002 {long}"));
    let ask = |n| Item::list((0..n).map(|_| u4(1002)));
    assert!(bench.ask("S1F3", ask(270)).starts_with("S1F4"));
    assert_eq!(bench.ask("S1F3", ask(280)), "S1F0");
    assert_eq!(bench.ask("S1F3", ask(1_000_000)), "S1F0");
}

#[test]
fn names_have_a_length() {
    let mut bench = Bench::new();
    let long = a(&"x".repeat(121));
    assert_eq!(
        bench.ask("S2F33", l([u4(1), l([l([long.clone(), l([u4(1001)])])])])),
        "S2F34 <B 0x02>"
    );
    assert_eq!(bench.ask("S7F1", l([long.clone(), u4(1)])), "S7F2 <B 0x03>");
    assert_eq!(bench.ask("S7F3", l([long, b(1)])), "S7F4 <B 0x04>");
}

#[test]
fn values_that_stay_have_a_length() {
    let commands = r#"[{"name": "NOTE", "params": [{"name": "TEXT"}], "sets": [{"id": 1002, "param": "TEXT"}]}]"#;
    let commands = serde_json::from_str(commands).unwrap();
    let mut bench = Bench::with(RawTool { commands, ..RawTool::default() });
    let note = |item| l([a("NOTE"), l([l([a("TEXT"), item])])]);
    let wrong = r#"S2F42 <L [2] <B 0x03> <L [1] <L [2] <A "TEXT"> <B 0x02>>>>"#;
    assert_eq!(bench.ask("S2F41", note(Item::binary([0; 65_536]))), wrong);
    let deep = (0..95).fold(l([]), |item, _| l([item]));
    assert_eq!(bench.ask("S2F41", note(deep)), wrong);
    let flat = (0..80).fold(l([]), |item, _| l([item]));
    assert_eq!(bench.ask("S2F41", note(flat)), "S2F42 <L [2] <B 0x00> <L [0]>>");
    assert!(bench.ask("S1F3", l([u4(1002)])).starts_with("S1F4"));
    let long = format!("set 1501 {}", "x".repeat(65_536));
    assert!(bench.gem.prompt(bench.now, long.parse().unwrap()).is_err());
}

#[test]
fn what_is_remembered_of_the_past_has_an_end() {
    let mut bench = Bench::new();
    for i in 0..100 {
        bench.ask("S2F41", l([a(&format!("C{i}")), l([])]));
        bench.ask("S10F3", l([b(0), a(&format!("T{i}"))]));
        bench.ask("S7F1", l([a(&format!("R{i}")), u4(1)]));
    }
    let snapshot = bench.snapshot();
    assert_eq!((snapshot.commands.len(), snapshot.terminal.len()), (32, 32));
    assert_eq!(snapshot.commands[31].name, "C99");
    assert_eq!(snapshot.terminal[31].text, ["T99"]);
}

#[test]
fn a_trace_gathers_only_so_much() {
    let mut bench = Bench::new();
    let trace = |group| l([u4(1), a("000001"), u4(10_000), u4(group), l([u4(1001), u4(1002)])]);
    assert_eq!(bench.ask("S2F23", trace(5001)), "S2F24 <B 0x05>");
    assert_eq!(bench.ask("S2F23", trace(5000)), "S2F24 <B 0x00>");
}

#[test]
fn commands_that_take_their_time_do_not_pile_up() {
    let commands = serde_json::from_str(r#"[{"name": "BAKE", "after": "1h"}]"#).unwrap();
    let mut bench = Bench::with(RawTool { commands, ..RawTool::default() });
    let mut ask = || bench.ask("S2F41", l([a("BAKE"), l([])]));
    for _ in 0..64 {
        assert_eq!(ask(), "S2F42 <L [2] <B 0x04> <L [0]>>");
    }
    assert_eq!(ask(), "S2F42 <L [2] <B 0x02> <L [0]>>");
}
