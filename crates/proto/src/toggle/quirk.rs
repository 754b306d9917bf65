//! What a toggle device can be told to do, right or wrong, and how people spell it.
use std::time::Duration;

use crate::{Span, quirk};

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
    /// It strikes when a connection opens, not when a command arrives.
    pub(super) fn strikes_at_open(self) -> bool {
        matches!(self, Self::Reject | Self::ResetBefore)
    }
}

/// A mode, from now on or for the next few times. Written `MODE [DURATION] [xN]`.
pub type Quirk = quirk::Quirk<Mode>;

impl quirk::Mode for Mode {
    const MODES: &'static [(&'static str, Self)] = &[
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

    fn with(self, word: &str) -> Result<Option<Self>, String> {
        Ok(match self {
            Self::Delay(_) => Some(Self::Delay(word.parse::<Span>()?.0)),
            Self::Late(_) => Some(Self::Late(word.parse::<Span>()?.0)),
            _ => None,
        })
    }
    fn argument(self) -> Option<String> {
        match self {
            Self::Delay(d) | Self::Late(d) => Some(Span(d).to_string()),
            _ => None,
        }
    }
    fn refuses(self) -> bool {
        self == Self::Refuse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_as_it_is_written() {
        quirk::check::<Mode>();
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
