//! What can be set of the roster, checked once.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    ConfigError, Span,
    resilience::{Backoff, RawBackoff},
};

/// What a file or flag may set of the roster, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRoster {
    /// The name under which we are announced ourselves, if that is known: any other with our id is a
    /// clone's. Empty, if whoever passes announcements on keeps ours back.
    pub name: Option<String>,
    /// We are on loopback, so addresses there mean the same to us as to who announces them.
    pub loopback: bool,
    /// An address that takes no connection for so long is given up.
    pub connect: Span,
    /// Between greetings that fail.
    pub backoff: RawBackoff,
    /// An old peer, which does not stay connected, is greeted again after this.
    pub recheck: Span,
    /// A peer that cannot be greeted any more is gone after this.
    pub ghost: Span,
    /// One that has proven itself and is not announced any more is greeted for so long where it was: it
    /// may be the network that is gone.
    pub missed: Span,
    /// An announcement that is neither repeated nor true is forgotten after this.
    pub forget: Span,
    /// Announcements held, at most.
    pub records: usize,
    /// Connections that others opened, at most.
    pub calls: usize,
    /// Of these, from one address.
    pub calls_each: usize,
    /// Connections that one address may open at once; four more each second.
    pub call_burst: u32,
}

impl Default for RawRoster {
    fn default() -> Self {
        Self {
            name: None,
            loopback: false,
            connect: Span::millis(5000),
            backoff: RawBackoff { max: Span::millis(5000), ..RawBackoff::default() },
            recheck: Span::millis(60_000),
            ghost: Span::millis(5000),
            missed: Span::millis(300_000),
            forget: Span::millis(4_500_000),
            records: 1024,
            calls: 256,
            calls_each: 16,
            call_burst: 40,
        }
    }
}

/// Checked settings of the roster.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) name: Option<String>,
    pub(super) loopback: bool,
    pub(in crate::tazcom) connect: Duration,
    pub(super) backoff: Backoff,
    pub(super) recheck: Duration,
    pub(super) ghost: Duration,
    pub(super) missed: Duration,
    pub(super) forget: Duration,
    pub(super) records: usize,
    pub(super) calls: usize,
    pub(super) calls_each: usize,
    pub(super) call_burst: u32,
}

impl Settings {
    /// Checks the settings.
    ///
    /// # Errors
    /// A backoff that is none, or a limit out of its range.
    pub fn new(raw: RawRoster) -> Result<Self, ConfigError> {
        #[rustfmt::skip]
        let RawRoster {
            name, loopback, connect, backoff, recheck, ghost, missed, forget, records, calls, calls_each,
            call_burst,
        } = raw;
        let within = |key: &str, value: usize, most: usize| {
            let problem = || ConfigError::new(key, format!("must be from 1 to {most}"));
            (1..=most).contains(&value).then_some(()).ok_or_else(problem)
        };
        within("records", records, 100_000)?;
        within("calls", calls, 100_000)?;
        within("calls_each", calls_each, calls)?;
        within("call_burst", call_burst as usize, 100_000)?;
        if recheck.0 < Duration::from_secs(1) {
            return Err(ConfigError::new("recheck", "must be at least a second"));
        }
        if connect.0.is_zero() {
            return Err(ConfigError::new("connect", "must be more than nothing"));
        }
        let (connect, recheck) = (connect.0, recheck.0);
        let (ghost, missed, forget) = (ghost.0, missed.0, forget.0);
        let backoff = Backoff::new(backoff)?;
        Ok(Self {
            name: name.map(|name| name.to_ascii_lowercase()),
            loopback,
            connect,
            backoff,
            recheck,
            ghost,
            missed,
            forget,
            records,
            calls,
            calls_each,
            call_burst,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(RawRoster::default()).expect("the defaults are valid")
    }
}
