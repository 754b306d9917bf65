//! What a fake peer remembers over all its connections: what it is told to do wrong, who greeted it, what
//! was said to it.
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde::Serialize;

use super::{
    Chat, NodeId, Peer, Version,
    quirk::{Connected, Mode, Moment, Quirk},
};
use crate::quirk::Modes;

/// Peers remembered at most.
const MAX_GREETED: usize = 10_000;
/// Messages remembered at most.
const MAX_CHATS: usize = 1000;

/// What a peer remembers over all its connections.
#[derive(Debug, Default)]
pub struct Memory {
    modes: Modes<Mode>,
    opened: u64,
    /// It was told to leave its port, and has not left yet.
    leaving: bool,
    /// The CHALLENGE said last.
    challenge: Option<Bytes>,
    greeted: BTreeMap<NodeId, Greeted>,
    impostors: u64,
    chats: VecDeque<Chat>,
}

/// A connection's place among the others.
pub(super) struct Place {
    pub(super) number: u64,
    /// The last CHALLENGE of an earlier one.
    pub(super) before: Option<Bytes>,
}

/// How a peer was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Greeted {
    /// How often it greeted.
    pub times: u64,
    /// It has proven its id, at least once.
    pub verified: bool,
}

/// What the peer would say of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its id.
    pub id: NodeId,
    /// The version it speaks.
    pub version: Version,
    /// The mode in force.
    pub mode: String,
    /// Modes for a few times, which come before it.
    pub next: Vec<String>,
    /// Who greeted it.
    pub greeted: BTreeMap<NodeId, Greeted>,
    /// How often somebody claimed an id and could not prove it.
    pub impostors: u64,
    /// What was said to it.
    pub chats: Vec<Chat>,
}

impl Memory {
    pub(super) fn misbehave(&mut self, quirk: Quirk) {
        self.leaving |= quirk.mode == Mode::PortChange;
        self.modes.misbehave(quirk);
    }
    pub(super) fn listening(&self) -> bool {
        !matches!(self.modes.standing(), Mode::Refuse | Mode::Vanish)
    }
    pub(super) fn leaves(&mut self) -> bool {
        std::mem::take(&mut self.leaving)
    }
    /// Counts a connection that has just opened.
    pub(super) fn open(&mut self) -> Place {
        self.opened += 1;
        Place { number: self.opened, before: self.challenge.clone() }
    }
    pub(super) fn challenged(&mut self, challenge: Bytes) {
        self.challenge = Some(challenge);
    }
    pub(super) fn strike(&mut self, moment: Moment, on: Connected) -> Mode {
        self.modes.strike(|mode| mode.strikes(moment, on))
    }
    pub(super) fn greeted(&mut self, Peer { id, verified }: Peer) {
        let Some(id) = id else { return };
        if self.greeted.len() >= MAX_GREETED && !self.greeted.contains_key(&id) {
            self.greeted.pop_first();
        }
        let greeted = self.greeted.entry(id).or_default();
        greeted.times += 1;
        greeted.verified |= verified;
    }
    pub(super) fn unmasked(&mut self) {
        self.impostors += 1;
    }
    pub(super) fn heard(&mut self, chat: Chat) {
        if self.chats.len() == MAX_CHATS {
            self.chats.pop_front();
        }
        self.chats.push_back(chat);
    }
    pub(super) fn snapshot(&self, id: NodeId, version: Version) -> Snapshot {
        Snapshot {
            id,
            version,
            mode: Quirk { mode: self.modes.standing(), times: None }.to_string(),
            next: self.modes.next(),
            greeted: self.greeted.clone(),
            impostors: self.impostors,
            chats: self.chats.iter().cloned().collect(),
        }
    }
}
