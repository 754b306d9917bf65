//! What a node tells, as lines of JSON. What its peers say appears in strings only.
use std::net::SocketAddr;

use net::{discovery::Reach, node::Told};
use proto::tazcom::{
    MessageId, NodeId,
    gossip::{self, Alert, Shown, Spread},
    roster::{self, Entry, Gone},
};
use serde::Serialize;

use super::alone::Diagnosis;
use crate::text;

/// A line, by its event.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Line {
    /// It listens.
    Started { id: NodeId, listen: SocketAddr, key: String },
    /// It looks for others, and where.
    Discovery {
        #[serde(flatten)]
        reach: Reach,
    },
    /// Its own announcement came back to it.
    Announced { name: String },
    /// Nobody is there, and what may be wrong.
    Alone {
        #[serde(flatten)]
        diagnosis: Diagnosis,
    },
    /// Somebody is there, or has now proven to be.
    Joined { id: NodeId, verified: bool },
    /// Somebody is not there any more.
    Left { id: NodeId, how: Gone },
    /// Somebody claims to be somebody else.
    Impostor { claimed: NodeId, at: String },
    /// Our key is in use elsewhere.
    Clone { id: NodeId, at: String },
    /// Somebody said something.
    Message(Shown),
    /// An alert stands otherwise than before.
    Alert {
        alert: MessageId,
        #[serde(flatten)]
        stands: Alert,
    },
    /// Something was not taken.
    Refused { from: Option<NodeId>, why: Why, detail: String },
    /// Nothing is taken from this peer any more.
    Distrusted { id: NodeId },
    /// What was to be said could not be.
    Unsaid { problem: String },
    /// We said something ourselves, and so many peers it was sent to at once.
    Said {
        #[serde(flatten)]
        message: Shown,
        given: usize,
    },
    /// How far something has come.
    Spread {
        message: MessageId,
        #[serde(flatten)]
        spread: Spread,
    },
    /// Everybody it knows of.
    Peers { peers: Vec<Entry> },
    /// So many lines are missing here: nobody read them in time.
    Missing { lines: u64 },
}

/// Why something was not taken.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Why {
    Roster(roster::Why),
    Gossip(gossip::Why),
}

impl Line {
    /// As JSON, its line feed included.
    pub(super) fn json(&self) -> String {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            line: &'a Line,
            schema: u32,
        }
        text::json_line(&Whole { line: self, schema: 1 })
    }
}

/// The line; none for what only the node's driver needs to know.
pub(super) fn line(told: Told) -> Option<Line> {
    Some(match told {
        Told::Show(shown) => Line::Message(shown),
        Told::Roster(told) => match told {
            roster::Output::Joined(id, verified) => Line::Joined { id, verified },
            roster::Output::Left(id, how) => Line::Left { id, how },
            roster::Output::Impostor { claimed, at } => Line::Impostor { claimed, at },
            roster::Output::Clone { id, at } => Line::Clone { id, at },
            roster::Output::Refused(why, detail) => {
                Line::Refused { from: None, why: Why::Roster(why), detail }
            }
            roster::Output::Dial(..)
            | roster::Output::HangUp(_)
            | roster::Output::HangUpCall(_)
            | roster::Output::Reverify(_)
            | roster::Output::Wait(_) => return None,
        },
        Told::Gossip(told) => match told {
            gossip::Output::Show(shown) => Line::Message(shown),
            gossip::Output::Alert(alert, stands) => Line::Alert { alert, stands },
            gossip::Output::Refused(gossip::Refused { from, why, detail }) => {
                Line::Refused { from, why: Why::Gossip(why), detail }
            }
            gossip::Output::Distrust(id) => Line::Distrusted { id },
            gossip::Output::Unsaid(problem) => Line::Unsaid { problem },
            gossip::Output::Send(..) | gossip::Output::Tell(..) | gossip::Output::Wait(_) => {
                return None;
            }
        },
    })
}
