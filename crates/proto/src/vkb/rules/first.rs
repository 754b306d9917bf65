//! The first published format: conditions on flags, focus and fields of an event, asked anew at each
//! event they are meant for.
use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    compare::{self, Missing, Order, Truth},
    event::{JournalEvent, Source},
    place::{Place, Wrong, unknown},
    status::{self, Known, Word},
};

/// When a rule holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct When {
    /// None takes any.
    sources: Option<Vec<Source>>,
    /// None takes any.
    events: Option<Vec<String>>,
    all: Vec<Block>,
    any: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq)]
enum Block {
    Flags(Word, Vec<FlagTest>),
    Focus(Vec<FocusTest>),
    Field { path: String, exists: Option<bool>, tests: Vec<FieldTest> },
}

#[derive(Clone, Debug, PartialEq)]
enum FlagTest {
    AllOf(u32),
    AnyOf(u32),
    NoneOf(u32),
    Equals { mask: u32, bits: u32 },
    ChangedToTrue(u32),
    ChangedToFalse(u32),
}

#[derive(Clone, Debug, PartialEq)]
enum FocusTest {
    In(Vec<u64>),
    ChangedTo(u64),
}

#[derive(Clone, Debug, PartialEq)]
enum FieldTest {
    Equals(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Contains(Value),
    Compare(Order, f64),
    Changed(bool),
    ChangedTo(Value),
}

/// What a rule can look at.
pub(super) struct Scene<'a> {
    pub(super) event: &'a JournalEvent,
    /// The status before the event.
    pub(super) before: Known,
    /// The status now.
    pub(super) now: Known,
    /// Fields as this rule saw them last.
    pub(super) last: Option<&'a BTreeMap<String, Value>>,
}

impl When {
    pub(super) fn parse(when: Option<Place<'_>>) -> Result<Self, Wrong> {
        let mut parsed = Self { sources: None, events: None, all: Vec::new(), any: Vec::new() };
        let Some(when) = when else { return Ok(parsed) };
        for (key, place) in when.entries(&["source", "event", "all", "any"])? {
            match key {
                _ if place.value.is_null() => {}
                "source" => parsed.sources = sources(&place)?,
                "event" => parsed.events = Some(names(&place)?),
                "all" => parsed.all = blocks(&place)?,
                _ => parsed.any = blocks(&place)?,
            }
        }
        Ok(parsed)
    }
    /// Is the rule meant for such events? One that is not has no outcome at all.
    pub(super) fn is_for(&self, event: &JournalEvent) -> bool {
        self.sources.as_ref().is_none_or(|sources| sources.contains(&event.source))
            && self.events.as_ref().is_none_or(|events| events.contains(&event.name))
    }
    /// It names the events it is for.
    pub(super) fn names_events(&self) -> bool {
        self.events.is_some()
    }
    pub(super) fn ask(&self, scene: &Scene<'_>) -> Truth {
        let every = compare::all(self.all.iter().map(|block| block.ask(scene)));
        if self.any.is_empty() {
            return every;
        }
        compare::all([every, compare::any(self.any.iter().map(|block| block.ask(scene)))])
    }
    /// The fields to remember for the next time.
    pub(super) fn watched(&self) -> impl Iterator<Item = &str> {
        self.all.iter().chain(&self.any).filter_map(|block| match block {
            Block::Field { path, tests, .. } if tests.iter().any(FieldTest::looks_back) => {
                Some(path.as_str())
            }
            Block::Field { .. } | Block::Flags(..) | Block::Focus(_) => None,
        })
    }
}

/// One text, or a list of them.
fn names(place: &Place<'_>) -> Result<Vec<String>, Wrong> {
    if place.value.is_array() {
        return place.some()?.iter().map(|name| Ok(name.text()?.to_owned())).collect();
    }
    Ok(vec![place.text()?.to_owned()])
}

fn sources(place: &Place<'_>) -> Result<Option<Vec<Source>>, Wrong> {
    let names = names(place)?;
    if names.iter().any(|name| name == "any") {
        return Ok(None);
    }
    let sources = names.iter().map(|name| name.parse().map_err(|e: String| place.wrong(e)));
    sources.collect::<Result<_, _>>().map(Some)
}

fn blocks(place: &Place<'_>) -> Result<Vec<Block>, Wrong> {
    place.list()?.iter().map(Block::parse).collect()
}

impl Block {
    fn parse(place: &Place<'_>) -> Result<Self, Wrong> {
        let entries = place.entries(&["flags", "flags2", "gui_focus", "field"])?;
        let [(key, inner)] = &entries[..] else {
            return Err(place.wrong("must have one of flags, flags2, gui_focus and field"));
        };
        match *key {
            "flags" => Ok(Self::Flags(Word::Flags, flag_tests(Word::Flags, inner)?)),
            "flags2" => Ok(Self::Flags(Word::Flags2, flag_tests(Word::Flags2, inner)?)),
            "gui_focus" => Ok(Self::Focus(focus_tests(inner)?)),
            _ => Self::field(inner),
        }
    }
    fn field(place: &Place<'_>) -> Result<Self, Wrong> {
        let known = [
            "name",
            "exists",
            "equals",
            "in",
            "not_in",
            "contains",
            "gt",
            "gte",
            "lt",
            "lte",
            "changed",
            "changed_to",
        ];
        let entries = place.entries(&known)?;
        let name = place.key("name").ok_or_else(|| place.wrong("has no `name`"))?;
        let exists = place.key("exists").map(|exists| exists.flag()).transpose()?;
        let tests = entries.iter().filter(|(key, _)| !matches!(*key, "name" | "exists"));
        let tests = tests.map(|(key, value)| FieldTest::parse(key, value));
        let tests = tests.collect::<Result<Vec<_>, _>>()?;
        if exists == Some(false) && !tests.is_empty() {
            return Err(place.wrong("a field that must not exist has no value to test"));
        }
        Ok(Self::Field { path: name.text()?.to_owned(), exists, tests })
    }
    fn ask(&self, scene: &Scene<'_>) -> Truth {
        match self {
            Self::Flags(word, tests) => {
                let missing = || Missing(word.name().to_owned());
                let now = scene.now.word(*word).ok_or_else(missing)?;
                let before = scene.before.word(*word);
                compare::all(tests.iter().map(|test| test.ask(now, before).ok_or_else(missing)))
            }
            Self::Focus(tests) => {
                let missing = || Missing("GuiFocus".to_owned());
                let now = scene.now.focus.ok_or_else(missing)?;
                let before = scene.before.focus;
                compare::all(tests.iter().map(|test| test.ask(now, before).ok_or_else(missing)))
            }
            Self::Field { path, exists, tests } => {
                let value = status::at(&scene.event.data, path);
                match (value, exists) {
                    (value, Some(exists)) if value.is_some() != *exists => Ok(false),
                    (None, Some(_)) => Ok(true),
                    (None, None) => Err(Missing(path.clone())),
                    (Some(value), _) => {
                        let last = scene.last.and_then(|last| last.get(path));
                        let missing = || Missing(format!("a comparable {path}"));
                        let ask = |test: &FieldTest| test.ask(value, last).ok_or_else(missing);
                        compare::all(tests.iter().map(ask))
                    }
                }
            }
        }
    }
}

/// Flags in a list of names.
fn mask(word: Word, place: &Place<'_>) -> Result<u32, Wrong> {
    place.some()?.iter().try_fold(0, |mask, name| Ok(mask | bit(word, name, name.text()?)?))
}

fn bit(word: Word, place: &Place<'_>, name: &str) -> Result<u32, Wrong> {
    word.mask(name).ok_or_else(|| {
        let flags: Vec<_> =
            word.names().iter().map(|n| format!("{}{}", word.name(), n[0])).collect();
        place.wrong(unknown(
            &format!("flag of {}", word.name()),
            name,
            flags.iter().map(String::as_str),
        ))
    })
}

fn flag_tests(word: Word, place: &Place<'_>) -> Result<Vec<FlagTest>, Wrong> {
    let known = ["all_of", "any_of", "none_of", "equals", "changed_to_true", "changed_to_false"];
    let entries = place.entries(&known)?;
    if entries.is_empty() {
        return Err(place.wrong(format!("asks nothing; there are {}", known.join(", "))));
    }
    let parse = |(key, place): &(&str, Place<'_>)| match *key {
        "all_of" => mask(word, place).map(FlagTest::AllOf),
        "any_of" => mask(word, place).map(FlagTest::AnyOf),
        "none_of" => mask(word, place).map(FlagTest::NoneOf),
        "equals" => flag_values(word, place),
        "changed_to_true" => mask(word, place).map(FlagTest::ChangedToTrue),
        _ => mask(word, place).map(FlagTest::ChangedToFalse),
    };
    entries.iter().map(parse).collect()
}

fn flag_values(word: Word, place: &Place<'_>) -> Result<FlagTest, Wrong> {
    let Value::Object(object) = place.value else {
        return Err(place.wrong("must be an object like {\"FlagsDocked\": true}"));
    };
    let (mut mask, mut bits) = (0, 0);
    for name in object.keys() {
        let value = place.key(name).ok_or_else(|| place.wrong(format!("`{name}` is null")))?;
        let bit = bit(word, &value, name)?;
        mask |= bit;
        bits |= if value.flag()? { bit } else { 0 };
    }
    if mask == 0 {
        return Err(place.wrong("is empty, so it asks nothing"));
    }
    Ok(FlagTest::Equals { mask, bits })
}

fn focus_tests(place: &Place<'_>) -> Result<Vec<FocusTest>, Wrong> {
    let known = ["equals", "in", "changed_to"];
    let entries = place.entries(&known)?;
    if entries.is_empty() {
        return Err(place.wrong(format!("asks nothing; there are {}", known.join(", "))));
    }
    let parse = |(key, place): &(&str, Place<'_>)| match *key {
        "equals" => Ok(FocusTest::In(vec![focus(place)?])),
        "in" => place.some()?.iter().map(focus).collect::<Result<_, _>>().map(FocusTest::In),
        _ => focus(place).map(FocusTest::ChangedTo),
    };
    entries.iter().map(parse).collect()
}

/// A focus by its name or its number.
fn focus(place: &Place<'_>) -> Result<u64, Wrong> {
    if let Some(number) = place.value.as_u64() {
        return Ok(number);
    }
    let name = place.text()?;
    status::focus(name).ok_or_else(|| {
        let names: Vec<_> = status::FOCUS.iter().map(|name| format!("GuiFocus{name}")).collect();
        place.wrong(unknown("focus", name, names.iter().map(String::as_str)))
    })
}

impl FlagTest {
    /// None: it takes the word before, and that is not known.
    fn ask(&self, now: u32, before: Option<u32>) -> Option<bool> {
        match *self {
            Self::AllOf(mask) => Some(now & mask == mask),
            Self::AnyOf(mask) => Some(now & mask != 0),
            Self::NoneOf(mask) => Some(now & mask == 0),
            Self::Equals { mask, bits } => Some(now & mask == bits),
            Self::ChangedToTrue(mask) => changed(now & mask == mask, before.map(|b| b & mask == 0)),
            Self::ChangedToFalse(mask) => {
                changed(now & mask == 0, before.map(|b| b & mask == mask))
            }
        }
    }
}

impl FocusTest {
    fn ask(&self, now: u64, before: Option<u64>) -> Option<bool> {
        match self {
            Self::In(wanted) => Some(wanted.contains(&now)),
            Self::ChangedTo(wanted) => changed(now == *wanted, before.map(|b| b != *wanted)),
        }
    }
}

impl FieldTest {
    fn parse(key: &str, place: &Place<'_>) -> Result<Self, Wrong> {
        let values = || Ok(place.list()?.into_iter().map(|place| place.value.clone()).collect());
        if let Some(order) = Order::find(key) {
            return Ok(Self::Compare(order, place.number()?));
        }
        match key {
            "in" => values().map(Self::In),
            "not_in" => values().map(Self::NotIn),
            "contains" => Ok(Self::Contains(place.value.clone())),
            "changed" => Ok(Self::Changed(place.flag()?)),
            "changed_to" => Ok(Self::ChangedTo(place.value.clone())),
            _ => Ok(Self::Equals(place.value.clone())),
        }
    }
    fn looks_back(&self) -> bool {
        matches!(self, Self::Changed(_) | Self::ChangedTo(_))
    }
    /// None: the value is of another kind, or there is none from before.
    fn ask(&self, value: &Value, last: Option<&Value>) -> Option<bool> {
        match self {
            Self::Equals(wanted) => Some(compare::same(value, wanted)),
            Self::In(list) => Some(compare::one_of(value, list)),
            Self::NotIn(list) => Some(!compare::one_of(value, list)),
            Self::Contains(wanted) => Some(compare::contains(value, wanted)),
            Self::Compare(order, limit) => Some(order.holds(value.as_f64()?, *limit)),
            Self::Changed(wanted) => Some(compare::same(value, last?) != *wanted),
            Self::ChangedTo(wanted) => {
                let other = last.map(|last| !compare::same(last, wanted));
                changed(compare::same(value, wanted), other)
            }
        }
    }
}

/// It is so now and was not before. What was before matters only if it is so now.
fn changed(now: bool, was_other: Option<bool>) -> Option<bool> {
    if now { was_other } else { Some(false) }
}
