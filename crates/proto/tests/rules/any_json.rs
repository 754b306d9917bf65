//! Whatever JSON comes, as rules or as events, nothing panics.
use proptest::prelude::*;
use proto::vkb::rules::{Engine, Numbering, Reader, Source, parse};
use serde_json::{Map, Value, json};

/// Words of both formats and of the journal, so that chance gets past the first check.
const WORDS: &[&str] = &[
    "id",
    "title",
    "enabled",
    "when",
    "then",
    "else",
    "rules",
    "source",
    "event",
    "all",
    "any",
    "flags",
    "flags2",
    "gui_focus",
    "field",
    "all_of",
    "any_of",
    "none_of",
    "equals",
    "changed_to_true",
    "changed_to_false",
    "in",
    "changed_to",
    "name",
    "exists",
    "not_in",
    "contains",
    "gt",
    "gte",
    "lt",
    "lte",
    "changed",
    "log",
    "vkb_set_shift",
    "vkb_clear_shift",
    "type",
    "tokens",
    "message",
    "signal",
    "op",
    "value",
    "eq",
    "ne",
    "nin",
    "docked",
    "cargo_count",
    "body_name",
    "FlagsDocked",
    "Flags2OnFoot",
    "GuiFocusFSS",
    "Shift1",
    "Subshift7",
    "journal",
    "dashboard",
    "Status",
    "Flags",
    "Flags2",
    "GuiFocus",
    "Commander",
    "LoadGame",
    "Shutdown",
    "Fileheader",
    "Name",
    "part",
    "gameversion",
    "a.b",
    "",
    "é",
];

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(WORDS).prop_map(str::to_owned)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|pairs| Value::from(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A rule whose parts are right or arbitrary.
fn near_rule() -> impl Strategy<Value = Value> {
    let block = prop_oneof![
        any_json(),
        any_json().prop_map(|v| json!({ "flags": { "all_of": v } })),
        Just(json!({ "flags": { "changed_to_true": ["Docked"] } })),
        any_json()
            .prop_map(|v| json!({ "field": { "name": "Flags", "equals": v, "changed": true } })),
        any_json().prop_map(|v| json!({ "signal": "docked", "op": "eq", "value": v })),
        Just(json!({ "signal": "cargo_count", "op": "gt", "value": 1 })),
    ];
    let action = prop_oneof![any_json(), Just(json!({ "vkb_set_shift": ["Shift1"] }))];
    (prop::collection::vec(block, 0..3), action, any::<bool>()).prop_map(|(all, action, titled)| {
        let mut rule = json!({ "when": { "all": all }, "then": action });
        if titled {
            rule["title"] = "T".into();
        }
        rule
    })
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![Just(Source::Journal), Just(Source::Dashboard)]
}

/// Reads the rules, shows them the events, and reads them again.
fn run(rules: &str, events: &[(Source, String)]) {
    let Ok(parsed) = parse(rules, Numbering::First) else { return };
    for problem in &parsed.problems {
        assert!(problem.line.is_some(), "{problem}");
    }
    let mut engine = Engine::new(parsed.rules.clone());
    let mut reader = Reader::default();
    for (source, line) in events {
        if let Ok(event) = reader.read(*source, line) {
            let effect = engine.handle(&event);
            assert_eq!(effect.bits, engine.bits());
        }
    }
    engine.reload(parsed.rules);
}

proptest! {
    #[test]
    fn no_json_panics_the_parser_or_the_engine(
        rules in prop_oneof![
            any_json(),
            prop::collection::vec(near_rule(), 0..5).prop_map(Value::from),
        ],
        events in prop::collection::vec(
            (source(), word(), any_json()).prop_map(|(source, name, data)| {
                let mut event = if data.is_object() { data } else { json!({ "Flags": data }) };
                event["event"] = name.into();
                (source, event.to_string())
            }),
            0..8,
        ),
    ) {
        run(&rules.to_string(), &events);
    }

    #[test]
    fn no_text_panics_the_parser_or_the_reader(text in ".*", line in ".*") {
        run(&text, &[(Source::Journal, line.clone()), (Source::Dashboard, line)]);
    }
}
