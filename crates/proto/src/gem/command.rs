//! One remote command: what it takes, what it changes, and what is wrong with a parameter.
use std::collections::BTreeMap;

use super::{
    Id, RawCommand, RawParam, RawSet,
    events::Events,
    id,
    text::{self, Read},
    tool, value,
    variables::{Variables, Vid},
};
use crate::{
    ConfigError, Span,
    secs2::{Format, Item},
};

/// HCACK, what becomes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Hcack {
    Done = 0,
    Unknown = 1,
    NotNow = 2,
    Parameter = 3,
    Later = 4,
    Already = 5,
    NoObject = 6,
}

/// CPACK, what is wrong with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Cpack {
    Name = 1,
    Value = 2,
    Format = 3,
}

#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) name: Id,
    pub(super) params: Vec<Param>,
    pub(super) unless: Vec<Set>,
    pub(super) sets: Vec<Set>,
    pub(super) raises: Vec<usize>,
    pub(super) after: Option<Span>,
    pub(super) refused: Option<Hcack>,
}

#[derive(Clone, Debug)]
pub(super) struct Param {
    pub(super) name: Id,
    format: Option<Format>,
    one_of: Vec<Item>,
    required: bool,
    pub(super) recipe: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) vid: Vid,
    to: To,
}

#[derive(Clone, Debug)]
enum To {
    Value(Item),
    Param(usize),
}

impl Hcack {
    /// The code that a command is always refused with.
    fn refusing(key: &str, code: u8) -> Result<Self, ConfigError> {
        let all = [Self::Unknown, Self::NotNow, Self::Parameter, Self::Already, Self::NoObject];
        let problem = "is an HCACK that refuses: 1, 2, 3, 5 or 6";
        let found = all.into_iter().find(|hcack| *hcack as u8 == code);
        found.ok_or_else(|| ConfigError::new(format!("{key}.refused"), problem))
    }
}

impl Param {
    fn new(key: &str, raw: RawParam) -> Result<Self, ConfigError> {
        let RawParam { name, format, one_of, required, recipe } = raw;
        let wrong = |problem| ConfigError::new(format!("{key}.format"), problem);
        let format = format.map(|name| value::format(&name).map_err(wrong)).transpose()?;
        let one_of = tool::each(&format!("{key}.one_of"), one_of, tool::value)?;
        Ok(Self { name, format, one_of, required, recipe })
    }

    fn check(&self, item: &Item) -> Result<(), Cpack> {
        if self.format.is_some_and(|format| format != item.format()) {
            return Err(Cpack::Format);
        }
        let known = self.one_of.is_empty() || self.one_of.contains(item);
        if known && text::small(item) { Ok(()) } else { Err(Cpack::Value) }
    }
}

impl Set {
    fn new(
        key: &str,
        raw: RawSet,
        params: &[Param],
        variables: &Variables,
    ) -> Result<Self, ConfigError> {
        let RawSet { id, value, param } = raw;
        let vid = match variables.must(&format!("{key}.id"), &id)? {
            Vid::Constant(_) => {
                let problem = "is a constant, which no command changes";
                return Err(ConfigError::new(format!("{key}.id"), problem));
            }
            vid @ (Vid::Status(_) | Vid::Data(_)) => vid,
        };
        let to = match (value, param) {
            (Some(value), None) => To::Value(tool::value(&format!("{key}.value"), value)?),
            (None, Some(param)) => {
                let problem = || format!("the command has no parameter {param}");
                let place = params.iter().position(|known| known.name == param);
                To::Param(place.ok_or_else(|| ConfigError::new(format!("{key}.param"), problem()))?)
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(ConfigError::new(key, "needs either `value` or `param`"));
            }
        };
        Ok(Self { vid, to })
    }

    /// What it sets, given these parameters.
    pub(super) fn value<'a>(&'a self, given: &'a BTreeMap<usize, Item>) -> Option<&'a Item> {
        match &self.to {
            To::Value(item) => Some(item),
            To::Param(i) => given.get(i),
        }
    }
}

impl Command {
    pub(super) fn new(
        key: &str,
        raw: RawCommand,
        variables: &Variables,
        events: &Events,
    ) -> Result<Self, ConfigError> {
        let RawCommand { name, params, unless, sets, raises, after, refused } = raw;
        let params = tool::each(&format!("{key}.params"), params, Param::new)?;
        tool::index(&format!("{key}.params"), "name", params.iter().map(|param| &param.name))?;
        let set = |key: &str, raw| Set::new(key, raw, &params, variables);
        let unless = tool::each(&format!("{key}.unless"), unless, set)?;
        let sets = tool::each(&format!("{key}.sets"), sets, set)?;
        let event = |key: &str, id| events.must(key, &id);
        let raises = tool::each(&format!("{key}.raises"), raises, event)?;
        let refused = refused.map(|code| Hcack::refusing(key, code)).transpose()?;
        Ok(Self { name, params, unless, sets, raises, after, refused })
    }

    /// The parameters by their place, and what is wrong with any.
    pub(super) fn read(&self, given: &[Item]) -> Read<(BTreeMap<usize, Item>, Vec<Item>)> {
        let mut params = BTreeMap::new();
        let mut wrong = Vec::new();
        for pair in given {
            let [name, item] = text::fields(pair)?;
            let read = id::name(name).ok_or(text::Refusal::Data)?;
            let place = self.params.iter().position(|param| param.name.name() == read);
            let checked =
                place.ok_or(Cpack::Name).and_then(|i| self.params[i].check(item).map(|()| i));
            match checked {
                Ok(i) => drop(params.insert(i, text::kept(item))),
                Err(cpack) => wrong.push(Item::list([name.clone(), text::code(cpack as u8)])),
            }
        }
        for (i, param) in self.params.iter().enumerate() {
            if param.required && wrong.is_empty() && !params.contains_key(&i) {
                wrong.push(Item::list([param.name.item(), text::code(Cpack::Name as u8)]));
            }
        }
        Ok((params, wrong))
    }
}
