//! Plain statistics over samples, exact: nearest-rank percentiles, sample standard deviation.
use serde::Serialize;

/// The 95th percentile should not be above this, in milliseconds.
pub const P95_MS: f64 = 300.0;
/// The 99th percentile should not be above this, in milliseconds.
pub const P99_MS: f64 = 800.0;

/// What samples amount to, in their own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// How many there are, at least one.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// Sample standard deviation; 0 for one sample.
    pub stddev: f64,
    /// Half are no larger.
    pub p50: f64,
    /// 95 of 100 are no larger.
    pub p95: f64,
    /// 99 of 100 are no larger.
    pub p99: f64,
    /// 999 of 1000 are no larger.
    pub p99_9: f64,
}

impl Stats {
    /// What these samples amount to; nothing, if there are none.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let count = sorted.len();
        let mean = sorted.iter().sum::<f64>() / count as f64;
        let squares: f64 = sorted.iter().map(|x| (x - mean).powi(2)).sum();
        let stddev = if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 };
        let [p50, p95, p99, p99_9] = [500, 950, 990, 999].map(|p| nearest_rank(&sorted, p));
        Some(Self { count, min, max, mean, stddev, p50, p95, p99, p99_9 })
    }
}

/// The smallest sample that at least `permille` of 1000 do not exceed. In whole numbers, since
/// rounding would put it one rank high where `permille * count / 1000` is whole.
pub(crate) fn nearest_rank(sorted: &[f64], permille: usize) -> f64 {
    sorted[(permille * sorted.len()).div_ceil(1000).max(1) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(n: u32) -> [f64; 4] {
        let samples: Vec<f64> = (1..=n).rev().map(f64::from).collect();
        let stats = Stats::of(&samples).unwrap();
        [stats.p50, stats.p95, stats.p99, stats.p99_9]
    }

    #[test]
    fn a_whole_rank_is_not_rounded_up() {
        assert_eq!(ranks(100), [50.0, 95.0, 99.0, 100.0]);
        assert_eq!(ranks(20), [10.0, 19.0, 20.0, 20.0]);
        assert_eq!(ranks(200), [100.0, 190.0, 198.0, 200.0]);
        assert_eq!(ranks(2000), [1000.0, 1900.0, 1980.0, 1998.0]);
    }

    #[test]
    fn a_broken_rank_is() {
        assert_eq!(ranks(1), [1.0, 1.0, 1.0, 1.0]);
        assert_eq!(ranks(10), [5.0, 10.0, 10.0, 10.0]);
        assert_eq!(ranks(101), [51.0, 96.0, 100.0, 101.0]);
    }

    #[test]
    fn deviation_is_the_samples_own() {
        let stats = Stats::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!((stats.min, stats.max, stats.mean), (2.0, 9.0, 5.0));
        assert!((stats.stddev - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!(Stats::of(&[3.0]).unwrap().stddev, 0.0);
    }

    #[test]
    fn nothing_amounts_to_nothing() {
        assert_eq!(Stats::of(&[]), None);
    }
}
