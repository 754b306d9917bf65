//! The report as one HTML file that needs nothing else: a matrix of cases, and of each case the
//! sequence, the latencies, the findings and the record. What a peer sent is only ever text in it.
mod chart;
mod diagram;

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;
use net::Record;
use serde_json::Value;

use super::{
    CaseResult, Stats,
    probed::{Probed, ProbedCase},
    sequence::ms,
    shown,
};
use crate::judge::{Finding, Outcome};

/// Cases shown in full; of those that pass, no more are.
const IN_FULL: usize = 500;
/// Records listed of one case.
const RECORDS: usize = 400;
/// Findings listed of one case.
const FINDINGS: usize = 100;
/// Characters of one record's particulars.
const PARTICULARS: usize = 400;

/// The report, as it grows case by case.
#[derive(Debug, Default)]
pub struct Html {
    entries: Vec<Entry>,
    sections: Vec<String>,
}

/// A verdict, in a word and by the class that colours it.
#[derive(Clone, Debug)]
struct Mark {
    word: String,
    class: &'static str,
}

/// A case, as the matrix knows it.
#[derive(Debug)]
struct Entry {
    name: String,
    title: String,
    world: String,
    seed: Option<u64>,
    mark: Mark,
    /// The number of its section, if it is shown in full.
    section: Option<usize>,
    latencies_ms: Vec<f64>,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    version: &'static str,
    style: &'static str,
    script: &'static str,
    counts: Vec<(Mark, usize)>,
    columns: Vec<String>,
    rows: Vec<Row>,
    stats: Option<Stats>,
    chart: String,
    sections: Vec<String>,
    folded: usize,
}

struct Row {
    name: String,
    title: String,
    cells: Vec<Vec<Cell>>,
}

struct Cell {
    section: Option<usize>,
    mark: Mark,
    label: String,
}

#[derive(Template)]
#[template(path = "section.html")]
struct Section {
    n: usize,
    name: String,
    title: String,
    world: String,
    mark: Mark,
    facts: Vec<String>,
    /// The command that does it again.
    replay: Option<String>,
    notes: Vec<String>,
    findings: Vec<Told>,
    more_findings: usize,
    diagram: String,
    more_moments: usize,
    stats: Option<Stats>,
    chart: String,
    records: Vec<Row2>,
    all_records: usize,
}

/// A finding, and the records it cites.
struct Told {
    mark: Mark,
    rule: String,
    text: String,
    cited: Vec<u64>,
    more: usize,
}

/// A record in the list of them.
struct Row2 {
    seq: u64,
    at: String,
    node: String,
    event: String,
    particulars: String,
    cited: bool,
}

impl Html {
    /// A case that was judged, with the record it was judged by.
    pub fn add(&mut self, case: &CaseResult, started: Timestamp, records: &[Record]) {
        let CaseResult { protocol, scenario, title, world, seed, verdict, latencies_ms, .. } = case;
        let section =
            self.in_full(verdict.outcome == Outcome::Pass, |n| played(n, case, started, records));
        self.entries.push(Entry {
            name: shown(&format!("{protocol}/{scenario}"), 200),
            title: shown(title, 400),
            world: shown(world, 60),
            seed: Some(*seed),
            mark: mark(verdict.outcome),
            section,
            latencies_ms: latencies_ms.clone(),
        });
    }

    /// Cases that somebody else's device or client was judged by; `judged` says whose.
    pub fn add_probed(&mut self, judged: &str, Probed { cases, .. }: &Probed) {
        for case in cases {
            let section = self.in_full(case.verdict == "pass", |n| probed(n, judged, case));
            self.entries.push(Entry {
                name: shown(&case.id, 200),
                title: shown(&case.title, 400),
                world: shown(judged, 100),
                seed: None,
                mark: case.mark(),
                section,
                latencies_ms: Vec::new(),
            });
        }
    }

    /// Shows a case in full, unless it passes and many did.
    fn in_full(&mut self, passes: bool, make: impl FnOnce(usize) -> String) -> Option<usize> {
        if passes && self.sections.len() >= IN_FULL {
            return None;
        }
        self.sections.push(make(self.sections.len() + 1));
        Some(self.sections.len())
    }

    /// The whole, under this title.
    pub fn finish(self, title: &str) -> String {
        let Self { entries, sections } = self;
        let samples: Vec<f64> = entries.iter().flat_map(|e| e.latencies_ms.clone()).collect();
        let (columns, rows) = matrix(&entries);
        let page = Page {
            title: &shown(title, 200),
            version: env!("CARGO_PKG_VERSION"),
            style: include_str!("style.css"),
            script: include_str!("script.js"),
            counts: counts(&entries),
            columns,
            rows,
            stats: Stats::of(&samples),
            chart: chart::of(&samples),
            folded: entries.len() - sections.len(),
            sections,
        };
        page.render().expect("writing to a string")
    }
}

/// How many of each verdict: the usual ones always, others where there are any.
fn counts(entries: &[Entry]) -> Vec<(Mark, usize)> {
    let usual = [Outcome::Fail, Outcome::Inconclusive, Outcome::Pass].map(|o| (mark(o), 0));
    let mut counts = Vec::from(usual);
    for Entry { mark, .. } in entries {
        match counts.iter_mut().find(|(known, _)| known.word == mark.word) {
            Some((_, count)) => *count += 1,
            None => counts.push((mark.clone(), 1)),
        }
    }
    counts
}

/// What was judged across, the cases down, each in the order in which it came.
fn matrix(entries: &[Entry]) -> (Vec<String>, Vec<Row>) {
    let mut seeds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for Entry { world, seed, .. } in entries {
        let known = seeds.entry(world).or_default();
        known.extend(seed.filter(|seed| known.len() < 2 && !known.contains(seed)));
    }
    // Seeds are told apart where there are several.
    let column = |Entry { world, seed, .. }: &Entry| match (seeds[world.as_str()].len(), seed) {
        (2, Some(seed)) => format!("{world} {seed}"),
        _ => world.clone(),
    };
    let (mut columns, mut names) = (BTreeMap::new(), BTreeMap::new());
    let (mut heads, mut rows): (Vec<String>, Vec<Row>) = (Vec::new(), Vec::new());
    for entry in entries {
        let next = columns.len();
        let column = column(entry);
        let x = *columns.entry(column.clone()).or_insert(next);
        if x == heads.len() {
            heads.push(column.clone());
        }
        let next = names.len();
        let y = *names.entry(&entry.name).or_insert(next);
        if y == rows.len() {
            let (name, title) = (entry.name.clone(), entry.title.clone());
            rows.push(Row { name, title, cells: Vec::new() });
        }
        let cells = &mut rows[y].cells;
        cells.resize_with(cells.len().max(x + 1), Vec::new);
        cells[x].push(Cell {
            section: entry.section,
            mark: entry.mark.clone(),
            label: format!("{}, {column}: {}", entry.name, entry.mark.word),
        });
    }
    rows.iter_mut().for_each(|row| row.cells.resize_with(heads.len(), Vec::new));
    (heads, rows)
}

fn played(n: usize, case: &CaseResult, started: Timestamp, records: &[Record]) -> String {
    let verdict = &case.verdict;
    let took = records.last().map_or_else(|| "0.000".into(), |last| ms(last.at));
    let time = if case.world == "sim" { " of virtual time" } else { "" };
    let cited = |seq: u64| verdict.findings.iter().any(|f| f.records.contains(&seq));
    let section = Section {
        name: shown(&format!("{}/{}", case.protocol, case.scenario), 200),
        title: shown(&case.title, 400),
        world: shown(&format!("{}, seed {}", case.world, case.seed), 100),
        mark: mark(verdict.outcome),
        facts: vec![format!("began {started}, took {took} ms{time}, {} records", records.len())],
        replay: Some(shown(&case.replay, 1000)),
        notes: verdict.notes.iter().map(|note| shown(note, 1000)).collect(),
        findings: verdict.findings.iter().take(FINDINGS).map(told).collect(),
        more_findings: verdict.findings.len().saturating_sub(FINDINGS),
        stats: Stats::of(&case.latencies_ms),
        chart: chart::of(&case.latencies_ms),
        ..Section::of(n, records, cited)
    };
    section.render().expect("writing to a string")
}

fn probed(n: usize, judged: &str, case: &ProbedCase) -> String {
    let ProbedCase { id, title, requirement, expected, actual, notes, elapsed_ms, .. } = case;
    let records = case.records();
    let section = Section {
        name: shown(id, 200),
        title: shown(title, 400),
        world: shown(judged, 100),
        mark: case.mark(),
        facts: vec![
            format!("rule: {}", shown(requirement, 1000)),
            format!("expected: {}", shown(expected, 1000)),
            format!("seen: {}", shown(actual, 1000)),
            format!("took {elapsed_ms:.3} ms; of each piece at most 128 bytes are kept"),
        ],
        notes: notes.iter().map(|note| shown(note, 1000)).collect(),
        ..Section::of(n, &records, |_| false)
    };
    section.render().expect("writing to a string")
}

impl Section {
    /// What shows of the record: the drawing and the list, in which those that are cited always are.
    fn of(n: usize, records: &[Record], cited: impl Fn(u64) -> bool) -> Self {
        let (diagram, more_moments) = diagram::of(n, records);
        let mut rows = Vec::new();
        for (place, record) in records.iter().enumerate() {
            let cited = cited(record.seq);
            if place < RECORDS || (cited && rows.len() < 2 * RECORDS) {
                rows.push(row(record, cited));
            }
        }
        Self {
            n,
            name: String::new(),
            title: String::new(),
            world: String::new(),
            mark: mark(Outcome::Inconclusive),
            facts: Vec::new(),
            replay: None,
            notes: Vec::new(),
            findings: Vec::new(),
            more_findings: 0,
            diagram,
            more_moments,
            stats: None,
            chart: String::new(),
            all_records: records.len(),
            records: rows,
        }
    }
}

fn told(Finding { rule, outcome, text, records }: &Finding) -> Told {
    Told {
        mark: mark(*outcome),
        rule: shown(rule, 200),
        text: shown(text, 2000),
        cited: records.iter().copied().take(12).collect(),
        more: records.len().saturating_sub(12),
    }
}

/// A record as it is in the file, but for the bytes, which may be many.
fn row(record: &Record, cited: bool) -> Row2 {
    let Record { seq, at, node, role: _, line: _, event } = record;
    let fields = serde_json::to_value(event).expect("keys are text and numbers are finite");
    let mut name = String::new();
    let mut particulars = Vec::new();
    for (key, value) in fields.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("event", Value::String(event)) => name.clone_from(event),
            ("bytes", Value::String(hex)) => {
                particulars.push(format!("{} bytes: {}", (hex.len() + 1) / 3, shown(hex, 96)));
            }
            (_, Value::Null) => {}
            (key, Value::String(text)) => particulars.push(format!("{key} {text}")),
            (key, value) => particulars.push(format!("{key} {value}")),
        }
    }
    Row2 {
        seq: *seq,
        at: ms(*at),
        node: shown(node, 60),
        event: name,
        particulars: shown(&particulars.join(", "), PARTICULARS),
        cited,
    }
}

fn mark(outcome: Outcome) -> Mark {
    let class = match outcome {
        Outcome::Pass => "pass",
        Outcome::Inconclusive => "open",
        Outcome::Fail => "fail",
    };
    Mark { word: outcome.to_string(), class }
}

impl ProbedCase {
    fn mark(&self) -> Mark {
        let class = match self.verdict.as_str() {
            "pass" => "pass",
            "fail" => "fail",
            "non-strict" | "inconclusive" => "open",
            _ => "plain",
        };
        Mark { word: shown(&self.verdict.to_uppercase(), 20), class }
    }
}

#[cfg(test)]
mod tests;
