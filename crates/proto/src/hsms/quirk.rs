//! What a fake equipment can be told to do wrong on the connection. What its personality does to
//! others' mistakes is in `conduct.rs`.
use std::time::Duration;

use super::conduct::Reaction;
use crate::quirk::{self, Number, modes, words};

/// How the equipment treats a connection, a control message or a primary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As its personality has it.
    #[default]
    Success,
    /// Have no listener at all.
    Refuse,
    /// Accept and close.
    Reject,
    /// Accept and reset.
    ResetBefore,
    /// Treat a second connection like this.
    Second(Second),
    /// No Select.rsp.
    MuteSelect,
    /// Select.rsp with this status.
    SelectStatus(u8),
    /// Select.rsp with other system bytes.
    WrongSelect,
    /// Select.rsp after a while.
    LateSelect(Duration),
    /// Reject.req instead of Select.rsp.
    RejectSelect,
    /// Select.rsp twice.
    DuplicateSelect,
    /// No Linktest.rsp.
    MuteLinktest,
    /// No reply: T3.
    Silent,
    /// The reply after a while.
    Delay(Duration),
    /// The reply with other system bytes.
    WrongSystem,
    /// The reply with the system bytes of the one before.
    StaleSystem,
    /// A primary with the system bytes of the host's own, before the reply.
    SameSystem,
    /// As soon as it is SELECTED, the last reply of an earlier connection once more.
    Stale,
    /// As soon as it is SELECTED, a reply to nothing that was asked.
    Unasked,
    /// Replies are kept until there are so many; the last goes first.
    Reorder(Number<2, 1024>),
    /// Says that it did what it was asked, and does nothing.
    Lie,
    /// The reply twice.
    Duplicate,
    /// Reject.req with this reason instead of the reply.
    RejectPrimary(u8),
    /// So many bytes of the reply, and no more: T8.
    Stall(Number<0, MOST>),
    /// Half of the reply, then all of it.
    Truncated,
    /// Bytes that are no message before the reply.
    GarbageBefore,
    /// The reply with the lowest bit of this byte turned.
    Corrupt(Number<0, MOST>),
    /// The reply under this length.
    Length(Number<0, { u32::MAX }>),
    /// The reply with more bytes for the lengths of its items than they need.
    Padded,
    /// The reply with this PType.
    Ptype(u8),
    /// The reply with this SType.
    Stype(u8),
    /// A Linktest.req with a text before the reply.
    ControlText,
    /// S9 of this function instead of the reply.
    Stream9(u8),
    /// SxF0 instead of the reply.
    Abort,
    /// So many primaries before the reply.
    Interleave(Number<0, MOST_MESSAGES>),
    /// A reply of lists so deep.
    Deep(Number<0, 1_000_000>),
    /// A reply with a text of so many bytes.
    Oversized(Number<0, MOST>),
    /// Separate.req instead of the reply.
    Separate,
    /// Close instead of the reply.
    Disconnect,
    /// Reset instead of the reply.
    ResetAfter,
    /// Finish sending instead of the reply, and go on reading.
    HalfClose,
    /// So many S6F11 as soon as it is SELECTED.
    SpoolFlood(Number<0, MOST_MESSAGES>),
}

/// When a mode can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A connection has opened.
    Open,
    /// A connection has opened, and there is another.
    Second,
    /// Select.rsp is about to go out.
    Select,
    /// SELECTED.
    Selected,
    /// SELECTED, and a reply of an earlier connection is remembered.
    Again,
    /// Linktest.rsp is about to go out.
    Linktest,
    /// A primary with W-bit has come.
    Reply,
    /// One has come whose reply says whether it was done.
    Done,
}

impl Mode {
    /// When it shows, if it ever does.
    pub(super) fn moment(self) -> Option<Moment> {
        Some(match self {
            Self::Success | Self::Refuse => return None,
            Self::Reject | Self::ResetBefore => Moment::Open,
            Self::Second(_) => Moment::Second,
            Self::MuteSelect
            | Self::SelectStatus(_)
            | Self::WrongSelect
            | Self::LateSelect(_)
            | Self::RejectSelect
            | Self::DuplicateSelect => Moment::Select,
            Self::SpoolFlood(_) | Self::Unasked => Moment::Selected,
            Self::Stale => Moment::Again,
            Self::Lie => Moment::Done,
            Self::MuteLinktest => Moment::Linktest,
            Self::Silent
            | Self::Delay(_)
            | Self::WrongSystem
            | Self::StaleSystem
            | Self::SameSystem
            | Self::Reorder(_)
            | Self::Duplicate
            | Self::RejectPrimary(_)
            | Self::Stall(_)
            | Self::Truncated
            | Self::GarbageBefore
            | Self::Corrupt(_)
            | Self::Length(_)
            | Self::Padded
            | Self::Ptype(_)
            | Self::Stype(_)
            | Self::ControlText
            | Self::Stream9(_)
            | Self::Abort
            | Self::Interleave(_)
            | Self::Deep(_)
            | Self::Oversized(_)
            | Self::Separate
            | Self::Disconnect
            | Self::ResetAfter
            | Self::HalfClose => Moment::Reply,
        })
    }
}

/// A mode, from now on or for the next few times. Written `MODE [ARGUMENT] [xN]`.
pub type Quirk = quirk::Quirk<Mode>;

/// The longest frame made up, and the most messages made up at once.
const MOST: u32 = 64 * 1024 * 1024;
const MOST_MESSAGES: u32 = 10_000;

modes!(Mode {
    "success" => Success,
    "refuse" => Refuse,
    "reject" => Reject,
    "reset_before" => ResetBefore,
    "second" => Second(Second::Close),
    "mute_select" => MuteSelect,
    "select_status" => SelectStatus(3),
    "wrong_select" => WrongSelect,
    "late_select" => LateSelect(Duration::from_secs(1)),
    "reject_select" => RejectSelect,
    "duplicate_select" => DuplicateSelect,
    "mute_linktest" => MuteLinktest,
    "silent" => Silent,
    "delay" => Delay(Duration::from_secs(1)),
    "wrong_system" => WrongSystem,
    "stale_system" => StaleSystem,
    "same_system" => SameSystem,
    "stale" => Stale,
    "unasked" => Unasked,
    "reorder" => Reorder(Number(2)),
    "lie" => Lie,
    "duplicate" => Duplicate,
    "reject_primary" => RejectPrimary(4),
    "stall" => Stall(Number(7)),
    "truncated" => Truncated,
    "garbage_before" => GarbageBefore,
    "corrupt" => Corrupt(Number(0)),
    "length" => Length(Number(9)),
    "padded" => Padded,
    "ptype" => Ptype(1),
    "stype" => Stype(8),
    "control_text" => ControlText,
    "stream9" => Stream9(5),
    "abort" => Abort,
    "interleave" => Interleave(Number(3)),
    "deep" => Deep(Number(200)),
    "oversized" => Oversized(Number(20_000_000)),
    "separate" => Separate,
    "disconnect" => Disconnect,
    "reset_after" => ResetAfter,
    "half_close" => HalfClose,
    "spool_flood" => SpoolFlood(Number(100)),
} refuses Mode::Refuse);

/// How a second connection is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// Closed at once.
    Close,
    /// Its Select.req gets status 3, and it is closed.
    Status,
    /// There is no listener for it.
    Refuse,
    /// Let in.
    Accept,
    /// Let in; the one before it is closed at its next word.
    Kick,
}

words!(Second, "way to treat a second connection":
    "close" => Close, "status" => Status, "refuse" => Refuse, "accept" => Accept, "kick" => Kick);

impl From<Second> for Reaction {
    fn from(second: Second) -> Self {
        match second {
            Second::Close => Self::Close,
            Second::Status => Self::Status(3),
            Second::Refuse => Self::Reset,
            Second::Accept | Second::Kick => Self::Ignore,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_as_it_is_written() {
        quirk::check::<Mode>();
        for text in
            ["second accept", "second kick", "select_status 4 x2", "delay 50ms x1", "length 0"]
        {
            assert_eq!(text.parse::<Quirk>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_misspelt_quirk_says_what_there_is() {
        let problem = |text: &str| text.parse::<Quirk>().unwrap_err().to_string();
        assert!(problem("second often").contains("status"));
        assert!(problem("ptype 256").contains("0 to 255"));
        assert!(problem("abort 3").contains("takes no `3`"));
    }
}
