//! What a fake peer can be told to do, right or wrong, and how people spell it.
use std::time::Duration;

use crate::quirk::{self, modes};

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
    /// Close unanswered.
    HangUp,
    /// Claim somebody else's id, without the key to prove it (0.3).
    Impostor,
    /// Answer a line over the limit.
    Oversized,
    /// Answer without the newline, and close.
    Unended,
    /// Answer a line of noise.
    Garbage,
    /// Answer twice.
    Twice,
    /// Answer whom it is connected to; nobody listens at this port any more.
    PortChange,
    /// Reset at the next line, and be gone.
    Vanish,
}

/// When a mode can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A connection has opened.
    Open,
    /// A line was read that will be answered.
    Line,
}

impl Mode {
    /// Whether it makes a difference at this moment, to a peer that can prove its id or not.
    pub(super) fn strikes(self, moment: Moment, provable: bool) -> bool {
        match self {
            Self::Success => false,
            Self::Impostor => moment == Moment::Open && provable,
            // Not listening any more is the whole of it; no second connection will show it.
            Self::PortChange => moment == Moment::Open,
            Self::Mute
            | Self::Late(_)
            | Self::Error
            | Self::HangUp
            | Self::Oversized
            | Self::Unended
            | Self::Garbage
            | Self::Twice
            | Self::Vanish => moment == Moment::Line,
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
    "hang_up" => HangUp,
    "impostor" => Impostor,
    "oversized" => Oversized,
    "unended" => Unended,
    "garbage" => Garbage,
    "twice" => Twice,
    "port_change" => PortChange,
    "vanish" => Vanish,
} refuses Mode::PortChange | Mode::Vanish);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_as_it_is_written() {
        quirk::check::<Mode>();
        let late: Quirk = "late 300ms x2".parse().unwrap();
        assert_eq!(late, Quirk { mode: Mode::Late(Duration::from_millis(300)), times: Some(2) });
    }
}
