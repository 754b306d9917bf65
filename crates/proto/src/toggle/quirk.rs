//! What a toggle device can be told to do, right or wrong, and how people spell it.
use std::time::Duration;

use crate::quirk::{self, Number, One, modes, words};

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
    /// Answer the first command of a connection after a while, the others at once.
    SlowFirst(Duration),
    /// Apply, and never answer.
    Timeout,
    /// The same, once a connection has had so many answers.
    SilentAfter(Number<0, 1_000_000>),
    /// Read the command, then close unanswered, without applying.
    Disconnect,
    /// Accept and close before reading.
    Reject,
    /// Have no listener at all.
    Refuse,
    /// Have room for one connection.
    OneConnection(One),
    /// Accept and reset before reading.
    ResetBefore,
    /// Read the command, then reset, without applying.
    ResetAfter,
    /// Apply, finish sending without an answer, go on reading.
    HalfClose,
    /// Apply, send half of the answer, close.
    Partial,
    /// Apply, send half of the answer, then all of it.
    Truncated,
    /// Apply, answer for another command.
    WrongId,
    /// As a connection opens, answer the last command of an earlier one once more.
    Stale,
    /// As a connection opens, answer a command that nobody sent.
    Unasked,
    /// Say no, framed, without applying.
    Nack,
    /// Apply once, answer twice.
    Duplicate,
    /// Apply once, answer so often.
    Flood(Number<1, MOST_ANSWERS>),
    /// Apply, keep answers until there are so many, send the last first.
    Reorder(Number<2, 1024>),
    /// Apply, answer 32 bytes of noise.
    Garbage,
    /// Apply, and send 32 bytes of noise before the answer.
    GarbageBefore,
    /// Apply, turn the lowest bit of this byte of the answer.
    Corrupt(Number<0, 65_536>),
    /// Apply, answer in a frame under this length.
    Length(Number<0, { u32::MAX }>),
    /// Apply, answer in a frame that begins otherwise.
    Magic,
    /// Apply, answer in a frame of this version.
    Version(u8),
    /// Apply, answer with an opcode that does not exist.
    Opcode,
    /// Apply, answer with the same frame, written otherwise.
    Spelling(Spelling),
    /// Apply, answer in two pieces.
    Split,
    /// Apply, answer byte by byte.
    Dribble,
    /// Answer, without applying.
    Lie,
}

/// Answers made up at once, at most.
const MOST_ANSWERS: u32 = 10_000;

/// How the payload of an answer can be written; a receiver takes those that are JSON and name its
/// command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// After the mark that some editors put before UTF-8. No JSON.
    Bom,
    /// With the end of a line behind it.
    Crlf,
    /// Over several lines.
    Pretty,
    /// With letters written by their number.
    Escaped,
    /// With the id in capitals, which is another id.
    Upper,
}

words!(Spelling, "way to write an answer":
    "bom" => Bom, "crlf" => Crlf, "pretty" => Pretty, "escaped" => Escaped, "upper" => Upper);

/// When a mode can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A connection has opened.
    Open,
    /// A command was read.
    Command,
}

/// What it depends on besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connected {
    /// Commands read on this connection.
    pub(super) commands: u64,
    /// There was a connection already when it opened.
    pub(super) second: bool,
    /// There is a newer connection.
    pub(super) outdated: bool,
    /// Something was asked on an earlier connection.
    pub(super) before: bool,
}

impl Mode {
    /// Whether it makes a difference at this moment.
    pub(super) fn strikes(self, moment: Moment, on: Connected) -> bool {
        match self {
            Self::Success | Self::Refuse => false,
            Self::Reject | Self::ResetBefore | Self::Unasked => moment == Moment::Open,
            Self::Stale => moment == Moment::Open && on.before,
            // Not listening any more is the whole of it; no second connection will show it.
            Self::OneConnection(One::Refuse) => moment == Moment::Open,
            Self::OneConnection(One::Close) => moment == Moment::Open && on.second,
            Self::OneConnection(One::Kick) => moment == Moment::Command && on.outdated,
            Self::SilentAfter(Number(n)) => moment == Moment::Command && on.commands > n.into(),
            Self::SlowFirst(_) => moment == Moment::Command && on.commands == 1,
            Self::Delay(_)
            | Self::Late(_)
            | Self::Timeout
            | Self::Disconnect
            | Self::ResetAfter
            | Self::HalfClose
            | Self::Partial
            | Self::Truncated
            | Self::WrongId
            | Self::Nack
            | Self::Duplicate
            | Self::Flood(_)
            | Self::Reorder(_)
            | Self::Garbage
            | Self::GarbageBefore
            | Self::Corrupt(_)
            | Self::Length(_)
            | Self::Magic
            | Self::Version(_)
            | Self::Opcode
            | Self::Spelling(_)
            | Self::Split
            | Self::Dribble
            | Self::Lie => moment == Moment::Command,
        }
    }
}

/// A mode, from now on or for the next few times. Written `MODE [ARGUMENT] [xN]`.
pub type Quirk = quirk::Quirk<Mode>;

modes!(Mode {
    "success" => Success,
    "delay" => Delay(Duration::from_secs(1)),
    "late" => Late(Duration::from_secs(2)),
    "slow_first" => SlowFirst(Duration::from_secs(1)),
    "timeout" => Timeout,
    "silent_after" => SilentAfter(Number(1)),
    "disconnect" => Disconnect,
    "reject" => Reject,
    "refuse" => Refuse,
    "one_connection" => OneConnection(One::Kick),
    "reset_before" => ResetBefore,
    "reset_after" => ResetAfter,
    "half_close" => HalfClose,
    "partial" => Partial,
    "truncated" => Truncated,
    "wrong_id" => WrongId,
    "stale" => Stale,
    "unasked" => Unasked,
    "nack" => Nack,
    "duplicate" => Duplicate,
    "flood" => Flood(Number(100)),
    "reorder" => Reorder(Number(2)),
    "garbage" => Garbage,
    "garbage_before" => GarbageBefore,
    "corrupt" => Corrupt(Number(0)),
    "length" => Length(Number(0)),
    "magic" => Magic,
    "version" => Version(2),
    "opcode" => Opcode,
    "spelling" => Spelling(Spelling::Bom),
    "split" => Split,
    "dribble" => Dribble,
    "lie" => Lie,
} refuses Mode::Refuse | Mode::OneConnection(One::Refuse));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_as_it_is_written() {
        quirk::check::<Mode>();
        let few: Quirk = "delay 200ms x2".parse().unwrap();
        assert_eq!(few, Quirk { mode: Mode::Delay(Duration::from_millis(200)), times: Some(2) });
        for text in ["length 4294967295", "spelling upper x1", "one_connection close", "corrupt 7"]
        {
            assert_eq!(text.parse::<Quirk>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_misspelt_quirk_says_what_there_is() {
        let problem = |text: &str| text.parse::<Quirk>().unwrap_err().to_string();
        assert!(problem("explode").contains("disconnect"));
        assert!(problem("timeout 3").contains("takes no `3`"));
        assert!(problem("timeout x0").contains("like x3"));
        assert!(problem("delay soon").contains("length of time"));
        assert!(problem("refuse x2").contains("cannot count"));
        assert!(problem("one_connection refuse x2").contains("cannot count"));
        assert!(problem("spelling badly").contains("bom, crlf"));
        assert!(problem("flood 0").contains("from 1 to 10000"));
        assert!(problem("version 256").contains("0 to 255"));
    }
}
