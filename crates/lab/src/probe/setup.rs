//! What a prober must know of the peer it judges: how its timers are set, and how patient to be.
use std::{collections::BTreeMap, time::Duration};

use proto::ConfigError;

use super::{Suite, bytes::Vars};

/// No close is judged to be early or late by less than this.
const LEAST_TOLERANCE: Duration = Duration::from_millis(300);

/// The pauses between more attempts than these would take hours.
const MOST_ATTEMPTS: usize = 10;

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
    attempts: usize,
    salt: u64,
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
    /// Whom a device is to switch, where the protocol names it.
    pub device_id: String,
    /// How many attempts a client is set to make, the first included.
    pub attempts: usize,
    /// Makes the ids of this run's commands unlike those of others.
    pub salt: u64,
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
            device_id: "D1".into(),
            attempts: 2,
            salt: 0,
        }
    }
}

impl Setup {
    /// Checks it against the suite that is to be played.
    ///
    /// # Errors
    /// There is no such reading, or a time makes no sense.
    pub fn new(suite: &Suite, raw: RawSetup) -> Result<Self, ConfigError> {
        let RawSetup {
            timers: given,
            session,
            level,
            patience,
            settle,
            limit,
            start,
            greet,
            device_id,
            attempts,
            salt,
        } = raw;
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
        if device_id.is_empty() || device_id.len() > 200 {
            return Err(ConfigError::new("device_id", "must have 1 to 200 bytes"));
        }
        if !(1..=MOST_ATTEMPTS).contains(&attempts) {
            return Err(ConfigError::new("attempts", format!("must be 1 to {MOST_ATTEMPTS}")));
        }
        let level = level.map_or(Ok(0), |name| suite.level(&name))?;
        let mut vars = Vars::default()
            .by(level)
            .with('s', &format!("{session:04x}"))
            .with('w', &format!("{:04x}", session + 1));
        let quoted = serde_json::to_string(&device_id).expect("a text is always JSON");
        vars.learn('i', quoted.as_bytes());
        Ok(Self { timers, vars, level, patience, settle, limit, start, greet, attempts, salt })
    }
    /// How this timer is set; nothing, if it is off.
    pub fn timer(&self, name: &str) -> Option<Duration> {
        self.timers.get(name).copied().filter(|time| !time.is_zero())
    }
    /// How much earlier or later than `time` is still in time.
    pub fn tolerance(&self, time: Duration) -> Duration {
        (time * 3 / 10).max(LEAST_TOLERANCE)
    }
    /// The letters known from the start: `u` is an id of this case's own, and `v` another.
    pub fn vars(&self, case: &str) -> Vars {
        let mut vars = self.vars.clone();
        for (letter, add) in [('u', 0), ('v', 1)] {
            let id = case.bytes().fold(self.salt ^ add, mixed);
            vars.learn(letter, format!("{id:016x}").as_bytes());
        }
        vars
    }
    /// How many attempts a client is set to make.
    pub fn attempts(&self) -> usize {
        self.attempts
    }
    /// How long all attempts of a client may take, with the pauses in between.
    pub fn span(&self) -> Duration {
        let each = ["connect", "send", "recv"].map(|name| self.timer(name).unwrap_or_default());
        let each: Duration = each.iter().sum();
        let pause =
            self.timer("backoff").unwrap_or_default() + self.timer("jitter").unwrap_or_default();
        let attempts = u32::try_from(self.attempts).expect("there are few");
        each * attempts + pause * ((1 << (attempts - 1)) - 1) + self.patience
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

/// One step of FNV-1a: ids need to be different, and no more.
fn mixed(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(17)
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
        assert_eq!(refused(RawSetup { device_id: String::new(), ..d() }), "device_id");
        assert_eq!(refused(RawSetup { attempts: 0, ..d() }), "attempts");
        assert_eq!(refused(RawSetup { attempts: 11, ..d() }), "attempts");
        let timer = |name, ms| BTreeMap::from([(name, Duration::from_millis(ms))]);
        assert_eq!(refused(RawSetup { timers: timer("t7", 0), ..d() }), "t7");
        assert_eq!(refused(RawSetup { timers: timer("t9", 1), ..d() }), "t9");
    }

    #[test]
    fn every_case_has_ids_of_its_own_and_every_run_others() {
        let setup = |salt| Setup::new(&DEVICE, RawSetup { salt, ..RawSetup::default() }).unwrap();
        let id = |salt, case: &str, letter| setup(salt).vars(case).bytes(letter).unwrap();
        assert_eq!(id(0, "toggle/1.1", 'u').len(), 16);
        assert_eq!(id(0, "toggle/1.1", 'u'), id(0, "toggle/1.1", 'u'));
        assert_ne!(id(0, "toggle/1.1", 'u'), id(0, "toggle/1.1", 'v'));
        assert_ne!(id(0, "toggle/1.1", 'u'), id(0, "toggle/1.2", 'u'));
        assert_ne!(id(0, "toggle/1.1", 'u'), id(1, "toggle/1.1", 'u'));
    }

    #[test]
    fn all_attempts_take_as_long_as_each_and_the_pauses() {
        let setup = |attempts| {
            let raw = RawSetup { attempts, ..RawSetup::default() };
            Setup::new(&crate::probe::toggle::CLIENT, raw).unwrap()
        };
        assert_eq!(setup(1).span(), Duration::from_millis(4000 + 1000));
        assert_eq!(setup(3).span(), Duration::from_millis(3 * 4000 + 3 * 350 + 1000));
    }
}
