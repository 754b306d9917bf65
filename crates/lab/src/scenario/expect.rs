//! What a scenario may expect of the record. How each is judged is in `judge::expect`.
use std::fmt;

use net::Dir;
use proto::{Delivery, Span, Stage};
use serde::Deserialize;

use super::{Hex, Name};

/// Something that must be true of the record.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// How a client's requests ended.
    Outcome(Outcome),
    /// Connections a device accepted.
    Connections(Connections),
    /// Frames a node sent or received.
    Frames(Frames),
    /// One frame a node received, byte by byte.
    Packet(Packet),
    /// All a device read on one connection, byte by byte.
    Bytes(Bytes),
    /// All these frames a node received are the same bytes.
    SameBytes(SameBytes),
    /// How often a device did something, and what it is now.
    Applied(Applied),
    /// Requests that reached a device again and were not done again.
    Duplicates(Duplicates),
    /// Delays between a client's attempts.
    Gaps(Gaps),
    /// How long a client's requests took.
    Elapsed(Elapsed),
    /// How many of a client's requests ended well, and how soon.
    Quality(Quality),
    /// A connection ended at a node in this way.
    Closed(Closed),
    /// A session at a node noted this.
    Fact(Noted),
    /// A metric stands at this value.
    Metric(Metric),
    /// A fault struck.
    Struck(Struck),
}

/// How a client's requests ended.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The client.
    pub client: Name,
    /// How.
    pub is: Ending,
    /// The level reached, exactly.
    pub delivery: Option<Delivery>,
    /// Attempts made, exactly.
    pub attempts: Option<u32>,
    /// How many ended so; without it, all of them and at least one.
    pub times: Option<usize>,
}

/// `ok`, or the stage where it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Ending {
    /// It got as far as was asked.
    Ok,
    /// It failed here.
    Failed(Stage),
}

/// Connections a device accepted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connections {
    /// The device, or a proxy.
    pub device: Name,
    /// How many.
    pub count: usize,
}

/// Frames a node sent or received.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frames {
    /// The device or client.
    pub node: Name,
    /// Which way.
    pub dir: Dir,
    /// Only frames of this kind.
    pub kind: Option<String>,
    /// How many.
    pub count: usize,
}

/// One frame a node received.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packet {
    /// The device or client.
    pub node: Name,
    /// Which inbound frame, from 1.
    #[serde(default = "super::once")]
    pub nth: u32,
    /// Its length in bytes.
    pub len: Option<usize>,
    /// Its first bytes.
    pub prefix: Option<Hex>,
    /// Its last bytes, as text; `{msg_id}` stands for its id. With `prefix`, nothing lies between.
    pub payload: Option<String>,
}

/// All a device read on one connection, whatever it made of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    /// The device.
    pub device: Name,
    /// Which of the connections it accepted, from 1.
    #[serde(default = "super::once")]
    pub conn: u32,
    /// The bytes, all of them.
    pub hex: Hex,
}

/// Frames a node received that are the same bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SameBytes {
    /// The device or client.
    pub node: Name,
    /// Frames of this kind.
    pub kind: String,
    /// How many.
    pub count: usize,
}

/// How often a device did something.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// The device of the cast.
    pub device: Name,
    /// The id requests call it by.
    pub device_id: String,
    /// How often.
    pub times: usize,
    /// What it is in the end.
    pub state: Option<String>,
}

/// Requests not done again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicates {
    /// The device.
    pub device: Name,
    /// How many repeated arrivals.
    pub count: usize,
}

/// Delays between a client's attempts: from the end of one to the start of the next.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// The client.
    pub client: Name,
    /// Shortest and longest for each, in order; there must be exactly these.
    pub between: Vec<(Span, Span)>,
}

/// How long a client's requests took, each of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elapsed {
    /// The client.
    pub client: Name,
    /// At least.
    pub min: Option<Span>,
    /// At most.
    pub max: Option<Span>,
}

/// How a client fared with many requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// The client.
    pub client: Name,
    /// Requests it must have had, or more.
    #[serde(default = "super::at_least_once")]
    pub requests: usize,
    /// The share that must have ended well, from 0 to 1, or more.
    pub ok: f64,
    /// What 99 of 100 of these took at most, retries included.
    pub p99: Option<Span>,
}

/// A connection's end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// The device, client or proxy.
    pub node: Name,
    /// The end, as evidence files call it.
    pub reason: Name,
}

/// Something a session noted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// The device or client.
    pub node: Name,
    /// The fact, as evidence files call it.
    pub fact: Name,
    /// For `malformed`: what kind of wrong.
    pub reason: Option<String>,
    /// For `quirk`: which.
    pub name: Option<String>,
    /// How often; without it, at least once.
    pub count: Option<usize>,
}

/// A metric's value in the end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// The series as `GET /metrics` writes it, labels included.
    pub series: String,
    /// Its value.
    pub value: f64,
}

/// A fault that did what it was armed for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Struck {
    /// The proxy.
    pub proxy: Name,
    /// Its name, or the whole rule as evidence spells it; without it, any.
    pub fault: Option<String>,
    /// How often, or more often.
    #[serde(default = "super::at_least_once")]
    pub at_least: usize,
}

impl TryFrom<String> for Ending {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "ok" => Ok(Self::Ok),
            stage => stage.parse().map(Self::Failed).map_err(|e| format!("{e}, nor `ok`")),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Failed(stage) => stage.fmt(f),
        }
    }
}

impl Expect {
    /// The node whose record it is about; none if it is about everybody's.
    pub const fn node(&self) -> Option<&Name> {
        match self {
            Self::Outcome(Outcome { client, .. })
            | Self::Gaps(Gaps { client, .. })
            | Self::Elapsed(Elapsed { client, .. })
            | Self::Quality(Quality { client, .. }) => Some(client),
            Self::Connections(Connections { device, .. })
            | Self::Bytes(Bytes { device, .. })
            | Self::Applied(Applied { device, .. })
            | Self::Duplicates(Duplicates { device, .. }) => Some(device),
            Self::Frames(Frames { node, .. })
            | Self::Packet(Packet { node, .. })
            | Self::SameBytes(SameBytes { node, .. })
            | Self::Closed(Closed { node, .. })
            | Self::Fact(Noted { node, .. }) => Some(node),
            Self::Struck(Struck { proxy, .. }) => Some(proxy),
            Self::Metric(_) => None,
        }
    }
    /// The word the file uses for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Outcome(_) => "outcome",
            Self::Connections(_) => "connections",
            Self::Frames(_) => "frames",
            Self::Packet(_) => "packet",
            Self::Bytes(_) => "bytes",
            Self::SameBytes(_) => "same_bytes",
            Self::Applied(_) => "applied",
            Self::Duplicates(_) => "duplicates",
            Self::Gaps(_) => "gaps",
            Self::Elapsed(_) => "elapsed",
            Self::Quality(_) => "quality",
            Self::Closed(_) => "closed",
            Self::Fact(_) => "fact",
            Self::Metric(_) => "metric",
            Self::Struck(_) => "struck",
        }
    }
}
