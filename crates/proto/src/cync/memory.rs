//! What a bridge remembers from one connection to the next: its lamps, and what it was told.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    command::{Command, Target},
    lamp::Lamp,
    quirk::{Mode, Moment, Quirk},
    settings::Bridge,
};
use crate::{
    ConfigError, Time,
    quirk::Modes,
    resilience::{Arrival, Seen},
};

/// A bridge's memory.
#[derive(Debug)]
pub struct Memory {
    modes: Modes<Mode>,
    groups: Vec<u16>,
    lamps: BTreeMap<u16, Lamp>,
    /// Commands it knows again, by connection, if that matters, and sequence.
    seen: Seen<(u64, u32)>,
    connections: u64,
    live: u32,
    logins: u64,
    applied: u64,
    repeated: u64,
    pub(super) clock: Option<String>,
}

/// What a bridge would say of itself.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    /// The mode in force.
    pub mode: String,
    /// Connections it ever had.
    pub connections: u64,
    /// Connections it has.
    pub live: u32,
    /// How often it was let in.
    pub logins: u64,
    /// Commands it obeyed.
    pub applied: u64,
    /// Commands that came again and were not obeyed again.
    pub repeated: u64,
    /// The time it was told last.
    pub clock: Option<String>,
    /// Its lamps by their ids.
    pub lamps: BTreeMap<u16, Lamp>,
}

impl Memory {
    pub(super) fn new(bridge: &Bridge) -> Result<Self, ConfigError> {
        Ok(Self {
            modes: Modes::default(),
            groups: bridge.groups.clone(),
            lamps: bridge.lamps.iter().map(|id| (*id, Lamp::default())).collect(),
            seen: Seen::new(bridge.applied_limit, bridge.applied_ttl)?,
            connections: 0,
            live: 0,
            logins: 0,
            applied: 0,
            repeated: 0,
            clock: None,
        })
    }
    pub(super) fn misbehave(&mut self, quirk: Quirk) {
        self.modes.misbehave(quirk);
    }
    pub(super) fn strike(&mut self, moment: Moment) -> Mode {
        self.modes.strike(|mode| mode.moment() == Some(moment))
    }
    /// A connection opens; its number, from 1.
    pub(super) fn open(&mut self) -> u64 {
        self.connections += 1;
        self.live += 1;
        self.connections
    }
    pub(super) fn close(&mut self) {
        self.live -= 1;
    }
    pub(super) fn let_in(&mut self) {
        self.logins += 1;
    }
    /// A command arrived that would be obeyed, were it new.
    pub(super) fn arrive(&mut self, now: Time, name: (u64, u32)) -> Arrival {
        let arrival = self.seen.arrive(now, &name);
        self.repeated += u64::from(!arrival.is_new());
        arrival
    }
    /// It was here before.
    pub(super) fn knows(&self, now: Time, name: (u64, u32)) -> bool {
        self.seen.knows(now, &name)
    }
    /// The lamps of that name; none, if there is nobody.
    pub(super) fn meant(&self, to: Target) -> Vec<u16> {
        match to {
            Target::Lamp(id) => self.lamps.contains_key(&id).then_some(id).into_iter().collect(),
            Target::Group(id) if self.groups.contains(&id) => self.lamps.keys().copied().collect(),
            Target::Group(_) => Vec::new(),
        }
    }
    /// Does it to these lamps.
    pub(super) fn apply(&mut self, lamps: &[u16], command: &Command) {
        for id in lamps {
            self.lamps.entry(*id).and_modify(|lamp| command.apply(lamp));
        }
        self.applied += 1;
    }
    pub(super) fn lamps(&self) -> &BTreeMap<u16, Lamp> {
        &self.lamps
    }
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            mode: Quirk { mode: self.modes.standing(), times: None }.to_string(),
            connections: self.connections,
            live: self.live,
            logins: self.logins,
            applied: self.applied,
            repeated: self.repeated,
            clock: self.clock.clone(),
            lamps: self.lamps.clone(),
        }
    }
}
