//! The first format: every block, every operator, every outcome.
use proto::vkb::rules::{Bits, JournalEvent, Outcome};
use serde_json::{Value, json};

use crate::support::*;

/// What one block comes to after these events.
fn ask(block: &Value, events: &[JournalEvent]) -> Outcome {
    let mut engine = engine(&json!([{ "when": { "all": [block] } }]));
    let effects: Vec<_> = events.iter().map(|event| engine.handle(event)).collect();
    outcome(effects.last().expect("an event")).clone()
}

/// Does this block hold after these events? It can be told.
#[track_caller]
fn holds(block: &Value, events: &[JournalEvent]) -> bool {
    match ask(block, events) {
        Outcome::Match => true,
        Outcome::NoMatch => false,
        open @ Outcome::Indeterminate { .. } => panic!("{block}: {open:?}"),
    }
}

fn field(test: &Value, value: &Value) -> Outcome {
    let mut block = test.clone();
    block["name"] = "a.b".into();
    ask(&json!({ "field": block }), &[journal("X", json!({ "a": { "b": value } }))])
}

#[test]
fn all_of_wants_every_flag() {
    let block = json!({ "flags": { "all_of": ["FlagsDocked", "FlagsLanded"] } });
    assert!(holds(&block, &[flags(DOCKED | LANDED | GEAR)]));
    assert!(!holds(&block, &[flags(DOCKED)]));
}

#[test]
fn any_of_wants_one_flag() {
    let block = json!({ "flags": { "any_of": ["FlagsDocked", "FlagsLanded"] } });
    assert!(holds(&block, &[flags(LANDED)]));
    assert!(!holds(&block, &[flags(GEAR)]));
}

#[test]
fn none_of_wants_no_flag() {
    let block = json!({ "flags": { "none_of": ["FlagsDocked", "FlagsLanded"] } });
    assert!(holds(&block, &[flags(GEAR)]));
    assert!(!holds(&block, &[flags(LANDED)]));
}

#[test]
fn equals_wants_each_flag_as_it_says() {
    let block = json!({ "flags": { "equals": { "FlagsDocked": true, "FlagsLanded": false } } });
    assert!(holds(&block, &[flags(DOCKED | GEAR)]));
    assert!(!holds(&block, &[flags(DOCKED | LANDED)]));
    assert!(!holds(&block, &[flags(0)]));
}

#[test]
fn changed_to_true_wants_the_flag_up_since_the_last_status() {
    let block = json!({ "flags": { "changed_to_true": ["FlagsLandingGearDown"] } });
    assert!(holds(&block, &[flags(0), flags(GEAR)]));
    assert!(!holds(&block, &[flags(GEAR), flags(GEAR)]));
    assert!(!holds(&block, &[flags(GEAR), flags(0)]));
    assert!(!holds(&block, &[flags(0)]), "down is not up, whatever was before");
    assert_eq!(ask(&block, &[flags(GEAR)]), missing("Flags"), "nothing is known from before");
}

#[test]
fn changed_to_false_wants_the_flag_down_since_the_last_status() {
    let block = json!({ "flags": { "changed_to_false": ["FlagsLandingGearDown"] } });
    assert!(holds(&block, &[flags(GEAR), flags(0)]));
    assert!(!holds(&block, &[flags(0), flags(0)]));
    assert_eq!(ask(&block, &[flags(0)]), missing("Flags"));
}

#[test]
fn several_operators_must_all_hold() {
    let block = json!({ "flags": { "all_of": ["FlagsDocked"], "none_of": ["FlagsLanded"] } });
    assert!(holds(&block, &[flags(DOCKED)]));
    assert!(!holds(&block, &[flags(DOCKED | LANDED)]));
}

#[test]
fn flags2_is_the_other_word() {
    let block = json!({ "flags2": { "all_of": ["Flags2OnFoot"] } });
    assert!(holds(&block, &[status(json!({ "Flags": 0, "Flags2": 1 }))]));
    assert!(!holds(&block, &[status(json!({ "Flags": 1, "Flags2": 0 }))]));
    assert_eq!(ask(&block, &[flags(1)]), missing("Flags2"));
}

#[test]
fn the_focus_goes_by_name_or_number() {
    for six in [json!("GuiFocusGalaxyMap"), json!(6)] {
        let block = json!({ "gui_focus": { "equals": six } });
        assert!(holds(&block, &[focus(6)]));
        assert!(!holds(&block, &[focus(7)]));
    }
    let block = json!({ "gui_focus": { "in": ["GuiFocusGalaxyMap", 7] } });
    assert!(holds(&block, &[focus(6)]) && holds(&block, &[focus(7)]));
    assert!(!holds(&block, &[focus(0)]));
    assert_eq!(ask(&block, &[flags(0)]), missing("GuiFocus"));
}

#[test]
fn the_focus_changes_when_it_was_another() {
    let block = json!({ "gui_focus": { "changed_to": "GuiFocusFSS" } });
    assert!(holds(&block, &[focus(0), focus(9)]));
    assert!(!holds(&block, &[focus(9), focus(9)]));
    assert!(!holds(&block, &[focus(9), focus(0)]));
    assert_eq!(ask(&block, &[focus(9)]), missing("GuiFocus"));
}

#[test]
fn a_field_is_held_against_a_value() {
    let cases = [
        (json!({ "equals": "Sol" }), json!("Sol"), json!("Achenar")),
        (json!({ "in": [1, "x"] }), json!(1.0), json!(2)),
        (json!({ "not_in": [1, "x"] }), json!(2), json!("x")),
        (json!({ "contains": "ire" }), json!("Empire"), json!("Federation")),
        (json!({ "contains": 5 }), json!([4, 5]), json!([4])),
        (json!({ "gt": 5 }), json!(5.1), json!(5)),
        (json!({ "gte": 5 }), json!(5), json!(4.9)),
        (json!({ "lt": 5 }), json!(4.9), json!(5)),
        (json!({ "lte": 5 }), json!(5), json!(5.1)),
        (json!({ "gt": 1, "lt": 3 }), json!(2), json!(3)),
        (json!({ "exists": true, "equals": 1 }), json!(1), json!(2)),
    ];
    for (test, yes, no) in cases {
        assert_eq!(field(&test, &yes), Outcome::Match, "{test} {yes}");
        assert_eq!(field(&test, &no), Outcome::NoMatch, "{test} {no}");
    }
    assert_eq!(field(&json!({ "gt": 5 }), &json!("six")), missing("a comparable a.b"));
}

#[test]
fn a_field_that_is_not_there_leaves_it_open_unless_that_is_the_question() {
    let ask = |test: Value| {
        ask(&json!({ "field": test }), &[journal("Location", json!({ "StarSystem": "Sol" }))])
    };
    assert_eq!(ask(json!({ "name": "Body", "equals": 1 })), missing("Body"));
    assert_eq!(ask(json!({ "name": "Body" })), missing("Body"));
    assert_eq!(ask(json!({ "name": "Body", "exists": false })), Outcome::Match);
    assert_eq!(ask(json!({ "name": "Body", "exists": true })), Outcome::NoMatch);
    assert_eq!(ask(json!({ "name": "StarSystem", "exists": true })), Outcome::Match);
    assert_eq!(ask(json!({ "name": "StarSystem", "exists": false })), Outcome::NoMatch);
}

#[test]
fn a_field_changes_between_the_events_a_rule_is_for() {
    let jump = |system: &str| journal("FSDJump", json!({ "StarSystem": system }));
    let test = |test: Value, events: &[JournalEvent]| {
        let when = json!({ "event": "FSDJump", "all": [{ "field": test }] });
        let mut engine = engine(&json!([{ "when": when }]));
        let effects: Vec<_> = events.iter().map(|event| engine.handle(event)).collect();
        outcome(effects.last().unwrap()).clone()
    };
    let changed = json!({ "name": "StarSystem", "changed": true });
    assert_eq!(test(changed.clone(), &[jump("Sol")]), missing("a comparable StarSystem"));
    assert_eq!(test(changed.clone(), &[jump("Sol"), music(), jump("Sol")]), Outcome::NoMatch);
    assert_eq!(test(changed, &[jump("Sol"), music(), jump("Achenar")]), Outcome::Match);
    let same = json!({ "name": "StarSystem", "changed": false });
    assert_eq!(test(same, &[jump("Sol"), jump("Sol")]), Outcome::Match);
    let to_sol = json!({ "name": "StarSystem", "changed_to": "Sol" });
    assert_eq!(test(to_sol.clone(), &[jump("Achenar"), jump("Sol")]), Outcome::Match);
    assert_eq!(test(to_sol.clone(), &[jump("Sol"), jump("Sol")]), Outcome::NoMatch);
    assert_eq!(test(to_sol, &[jump("Achenar")]), Outcome::NoMatch);
}

#[test]
fn all_and_any_must_both_hold() {
    let flag = |name: &str| json!({ "flags": { "all_of": [name] } });
    let when = json!({
        "all": [flag("FlagsLandingGearDown")],
        "any": [flag("FlagsDocked"), flag("FlagsLanded")],
    });
    let mut engine = engine(&json!([{ "when": when }]));
    let mut ask = |bits| outcome(&engine.handle(&flags(bits))).clone();
    assert_eq!(ask(GEAR | LANDED), Outcome::Match);
    assert_eq!(ask(GEAR), Outcome::NoMatch);
    assert_eq!(ask(DOCKED), Outcome::NoMatch);
}

#[test]
fn what_decides_is_not_held_up_by_what_is_missing() {
    let known = json!({ "flags": { "all_of": ["FlagsDocked"] } });
    let open = json!({ "flags2": { "all_of": ["Flags2OnFoot"] } });
    let ask = |key: &str, bits| {
        let mut engine = engine(&json!([{ "when": { key: [open, known] } }]));
        outcome(&engine.handle(&flags(bits))).clone()
    };
    assert_eq!(ask("any", DOCKED), Outcome::Match);
    assert_eq!(ask("any", 0), missing("Flags2"));
    assert_eq!(ask("all", 0), Outcome::NoMatch);
    assert_eq!(ask("all", DOCKED), missing("Flags2"));
}

#[test]
fn each_outcome_has_its_actions() {
    let mut engine = engine(&json!([{
        "when": { "all": [{ "flags": { "all_of": ["FlagsDocked"] } }] },
        "then": { "vkb_set_shift": ["Shift1", "Subshift3"], "log": "in" },
        "else": { "vkb_clear_shift": ["Subshift3"], "log": "out" },
    }]));
    let effect = engine.handle(&music());
    assert_eq!((outcome(&effect), acted(&effect).len()), (&missing("Flags"), 0));
    let effect = engine.handle(&flags(DOCKED));
    assert_eq!((effect.bits, effect.changed), (Bits { shift: 1, subshift: 4 }, true));
    assert_eq!(effect.log, ["in"]);
    let effect = engine.handle(&flags(DOCKED));
    assert!(!effect.changed, "the same again");
    assert_eq!(effect.log, ["in"], "it is asked and acts at every event");
    let effect = engine.handle(&flags(0));
    assert_eq!((effect.bits, effect.changed), (Bits { shift: 1, subshift: 0 }, true));
    assert_eq!(effect.log, ["out"]);
}

#[test]
fn source_and_event_say_what_a_rule_is_for() {
    let asked = |when: Value, event: &JournalEvent| {
        !engine(&json!([{ "when": when }])).handle(event).asked.is_empty()
    };
    assert!(asked(json!({ "source": "journal" }), &music()));
    assert!(!asked(json!({ "source": "journal" }), &flags(0)));
    assert!(asked(json!({ "source": ["dashboard", "journal"] }), &flags(0)));
    assert!(!asked(json!({ "source": ["capi", "capi_fleetcarrier"] }), &flags(0)));
    assert!(asked(json!({ "source": "any" }), &flags(0)));
    assert!(asked(json!({ "event": "Music" }), &music()));
    assert!(asked(json!({ "event": ["FSDJump", "Music"] }), &music()));
    assert!(!asked(json!({ "event": "music" }), &music()));
    assert!(asked(json!({}), &music()));
}
