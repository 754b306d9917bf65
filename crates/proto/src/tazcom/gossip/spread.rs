//! How a message gets on: at once to some, announced to the others, and given to those who ask.
use std::{collections::BTreeMap, time::Duration};

use super::{
    Gossip, Message, MessageId, NodeId, Parcel, Payload,
    peers::Lane,
    store::{Stored, Told},
};
use crate::Time;

/// How often what is fresh is announced.
const PULSE: Duration = Duration::from_millis(250);
/// For so long a message is fresh: it spreads, and the limit of copies holds.
const FRESH: Duration = Duration::from_secs(5);
/// How often a peer is told of a message, at most. Telling it costs 46 bytes.
const TOLD: u8 = 4;
/// Copies of one message for one peer, at most: the first may be lost.
const COPIES_EACH: u8 = 3;
/// Ids in one question.
const ASKED: usize = 100;

impl Gossip {
    pub(super) fn spread(
        &mut self,
        now: Time,
        from: Option<NodeId>,
        hops: u8,
        id: MessageId,
        parcel: Parcel,
        payload: &Payload,
    ) {
        let hops = hops.saturating_add(u8::from(from.is_some()));
        if hops > self.settings.max_hops {
            return;
        }
        let mut told = BTreeMap::new();
        if let Some(giver) = from {
            told.insert(giver, Told { has: true, gave: true, ..Told::default() });
        }
        let urgent = payload.body.is_urgent();
        let Payload { created, expires, .. } = *payload;
        let stored = Stored { parcel, hops, urgent, created, expires, came: now, copies: 0, told };
        // Of what is caught up with, everybody else has heard long ago.
        let late = self.wall(now).saturating_sub(created) > FRESH.as_millis() as u64;
        self.store.keep(id, stored);
        if late {
            return;
        }
        self.fresh.push_back(id);
        self.next_pulse = self.next_pulse.max(now).min(now + PULSE);
        let few = usize::from(if urgent { self.settings.copies } else { self.settings.eager });
        let stored = self.store.get(&id);
        let new_to = |peer: &NodeId| stored.is_some_and(|s| !s.told.contains_key(peer));
        for peer in self.peers.some(few, &mut self.rng, new_to) {
            self.copy(peer, &id);
        }
    }

    /// Gives a message to one that asks for it.
    pub(super) fn give(&mut self, now: Time, to: NodeId, id: &MessageId) {
        let Some(stored) = self.store.get(id) else { return };
        let spreads = now - stored.came < FRESH;
        let given = stored.told.get(&to).map_or(0, |told| told.copies);
        if given >= COPIES_EACH || spreads && stored.copies >= self.settings.copies {
            return;
        }
        self.copy(to, id);
    }

    fn copy(&mut self, to: NodeId, id: &MessageId) {
        let Some(stored) = self.store.get_mut(id) else { return };
        stored.copies = stored.copies.saturating_add(1);
        let told = stored.told.entry(to).or_default();
        (told.copies, told.times) = (told.copies + 1, told.times + 1);
        self.counts.copies += 1;
        self.counts.most_copies = self.counts.most_copies.max(stored.copies);
        let lane = if stored.urgent { Lane::Urgent } else { Lane::Chat };
        let message = Message::Signed { hops: stored.hops, parcel: stored.parcel.clone() };
        self.peers.send(to, lane, message);
    }

    /// Announces what is fresh, asks for what is wanted, and forgets what is over.
    pub(super) fn pulse(&mut self, now: Time) {
        for (holder, ids) in self.wants.due(now) {
            for ids in ids.chunks(ASKED) {
                self.peers.send(holder, Lane::Talk, Message::IWant(ids.to_vec()));
            }
        }
        if now < self.next_pulse {
            return;
        }
        self.next_pulse = now + PULSE;
        self.fresh.retain(|id| self.store.get(id).is_some_and(|s| now - s.came < FRESH));
        for peer in self.peers.ids().collect::<Vec<_>>() {
            let ids = self.news_for(now, peer);
            if !ids.is_empty() {
                self.peers.send(peer, Lane::Talk, Message::IHave(ids));
            }
        }
        let wall = self.wall(now);
        self.window.forget_expired(wall);
        self.store.forget_expired(wall);
    }

    /// What this peer may not have. It is told more rarely the more often it was told.
    fn news_for(&mut self, now: Time, peer: NodeId) -> Vec<MessageId> {
        let mut ids = Vec::new();
        for id in &self.fresh {
            let Some(stored) = self.store.get_mut(id) else { continue };
            let age = now - stored.came;
            let told = stored.told.entry(peer).or_default();
            let due = PULSE * ((1 << told.times.min(TOLD)) - 1);
            if !told.has && told.times < TOLD && age >= due && ids.len() < ASKED {
                told.times += 1;
                ids.push(*id);
            }
        }
        ids
    }

    pub(in crate::tazcom) fn alarm(&self) -> Option<Time> {
        let pulse = (!self.fresh.is_empty()).then_some(self.next_pulse);
        pulse.into_iter().chain(self.wants.alarm()).min()
    }
}
