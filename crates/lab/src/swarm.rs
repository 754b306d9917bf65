//! Faults drawn from a seed: every scenario on a wire as bad as chance makes it. What is drawn ends:
//! no pause is longer than clients wait for in scenarios.
use net::proxy::Rule;
use proto::{ConfigError, rng::Rng};

use crate::{Kind, scenario::Scenario, trial::Trial};

/// At most so many faults at once.
const MOST: u64 = 3;

/// What a wire is like under this seed: the scenario with one to three faults.
///
/// # Errors
/// Nobody is there to put a proxy before.
pub fn draw(scenario: &Scenario, kind: Kind, seed: u64) -> Result<Trial, ConfigError> {
    let name = scenario.name.get_ref().bytes().map(u64::from);
    let name: Vec<u64> = [u64::from_be_bytes(*b"swarm\0\0\0")].into_iter().chain(name).collect();
    let mut rng = Rng::new(seed, &name);
    let count = 1 + rng.below(MOST);
    let rules = (0..count).map(|_| fault(&mut rng)).collect::<Result<Vec<_>, _>>()?;
    Trial::new(scenario, rules, kind, seed).map(Trial::by_any_fault)
}

/// Whether a swarm can say anything of it: somebody must speak, and nobody be guilty on purpose.
pub fn takes(scenario: &Scenario, kind: Kind) -> bool {
    !scenario.clients.is_empty() && scenario.convicts.is_none() && scenario.worlds.contains(&kind)
}

fn fault(rng: &mut Rng) -> Result<Rule, ConfigError> {
    let lane = ["", " lane=up", " lane=down"][rng.below(3) as usize];
    let byte = rng.below(100);
    let conn = 1 + rng.below(4) / 3;
    let some = 1 + rng.below(30);
    let ms = 1 + rng.below(250);
    let text = match rng.below(24) {
        0 | 1 => format!("latency delay={ms}ms jitter={}ms{lane}", ms / 2),
        2 => format!("bandwidth rate={}{lane}", 500 + some * 100),
        3 => format!("stall for={ms}ms byte={byte}{lane}"),
        4 => format!("black_hole byte={byte} conn={conn}{lane}"),
        5 => format!("black_hole lose=true byte={byte} conn={conn}{lane}"),
        6 => format!("slice size={some} gap=1ms{lane}"),
        7 => format!("split byte={byte}{lane}"),
        8 => format!("dribble{lane}"),
        9 => format!("coalesce bytes={} wait={ms}ms{lane}", some * 4),
        10 => format!("corrupt byte={byte} mask={:02x} conn={conn}{lane}", 1 << rng.below(8)),
        11 => format!("corrupt chance=0.05 mask=01{lane}"),
        12 => format!("insert hex={:06x} byte={byte} conn={conn}{lane}", rng.below(1 << 24)),
        13 => format!("drop bytes={some} byte={byte} conn={conn}{lane}"),
        14 => format!("duplicate bytes={some} byte={byte} conn={conn}{lane}"),
        15 => format!("duplicate nth={conn}{lane}"),
        16 => format!("truncate nth={conn} keep={some} conn=1{lane}"),
        17 => format!("close byte={byte} conn={conn}{lane}"),
        18 => format!("half_close byte={byte} conn={conn}{lane}"),
        19 => format!("reset byte={byte} conn={conn}{lane}"),
        20 => format!("reset after={ms}ms times=1"),
        21 => format!("schedule up={}ms down={ms}ms", 50 + some * 10),
        22 => format!("delay_accept delay={ms}ms"),
        _ => {
            let door = ["accept_then_close", "accept_then_reset", "close_unread", "accept_never"];
            format!("{} conn={conn}", door[rng.below(4) as usize])
        }
    };
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_that_is_drawn_makes_sense() {
        let mut rng = Rng::new(1, &[]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2000 {
            seen.insert(fault(&mut rng).unwrap().fault.name());
        }
        assert!(seen.len() >= 20, "{seen:?}");
    }
}
