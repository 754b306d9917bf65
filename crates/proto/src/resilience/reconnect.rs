//! When to dial again after a loss: often and jittered at first, then at doubling intervals.
//!
//! The phase is counted from the loss. Only a proof that the peer is there ends it, never a bare
//! connect: a fast redial can land in the backlog of a listener that is about to die.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Span, Time, rng::Rng};

/// How a kept connection is restored, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawReconnect {
    /// Shortest delay at first.
    pub min: Span,
    /// Longest delay at first; each is drawn between the two.
    pub max: Span,
    /// How long after a loss "at first" lasts.
    pub eager_for: Span,
    /// Afterwards the delay doubles up to this, with up to a quarter of jitter taken off.
    pub cap: Span,
}

impl Default for RawReconnect {
    fn default() -> Self {
        Self {
            min: Span::millis(50),
            max: Span::millis(100),
            eager_for: Span::millis(10_000),
            cap: Span::millis(5_000),
        }
    }
}

/// The checked settings, and where in them we are.
#[derive(Clone, Debug)]
pub struct Reconnect {
    min: Duration,
    max: Duration,
    eager_for: Duration,
    cap: Duration,
    lost_at: Option<Time>,
    /// Dials since the loss, and those of them after the eager phase.
    dials: u32,
    patient: u32,
}

impl Reconnect {
    /// Checks the settings.
    ///
    /// # Errors
    /// A delay of zero, or bounds in the wrong order.
    pub fn new(raw: RawReconnect) -> Result<Self, ConfigError> {
        let RawReconnect { min, max, eager_for, cap } = raw;
        if min.0.is_zero() {
            return Err(ConfigError::new("reconnect.min", "must be longer than 0"));
        }
        if max < min {
            return Err(ConfigError::new("reconnect.max", "must not be below reconnect.min"));
        }
        if cap < max {
            return Err(ConfigError::new("reconnect.cap", "must not be below reconnect.max"));
        }
        let (min, max, eager_for, cap) = (min.0, max.0, eager_for.0, cap.0);
        Ok(Self { min, max, eager_for, cap, lost_at: None, dials: 0, patient: 0 })
    }
    /// The connection is gone, or did not come. How long to wait before the next dial.
    pub fn lost(&mut self, now: Time, seed: u64) -> Duration {
        let lost_at = *self.lost_at.get_or_insert(now);
        self.dials += 1;
        let mut rng = Rng::new(seed, &[lost_at.as_micros(), u64::from(self.dials)]);
        if now - lost_at < self.eager_for {
            return self.min + (self.max - self.min).mul_f64(rng.fraction());
        }
        self.patient = self.patient.saturating_add(1);
        let doubled = self.max.saturating_mul(1 << self.patient.min(20));
        doubled.min(self.cap).mul_f64(1.0 - rng.fraction() / 4.0)
    }
    /// The peer is really there: the next loss is a new one.
    pub fn proved(&mut self) {
        (self.lost_at, self.dials, self.patient) = (None, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reconnect(raw: RawReconnect) -> Reconnect {
        Reconnect::new(raw).unwrap()
    }

    /// Dials as fast as it may for a minute; the delays, with the times they began.
    fn delays(mut reconnect: Reconnect) -> Vec<(Duration, Duration)> {
        let (mut now, mut all) = (Time::default(), Vec::new());
        while now < Time::from_millis(60_000) {
            let delay = reconnect.lost(now, 7);
            all.push((now.since_start(), delay));
            now = now + delay;
        }
        all
    }

    #[test]
    fn eager_for_ten_seconds_then_doubling_to_five() {
        let all = delays(reconnect(RawReconnect::default()));
        let (eager, patient): (Vec<_>, Vec<_>) = all.iter().partition(|(at, _)| at.as_secs() < 10);
        let ms = Duration::from_millis;
        assert!(eager.iter().all(|(_, d)| (ms(50)..=ms(100)).contains(d)), "{eager:?}");
        assert!(eager.len() > 100, "{}", eager.len());
        assert!((ms(150)..=ms(200)).contains(&patient[0].1), "{patient:?}");
        assert!((ms(300)..=ms(400)).contains(&patient[1].1), "{patient:?}");
        let last = patient.last().unwrap().1;
        assert!((ms(3750)..=ms(5000)).contains(&last), "{patient:?}");
    }

    #[test]
    fn every_setting_shows_in_the_delays() {
        let d = RawReconnect::default;
        let slow = delays(reconnect(RawReconnect { min: Span::millis(90), ..d() }));
        assert!(slow[..50].iter().all(|(_, d)| d.as_millis() >= 90));
        let wide = delays(reconnect(RawReconnect { max: Span::millis(1000), ..d() }));
        assert!(wide.iter().any(|(_, d)| d.as_millis() > 500));
        let short = delays(reconnect(RawReconnect { eager_for: Span::millis(1000), ..d() }));
        assert!(short.iter().filter(|(_, d)| d.as_millis() <= 100).count() < 25);
        let low = delays(reconnect(RawReconnect { cap: Span::millis(200), ..d() }));
        assert!(low.iter().all(|(_, d)| d.as_millis() <= 200));
    }

    #[test]
    fn only_a_proof_begins_anew() {
        let mut r = reconnect(RawReconnect::default());
        let late = Time::from_millis(20_000);
        r.lost(Time::default(), 7);
        assert!(r.lost(late, 7) > Duration::from_millis(100), "still the old loss");
        r.proved();
        assert!(r.lost(late, 7) <= Duration::from_millis(100));
    }

    #[test]
    fn senseless_settings_are_refused() {
        let key = |raw| Reconnect::new(raw).unwrap_err().key;
        let d = RawReconnect::default;
        assert_eq!(key(RawReconnect { min: Span::millis(0), ..d() }), "reconnect.min");
        assert_eq!(key(RawReconnect { max: Span::millis(10), ..d() }), "reconnect.max");
        assert_eq!(key(RawReconnect { cap: Span::millis(60), ..d() }), "reconnect.cap");
    }
}
