//! Collection events: which reports they come with, which of them the host hears of, and S6F11.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Id, Occasion, RawEvent,
    equipment::Gem,
    id,
    outbox::Message,
    reports::Reports,
    text::{self, Read},
    tool,
    variables::{Variables, Vid},
};
use crate::{ConfigError, Time, secs2::Item};

/// LRACK, why reports are not linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Lrack {
    Space = 1,
    Format = 2,
    Linked = 3,
    Event = 4,
    Report = 5,
}

/// The events there are, in the order of the description.
#[derive(Clone, Debug)]
pub(super) struct Events {
    pub(super) all: Vec<Event>,
    index: BTreeMap<Id, usize>,
    links: usize,
    most_links: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: Id,
    name: String,
    pub(super) enabled: bool,
    pub(super) reports: Vec<Id>,
    data: Vec<Vid>,
    on: Option<Occasion>,
}

impl Event {
    fn new(
        key: &str,
        raw: RawEvent,
        reports: &Reports,
        variables: &Variables,
    ) -> Result<Self, ConfigError> {
        let RawEvent { id, name, enabled, reports: linked, data, on } = raw;
        for (i, id) in linked.iter().enumerate() {
            if !reports.all.contains_key(id) {
                let problem = format!("no report is called {id}");
                return Err(ConfigError::new(format!("{key}.reports[{i}]"), problem));
            }
        }
        let vid = |(i, id)| variables.must(&format!("{key}.data[{i}]"), id);
        let data = data.iter().enumerate().map(vid).collect::<Result<_, _>>()?;
        Ok(Self { id, name, enabled, reports: linked, data, on })
    }
}

impl Events {
    pub(super) fn new(
        raw: Vec<RawEvent>,
        reports: &Reports,
        variables: &Variables,
        most_links: usize,
    ) -> Result<Self, ConfigError> {
        let all = tool::each("events", raw, |key, raw| Event::new(key, raw, reports, variables))?;
        let index = tool::index("events", "id", all.iter().map(|event| &event.id))?;
        let links = all.iter().map(|event| event.reports.len()).sum();
        Ok(Self { all, index, links, most_links })
    }

    /// The event of this name.
    pub(super) fn named(&self, id: &Id) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The same for a description that must be right.
    pub(super) fn must(&self, key: &str, id: &Id) -> Result<usize, ConfigError> {
        let problem = || format!("no event is called {id}");
        self.named(id).ok_or_else(|| ConfigError::new(key, problem()))
    }

    fn find(&self, item: &Item) -> Option<usize> {
        self.index.get(id::name(item)?.as_ref()).copied()
    }

    /// Deletes the links to reports that are gone.
    pub(super) fn unlink(&mut self, gone: &BTreeSet<Id>) {
        for event in &mut self.all {
            let before = event.reports.len();
            event.reports.retain(|id| !gone.contains(id));
            self.links -= before - event.reports.len();
        }
    }

    /// One link definition: without reports, the links are deleted.
    fn link(&mut self, event: &Item, ids: &[Item], reports: &Reports) -> Result<(), Lrack> {
        id::name(event).ok_or(Lrack::Format)?;
        let i = self.find(event).ok_or(Lrack::Event)?;
        let linked = &mut self.all[i].reports;
        if ids.is_empty() {
            self.links -= std::mem::take(linked).len();
            return Ok(());
        }
        if !linked.is_empty() {
            return Err(Lrack::Linked);
        }
        if self.links + ids.len() > self.most_links {
            return Err(Lrack::Space);
        }
        let report = |item| {
            let name = id::name(item).ok_or(Lrack::Format)?;
            reports.all.get_key_value(name.as_ref()).map(|(id, _)| id.clone()).ok_or(Lrack::Report)
        };
        *linked = ids.iter().map(report).collect::<Result<_, _>>()?;
        self.links += linked.len();
        let different: BTreeSet<&Id> = linked.iter().collect();
        if different.len() < linked.len() { Err(Lrack::Linked) } else { Ok(()) }
    }
}

impl Gem {
    /// S1F23, collection event name list.
    pub(super) fn name_events(&self, item: Option<&Item>) -> Read<Item> {
        let asked = text::asked(item)?;
        let events = &self.events.all;
        if asked.is_empty() {
            return text::gather(events.iter().map(|e| self.named_event(e.id.item(), Some(e))));
        }
        let find = |id| self.events.find(id).map(|i| &events[i]);
        text::gather(asked.iter().map(|id| self.named_event(id.clone(), find(id))))
    }

    fn named_event(&self, id: Item, event: Option<&Event>) -> Item {
        let name = event.map_or("", |event| &event.name);
        let data = event.map_or(&[][..], |event| &event.data);
        let data = data.iter().map(|vid| self.variables.id(*vid).item());
        Item::list([id, Item::ascii(name), Item::list(data)])
    }

    /// S2F35, link event report: all of it, or nothing.
    pub(super) fn link_reports(&mut self, item: Option<&Item>) -> Read<Item> {
        let [_, links] = text::fields(text::some(item)?)?;
        let mut events = self.events.clone();
        for link in text::list(links)? {
            let [event, reports] = text::fields(link)?;
            if let Err(lrack) = events.link(event, text::list(reports)?, &self.reports) {
                return Ok(text::code(lrack as u8));
            }
        }
        self.events = events;
        Ok(text::code(0))
    }

    /// S2F37, enable or disable event report: all that are named, or none.
    pub(super) fn enable_events(&mut self, item: Option<&Item>) -> Read<Item> {
        let [enable, ids] = text::fields(text::some(item)?)?;
        let (enable, ids) = (text::truth(enable)?, text::list(ids)?);
        if ids.iter().any(|id| self.events.find(id).is_none()) {
            return Ok(text::code(1));
        }
        let named = ids.iter().filter_map(|id| self.events.find(id));
        let all = ids.is_empty().then_some(0..self.events.all.len()).into_iter().flatten();
        let chosen: BTreeSet<usize> = named.chain(all).collect();
        for i in chosen {
            self.events.all[i].enabled = enable;
        }
        Ok(text::code(0))
    }

    /// S6F15, event report request.
    pub(super) fn tell_event(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        let asked = text::some(item)?;
        id::name(asked).ok_or(text::Refusal::Data)?;
        let event = self.events.find(asked);
        self.event_report(now, asked.clone(), event)
    }

    /// An event happens.
    pub(super) fn raise(&mut self, now: Time, event: usize) {
        if !self.events.all[event].enabled {
            return;
        }
        let id = self.events.all[event].id.item();
        match self.event_report(now, id, Some(event)) {
            Ok(item) => self.say(now, Message::new(6, 11, item)),
            Err(_) => self.outbox.count_lost(),
        }
    }

    /// Something happens that happens to every tool.
    pub(super) fn occur(&mut self, now: Time, occasion: Occasion) {
        for event in 0..self.events.all.len() {
            if self.events.all[event].on == Some(occasion) {
                self.raise(now, event);
            }
        }
    }

    /// L3 of S6F11 and S6F16.
    fn event_report(&mut self, now: Time, id: Item, event: Option<usize>) -> Read<Item> {
        let reports = event.map_or(&[][..], |i| &self.events.all[i].reports);
        let told = reports.iter().map(|report| {
            let vids = self.reports.all.get(report).map(Vec::as_slice).unwrap_or_default();
            Ok(Item::list([report.item(), self.values(now, vids)?]))
        });
        let told = text::gather(told.collect::<Read<Vec<_>>>()?)?;
        self.reported = self.reported.wrapping_add(1);
        Ok(Item::list([Item::u4(self.reported), id, told]))
    }
}
