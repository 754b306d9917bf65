//! Circuit breaker: stop hammering a peer that keeps failing, and find out gently when it is back.
//!
//! ```text
//!            failures reach the threshold            the open time passes
//!   Closed ──────────────────────────────▶ Open ──────────────────────────▶ HalfOpen
//!      ▲                                    ▲  any probe fails                 │ │
//!      │                                    └──────────────────────────────────┘ │
//!      └──────────────────── `close_after` probes succeed ───────────────────────┘
//!   Isolated: by hand, from anywhere, until `reset`.
//! ```
//! As in Polly, resilience4j and linkerd. Each admission carries a permit; what is reported under a
//! permit of an older state changes nothing.
mod settings;

use std::{collections::VecDeque, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Time, rng::Rng};
pub use settings::{BreakerConfig, RawBreaker};

/// The state, for records and people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// All may pass.
    Closed,
    /// None may.
    Open,
    /// A few may, to see.
    HalfOpen,
    /// None may, until a person says so.
    Isolated,
}

impl BreakerState {
    /// Every state, in order.
    pub const ALL: [Self; 4] = [Self::Closed, Self::Open, Self::HalfOpen, Self::Isolated];
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Leave to try, under the state it was given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit(u64);

/// What happened, for the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "breaker", rename_all = "snake_case")]
pub enum BreakerEvent {
    /// A failure was counted.
    Counted {
        /// Its number: in a row, or within the window.
        failures: u32,
        /// The threshold in force.
        threshold: u32,
        /// The state it was counted in.
        state: BreakerState,
    },
    /// The state changed.
    Changed {
        /// From this.
        from: BreakerState,
        /// To this.
        to: BreakerState,
        /// Why.
        cause: Cause,
    },
}

/// Why a breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Failures reached the threshold.
    Threshold,
    /// The open time passed.
    Elapsed,
    /// A probe failed.
    ProbeFailed,
    /// Enough probes succeeded.
    ProbesSucceeded,
    /// A person isolated it.
    Isolated,
    /// A person reset it.
    Reset,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[derive(Debug)]
enum State {
    Closed,
    Open { until: Time },
    HalfOpen { out: u32, succeeded: u32, stale_at: Time },
    Isolated,
}

/// The breaker.
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    seed: u64,
    state: State,
    generation: u64,
    /// Failures in a row; with `rate`, every outcome within the window.
    failures: u32,
    outcomes: VecDeque<(Time, bool)>,
    /// Times it opened without having closed in between.
    opened: u32,
    events: VecDeque<BreakerEvent>,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig, seed: u64) -> Self {
        Self {
            config,
            seed,
            state: State::Closed,
            generation: 0,
            failures: 0,
            outcomes: VecDeque::new(),
            opened: 0,
            events: VecDeque::new(),
        }
    }
    /// The state in force.
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::Isolated => BreakerState::Isolated,
        }
    }
    /// The settings in force: those the machine itself holds.
    pub fn effective_config(&self) -> &BreakerConfig {
        &self.config
    }
    /// The next thing to write down.
    pub fn poll_event(&mut self) -> Option<BreakerEvent> {
        self.events.pop_front()
    }
    /// Nobody may try now.
    pub fn is_blocking(&self, now: Time) -> bool {
        match self.state {
            State::Open { until } => now < until,
            State::Isolated => true,
            State::Closed | State::HalfOpen { .. } => false,
        }
    }
    /// May we try now? If not, when it makes sense to ask again; never, if a person must act.
    pub fn admit(&mut self, now: Time) -> Result<Permit, Option<Time>> {
        if let State::Open { until } = self.state {
            if now < until {
                return Err(Some(until));
            }
            self.half_open(now);
        }
        match &mut self.state {
            State::Closed | State::Open { .. } => Ok(Permit(self.generation)),
            State::HalfOpen { out, stale_at, .. } => {
                // Probes that never report must not keep it half open for ever.
                if *out >= self.config.probes && now < *stale_at {
                    return Err(Some(*stale_at));
                }
                if now >= *stale_at {
                    *out = 0;
                }
                *out += 1;
                *stale_at = now + self.config.open_for;
                Ok(Permit(self.generation))
            }
            State::Isolated => Err(None),
        }
    }
    /// What was tried under `permit` worked.
    pub fn on_success(&mut self, now: Time, permit: Permit) {
        if permit.0 != self.generation {
            return;
        }
        self.failures = 0;
        self.remember(now, true);
        if let State::HalfOpen { out, succeeded, .. } = &mut self.state {
            *out = out.saturating_sub(1);
            *succeeded += 1;
            if *succeeded >= self.config.close_after {
                self.close(Cause::ProbesSucceeded);
            }
        }
    }
    /// What was tried under `permit` failed.
    pub fn on_failure(&mut self, now: Time, permit: Permit) {
        if permit.0 != self.generation {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.remember(now, false);
        let (failures, threshold) = (self.counted(), self.config.threshold);
        let state = self.state();
        self.events.push_back(BreakerEvent::Counted { failures, threshold, state });
        match self.state {
            State::HalfOpen { .. } => self.open(now, Cause::ProbeFailed),
            State::Closed if self.over_threshold() => self.open(now, Cause::Threshold),
            State::Closed | State::Open { .. } | State::Isolated => {}
        }
    }
    /// What was tried under `permit` was given up for reasons of our own.
    pub fn on_ignored(&mut self, permit: Permit) {
        if let State::HalfOpen { out, .. } = &mut self.state
            && permit.0 == self.generation
        {
            *out = out.saturating_sub(1);
        }
    }
    /// Lets nobody pass until `reset`.
    pub fn isolate(&mut self) {
        self.change(State::Isolated, Cause::Isolated);
    }
    /// Closes, and forgets all failures.
    pub fn reset(&mut self) {
        self.close(Cause::Reset);
    }
    /// Puts other settings in force, at once: a lowered threshold is held against the failures
    /// already counted.
    pub fn reconfigure(&mut self, now: Time, config: BreakerConfig) {
        self.config = config;
        if matches!(self.state, State::Closed) && self.over_threshold() {
            self.open(now, Cause::Threshold);
        }
    }

    fn over_threshold(&self) -> bool {
        let failures = self.counted();
        let enough = failures >= self.config.threshold;
        match self.config.rate {
            None => enough,
            Some(rate) => enough && f64::from(failures) >= rate * self.outcomes.len() as f64,
        }
    }
    fn counted(&self) -> u32 {
        match self.config.rate {
            None => self.failures,
            Some(_) => self.outcomes.iter().filter(|(_, ok)| !ok).count() as u32,
        }
    }
    fn remember(&mut self, now: Time, ok: bool) {
        if self.config.rate.is_none() {
            return self.outcomes.clear();
        }
        self.outcomes.push_back((now, ok));
        let window = self.config.window;
        // However many there are in the window, a few thousand tell the rate well enough.
        while self.outcomes.len() > 4096
            || self.outcomes.front().is_some_and(|(at, _)| now - *at > window)
        {
            self.outcomes.pop_front();
        }
    }
    fn open(&mut self, now: Time, cause: Cause) {
        let BreakerConfig { open_for, growth, max_open, jitter, .. } = self.config;
        let longer = growth.powi(i32::try_from(self.opened).unwrap_or(i32::MAX));
        let seconds = open_for.as_secs_f64() * longer;
        let whole = Duration::try_from_secs_f64(seconds).unwrap_or(max_open).min(max_open);
        let mut rng = Rng::new(self.seed, &[self.generation]);
        let until = now + whole.mul_f64(1.0 - jitter * rng.fraction());
        self.opened += 1;
        self.change(State::Open { until }, cause);
    }
    fn half_open(&mut self, now: Time) {
        let stale_at = now + self.config.open_for;
        self.change(State::HalfOpen { out: 0, succeeded: 0, stale_at }, Cause::Elapsed);
    }
    fn close(&mut self, cause: Cause) {
        (self.failures, self.opened) = (0, 0);
        self.outcomes.clear();
        self.change(State::Closed, cause);
    }
    fn change(&mut self, state: State, cause: Cause) {
        let from = self.state();
        self.state = state;
        self.generation += 1;
        let to = self.state();
        if from != to {
            self.events.push_back(BreakerEvent::Changed { from, to, cause });
        }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
