//! What a prober must know of the peer it judges: how its timers are set, and how patient to be.
use std::{collections::BTreeMap, time::Duration};

use proto::ConfigError;

use super::{Suite, bytes::Vars};

/// No close is judged to be early or late by less than this.
const LEAST_TOLERANCE: Duration = Duration::from_millis(300);

/// Checked. The timers are those the peer is configured to.
#[derive(Clone, Debug)]
pub struct Setup {
    timers: BTreeMap<&'static str, Duration>,
    vars: Vars,
    level: usize,
    patience: Duration,
    settle: Duration,
    limit: Duration,
    start: Duration,
    greet: bool,
}

/// What a person may set, unchecked.
#[derive(Clone, Debug)]
pub struct RawSetup {
    /// Timers by name, where they differ from the standard's.
    pub timers: BTreeMap<&'static str, Duration>,
    /// The device's own number, where the protocol has one.
    pub session: u16,
    /// By which reading of the standard; the suite's first, if left out.
    pub level: Option<String>,
    /// How long an answer may take that is bound by no timer.
    pub patience: Duration,
    /// How long a new connection is left alone before the first byte.
    pub settle: Duration,
    /// How long a case may take.
    pub limit: Duration,
    /// How long a client may take from its start until it dials.
    pub start: Duration,
    /// Whether to say who we are before anything else is asked.
    pub greet: bool,
}

impl Default for RawSetup {
    fn default() -> Self {
        Self {
            timers: BTreeMap::new(),
            session: 0,
            level: None,
            patience: Duration::from_secs(1),
            settle: Duration::ZERO,
            limit: Duration::from_secs(180),
            start: Duration::from_secs(10),
            greet: false,
        }
    }
}

impl Setup {
    /// Checks it against the suite that is to be played.
    ///
    /// # Errors
    /// There is no such reading, or a time makes no sense.
    pub fn new(suite: &Suite, raw: RawSetup) -> Result<Self, ConfigError> {
        let RawSetup { timers: given, session, level, patience, settle, limit, start, greet } = raw;
        if patience.is_zero() {
            return Err(ConfigError::new("patience", "must be above 0"));
        }
        let standard = suite.timers.iter().map(|(name, ms)| (*name, Duration::from_millis(*ms)));
        let mut timers: BTreeMap<_, _> = standard.collect();
        for (name, time) in given {
            let Some(timer) = timers.get_mut(name) else {
                return Err(ConfigError::new(
                    name,
                    format!("{} has no such timer", suite.protocol),
                ));
            };
            if time.is_zero() {
                return Err(ConfigError::new(name, "must be above 0"));
            }
            *timer = time;
        }
        if session > 0x7ffe {
            return Err(ConfigError::new("session", "a device id is at most 32766"));
        }
        let vars = Vars::default()
            .with('s', &format!("{session:04x}"))
            .with('w', &format!("{:04x}", session + 1));
        let level = level.map_or(Ok(0), |name| suite.level(&name))?;
        Ok(Self { timers, vars, level, patience, settle, limit, start, greet })
    }
    /// How this timer is set; nothing, if it is off.
    pub fn timer(&self, name: &str) -> Option<Duration> {
        self.timers.get(name).copied().filter(|time| !time.is_zero())
    }
    /// How much earlier or later than `time` is still in time.
    pub fn tolerance(&self, time: Duration) -> Duration {
        (time * 3 / 10).max(LEAST_TOLERANCE)
    }
    /// The letters known from the start.
    pub fn vars(&self) -> Vars {
        self.vars.clone()
    }
    /// The number of the reading it is judged by.
    pub fn level(&self) -> usize {
        self.level
    }
    /// How long an answer may take that is bound by no timer.
    pub fn patience(&self) -> Duration {
        self.patience
    }
    /// How long it stays quiet after the last frame until nothing more is waited for.
    pub fn quiet(&self) -> Duration {
        self.patience / 10
    }
    /// How long a new connection is left alone.
    pub fn settle(&self) -> Duration {
        self.settle
    }
    /// How long a case may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }
    /// How long a client may take from its start until it dials.
    pub fn start(&self) -> Duration {
        self.start
    }
    /// Whether to say who we are first.
    pub fn greet(&self) -> bool {
        self.greet
    }
}

#[cfg(test)]
mod tests {
    use super::{super::hsms::DEVICE, *};

    #[test]
    fn timers_default_to_the_standards_and_are_tolerated_by_a_third() {
        let timers = BTreeMap::from([("t8", Duration::from_millis(400))]);
        let setup = Setup::new(&DEVICE, RawSetup { timers, ..RawSetup::default() }).unwrap();
        assert_eq!(setup.timer("t7"), Some(Duration::from_secs(10)));
        assert_eq!(setup.timer("t8"), Some(Duration::from_millis(400)));
        assert_eq!(setup.timer("linktest"), None);
        assert_eq!(setup.tolerance(Duration::from_secs(10)), Duration::from_secs(3));
        assert_eq!(setup.tolerance(Duration::from_millis(400)), Duration::from_millis(300));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let refused = |raw| Setup::new(&DEVICE, raw).unwrap_err().key;
        let d = RawSetup::default;
        assert_eq!(refused(RawSetup { patience: Duration::ZERO, ..d() }), "patience");
        assert_eq!(refused(RawSetup { session: 0x7fff, ..d() }), "session");
        assert_eq!(refused(RawSetup { level: Some("e38".into()), ..d() }), "as");
        let timer = |name, ms| BTreeMap::from([(name, Duration::from_millis(ms))]);
        assert_eq!(refused(RawSetup { timers: timer("t7", 0), ..d() }), "t7");
        assert_eq!(refused(RawSetup { timers: timer("t9", 1), ..d() }), "t9");
    }
}
