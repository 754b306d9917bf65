//! What a fake peer remembers over all its connections: what it is told to do wrong, who greeted it, what
//! was said to it.
use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::{
    Chat, NodeId, Peer,
    quirk::{Mode, Moment, Quirk},
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
    greeted: BTreeMap<NodeId, Greeted>,
    impostors: u64,
    chats: VecDeque<Chat>,
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
    /// The mode in force.
    pub mode: String,
    /// Who greeted it.
    pub greeted: BTreeMap<NodeId, Greeted>,
    /// How often somebody claimed an id and could not prove it.
    pub impostors: u64,
    /// What was said to it.
    pub chats: Vec<Chat>,
}

impl Memory {
    pub(super) fn misbehave(&mut self, quirk: Quirk) {
        self.modes.misbehave(quirk);
    }
    pub(super) fn listening(&self) -> bool {
        !matches!(self.modes.standing(), Mode::PortChange | Mode::Vanish)
    }
    /// Counts a connection that has just opened.
    pub(super) fn open(&mut self) -> u64 {
        self.opened += 1;
        self.opened
    }
    pub(super) fn strike(&mut self, moment: Moment, provable: bool) -> Mode {
        self.modes.strike(|mode| mode.strikes(moment, provable))
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
    pub(super) fn snapshot(&self, id: NodeId) -> Snapshot {
        Snapshot {
            id,
            mode: Quirk { mode: self.modes.standing(), times: None }.to_string(),
            greeted: self.greeted.clone(),
            impostors: self.impostors,
            chats: self.chats.iter().cloned().collect(),
        }
    }
}
