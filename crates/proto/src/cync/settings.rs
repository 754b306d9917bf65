//! What a person may set about a Cync node, and what it comes to.
use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    chaos::{Chaos, RawChaos},
    clock::Clock,
    latency::Latency,
};
use crate::{
    ConfigError, RawPolicy, Span, Time,
    resilience::{Connection, REMEMBERED, REMEMBERED_FOR, RawReconnect, Stage},
};

/// Nobody waits longer than this for a bridge to dial.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// The longest key; those seen have 16 bytes.
const MAX_KEY: usize = 54;
/// Lamps behind one bridge at most: an answer to a query is one packet.
const MAX_LAMPS: usize = 160;
/// Ids of lamps from 1 on that a bridge can tell of when it logs in: one byte says which. Of more bridges
/// than that several have a lamp of the same id, each its own, as in homes that know nothing of each other.
const TOLD: u16 = 254;
/// The highest id of a lamp.
const LAST: u16 = 0x7fff;
/// Where a controller's clock begins when nobody says: 2024-03-10 12:04:31, five hours behind UTC, the
/// time that local controllers are known to tell.
const SOME_DAY: (i64, i16) = (1_710_090_271, -300);

/// A login key. It has no form in which people could read it.
#[derive(Clone)]
pub struct Secret(pub Arc<str>);

impl<'de> Deserialize<'de> for Secret {
    /// Text, or a number: on a command line nobody knows which was meant. What it is is in no error.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(Arc<str>),
            Number(u64),
        }
        let wrong = |_| D::Error::custom("a key is text");
        Ok(match Written::deserialize(d).map_err(wrong)? {
            Written::Text(text) => Self(text),
            Written::Number(n) => Self(n.to_string().into()),
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

/// How long a bridge takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Always the same.
    #[default]
    Steady,
    /// As unevenly as in a home of which there are captures: twenty times the median now and then.
    Home,
}

/// For how long a bridge knows a command again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnowsAgain {
    /// As long as it remembers, whatever becomes of the connection.
    #[default]
    Always,
    /// As long as the connection lasts: for controllers whose sequence begins anew with each.
    Connection,
}

/// What a file or flag may set about a Cync node.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bridge: its id, eight hex digits.
    pub id: String,
    /// Bridge: its login key.
    pub key: Secret,
    /// Bridge: the ids of its lamps in the mesh.
    pub lamps: Vec<u16>,
    /// Bridge: the groups that all its lamps are in.
    pub groups: Vec<u16>,
    /// Bridge: between its pings; never, if 0.
    pub ping: Span,
    /// Bridge: it wants to be missed after so long without a word; never, if 0. Whole seconds.
    pub keep_alive: Span,
    /// Bridge: between the end of a connection and the next.
    pub redial: Span,
    /// Bridge: until it acknowledges, then until it answers, then until it reports; in the middle.
    pub latency: Span,
    /// Bridge: how evenly.
    pub pace: Pace,
    /// Bridge: decides its latencies, and what goes wrong.
    pub seed: u64,
    /// Bridge: what goes wrong by chance with commands and what it says of them.
    pub chaos: RawChaos,
    /// Bridge: commands it knows again.
    pub applied_limit: usize,
    /// Bridge: how long it knows one again.
    pub applied_ttl: Span,
    /// Bridge: whether it does so on another connection, too.
    pub knows_again: KnowsAgain,
    /// Controller: from a login to the probe.
    pub greeting: Span,
    /// Controller: probe before the first command.
    pub probe: bool,
    /// Controller: write `7e` as `7d 5e` inside frames.
    pub escape: bool,
    /// Controller: Unix seconds at which the run began, to tell bridges the time by.
    pub started: Option<i64>,
    /// Controller: minutes that local time is ahead of UTC.
    pub utc_offset: i16,
    /// Either: how long it waits for the login, or for leave to be in.
    pub patience: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id: "00000001".into(),
            key: Secret("0000000000000000".into()),
            lamps: vec![1],
            groups: Vec::new(),
            ping: Span::millis(21_000),
            keep_alive: Span::millis(60_000),
            redial: Span::millis(15_000),
            latency: Span::millis(30),
            pace: Pace::Steady,
            seed: 0,
            chaos: RawChaos::default(),
            applied_limit: REMEMBERED,
            applied_ttl: REMEMBERED_FOR,
            knows_again: KnowsAgain::Always,
            greeting: Span::millis(500),
            probe: true,
            escape: false,
            started: None,
            utc_offset: 0,
            patience: Span::millis(10_000),
        }
    }
}

/// What a bridge is set to.
#[derive(Clone, Debug)]
pub(super) struct Bridge {
    pub(super) id: u32,
    pub(super) key: Secret,
    pub(super) lamps: Vec<u16>,
    pub(super) groups: Vec<u16>,
    pub(super) ping: Option<Duration>,
    /// Seconds; 0 for never.
    pub(super) keep_alive: u16,
    pub(super) redial: Duration,
    pub(super) latency: Latency,
    pub(super) seed: u64,
    pub(super) chaos: Chaos,
    pub(super) applied_limit: usize,
    pub(super) applied_ttl: Duration,
    pub(super) knows_again: KnowsAgain,
    pub(super) patience: Duration,
}

/// What a controller is set to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Controller {
    pub(super) greeting: Duration,
    pub(super) probe: bool,
    pub(super) escape: bool,
    pub(super) patience: Duration,
    started: i64,
    utc_offset: i16,
}

impl Controller {
    /// What time it is, for its bridges.
    pub(super) fn clock(&self, now: Time) -> Option<Clock> {
        let passed = i64::try_from(now.since_start().as_secs()).ok()?;
        Clock::at(self.started.checked_add(passed)?, self.utc_offset)
    }
}

impl Settings {
    /// Those of the nth bridge of several: an id, lamps and latencies of its own.
    pub(super) fn nth(self, n: u32) -> Self {
        let id = u32::from_str_radix(&self.id, 16);
        let id = id.map_or(self.id, |id| format!("{:08x}", id.wrapping_add(n)));
        // Ids that can be told stay so, and no two of one bridge become one.
        let step = u64::try_from(self.lamps.len()).unwrap_or(0) * u64::from(n);
        let next = |lamp: &u16| {
            let (first, last) = match *lamp {
                1..=TOLD => (1, TOLD),
                lamp if lamp > TOLD && lamp <= LAST => (TOLD + 1, LAST),
                none => return none,
            };
            let count = u64::from(last - first) + 1;
            first + ((u64::from(lamp - first) + step) % count) as u16
        };
        let lamps = self.lamps.iter().map(next).collect();
        Self { id, lamps, seed: self.seed.wrapping_add(n.into()), ..self }
    }
    /// The only way from what people write to what is used.
    pub(super) fn check(self) -> Result<(Bridge, Controller), ConfigError> {
        let Self {
            id,
            key,
            lamps,
            groups,
            ping,
            keep_alive,
            redial,
            latency,
            pace,
            seed,
            chaos,
            applied_limit,
            applied_ttl,
            knows_again,
            greeting,
            probe,
            escape,
            started,
            utc_offset,
            patience,
        } = self;
        let wrong = |key: &str, problem: &str| Err(ConfigError::new(key, problem));
        let digits = id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let Some(id) = u32::from_str_radix(&id, 16).ok().filter(|_| digits) else {
            return wrong("id", "must be eight hex digits, like 6457e7f2");
        };
        if key.0.is_empty() || key.0.len() > MAX_KEY {
            return wrong("key", "must have 1 to 54 bytes; those of real bridges have 16");
        }
        if lamps.len() > MAX_LAMPS || lamps.iter().any(|id| !(1..=LAST).contains(id)) {
            return wrong("lamps", "must be at most 160 ids from 1 to 32767");
        }
        if groups.len() > MAX_LAMPS || groups.iter().any(|id| *id >= 0x8000) {
            return wrong("groups", "must be at most 160 ids below 32768");
        }
        let Ok(keep_alive) = u16::try_from(keep_alive.0.as_secs()) else {
            return wrong("keep_alive", "must be below 65536 s");
        };
        if patience.0.is_zero() {
            return wrong("patience", "must be longer than 0");
        }
        let (day, zone) = SOME_DAY;
        let (started, utc_offset) = started.map_or((day, zone), |unix| (unix, utc_offset));
        if Clock::at(started, utc_offset).is_none() {
            return wrong("started", "must be Unix seconds of a year below 10000");
        }
        let (patience, ping) = (patience.0, Some(ping.0).filter(|ping| !ping.is_zero()));
        let latency = Latency::new(latency.0, pace, seed);
        let (redial, chaos) = (redial.0, Chaos::new(chaos)?);
        let bridge = Bridge {
            id,
            key,
            lamps,
            groups,
            ping,
            keep_alive,
            redial,
            latency,
            seed,
            chaos,
            applied_limit,
            applied_ttl: applied_ttl.0,
            knows_again,
            patience,
        };
        let greeting = greeting.0;
        Ok((bridge, Controller { greeting, probe, escape, patience, started, utc_offset }))
    }
}

impl Controller {
    /// It waits for its bridge for good. Commands are states, so that sending one again does no harm.
    pub(super) fn policy(&self) -> RawPolicy {
        let pause = Span(Duration::from_micros(1));
        RawPolicy {
            connect_timeout: Span(FOREVER),
            ready_timeout: Span(self.patience + self.greeting + self.patience),
            recv_timeout: Span::millis(5_000),
            tell_acked: true,
            max_attempts: 2,
            retry_on: vec![
                Stage::Refused,
                Stage::SendFailed,
                Stage::ReceiveTimeout,
                Stage::Closed,
                Stage::Reset,
            ],
            connection: Connection::Kept,
            reconnect: Some(RawReconnect {
                min: pause,
                max: pause,
                eager_for: Span(FOREVER),
                cap: pause,
            }),
            ..RawPolicy::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn senseless_settings_name_themselves() {
        let d = Settings::default;
        let key = |settings: Settings| settings.check().unwrap_err().key;
        assert_eq!(key(Settings { id: "+1234567".into(), ..d() }), "id");
        assert_eq!(key(Settings { key: Secret("".into()), ..d() }), "key");
        assert_eq!(key(Settings { lamps: vec![0], ..d() }), "lamps");
        assert_eq!(key(Settings { lamps: vec![1; 161], ..d() }), "lamps");
        assert_eq!(key(Settings { groups: vec![0x8000], ..d() }), "groups");
        assert_eq!(key(Settings { keep_alive: Span::millis(65_536_000), ..d() }), "keep_alive");
        assert_eq!(key(Settings { patience: Span::millis(0), ..d() }), "patience");
        assert_eq!(key(Settings { started: Some(i64::MAX), ..d() }), "started");
    }

    #[test]
    fn several_bridges_share_neither_ids_nor_lamps_nor_chance() {
        let settings = Settings { lamps: vec![7, 8], ..Settings::default() };
        let all: Vec<_> = (0..3).map(|n| settings.clone().nth(n)).collect();
        let told: Vec<_> = all.iter().map(|s| (&*s.id, &s.lamps[..], s.seed)).collect();
        let first = ("00000001", &[7, 8][..], 0);
        assert_eq!(told, [first, ("00000002", &[9, 10], 1), ("00000003", &[11, 12], 2)]);
        assert_eq!(settings.clone().nth(127).lamps, [7, 8], "after 254 they begin again");
        assert!(settings.nth(40_000).check().is_ok());
        let many = Settings { lamps: vec![1, 200, 255, 300, 32_767], ..Settings::default() };
        for n in 0..10_000 {
            let (bridge, _) = many.clone().nth(n).check().unwrap();
            assert_eq!(bridge.id, n + 1);
            let lamps: BTreeSet<_> = bridge.lamps.iter().collect();
            assert_eq!(lamps.len(), 5, "{n}: {lamps:?}");
            assert_eq!(lamps.iter().filter(|lamp| ***lamp <= TOLD).count(), 2);
        }
    }

    #[test]
    fn a_key_may_look_like_a_number_and_is_in_no_error() {
        let read = |json: &str| serde_json::from_str::<Settings>(json);
        assert_eq!(&*read(r#"{"key":1234567890123456}"#).unwrap().key.0, "1234567890123456");
        let wrong = read(r#"{"key":["c0ffee5ec4e7b105"]}"#).unwrap_err().to_string();
        assert!(!wrong.contains("c0ffee"), "{wrong}");
    }

    #[test]
    fn a_key_shows_nowhere() {
        let settings = Settings { key: Secret("c0ffee5ec4e7b105".into()), ..Settings::default() };
        let shown = format!("{settings:?} {:?}", settings.clone().check());
        assert!(!shown.contains("c0ffee"), "{shown}");
    }
}
