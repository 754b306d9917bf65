//! Exponential backoff with additive jitter: `base * factor^(n-1)`, at most `max`, plus U[0, jitter).
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Span, rng::Rng};

/// The delays before attempts 2, 3, 4…, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawBackoff {
    /// Before the second attempt.
    pub base: Span,
    /// Each next delay is this many times the last.
    pub factor: f64,
    /// No delay is longer, jitter apart.
    pub max: Span,
    /// Up to this much is added to every delay.
    pub jitter: Span,
}

impl Default for RawBackoff {
    fn default() -> Self {
        Self {
            base: Span::millis(250),
            factor: 2.0,
            max: Span::millis(10_000),
            jitter: Span::millis(100),
        }
    }
}

/// Checked backoff settings.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    factor: f64,
    max: Duration,
    jitter: Duration,
}

impl Backoff {
    /// Checks the settings.
    ///
    /// # Errors
    /// `factor` below 1 or not finite, `max` below `base`.
    pub fn new(raw: RawBackoff) -> Result<Self, ConfigError> {
        let RawBackoff { base, factor, max, jitter } = raw;
        if !(1.0..=1000.0).contains(&factor) {
            return Err(ConfigError::new("backoff.factor", "must be from 1 to 1000"));
        }
        if max < base {
            return Err(ConfigError::new("backoff.max", "must not be below backoff.base"));
        }
        Ok(Self { base: base.0, factor, max: max.0, jitter: jitter.0 })
    }
    /// The delay after the `failures`-th failure in a row (counted from 1).
    pub fn delay(&self, failures: u32, rng: &mut Rng) -> Duration {
        let steps = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.base.as_secs_f64() * self.factor.powi(steps);
        let delay = Duration::try_from_secs_f64(seconds).unwrap_or(self.max).min(self.max);
        delay.saturating_add(self.jitter.mul_f64(rng.fraction()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(raw: RawBackoff) -> Vec<Duration> {
        let backoff = Backoff::new(raw).unwrap();
        let mut rng = Rng::new(1, &[]);
        (1..=5).map(|n| backoff.delay(n, &mut rng)).collect()
    }

    fn within(delay: Duration, low: u64, high: u64) -> bool {
        (Duration::from_millis(low)..Duration::from_millis(high)).contains(&delay)
    }

    #[test]
    fn the_defaults_are_the_reference_rule() {
        let d = delays(RawBackoff::default());
        assert!(
            within(d[0], 250, 350) && within(d[1], 500, 600) && within(d[2], 1000, 1100),
            "{d:?}"
        );
    }

    #[test]
    fn every_setting_shows_in_the_delays() {
        let plain = RawBackoff { jitter: Span::millis(0), ..RawBackoff::default() };
        let ms = |raw| delays(raw).iter().map(|d| d.as_millis()).collect::<Vec<_>>();
        assert_eq!(ms(plain.clone()), [250, 500, 1000, 2000, 4000]);
        assert_eq!(ms(RawBackoff { base: Span::millis(10), ..plain.clone() })[..2], [10, 20]);
        assert_eq!(ms(RawBackoff { factor: 3.0, ..plain.clone() })[..3], [250, 750, 2250]);
        assert_eq!(ms(RawBackoff { max: Span::millis(600), ..plain })[2..], [600, 600, 600]);
    }

    #[test]
    fn no_delay_is_too_long_to_add_up() {
        let age = Span(Duration::from_secs(u64::MAX));
        let raw = RawBackoff { base: age, max: age, jitter: age, ..RawBackoff::default() };
        assert!(delays(raw).iter().all(|delay| *delay >= age.0));
    }

    #[test]
    fn jitter_is_spread_over_its_whole_range() {
        let raw = RawBackoff { base: Span::millis(0), ..RawBackoff::default() };
        let backoff = Backoff::new(raw).unwrap();
        let mut rng = Rng::new(3, &[]);
        let mut tenths = [0; 10];
        for _ in 0..10_000 {
            tenths[(backoff.delay(1, &mut rng).as_micros() / 10_000) as usize] += 1;
        }
        assert!(tenths.iter().all(|n| (850..1150).contains(n)), "{tenths:?}");
    }

    #[test]
    fn senseless_settings_are_refused() {
        let with = |factor, max| Backoff::new(RawBackoff { factor, max, ..RawBackoff::default() });
        assert_eq!(with(0.5, Span::millis(1000)).unwrap_err().key, "backoff.factor");
        assert_eq!(with(f64::NAN, Span::millis(1000)).unwrap_err().key, "backoff.factor");
        assert_eq!(with(2.0, Span::millis(1)).unwrap_err().key, "backoff.max");
    }
}
