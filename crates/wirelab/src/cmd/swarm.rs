//! `wirelab swarm`: every scenario on wires as bad as chance makes them.
use lab::{
    judge::{Finding, Outcome},
    swarm::{draw, takes},
    trial::{Tally, Trial, play_all},
};
use serde::Serialize;

use super::{
    run::{exit, quoted, say},
    scenarios,
};
use crate::{
    args::SwarmArgs,
    exit::{Exit, Failure},
    signals, text,
};

/// Failures told of in full; the others are counted.
const SHOWN: usize = 10;

#[derive(Serialize)]
struct Swarmed {
    world: &'static str,
    #[serde(flatten)]
    tally: Tally,
    scenarios: Vec<Line>,
    failures: Vec<Failed>,
    left: usize,
}

#[derive(Serialize)]
struct Line {
    scenario: String,
    #[serde(flatten)]
    tally: Tally,
}

#[derive(Serialize)]
struct Failed {
    scenario: String,
    findings: Vec<Finding>,
    replay: String,
}

/// # Errors
/// A scenario makes no sense.
pub(crate) fn run(args: SwarmArgs) -> Result<Exit, Failure> {
    let SwarmArgs { files, seeds, seed, world, jobs, json } = args;
    let scenarios = scenarios::load(&files)?;
    let mut trials: Vec<(usize, Trial)> = Vec::new();
    for (n, (path, scenario)) in scenarios.iter().enumerate() {
        if !takes(scenario, world) {
            continue;
        }
        for seed in (0..seeds).map(|n| seed.wrapping_add(n)) {
            let trial = draw(scenario, world, seed);
            let trial = trial.map_err(|e| Failure::usage(format!("{path}: {}", e.problem)))?;
            trials.push((n, trial));
        }
    }
    let (owners, trials): (Vec<usize>, Vec<Trial>) = trials.into_iter().unzip();
    let interrupted = signals::listen();
    let jobs = jobs.unwrap_or_else(super::processors);
    let verdicts = play_all(&trials, jobs, &|| interrupted.is_set());
    let verdicts = verdicts.map_err(|e| scenarios::mistakes(&e))?;
    let (mut tally, mut failures, mut left) = (Tally::default(), Vec::new(), 0);
    let mut each = vec![Tally::default(); scenarios.len()];
    for ((owner, trial), verdict) in owners.iter().zip(&trials).zip(verdicts) {
        let Some(verdict) = verdict else {
            left += 1;
            continue;
        };
        tally.count(verdict.outcome);
        each[*owner].count(verdict.outcome);
        if verdict.outcome == Outcome::Fail {
            let (path, scenario) = &scenarios[*owner];
            let replay = trial.replay(&quoted(path));
            let scenario = scenarios::name(scenario);
            failures.push(Failed { scenario, findings: verdict.findings, replay });
        }
    }
    let lines = scenarios.iter().zip(each).filter(|(_, tally)| tally.all() > 0);
    let lines = lines.map(|((_, s), tally)| Line { scenario: scenarios::name(s), tally });
    let (world, scenarios) = (world.name(), lines.collect());
    let failed = if tally.failed > 0 { Outcome::Fail } else { Outcome::Pass };
    let swarmed = Swarmed { world, tally, scenarios, failures, left };
    say(&if json { text::json_line(&swarmed) } else { swarmed.table() })?;
    if left > 0 {
        text::talk(&format!("warning: interrupted; {left} of {} were not played", trials.len()));
        return Ok(Exit::Interrupted);
    }
    Ok(exit([failed].into_iter()))
}

impl Swarmed {
    fn table(&self) -> String {
        let Self { world, tally, scenarios, failures, left: _ } = self;
        let width = scenarios.iter().map(|line| line.scenario.chars().count()).max().unwrap_or(8);
        let mut out = format!("{:<width$}  passed  failed  inconclusive\n", "scenario");
        for Line { scenario, tally: Tally { passed, failed, inconclusive } } in scenarios {
            out += &format!("{scenario:<width$}  {passed:>6}  {failed:>6}  {inconclusive:>12}\n");
        }
        let Tally { passed, failed, inconclusive } = *tally;
        out += &format!(
            "\n{} histories ({world}): {passed} passed, {failed} failed, {inconclusive} inconclusive\n",
            tally.all()
        );
        for Failed { scenario, findings, replay } in failures.iter().take(SHOWN) {
            out += &format!("\n{scenario}\n");
            for Finding { rule, text, outcome, .. } in findings {
                out += &format!("  {outcome}  {rule}: {}\n", text.escape_debug());
            }
            out += &format!("  again: {replay}\n");
        }
        if let Some(more) = failures.len().checked_sub(SHOWN).filter(|n| *n > 0) {
            out += &format!("\nand {more} more failures\n");
        }
        out
    }
}
