//! Status and data variables: what they are called, what they hold, which of them the host may see.
use std::collections::BTreeMap;

use super::{
    Id, RawConstant, RawVariable, Shows,
    constants::{Constant, Governed},
    equipment::Gem,
    id,
    text::{self, Read},
    tool,
};
use crate::{ConfigError, Time, secs2::Item};

/// All that has a VID, constants included, in the order of the description.
#[derive(Clone, Debug)]
pub(super) struct Variables {
    pub(super) status: Vec<Variable>,
    pub(super) data: Vec<Variable>,
    pub(super) constants: Vec<Constant>,
    index: BTreeMap<Id, Vid>,
}

/// A variable that exists: its kind and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vid {
    Status(usize),
    Data(usize),
    Constant(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) id: Id,
    name: String,
    units: String,
    pub(super) source: Source,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Value(Item),
    Shows(Shows),
}

impl Variable {
    fn new(key: &str, raw: RawVariable) -> Result<Self, ConfigError> {
        let RawVariable { id, name, units, value, shows } = raw;
        let source = match (value, shows) {
            (Some(value), None) => Source::Value(tool::value(&format!("{key}.value"), value)?),
            (None, Some(shows)) => Source::Shows(shows),
            (Some(_), Some(_)) | (None, None) => {
                return Err(ConfigError::new(key, "needs either `value` or `shows`"));
            }
        };
        Ok(Self { id, name, units, source })
    }
}

impl Variables {
    pub(super) fn new(
        status: Vec<RawVariable>,
        data: Vec<RawVariable>,
        constants: Vec<RawConstant>,
        governed: &Governed,
    ) -> Result<Self, ConfigError> {
        let status = tool::each("status", status, Variable::new)?;
        let data = tool::each("data", data, Variable::new)?;
        let constants =
            tool::each("constants", constants, |key, raw| Constant::new(key, raw, governed))?;
        let mut index = BTreeMap::new();
        let status_ids = (0..status.len()).map(|i| ("status", i, Vid::Status(i), &status[i].id));
        let data_ids = (0..data.len()).map(|i| ("data", i, Vid::Data(i), &data[i].id));
        let constant_ids =
            (0..constants.len()).map(|i| ("constants", i, Vid::Constant(i), &constants[i].id));
        for (kind, i, vid, id) in status_ids.chain(data_ids).chain(constant_ids) {
            if index.insert(id.clone(), vid).is_some() {
                let problem = format!("{id} is taken; variables and constants share their numbers");
                return Err(ConfigError::new(format!("{kind}[{i}].id"), problem));
            }
        }
        Ok(Self { status, data, constants, index })
    }

    /// The variable an item names.
    pub(super) fn find(&self, item: &Item) -> Option<Vid> {
        self.index.get(id::name(item)?.as_ref()).copied()
    }

    /// The variable of this name.
    pub(super) fn named(&self, id: &Id) -> Option<Vid> {
        self.index.get(id).copied()
    }

    /// The same for a description that must be right.
    pub(super) fn must(&self, key: &str, id: &Id) -> Result<Vid, ConfigError> {
        let problem = || format!("no variable or constant is called {id}");
        self.named(id).ok_or_else(|| ConfigError::new(key, problem()))
    }

    pub(super) fn id(&self, vid: Vid) -> &Id {
        match vid {
            Vid::Status(i) => &self.status[i].id,
            Vid::Data(i) => &self.data[i].id,
            Vid::Constant(i) => &self.constants[i].id,
        }
    }

    /// Where the value of a variable comes from.
    fn source(&self, vid: Vid) -> Source {
        match vid {
            Vid::Status(i) => self.status[i].source.clone(),
            Vid::Data(i) => self.data[i].source.clone(),
            Vid::Constant(i) => Source::Value(self.constants[i].value.clone()),
        }
    }

    /// Gives a variable a value. What it shows of the equipment, and a constant, stay as they are.
    pub(super) fn assign(&mut self, vid: Vid, item: Item) {
        let variable = match vid {
            Vid::Status(i) => &mut self.status[i],
            Vid::Data(i) => &mut self.data[i],
            Vid::Constant(_) => return,
        };
        if let Source::Value(value) = &mut variable.source {
            *value = item;
        }
    }

    fn status(&self, item: &Item) -> Option<&Variable> {
        match self.find(item)? {
            Vid::Status(i) => Some(&self.status[i]),
            Vid::Data(_) | Vid::Constant(_) => None,
        }
    }

    fn data(&self, item: &Item) -> Option<&Variable> {
        match self.find(item)? {
            Vid::Data(i) => Some(&self.data[i]),
            Vid::Status(_) | Vid::Constant(_) => None,
        }
    }
}

/// L3 of a name list: id, name, units; the last two empty if there is no such variable.
fn named(id: Item, variable: Option<&Variable>) -> Item {
    let (name, units) = variable.map_or(("", ""), |v| (v.name.as_str(), v.units.as_str()));
    Item::list([id, Item::ascii(name), Item::ascii(units)])
}

impl Gem {
    /// What a variable holds now.
    pub(super) fn value(&self, now: Time, vid: Vid) -> Item {
        match self.variables.source(vid) {
            Source::Value(item) => item,
            Source::Shows(shows) => self.shown(now, shows),
        }
    }

    /// S1F3, selected equipment status.
    pub(super) fn tell_status(&self, now: Time, item: Option<&Item>) -> Read<Item> {
        let asked = text::asked(item)?;
        if asked.is_empty() {
            let all = 0..self.variables.status.len();
            return text::gather(all.map(|i| self.value(now, Vid::Status(i))));
        }
        text::gather(asked.iter().map(|id| match self.variables.find(id) {
            Some(vid @ Vid::Status(_)) => self.value(now, vid),
            Some(Vid::Data(_) | Vid::Constant(_)) | None => Item::list([]),
        }))
    }

    /// S1F11, status variable name list.
    pub(super) fn name_status(&self, item: Option<&Item>) -> Read<Item> {
        let Variables { status, .. } = &self.variables;
        name(item, status, |id| self.variables.status(id))
    }

    /// S1F21, data variable name list.
    pub(super) fn name_data(&self, item: Option<&Item>) -> Read<Item> {
        let Variables { data, .. } = &self.variables;
        name(item, data, |id| self.variables.data(id))
    }
}

fn name<'a>(
    item: Option<&Item>,
    all: &[Variable],
    find: impl Fn(&Item) -> Option<&'a Variable>,
) -> Read<Item> {
    let asked = text::asked(item)?;
    if asked.is_empty() {
        return text::gather(all.iter().map(|v| named(v.id.item(), Some(v))));
    }
    text::gather(asked.iter().map(|id| named(id.clone(), find(id))))
}
