//! How long a bridge takes for each of its words, drawn from a seed.
use std::time::Duration;

use super::settings::Pace;
use crate::rng::Rng;

/// Shares of a captured home's answers, and how many medians they took at most: of 121 acknowledgements
/// with a median of 86 ms, 90 % were there after 636 ms, 95 % after 1116, 99 % after 1761, all after 1773.
const HOME: [(f64, f64); 6] =
    [(0.0, 0.1), (0.5, 1.0), (0.9, 7.395), (0.95, 12.977), (0.99, 20.477), (1.0, 20.616)];

/// A way to take time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    median: Duration,
    pace: Pace,
    seed: u64,
}

impl Latency {
    pub(super) fn new(median: Duration, pace: Pace, seed: u64) -> Self {
        Self { median, pace, seed }
    }
    /// The chance of one connection.
    pub(super) fn chance(&self, connection: u64) -> Rng {
        Rng::new(self.seed, &[connection])
    }
    /// How long the next word takes.
    pub(super) fn next(&self, chance: &mut Rng) -> Duration {
        match self.pace {
            Pace::Steady => self.median,
            Pace::Home => self.median.mul_f64(medians(chance.fraction())),
        }
    }
}

/// How many medians the slowest of the fastest `share` takes.
fn medians(share: f64) -> f64 {
    let part = HOME.windows(2).find(|part| share <= part[1].0).unwrap_or(&HOME[4..]);
    let ((from, low), (to, high)) = (part[0], part[1]);
    low + (high - low) * (share - from) / (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(pace: Pace, seed: u64) -> Vec<Duration> {
        let latency = Latency::new(Duration::from_millis(86), pace, seed);
        let mut chance = latency.chance(1);
        let mut drawn: Vec<_> = (0..10_000).map(|_| latency.next(&mut chance)).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn a_home_is_as_slow_as_it_was_captured() {
        let home = drawn(Pace::Home, 7);
        for (share, ms) in [(0.5, 86.0), (0.9, 636.0), (0.95, 1116.0), (0.99, 1761.0)] {
            let took = home[(share * 10_000.0) as usize].as_secs_f64() * 1000.0;
            assert!((took - ms).abs() < ms * 0.08, "{share}: {took} ms, not {ms}");
        }
        assert!(home[9_999] <= Duration::from_millis(1774));
    }

    #[test]
    fn a_seed_decides_and_steady_is_steady() {
        assert_eq!(drawn(Pace::Home, 1), drawn(Pace::Home, 1));
        assert_ne!(drawn(Pace::Home, 1), drawn(Pace::Home, 2));
        assert!(drawn(Pace::Steady, 1).iter().all(|d| *d == Duration::from_millis(86)));
    }
}
