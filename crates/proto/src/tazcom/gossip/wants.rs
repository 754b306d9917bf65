//! Messages that others have and we do not: whom to ask for each, and when to ask the next.
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{MessageId, NodeId};
use crate::Time;

/// Wants at a time, at most.
const MAX_WANTS: usize = 4096;
/// Holders remembered for one message.
const MAX_HOLDERS: usize = 16;
/// Questions for one message.
const MAX_ASKED: u8 = 8;
/// A message that is announced may be on its way already.
const GRACE: Duration = Duration::from_millis(150);
/// Who does not answer in this time is not waited for any longer.
const PATIENCE: Duration = Duration::from_millis(400);

#[derive(Debug)]
struct Want {
    holders: VecDeque<NodeId>,
    asked: u8,
    due: Time,
}

#[derive(Debug, Default)]
pub(super) struct Wants(BTreeMap<MessageId, Want>);

impl Wants {
    /// This one has it. False if there is too much to want already.
    pub(super) fn offer(&mut self, now: Time, id: MessageId, holder: NodeId) -> bool {
        if self.0.len() >= MAX_WANTS && !self.0.contains_key(&id) {
            return false;
        }
        let want = self.0.entry(id).or_insert_with(|| Want {
            holders: VecDeque::new(),
            asked: 0,
            due: now + GRACE,
        });
        if want.holders.len() < MAX_HOLDERS && !want.holders.contains(&holder) {
            want.holders.push_back(holder);
        }
        true
    }
    /// It has come, or never will. Whether it was asked for.
    pub(super) fn settle(&mut self, id: &MessageId) -> bool {
        self.0.remove(id).is_some_and(|want| want.asked > 0)
    }
    /// Whom to ask now, for what.
    pub(super) fn due(&mut self, now: Time) -> BTreeMap<NodeId, Vec<MessageId>> {
        let mut asks: BTreeMap<NodeId, Vec<MessageId>> = BTreeMap::new();
        self.0.retain(|id, want| {
            if want.due > now {
                return true;
            }
            let Some(holder) = want.holders.pop_front() else { return false };
            // It may be asked once more, after all others: its answer may have been lost.
            want.holders.push_back(holder);
            want.asked += 1;
            want.due = now + PATIENCE;
            asks.entry(holder).or_default().push(*id);
            want.asked < MAX_ASKED
        });
        asks
    }
    pub(super) fn forget(&mut self, holder: &NodeId) {
        self.0.retain(|_, want| {
            want.holders.retain(|other| other != holder);
            !want.holders.is_empty()
        });
    }
    pub(super) fn alarm(&self) -> Option<Time> {
        self.0.values().map(|want| want.due).min()
    }
}
