//! What a toggle device can be told to do, right or wrong, and how people spell it.
use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Span};

/// How the device treats a connection or a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Answer at once.
    #[default]
    Success,
    /// Answer after a while.
    Delay(Duration),
    /// The same, meant to be later than the client's patience.
    Late(Duration),
    /// Apply, and never answer.
    Timeout,
    /// Read the command, then close unanswered, without applying.
    Disconnect,
    /// Accept and close before reading.
    Reject,
    /// Have no listener at all.
    Refuse,
    /// Accept and reset before reading.
    ResetBefore,
    /// Read the command, then reset, without applying.
    ResetAfter,
    /// Apply, finish sending without an answer, go on reading.
    HalfClose,
    /// Apply, send half of the answer, close.
    Partial,
    /// Apply, answer for another command.
    WrongId,
    /// Say no, framed, without applying.
    Nack,
    /// Apply once, answer twice.
    Duplicate,
    /// Apply, answer 32 bytes of noise.
    Garbage,
    /// Apply, answer in two pieces.
    Split,
    /// Apply, answer byte by byte.
    Dribble,
    /// Answer, without applying.
    Lie,
}

impl Mode {
    /// Every mode by its name, those with a duration at one second.
    pub const ALL: [(&'static str, Self); 18] = [
        ("success", Self::Success),
        ("delay", Self::Delay(Duration::from_secs(1))),
        ("late", Self::Late(Duration::from_secs(2))),
        ("timeout", Self::Timeout),
        ("disconnect", Self::Disconnect),
        ("reject", Self::Reject),
        ("refuse", Self::Refuse),
        ("reset_before", Self::ResetBefore),
        ("reset_after", Self::ResetAfter),
        ("half_close", Self::HalfClose),
        ("partial", Self::Partial),
        ("wrong_id", Self::WrongId),
        ("nack", Self::Nack),
        ("duplicate", Self::Duplicate),
        ("garbage", Self::Garbage),
        ("split", Self::Split),
        ("dribble", Self::Dribble),
        ("lie", Self::Lie),
    ];

    /// The name in scenario files and on the command line.
    pub fn name(self) -> &'static str {
        let same = |other: &Self| std::mem::discriminant(other) == std::mem::discriminant(&self);
        Self::ALL.iter().find(|(_, mode)| same(mode)).map_or("success", |(name, _)| name)
    }
    /// It strikes when a connection opens, not when a command arrives.
    pub(super) fn strikes_at_open(self) -> bool {
        matches!(self, Self::Reject | Self::ResetBefore)
    }
}

/// A mode, from now on or for the next few times. Written `MODE [DURATION] [xN]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quirk {
    /// What to do.
    pub mode: Mode,
    /// How often, if not from now on.
    pub times: Option<u32>,
}

impl FromStr for Quirk {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = |problem: String| ConfigError::new("quirk", problem);
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let Some((_, mut mode)) = Mode::ALL.into_iter().find(|(known, _)| *known == name) else {
            let all: Vec<_> = Mode::ALL.iter().map(|(name, _)| *name).collect();
            return Err(wrong(format!("no mode `{name}`; there are {}", all.join(", "))));
        };
        let mut times = None;
        for word in words {
            if let Some(count) = word.strip_prefix('x') {
                let count = count.parse().ok().filter(|n| *n > 0);
                times = Some(count.ok_or_else(|| wrong(format!("`{word}` should be like x3")))?);
            } else if let Mode::Delay(d) | Mode::Late(d) = &mut mode {
                *d = word.parse::<Span>().map_err(wrong)?.0;
            } else {
                return Err(wrong(format!("`{name}` takes no `{word}`; only xN may follow")));
            }
        }
        if mode == Mode::Refuse && times.is_some() {
            return Err(wrong(
                "`refuse` lasts until the next mode; a closed port cannot count".into(),
            ));
        }
        Ok(Self { mode, times })
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mode.name())?;
        if let Mode::Delay(d) | Mode::Late(d) = self.mode {
            write!(f, " {}", Span(d))?;
        }
        self.times.map_or(Ok(()), |n| write!(f, " x{n}"))
    }
}

impl TryFrom<String> for Quirk {
    type Error = ConfigError;
    fn try_from(text: String) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl From<Quirk> for String {
    fn from(quirk: Quirk) -> Self {
        quirk.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_as_it_is_written() {
        for (name, mode) in Mode::ALL {
            let quirk = Quirk { mode, times: None };
            assert_eq!(mode.name(), name);
            assert_eq!(quirk.to_string().parse(), Ok(quirk));
        }
        let few: Quirk = "delay 200ms x2".parse().unwrap();
        assert_eq!(few, Quirk { mode: Mode::Delay(Duration::from_millis(200)), times: Some(2) });
    }

    #[test]
    fn a_misspelt_quirk_says_what_there_is() {
        let problem = |text: &str| text.parse::<Quirk>().unwrap_err().to_string();
        assert!(problem("explode").contains("disconnect"));
        assert!(problem("timeout 3").contains("takes no `3`"));
        assert!(problem("timeout x0").contains("like x3"));
        assert!(problem("delay soon").contains("length of time"));
        assert!(problem("refuse x2").contains("cannot count"));
    }
}
