//! `wirelab run`: plays scenarios, judges each by its record, and writes the reports.
mod place;

use std::{
    io,
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};
use lab::{
    Kind,
    judge::{Outcome, judge, judge_by_laws},
    report::{CaseResult, Skipped, html::Html, json, junit, latencies_ms, text as table},
    run::{Played, play_against, play_until},
    scenario::Scenario,
};
use net::{
    Sink, Stopwatch,
    env::today,
    files,
    proxy::Rule,
    record::{Evidence, Header},
};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::{
    args::RunArgs,
    cmd::{report::put, scenarios},
    exit::{Exit, Failure},
    signals, text,
};
use place::{Kinds, Place, Target};

/// One play: which scenario, where, under which seed.
struct Act<'a> {
    path: &'a str,
    scenario: &'a Scenario,
    place: Place,
    seed: u64,
    /// Added to what the scenario says, so that its expectations mean nothing.
    faults: &'a [(String, Rule)],
}

/// # Errors
/// A scenario makes no sense, or a report cannot be written.
pub(crate) fn run(args: RunArgs) -> Result<Exit, Failure> {
    let RunArgs { files, sim, tcp, seed, seeds, out, html, faults, target, hsms, json } = args;
    if html.as_deref().is_some_and(|path| path.as_os_str() == "-") {
        return Err(Failure::usage("--html: the verdicts go to stdout; give it a path"));
    }
    let faults = &faults[..];
    let scenarios = harmed(scenarios::load(&files)?, faults)?;
    let target = if sim { None } else { Target::of(target, hsms, &scenarios)? };
    let kinds = Kinds { sim, tcp };
    let (mut acts, mut skipped) = (Vec::new(), Vec::new());
    for (path, scenario) in &scenarios {
        let place = match target.as_ref().filter(|target| target.speaks(scenario)) {
            Some(target) => match scenario.needs_our_device() {
                Some(reason) => {
                    skipped.push(not_played(scenario, reason));
                    continue;
                }
                None => Some(Place::Target(target.addr)),
            },
            None => kinds.of(scenario).map(Place::World),
        };
        let plays = place.into_iter().flat_map(|place| {
            (0..seeds).map(move |n| Act {
                path,
                scenario,
                place,
                seed: seed.wrapping_add(n),
                faults,
            })
        });
        acts.extend(plays);
    }
    if acts.is_empty() {
        let asked = match (target, sim) {
            (Some(target), _) => format!("against {}: all need a device of ours", target.addr),
            (None, true) => "in the simulated world".into(),
            (None, false) => "on real sockets".into(),
        };
        let mut problem = format!("none of these scenarios can be played {asked}");
        if let [only] = &skipped[..] {
            problem = format!("{problem}; {}", only.reason);
        }
        return Err(Failure::usage(problem));
    }
    // What a signal would leave lying about comes after the ears.
    let interrupted = signals::listen();
    let mut reports = Reports::new(out)?;
    let mut page = html.map(|path| (path, Html::default()));
    let progress = progress(acts.len());
    let mut cases = Vec::new();
    for act in &acts {
        if interrupted.is_set() {
            break;
        }
        progress.set_message(format!(
            "{}/{}",
            act.scenario.protocol.get_ref(),
            act.scenario.name.get_ref()
        ));
        let Some((case, played)) = perform(act, cases.is_empty(), &interrupted)? else { break };
        reports.keep(act, &played)?;
        if let Some((_, page)) = &mut page {
            page.add(&case, played.started, &played.records);
        }
        cases.push(case);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let left = acts.len() - cases.len();
    let suite = json::suite(&cases, &skipped, left);
    let dir = reports.dir.clone();
    reports.write(&cases, &skipped, &suite)?;
    if let Some((path, page)) = page {
        put(&path, page.finish("wirelab run").as_bytes())?;
    }
    if json {
        say(&text::json_line(&suite))?;
    } else {
        say(&table::skipped(&skipped))?;
        say(&table::table(&cases, true))?;
        text::talk(&format!("reports are in {}", dir.display()));
    }
    if left > 0 {
        text::talk(&format!("warning: interrupted; {left} of {} were not played", acts.len()));
        return Ok(Exit::Interrupted);
    }
    Ok(exit(cases.iter().map(|case| case.verdict.outcome)))
}

/// Prints it. That nobody listens any more does not make a fail a pass.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    match text::print(text) {
        Ok(()) | Err(Failure::Unheard) => Ok(()),
        Err(told) => Err(told),
    }
}

/// How a suite ends: a fail is worse than knowing too little.
pub(crate) fn exit(outcomes: impl Iterator<Item = Outcome>) -> Exit {
    match outcomes.max() {
        None | Some(Outcome::Pass) => Exit::Done,
        Some(Outcome::Inconclusive) => Exit::Environment,
        Some(Outcome::Fail) => Exit::Failed,
    }
}

/// The scenarios with these faults added.
fn harmed(
    scenarios: Vec<(String, Scenario)>,
    faults: &[(String, Rule)],
) -> Result<Vec<(String, Scenario)>, Failure> {
    let add = |(path, scenario): (String, Scenario)| {
        if faults.is_empty() {
            return Ok((path, scenario));
        }
        let start = Ok(scenario.through_a_proxy());
        let all = faults
            .iter()
            .fold(start, |scenario, (proxy, rule)| scenario?.with_fault(proxy, rule.clone()));
        Ok((path, all?))
    };
    scenarios.into_iter().map(add).collect()
}

fn not_played(scenario: &Scenario, reason: String) -> Skipped {
    Skipped {
        protocol: scenario.protocol.get_ref().clone(),
        scenario: scenario.name.get_ref().clone(),
        reason,
    }
}

/// Plays and judges it; none if it was interrupted.
///
/// # Errors
/// It makes no sense, or it is the first, and nobody is there.
fn perform(
    act: &Act<'_>,
    first: bool,
    told: &signals::Told,
) -> Result<Option<(CaseResult, Played)>, Failure> {
    let Act { path, scenario, place, seed, faults } = act;
    let watch = Stopwatch::start();
    let Some(played) = play(act, told)? else { return Ok(None) };
    let elapsed = watch.elapsed();
    if let (true, Place::Target(addr), Some(why)) = (first, place, played.nobody()) {
        return Err(Failure::environment(format!(
            "nobody is at {addr}: {why}; is the device running, and is that its address?"
        )));
    }
    let verdict = match faults {
        [] => judge(scenario, place.name(), &played.records),
        _ => judge_by_laws(&played.records),
    };
    let added = faults.iter().map(|(proxy, rule)| format!(" --fault '{proxy}: {rule}'"));
    let added: String = added.collect();
    // Virtual milliseconds say nothing about how fast anything is.
    let latencies_ms = match place {
        Place::World(Kind::Tcp) | Place::Target(_) => latencies_ms(&played.records),
        Place::World(Kind::Sim) => Vec::new(),
    };
    let case = CaseResult {
        protocol: scenario.protocol.get_ref().clone(),
        scenario: scenario.name.get_ref().clone(),
        title: scenario.title.clone(),
        world: place.name().into(),
        seed: *seed,
        verdict,
        elapsed,
        latencies_ms,
        replay: format!("wirelab run {} {} --seed {seed}{added}", quoted(path), place.flag()),
    };
    Ok(Some((case, played)))
}

fn play(
    Act { scenario, place, seed, .. }: &Act<'_>,
    told: &signals::Told,
) -> Result<Option<Played>, Failure> {
    let stop = told.clone().set();
    let played = match place {
        Place::World(kind) => play_until(scenario, *kind, *seed, stop),
        Place::Target(addr) => play_against(scenario, *addr, *seed, stop),
    };
    played.map_err(|e| scenarios::mistakes(&e))
}

/// As a shell takes it for one word.
pub(crate) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    if path.chars().all(plain) { path.into() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Where everything goes. Nothing is half-written: files appear whole, under their names, at the end.
struct Reports {
    dir: PathBuf,
    evidence: NamedTempFile,
}

impl Reports {
    fn new(dir: PathBuf) -> Result<Self, Failure> {
        let evidence = std::fs::create_dir_all(&dir)
            .and_then(|()| files::temporary(&dir))
            .map_err(|e| unwritable(&dir, &e))?;
        Ok(Self { dir, evidence })
    }

    fn keep(&mut self, act: &Act<'_>, played: &Played) -> Result<(), Failure> {
        let Act { scenario, place, seed, .. } = act;
        let header = Header {
            wirelab_evidence: Header::FORMAT,
            scenario: Some(scenarios::name(scenario)),
            seed: *seed,
            world: place.name().into(),
            version: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("WIRELAB_COMMIT").map(Into::into),
            started: played.started,
        };
        let out = std::io::BufWriter::new(self.evidence.as_file_mut());
        let mut evidence = Evidence::new(out, &header);
        played.records.iter().for_each(|record| evidence.take(record));
        evidence.written().check().map_err(|e| unwritable(&self.dir.join("run.jsonl"), &e))
    }

    fn write(
        self,
        cases: &[CaseResult],
        skipped: &[Skipped],
        suite: &json::Suite<'_>,
    ) -> Result<(), Failure> {
        let now = today();
        let samples: Vec<f64> = cases.iter().flat_map(|c| c.latencies_ms.clone()).collect();
        self.place("performance-report.json", &pretty(&json::performance_report(&samples, now)))?;
        self.place("report.json", &pretty(suite))?;
        self.place("integration-junit.xml", &junit::xml(cases, skipped, now))?;
        let path = self.dir.join("run.jsonl");
        files::place(self.evidence, &path).map_err(|e| unwritable(&path, &e))
    }

    fn place(&self, name: &str, content: &str) -> Result<(), Failure> {
        let path = self.dir.join(name);
        files::replace(&path, content).map_err(|e| unwritable(&path, &e))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    text::unwritable(&path.display().to_string(), error)
}

/// JSON for people to read as well.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("keys are text and numbers are finite") + "\n"
}

fn progress(acts: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("a valid template");
    // Draws on stderr, and only where a person looks.
    ProgressBar::new(acts as u64).with_style(style)
}
