//! What a person may set about a queue.
use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Span};

/// Nobody needs more room than this.
const MAX_SIZE: usize = 1_000_000;

/// What becomes of one more than there is room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It waits for room, and all behind it does: nothing more is read from the connection.
    #[default]
    Block,
    /// The oldest makes room for it.
    DropOldest,
    /// It is let go of.
    Reject,
}

impl fmt::Display for WhenFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What a person may set about it, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawIntake {
    /// How many may wait.
    pub size: usize,
    /// What becomes of one more.
    pub when_full: WhenFull,
    /// How long one waits for room.
    pub patience: Span,
    /// After so many waits in vain, one after the other, the oldest make room.
    pub give_in_after: u32,
    /// For at least so long.
    pub give_in_for: Span,
}

impl Default for RawIntake {
    fn default() -> Self {
        Self {
            size: 100,
            when_full: WhenFull::Block,
            patience: Span::millis(10_000),
            give_in_after: 10,
            give_in_for: Span::millis(60_000),
        }
    }
}

/// Checked settings.
#[derive(Clone, Debug)]
pub struct Intake {
    pub(super) size: usize,
    pub(super) when_full: WhenFull,
    pub(super) patience: Duration,
    pub(super) give_in_after: u32,
    pub(super) give_in_for: Duration,
}

impl Default for Intake {
    fn default() -> Self {
        Self::new(RawIntake::default()).expect("the defaults are valid")
    }
}

impl Intake {
    /// Checks the settings.
    ///
    /// # Errors
    /// No room, or far too much; no patience at all.
    pub fn new(raw: RawIntake) -> Result<Self, ConfigError> {
        let RawIntake { size, when_full, patience, give_in_after, give_in_for } = raw;
        if !(1..=MAX_SIZE).contains(&size) {
            return Err(ConfigError::new("intake.size", format!("must be from 1 to {MAX_SIZE}")));
        }
        if patience.0.is_zero() {
            return Err(ConfigError::new("intake.patience", "must be longer than 0"));
        }
        if give_in_after == 0 {
            return Err(ConfigError::new("intake.give_in_after", "must be at least 1"));
        }
        let (patience, give_in_for) = (patience.0, give_in_for.0);
        Ok(Self { size, when_full, patience, give_in_after, give_in_for })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_settings_name_themselves() {
        let key = |raw| Intake::new(raw).unwrap_err().key;
        let d = RawIntake::default;
        assert_eq!(key(RawIntake { size: 0, ..d() }), "intake.size");
        assert_eq!(key(RawIntake { size: 1_000_001, ..d() }), "intake.size");
        assert_eq!(key(RawIntake { patience: Span::millis(0), ..d() }), "intake.patience");
        assert_eq!(key(RawIntake { give_in_after: 0, ..d() }), "intake.give_in_after");
    }
}
