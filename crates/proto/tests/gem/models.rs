//! Communications and control as a host lives through them.
use proto::gem::{Control, Ended, Link, RawTool};

use crate::support::{Bench, b, l};

fn connected(raw: RawTool) -> Bench {
    let mut bench = Bench::alone(raw);
    bench.gem.selected(bench.now);
    bench
}

fn names(bench: &mut Bench) -> Vec<String> {
    bench.primaries().iter().map(|p| format!("S{}F{}", p.stream, p.function)).collect()
}

#[test]
fn its_own_s1f13_establishes_communications() {
    let mut bench = connected(RawTool::default());
    let hello = bench.primaries().remove(0);
    assert_eq!((hello.stream, hello.function, hello.wait), (1, 13, true));
    assert_eq!(hello.item.unwrap().to_string(), r#"<L [2] <A "FAKE-EQ"> <A "1.0.0">>"#);
    assert_eq!(bench.snapshot().communication, Link::WaitCra);
    let item = Some(l([b(0), l([])]));
    bench.gem.replied(bench.now, hello.id, Ended::Reply { function: 14, item });
    assert_eq!(bench.snapshot().communication, Link::Communicating);
}

#[test]
fn s1f13_is_said_again_until_it_is_accepted() {
    let vain = [
        Ended::Reply { function: 14, item: Some(l([b(1), l([])])) },
        Ended::Reply { function: 14, item: Some(b(0)) },
        Ended::Reply { function: 14, item: None },
        Ended::Reply { function: 0, item: None },
        Ended::Failed,
        Ended::TimedOut,
    ];
    let mut bench = connected(RawTool::default());
    for (i, ended) in vain.into_iter().enumerate() {
        let hello = bench.primaries().remove(0);
        bench.gem.replied(bench.now, hello.id, ended);
        let until = bench.now + std::time::Duration::from_secs(10);
        assert_eq!(bench.snapshot().communication, Link::WaitDelay { until });
        let ms = (i as u64 + 1) * 10_000;
        bench.at(ms - 1);
        assert_eq!(names(&mut bench), [""; 0]);
        bench.at(ms);
    }
    assert_eq!(names(&mut bench), ["S1F13"]);
}

#[test]
fn both_may_begin_at_once() {
    let mut bench = connected(RawTool::default());
    let ours = bench.primaries().remove(0);
    assert!(bench.ask("S1F13", l([])).starts_with("S1F14 <L [2] <B 0x00>"));
    bench.gem.replied(bench.now, ours.id, Ended::TimedOut);
    assert_eq!(bench.snapshot().communication, Link::Communicating);
    assert_eq!(bench.gem.wake_at(), None);
}

#[test]
fn lenient_equipment_answers_strangers_and_a_strict_one_does_not() {
    let mut lenient = connected(RawTool::default());
    assert!(lenient.ask("S1F1", None).starts_with("S1F2"));
    assert_eq!(lenient.snapshot().communication, Link::WaitCra);
    let mut strict = connected(RawTool { lenient: false, ..RawTool::default() });
    assert_eq!(strict.ask("S1F1", None), "-");
    assert_eq!(strict.ask("S77F1", None), "-");
    assert!(strict.ask("S1F13", l([])).starts_with("S1F14 <L [2] <B 0x00>"));
    assert!(strict.ask("S1F1", None).starts_with("S1F2"));
}

#[test]
fn in_wait_delay_any_word_of_the_host_brings_s1f13() {
    for (lenient, answer) in [(false, "-"), (true, "S2F18 <A \"2026010100000000\">")] {
        let mut bench = connected(RawTool { lenient, ..RawTool::default() });
        let hello = bench.primaries().remove(0);
        bench.gem.replied(bench.now, hello.id, Ended::TimedOut);
        assert_eq!(bench.ask("S2F17", None), answer);
        assert_eq!(names(&mut bench), ["S1F13"]);
        assert_eq!(bench.snapshot().communication, Link::WaitCra);
    }
}

#[test]
fn equipment_that_does_not_begin_waits() {
    let mut bench = connected(RawTool { initiates: false, ..RawTool::default() });
    assert_eq!(bench.snapshot().communication, Link::WaitCrFromHost);
    assert_eq!(names(&mut bench), [""; 0]);
    bench.ask("S1F13", l([]));
    assert_eq!(bench.snapshot().communication, Link::Communicating);
}

#[test]
fn a_lost_connection_ends_communications() {
    let mut bench = Bench::new();
    bench.gem.lost(bench.now);
    assert_eq!(bench.snapshot().communication, Link::NotConnected);
    bench.gem.selected(bench.now);
    assert_eq!(names(&mut bench), ["S1F13"]);
    assert_eq!(bench.snapshot().communication, Link::WaitCra);
}

#[test]
fn an_answer_from_an_earlier_connection_changes_nothing() {
    let mut bench = connected(RawTool::default());
    let old = bench.primaries().remove(0);
    bench.gem.lost(bench.now);
    bench.gem.selected(bench.now);
    let item = Some(l([b(0), l([])]));
    bench.gem.replied(bench.now, old.id, Ended::Reply { function: 14, item });
    assert_eq!(bench.snapshot().communication, Link::WaitCra);
}

#[test]
fn disabled_equipment_is_silent_until_it_is_enabled() {
    let mut bench = Bench::new();
    bench.prompt("disable");
    assert_eq!(bench.ask("S1F13", l([])), "-");
    assert_eq!(bench.ask("S1F1", None), "-");
    bench.prompt("alarm 3001 set");
    assert_eq!(names(&mut bench), [""; 0]);
    bench.prompt("enable");
    assert_eq!(names(&mut bench), ["S1F13"]);
}

#[test]
fn offline_it_answers_s1f13_and_s1f17_only() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S1F15", None), "S1F16 <B 0x00>");
    assert_eq!(bench.snapshot().control, Control::HostOffline);
    for named in ["S1F1", "S1F15", "S2F41", "S77F1"] {
        let stream = named.split('F').next().unwrap();
        assert_eq!(bench.ask(named, None), format!("{stream}F0"));
        assert_eq!(bench.say(named, false, None), "-");
    }
    bench.prompt("alarm 3001 set");
    bench.prompt("event 50");
    assert_eq!(names(&mut bench), [""; 0]);
    assert!(bench.ask("S1F13", l([])).starts_with("S1F14"));
    assert_eq!(bench.ask("S1F17", None), "S1F18 <B 0x00>");
    assert_eq!(bench.snapshot().control, Control::Remote);
}

fn attempting(fails: Control) -> (Bench, u64) {
    let raw =
        RawTool { control: Control::AttemptOnline, attempt_failed: fails, ..RawTool::default() };
    let mut bench = connected(raw);
    bench.ask("S1F13", l([]));
    let said = bench.primaries();
    let [_, are_you_there] = &said[..] else { panic!("{said:?}") };
    assert_eq!((are_you_there.stream, are_you_there.function), (1, 1));
    let id = are_you_there.id;
    (bench, id)
}

#[test]
fn an_attempt_to_go_online_asks_the_host() {
    let (mut bench, id) = attempting(Control::HostOffline);
    assert_eq!(bench.snapshot().control, Control::AttemptOnline);
    assert_eq!(bench.ask("S1F17", None), "S1F18 <B 0x01>");
    bench.gem.replied(bench.now, id, Ended::Reply { function: 2, item: Some(l([])) });
    assert_eq!(bench.snapshot().control, Control::Remote);
}

#[test]
fn an_attempt_in_vain_ends_as_it_is_set() {
    let abort = Ended::Reply { function: 0, item: None };
    for ended in [abort, Ended::TimedOut, Ended::Failed] {
        for fails in [Control::HostOffline, Control::EquipmentOffline] {
            let (mut bench, id) = attempting(fails);
            bench.gem.replied(bench.now, id, ended.clone());
            assert_eq!(bench.snapshot().control, fails);
        }
    }
    let (mut bench, _) = attempting(Control::EquipmentOffline);
    bench.gem.lost(bench.now);
    assert_eq!(bench.snapshot().control, Control::EquipmentOffline);
}

#[test]
fn the_operator_decides_who_commands() {
    let mut bench = Bench::new();
    bench.prompt("offline");
    assert_eq!(bench.snapshot().control, Control::EquipmentOffline);
    bench.prompt("local");
    bench.prompt("online");
    assert_eq!(bench.hear(), ["S1F1 W"]);
    assert_eq!(bench.snapshot().control, Control::Local);
    bench.prompt("remote");
    assert_eq!(bench.snapshot().control, Control::Remote);
}
