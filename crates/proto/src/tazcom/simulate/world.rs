//! The nodes, the lines under way between them, and what each of them heard.
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
    time::Duration,
};

use super::{Outcome, Topology, spread};
use crate::{
    Time,
    rng::Rng,
    tazcom::{
        Identity, Message, MessageId, NodeId,
        gossip::{Counts, Draft, Gossip, Input, MAIN_CHANNEL, Output, Settings, Words},
    },
};

/// What the wall clock shows when the world begins: 2026, in milliseconds since 1970.
const EPOCH: u64 = 1_767_225_600_000;
/// Between two messages.
const GAP: Duration = Duration::from_secs(1);
/// How long the world goes on after the last.
const REST: Duration = Duration::from_secs(15);
/// How long a line takes from one node to the next, at least and at most, in microseconds.
const TRAVEL: (u64, u64) = (1000, 20_000);

pub(super) struct World {
    nodes: Vec<Gossip>,
    ids: Vec<NodeId>,
    places: BTreeMap<NodeId, usize>,
    loss: f64,
    rng: Rng,
    now: Time,
    queue: BinaryHeap<Reverse<(Time, u64, usize)>>,
    coming: BTreeMap<u64, (NodeId, Message)>,
    next: u64,
    /// When each node will be woken, if it asked to be.
    wakes: Vec<Option<Time>>,
    bytes: u64,
    heard: BTreeMap<MessageId, Vec<(Time, u8)>>,
    /// Copies of each message that each node sent.
    sent: BTreeMap<MessageId, Vec<u8>>,
}

impl World {
    pub(super) fn new(count: usize, loss: f64, seed: u64) -> Self {
        let mut rng = Rng::new(seed, &[1]);
        let (mut nodes, mut ids) = (Vec::new(), Vec::new());
        for number in 0..count as u64 {
            let mut secret = [0; 32];
            secret.chunks_mut(8).for_each(|c| c.copy_from_slice(&rng.next_u64().to_be_bytes()));
            let me = Arc::new(Identity::from_seed(secret));
            ids.push(me.id());
            let seed = Rng::new(seed, &[2, number]).next_u64();
            nodes.push(Gossip::new(me, Settings::default(), seed, EPOCH));
        }
        Self {
            places: ids.iter().enumerate().map(|(place, id)| (*id, place)).collect(),
            wakes: vec![None; count],
            nodes,
            ids,
            loss,
            rng,
            now: Time::default(),
            queue: BinaryHeap::new(),
            coming: BTreeMap::new(),
            next: 0,
            bytes: 0,
            heard: BTreeMap::new(),
            sent: BTreeMap::new(),
        }
    }

    pub(super) fn link(&mut self, topology: Topology, degree: usize) {
        let count = self.nodes.len();
        let mut links = BTreeSet::new();
        for one in 0..count {
            match topology {
                Topology::Line => links.extend((one + 1 < count).then_some((one, one + 1))),
                Topology::Mesh => links.extend((one + 1..count).map(|other| (one, other))),
                Topology::Random => {
                    // Half of its links each node picks, by the other half it is picked.
                    let mut others = BTreeSet::new();
                    while others.len() < (degree / 2).min(count - 1) {
                        let other = self.rng.below(count as u64) as usize;
                        if other != one {
                            others.insert(other);
                        }
                    }
                    links.extend(others.iter().map(|o| (one.min(*o), one.max(*o))));
                }
            }
        }
        for (one, other) in links {
            self.happens(one, Input::Up(self.ids[other]));
            self.happens(other, Input::Up(self.ids[one]));
        }
    }

    pub(super) fn play(&mut self, messages: usize) -> Outcome {
        for number in 0..messages {
            self.run_until(self.now + GAP);
            let who = self.rng.below(self.nodes.len() as u64) as usize;
            let words = Words::Chat(format!("message {number} of a simulated world").into());
            let lifetime = Duration::from_secs(600);
            let draft = Draft { channel: MAIN_CHANNEL.into(), lifetime, words };
            self.happens(who, Input::Say(draft));
        }
        self.run_until(self.now + REST);
        self.outcome(messages)
    }

    fn run_until(&mut self, until: Time) {
        while let Some(Reverse((at, number, place))) = self.queue.peek().copied() {
            if at > until {
                break;
            }
            self.queue.pop();
            self.now = at;
            match self.coming.remove(&number) {
                Some((from, message)) => self.happens(place, Input::Heard(from, message)),
                None if self.wakes[place] == Some(at) => {
                    self.wakes[place] = None;
                    self.happens(place, Input::Timeout);
                }
                None => {}
            }
        }
        self.now = until;
    }

    fn happens(&mut self, place: usize, input: Input) {
        self.nodes[place].handle_input(self.now, input);
        loop {
            match self.nodes[place].poll_output() {
                Output::Send(to, message) => {
                    self.send(place, to, message);
                    self.nodes[place].handle_input(self.now, Input::Sent(to));
                }
                Output::Show(shown) => {
                    self.heard.entry(shown.id).or_default().push((self.now, shown.hops));
                }
                Output::Wait(None) => return,
                Output::Wait(Some(at)) => {
                    if self.wakes[place].is_none_or(|before| at < before) {
                        self.wakes[place] = Some(at);
                        self.number(at, place);
                    }
                    return;
                }
                Output::Tell(..)
                | Output::Alert(..)
                | Output::Refused(_)
                | Output::Distrust(_)
                | Output::Unsaid(_) => {}
            }
        }
    }

    fn send(&mut self, from: usize, to: NodeId, message: Message) {
        self.bytes += message.encode().len() as u64;
        if let Message::Signed { parcel, .. } = &message {
            let fresh = || vec![0; self.nodes.len()];
            let sent = &mut self.sent.entry(parcel.id()).or_insert_with(fresh)[from];
            *sent = sent.saturating_add(1);
        }
        if self.rng.fraction() < self.loss {
            return;
        }
        let travel = TRAVEL.0 + self.rng.below(TRAVEL.1 - TRAVEL.0);
        let at = self.now + Duration::from_micros(travel);
        let number = self.number(at, self.places[&to]);
        self.coming.insert(number, (self.ids[from], message));
    }

    fn number(&mut self, at: Time, place: usize) -> u64 {
        self.next += 1;
        self.queue.push(Reverse((at, self.next, place)));
        self.next
    }

    fn outcome(&self, messages: usize) -> Outcome {
        let others = (self.nodes.len() - 1) as f64;
        let each = self.nodes.len() as f64 * messages as f64;
        let counts: Vec<_> = self.nodes.iter().map(|node| node.snapshot().counts).collect();
        let sum = |of: fn(&Counts) -> u64| counts.iter().map(of).sum::<u64>() as f64;
        let reached: Vec<_> = self.heard.values().map(|by| by.len() as f64 / others).collect();
        let all = reached.len() == messages;
        let worst = if all { reached.iter().copied().fold(1.0, f64::min) } else { 0.0 };
        let hops: Vec<u8> = self.heard.values().flatten().map(|(_, hops)| *hops).collect();
        let mut delays = self.delays();
        delays.sort_unstable();
        let at = |share: f64| {
            let place = (share * delays.len() as f64).ceil() as usize;
            delays.get(place.saturating_sub(1)).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
        };
        Outcome {
            worst_reach: worst,
            reach: reached.iter().sum::<f64>() / messages as f64,
            duplicates: sum(|c| c.duplicates) / each,
            copies: sum(|c| c.copies) / each,
            most_copies: counts.iter().map(|c| c.most_copies).max().unwrap_or(0),
            hops: hops.iter().map(|h| f64::from(*h)).sum::<f64>() / hops.len().max(1) as f64,
            most_hops: hops.iter().copied().max().unwrap_or(0),
            bytes: self.bytes as f64 / each,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: at(1.0),
            spread: spread::of(&delays, others * messages as f64, &hops, self.sent.values()),
        }
    }

    /// Messages are said at whole gaps, so what is left over is how long each was under way.
    fn delays(&self) -> Vec<Duration> {
        self.heard
            .values()
            .flat_map(|by| {
                let first = by.iter().map(|(at, _)| at.as_micros()).min().unwrap_or(0);
                let gap = GAP.as_micros() as u64;
                let said = Time::from_micros(first / gap * gap);
                by.iter().map(move |(at, _)| *at - said)
            })
            .collect()
    }
}
