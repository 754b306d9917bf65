//! Files of rules: which format they are in, and where exactly they are wrong.
use proto::vkb::rules::{Engine, Format, MAX_RULES, Numbering, parse};
use serde_json::{Value, json};

use crate::support::*;

fn format(rules: &Value) -> Format {
    parse(&rules.to_string(), Numbering::Current).unwrap().format
}

fn when(block: Value) -> Value {
    json!([{ "id": "r", "when": { "all": [block] } }])
}

fn condition(signal: &str, op: &str, value: Value) -> Value {
    json!([{ "title": "R", "when": { "all": [{ "signal": signal, "op": op, "value": value }] } }])
}

#[test]
fn the_format_is_told_by_what_only_one_of_them_has() {
    assert_eq!(format(&json!([])), Format::First);
    assert_eq!(format(&json!([{ "id": "a", "when": { "source": "any" } }])), Format::First);
    assert_eq!(format(&when(json!({ "gui_focus": { "equals": 1 } }))), Format::First);
    assert_eq!(format(&json!([{ "title": "A" }])), Format::Third);
    assert_eq!(format(&json!([5, {}, { "when": { "any": [{ "signal": "" }] } }])), Format::Third);
    let titled = json!([{ "title": "A", "when": { "event": "FSDJump" } }]);
    assert_eq!(format(&titled), Format::First, "the later one has no events");
}

#[test]
fn a_list_may_stand_alone_or_under_rules() {
    for list in [json!([{ "title": "A" }]), json!([{ "id": "a" }])] {
        assert_eq!(rules(&list).count(), (1, 0));
        assert_eq!(rules(&json!({ "rules": list })).count(), (1, 0));
    }
    assert_eq!(parse("\u{feff}[]", Numbering::Current).unwrap().rules.count(), (0, 0));
}

#[test]
fn what_is_no_list_of_rules_is_refused_whole() {
    let problem = |text: &str| parse(text, Numbering::Current).unwrap_err().to_string();
    assert!(problem("[\n{\"id\": }]").starts_with("line 2: not JSON"));
    assert!(problem("").contains("not JSON"));
    assert!(problem("5").contains("must be a list"));
    assert!(problem("{}").contains("has no `rules`"));
    assert!(problem("{\n\"rules\": 5}").starts_with("line 2: rules: must be a list"));
    let many = Value::from(vec![json!({}); MAX_RULES + 1]);
    assert!(problem(&many.to_string()).contains("more than 1000 rules"));
}

#[test]
fn a_wrong_rule_is_told_with_rule_key_and_line_and_the_others_go_on() {
    let text = r#"[
  {"id": "good", "when": {"event": "Music"}, "then": {"log": "still here"}},
  {"id": "bad", "when": {"all": [
    {"flags": {
      "all_of": ["FlagsDocked",
        "FlagsDockt"]
    }}
  ]}},
  {"title": "Also bad", "then": {"vkb_set_shift": ["Shift9"]}},
  17
]"#;
    let parsed = parse(text, Numbering::Current).unwrap();
    let [one, two, three] = &parsed.problems[..] else { panic!("{:?}", parsed.problems) };
    assert_eq!(one.rule.as_deref(), Some("bad"));
    assert_eq!(one.path, "when.all[0].flags.all_of[1]");
    assert_eq!(one.line, Some(6));
    assert_eq!((two.rule.as_deref(), two.line), (Some("Also bad"), Some(9)));
    assert!(two.problem.contains("no token `Shift9`"));
    assert_eq!((three.rule.as_deref(), three.line), (Some("number 4"), Some(10)));
    assert_eq!(Engine::new(parsed.rules).handle(&music()).log, ["still here"]);
}

#[test]
fn every_mistake_in_the_first_format_is_told() {
    let flags = |tests: Value| problem(&when(json!({ "flags": tests })));
    assert!(flags(json!({})).contains("asks nothing"));
    assert!(flags(json!({ "all_off": ["FlagsDocked"] })).contains("did you mean `all_of`?"));
    assert!(flags(json!({ "all_of": "FlagsDocked" })).contains("must be a list"));
    assert!(flags(json!({ "all_of": [] })).contains("is empty"));
    assert!(flags(json!({ "all_of": [5] })).contains("must be text"));
    assert!(flags(json!({ "equals": { "FlagsDocked": 1 } })).contains("true or false"));
    assert!(flags(json!({ "equals": {} })).contains("asks nothing"));
    assert!(flags(json!({ "all_of": ["Flags2OnFoot"] })).contains("no flag of Flags"));
    let focus = |tests: Value| problem(&when(json!({ "gui_focus": tests })));
    assert!(focus(json!({ "equals": "GuiFocusGalaxMap" })).contains("`GuiFocusGalaxyMap`?"));
    assert!(focus(json!({ "in": 5 })).contains("must be a list"));
    let field = |tests: Value| problem(&when(json!({ "field": tests })));
    assert!(field(json!({ "equals": 1 })).contains("no `name`"));
    assert!(field(json!({ "name": "a", "gt": "1" })).contains("must be a number"));
    assert!(field(json!({ "name": "a", "exists": 1 })).contains("true or false"));
    assert!(field(json!({ "name": "a", "exists": false, "gt": 1 })).contains("no value to test"));
    let block = |block: Value| problem(&when(block));
    assert!(block(json!({})).contains("must have one of"));
    assert!(block(json!({ "flags": {}, "field": {} })).contains("must have one of"));
    assert!(block(json!({ "flag": {} })).contains("did you mean `flags`?"));
    let rule = |rule: Value| problem(&json!([rule]));
    assert!(rule(json!({ "when": { "source": "dashbord" } })).contains("there are journal"));
    assert!(rule(json!({ "when": { "event": [] } })).contains("asks nothing"));
    assert!(rule(json!({ "when": [] })).contains("must be an object"));
    assert!(rule(json!({ "esle": {} })).contains("did you mean `else`?"));
    assert!(rule(json!({ "enabled": "yes" })).contains("true or false"));
}

#[test]
fn every_mistake_in_the_later_format_is_told() {
    let wrong = |signal, op, value| problem(&condition(signal, op, value));
    assert!(wrong("docked", "equals", json!(true)).contains("no operator `equals`"));
    assert!(wrong("docked", "eq", Value::Null).contains("needs a `value`"));
    assert!(wrong("docked", "eq", json!("maybe")).contains("true or false"));
    assert!(wrong("docked", "lt", json!(true)).contains("does not fit"));
    assert!(wrong("docked", "contains", json!("x")).contains("does not fit"));
    assert!(wrong("docked", "exists", json!(false)).contains("takes no value"));
    assert!(wrong("gui_focus", "in", json!("FSS")).contains("must be a list"));
    assert!(wrong("gui_focus", "nin", json!(["FFS"])).contains("one of NoFocus"));
    assert!(wrong("gui_focus", "gt", json!(1)).contains("does not fit"));
    assert!(wrong("cargo_count", "gte", json!("many")).contains("a number"));
    assert!(wrong("cargo_count", "contains", json!(1)).contains("does not fit"));
    assert!(wrong("body_name", "eq", json!(1)).contains("text"));
    let rule = |rule: Value| problem(&json!([{ "title": "Marks the format" }, rule]));
    assert!(rule(json!({ "id": "x" })).contains("has no `title`"));
    assert!(rule(json!({ "title": " " })).contains("must be text"));
    let all = |condition: Value| rule(json!({ "title": "R", "when": { "all": [condition] } }));
    assert!(all(json!({ "op": "eq" })).contains("has no `signal`"));
    assert!(all(json!({ "signal": "docked" })).contains("has no `op`"));
    assert!(all(json!({ "flags": {} })).contains("no key `flags`"));
}

#[test]
fn every_mistake_in_actions_is_told() {
    for key in ["then", "else"] {
        let wrong = |actions: Value| problem(&json!([{ "id": "r", key: actions }]));
        assert!(wrong(json!({ "vkb_set_shift": "Shift1" })).contains("must be a list"));
        assert!(wrong(json!({ "vkb_set_shift": [1] })).contains("must be text"));
        assert!(wrong(json!({ "vkb_set_shift": ["Shift1", "abc"] })).contains("no token `abc`"));
        assert!(wrong(json!({ "vkb_do_magic": [] })).contains("no key `vkb_do_magic`"));
        assert!(wrong(json!({ "log": 5 })).contains("must be text"));
        assert!(wrong(json!("log")).contains("must be an object"));
        let both = json!({ "vkb_set_shift": ["Shift1"], "vkb_clear_shift": ["Shift1"] });
        assert!(wrong(both).contains("which comes first?"));
        assert!(wrong(json!([{ "type": "lgo" }])).contains("no action `lgo`"));
        assert!(wrong(json!([{ "type": "log" }])).contains("has no `message`"));
        assert!(wrong(json!([{ "type": "log", "tokens": [] }])).contains("no key `tokens`"));
    }
}

#[test]
fn a_rule_has_an_id_of_its_own() {
    let ids = |list: &Value| {
        let asked = engine(list).handle(&music()).asked;
        asked.iter().map(|asked| asked.rule.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&json!([{}, { "id": "x" }, {}])), ["rule-0", "x", "rule-2"]);
    let titled = json!([
        { "title": "Combat Mode!" },
        { "title": "combat mode" },
        { "title": "Mine", "id": "combat-mode-3" },
        { "title": "Combat-Mode" },
        { "title": "?!" },
    ]);
    let expected = ["combat-mode", "combat-mode-2", "combat-mode-3", "combat-mode-4", "rule"];
    assert_eq!(ids(&titled), expected);
    assert!(problem(&json!([{ "id": "x" }, { "id": "x" }])).contains("same id"));
}

#[test]
fn the_numbering_decides_which_bit_a_token_is() {
    let text = r#"[{ "then": { "vkb_set_shift": ["Shift1", "Subshift1"] } }]"#;
    for (numbering, bit) in [(Numbering::Current, 1), (Numbering::First, 2)] {
        let mut engine = Engine::new(parse(text, numbering).unwrap().rules);
        let bits = engine.handle(&music()).bits;
        assert_eq!((bits.shift, bits.subshift), (bit, bit));
    }
}

#[test]
fn remarks_are_left_alone() {
    let list = json!([{ "_note": 1, "comment": "x", "description": "y", "id": "a" }]);
    assert_eq!(rules(&list).count(), (1, 0));
}
