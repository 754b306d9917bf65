//! Reports: which variables are told together, defined by the host.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Id, RawReport,
    equipment::Gem,
    id,
    text::{self, Read},
    variables::{Variables, Vid},
};
use crate::{ConfigError, Time, secs2::Item};

/// DRACK, why reports are not defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Drack {
    Space = 1,
    Format = 2,
    Defined = 3,
    Variable = 4,
}

/// The reports there are.
#[derive(Clone, Debug)]
pub(super) struct Reports {
    pub(super) all: BTreeMap<Id, Vec<Vid>>,
    /// Variables in all of them together.
    values: usize,
    most: usize,
    most_values: usize,
}

impl Reports {
    pub(super) fn new(
        raw: Vec<RawReport>,
        variables: &Variables,
        (most, most_values): (usize, usize),
    ) -> Result<Self, ConfigError> {
        let mut reports = Self { all: BTreeMap::new(), values: 0, most, most_values };
        for (i, RawReport { id, vids }) in raw.into_iter().enumerate() {
            let wrong = |problem: &str| ConfigError::new(format!("reports[{i}].id"), problem);
            let vid = |(j, id)| variables.must(&format!("reports[{i}].vids[{j}]"), id);
            let vids: Vec<Vid> = vids.iter().enumerate().map(vid).collect::<Result<_, _>>()?;
            if vids.is_empty() {
                return Err(ConfigError::new(format!("reports[{i}].vids"), "is empty"));
            }
            reports.add(id, vids).map_err(|drack| match drack {
                Drack::Space => wrong("is one too many for `bounds`"),
                Drack::Defined => wrong("is taken"),
                Drack::Format | Drack::Variable => wrong("cannot be"),
            })?;
        }
        Ok(reports)
    }

    fn add(&mut self, id: Id, vids: Vec<Vid>) -> Result<(), Drack> {
        if self.all.contains_key(&id) {
            return Err(Drack::Defined);
        }
        if self.all.len() >= self.most || self.values + vids.len() > self.most_values {
            return Err(Drack::Space);
        }
        self.values += vids.len();
        self.all.insert(id, vids);
        Ok(())
    }

    /// Whether there was one.
    fn remove(&mut self, id: &Id) -> bool {
        let removed = self.all.remove(id);
        self.values -= removed.as_ref().map_or(0, Vec::len);
        removed.is_some()
    }

    fn clear(&mut self) -> BTreeSet<Id> {
        self.values = 0;
        std::mem::take(&mut self.all).into_keys().collect()
    }

    /// One definition; one without variables deletes, and is answered with what is gone.
    fn define(
        &mut self,
        id: &Item,
        vids: &[Item],
        variables: &Variables,
    ) -> Result<Option<Id>, Drack> {
        let id = Id::read(id).ok_or(Drack::Format)?;
        if vids.is_empty() {
            return Ok(self.remove(&id).then_some(id));
        }
        if vids.len() > self.most_values {
            return Err(Drack::Space);
        }
        let vid = |item| match id::name(item) {
            Some(_) => variables.find(item).ok_or(Drack::Variable),
            None => Err(Drack::Format),
        };
        let vids = vids.iter().map(vid).collect::<Result<_, _>>()?;
        self.add(id, vids).map(|()| None)
    }
}

impl Gem {
    /// S2F33, define report: all of them, or none.
    pub(super) fn define_reports(&mut self, item: Option<&Item>) -> Read<Item> {
        let [_, definitions] = text::fields(text::some(item)?)?;
        let definitions = text::list(definitions)?;
        let mut reports = self.reports.clone();
        let mut gone = if definitions.is_empty() { reports.clear() } else { BTreeSet::new() };
        for definition in definitions {
            let [id, vids] = text::fields(definition)?;
            match reports.define(id, text::list(vids)?, &self.variables) {
                Ok(deleted) => gone.extend(deleted),
                Err(drack) => return Ok(text::code(drack as u8)),
            }
        }
        // A report's links go with it, also if another comes in its place.
        self.events.unlink(&gone);
        self.reports = reports;
        Ok(text::code(0))
    }

    /// S6F19, individual report request.
    pub(super) fn tell_report(&self, now: Time, item: Option<&Item>) -> Read<Item> {
        let asked = Id::read(text::some(item)?).ok_or(text::Refusal::Data)?;
        let vids = self.reports.all.get(&asked).map(Vec::as_slice).unwrap_or_default();
        self.values(now, vids)
    }

    /// What these variables hold now, as a list.
    pub(super) fn values(&self, now: Time, vids: &[Vid]) -> Read<Item> {
        text::gather(vids.iter().map(|vid| self.value(now, *vid)))
    }
}
