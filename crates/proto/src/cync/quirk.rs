//! What a fake bridge can be told to do wrong, and how people spell it.
use std::time::Duration;

use crate::quirk::{self, Number, modes};

/// How the bridge treats a connection or a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Obey and say so.
    #[default]
    Success,
    /// Read commands and do nothing.
    Mute,
    /// Do not acknowledge the frame; obey and say so.
    NoAck,
    /// Acknowledge the frame and obey; never say that it was done.
    NoResult,
    /// Say that it was done; never report the lamp.
    NoReport,
    /// Say that it was done, and do nothing.
    Lie,
    /// Refuse the frame with this code.
    Nack(u8),
    /// Say that it was not done, with this result.
    Fail(u8),
    /// Report with a checksum that is not that of the report.
    StaleChecksum,
    /// Say that it was done with a wrong checksum.
    BadChecksum,
    /// Say that another command was done.
    WrongSeq,
    /// Acknowledge another frame.
    WrongId,
    /// Say everything twice.
    Duplicate,
    /// Say everything at once, in one go.
    Coalesce,
    /// Report first, then the result, then the acknowledgement.
    Reorder,
    /// Say so late that it was done.
    Late(Duration),
    /// Bytes that are no packet before the acknowledgement.
    Garbage,
    /// A length that lies in the acknowledgement.
    Length(Number<0, { u32::MAX }>),
    /// The byte at this place of the result is not what it was.
    Corrupt(Number<0, 23>),
    /// As many more reports as this.
    Flood(Number<1, 1000>),
    /// A result for nobody as soon as it is in.
    Unasked,
    /// Stop pinging.
    NoPing,
    /// Dial and say nothing.
    NoLogin,
    /// Log in late.
    LateLogin(Duration),
    /// Never answer a probe.
    NoProbe,
    /// Dial and close.
    Reject,
    /// Read a command and close.
    Disconnect,
    /// Read a command and reset.
    ResetAfter,
    /// Read a command and finish sending.
    HalfClose,
}

/// When a mode can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A connection has opened.
    Open,
    /// The bridge was let in.
    In,
    /// It was probed.
    Probe,
    /// It is time to ping.
    Ping,
    /// A command was read.
    Command,
}

impl Mode {
    /// When it makes a difference; never, if it is none.
    pub(super) fn moment(self) -> Option<Moment> {
        match self {
            Self::Success => None,
            Self::NoLogin | Self::LateLogin(_) | Self::Reject => Some(Moment::Open),
            Self::Unasked => Some(Moment::In),
            Self::NoProbe => Some(Moment::Probe),
            Self::NoPing => Some(Moment::Ping),
            Self::Mute
            | Self::NoAck
            | Self::NoResult
            | Self::NoReport
            | Self::Lie
            | Self::Nack(_)
            | Self::Fail(_)
            | Self::StaleChecksum
            | Self::BadChecksum
            | Self::WrongSeq
            | Self::WrongId
            | Self::Duplicate
            | Self::Coalesce
            | Self::Reorder
            | Self::Late(_)
            | Self::Garbage
            | Self::Length(_)
            | Self::Corrupt(_)
            | Self::Flood(_)
            | Self::Disconnect
            | Self::ResetAfter
            | Self::HalfClose => Some(Moment::Command),
        }
    }

    /// A command read under it has its effect.
    pub(super) fn applies(self) -> bool {
        match self {
            Self::Mute
            | Self::Lie
            | Self::Nack(_)
            | Self::Fail(_)
            | Self::Disconnect
            | Self::ResetAfter => false,
            Self::Success
            | Self::NoAck
            | Self::NoResult
            | Self::NoReport
            | Self::StaleChecksum
            | Self::BadChecksum
            | Self::WrongSeq
            | Self::WrongId
            | Self::Duplicate
            | Self::Coalesce
            | Self::Reorder
            | Self::Late(_)
            | Self::Garbage
            | Self::Length(_)
            | Self::Corrupt(_)
            | Self::Flood(_)
            | Self::Unasked
            | Self::NoPing
            | Self::NoLogin
            | Self::LateLogin(_)
            | Self::NoProbe
            | Self::Reject
            | Self::HalfClose => true,
        }
    }
}

/// A mode, from now on or for the next few times. Written `MODE [ARGUMENT] [xN]`.
pub type Quirk = quirk::Quirk<Mode>;

modes!(Mode {
    "success" => Success,
    "mute" => Mute,
    "no_ack" => NoAck,
    "no_result" => NoResult,
    "no_report" => NoReport,
    "lie" => Lie,
    "nack" => Nack(5),
    "fail" => Fail(1),
    "stale_checksum" => StaleChecksum,
    "bad_checksum" => BadChecksum,
    "wrong_seq" => WrongSeq,
    "wrong_id" => WrongId,
    "duplicate" => Duplicate,
    "coalesce" => Coalesce,
    "reorder" => Reorder,
    "late" => Late(Duration::from_secs(6)),
    "garbage" => Garbage,
    "length" => Length(Number(0)),
    "corrupt" => Corrupt(Number(17)),
    "flood" => Flood(Number(100)),
    "unasked" => Unasked,
    "no_ping" => NoPing,
    "no_login" => NoLogin,
    "late_login" => LateLogin(Duration::from_secs(2)),
    "no_probe" => NoProbe,
    "reject" => Reject,
    "disconnect" => Disconnect,
    "reset_after" => ResetAfter,
    "half_close" => HalfClose,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_as_it_is_written() {
        quirk::check::<Mode>();
        for text in ["nack 5", "late 6s x2", "corrupt 23", "length 4294967295 x1"] {
            assert_eq!(text.parse::<Quirk>().unwrap().to_string(), text);
        }
        assert!("nack 0x".parse::<Quirk>().is_err());
    }
}
