//! A file of rules, in either format: which rules it holds, and what is wrong with the others.
use std::{collections::BTreeSet, fmt, sync::Arc};

use serde::Serialize;
use serde_json::Value;

use super::{
    first,
    place::{Place, RuleProblem, Wrong, line, unknown, written},
    third,
    tokens::{Bits, Numbering},
};

/// More rules are refused.
pub const MAX_RULES: usize = 1000;

/// Which of the published formats a file is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Conditions on flags, focus and fields.
    #[default]
    First,
    /// Conditions on signals.
    Third,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::Third => "third",
        })
    }
}

/// The rules of a file that make sense.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
}

impl Rules {
    /// How many there are, and how many of them are switched off.
    pub fn count(&self) -> (usize, usize) {
        (self.rules.len(), self.rules.iter().filter(|rule| !rule.enabled).count())
    }
    /// Those that are switched on.
    pub(super) fn enabled(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.enabled)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    pub(super) id: Arc<str>,
    enabled: bool,
    pub(super) when: When,
    pub(super) then: Arc<[Action]>,
    pub(super) otherwise: Arc<[Action]>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum When {
    First(first::When),
    Third(third::When),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Sets these bits.
    Set(Bits),
    /// Clears these bits.
    Clear(Bits),
    /// Says something.
    Log(String),
}

impl Action {
    /// The bits it sets or clears.
    pub(super) fn bits(&self) -> Bits {
        match self {
            Self::Set(bits) | Self::Clear(bits) => *bits,
            Self::Log(_) => Bits::default(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(bits) => write!(f, "set {bits}"),
            Self::Clear(bits) => write!(f, "clear {bits}"),
            Self::Log(text) => write!(f, "log {text:?}"),
        }
    }
}

/// What came of reading a file.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The format it was read in.
    pub format: Format,
    /// The rules that make sense.
    pub rules: Rules,
    /// What is wrong with the others, in their order.
    pub problems: Vec<RuleProblem>,
}

/// Reads a file of rules. A rule with a mistake in it does not stop the others.
///
/// # Errors
/// It is not a list of rules at all.
pub fn parse(text: &str, numbering: Numbering) -> Result<Parsed, RuleProblem> {
    let text = text.trim_start_matches('\u{feff}');
    let file: Value = serde_json::from_str(text).map_err(|e| RuleProblem {
        rule: None,
        path: String::new(),
        line: Some(e.line()),
        problem: format!("not JSON: {e}"),
    })?;
    let about_file = |Wrong { path, problem }| RuleProblem {
        rule: None,
        path: written(&path),
        line: line(text, &path),
        problem,
    };
    let places = list(&file).map_err(about_file)?;
    let format = detect(&places);
    let mut reading = Reading { format, numbering, taken: BTreeSet::new(), given: given(&places) };
    let mut parsed = Parsed { format, rules: Rules::default(), problems: Vec::new() };
    for (index, place) in places.iter().enumerate() {
        match reading.rule(index, place) {
            Ok(rule) => parsed.rules.rules.push(rule),
            Err(Wrong { path, problem }) => parsed.problems.push(RuleProblem {
                rule: Some(name(index, place)),
                path: written(&path[place.path.len()..]),
                line: line(text, &path),
                problem,
            }),
        }
    }
    Ok(parsed)
}

fn list(file: &Value) -> Result<Vec<Place<'_>>, Wrong> {
    let root = Place::root(file);
    let rules = match file {
        Value::Object(_) => root.key("rules").ok_or_else(|| root.wrong("has no `rules`"))?,
        _ => root,
    };
    let rules_in_it = rules.list()?;
    if rules_in_it.len() > MAX_RULES {
        return Err(rules.wrong(format!("more than {MAX_RULES} rules")));
    }
    Ok(rules_in_it)
}

/// What to call a rule that may not be one.
fn name(index: usize, place: &Place<'_>) -> String {
    let text = |key| place.key(key).and_then(|place| place.text().ok());
    text("id").or_else(|| text("title")).map_or(format!("number {}", index + 1), str::to_owned)
}

/// The first rule that could only be in one format decides.
fn detect(places: &[Place<'_>]) -> Format {
    places.iter().find_map(|place| mark(place.value)).unwrap_or_default()
}

fn mark(rule: &Value) -> Option<Format> {
    let when = &rule["when"];
    let blocks = ["all", "any"].into_iter().filter_map(|key| when[key].as_array()).flatten();
    let has = |value: &Value, keys: &[&str]| keys.iter().any(|key| value.get(key).is_some());
    let of_block = |block: &Value| match block {
        block if has(block, &["signal"]) => Some(Format::Third),
        block if has(block, &["flags", "flags2", "gui_focus", "field"]) => Some(Format::First),
        _ => None,
    };
    let of_when = has(when, &["source", "event"]).then_some(Format::First);
    let of_rule = has(rule, &["title"]).then_some(Format::Third);
    blocks.filter_map(of_block).next().or(of_when).or(of_rule)
}

/// The ids that rules give themselves.
fn given(places: &[Place<'_>]) -> BTreeSet<String> {
    let ids = places.iter().filter_map(|place| place.key("id")?.text().ok());
    ids.map(str::to_owned).collect()
}

struct Reading {
    format: Format,
    numbering: Numbering,
    /// Ids of the rules before.
    taken: BTreeSet<String>,
    given: BTreeSet<String>,
}

impl Reading {
    fn rule(&mut self, index: usize, place: &Place<'_>) -> Result<Rule, Wrong> {
        place.entries(&["id", "title", "enabled", "when", "then", "else"])?;
        let title = place.key("title").map(|title| title.text()).transpose()?;
        if title.is_none() && self.format == Format::Third {
            return Err(place.wrong("has no `title`"));
        }
        let enabled = place.key("enabled").map_or(Ok(true), |enabled| enabled.flag())?;
        let when = match self.format {
            Format::First => When::First(first::When::parse(place.key("when"))?),
            Format::Third => When::Third(third::When::parse(place.key("when"))?),
        };
        let then = self.actions(place.key("then"))?;
        let otherwise = self.actions(place.key("else"))?;
        // Last, so that a rule that is refused anyway takes no id.
        let id = self.id(index, title, place)?.into();
        Ok(Rule { id, enabled, when, then, otherwise })
    }
    fn id(
        &mut self,
        index: usize,
        title: Option<&str>,
        place: &Place<'_>,
    ) -> Result<String, Wrong> {
        let id = match place.key("id") {
            Some(given) => {
                let id = given.text()?.to_owned();
                if self.taken.contains(&id) {
                    return Err(given.wrong("a rule before has the same id"));
                }
                id
            }
            None => self.unused(&title.map_or(format!("rule-{index}"), slug)),
        };
        self.taken.insert(id.clone());
        Ok(id)
    }
    fn unused(&self, id: &str) -> String {
        let free = |id: &String| !self.taken.contains(id) && !self.given.contains(id);
        let numbered = (2..).map(|n| format!("{id}-{n}"));
        std::iter::once(id.to_owned()).chain(numbered).find(free).expect("numbers do not run out")
    }
    /// Both formats are read in both of their shapes: an object, or a list of objects in order.
    fn actions(&self, place: Option<Place<'_>>) -> Result<Arc<[Action]>, Wrong> {
        let Some(place) = place else { return Ok([].into()) };
        let list = if place.value.is_array() { place.list()? } else { vec![place] };
        let mut actions = Vec::new();
        for place in list {
            let key = place.key("type");
            actions.extend(match key {
                Some(kind) => vec![self.typed(&kind, &place)?],
                None => self.keyed(&place)?,
            });
        }
        Ok(actions.into())
    }
    /// `{"vkb_set_shift": ["Shift1"], "log": "on"}`
    fn keyed(&self, place: &Place<'_>) -> Result<Vec<Action>, Wrong> {
        let entries = place.entries(&KINDS)?;
        let actions = entries.iter().map(|(kind, value)| self.action(kind, value));
        let actions = actions.collect::<Result<Vec<_>, _>>()?;
        // Keys of an object have no order that one could go by.
        let bits = |set| actions.iter().filter(move |a| matches!(a, Action::Set(_)) == set);
        let sum = |set| bits(set).fold(Bits::default(), |sum, action| sum | action.bits());
        if !(sum(true) & sum(false)).is_empty() {
            return Err(place.wrong("sets and clears the same shift; which comes first?"));
        }
        Ok(actions)
    }
    /// `{"type": "vkb_set_shift", "tokens": ["Shift1"]}`
    fn typed(&self, kind: &Place<'_>, place: &Place<'_>) -> Result<Action, Wrong> {
        let name = kind.text()?;
        if !KINDS.contains(&name) {
            return Err(kind.wrong(unknown("action", name, KINDS.into_iter())));
        }
        let value = if name == "log" { "message" } else { "tokens" };
        place.entries(&["type", value])?;
        let missing = || place.wrong(format!("has no `{value}`"));
        self.action(name, &place.key(value).ok_or_else(missing)?)
    }
    fn action(&self, kind: &str, place: &Place<'_>) -> Result<Action, Wrong> {
        match kind {
            "log" => Ok(Action::Log(place.text()?.to_owned())),
            "vkb_set_shift" => self.bits(place).map(Action::Set),
            _ => self.bits(place).map(Action::Clear),
        }
    }
    fn bits(&self, place: &Place<'_>) -> Result<Bits, Wrong> {
        place.list()?.iter().try_fold(Bits::default(), |sum, token| {
            let bits = self.numbering.bits(token.text()?).map_err(|e| token.wrong(e))?;
            Ok(sum | bits)
        })
    }
}

const KINDS: [&str; 3] = ["vkb_set_shift", "vkb_clear_shift", "log"];

/// A title as an id: `Combat Mode` is `combat-mode`.
fn slug(title: &str) -> String {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    match words.map(str::to_lowercase).collect::<Vec<_>>().join("-") {
        empty if empty.is_empty() => "rule".to_owned(),
        slug => slug,
    }
}
