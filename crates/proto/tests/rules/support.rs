//! Engines from rules, events from JSON.
use proto::vkb::rules::{Effect, Engine, JournalEvent, Numbering, Outcome, Rules, Source, parse};
use serde_json::{Value, json};

pub(crate) const DOCKED: u32 = 1;
pub(crate) const LANDED: u32 = 1 << 1;
pub(crate) const GEAR: u32 = 1 << 2;

pub(crate) fn rules(rules: &Value) -> Rules {
    let parsed = parse(&rules.to_string(), Numbering::Current).expect("a list of rules");
    assert_eq!(parsed.problems, [], "{rules}");
    parsed.rules
}

pub(crate) fn engine(list: &Value) -> Engine {
    Engine::new(rules(list))
}

/// The one thing that is wrong with these rules.
pub(crate) fn problem(rules: &Value) -> String {
    let parsed = parse(&rules.to_string(), Numbering::Current).expect("a list of rules");
    let [problem] = &parsed.problems[..] else { panic!("one problem: {:?}", parsed.problems) };
    problem.to_string()
}

pub(crate) fn event(source: Source, data: Value) -> JournalEvent {
    let Value::Object(data) = data else { panic!("an object: {data}") };
    let name = data["event"].as_str().expect("it has a name").to_owned();
    JournalEvent { source, name, commander: Some("Ada".into()), beta: false, data }
}

/// `Status.json` with these keys.
pub(crate) fn status(mut data: Value) -> JournalEvent {
    data["event"] = "Status".into();
    event(Source::Dashboard, data)
}

pub(crate) fn flags(flags: u32) -> JournalEvent {
    status(json!({ "Flags": flags }))
}

pub(crate) fn focus(focus: u64) -> JournalEvent {
    status(json!({ "GuiFocus": focus }))
}

/// A line of the journal with these keys.
pub(crate) fn journal(name: &str, mut data: Value) -> JournalEvent {
    data["event"] = name.into();
    event(Source::Journal, data)
}

pub(crate) fn music() -> JournalEvent {
    journal("Music", json!({ "MusicTrack": "Supercruise" }))
}

/// What came of asking the only rule.
pub(crate) fn outcome(effect: &Effect) -> &Outcome {
    let [asked] = &effect.asked[..] else { panic!("one rule is asked: {effect:?}") };
    &asked.outcome
}

pub(crate) fn missing(what: &str) -> Outcome {
    Outcome::Indeterminate { missing: what.into() }
}

/// The ids of the rules that did something.
pub(crate) fn acted(effect: &Effect) -> Vec<&str> {
    let acted = effect.asked.iter().filter(|asked| !asked.did.is_empty());
    acted.map(|asked| &*asked.rule).collect()
}
