//! The words for packets: how each fared and how much that matters. Finding them is the fold's work,
//! in `packets.rs`.
use std::{borrow::Cow, fmt, str::FromStr, sync::Arc, time::Duration};

use bytes::Bytes;
use proto::{Stage, Ticket};
use serde::Serialize;

use super::Dir;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Chatter.
    Debug,
    /// The normal course.
    Info,
    /// It failed and will be mended.
    Warning,
    /// It failed for good.
    Error,
}

impl Level {
    /// Every level, least first.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warning, Self::Error];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FromStr for Level {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let named = |level: &Self| level.to_string().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(named).ok_or_else(|| {
            format!("`{text}` is no log level; choose DEBUG, INFO, WARNING or ERROR")
        })
    }
}

/// How a packet fared. Sent ones know `success` and `error`, received ones all but `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It went out, or came in and was understood.
    Success,
    /// It never went out.
    Error,
    /// None came in time.
    Timeout,
    /// The peer finished instead.
    Closed,
    /// The peer, or the path, reset instead.
    Reset,
    /// What came was no frame.
    Malformed,
    /// What came was a no.
    Nack,
}

impl Outcome {
    /// What can become of an outbound packet.
    pub const SENT: [Self; 2] = [Self::Success, Self::Error];
    /// What can become of an inbound packet.
    pub const RECEIVED: [Self; 6] =
        [Self::Success, Self::Timeout, Self::Closed, Self::Reset, Self::Malformed, Self::Nack];

    /// The word in log lines and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
            Self::Nack => "nack",
        }
    }
}

/// A packet that was there, or should have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet<'r> {
    /// Which way.
    pub direction: Dir,
    /// How it fared.
    pub outcome: Outcome,
    /// How much that matters.
    pub level: Level,
    /// Its bytes, if there were any.
    pub bytes: Option<&'r Bytes>,
    /// In what way it failed, where the outcome does not say.
    pub reason: Option<Cow<'r, str>>,
}

/// What one record is about, with what earlier records said of the same request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About<'r> {
    /// The request.
    pub ticket: Option<Ticket>,
    /// The wire's own id, where it is not simply the ticket.
    pub msg_id: Option<Arc<str>>,
    /// The device.
    pub device_id: Option<Arc<str>>,
    /// The attempt, from 1.
    pub attempt: Option<u32>,
    /// Of a sent packet: how long that took. Of anything later: time since before it was sent.
    pub elapsed: Option<Duration>,
    /// Of a repeated attempt: what the one before failed of.
    pub after: Option<Stage>,
    /// Of an opened connection: this node dialled it.
    pub dialled: bool,
    /// The packet, if the record is one.
    pub packet: Option<Packet<'r>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_read_as_they_are_written() {
        assert_eq!("warning".parse(), Ok(Level::Warning));
        assert_eq!(Level::Warning.to_string(), "WARNING");
        let loud = "LOUD".parse::<Level>().unwrap_err();
        assert!(loud.contains("DEBUG, INFO, WARNING or ERROR"), "{loud}");
    }
}
