//! What became of a suite, for people and for machines. Nothing here decides anything.
pub mod diff;
pub mod html;
pub mod json;
pub mod junit;
pub mod latency;
pub mod marks;
pub mod mermaid;
pub mod pcapng;
pub mod plot;
pub mod probed;
mod segments;
pub mod sequence;
pub mod stats;
mod svg;
pub mod text;
pub mod wires;

use std::time::Duration;

use net::{Event, Record, record::End};

use crate::judge::{Finding, Verdict};
pub use stats::Stats;

/// One scenario, run and judged in one world.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// What it spoke.
    pub protocol: String,
    /// The scenario's name.
    pub scenario: String,
    /// What it claims.
    pub title: String,
    /// Where it ran.
    pub world: String,
    /// All its chance came from this.
    pub seed: u64,
    /// How it went.
    pub verdict: Verdict,
    /// How long it took to run, in real time.
    pub elapsed: Duration,
    /// Milliseconds each successful request took.
    pub latencies_ms: Vec<f64>,
    /// The one command that does it again.
    pub replay: String,
}

/// One scenario that was not played.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Skipped {
    /// What it speaks.
    pub protocol: String,
    /// The scenario's name.
    pub scenario: String,
    /// Why not.
    pub reason: String,
}

/// Milliseconds each successful request of a run took, by its record.
pub fn latencies_ms(records: &[Record]) -> Vec<f64> {
    let took = records.iter().filter_map(|r| match r.event {
        Event::Done { end: End::Ok { .. }, elapsed_us, .. } => Some(elapsed_us as f64 / 1000.0),
        _ => None,
    });
    took.collect()
}

/// Text of others on one line, at most so many characters of it. What a terminal or a browser would
/// obey, control characters and changes of direction, is shown instead.
fn shown(text: &str, most: usize) -> String {
    let mut safe = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == most {
            safe.push('…');
            break;
        }
        match c {
            c if c.is_control()
                || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}') =>
            {
                safe.extend(c.escape_default());
            }
            c => safe.push(c),
        }
    }
    safe
}

/// A finding in one line: rule, reason, record numbers.
fn line(finding: &Finding) -> String {
    let Finding { rule, text, records, .. } = finding;
    let numbers: Vec<_> = records.iter().take(8).map(|seq| format!("#{seq}")).collect();
    let more = if records.len() > numbers.len() { " …" } else { "" };
    match numbers.as_slice() {
        [] => format!("{rule}: {text}"),
        numbers => format!("{rule}: {text} [{}{more}]", numbers.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Outcome;

    /// A request whose first answer comes too late, as it was recorded.
    pub(super) fn late() -> Vec<Record> {
        let file = include_bytes!("../../../../fuzz/seeds/evidence/late-answer.jsonl");
        net::record::read_evidence(&file[..]).unwrap().remove(0).1
    }

    /// What the shipped scenario of this name leaves, in the simulated world.
    pub(super) fn played(name: &str) -> Vec<Record> {
        let file = format!("/{name}.toml");
        let shipped = crate::shipped::shipped();
        let (path, text) = shipped.iter().find(|(path, _)| path.ends_with(&file)).expect(name);
        let scenario = crate::scenario::Scenario::parse(path, text).unwrap();
        crate::run::play(&scenario, crate::Kind::Sim, 1).unwrap().records
    }

    /// Three cases, one of each outcome.
    pub(super) fn cases() -> Vec<CaseResult> {
        let finding = |rule: &str, outcome, text: &str, records: &[u64]| Finding {
            rule: rule.into(),
            outcome,
            text: text.into(),
            records: records.to_vec(),
        };
        let unmet = "wanted D1 set 1 times at lamp, saw 2";
        let unmet = finding("expect[1] applied", Outcome::Fail, unmet, &[7, 19]);
        let silent = "`reject x1` was armed at lamp and never showed";
        let silent = finding("law 6: the fault fired", Outcome::Inconclusive, silent, &[0]);
        vec![
            case("happy-path", "sim", Outcome::Pass, vec![]),
            case("duplicate-applied-once", "tcp", Outcome::Fail, vec![unmet]),
            case("retry-after-rejected-connection", "sim", Outcome::Inconclusive, vec![silent]),
        ]
    }

    fn case(name: &str, world: &str, outcome: Outcome, findings: Vec<Finding>) -> CaseResult {
        CaseResult {
            protocol: "toggle".into(),
            scenario: name.into(),
            title: "It is <so>".into(),
            world: world.into(),
            seed: 7,
            verdict: Verdict { outcome, findings, notes: vec![] },
            elapsed: Duration::from_millis(12),
            latencies_ms: vec![1.5],
            replay: format!("wirelab run scenarios/toggle/{name}.toml --{world} --seed 7"),
        }
    }

    #[test]
    fn latencies_are_those_of_successes() {
        let done = |end, elapsed_us| Record {
            seq: 0,
            at: proto::Time::default(),
            node: "toggler".into(),
            role: net::record::Role::Client,
            line: 0,
            event: Event::Done { ticket: proto::Ticket(1), end, attempts: 1, elapsed_us },
        };
        let ok = End::Ok { delivery: proto::Delivery::Replied, reply: None };
        let failed = End::Failed { stage: proto::Stage::Closed, detail: String::new() };
        assert_eq!(latencies_ms(&[done(ok, 1500), done(failed, 9)]), [1.5]);
    }

    #[test]
    fn a_finding_cites_only_so_many_records() {
        let mut finding = cases()[1].verdict.findings[0].clone();
        assert!(line(&finding).ends_with("saw 2 [#7 #19]"));
        finding.records = (0..100).collect();
        assert!(line(&finding).ends_with("#6 #7 …]"));
    }
}
