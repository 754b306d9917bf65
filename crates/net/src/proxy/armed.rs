//! Faults in force: each a rule with a number, and what all connections share of it.
use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use proto::{Time, rng::Rng};

use super::{fault::Fault, rule::Rule};

/// Names the chance of shares, apart from that of lanes.
const SHARE: u64 = u64::from_be_bytes(*b"share   ");

/// A rule in force. A rule that is changed is a new one.
#[derive(Debug)]
pub struct Armed {
    /// Tells it from every other this proxy ever had.
    pub id: u64,
    /// What it is called.
    pub name: Arc<str>,
    /// What it does, and where.
    pub rule: Rule,
    /// The same, on one line, without the name: how evidence calls it.
    pub text: Arc<str>,
    /// Where the chance of its share comes from.
    seed: u64,
    struck: AtomicU64,
    meter: Mutex<Meter>,
}

/// Everything in force, in the order it was told.
pub type Rules = Arc<[Arc<Armed>]>;

impl Armed {
    /// Puts a rule in force.
    pub fn new(id: u64, name: &str, rule: Rule) -> Self {
        let text = rule.to_string().into();
        let (struck, meter) = (AtomicU64::new(0), Mutex::default());
        Self { id, name: name.into(), rule, text, seed: 0, struck, meter }
    }
    /// The same, with the proxy's seed.
    pub(super) fn sown(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
    /// Whether it is about this connection, the nth, from there. Its share is drawn by its name, so that
    /// a rule that is changed goes on with the connections it had.
    pub(super) fn meets(&self, nth: u64, client: IpAddr) -> bool {
        let drawn = || {
            let name = self.name.bytes().map(u64::from);
            let path: Vec<u64> = [nth, SHARE].into_iter().chain(name).collect();
            Rng::new(self.seed, &path).fraction()
        };
        self.rule.meets(nth, client) && self.rule.place.share.is_none_or(|share| drawn() < share)
    }
    /// How often it struck, on all connections together.
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::Relaxed)
    }
    /// Counts one more strike, unless it has struck often enough.
    pub(super) fn strike(&self) -> bool {
        let limit = self.rule.place.times.unwrap_or(u64::MAX);
        let more = |n: u64| (n < limit).then_some(n + 1);
        self.struck.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
    /// It has struck as often as it may.
    pub(super) fn is_spent(&self) -> bool {
        self.rule.place.times.is_some_and(|limit| self.struck() >= limit)
    }
    /// When the last of `bytes` may leave, if all connections share the rate.
    pub(super) fn share(&self, now: Time, bytes: usize, rate: u64) -> Time {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner).book(now, bytes, rate)
    }
    /// Whether the fault is the one with this name, whatever it takes.
    pub fn is(&self, fault: &Fault) -> bool {
        self.rule.fault.name() == fault.name()
    }
}

/// An absolute schedule: what comes late does not push back what follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    /// When what was booked so far has left, in nanoseconds: microseconds would add up to errors.
    next_ns: u64,
}

/// Being behind the schedule by more than this is forgiven: no burst follows a pause.
const DEBT_NS: u64 = 50_000_000;

impl Meter {
    /// When the last of `bytes` may leave. `rate` is bytes a second, above 0.
    pub(super) fn book(&mut self, now: Time, bytes: usize, rate: u64) -> Time {
        let now_ns = now.as_micros().saturating_mul(1000);
        let start =
            if self.next_ns.saturating_add(DEBT_NS) < now_ns { now_ns } else { self.next_ns };
        let takes = u128::from(bytes as u64) * 1_000_000_000 / u128::from(rate.max(1));
        self.next_ns = start.saturating_add(u64::try_from(takes).unwrap_or(u64::MAX));
        Time::from_micros(self.next_ns.div_ceil(1000))
    }
}
