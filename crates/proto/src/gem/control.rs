//! Who is in command (SEMI E30): nobody but the operator, the host, or the host as a guest.
//!
//! ```text
//!        OFFLINE                                        ONLINE
//! ┌─────────────────────┐  online, S1F1   ┌───────────────────┐
//! │  EQUIPMENT OFFLINE  │ ─▶ ATTEMPT ───▶ │  LOCAL ◀─▶ REMOTE │
//! │         ▲           │   ONLINE  S1F2  │  switch           │
//! │ offline │           │      │ in vain  │                   │
//! │         │           │      ▼          │                   │
//! │     HOST OFFLINE    │ ◀── (setting)   │                   │
//! │         ├───────────┼──── S1F17 ────▶ │                   │
//! │         └◀──────────┼──── S1F15 ───── │                   │
//! └─────────────────────┘ ◀── offline ─── └───────────────────┘
//! ```
use super::{
    Control, Occasion,
    equipment::Gem,
    text::{self, Read},
};
use crate::{ConfigError, Time, secs2::Item};

impl Control {
    /// Whether the host gets anything but S1F13 and S1F17 answered.
    pub(super) fn online(self) -> bool {
        matches!(self, Self::Local | Self::Remote)
    }

    /// Its number as a variable.
    pub(super) fn code(self) -> u8 {
        self as u8 + 1
    }
}

/// What can happen to the control state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The operator's switch: online.
    Online,
    /// The operator's switch: offline.
    Offline,
    /// The operator's other switch: local.
    Local,
    /// The operator's other switch: remote.
    Remote,
    /// S1F15.
    HostOffline,
    /// S1F17.
    HostOnline,
    /// S1F2 for our S1F1.
    Answered,
    /// Anything else for it, or nothing.
    InVain,
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) state: Control,
    /// Where the operator's other switch stands.
    switch: Control,
    attempt_failed: Control,
}

impl Model {
    pub(super) fn new(state: Control, attempt_failed: Control) -> Result<Self, ConfigError> {
        if !matches!(attempt_failed, Control::HostOffline | Control::EquipmentOffline) {
            let problem = "should be `host_offline` or `equipment_offline`";
            return Err(ConfigError::new("attempt_failed", problem));
        }
        let switch = if state == Control::Local { Control::Local } else { Control::Remote };
        Ok(Self { state, switch, attempt_failed })
    }

    /// The next state.
    fn next(&self, wish: Wish) -> Control {
        match (self.state, wish) {
            (_, Wish::Offline) => Control::EquipmentOffline,
            (Control::EquipmentOffline, Wish::Online) => Control::AttemptOnline,
            (Control::AttemptOnline, Wish::Answered) => self.switch,
            (Control::AttemptOnline, Wish::InVain) => self.attempt_failed,
            (Control::HostOffline, Wish::HostOnline) => self.switch,
            (Control::Local | Control::Remote, Wish::HostOffline) => Control::HostOffline,
            (Control::Local | Control::Remote, Wish::Local) => Control::Local,
            (Control::Local | Control::Remote, Wish::Remote) => Control::Remote,
            (state, Wish::Online | Wish::Local | Wish::Remote) => state,
            (state, Wish::HostOffline | Wish::HostOnline) => state,
            (state, Wish::Answered | Wish::InVain) => state,
        }
    }

    fn turn(&mut self, wish: Wish) {
        match wish {
            Wish::Local => self.switch = Control::Local,
            Wish::Remote => self.switch = Control::Remote,
            Wish::Online | Wish::Offline | Wish::HostOffline | Wish::HostOnline => {}
            Wish::Answered | Wish::InVain => {}
        }
    }
}

impl Gem {
    /// Something happened to the control state, with all that follows from it.
    pub(super) fn control(&mut self, now: Time, wish: Wish) {
        self.control.turn(wish);
        let (from, to) = (self.control.state, self.control.next(wish));
        if from == to {
            return;
        }
        if from.online() && !to.online() {
            // While the host may still hear of it.
            self.occur(now, Occasion::Offline);
        }
        self.control.state = to;
        match to {
            Control::Local => self.occur(now, Occasion::Local),
            Control::Remote => self.occur(now, Occasion::Remote),
            Control::AttemptOnline => self.ask_online(),
            Control::EquipmentOffline | Control::HostOffline => {}
        }
    }

    /// What came of our S1F1.
    pub(super) fn attempt_ended(&mut self, now: Time, answered: bool) {
        self.control(now, if answered { Wish::Answered } else { Wish::InVain });
    }

    /// S1F15, request offline.
    pub(super) fn go_offline(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        text::nothing(item)?;
        self.control(now, Wish::HostOffline);
        Ok(text::code(0))
    }

    /// S1F17, request online.
    pub(super) fn go_online(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        text::nothing(item)?;
        let onlack = match self.control.state {
            Control::HostOffline => 0,
            Control::EquipmentOffline | Control::AttemptOnline => 1,
            Control::Local | Control::Remote => 2,
        };
        self.control(now, Wish::HostOnline);
        Ok(text::code(onlack))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const STATES: [Control; 5] = [
        Control::EquipmentOffline,
        Control::AttemptOnline,
        Control::HostOffline,
        Control::Local,
        Control::Remote,
    ];

    #[test]
    fn every_state_meets_every_wish() {
        let wishes = [
            Wish::Online,
            Wish::Offline,
            Wish::Local,
            Wish::Remote,
            Wish::HostOffline,
            Wish::HostOnline,
            Wish::Answered,
            Wish::InVain,
        ];
        let mut table = String::new();
        for state in STATES {
            for wish in wishes {
                let model = Model::new(state, Control::EquipmentOffline).unwrap();
                let next = model.next(wish);
                let then = if next == state { "-".into() } else { format!("{next:?}") };
                writeln!(table, "{state:?} x {wish:?}: {then}").unwrap();
            }
        }
        insta::assert_snapshot!("control", table);
    }

    #[test]
    fn the_switch_is_remembered_while_offline() {
        let mut model = Model::new(Control::HostOffline, Control::HostOffline).unwrap();
        assert_eq!(model.next(Wish::HostOnline), Control::Remote);
        model.turn(Wish::Local);
        assert_eq!(model.next(Wish::HostOnline), Control::Local);
    }

    #[test]
    fn control_states_are_numbered_from_one() {
        assert_eq!(STATES.map(Control::code), [1, 2, 3, 4, 5]);
    }
}
