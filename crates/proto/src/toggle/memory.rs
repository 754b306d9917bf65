//! What a toggle device remembers over all its connections: what it is told to do wrong, the state of
//! its devices, the commands it has seen.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Serialize;

use super::{
    Mode, Quirk,
    quirk::{Connected, Moment},
};
use crate::{
    ConfigError, Time,
    quirk::{Modes, One},
    resilience::{Arrival, Seen},
};

/// Devices remembered at most; a stranger cannot fill the memory with invented ids.
const MAX_DEVICES: usize = 10_000;

/// What a device remembers over all its connections.
#[derive(Debug)]
pub struct Memory {
    modes: Modes<Mode>,
    /// Connections it ever had, and those it has.
    opened: u64,
    live: u32,
    /// The command asked last.
    last: Option<Arc<str>>,
    seen: Seen<Arc<str>>,
    devices: BTreeMap<Arc<str>, Switch>,
}

/// A connection's place among the others.
pub(super) struct Place {
    number: u64,
    /// There was another when it opened.
    second: bool,
    /// The last command of an earlier one.
    pub(super) before: Option<Arc<str>>,
}

/// One device's state, and how often a command changed or confirmed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Switch {
    /// On or off.
    pub state: bool,
    /// Commands applied, repeats not counted.
    pub applied: u64,
}

/// What the device would say of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The mode in force.
    pub mode: String,
    /// Those for a few times that come before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
    /// Every device it has been told about.
    pub devices: BTreeMap<Arc<str>, Switch>,
    /// Commands it still remembers, and how often each arrived.
    pub seen: BTreeMap<Arc<str>, u32>,
}

impl Memory {
    pub(super) fn new(limit: usize, ttl: Duration) -> Result<Self, ConfigError> {
        Ok(Self {
            modes: Modes::default(),
            opened: 0,
            live: 0,
            last: None,
            seen: Seen::new(limit, ttl)?,
            devices: BTreeMap::new(),
        })
    }
    pub(super) fn misbehave(&mut self, quirk: Quirk) {
        self.modes.misbehave(quirk);
    }
    pub(super) fn listening(&self) -> bool {
        match self.modes.standing() {
            Mode::Refuse => false,
            Mode::OneConnection(One::Refuse) => self.live == 0,
            _ => true,
        }
    }
    /// Takes a connection in that has just opened.
    pub(super) fn open(&mut self) -> Place {
        self.opened += 1;
        self.live += 1;
        Place { number: self.opened, second: self.live > 1, before: self.last.clone() }
    }
    pub(super) fn close(&mut self) {
        self.live -= 1;
    }
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            mode: Quirk { mode: self.modes.standing(), times: None }.to_string(),
            next: self.modes.next(),
            devices: self.devices.clone(),
            seen: self.seen.iter().map(|(id, times)| (id.clone(), times)).collect(),
        }
    }
    /// The mode that strikes now, used up if it was for a few times only.
    pub(super) fn strike(&mut self, moment: Moment, place: &Place, commands: u64) -> Mode {
        let Place { number, second, before } = place;
        let (outdated, before) = (*number < self.opened, before.is_some());
        let on = Connected { commands, second: *second, outdated, before };
        // What ends connections as they open, and was switched on while one lived, ends that one now.
        let late = moment == Moment::Command && !self.modes.has_next();
        let overdue = |mode| late && matches!(mode, Mode::Reject | Mode::ResetBefore);
        self.modes.strike(|mode| mode.strikes(moment, on) || overdue(mode))
    }
    /// Whether this command is new, and how often it has arrived. Applies it if it is.
    pub(super) fn apply(
        &mut self,
        now: Time,
        msg_id: &Arc<str>,
        device_id: &Arc<str>,
        state: bool,
    ) -> Arrival {
        self.last = Some(msg_id.clone());
        let arrival = self.seen.arrive(now, msg_id);
        if !arrival.is_new() {
            return arrival;
        }
        if self.devices.len() >= MAX_DEVICES && !self.devices.contains_key(device_id) {
            self.devices.pop_first();
        }
        let switch = self.devices.entry(device_id.clone()).or_insert(Switch { state, applied: 0 });
        *switch = Switch { state, applied: switch.applied + 1 };
        arrival
    }
}
