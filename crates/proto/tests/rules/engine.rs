//! What the engine remembers, of whom, and what it takes back. The first four are mistakes that were
//! once published.
use proto::vkb::rules::{Bits, JournalEvent, MAX_COMMANDERS, Outcome};
use serde_json::{Value, json};

use crate::support::*;

const ON: Bits = Bits { shift: 1, subshift: 0 };
const OFF: Bits = Bits { shift: 0, subshift: 0 };

/// The same rule in both formats: gear down is Shift1.
fn both() -> [Value; 2] {
    let first = json!([{
        "id": "gear",
        "when": {
            "source": "dashboard", "event": "Status",
            "all": [{ "flags": { "all_of": ["FlagsLandingGearDown"] } }],
        },
        "then": { "vkb_set_shift": ["Shift1"] },
        "else": { "vkb_clear_shift": ["Shift1"] },
    }]);
    let third = json!([{
        "id": "gear", "title": "Gear",
        "when": { "all": [{ "signal": "gear_down", "op": "eq", "value": true }] },
        "then": [{ "vkb_set_shift": ["Shift1"] }],
        "else": [{ "vkb_clear_shift": ["Shift1"] }],
    }]);
    [first, third]
}

fn of(commander: &str, beta: bool, event: JournalEvent) -> JournalEvent {
    JournalEvent { commander: Some(commander.into()), beta, ..event }
}

#[test]
fn an_event_a_rule_is_not_for_does_not_run_its_else() {
    for rules in both() {
        let mut engine = engine(&rules);
        assert_eq!(engine.handle(&flags(GEAR)).bits, ON);
        let effect = engine.handle(&music());
        assert_eq!((effect.bits, effect.changed), (ON, false), "{rules}");
        assert!(acted(&effect).is_empty());
    }
}

#[test]
fn an_event_without_flags_does_not_touch_the_remembered_ones() {
    let when = json!({ "all": [{ "flags": { "changed_to_true": ["FlagsLandingGearDown"] } }] });
    let mut first = engine(&json!([{ "when": when }]));
    first.handle(&flags(0));
    first.handle(&flags(GEAR));
    first.handle(&music());
    assert_eq!(outcome(&first.handle(&flags(GEAR))), &Outcome::NoMatch, "it was down all along");
    let [_, third] = both();
    let mut third = engine(&third);
    third.handle(&flags(GEAR));
    third.handle(&music());
    assert!(acted(&third.handle(&flags(GEAR))).is_empty());
}

#[test]
fn flags_on_events_of_the_journal_are_the_remembered_ones_or_unknown() {
    let when = json!({ "all": [{ "flags": { "none_of": ["FlagsLandingGearDown"] } }] });
    let mut engine = engine(&json!([{
        "when": when, "then": { "log": "up" }, "else": { "log": "down" },
    }]));
    let effect = engine.handle(&music());
    assert_eq!((outcome(&effect), effect.log.len()), (&missing("Flags"), 0), "not all zero");
    engine.handle(&flags(GEAR));
    assert_eq!(engine.handle(&music()).log, ["down"]);
    engine.handle(&flags(0));
    assert_eq!(engine.handle(&music()).log, ["up"]);
}

#[test]
fn an_unknown_name_is_told_and_switches_no_rule_off_in_silence() {
    let first =
        problem(&json!([{ "when": { "all": [{ "flags": { "any_of": ["FlagsDoked"] } }] } }]));
    assert!(first.contains("`FlagsDoked`; did you mean `FlagsDocked`?"), "{first}");
    let condition = json!({ "signal": "gear_dwn", "op": "eq", "value": true });
    let third = problem(&json!([{ "title": "Gear", "when": { "all": [condition] } }]));
    assert!(third.contains("no signal `gear_dwn`; did you mean `gear_down`?"), "{third}");
}

#[test]
fn a_session_takes_all_shifts_back_and_has_that_sent() {
    for rules in both() {
        for name in ["Commander", "LoadGame", "Shutdown"] {
            let mut engine = engine(&rules);
            engine.handle(&flags(GEAR));
            let effect = engine.handle(&journal(name, json!({})));
            assert_eq!((effect.bits, effect.forced, effect.changed), (OFF, true, true), "{rules}");
            let again = engine.handle(&journal(name, json!({})));
            assert_eq!((again.bits, again.forced, again.changed), (OFF, true, false));
            assert!(!engine.handle(&music()).forced);
            assert_eq!(engine.handle(&flags(GEAR)).bits, ON, "what holds is asserted again");
        }
    }
}

#[test]
fn nothing_is_known_of_a_game_that_was_shut_down() {
    let [_, third] = both();
    let mut engine = engine(&third);
    engine.handle(&flags(GEAR));
    engine.handle(&journal("LoadGame", json!({})));
    assert_eq!(engine.handle(&music()).bits, ON, "the status still holds");
    engine.handle(&journal("Shutdown", json!({})));
    assert_eq!(outcome(&engine.handle(&music())), &missing("gear_down"));
    assert_eq!(engine.bits(), OFF);
}

#[test]
fn a_rule_that_names_a_session_event_is_asked_after_the_reset() {
    let mut engine = engine(&json!([
        { "id": "named", "when": { "event": "LoadGame" }, "then": { "vkb_set_shift": ["Shift2"] } },
        { "id": "any", "then": { "log": "any" } },
    ]));
    let effect = engine.handle(&journal("LoadGame", json!({})));
    assert_eq!(acted(&effect), ["named"]);
    assert_eq!((effect.bits.shift, effect.forced), (2, true));
}

#[test]
fn commanders_and_betas_are_kept_apart() {
    let when = json!({ "all": [{ "flags": { "all_of": ["FlagsDocked"] } }] });
    let mut engine = engine(&json!([{ "when": when }]));
    engine.handle(&of("Ada", false, flags(DOCKED)));
    let mut ask = |who, beta| outcome(&engine.handle(&of(who, beta, music()))).clone();
    assert_eq!(ask("Ada", false), Outcome::Match);
    assert_eq!(ask("Ada", true), missing("Flags"));
    assert_eq!(ask("Bob", false), missing("Flags"));
}

#[test]
fn the_commander_not_heard_of_for_longest_is_forgotten() {
    let when = json!({ "all": [{ "flags": { "all_of": ["FlagsDocked"] } }] });
    let mut engine = engine(&json!([{ "when": when }]));
    let most = MAX_COMMANDERS.get();
    for n in 0..most {
        engine.handle(&of(&format!("{n}"), false, flags(DOCKED)));
    }
    engine.handle(&of("0", false, music()));
    engine.handle(&of("one more", false, flags(DOCKED)));
    let mut ask = |who| outcome(&engine.handle(&of(who, false, music()))).clone();
    assert_eq!(ask("0"), Outcome::Match);
    assert_eq!(ask("1"), missing("Flags"), "it made room");
}

#[test]
fn new_rules_leave_unchanged_ones_their_edge() {
    let gear = |then: &str| {
        json!({
            "id": "gear", "title": "Gear",
            "when": { "all": [{ "signal": "gear_down", "op": "eq", "value": true }] },
            "then": [{ "vkb_set_shift": [then] }],
        })
    };
    let other = json!({ "title": "Other", "then": [{ "log": "new" }] });
    let mut engine = engine(&json!([gear("Shift1")]));
    engine.handle(&flags(GEAR));
    assert!(!engine.reload(rules(&json!([gear("Shift1"), other]))).changed);
    let effect = engine.handle(&flags(GEAR));
    assert_eq!(acted(&effect), ["other"], "gear has not turned");
    let effect = engine.reload(rules(&json!([gear("Shift2"), other])));
    assert_eq!((effect.bits, effect.changed), (OFF, true), "nobody sets or clears Shift1 any more");
    let effect = engine.handle(&flags(GEAR));
    assert_eq!((acted(&effect), effect.bits.shift), (vec!["gear"], 2), "it is another rule now");
}

#[test]
fn new_rules_leave_unchanged_ones_the_fields_they_watch() {
    let rule = |id: &str, log: &str| {
        let field = json!({ "field": { "name": "StarSystem", "changed": true } });
        json!({ "id": id, "when": { "event": "FSDJump", "all": [field] }, "then": { "log": log } })
    };
    let jump = |system: &str| journal("FSDJump", json!({ "StarSystem": system }));
    let mut engine = engine(&json!([rule("kept", "a"), rule("changed", "a")]));
    engine.handle(&jump("Sol"));
    engine.reload(rules(&json!([rule("kept", "a"), rule("changed", "b")])));
    let asked = engine.handle(&jump("Achenar")).asked;
    assert_eq!(asked[0].outcome, Outcome::Match);
    assert_eq!(asked[1].outcome, missing("a comparable StarSystem"));
}

#[test]
fn a_rule_that_is_switched_off_is_not_asked() {
    let list = json!([{ "id": "off", "enabled": false, "then": { "log": "never" } }]);
    assert_eq!(rules(&list).count(), (1, 1));
    assert!(engine(&list).handle(&music()).asked.is_empty());
}
