//! Time as the state machines see it. It cannot be read here, only given.
use std::{
    fmt,
    ops::{Add, Sub},
    str::FromStr,
    time::Duration,
};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// An instant, in microseconds since the run began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    /// The instant `us` microseconds into the run.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }
    /// The instant `ms` milliseconds into the run.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1000)
    }
    /// Microseconds since the run began.
    pub const fn as_micros(self) -> u64 {
        self.0
    }
    /// How long the run had lasted by then.
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        let us = u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(us))
    }
}

impl Sub for Time {
    type Output = Duration;
    /// The time from `earlier` to `self`; zero when it is the other way round.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.since_start())
    }
}

/// A length of time as a person writes it: `250ms`, `1.5s`, `2m`, or a bare number of seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Duration);

impl Span {
    /// A span of `ms` milliseconds.
    pub const fn millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
        let duration = match seconds {
            Some(seconds) => seconds.ok(),
            None => SignedDuration::from_str(text).ok().and_then(|d| Duration::try_from(d).ok()),
        };
        duration.map(Self).ok_or_else(|| {
            format!("`{text}` is not a length of time; write it as `250ms`, `1.5s` or `2m`")
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(f64),
            Text(String),
        }
        let text = match Written::deserialize(d)? {
            Written::Seconds(seconds) => seconds.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        let us = |text: &str| text.parse::<Span>().map(|s| s.0.as_micros());
        assert_eq!(us("250ms"), Ok(250_000));
        assert_eq!(us("1.5s"), Ok(1_500_000));
        assert_eq!(us("2m"), Ok(120_000_000));
        assert_eq!(us("0.3"), Ok(300_000));
        for wrong in ["", "soon", "-1s", "-1", "inf", "1e30", "5 apples"] {
            assert!(us(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn time_never_runs_backwards_or_over() {
        assert_eq!(Time::from_millis(1) - Time::from_millis(2), Duration::ZERO);
        assert_eq!(Time::from_micros(u64::MAX) + Duration::MAX, Time(u64::MAX));
    }
}
