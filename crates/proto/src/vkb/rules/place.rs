//! JSON read with a finger on the place, so that a problem can name its key and its line.
use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::{Value, value::RawValue};

/// What is wrong with a rule, or with a whole file of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct RuleProblem {
    /// The rule's id, or its title, or its number; none if it is about the file.
    pub rule: Option<String>,
    /// The key it is about, from the rule on: `when.all[0].flags`.
    pub path: String,
    /// The line it is on, from 1, where that is known.
    pub line: Option<usize>,
    /// What is wrong, and what there is instead.
    pub problem: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, "rule `{rule}`: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.problem)
    }
}

/// One step on the way into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// What is wrong at a place.
#[derive(Debug, PartialEq)]
pub(super) struct Wrong {
    pub(super) path: Vec<Step>,
    pub(super) problem: String,
}

/// A value, and the way to it.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub(super) value: &'a Value,
    pub(super) path: Vec<Step>,
}

impl<'a> Place<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: Vec::new() }
    }
    fn inside(&self, value: &'a Value, step: Step) -> Self {
        let mut path = self.path.clone();
        path.push(step);
        Self { value, path }
    }
    /// What is under a key; null is as good as nothing.
    pub(super) fn key(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.inside(value, Step::Key(key.to_owned())))
    }
    pub(super) fn wrong(&self, problem: impl Into<String>) -> Wrong {
        Wrong { path: self.path.clone(), problem: problem.into() }
    }
    /// The keys of an object, which may only have these; some are for people, and those are left out.
    pub(super) fn entries(&self, known: &[&str]) -> Result<Vec<(&'a str, Self)>, Wrong> {
        let Value::Object(object) = self.value else {
            return Err(self.wrong("must be an object"));
        };
        let mut entries = Vec::new();
        for (key, value) in object {
            let place = self.inside(value, Step::Key(key.clone()));
            if known.contains(&key.as_str()) {
                entries.push((key.as_str(), place));
            } else if !is_remark(key) {
                let known = known.iter().copied();
                return Err(place.wrong(unknown("key", key, known)));
            }
        }
        Ok(entries)
    }
    pub(super) fn list(&self) -> Result<Vec<Self>, Wrong> {
        let Value::Array(list) = self.value else {
            return Err(self.wrong("must be a list in [ ]"));
        };
        let place = |(index, value)| self.inside(value, Step::Index(index));
        Ok(list.iter().enumerate().map(place).collect())
    }
    /// A list with something in it.
    pub(super) fn some(&self) -> Result<Vec<Self>, Wrong> {
        let list = self.list()?;
        if list.is_empty() { Err(self.wrong("is empty, so it asks nothing")) } else { Ok(list) }
    }
    pub(super) fn text(&self) -> Result<&'a str, Wrong> {
        let text = self.value.as_str().filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| self.wrong(format!("must be text, not {}", self.value)))
    }
    pub(super) fn number(&self) -> Result<f64, Wrong> {
        let number = self.value.as_f64();
        number.ok_or_else(|| self.wrong(format!("must be a number, not {}", self.value)))
    }
    pub(super) fn flag(&self) -> Result<bool, Wrong> {
        let flag = self.value.as_bool();
        flag.ok_or_else(|| self.wrong(format!("must be true or false, not {}", self.value)))
    }
}

/// Keys people write to themselves.
fn is_remark(key: &str) -> bool {
    key.starts_with('_') || matches!(key, "comment" | "description" | "notes")
}

/// Says that a name is not known, and which one may have been meant.
pub(super) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let likeness = |other: &&str| strsim::jaro_winkler(name, other);
    let nearest = known.clone().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|other| likeness(other) > 0.8) {
        Some(other) => format!("no {what} `{name}`; did you mean `{other}`?"),
        None if known.clone().count() <= 12 => {
            format!("no {what} `{name}`; there are {}", known.collect::<Vec<_>>().join(", "))
        }
        None => format!("no {what} `{name}`"),
    }
}

/// The way as people write it.
pub(super) fn written(path: &[Step]) -> String {
    path.iter().fold(String::new(), |mut written, step| {
        match step {
            Step::Key(key) if written.is_empty() => written.push_str(key),
            Step::Key(key) => written.extend([".", key]),
            Step::Index(index) => written.push_str(&format!("[{index}]")),
        }
        written
    })
}

/// The line the value at the end of this way starts on; where the way leads too far, that of its last
/// stop.
pub(super) fn line(text: &str, path: &[Step]) -> Option<usize> {
    let mut raw: &RawValue = serde_json::from_str(text).ok()?;
    for step in path {
        let next = match step {
            Step::Key(key) => {
                let object = serde_json::from_str::<BTreeMap<String, &RawValue>>(raw.get());
                object.ok().and_then(|mut object| object.remove(key))
            }
            Step::Index(index) => {
                let list = serde_json::from_str::<Vec<&RawValue>>(raw.get());
                list.ok().and_then(|list| list.get(*index).copied())
            }
        };
        let Some(next) = next else { break };
        raw = next;
    }
    let offset = (raw.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    Some(text.get(..offset)?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(key: &str) -> Step {
        Step::Key(key.to_owned())
    }

    #[test]
    fn every_value_knows_its_line() {
        let text = "{\n \"rules\": [\n  {\"id\": 1},\n\n  {\"when\": {\n    \"all\": []}}\n ]\n}";
        let at = |path: &[Step]| line(text, path);
        assert_eq!(at(&[]), Some(1));
        assert_eq!(at(&[key("rules"), Step::Index(0), key("id")]), Some(3));
        let all = [key("rules"), Step::Index(1), key("when"), key("all"), Step::Index(7)];
        assert_eq!(at(&all), Some(6), "the last stop");
        assert_eq!(written(&all), "rules[1].when.all[7]");
        assert_eq!(line("{", &[]), None);
    }

    #[test]
    fn an_unknown_key_is_told_with_the_one_meant() {
        let value = json!({ "all_off": [], "_note": 1, "comment": 2 });
        let problem = |known: &[&str]| Place::root(&value).entries(known).unwrap_err().problem;
        assert_eq!(problem(&["all_of", "any_of"]), "no key `all_off`; did you mean `all_of`?");
        assert_eq!(problem(&["zzz"]), "no key `all_off`; there are zzz");
        assert_eq!(Place::root(&value).entries(&["all_off"]).unwrap().len(), 1);
    }

    #[test]
    fn a_problem_reads_as_a_sentence() {
        let mut problem = RuleProblem {
            rule: Some("combat".into()),
            path: "then.log".into(),
            line: Some(7),
            problem: "must be text".into(),
        };
        assert_eq!(problem.to_string(), "line 7: rule `combat`: then.log: must be text");
        problem = RuleProblem { rule: None, path: String::new(), line: None, ..problem };
        assert_eq!(problem.to_string(), "must be text");
    }
}
