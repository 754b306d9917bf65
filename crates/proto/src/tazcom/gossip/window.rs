//! The ids of messages known already. It holds each until its message has expired, and only so many.
use std::collections::{BTreeMap, BTreeSet};

use super::MessageId;

/// Ids, each with the instant it can be forgotten, in milliseconds since 1970.
#[derive(Debug)]
pub(super) struct Window {
    limit: usize,
    until: BTreeMap<MessageId, u64>,
    order: BTreeSet<(u64, MessageId)>,
}

impl Window {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, until: BTreeMap::new(), order: BTreeSet::new() }
    }
    pub(super) fn knows(&self, id: &MessageId) -> bool {
        self.until.contains_key(id)
    }
    /// Remembers an id. Over the limit, the one that expires first is forgotten before its time; should
    /// its message come again, it is shown again.
    pub(super) fn remember(&mut self, id: MessageId, until: u64) {
        if let Some(before) = self.until.insert(id, until) {
            self.order.remove(&(before, id));
        }
        self.order.insert((until, id));
        if self.until.len() > self.limit
            && let Some((_, first)) = self.order.pop_first()
        {
            self.until.remove(&first);
        }
    }
    pub(super) fn forget_expired(&mut self, wall: u64) {
        while let Some((until, id)) = self.order.first().copied().filter(|(until, _)| *until < wall)
        {
            self.order.remove(&(until, id));
            self.until.remove(&id);
        }
    }
    pub(super) fn len(&self) -> usize {
        self.until.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_what_expired_and_what_is_too_much() {
        let [a, b, c] = ["a", "b", "c"].map(MessageId::of);
        let mut window = Window::new(2);
        window.remember(a, 30);
        window.remember(b, 20);
        window.remember(b, 40);
        assert_eq!(window.len(), 2);
        window.remember(c, 50);
        assert_eq!([a, b, c].map(|id| window.knows(&id)), [false, true, true]);
        window.forget_expired(41);
        assert_eq!([b, c].map(|id| window.knows(&id)), [false, true]);
    }
}
