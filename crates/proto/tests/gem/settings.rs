//! Every setting makes a difference.
use proto::{
    Span, Time,
    gem::{Control, Ended, RawTool, TimeFormat},
    secs2::Item,
};

use crate::support::{Bench, l, u4};

#[test]
fn the_clock_starts_where_it_is_set() {
    let clock = Some("2030-02-03T04:05:06.78Z".parse().unwrap());
    let raw = RawTool { clock, ..RawTool::default() };
    assert_eq!(Bench::with(raw).ask("S2F17", None), r#"S2F18 <A "2030020304050678">"#);
}

#[test]
fn the_time_format_is_a_setting_and_a_constant() {
    let told = |bench: &mut Bench| bench.ask("S2F17", None);
    let with = |time_format| Bench::with(RawTool { time_format, ..RawTool::default() });
    assert_eq!(told(&mut with(TimeFormat::Twelve)), r#"S2F18 <A "260101000000">"#);
    let mut bench = with(TimeFormat::Iso);
    assert_eq!(told(&mut bench), r#"S2F18 <A "2026-01-01T00:00:00.00Z">"#);
    assert_eq!(bench.ask("S2F13", l([u4(2003)])), "S2F14 <L [1] <U4 2>>");
    assert_eq!(bench.ask("S2F15", l([l([u4(2003), Item::u1(0)])])), "S2F16 <B 0x00>");
    assert_eq!(told(&mut bench), r#"S2F18 <A "260101000000">"#);
    assert_eq!(bench.ask("S2F15", l([l([u4(2003), Item::u1(3)])])), "S2F16 <B 0x03>");
}

fn again_at(bench: &mut Bench) -> Time {
    bench.gem.selected(bench.now);
    let hello = bench.primaries().remove(0);
    bench.gem.replied(bench.now, hello.id, Ended::TimedOut);
    bench.gem.wake_at().expect("WAIT DELAY")
}

#[test]
fn the_establish_timeout_is_a_setting_and_a_constant() {
    let raw = RawTool { establish: Span::millis(2500), ..RawTool::default() };
    assert_eq!(again_at(&mut Bench::alone(raw)), Time::from_millis(2500));
    let mut bench = Bench::new();
    assert_eq!(bench.ask("S2F15", l([l([u4(2002), u4(3)])])), "S2F16 <B 0x00>");
    bench.gem.lost(bench.now);
    assert_eq!(again_at(&mut bench), Time::from_millis(3000));
    bench.prompt("set 2002 4");
    bench.gem.lost(bench.now);
    assert_eq!(again_at(&mut bench), Time::from_millis(4000));
}

#[test]
fn the_spool_is_governed_by_constants() {
    let mut bench = Bench::new();
    let set = l([l([u4(2004), u4(1)]), l([u4(2005), Item::boolean(false)])]);
    assert_eq!(bench.ask("S2F15", set), "S2F16 <B 0x00>");
    bench.ask("S2F43", l([l([Item::u1(5), l([])])]));
    bench.gem.lost(bench.now);
    bench.prompt("alarm 3001 set");
    bench.prompt("alarm 3002 set");
    bench.connect();
    bench.ask("S6F23", Item::u1(0));
    assert_eq!(bench.hear().len(), 1);
}

#[test]
fn the_control_state_it_starts_in_is_a_setting() {
    for (control, code) in [(Control::Local, 4), (Control::Remote, 5)] {
        let mut bench = Bench::with(RawTool { control, ..RawTool::default() });
        assert_eq!(bench.ask("S1F3", l([u4(1004)])), format!("S1F4 <L [1] <U1 {code}>>"));
    }
    for control in [Control::HostOffline, Control::EquipmentOffline] {
        let mut bench = Bench::with(RawTool { control, ..RawTool::default() });
        assert_eq!(bench.ask("S1F1", None), "S1F0");
    }
}

#[test]
fn alarms_and_events_start_as_they_are_set() {
    let raw: RawTool = serde_json::from_str(
        r#"{"events": [{"id": 1, "enabled": true, "reports": [1]}, {"id": 2}],
            "alarms": [{"id": 1, "text": "A", "set": true}, {"id": 2, "text": "B", "enabled": false, "category": 7}],
            "commands": []}"#,
    )
    .unwrap();
    let mut bench = Bench::with(raw);
    let snapshot = bench.snapshot();
    assert_eq!(
        (snapshot.alarms_set, snapshot.enabled_alarms),
        (vec!["1".into()], vec!["1".into()])
    );
    assert_eq!(bench.ask("S5F5", l([u4(2)])), r#"S5F6 <L [1] <L [3] <B 0x07> <U4 2> <A "B">>>"#);
    bench.prompt("event 2");
    bench.prompt("event 1");
    let report = r#"<L [1] <L [2] <U4 1> <L [2] <F4 25.5> <A "IDLE">>>>"#;
    assert_eq!(bench.hear(), [format!("S6F11 W <L [3] <U4 1> <U4 1> {report}>")]);
}
