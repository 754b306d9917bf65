//! What a fake peer can be told to do, right or wrong, and how people spell it.
use std::time::Duration;

use crate::quirk::{self, Number, modes, words};

/// Answers made up at once, at most.
const MOST_ANSWERS: u32 = 10_000;

/// How the peer treats a connection or a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Answer at once.
    #[default]
    Success,
    /// Read, and never answer; the connection stays.
    Mute,
    /// Answer after a while.
    Late(Duration),
    /// Answer ERROR, whatever it was.
    Error,
    /// Answer with a type that nobody knows.
    UnknownType,
    /// Close unanswered.
    HangUp,
    /// Accept and close before reading.
    Reject,
    /// Have no listener at all.
    Refuse,
    /// Accept and reset before reading.
    ResetBefore,
    /// Read a line, then reset.
    ResetAfter,
    /// Finish sending without an answer, go on reading.
    HalfClose,
    /// Claim somebody else's id, without the key to prove it (0.3).
    Impostor,
    /// Answer, and remember nothing of it.
    Lie,
    /// Answer a line over the limit.
    Oversized,
    /// Answer without the newline, and close.
    Unended,
    /// Answer half a line, and then all of it.
    Truncated,
    /// Turn the lowest bit of this byte of the answer, or of its last one.
    Corrupt(Number<0, 65_536>),
    /// Answer the same, written otherwise.
    Spelling(Spelling),
    /// Answer a line of noise.
    Garbage,
    /// Say a line of noise, then answer.
    GarbageBefore,
    /// Answer twice.
    Twice,
    /// Answer so often.
    Flood(Number<1, MOST_ANSWERS>),
    /// Answer with the CHALLENGE of an earlier connection (0.3).
    Stale,
    /// Say ACK as a connection opens.
    Unasked,
    /// Leave the port and listen at another; connections that are open stay.
    PortChange,
    /// Reset every connection, and listen no more.
    Vanish,
}

/// How an answer can be written. A receiver takes any JSON, with spaces around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// With a carriage return before the newline.
    Crlf,
    /// With spaces around it.
    Padded,
    /// After the mark that some editors put before UTF-8. No JSON.
    Bom,
    /// Without a space in it; what has none is written so already.
    Compact,
    /// With a letter written by its number; only where there is JSON.
    Escaped,
}

words!(Spelling, "way to write an answer":
    "crlf" => Crlf, "padded" => Padded, "bom" => Bom, "compact" => Compact, "escaped" => Escaped);

/// When a mode can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A connection has opened.
    Open,
    /// The peer was told something while it was open.
    Told,
    /// A line was read that asks for a proof.
    Asked,
    /// Any other line was read.
    Line,
    /// Somebody was greeted, or said something, and that is to be remembered.
    Heard,
}

/// What it depends on besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connected {
    /// The peer can prove its id.
    pub(super) provable: bool,
    /// There is a CHALLENGE of an earlier connection.
    pub(super) before: bool,
}

impl Mode {
    /// Whether it makes a difference at this moment.
    pub(super) fn strikes(self, moment: Moment, on: Connected) -> bool {
        let line = matches!(moment, Moment::Asked | Moment::Line);
        match self {
            Self::Success | Self::Refuse => false,
            Self::Impostor => moment == Moment::Open && on.provable,
            Self::Reject | Self::ResetBefore | Self::Unasked => moment == Moment::Open,
            // Where it listens now is the whole of it; who finds it there will see nothing else.
            Self::PortChange => moment == Moment::Open,
            Self::Vanish => line || moment == Moment::Told,
            Self::Lie => moment == Moment::Heard,
            Self::Stale => moment == Moment::Asked && on.before,
            // Of the other lines, the answer is one word.
            Self::Spelling(Spelling::Compact | Spelling::Escaped) => moment == Moment::Asked,
            Self::Mute
            | Self::Late(_)
            | Self::Error
            | Self::UnknownType
            | Self::HangUp
            | Self::ResetAfter
            | Self::HalfClose
            | Self::Oversized
            | Self::Unended
            | Self::Truncated
            | Self::Corrupt(_)
            | Self::Spelling(Spelling::Crlf | Spelling::Padded | Spelling::Bom)
            | Self::Garbage
            | Self::GarbageBefore
            | Self::Twice
            | Self::Flood(_) => line,
        }
    }
}

/// A mode, from now on or for the next few times. Written `MODE [ARGUMENT] [xN]`.
pub type Quirk = quirk::Quirk<Mode>;

modes!(Mode {
    "success" => Success,
    "mute" => Mute,
    "late" => Late(Duration::from_secs(2)),
    "error" => Error,
    "unknown_type" => UnknownType,
    "hang_up" => HangUp,
    "reject" => Reject,
    "refuse" => Refuse,
    "reset_before" => ResetBefore,
    "reset_after" => ResetAfter,
    "half_close" => HalfClose,
    "impostor" => Impostor,
    "lie" => Lie,
    "oversized" => Oversized,
    "unended" => Unended,
    "truncated" => Truncated,
    "corrupt" => Corrupt(Number(0)),
    "spelling" => Spelling(Spelling::Crlf),
    "garbage" => Garbage,
    "garbage_before" => GarbageBefore,
    "twice" => Twice,
    "flood" => Flood(Number(100)),
    "stale" => Stale,
    "unasked" => Unasked,
    "port_change" => PortChange,
    "vanish" => Vanish,
} refuses Mode::Refuse | Mode::PortChange | Mode::Vanish);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_as_it_is_written() {
        quirk::check::<Mode>();
        let late: Quirk = "late 300ms x2".parse().unwrap();
        assert_eq!(late, Quirk { mode: Mode::Late(Duration::from_millis(300)), times: Some(2) });
        for text in ["spelling bom x1", "corrupt 7", "flood 10000", "port_change"] {
            assert_eq!(text.parse::<Quirk>().unwrap().to_string(), text);
        }
        assert!("flood 0".parse::<Quirk>().is_err());
        assert!("spelling badly".parse::<Quirk>().is_err());
    }
}
