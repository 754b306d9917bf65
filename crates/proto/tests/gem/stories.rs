//! Reports, alarms, traces and commands as a host uses them.
use proto::{
    gem::{Ended, RawTool},
    secs2::Item,
};

use crate::support::{Bench, a, b, l, u4};

fn enable_all(bench: &mut Bench) {
    let all = l([Item::boolean(true), l([])]);
    assert_eq!(bench.ask("S2F37", all), "S2F38 <B 0x00>");
}

#[test]
fn a_host_defines_links_enables_and_hears() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S2F33", l([u4(1), l([])])), "S2F34 <B 0x00>");
    let report = l([a("HEAT"), l([Item::u2(1001), u4(2001), u4(1501)])]);
    assert_eq!(bench.ask("S2F33", l([u4(1), l([report])])), "S2F34 <B 0x00>");
    let link = l([u4(1), l([l([u4(50), l([a("HEAT")])])])]);
    assert_eq!(bench.ask("S2F35", link), "S2F36 <B 0x00>");
    bench.prompt("event 50");
    assert_eq!(bench.hear(), [""; 0], "not enabled yet");
    let enable = |on| l([Item::boolean(on), l([u4(50)])]);
    assert_eq!(bench.ask("S2F37", enable(true)), "S2F38 <B 0x00>");
    bench.prompt("set 1001 -3.5");
    let start = l([a("START"), l([l([a("PPID"), a("RECIPE-B")])])]);
    assert_eq!(bench.ask("S2F41", start), "S2F42 <L [2] <B 0x00> <L [0]>>");
    let values = r#"<L [3] <F4 -3.5> <U4 5> <A "RECIPE-B">>"#;
    let told = format!(r#"<L [3] <U4 1> <U4 50> <L [1] <L [2] <A "HEAT"> {values}>>>"#);
    assert_eq!(bench.hear(), [format!("S6F11 W {told}")]);
    assert_eq!(bench.ask("S2F37", enable(false)), "S2F38 <B 0x00>");
    bench.prompt("event 50");
    assert_eq!(bench.hear(), [""; 0]);
}

#[test]
fn a_deleted_report_takes_its_links_along() {
    let mut bench = Bench::new();
    enable_all(&mut bench);
    let report = |id| l([u4(id), l([u4(1002)])]);
    bench.ask("S2F33", l([u4(1), l([report(200), report(201)])]));
    let linked = l([u4(200), u4(201)]);
    assert_eq!(bench.ask("S2F35", l([u4(1), l([l([u4(51), linked])])])), "S2F36 <B 0x00>");
    let again = l([l([u4(200), l([])]), report(200)]);
    assert_eq!(bench.ask("S2F33", l([u4(1), again])), "S2F34 <B 0x00>");
    bench.prompt("event 51");
    let told = r#"<L [1] <L [2] <U4 201> <L [1] <A "IDLE">>>>"#;
    assert_eq!(bench.hear(), [format!("S6F11 W <L [3] <U4 1> <U4 51> {told}>")]);
    assert_eq!(bench.ask("S2F33", l([u4(1), l([])])), "S2F34 <B 0x00>");
    let snapshot = bench.snapshot();
    assert!(snapshot.reports.is_empty() && snapshot.links.is_empty());
}

#[test]
fn alarms_are_told_once_and_with_their_events() {
    let mut bench = Bench::new();
    enable_all(&mut bench);
    bench.prompt("alarm 3001 set");
    bench.prompt("alarm 3001 set");
    let told = bench.hear();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("S5F1 W <L [3] <B 0x81>") && told[1].contains("<U4 70>"));
    assert_eq!(bench.ask("S1F3", l([u4(1005)])), "S1F4 <L [1] <L [1] <U4 3001>>>");
    assert_eq!(bench.ask("S5F3", l([b(0), u4(3001)])), "S5F4 <B 0x00>");
    bench.prompt("alarm 3001 clear");
    let told = bench.hear();
    assert!(told.len() == 1 && told[0].contains("<U4 71>"), "{told:?}");
}

#[test]
fn changes_of_control_are_told() {
    let mut bench = Bench::new();
    enable_all(&mut bench);
    let event = |n: u32, id: u32| format!("S6F11 W <L [3] <U4 {n}> <U4 {id}> <L [0]>>");
    bench.prompt("local");
    bench.prompt("remote");
    assert_eq!(bench.hear(), [event(1, 61), event(2, 62)]);
    bench.ask("S1F15", None);
    assert_eq!(bench.hear(), [event(3, 60)]);
    bench.ask("S1F17", None);
    assert_eq!(bench.hear(), [event(4, 62)]);
    bench.prompt("offline");
    assert_eq!(bench.hear(), [event(5, 60)]);
}

#[test]
fn a_recipe_that_comes_is_told_as_a_change() {
    let mut bench = Bench::new();
    enable_all(&mut bench);
    bench.ask("S7F3", l([a("NEW"), b(1)]));
    bench.ask("S7F17", l([a("NONE")]));
    assert_eq!(bench.hear(), ["S6F11 W <L [3] <U4 1> <U4 66> <L [0]>>"]);
}

#[test]
fn a_trace_samples_in_groups_until_it_is_over() {
    let mut bench = Bench::new();
    let trace = l([a("T"), a("00000050"), u4(5), u4(2), l([u4(1001), u4(1004)])]);
    assert_eq!(bench.ask("S2F23", trace), "S2F24 <B 0x00>");
    bench.at(500);
    assert_eq!(bench.hear(), [""; 0]);
    bench.prompt("set 1001 30");
    bench.at(1000);
    let two = "<L [4] <F4 25.5> <U1 5> <F4 30.0> <U1 5>>";
    let told = format!(r#"S6F1 W <L [4] <A "T"> <U4 2> <A "2026010100000100"> {two}>"#);
    assert_eq!(bench.hear(), [told]);
    bench.at(10_000);
    let told = bench.hear();
    assert_eq!(told.len(), 2, "{told:?}");
    let last = r#"S6F1 W <L [4] <A "T"> <U4 5> <A "2026010100000250"> <L [2] <F4 30.0> <U1 5>>>"#;
    assert_eq!(told[1], last);
    assert!(bench.snapshot().traces.is_empty());
    assert_eq!(bench.gem.wake_at(), None);
}

#[test]
fn a_trace_ends_when_no_more_samples_are_wanted() {
    let mut bench = Bench::new();
    let trace = |total| l([u4(1), a("000001"), u4(total), u4(1), l([u4(1001)])]);
    bench.ask("S2F23", trace(100));
    bench.at(1000);
    assert_eq!(bench.snapshot().traces["1"], (1, 100));
    assert_eq!(bench.ask("S2F23", trace(0)), "S2F24 <B 0x00>");
    assert_eq!(bench.gem.wake_at(), None);
}

#[test]
fn samples_that_were_missed_are_not_made_up() {
    let mut bench = Bench::new();
    let trace = l([u4(1), a("000001"), u4(100), u4(1), l([u4(1001)])]);
    bench.ask("S2F23", trace);
    bench.now = proto::Time::from_millis(7_300);
    bench.gem.timeout(bench.now);
    assert_eq!(bench.hear().len(), 1);
    assert_eq!(bench.gem.wake_at(), Some(proto::Time::from_millis(8_000)));
}

#[test]
fn a_report_that_went_unanswered_is_counted_as_lost() {
    let mut bench = Bench::new();
    bench.prompt("alarm 3001 set");
    let said = bench.primaries().remove(0);
    bench.gem.replied(bench.now, said.id, Ended::TimedOut);
    assert_eq!(bench.snapshot().lost, 1);
}

#[test]
fn a_host_that_answers_nothing_gets_no_more_than_so_many_at_once() {
    let mut bench = Bench::new();
    for _ in 0..2000 {
        bench.prompt("terminal hello");
    }
    assert_eq!(bench.primaries().len(), 64);
    assert_eq!(bench.snapshot().lost, 2000 - 1024);
    bench.gem.lost(bench.now);
    assert_eq!(bench.snapshot().lost, 2000);
}

#[test]
fn a_prompt_for_what_is_not_there_is_refused() {
    let mut bench = Bench::alone(RawTool::default());
    for (text, problem) in [
        ("event 9", "no event is called 9"),
        ("alarm 9 set", "no alarm is called 9"),
        ("set 9 1", "no variable or constant is called 9"),
        ("set 1001 hot", "a number within F4"),
        ("set 1003 now", "cannot be set"),
        ("set 2001 26", "EAC 3"),
    ] {
        let refused = bench.gem.prompt(bench.now, text.parse().unwrap()).unwrap_err();
        assert!(refused.to_string().contains(problem), "{refused}");
    }
    let long = format!("terminal {}", "x".repeat(241));
    assert!(bench.gem.prompt(bench.now, long.parse().unwrap()).is_err());
}
