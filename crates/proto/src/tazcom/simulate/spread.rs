//! How messages spread, as curves and counts: what a plot shows.
use std::time::Duration;

use serde::Serialize;

/// Points of the curve, besides the one at the beginning: one for each percent of those who heard.
const POINTS: usize = 100;

/// How messages spread, over all of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Who had heard by when, from the beginning to when the last had: when 1 % of those who ever did
    /// had, 2 %, and so on.
    pub reached: Vec<Reached>,
    /// How often a message was first heard through no node, one, two, and so on.
    pub hops: Vec<u64>,
    /// How often a node sent no copy of a message, one, two, and so on.
    pub copies: Vec<u64>,
}

/// Who had heard by then.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// So many milliseconds after it was said.
    pub ms: f64,
    /// The share of all nodes that should hear it.
    pub share: f64,
}

/// Of delays in their order, how many there should be, hops, and copies by message and node.
pub(super) fn of<'a>(
    delays: &[Duration],
    wanted: f64,
    hops: &[u8],
    copies: impl Iterator<Item = &'a Vec<u8>>,
) -> Spread {
    let reached = (0..=POINTS).map(|percent| {
        let heard = (delays.len() * percent).div_ceil(POINTS);
        let by = heard.checked_sub(1).map_or(Duration::ZERO, |last| delays[last]);
        Reached { ms: by.as_secs_f64() * 1000.0, share: heard as f64 / wanted }
    });
    Spread {
        reached: reached.collect(),
        hops: counts(hops.iter().copied()),
        copies: counts(copies.flatten().copied()),
    }
}

/// How often there is a 0, a 1, and so on, up to the highest there is.
fn counts(of: impl Iterator<Item = u8>) -> Vec<u64> {
    let mut counts = Vec::new();
    for value in of {
        let value = usize::from(value);
        if counts.len() <= value {
            counts.resize(value + 1, 0);
        }
        counts[value] += 1;
    }
    counts
}
