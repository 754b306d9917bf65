//! What a fake VKB-Link can be told to do, right or wrong, and how people spell it.
use std::time::Duration;

use crate::{Span, quirk};

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
}

/// A mode, from now on or for the next few times. Written `MODE [DURATION or NUMBER] [xN]`.
pub type Quirk = quirk::Quirk<Mode>;

impl quirk::Mode for Mode {
    const MODES: &'static [(&'static str, Self)] = &[
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

    fn with(self, word: &str) -> Result<Option<Self>, String> {
        Ok(match self {
            Self::Frozen(_) => Some(Self::Frozen(Some(word.parse::<Span>()?.0))),
            Self::DelayReply(_) => Some(Self::DelayReply(word.parse::<Span>()?.0)),
            Self::DisconnectAfter(_) => {
                let frames = word.parse().ok().filter(|n| *n > 0);
                let problem = || format!("`{word}` is no number of frames; write for instance 3");
                Some(Self::DisconnectAfter(frames.ok_or_else(problem)?))
            }
            _ => None,
        })
    }
    fn argument(self) -> Option<String> {
        match self {
            Self::Frozen(Some(d)) | Self::DelayReply(d) => Some(Span(d).to_string()),
            Self::DisconnectAfter(n) => Some(n.to_string()),
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
