//! The later format: every operator, every outcome, and acting on the edge.
use proto::vkb::rules::{Bits, JournalEvent, Outcome};
use serde_json::{Value, json};

use crate::support::*;

fn rule(when: &Value) -> Value {
    json!([{
        "title": "Rule", "when": when,
        "then": [{ "vkb_set_shift": ["Shift1"] }, { "log": "then" }],
        "else": [{ "vkb_clear_shift": ["Shift1"] }, { "log": "else" }],
    }])
}

fn ask(signal: &str, op: &str, value: Value, event: &JournalEvent) -> Outcome {
    let mut condition = json!({ "signal": signal, "op": op });
    if !value.is_null() {
        condition["value"] = value;
    }
    outcome(&engine(&rule(&json!({ "all": [condition] }))).handle(event)).clone()
}

#[test]
fn each_operator_tells_yes_from_no() {
    let jameson =
        || status(json!({ "BodyName": "Jameson", "GuiFocus": 6, "Cargo": 5, "Flags": 1 }));
    let cases = [
        ("gui_focus", "eq", json!("GalaxyMap"), json!("FSS")),
        ("docked", "eq", json!(true), json!(false)),
        ("cargo_count", "eq", json!(5.0), json!(6)),
        ("gui_focus", "ne", json!("FSS"), json!("GalaxyMap")),
        ("gui_focus", "in", json!(["FSS", "GalaxyMap"]), json!(["FSS"])),
        ("gui_focus", "nin", json!(["FSS"]), json!(["FSS", "GalaxyMap"])),
        ("cargo_count", "lt", json!(6), json!(5)),
        ("cargo_count", "lte", json!(5), json!(4)),
        ("cargo_count", "gt", json!(4.5), json!(5)),
        ("cargo_count", "gte", json!(5), json!(5.5)),
        ("body_name", "contains", json!("James"), json!("Hutton")),
        ("gui_focus", "contains", json!("Map"), json!("Panel")),
    ];
    for (signal, op, yes, no) in cases {
        assert_eq!(ask(signal, op, yes, &jameson()), Outcome::Match, "{signal} {op}");
        assert_eq!(ask(signal, op, no, &jameson()), Outcome::NoMatch, "{signal} {op}");
    }
    assert_eq!(ask("altitude", "exists", Value::Null, &jameson()), Outcome::NoMatch);
    assert_eq!(ask("body_name", "exists", Value::Null, &jameson()), Outcome::Match);
}

#[test]
fn the_words_of_a_switch_and_its_truth_are_the_same() {
    for down in [json!(true), json!("down"), json!("deployed")] {
        assert_eq!(ask("landing_gear", "eq", down.clone(), &flags(GEAR)), Outcome::Match);
        assert_eq!(ask("landing_gear", "eq", down, &flags(0)), Outcome::NoMatch);
    }
}

#[test]
fn all_and_any_must_both_hold() {
    let is = |signal: &str| json!({ "signal": signal, "op": "eq", "value": true });
    let when = json!({ "all": [is("gear_down")], "any": [is("docked"), is("landed")] });
    let ask = |bits| outcome(&engine(&rule(&when)).handle(&flags(bits))).clone();
    assert_eq!(ask(GEAR | LANDED), Outcome::Match);
    assert_eq!(ask(GEAR), Outcome::NoMatch);
    assert_eq!(ask(LANDED), Outcome::NoMatch);
}

#[test]
fn a_rule_without_conditions_holds() {
    let mut engine = engine(&json!([{ "title": "Hello", "then": [{ "log": "hello" }] }]));
    assert_eq!(engine.handle(&music()).log, ["hello"]);
    assert!(engine.handle(&music()).log.is_empty());
}

#[test]
fn it_acts_when_it_turns_and_once_at_first() {
    let docked = json!({ "all": [{ "signal": "docked", "op": "eq", "value": true }] });
    let mut told = Vec::new();
    let mut engine = engine(&rule(&docked));
    for bits in [0, DOCKED, DOCKED, 0, 0, DOCKED] {
        told.push(engine.handle(&flags(bits)).log.concat());
    }
    assert_eq!(told, ["else", "then", "", "else", "", "then"]);
}

#[test]
fn an_unknown_signal_leaves_a_rule_as_it_was() {
    let docked = json!({ "all": [{ "signal": "docked", "op": "eq", "value": true }] });
    let mut engine = engine(&rule(&docked));
    engine.handle(&flags(DOCKED));
    let effect = engine.handle(&status(json!({})));
    assert_eq!((outcome(&effect), &effect.log[..]), (&missing("docked"), &[][..]));
    assert_eq!(effect.bits, Bits { shift: 1, subshift: 0 });
    assert!(engine.handle(&flags(DOCKED)).log.is_empty(), "it has not turned");
    assert_eq!(engine.handle(&flags(0)).log, ["else"]);
}

#[test]
fn one_unknown_signal_leaves_the_whole_rule_open() {
    let is = |signal: &str| json!({ "signal": signal, "op": "eq", "value": true });
    let when = json!({ "any": [is("docked"), is("on_foot")] });
    let effect = engine(&rule(&when)).handle(&flags(DOCKED));
    assert_eq!(outcome(&effect), &missing("on_foot"));
}

#[test]
fn actions_are_done_in_their_order_and_read_in_both_shapes() {
    let mut engine = engine(&json!([{
        "title": "Order",
        "then": [
            { "type": "vkb_set_shift", "tokens": ["Shift1", "Shift2"] },
            { "vkb_clear_shift": ["Shift1"] },
            { "type": "log", "message": "one" },
            { "log": "two" },
        ],
    }]));
    let effect = engine.handle(&music());
    assert_eq!(effect.bits, Bits { shift: 2, subshift: 0 });
    assert_eq!(effect.log, ["one", "two"]);
}

#[test]
fn it_sees_the_last_status_at_events_of_the_journal() {
    let docked = json!({ "all": [{ "signal": "docked", "op": "eq", "value": true }] });
    let mut engine = engine(&rule(&docked));
    assert_eq!(outcome(&engine.handle(&music())), &missing("docked"));
    engine.handle(&flags(DOCKED));
    assert_eq!(outcome(&engine.handle(&music())), &Outcome::Match);
}
