//! What a fake equipment remembers over all its connections.
use serde::Serialize;

use super::{
    conduct::{Conduct, Reaction},
    message::Message,
    quirk::{Mode, Moment, Quirk, Second},
    settings::Checked,
};
use crate::{
    gem::{self, Gem},
    quirk::Modes,
};

/// What an equipment remembers over all its connections.
pub struct Memory {
    pub(super) gem: Gem,
    modes: Modes<Mode>,
    conduct: &'static Conduct,
    pub(super) opened: u64,
    pub(super) live: u32,
    pub(super) selected: u64,
    /// The last reply, whoever got it.
    pub(super) replied: Option<Message>,
}

/// What the equipment would say of itself.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    /// The mode in force.
    pub mode: String,
    /// Those for a few times that come before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
    /// Connections it ever had.
    pub connections: u64,
    /// Connections it has.
    pub live: u32,
    /// How often it became SELECTED.
    pub selected: u64,
    /// The equipment itself.
    #[serde(flatten)]
    pub equipment: gem::Snapshot,
}

impl Memory {
    pub(super) fn new(checked: &Checked) -> Self {
        Self {
            gem: Gem::new(checked.tool.clone()),
            modes: Modes::default(),
            conduct: checked.conduct(),
            opened: 0,
            live: 0,
            selected: 0,
            replied: None,
        }
    }
    pub(super) fn misbehave(&mut self, quirk: Quirk) {
        self.modes.misbehave(quirk);
    }
    pub(super) fn listening(&self) -> bool {
        let busy = self.live > 0 && self.second() == Reaction::Reset;
        self.modes.standing() != Mode::Refuse && !busy
    }
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            mode: Quirk { mode: self.modes.standing(), times: None }.to_string(),
            next: self.modes.next(),
            connections: self.opened,
            live: self.live,
            selected: self.selected,
            equipment: self.gem.snapshot(),
        }
    }
    pub(super) fn strike(&mut self, moment: Moment) -> Mode {
        self.modes.strike(|mode| mode.moment() == Some(moment))
    }
    /// How a second connection is treated.
    pub(super) fn second(&self) -> Reaction {
        match self.modes.standing() {
            Mode::Second(second) => second.into(),
            _ => self.conduct.second_connection,
        }
    }
    /// A newer connection has taken the place of this one.
    pub(super) fn is_kicked(&self, connection: u64) -> bool {
        self.modes.standing() == Mode::Second(Second::Kick) && connection < self.opened
    }
}
