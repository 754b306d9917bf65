//! What the equipment would say of itself.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Control,
    commands::Commanded,
    communication::Link,
    equipment::Gem,
    terminal::Shown,
    text,
    variables::{Source, Variable},
};

/// Everything the equipment remembers, as people read it: ids as text, values in SML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Whether communications are established.
    pub communication: Link,
    /// Who is in command.
    pub control: Control,
    /// Whether it has no time.
    pub busy: bool,
    /// Status and data variables; those that show something else of this are left out.
    pub variables: BTreeMap<String, String>,
    /// Equipment constants.
    pub constants: BTreeMap<String, String>,
    /// The variables of each report.
    pub reports: BTreeMap<String, Vec<String>>,
    /// The reports of each event that has any.
    pub links: BTreeMap<String, Vec<String>>,
    /// The events the host hears of.
    pub enabled_events: Vec<String>,
    /// The alarms that are set.
    pub alarms_set: Vec<String>,
    /// The alarms the host hears of.
    pub enabled_alarms: Vec<String>,
    /// Recipes and their bodies.
    pub recipes: BTreeMap<String, String>,
    /// Samples taken and wanted of each trace.
    pub traces: BTreeMap<String, (u64, u64)>,
    /// What is kept for the host.
    pub spool: Spooled,
    /// The latest remote commands.
    pub commands: Vec<Commanded>,
    /// The latest texts on terminals.
    pub terminal: Vec<Shown>,
    /// Primaries of the host by name, as `S1F13`.
    pub heard: BTreeMap<String, u64>,
    /// Our primaries that were handed out, and messages of stream 9.
    pub said: BTreeMap<String, u64>,
    /// Messages of ours that nobody will ever hear.
    pub lost: u64,
}

/// The spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spooled {
    /// The messages that are kept while nobody listens.
    pub streams: Vec<String>,
    /// Messages in it.
    pub held: usize,
    /// Messages put in since it became active, those thrown away included.
    pub total: u64,
    /// Messages it ever had no room for.
    pub overwritten: u64,
}

/// Messages by stream and function.
#[derive(Debug, Default)]
pub(super) struct Counts {
    heard: BTreeMap<(u8, u8), u64>,
    said: BTreeMap<(u8, u8), u64>,
}

impl Counts {
    pub(super) fn heard(&mut self, stream: u8, function: u8) {
        *self.heard.entry((stream, function)).or_default() += 1;
    }

    pub(super) fn said(&mut self, stream: u8, function: u8) {
        *self.said.entry((stream, function)).or_default() += 1;
    }
}

fn named(counts: &BTreeMap<(u8, u8), u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|((s, f), n)| (format!("S{s}F{f}"), *n)).collect()
}

fn held(variable: &Variable) -> Option<(String, String)> {
    match &variable.source {
        Source::Value(item) => Some((variable.id.to_string(), text::brief(item))),
        Source::Shows(_) => None,
    }
}

fn words<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<String> {
    all.into_iter().map(|one| one.to_string()).collect()
}

impl Gem {
    pub(super) fn describe(&self) -> Snapshot {
        let variables = self.variables.status.iter().chain(&self.variables.data);
        let constants = self.variables.constants.iter();
        let reports = self.reports.all.iter();
        let events = &self.events.all;
        let linked = events.iter().filter(|event| !event.reports.is_empty());
        let alarms = &self.alarms.all;
        Snapshot {
            communication: self.communication.link,
            control: self.control.state,
            busy: self.busy,
            variables: variables.filter_map(held).collect(),
            constants: constants.map(|c| (c.id.to_string(), text::brief(&c.value))).collect(),
            reports: reports
                .map(|(id, vids)| {
                    (id.to_string(), words(vids.iter().map(|vid| self.variables.id(*vid))))
                })
                .collect(),
            links: linked.map(|event| (event.id.to_string(), words(&event.reports))).collect(),
            enabled_events: words(events.iter().filter(|e| e.enabled).map(|e| &e.id)),
            alarms_set: words(alarms.iter().filter(|a| a.set).map(|a| &a.id)),
            enabled_alarms: words(alarms.iter().filter(|a| a.enabled).map(|a| &a.id)),
            recipes: self
                .recipes
                .all
                .iter()
                .map(|(id, b)| (id.to_string(), text::brief(b)))
                .collect(),
            traces: self
                .traces
                .all
                .iter()
                .map(|(id, t)| (id.to_string(), (t.taken, t.total)))
                .collect(),
            spool: self.spooled(),
            commands: self.commands.past.iter().cloned().collect(),
            terminal: self.terminals.shown.iter().cloned().collect(),
            heard: named(&self.counts.heard),
            said: named(&self.counts.said),
            lost: self.outbox.lost,
        }
    }

    fn spooled(&self) -> Spooled {
        Spooled {
            streams: self.spool.chosen().collect(),
            held: self.spool.len(),
            total: self.spool.total,
            overwritten: self.spool.overwritten,
        }
    }
}
