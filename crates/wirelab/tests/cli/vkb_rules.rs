//! `wirelab vkb check-rules`: what is wrong where, and what rules make of events.
use std::io::{Seek, Write};

use crate::support::*;

const GEAR: &str = r#"[
  {"title": "Gear", "when": {"all": [{"signal": "gear_down", "op": "eq", "value": true}]},
   "then": [{"vkb_set_shift": ["Shift1"]}, {"log": "down"}], "else": []}
]"#;

/// Checks these rules; events, if there are any, come on stdin.
fn check(rules: &str, flags: &[&str], events: &str) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.json");
    std::fs::write(&path, rules).unwrap();
    let mut stdin = tempfile::tempfile().unwrap();
    stdin.write_all(events.as_bytes()).unwrap();
    stdin.rewind().unwrap();
    finish(wirelab().args(["vkb", "check-rules"]).arg(path).args(flags).stdin(stdin))
}

#[test]
fn rules_that_make_sense_are_counted() {
    let ran = check(GEAR, &[], "").ok();
    assert_eq!(ran.out, "third format; rules: 1 sound (0 disabled), 0 wrong\n");
    assert_eq!(ran.err, "");
}

#[test]
fn a_rule_that_does_not_is_named_with_file_line_and_key() {
    let ran = check(&GEAR.replace("gear_down", "gear_dwn"), &[], "");
    let error = ran.failed(2);
    assert!(error.contains("rules.json: line 2: rule `Gear`: when.all[0].signal: "), "{error}");
    assert!(error.contains("did you mean `gear_down`?"), "{error}");
    let ran = check(&GEAR.replace("gear_down", "gear_dwn"), &["--json"], "");
    assert_eq!(
        (&ran.result()["rules"], &ran.result()["problems"][0]["line"]),
        (&0.into(), &2.into())
    );
}

#[test]
fn what_is_no_file_of_rules_is_refused() {
    assert!(check("[", &[], "").failed(2).contains("line 1: not JSON"));
    assert!(run(["vkb", "check-rules", "/no/such/file"]).failed(2).contains("no such file"));
    let ran = check(GEAR, &["--explain", "/no/such/events"], "");
    assert!(ran.failed(2).contains("/no/such/events"));
    assert!(check(GEAR, &["--numbering", "second"], "").failed(2).contains("current and first"));
}

#[test]
fn events_show_what_each_rule_does() {
    let events = "{\"event\":\"Music\"}\n{\"event\":\"Status\",\"Flags\":4}\n\
                  {\"event\":\"LoadGame\",\"Commander\":\"Ada\"}\n";
    let ran = check(GEAR, &["--explain", "-"], events).ok();
    let lines: Vec<_> = ran.out.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "Music: shift 0x00 subshift 0x00",
            "  gear: indeterminate, gear_down is unknown",
            "Status: shift 0x01 subshift 0x00 (changed)",
            "  gear: match, set shift 0x01 subshift 0x00, log \"down\"",
            "LoadGame: shift 0x00 subshift 0x00 (sent: a session begins or ends)",
        ]
    );
}

#[test]
fn the_numbering_decides_the_bit() {
    let status = "{\"event\":\"Status\",\"Flags\":4}\n";
    for (numbering, shift) in [("current", 1), ("first", 2)] {
        let flags = ["--explain", "-", "--json", "--numbering", numbering];
        let effect = &check(GEAR, &flags, status).ok().lines()[1];
        assert_eq!((&effect["event"], &effect["shift"]), (&"Status".into(), &shift.into()));
        assert_eq!(effect["asked"][0]["outcome"], "match");
        assert_eq!(effect["log"][0], "down");
    }
}

#[test]
fn a_bad_event_is_named_and_the_next_counts() {
    let events = "{\"event\":\n{\"event\":\"Status\",\"Flags\":4}\n";
    let ran = check(GEAR, &["--explain", "-"], events);
    assert!(ran.failed(2).contains("-: line 1: not a JSON object"));
    assert!(ran.out.contains("Status: shift 0x01"), "{ran:?}");
}

#[test]
fn nothing_a_terminal_obeys_gets_through() {
    let events = "{\"event\":\"\\u001b[2J\"}\n";
    let rules = r#"[{"title": "x", "id": "\u001b[31m", "then": [{"log": "\u009b"}]}]"#;
    let ran = check(rules, &["--explain", "-"], events).ok();
    assert!(!ran.out.contains(['\x1b', '\u{9b}']), "{ran:?}");
}
