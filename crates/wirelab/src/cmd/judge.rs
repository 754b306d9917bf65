//! `wirelab judge`: verdicts on what was recorded; the rest is in `probe.rs`.
use std::{fmt::Write, fs::File, io::BufReader, path::Path};

use lab::judge::{Verdict, judge};
use net::record::{EvidenceError, Header, read_evidence};
use serde::Serialize;

use crate::{
    args::{JudgeArgs, JudgeWhat},
    cmd::{
        probe,
        run::{exit, say},
        scenarios,
    },
    exit::{Exit, Failure},
    text,
};

/// One verdict, and on which run.
#[derive(Serialize)]
struct Judged<'a> {
    schema: u32,
    scenario: String,
    world: &'a str,
    seed: u64,
    records: usize,
    #[serde(flatten)]
    verdict: Verdict,
}

/// # Errors
/// What was typed makes no sense, the evidence cannot be read or is of something else, or a report
/// cannot be written.
pub(crate) fn run(JudgeArgs { what }: JudgeArgs) -> Result<Exit, Failure> {
    match what {
        JudgeWhat::Run { scenario, evidence, json } => recorded(&scenario, &evidence, json),
        JudgeWhat::Device(args) => probe::device(*args),
        JudgeWhat::Client(args) => probe::client(*args),
    }
}

fn recorded(scenario: &str, evidence: &Path, json: bool) -> Result<Exit, Failure> {
    let (_, scenario) = scenarios::load_one(scenario)?;
    let name = scenarios::name(&scenario);
    let runs = read(evidence)?;
    let of_this = |header: &Header| header.scenario.as_ref() == Some(&name);
    let mut outcomes = Vec::new();
    for (header, records) in runs.iter().filter(|(header, _)| of_this(header)) {
        let verdict = judge(&scenario, &header.world, records);
        outcomes.push(verdict.outcome);
        let judged = Judged {
            schema: 1,
            scenario: name.clone(),
            world: &header.world,
            seed: header.seed,
            records: records.len(),
            verdict,
        };
        say(&if json { text::json_line(&judged) } else { judged.lines() })?;
    }
    if outcomes.is_empty() {
        let held: Vec<&str> = runs.iter().filter_map(|(h, _)| h.scenario.as_deref()).collect();
        let problem = format!(
            "{} holds no run of {name}, but of {}",
            evidence.display(),
            if held.is_empty() { "nothing named".into() } else { held.join(", ") }
        );
        return Err(Failure::usage(problem));
    }
    Ok(exit(outcomes.into_iter()))
}

fn read(path: &Path) -> Result<Vec<net::record::Run>, Failure> {
    let unreadable =
        |why: String| Failure::environment(format!("cannot read {}: {why}", path.display()));
    let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
    match read_evidence(BufReader::new(file)) {
        Ok(runs) => Ok(runs),
        Err(cut @ EvidenceError::Cut { .. }) => {
            text::talk(&format!("warning: {}: {cut}; judged by what is left", path.display()));
            let EvidenceError::Cut { runs, .. } = cut else { unreachable!("matched just above") };
            Ok(runs)
        }
        Err(e) => Err(unreadable(e.to_string())),
    }
}

impl Judged<'_> {
    fn lines(&self) -> String {
        let Self { scenario, world, seed, records, verdict, .. } = self;
        let mut out =
            format!("{}  {scenario} ({world}, seed {seed}, {records} records)\n", verdict.outcome);
        for finding in &verdict.findings {
            let cited: Vec<_> = finding.records.iter().take(8).map(|n| format!("#{n}")).collect();
            let text = text::plain(&finding.text);
            let _ = write!(out, "  {}  {}: {text}", finding.outcome, finding.rule);
            // What is missing is in no record.
            if !cited.is_empty() {
                let _ = write!(out, " [{}]", cited.join(" "));
            }
            out.push('\n');
        }
        for note in &verdict.notes {
            let _ = writeln!(out, "  note: {note}");
        }
        out
    }
}
