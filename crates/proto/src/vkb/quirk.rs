//! What a fake VKB-Link can be told to do, right or wrong, and how people spell it.
use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Span};

/// How the device treats a connection, a frame or an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Read everything; answer as it is set to.
    #[default]
    Success,
    /// Accept and do not read, for a while or for good.
    Frozen(Option<Duration>),
    /// Answer although it is set not to.
    Reply,
    /// Do not answer although it is set to.
    Mute,
    /// Answer noise.
    JunkReply,
    /// Answer after a while.
    DelayReply(Duration),
    /// Accept and close before reading.
    Reject,
    /// Have no listener at all.
    Refuse,
    /// Accept and reset before reading.
    ResetBefore,
    /// Read a frame, then reset.
    ResetAfter,
    /// Close when a connection has carried so many frames.
    DisconnectAfter(u32),
    /// Finish sending after a frame, go on reading.
    HalfClose,
}

/// When a mode can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A connection has opened.
    Open,
    /// A frame was read.
    Frame,
    /// It is time to answer, or not to.
    Answer,
}

/// What it depends on besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connected {
    /// Frames read on this connection.
    pub(super) frames: u64,
    /// The device is set to answer.
    pub(super) replies: bool,
}

impl Mode {
    /// Every mode by its name; durations at one second, numbers at 1.
    pub const ALL: [(&'static str, Self); 12] = [
        ("success", Self::Success),
        ("frozen", Self::Frozen(None)),
        ("reply", Self::Reply),
        ("mute", Self::Mute),
        ("junk_reply", Self::JunkReply),
        ("delay_reply", Self::DelayReply(Duration::from_secs(1))),
        ("reject", Self::Reject),
        ("refuse", Self::Refuse),
        ("reset_before", Self::ResetBefore),
        ("reset_after", Self::ResetAfter),
        ("disconnect_after", Self::DisconnectAfter(1)),
        ("half_close", Self::HalfClose),
    ];

    /// The name in scenario files and on the command line.
    pub fn name(self) -> &'static str {
        let same = |other: &Self| std::mem::discriminant(other) == std::mem::discriminant(&self);
        Self::ALL.iter().find(|(_, mode)| same(mode)).map_or("success", |(name, _)| name)
    }

    /// Whether it makes a difference at this moment.
    pub(super) fn strikes(self, moment: Moment, Connected { frames, replies }: Connected) -> bool {
        match self {
            Self::Success | Self::Refuse => false,
            Self::Frozen(_) | Self::Reject | Self::ResetBefore => moment == Moment::Open,
            Self::ResetAfter | Self::HalfClose => moment == Moment::Frame,
            Self::DisconnectAfter(n) => moment == Moment::Frame && frames >= u64::from(n),
            Self::Reply => moment == Moment::Answer && !replies,
            Self::Mute => moment == Moment::Answer && replies,
            Self::JunkReply | Self::DelayReply(_) => moment == Moment::Answer,
        }
    }

    /// The same mode with this for its number or duration; none if it takes no such thing.
    fn with(self, word: &str) -> Result<Option<Self>, String> {
        Ok(match self {
            Self::Frozen(_) => Some(Self::Frozen(Some(word.parse::<Span>()?.0))),
            Self::DelayReply(_) => Some(Self::DelayReply(word.parse::<Span>()?.0)),
            Self::DisconnectAfter(_) => {
                let frames = word.parse().ok().filter(|n| *n > 0);
                let problem = || format!("`{word}` is no number of frames; write for instance 3");
                Some(Self::DisconnectAfter(frames.ok_or_else(problem)?))
            }
            Self::Success
            | Self::Reply
            | Self::Mute
            | Self::JunkReply
            | Self::Reject
            | Self::Refuse
            | Self::ResetBefore
            | Self::ResetAfter
            | Self::HalfClose => None,
        })
    }
}

/// A mode, from now on or for the next few times. Written `MODE [DURATION or NUMBER] [xN]`.
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
            } else {
                let superfluous =
                    || wrong(format!("`{name}` takes no `{word}`; only xN may follow"));
                mode = mode.with(word).map_err(wrong)?.ok_or_else(superfluous)?;
            }
        }
        if mode == Mode::Refuse && times.is_some() {
            let problem = "`refuse` lasts until the next mode; a closed port cannot count";
            return Err(wrong(problem.into()));
        }
        Ok(Self { mode, times })
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mode.name())?;
        match self.mode {
            Mode::Frozen(Some(d)) | Mode::DelayReply(d) => write!(f, " {}", Span(d))?,
            Mode::DisconnectAfter(n) => write!(f, " {n}")?,
            Mode::Success
            | Mode::Frozen(None)
            | Mode::Reply
            | Mode::Mute
            | Mode::JunkReply
            | Mode::Reject
            | Mode::Refuse
            | Mode::ResetBefore
            | Mode::ResetAfter
            | Mode::HalfClose => {}
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
        for text in ["frozen 200ms", "disconnect_after 3 x2", "delay_reply 50ms x1", "mute x4"] {
            assert_eq!(text.parse::<Quirk>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_misspelt_quirk_says_what_there_is() {
        let problem = |text: &str| text.parse::<Quirk>().unwrap_err().to_string();
        assert!(problem("explode").contains("disconnect_after"));
        assert!(problem("mute 3").contains("takes no `3`"));
        assert!(problem("mute x0").contains("like x3"));
        assert!(problem("delay_reply soon").contains("length of time"));
        assert!(problem("disconnect_after 0").contains("number of frames"));
        assert!(problem("refuse x2").contains("cannot count"));
    }
}
