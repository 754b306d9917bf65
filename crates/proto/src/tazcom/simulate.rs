//! Many nodes in one simulated world: how far messages get, how soon, and at what cost. A function of
//! its plan; the machines are those of real nodes.
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    Identity, Message, MessageId, NodeId,
    gossip::{Draft, Gossip, Input, MAIN_CHANNEL, MAX_PEERS, Output, Settings, Words},
};
use crate::{ConfigError, Time, rng::Rng};

/// What the wall clock shows when the world begins: 2026, in milliseconds since 1970.
const EPOCH: u64 = 1_767_225_600_000;
/// Between two messages.
const GAP: Duration = Duration::from_secs(1);
/// How long the world goes on after the last.
const REST: Duration = Duration::from_secs(15);
/// How long a line takes from one node to the next, at least and at most, in microseconds.
const TRAVEL: (u64, u64) = (1000, 20_000);

/// Who is linked to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Everybody to everybody.
    Mesh,
    /// Each to the next.
    Line,
    /// Each to some at random.
    Random,
}

impl FromStr for Topology {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "mesh" => Ok(Self::Mesh),
            "line" => Ok(Self::Line),
            "random" => Ok(Self::Random),
            other => {
                let problem = format!("no topology `{other}`; there are mesh, line, random");
                Err(ConfigError::new("topology", problem))
            }
        }
    }
}

/// What is to be simulated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// How many nodes.
    pub nodes: usize,
    /// Who is linked to whom.
    pub topology: Topology,
    /// Links of each node in a random graph, on average.
    pub degree: usize,
    /// The chance that a line is lost.
    pub loss: f64,
    /// How many messages are said, each by a node at random.
    pub messages: usize,
    /// All chance comes from this.
    pub seed: u64,
}

/// What came of it. Figures per message are means unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Of the nodes that should have heard a message, the share that did: of the message that fared
    /// worst.
    pub worst_reach: f64,
    /// The same, of all messages.
    pub reach: f64,
    /// Copies that came to a node that had the message, per node and message.
    pub duplicates: f64,
    /// Copies sent, per node and message.
    pub copies: f64,
    /// The most copies of one message that any node sent.
    pub most_copies: u8,
    /// Nodes a message came through.
    pub hops: f64,
    /// The most of them.
    pub most_hops: u8,
    /// Bytes sent, per node and message, announcements and questions included.
    pub bytes: f64,
    /// When half of the nodes reached had heard, in ms.
    pub p50_ms: f64,
    /// When 99 % of them had.
    pub p99_ms: f64,
    /// When all of them had.
    pub max_ms: f64,
}

/// Lets it happen.
///
/// # Errors
/// A plan that is none: fewer than two nodes or more than 10 000, more links than a node can have, a
/// chance that is no chance.
pub fn simulate(plan: &Plan) -> Result<Outcome, ConfigError> {
    let Plan { nodes, topology, degree, loss, messages, seed } = *plan;
    let wrong = |key: &str, problem: &str| Err(ConfigError::new(key, problem));
    if !(2..=10_000).contains(&nodes) {
        return wrong("nodes", "must be from 2 to 10000");
    }
    if topology == Topology::Mesh && nodes > MAX_PEERS {
        return wrong("nodes", "must be at most 256 in a mesh; a node has no more links");
    }
    if topology == Topology::Random && !(2..=64).contains(&degree) {
        return wrong("degree", "must be from 2 to 64");
    }
    if !(0.0..1.0).contains(&loss) {
        return wrong("loss", "must be from 0 to less than 1");
    }
    if !(1..=10_000).contains(&messages) {
        return wrong("messages", "must be from 1 to 10000");
    }
    let mut world = World::new(nodes, loss, seed);
    world.link(topology, degree);
    Ok(world.play(messages))
}

struct World {
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
}

impl World {
    fn new(count: usize, loss: f64, seed: u64) -> Self {
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
        }
    }

    fn link(&mut self, topology: Topology, degree: usize) {
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

    fn play(&mut self, messages: usize) -> Outcome {
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
        let sum = |of: fn(&super::gossip::Counts) -> u64| counts.iter().map(of).sum::<u64>() as f64;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(nodes: usize, topology: Topology, loss: f64) -> Plan {
        Plan { nodes, topology, degree: 8, loss, messages: 3, seed: 7 }
    }

    #[test]
    fn everybody_hears_everything_in_every_topology_though_lines_are_lost() {
        for topology in [Topology::Mesh, Topology::Line, Topology::Random] {
            let outcome = simulate(&plan(24, topology, 0.05)).unwrap();
            assert!(outcome.worst_reach == 1.0, "{topology:?}: {outcome:?}");
            assert!(outcome.most_copies <= 6, "{topology:?}: {outcome:?}");
            assert!(outcome.bytes > 500.0 && outcome.max_ms > 1.0, "{topology:?}: {outcome:?}");
        }
    }

    #[test]
    fn a_line_takes_as_many_hops_as_it_has_links() {
        let outcome = simulate(&plan(20, Topology::Line, 0.0)).unwrap();
        assert!((10..=19).contains(&outcome.most_hops), "{outcome:?}");
    }

    #[test]
    fn equal_seeds_give_equal_worlds() {
        let once = |seed| simulate(&Plan { seed, ..plan(12, Topology::Random, 0.2) }).unwrap();
        assert_eq!(once(1), once(1));
        assert_ne!(once(1), once(2));
    }

    #[test]
    fn where_all_is_lost_nobody_is_reached() {
        let outcome = simulate(&plan(4, Topology::Mesh, 0.999_999)).unwrap();
        assert_eq!((outcome.reach, outcome.worst_reach), (0.0, 0.0));
    }

    #[test]
    fn a_plan_that_is_none_is_refused() {
        let key = |plan: Plan| simulate(&plan).unwrap_err().key;
        let sound = || plan(8, Topology::Random, 0.0);
        assert_eq!(key(Plan { nodes: 1, ..sound() }), "nodes");
        assert_eq!(key(plan(257, Topology::Mesh, 0.0)), "nodes");
        assert_eq!(key(Plan { degree: 1, ..sound() }), "degree");
        assert_eq!(key(Plan { loss: 1.0, ..sound() }), "loss");
        assert_eq!(key(Plan { messages: 0, ..sound() }), "messages");
        assert_eq!("ring".parse::<Topology>().unwrap_err().key, "topology");
    }

    /// In a release build: `cargo test --release -p wirelab-proto a_thousand -- --ignored --nocapture`.
    #[test]
    #[ignore = "a minute without optimisation"]
    fn a_thousand_nodes_hear_everything_at_six_copies_each() {
        let plan = Plan { messages: 20, ..plan(1000, Topology::Random, 0.05) };
        let outcome = simulate(&plan).unwrap();
        eprintln!("{outcome:#?}");
        assert!(outcome.worst_reach >= 0.999 && outcome.most_copies <= 6, "{outcome:?}");
    }
}
