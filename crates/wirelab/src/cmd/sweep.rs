//! `wirelab sweep`: one exchange, broken at every byte.
use std::collections::BTreeMap;

use lab::{
    judge::{Finding, Outcome, Verdict},
    sweep::{Break, Case, Lane, Sweep, Unswept, plan},
    trial::{Tally, Trial, play_all},
};
use serde::Serialize;

use super::{
    run::{exit, quoted, say},
    scenarios,
};
use crate::{
    args::SweepArgs,
    exit::{Exit, Failure},
    signals, text,
};

/// What is printed: a line for each lane and case, and what failed first.
#[derive(Serialize)]
struct Swept {
    scenario: String,
    world: &'static str,
    /// Bytes up and down, of each connection.
    lengths: Vec<(u64, u64)>,
    lines: Vec<Line>,
    left: usize,
}

#[derive(Serialize)]
struct Line {
    lane: Lane,
    case: Case,
    #[serde(flatten)]
    tally: Tally,
    /// The smallest that failed; if none did, the smallest that shows nothing.
    first: Option<First>,
}

#[derive(Serialize)]
struct First {
    outcome: Outcome,
    conn: u64,
    byte: u64,
    findings: Vec<Finding>,
    replay: String,
}

/// # Errors
/// The scenario makes no sense, or does not pass unbroken.
pub(crate) fn run(args: SweepArgs) -> Result<Exit, Failure> {
    let SweepArgs { file, protocol, cases, lane, world, seed, jobs, json } = args;
    let file = match (file, protocol) {
        (Some(file), _) => file,
        (None, protocol) => {
            let protocol = lab::registry::find(&protocol.unwrap_or_default())?.name();
            format!("{protocol}/through-a-proxy")
        }
    };
    let (path, scenario) = scenarios::load_one(&file)?;
    let cases = if cases.is_empty() { Case::ALL.to_vec() } else { cases };
    let lanes = lane.map_or(Lane::ALL.to_vec(), |lane| vec![lane]);
    let planned = plan(&scenario, &cases, &lanes, world, seed);
    let Sweep { lengths, trials } = planned.map_err(|why| unswept(&path, why))?;
    let interrupted = signals::listen();
    let (breaks, trials): (Vec<Break>, Vec<Trial>) = trials.into_iter().unzip();
    let verdicts =
        play_all(&trials, jobs.unwrap_or_else(super::processors), &|| interrupted.is_set());
    let verdicts = verdicts.map_err(|e| scenarios::mistakes(&e))?;
    let left = verdicts.iter().filter(|verdict| verdict.is_none()).count();
    let lines = lines(&quoted(&path), &breaks, &trials, &verdicts);
    let outcomes: Vec<_> = verdicts.into_iter().flatten().map(|v| v.outcome).collect();
    let name = scenarios::name(&scenario);
    let swept = Swept { scenario: name, world: world.name(), lengths, lines, left };
    say(&if json { text::json_line(&swept) } else { swept.table() })?;
    if left > 0 {
        text::talk(&format!("warning: interrupted; {left} of {} were not played", trials.len()));
        return Ok(Exit::Interrupted);
    }
    Ok(exit(outcomes.into_iter()))
}

fn unswept(path: &str, why: Unswept) -> Failure {
    match why {
        Unswept::Mistakes(errors) => scenarios::mistakes(&errors),
        Unswept::Senseless(e) => Failure::usage(format!("{path}: {}", e.problem)),
        Unswept::Broken(verdict) => {
            let why = verdict.findings.first().map_or(String::new(), |f| f.text.clone());
            Failure::usage(format!("{path} does not pass unbroken: {why}"))
        }
    }
}

fn lines(
    file: &str,
    breaks: &[Break],
    trials: &[Trial],
    verdicts: &[Option<Verdict>],
) -> Vec<Line> {
    let mut lines: BTreeMap<(Lane, Case), Line> = BTreeMap::new();
    for ((at, trial), verdict) in breaks.iter().zip(trials).zip(verdicts) {
        let Break { lane, case, conn, byte } = *at;
        let line = || Line { lane, case, tally: Tally::default(), first: None };
        let line = lines.entry((lane, case)).or_insert_with(line);
        let Some(Verdict { outcome, findings, .. }) = verdict else { continue };
        line.tally.count(*outcome);
        let worst = line.first.as_ref().map_or(Outcome::Pass, |first| first.outcome);
        if *outcome > worst {
            let (findings, replay) = (findings.clone(), trial.replay(file));
            line.first = Some(First { outcome: *outcome, conn, byte, findings, replay });
        }
    }
    lines.into_values().collect()
}

impl Swept {
    fn table(&self) -> String {
        let Self { scenario, world, lengths, lines, left: _ } = self;
        let mut out = format!("{scenario} ({world}):");
        for (n, (up, down)) in (1..).zip(lengths) {
            out += &format!(" connection {n} carries {up} bytes up and {down} down;");
        }
        out += "\n\nlane  case       passed  failed  inconclusive  first\n";
        let mut all = Tally::default();
        for Line { lane, case, tally, first } in lines {
            let Tally { passed, failed, inconclusive } = *tally;
            all.passed += passed;
            all.failed += failed;
            all.inconclusive += inconclusive;
            let at = |first: &First| format!("byte {}, connection {}", first.byte, first.conn);
            let first = first.as_ref().map_or(String::new(), at);
            let name = case.name();
            let line =
                format!("{lane:<4}  {name:<9} {passed:>7} {failed:>7} {inconclusive:>13}  {first}");
            out = out + line.trim_end() + "\n";
        }
        let Tally { passed, failed, inconclusive } = all;
        out += &format!("\n{passed} passed, {failed} failed, {inconclusive} inconclusive\n");
        for Line { lane, case, first, .. } in lines {
            let Some(First { outcome, byte, findings, replay, .. }) = first else { continue };
            out += &format!("\n{outcome} {}@{byte} {lane}\n", case.name());
            for Finding { rule, text, .. } in findings {
                out += &format!("  {rule}: {}\n", text.escape_debug());
            }
            out += &format!("  again: {replay}\n");
        }
        out
    }
}
