//! What a controller tells: a JSON object a line, on stdout and to whoever watches.
use std::{net::SocketAddr, sync::Arc};

use proto::cync::{Lamp, Seen};
use serde::Serialize;

use super::order;
use crate::{fared::Summary, text};

/// One thing that happened.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// Bridges may dial here, and orders are heard there.
    Listening { addr: SocketAddr, socket: String },
    /// A bridge has logged in.
    Joined { bridge: &'a str, peer: SocketAddr },
    /// A lamp is like this.
    State {
        bridge: &'a str,
        #[serde(flatten)]
        seen: &'a Seen,
    },
    /// A bridge is gone.
    Left { bridge: &'a str, peer: &'a str, reason: String },
    /// Somebody dialled who was no bridge, or is not wanted.
    Refused { peer: &'a str, reason: String },
    /// What became of a command to one target.
    Command(&'a order::Told),
    /// What became of all of it.
    Done(&'a Summary),
    /// A bridge, as the roster has it.
    Bridge(Entry<'a>),
}

/// A bridge, as the roster has it.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    pub(super) bridge: &'a str,
    pub(super) online: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peer: Option<SocketAddr>,
    /// Since when it is there, or is not.
    pub(super) since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_seen: Option<String>,
    /// From the last command to its acknowledgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rtt_ms: Option<f64>,
    pub(super) logins: u64,
    pub(super) lamps: Vec<Told>,
}

/// A lamp of a bridge.
#[derive(Serialize)]
pub(super) struct Told {
    pub(super) lamp: u16,
    #[serde(flatten)]
    pub(super) state: Lamp,
}

#[derive(Serialize)]
struct Versioned<'a> {
    #[serde(flatten)]
    line: &'a Line<'a>,
    schema: u32,
}

impl Line<'_> {
    /// As JSON, its line feed included.
    pub(super) fn json(&self) -> String {
        text::json_line(&Versioned { line: self, schema: 1 })
    }
}

/// Why a connection is not that of a bridge.
pub(super) fn no_bridge(reason: &proto::CloseReason) -> String {
    format!("{reason}; it never logged in")
}

/// Names are shared, so that they cost nothing to keep.
pub(super) type Name = Arc<str>;
