//! The report as one HTML file that needs nothing else: a matrix of cases, and of each case the
//! sequence, the latencies, the findings and the record. What a peer sent is only ever text in it.
mod chart;
mod diagram;

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;
use net::Record;
use serde_json::Value;

use super::{CaseResult, Stats, sequence::ms, shown};
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

/// A case, as the matrix knows it.
#[derive(Debug)]
struct Entry {
    name: String,
    title: String,
    world: String,
    seed: u64,
    outcome: Outcome,
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
    counts: Vec<(Outcome, &'static str, usize)>,
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
    outcome: Outcome,
    class: &'static str,
    label: String,
}

#[derive(Template)]
#[template(path = "section.html")]
struct Section<'a> {
    n: usize,
    name: String,
    case: &'a CaseResult,
    class: &'static str,
    started: Timestamp,
    took: String,
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
    class: &'static str,
    outcome: Outcome,
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
        let in_full = verdict.outcome != Outcome::Pass || self.sections.len() < IN_FULL;
        let section = in_full.then(|| {
            self.sections.push(section(self.sections.len() + 1, case, started, records));
            self.sections.len()
        });
        self.entries.push(Entry {
            name: shown(&format!("{protocol}/{scenario}"), 200),
            title: shown(title, 400),
            world: shown(world, 60),
            seed: *seed,
            outcome: verdict.outcome,
            section,
            latencies_ms: latencies_ms.clone(),
        });
    }

    /// The whole, under this title.
    pub fn finish(self, title: &str) -> String {
        let Self { entries, sections } = self;
        let samples: Vec<f64> = entries.iter().flat_map(|e| e.latencies_ms.clone()).collect();
        let outcomes = [Outcome::Fail, Outcome::Inconclusive, Outcome::Pass];
        let count = |outcome| entries.iter().filter(|e| e.outcome == outcome).count();
        let counts = outcomes.into_iter().map(|o| (o, class(o), count(o))).collect();
        let (columns, rows) = matrix(&entries);
        let page = Page {
            title: &shown(title, 200),
            version: env!("CARGO_PKG_VERSION"),
            style: include_str!("style.css"),
            script: include_str!("script.js"),
            counts,
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

/// What was judged across, the cases down, each in the order in which it came.
fn matrix(entries: &[Entry]) -> (Vec<String>, Vec<Row>) {
    let mut seeds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for Entry { world, seed, .. } in entries {
        let known = seeds.entry(world).or_default();
        if !known.contains(seed) && known.len() < 2 {
            known.push(*seed);
        }
    }
    // Seeds are told apart where there are several.
    let column = |Entry { world, seed, .. }: &Entry| match seeds[world.as_str()].len() {
        0 | 1 => world.clone(),
        _ => format!("{world} {seed}"),
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
            outcome: entry.outcome,
            class: class(entry.outcome),
            label: format!("{}, {column}: {}", entry.name, entry.outcome),
        });
    }
    rows.iter_mut().for_each(|row| row.cells.resize_with(heads.len(), Vec::new));
    (heads, rows)
}

fn section(n: usize, case: &CaseResult, started: Timestamp, records: &[Record]) -> String {
    let verdict = &case.verdict;
    let (diagram, more_moments) = diagram::of(n, records);
    // Those that a finding cites are listed wherever they are.
    let cited = |seq: u64| verdict.findings.iter().any(|f| f.records.contains(&seq));
    let mut rows = Vec::new();
    for (place, record) in records.iter().enumerate() {
        let cited = cited(record.seq);
        if place < RECORDS || (cited && rows.len() < 2 * RECORDS) {
            rows.push(row(record, cited));
        }
    }
    let section = Section {
        n,
        name: shown(&format!("{}/{}", case.protocol, case.scenario), 200),
        case,
        class: class(verdict.outcome),
        started,
        took: records.last().map_or_else(|| "0.000".into(), |last| ms(last.at)),
        findings: verdict.findings.iter().take(FINDINGS).map(told).collect(),
        more_findings: verdict.findings.len().saturating_sub(FINDINGS),
        diagram,
        more_moments,
        stats: Stats::of(&case.latencies_ms),
        chart: chart::of(&case.latencies_ms),
        all_records: records.len(),
        records: rows,
    };
    section.render().expect("writing to a string")
}

fn told(Finding { rule, outcome, text, records }: &Finding) -> Told {
    Told {
        class: class(*outcome),
        outcome: *outcome,
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

fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Inconclusive => "open",
        Outcome::Fail => "fail",
    }
}

#[cfg(test)]
mod tests;
