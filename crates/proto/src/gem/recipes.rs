//! Process programs: sent, fetched, listed and deleted by the host.
use std::collections::BTreeMap;

use super::{
    Control, Id, Occasion, RawRecipe,
    equipment::Gem,
    id,
    text::{self, Read},
    tool,
};
use crate::{
    ConfigError, Time,
    secs2::{Format, Item},
};

/// The most promises of room that are remembered.
const MAX_PROMISED: usize = 16;

/// PPGNT, whether a recipe may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Ppgnt {
    Have = 1,
    Space = 2,
    Invalid = 3,
    Busy = 4,
    Refused = 5,
}

/// ACKC7, what became of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Ackc7 {
    Permission = 1,
    Length = 2,
    Space = 3,
    NotFound = 4,
}

/// The recipes there are.
#[derive(Clone, Debug)]
pub(super) struct Recipes {
    pub(super) all: BTreeMap<Id, Item>,
    /// How long those will be that were announced.
    promised: BTreeMap<Id, u64>,
    most: usize,
    longest: usize,
}

impl Recipes {
    pub(super) fn new(
        raw: Vec<RawRecipe>,
        (most, longest): (usize, usize),
    ) -> Result<Self, ConfigError> {
        tool::index("recipes", "id", raw.iter().map(|recipe| &recipe.id))?;
        let mut all = BTreeMap::new();
        for (i, RawRecipe { id, body }) in raw.into_iter().enumerate() {
            let body = tool::value(&format!("recipes[{i}].body"), body)?;
            if i >= most || size(&body) > longest {
                return Err(ConfigError::new(format!("recipes[{i}]"), "is too much for `bounds`"));
            }
            all.insert(id, body);
        }
        Ok(Self { all, promised: BTreeMap::new(), most, longest })
    }

    /// Whether a recipe of this name exists.
    pub(super) fn has(&self, item: &Item) -> bool {
        id::name(item).is_some_and(|name| self.all.contains_key(name.as_ref()))
    }

    fn grant(&mut self, id: &Item, length: u64) -> Result<(), Ppgnt> {
        let id = Id::read(id).filter(|id| !id.name().is_empty()).ok_or(Ppgnt::Invalid)?;
        if self.all.contains_key(&id) {
            return Err(Ppgnt::Have);
        }
        if self.all.len() >= self.most
            || usize::try_from(length).is_ok_and(|length| length > self.longest)
        {
            return Err(Ppgnt::Space);
        }
        if self.promised.len() >= MAX_PROMISED {
            self.promised.pop_first();
        }
        self.promised.insert(id, length);
        Ok(())
    }

    fn store(&mut self, id: &Item, body: &Item) -> Result<(), Ackc7> {
        let id = Id::read(id).filter(|id| !id.name().is_empty()).ok_or(Ackc7::NotFound)?;
        let size = size(body);
        let promised = self.promised.remove(&id);
        if promised.is_some_and(|promised| promised != size as u64) || size > self.longest {
            return Err(Ackc7::Length);
        }
        if !self.all.contains_key(&id) && self.all.len() >= self.most {
            return Err(Ackc7::Space);
        }
        self.all.insert(id, text::kept(body));
        Ok(())
    }

    fn delete(&mut self, ids: &[Item]) -> Result<(), Ackc7> {
        if !ids.iter().all(|id| self.has(id)) {
            return Err(Ackc7::NotFound);
        }
        if ids.is_empty() {
            self.all.clear();
        }
        for name in ids.iter().filter_map(id::name) {
            self.all.remove(name.as_ref());
        }
        Ok(())
    }
}

/// Bytes of a body; of a formatted one, as it travels.
fn size(body: &Item) -> usize {
    match body.format() {
        Format::List => body.encoded_len(),
        _ => body.bytes().len(),
    }
}

fn ack(outcome: Result<(), Ackc7>) -> Item {
    text::code(outcome.map_or_else(|code| code as u8, |()| 0))
}

impl Gem {
    /// S7F1, process program load inquire.
    pub(super) fn grant_recipe(&mut self, item: Option<&Item>) -> Read<Item> {
        let [id, length] = text::fields(text::some(item)?)?;
        let length = text::number(length)?;
        let granted = match self.control.state {
            Control::Local => Err(Ppgnt::Refused),
            _ if self.busy => Err(Ppgnt::Busy),
            _ => self.recipes.grant(id, length),
        };
        Ok(text::code(granted.map_or_else(|code| code as u8, |()| 0)))
    }

    /// S7F3, process program send.
    pub(super) fn store_recipe(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        let [id, body] = text::fields(text::some(item)?)?;
        self.change_recipes(now, |recipes| recipes.store(id, body))
    }

    /// S7F5, process program request.
    pub(super) fn tell_recipe(&self, item: Option<&Item>) -> Read<Item> {
        let asked = text::some(item)?;
        let name = id::name(asked).ok_or(text::Refusal::Data)?;
        let body = self.recipes.all.get(name.as_ref());
        text::gather(body.into_iter().flat_map(|body| [asked.clone(), body.clone()]))
    }

    /// S7F17, delete process program; no PPID means all.
    pub(super) fn delete_recipes(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        let ids = text::asked(item)?;
        self.change_recipes(now, |recipes| recipes.delete(ids))
    }

    /// S7F19, current process program directory.
    pub(super) fn list_recipes(&self, item: Option<&Item>) -> Read<Item> {
        text::nothing(item)?;
        text::gather(self.recipes.all.keys().map(Id::item))
    }

    /// Only a host that commands may change them, and only while there is time.
    fn change_recipes(
        &mut self,
        now: Time,
        change: impl FnOnce(&mut Recipes) -> Result<(), Ackc7>,
    ) -> Read<Item> {
        if self.control.state == Control::Local || self.busy {
            return Ok(ack(Err(Ackc7::Permission)));
        }
        let changed = change(&mut self.recipes);
        if changed.is_ok() {
            self.occur(now, Occasion::RecipeChanged);
        }
        Ok(ack(changed))
    }
}
