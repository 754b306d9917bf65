//! Remote commands: which there are, what they do, and why one is refused.
use std::collections::{BTreeMap, VecDeque};

use super::{
    Control, Id, RawCommand,
    command::{Command, Hcack, Set},
    equipment::Gem,
    events::Events,
    id,
    text::{self, Read},
    tool,
    variables::Variables,
};
use crate::{ConfigError, Time, secs2::Item};

/// The most commands that are still being obeyed.
const MAX_LATER: usize = 64;
/// The most parameters that are looked at.
const MAX_PARAMS: usize = 256;
/// How many commands are remembered.
const MAX_PAST: usize = 32;

/// The commands there are.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    all: Vec<Command>,
    index: BTreeMap<Id, usize>,
    /// Those that take their time: when they are done, which they are, with what parameters.
    later: VecDeque<(Time, usize, BTreeMap<usize, Item>)>,
    /// The latest, as people read them.
    pub(super) past: VecDeque<Commanded>,
}

/// A command that came.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Commanded {
    /// RCMD.
    pub name: String,
    /// Its parameters by name, in SML.
    pub params: BTreeMap<String, String>,
    /// HCACK, what it was answered with.
    pub hcack: u8,
}

impl Commands {
    pub(super) fn new(
        raw: Vec<RawCommand>,
        variables: &Variables,
        events: &Events,
    ) -> Result<Self, ConfigError> {
        let all =
            tool::each("commands", raw, |key, raw| Command::new(key, raw, variables, events))?;
        let index = tool::index("commands", "name", all.iter().map(|command| &command.name))?;
        Ok(Self { all, index, later: VecDeque::new(), past: VecDeque::new() })
    }

    pub(super) fn wake_at(&self) -> Option<Time> {
        self.later.iter().map(|(due, ..)| *due).min()
    }

    fn next_due(&mut self, now: Time) -> Option<(usize, BTreeMap<usize, Item>)> {
        let due = |(at, (due, ..)): (usize, &(Time, usize, _))| (*due <= now).then_some((*due, at));
        let (_, at) = self.later.iter().enumerate().filter_map(due).min()?;
        self.later.remove(at).map(|(_, i, params)| (i, params))
    }

    fn remember(&mut self, command: Commanded) {
        if self.past.len() >= MAX_PAST {
            self.past.pop_front();
        }
        self.past.push_back(command);
    }
}

impl Gem {
    /// S2F41, host command send.
    pub(super) fn command(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        let [name, given] = text::fields(text::some(item)?)?;
        let (read, given) = (id::name(name).ok_or(text::Refusal::Data)?, text::list(given)?);
        if given.len() > MAX_PARAMS {
            return Err(text::Refusal::Long);
        }
        let known = self.commands.index.get(read.as_ref()).copied();
        let (hcack, params, wrong) = match known {
            None => (Hcack::Unknown, BTreeMap::new(), Vec::new()),
            Some(i) => {
                let (params, wrong) = self.commands.all[i].read(given)?;
                (self.obey(now, i, &params, !wrong.is_empty()), params, wrong)
            }
        };
        let name_of =
            |i: &usize| self.commands.all[known.unwrap_or_default()].params[*i].name.to_string();
        let params = params.iter().map(|(i, item)| (name_of(i), text::brief(item))).collect();
        let hcack = hcack as u8;
        self.commands.remember(Commanded { name: read.into_owned(), params, hcack });
        Ok(Item::list([text::code(hcack), text::gather(wrong)?]))
    }

    /// Does what the command says, if nothing speaks against it.
    fn obey(&mut self, now: Time, i: usize, params: &BTreeMap<usize, Item>, wrong: bool) -> Hcack {
        if let Some(hcack) = self.objection(now, &self.commands.all[i], params, wrong) {
            return hcack;
        }
        let Some(span) = self.commands.all[i].after else {
            self.perform(now, i, params);
            return Hcack::Done;
        };
        self.commands.later.push_back((now + span.0, i, params.clone()));
        Hcack::Later
    }

    fn objection(
        &self,
        now: Time,
        command: &Command,
        params: &BTreeMap<usize, Item>,
        wrong: bool,
    ) -> Option<Hcack> {
        if self.control.state != Control::Remote || self.busy {
            return Some(Hcack::NotNow);
        }
        if wrong {
            return Some(Hcack::Parameter);
        }
        if command.refused.is_some() {
            return command.refused;
        }
        if self.lacks_recipe(command, params) {
            return Some(Hcack::NoObject);
        }
        if self.already(now, command, params) {
            return Some(Hcack::Already);
        }
        let full = command.after.is_some() && self.commands.later.len() >= MAX_LATER;
        full.then_some(Hcack::NotNow)
    }

    fn lacks_recipe(&self, command: &Command, params: &BTreeMap<usize, Item>) -> bool {
        params.iter().any(|(i, item)| command.params[*i].recipe && !self.recipes.has(item))
    }

    fn already(&self, now: Time, command: &Command, params: &BTreeMap<usize, Item>) -> bool {
        let so =
            |set: &Set| set.value(params).is_some_and(|item| self.value(now, set.vid) == *item);
        !command.unless.is_empty() && command.unless.iter().all(so)
    }

    fn perform(&mut self, now: Time, i: usize, params: &BTreeMap<usize, Item>) {
        let Command { sets, raises, .. } = self.commands.all[i].clone();
        for set in sets {
            if let Some(item) = set.value(params) {
                self.variables.assign(set.vid, item.clone());
            }
        }
        for event in raises {
            self.raise(now, event);
        }
    }

    /// Does what is due of the commands that take their time.
    pub(super) fn perform_later(&mut self, now: Time) {
        while let Some((i, params)) = self.commands.next_due(now) {
            self.perform(now, i, &params);
        }
    }
}
