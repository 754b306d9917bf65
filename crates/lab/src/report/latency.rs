//! Latencies counted in buckets of three significant digits: few however many samples there are, and
//! those of several runs are added up without loss.
use hdrhistogram::Histogram;
use serde::Serialize;

/// How many latencies were no longer than this, and longer than the bucket before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// The longest that belongs here, in milliseconds.
    pub up_to_ms: f64,
    /// How many there are; at least one.
    pub count: u64,
}

/// The buckets of these latencies, in milliseconds, that hold any.
pub fn buckets(samples_ms: &[f64]) -> Vec<Bucket> {
    let histogram = histogram(samples_ms);
    let recorded = histogram.iter_recorded().map(|value| Bucket {
        up_to_ms: value.value_iterated_to() as f64 / 1000.0,
        count: value.count_since_last_iteration(),
    });
    recorded.collect()
}

/// How many latencies there are below each power of two microseconds: the power's exponent, and the
/// count, from the first to the last that holds any.
pub(super) fn doublings(samples_ms: &[f64]) -> Vec<(u32, u64)> {
    let mut found: Vec<(u32, u64)> = Vec::new();
    for value in histogram(samples_ms).iter_recorded() {
        // 1 µs is below 2^1, 2 and 3 µs below 2^2.
        let exponent = value.value_iterated_to().max(1).ilog2() + 1;
        while let Some((last, _)) = found.last()
            && *last < exponent
        {
            let next = last + 1;
            found.push((next, 0));
        }
        if found.is_empty() {
            found.push((exponent, 0));
        }
        found.last_mut().expect("pushed above").1 += value.count_at_value();
    }
    found
}

fn histogram(samples_ms: &[f64]) -> Histogram<u64> {
    const DIGITS: u8 = 3;
    const HOUR_US: u64 = 3_600_000_000;
    let mut histogram =
        Histogram::new_with_bounds(1, HOUR_US, DIGITS).expect("these bounds are allowed");
    for ms in samples_ms {
        // A float becomes a whole number that is as near as can be, whatever it was.
        histogram.saturating_record((ms * 1000.0).round() as u64);
    }
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_in_one_bucket_within_a_thousandth() {
        let samples: Vec<f64> = (1..=2000).map(|n| f64::from(n) * 1.7).collect();
        let buckets = buckets(&samples);
        assert_eq!(buckets.iter().map(|b| b.count).sum::<u64>(), 2000);
        assert!(buckets.is_sorted_by(|a, b| a.up_to_ms < b.up_to_ms));
        let longest = buckets.last().unwrap().up_to_ms;
        assert!((3400.0..3403.5).contains(&longest), "{longest}");
    }

    #[test]
    fn doublings_have_no_holes() {
        assert_eq!(doublings(&[0.001, 0.003, 0.009]), [(1, 1), (2, 1), (3, 0), (4, 1)]);
        assert_eq!(doublings(&[]), []);
        assert_eq!(doublings(&[f64::NAN, -1.0]), [(1, 2)]);
    }
}
