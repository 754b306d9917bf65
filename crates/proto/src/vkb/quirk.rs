//! What a fake VKB-Link can be told to do, right or wrong, and how people spell it.
use std::time::Duration;

use crate::quirk::{self, Number, One, modes};

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
    /// The same, once a connection has carried so many frames.
    SilentAfter(Number<0, 1_000_000>),
    /// Answer, but do not take the state.
    Lie,
    /// Answer noise.
    JunkReply,
    /// Answer after a while.
    DelayReply(Duration),
    /// Send half an answer, then all of it.
    Truncated,
    /// Answer twice.
    Duplicate,
    /// Answer so often.
    Flood(Number<1, 10_000>),
    /// Answer as a connection opens, before anything was asked.
    Unasked,
    /// Accept and close before reading.
    Reject,
    /// Have no listener at all.
    Refuse,
    /// Have room for one connection.
    OneConnection(One),
    /// Accept and reset before reading.
    ResetBefore,
    /// Read a frame, then reset.
    ResetAfter,
    /// Close when a connection has carried so many frames.
    DisconnectAfter(Number<1, { u32::MAX }>),
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
    /// There was a connection already when this one opened.
    pub(super) second: bool,
    /// There is a newer connection.
    pub(super) outdated: bool,
}

impl Mode {
    /// Whether it makes a difference at this moment.
    pub(super) fn strikes(self, moment: Moment, on: Connected) -> bool {
        let Connected { frames, replies, second, outdated } = on;
        match self {
            Self::Success | Self::Refuse => false,
            Self::Frozen(_) | Self::Reject | Self::ResetBefore | Self::Unasked => {
                moment == Moment::Open
            }
            // Not listening any more is the whole of it; no second connection will show it.
            Self::OneConnection(One::Refuse) => moment == Moment::Open,
            Self::OneConnection(One::Close) => moment == Moment::Open && second,
            Self::OneConnection(One::Kick) => moment == Moment::Frame && outdated,
            Self::ResetAfter | Self::HalfClose | Self::Lie => moment == Moment::Frame,
            Self::DisconnectAfter(Number(n)) => moment == Moment::Frame && frames >= n.into(),
            Self::Reply => moment == Moment::Answer && !replies,
            Self::Mute => moment == Moment::Answer && replies,
            Self::SilentAfter(Number(n)) => {
                moment == Moment::Answer && replies && frames > n.into()
            }
            Self::JunkReply
            | Self::DelayReply(_)
            | Self::Truncated
            | Self::Duplicate
            | Self::Flood(_) => moment == Moment::Answer,
        }
    }

    /// It ends or stops connections as they open.
    pub(super) fn bars(self) -> bool {
        matches!(self, Self::Frozen(_) | Self::Reject | Self::ResetBefore)
    }
}

/// A mode, from now on or for the next few times. Written `MODE [ARGUMENT] [xN]`.
pub type Quirk = quirk::Quirk<Mode>;

modes!(Mode {
    "success" => Success,
    "frozen" => Frozen(None),
    "reply" => Reply,
    "mute" => Mute,
    "silent_after" => SilentAfter(Number(1)),
    "lie" => Lie,
    "junk_reply" => JunkReply,
    "delay_reply" => DelayReply(Duration::from_secs(1)),
    "truncated" => Truncated,
    "duplicate" => Duplicate,
    "flood" => Flood(Number(100)),
    "unasked" => Unasked,
    "reject" => Reject,
    "refuse" => Refuse,
    "one_connection" => OneConnection(One::Kick),
    "reset_before" => ResetBefore,
    "reset_after" => ResetAfter,
    "disconnect_after" => DisconnectAfter(Number(1)),
    "half_close" => HalfClose,
} refuses Mode::Refuse | Mode::OneConnection(One::Refuse));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_as_it_is_written() {
        quirk::check::<Mode>();
        for text in [
            "one_connection close",
            "flood 3 x1",
            "frozen 200ms",
            "disconnect_after 3 x2",
            "delay_reply 50ms x1",
            "mute x4",
        ] {
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
        assert!(problem("disconnect_after 0").contains("no number from 1"));
        assert!(problem("refuse x2").contains("cannot count"));
    }
}
