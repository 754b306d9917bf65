//! What a fake equipment can be told to do wrong on the connection. What its personality does to
//! others' mistakes is in `conduct.rs`.
use std::time::Duration;

use super::conduct::Reaction;
use crate::{Span, quirk};

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
    Second(Reaction),
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
    /// The reply twice.
    Duplicate,
    /// Reject.req with this reason instead of the reply.
    RejectPrimary(u8),
    /// So many bytes of the reply, and no more: T8.
    Stall(u32),
    /// The reply under this length.
    Length(u32),
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
    Interleave(u32),
    /// A reply of lists so deep.
    Deep(u32),
    /// A reply with a text of so many bytes.
    Oversized(u32),
    /// Close instead of the reply.
    Disconnect,
    /// Reset instead of the reply.
    ResetAfter,
    /// Finish sending instead of the reply, and go on reading.
    HalfClose,
    /// So many S6F11 as soon as it is SELECTED.
    SpoolFlood(u32),
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
    /// Linktest.rsp is about to go out.
    Linktest,
    /// A primary with W-bit has come.
    Reply,
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
            | Self::RejectSelect => Moment::Select,
            Self::SpoolFlood(_) => Moment::Selected,
            Self::MuteLinktest => Moment::Linktest,
            Self::Silent
            | Self::Delay(_)
            | Self::WrongSystem
            | Self::StaleSystem
            | Self::Duplicate
            | Self::RejectPrimary(_)
            | Self::Stall(_)
            | Self::Length(_)
            | Self::Ptype(_)
            | Self::Stype(_)
            | Self::ControlText
            | Self::Stream9(_)
            | Self::Abort
            | Self::Interleave(_)
            | Self::Deep(_)
            | Self::Oversized(_)
            | Self::Disconnect
            | Self::ResetAfter
            | Self::HalfClose => Moment::Reply,
        })
    }
}

/// A mode, from now on or for the next few times. Written `MODE [DURATION or NUMBER] [xN]`.
pub type Quirk = quirk::Quirk<Mode>;

/// The longest frame made up, and the most messages made up at once.
const MOST: u32 = 64 * 1024 * 1024;
const MOST_MESSAGES: u32 = 10_000;

impl quirk::Mode for Mode {
    const MODES: &'static [(&'static str, Self)] = &[
        ("success", Self::Success),
        ("refuse", Self::Refuse),
        ("reject", Self::Reject),
        ("reset_before", Self::ResetBefore),
        ("second", Self::Second(Reaction::Close)),
        ("mute_select", Self::MuteSelect),
        ("select_status", Self::SelectStatus(3)),
        ("wrong_select", Self::WrongSelect),
        ("late_select", Self::LateSelect(Duration::from_secs(1))),
        ("reject_select", Self::RejectSelect),
        ("mute_linktest", Self::MuteLinktest),
        ("silent", Self::Silent),
        ("delay", Self::Delay(Duration::from_secs(1))),
        ("wrong_system", Self::WrongSystem),
        ("stale_system", Self::StaleSystem),
        ("duplicate", Self::Duplicate),
        ("reject_primary", Self::RejectPrimary(4)),
        ("stall", Self::Stall(7)),
        ("length", Self::Length(9)),
        ("ptype", Self::Ptype(1)),
        ("stype", Self::Stype(8)),
        ("control_text", Self::ControlText),
        ("stream9", Self::Stream9(5)),
        ("abort", Self::Abort),
        ("interleave", Self::Interleave(3)),
        ("deep", Self::Deep(200)),
        ("oversized", Self::Oversized(20_000_000)),
        ("disconnect", Self::Disconnect),
        ("reset_after", Self::ResetAfter),
        ("half_close", Self::HalfClose),
        ("spool_flood", Self::SpoolFlood(100)),
    ];

    fn with(self, word: &str) -> Result<Option<Self>, String> {
        let duration = || word.parse::<Span>().map(|span| span.0);
        let number = |most: u32| {
            let fits = word.parse().ok().filter(|n| *n <= most);
            fits.ok_or_else(|| format!("`{word}` is no number from 0 to {most}"))
        };
        let byte = || number(255).map(|n| n as u8);
        Ok(Some(match self {
            Self::Second(_) => Self::Second(second(word)?),
            Self::LateSelect(_) => Self::LateSelect(duration()?),
            Self::Delay(_) => Self::Delay(duration()?),
            Self::SelectStatus(_) => Self::SelectStatus(byte()?),
            Self::RejectPrimary(_) => Self::RejectPrimary(byte()?),
            Self::Ptype(_) => Self::Ptype(byte()?),
            Self::Stype(_) => Self::Stype(byte()?),
            Self::Stream9(_) => Self::Stream9(byte()?),
            Self::Stall(_) => Self::Stall(number(MOST)?),
            Self::Length(_) => Self::Length(number(u32::MAX)?),
            Self::Interleave(_) => Self::Interleave(number(MOST_MESSAGES)?),
            Self::SpoolFlood(_) => Self::SpoolFlood(number(MOST_MESSAGES)?),
            Self::Deep(_) => Self::Deep(number(1_000_000)?),
            Self::Oversized(_) => Self::Oversized(number(MOST)?),
            _ => return Ok(None),
        }))
    }
    fn argument(self) -> Option<String> {
        Some(match self {
            Self::Second(reaction) => second_word(reaction).to_owned(),
            Self::LateSelect(d) | Self::Delay(d) => Span(d).to_string(),
            Self::SelectStatus(n)
            | Self::RejectPrimary(n)
            | Self::Ptype(n)
            | Self::Stype(n)
            | Self::Stream9(n) => n.to_string(),
            Self::Stall(n)
            | Self::Length(n)
            | Self::Interleave(n)
            | Self::SpoolFlood(n)
            | Self::Deep(n)
            | Self::Oversized(n) => n.to_string(),
            _ => return None,
        })
    }
    fn refuses(self) -> bool {
        self == Self::Refuse
    }
}

const SECOND: [(&str, Reaction); 4] = [
    ("close", Reaction::Close),
    ("status", Reaction::Status(3)),
    ("refuse", Reaction::Reset),
    ("accept", Reaction::Ignore),
];

fn second(word: &str) -> Result<Reaction, String> {
    let known = SECOND.iter().find(|(name, _)| *name == word);
    known.map(|(_, reaction)| *reaction).ok_or_else(|| {
        let all = SECOND.map(|(name, _)| name).join(", ");
        format!("`{word}` is no way to treat a second connection; there are {all}")
    })
}

fn second_word(reaction: Reaction) -> &'static str {
    SECOND.iter().find(|(_, known)| *known == reaction).map_or("close", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_as_it_is_written() {
        quirk::check::<Mode>();
        for text in ["second accept", "select_status 4 x2", "delay 50ms x1", "length 0"] {
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
