//! What waits to be sent to each peer: what is urgent first, then questions and answers, then chat.
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{MAX_PEERS, NodeId};
use crate::{
    Time,
    rng::Rng,
    tazcom::{Message, bucket::Bucket},
};

/// Messages handed out for a peer that its connection has not taken yet, at most.
const CREDIT: u8 = 32;
/// Messages that wait in one lane for one peer, at most.
const LANE: usize = 1024;

/// The lanes, the first first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lane {
    Urgent,
    Talk,
    Chat,
}

/// One peer that has proven its id.
#[derive(Debug)]
pub(super) struct Peer {
    lanes: [VecDeque<Message>; 3],
    credit: u8,
    pub(super) unasked: Bucket,
    pub(super) questions: Bucket,
    pub(super) forgeries: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Peers {
    peers: BTreeMap<NodeId, Peer>,
    /// Whom something waits for.
    waiting: VecDeque<NodeId>,
    pub(super) dropped: u64,
}

impl Peers {
    /// Takes a peer in; false if there are too many.
    pub(super) fn add(&mut self, id: NodeId, burst: u32) -> bool {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&id) {
            return false;
        }
        let peer = Peer {
            lanes: Default::default(),
            credit: CREDIT,
            unasked: Bucket::new(burst, Duration::from_millis(10)),
            questions: Bucket::new(100, Duration::from_millis(50)),
            forgeries: 0,
        };
        self.peers.insert(id, peer);
        true
    }
    pub(super) fn remove(&mut self, id: &NodeId) {
        self.peers.remove(id);
        self.waiting.retain(|waiting| waiting != id);
    }
    pub(super) fn get_mut(&mut self, id: &NodeId) -> Option<&mut Peer> {
        self.peers.get_mut(id)
    }
    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.peers.keys().copied()
    }
    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }
    /// Some peers, at random, of those that qualify.
    pub(super) fn some(
        &self,
        most: usize,
        rng: &mut Rng,
        fits: impl Fn(&NodeId) -> bool,
    ) -> Vec<NodeId> {
        let fitting = self.ids().filter(fits).collect();
        draw(fitting, most, rng)
    }
    /// Queues a message; over the limit the oldest of its lane goes.
    pub(super) fn send(&mut self, to: NodeId, lane: Lane, message: Message) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        let lane = &mut peer.lanes[lane as usize];
        if lane.len() == LANE {
            lane.pop_front();
            self.dropped += 1;
        }
        lane.push_back(message);
        if !self.waiting.contains(&to) {
            self.waiting.push_back(to);
        }
    }
    /// The connection has taken one.
    pub(super) fn sent(&mut self, to: &NodeId) {
        let Some(peer) = self.peers.get_mut(to) else { return };
        peer.credit = (peer.credit + 1).min(CREDIT);
        if peer.lanes.iter().any(|lane| !lane.is_empty()) && !self.waiting.contains(to) {
            self.waiting.push_back(*to);
        }
    }
    /// The next message for anybody who can take one.
    pub(super) fn next(&mut self) -> Option<(NodeId, Message)> {
        while let Some(to) = self.waiting.pop_front() {
            let peer = self.peers.get_mut(&to).expect("who leaves waits no more");
            if peer.credit == 0 {
                continue;
            }
            if let Some(message) = peer.lanes.iter_mut().find_map(VecDeque::pop_front) {
                peer.credit -= 1;
                self.waiting.push_back(to);
                return Some((to, message));
            }
        }
        None
    }
}

/// So many of these, at random.
pub(super) fn draw<T>(mut from: Vec<T>, most: usize, rng: &mut Rng) -> Vec<T> {
    let most = most.min(from.len());
    for at in 0..most {
        let other = at + rng.below((from.len() - at) as u64) as usize;
        from.swap(at, other);
    }
    from.truncate(most);
    from
}

impl Peer {
    pub(super) fn may_ask(&mut self, now: Time) -> bool {
        self.questions.take(now)
    }
}
