//! What became of each alert, and who has seen it.
use std::{collections::BTreeSet, num::NonZeroUsize};

use lru::LruCache;
use serde::Serialize;

use super::{AlertState, MessageId, NodeId};

/// Alerts remembered at most.
const MAX_ALERTS: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");

/// An alert as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// What became of it.
    pub state: AlertState,
    /// Who said so last, if anybody did.
    pub by: Option<NodeId>,
    /// Who has seen it, as far as receipts are counted.
    pub seen: BTreeSet<NodeId>,
}

#[derive(Debug)]
pub(super) struct Alerts(LruCache<MessageId, Alert>);

impl Alerts {
    pub(super) fn new() -> Self {
        Self(LruCache::new(MAX_ALERTS))
    }
    /// The alert, which may be heard of before it is heard itself.
    pub(super) fn of(&mut self, id: MessageId) -> &mut Alert {
        self.0.get_or_insert_mut(id, Alert::default)
    }
    pub(super) fn get(&self, id: &MessageId) -> Option<&Alert> {
        self.0.peek(id)
    }
    pub(super) fn list(&self) -> Vec<(MessageId, Alert)> {
        self.0.iter().map(|(id, alert)| (*id, alert.clone())).collect()
    }
}
