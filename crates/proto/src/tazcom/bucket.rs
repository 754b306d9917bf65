//! A token bucket: so many at once, and so many a second after that.
use std::time::Duration;

use crate::Time;

/// What is left of an allowance. It refills with time.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    burst: u32,
    every: Duration,
    /// When it will be full again; an empty one has all of its burst ahead.
    full_at: Time,
}

impl Bucket {
    /// A full one, of `burst`, refilled by one after each `every`.
    pub(super) fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every, full_at: Time::default() }
    }
    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Time) -> bool {
        let missing = self.full_at - now;
        if missing + self.every > self.every * self.burst {
            return false;
        }
        self.full_at = now.max(self.full_at) + self.every;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut bucket = Bucket::new(3, Duration::from_millis(100));
        let mut passed = |ms| bucket.take(Time::from_millis(ms));
        assert_eq!([passed(0), passed(0), passed(0), passed(0)], [true, true, true, false]);
        assert_eq!([passed(99), passed(100), passed(100)], [false, true, false]);
        assert_eq!([passed(900), passed(900), passed(900), passed(900)], [true, true, true, false]);
    }
}
