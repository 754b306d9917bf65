//! What can be set of a circuit breaker, and what of that makes sense.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Span};

/// What a person may set, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawBreaker {
    /// Failures in a row that open it; with `rate`, failures within the window at the least.
    pub threshold: u32,
    /// Open at this share of failures instead of at failures in a row, 0 to 1.
    pub rate: Option<f64>,
    /// With `rate`: the window it is counted over.
    pub window: Span,
    /// How long it stays open the first time.
    pub open_for: Span,
    /// Each time it opens again without having closed, it stays open this many times longer.
    pub growth: f64,
    /// But no longer than this.
    pub max_open: Span,
    /// Up to this share of the open time is taken off, so that clients do not come back as one.
    pub jitter: f64,
    /// Probes at a time while half open.
    pub probes: u32,
    /// Successful probes that close it.
    pub close_after: u32,
}

impl Default for RawBreaker {
    fn default() -> Self {
        Self {
            threshold: 5,
            rate: None,
            window: Span::millis(30_000),
            open_for: Span::millis(10_000),
            growth: 2.0,
            max_open: Span::millis(300_000),
            jitter: 0.1,
            probes: 1,
            close_after: 1,
        }
    }
}

/// Checked settings.
#[derive(Clone, Debug)]
pub struct BreakerConfig {
    pub(super) threshold: u32,
    pub(super) rate: Option<f64>,
    pub(super) window: Duration,
    pub(super) open_for: Duration,
    pub(super) growth: f64,
    pub(super) max_open: Duration,
    pub(super) jitter: f64,
    pub(super) probes: u32,
    pub(super) close_after: u32,
}

impl BreakerConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// Counts and times of zero, shares outside 0 to 1.
    pub fn new(raw: RawBreaker) -> Result<Self, ConfigError> {
        let RawBreaker {
            threshold,
            rate,
            window,
            open_for,
            growth,
            max_open,
            jitter,
            probes,
            close_after,
        } = raw;
        let wrong = |key: &str, why: &str| Err(ConfigError::new(format!("breaker.{key}"), why));
        let counts = [("threshold", threshold), ("probes", probes), ("close_after", close_after)];
        if let Some((key, _)) = counts.iter().find(|(_, n)| *n == 0) {
            return wrong(key, "must be at least 1");
        }
        if rate.is_some_and(|rate| !(rate > 0.0 && rate <= 1.0)) {
            return wrong("rate", "must be above 0 and at most 1");
        }
        if window.0.is_zero() {
            return wrong("window", "must be longer than 0");
        }
        if open_for.0.is_zero() {
            return wrong("open_for", "must be longer than 0");
        }
        if !(1.0..=100.0).contains(&growth) {
            return wrong("growth", "must be from 1 to 100");
        }
        if max_open < open_for {
            return wrong("max_open", "must not be below breaker.open_for");
        }
        if !(0.0..=1.0).contains(&jitter) {
            return wrong("jitter", "must be from 0 to 1");
        }
        let (window, open_for, max_open) = (window.0, open_for.0, max_open.0);
        Ok(Self {
            threshold,
            rate,
            window,
            open_for,
            growth,
            max_open,
            jitter,
            probes,
            close_after,
        })
    }
}
