//! Many nodes in one simulated world: how far messages get, how soon, and at what cost. A function of
//! its plan; the machines are those of real nodes.
mod spread;
mod world;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::gossip::MAX_PEERS;
use crate::ConfigError;
pub use spread::{Reached, Spread};
use world::World;

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
    /// The same as curves and counts.
    pub spread: Spread,
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

#[cfg(test)]
mod tests;
