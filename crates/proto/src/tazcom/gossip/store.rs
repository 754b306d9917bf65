//! Messages kept for those who ask: so many, so many bytes, none past its end.
use std::collections::{BTreeMap, VecDeque};

use super::{MessageId, NodeId, Parcel};
use crate::Time;

/// A message, and who is known to have it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) parcel: Parcel,
    pub(super) hops: u8,
    pub(super) urgent: bool,
    pub(super) created: u64,
    pub(super) expires: u64,
    pub(super) came: Time,
    /// Copies sent on.
    pub(super) copies: u8,
    pub(super) told: BTreeMap<NodeId, Told>,
}

/// What a peer knows of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// It has it, or said so.
    pub(super) has: bool,
    /// It has sent it to us.
    pub(super) gave: bool,
    /// How often we told it that we have it, copies included.
    pub(super) times: u8,
    /// Copies it was given.
    pub(super) copies: u8,
}

#[derive(Debug)]
pub(super) struct Store {
    kept: usize,
    kept_bytes: usize,
    bytes: usize,
    messages: BTreeMap<MessageId, Stored>,
    order: VecDeque<MessageId>,
}

impl Store {
    pub(super) fn new(kept: usize, kept_bytes: usize) -> Self {
        let (messages, order) = (BTreeMap::new(), VecDeque::new());
        Self { kept, kept_bytes, bytes: 0, messages, order }
    }
    pub(super) fn keep(&mut self, id: MessageId, stored: Stored) {
        self.bytes += stored.parcel.text.len();
        self.order.push_back(id);
        self.messages.insert(id, stored);
        while self.order.len() > self.kept || self.bytes > self.kept_bytes {
            let oldest = self.order.pop_front().expect("it holds more than nothing");
            self.drop_one(&oldest);
        }
    }
    pub(super) fn get(&self, id: &MessageId) -> Option<&Stored> {
        self.messages.get(id)
    }
    pub(super) fn get_mut(&mut self, id: &MessageId) -> Option<&mut Stored> {
        self.messages.get_mut(id)
    }
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }
    /// The ids of what was written since then, the newest `most`.
    pub(super) fn since(&self, created: u64, most: usize) -> Vec<MessageId> {
        let recent = |id: &&MessageId| self.messages[*id].created >= created;
        self.order.iter().rev().filter(recent).take(most).copied().collect()
    }
    pub(super) fn forget_expired(&mut self, wall: u64) {
        let over = |store: &Self, id: &MessageId| store.messages[id].expires < wall;
        let (gone, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.order).into_iter().partition(|id| over(self, id));
        self.order = left.into();
        gone.iter().for_each(|id| self.drop_one(id));
    }
    fn drop_one(&mut self, id: &MessageId) {
        if let Some(stored) = self.messages.remove(id) {
            self.bytes -= stored.parcel.text.len();
        }
    }
}
