//! A scenario with faults added to its proxy, judged by the laws alone: what it expects was said of
//! the wire it was written for. Sweeps and swarms are many of these.
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use net::{Event, proxy::Rule};
use proto::ConfigError;
use serde::Serialize;

use crate::{
    Kind,
    judge::{Outcome, Verdict, judge_by_laws},
    run::play,
    scenario::{Scenario, ScenarioError},
};

/// One scenario, some faults, one seed.
#[derive(Clone, Debug)]
pub struct Trial {
    scenario: Scenario,
    proxy: String,
    faults: Vec<Rule>,
    kind: Kind,
    seed: u64,
    /// Whether each fault must strike, or any.
    each: bool,
}

impl Trial {
    /// `scenario` with these faults added to its first proxy; it gets one if it has none.
    ///
    /// # Errors
    /// Nobody is there to put a proxy before, or a fault waits for a frame that does not exist.
    pub fn new(
        scenario: &Scenario,
        faults: Vec<Rule>,
        kind: Kind,
        seed: u64,
    ) -> Result<Self, ConfigError> {
        let mut scenario = scenario.clone().through_a_proxy();
        let nobody =
            || ConfigError::new("client", "there is none, so nobody to put a proxy before");
        let proxy = scenario.proxies.first().ok_or_else(nobody)?.name.get_ref().clone();
        for fault in &faults {
            scenario = scenario.with_fault(&proxy, fault.clone())?;
        }
        Ok(Self { scenario, proxy, faults, kind, seed, each: true })
    }
    /// The same, shown by any of its faults. What a device was told to do wrong need not show either:
    /// on such a wire it may not come to that.
    #[must_use]
    pub fn by_any_fault(self) -> Self {
        Self { each: false, ..self }
    }
    /// The proxy that does the harm.
    pub fn proxy(&self) -> &str {
        &self.proxy
    }
    /// The scenario as it is played.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }
    /// Plays and judges it.
    ///
    /// # Errors
    /// As for [`play`].
    pub fn play(&self) -> Result<Verdict, Vec<ScenarioError>> {
        let records = play(&self.scenario, self.kind, self.seed)?.records;
        let verdict = judge_by_laws(&records);
        let struck = records.iter().any(|r| matches!(r.event, Event::Struck { .. }));
        Ok(if struck && !self.each { verdict.whatever_fired() } else { verdict })
    }
    /// The one command that does it again, where `file` is how a shell takes the scenario's file.
    pub fn replay(&self, file: &str) -> String {
        let Self { scenario: _, proxy, faults, kind, seed, each: _ } = self;
        let faults = faults.iter().map(|rule| format!(" --fault '{proxy}: {rule}'"));
        let faults: String = faults.collect();
        format!("wirelab run {file} --{} --seed {seed}{faults}", kind.name())
    }
}

/// How many went which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Every law holds.
    pub passed: usize,
    /// One does not.
    pub failed: usize,
    /// The run does not show it; most often, the fault never struck.
    pub inconclusive: usize,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Pass => self.passed += 1,
            Outcome::Fail => self.failed += 1,
            Outcome::Inconclusive => self.inconclusive += 1,
        }
    }
    /// All of them.
    pub const fn all(&self) -> usize {
        self.passed + self.failed + self.inconclusive
    }
}

/// Plays every trial, on so many threads; those that `halt` came before have no verdict.
///
/// # Errors
/// As for [`play`], of the first trial that has any.
pub fn play_all(
    trials: &[Trial],
    jobs: usize,
    halt: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Option<Verdict>>, Vec<ScenarioError>> {
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(vec![None; trials.len()]);
    let wrong = Mutex::new(None);
    let keep = "no verdict panics while it is kept";
    std::thread::scope(|threads| {
        for _ in 0..jobs.clamp(1, trials.len().max(1)) {
            threads.spawn(|| {
                while !halt() {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(trial) = trials.get(n) else { break };
                    match trial.play() {
                        Ok(verdict) => verdicts.lock().expect(keep)[n] = Some(verdict),
                        Err(errors) => {
                            wrong.lock().expect(keep).get_or_insert(errors);
                            break;
                        }
                    }
                }
            });
        }
    });
    match wrong.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(errors) => Err(errors),
        None => Ok(verdicts.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}
