//! The report for a person at a terminal.
use std::fmt::Write;

use super::{
    CaseResult, Skipped, Stats, line,
    stats::{P95_MS, P99_MS},
};
use crate::judge::{Finding, Outcome};

/// Findings shown of one case.
const SHOWN: usize = 20;

/// The verdicts in a table, then why what failed did and how to see it again, then the latencies.
pub fn table(cases: &[CaseResult], colour: bool) -> String {
    let ink = Ink(colour);
    let mut out = String::new();
    verdicts(&mut out, cases, ink).expect("writing to a string");
    reasons(&mut out, cases, ink).expect("writing to a string");
    let samples: Vec<f64> = cases.iter().flat_map(|c| c.latencies_ms.iter().copied()).collect();
    latencies(&mut out, &samples, ink).expect("writing to a string");
    out
}

/// What was not played, and why, a line each.
pub fn skipped(skipped: &[Skipped]) -> String {
    let line = |Skipped { protocol, scenario, reason }: &Skipped| {
        format!("SKIPPED       {protocol}/{scenario}: {}\n", printable(reason))
    };
    skipped.iter().map(line).collect()
}

fn verdicts(out: &mut String, cases: &[CaseResult], ink: Ink) -> std::fmt::Result {
    let names: Vec<_> = cases.iter().map(|c| format!("{}/{}", c.protocol, c.scenario)).collect();
    let width = names.iter().map(|n| n.chars().count()).max().unwrap_or_default();
    for (case, name) in cases.iter().zip(&names) {
        let verdict = ink.verdict(case.verdict.outcome);
        let ms = case.elapsed.as_secs_f64() * 1000.0;
        writeln!(out, "{verdict}  {:<4} {name:<width$} {ms:>9.1} ms  {}", case.world, case.title)?;
    }
    let count = |outcome| cases.iter().filter(|c| c.verdict.outcome == outcome).count();
    let (passed, failed) = (count(Outcome::Pass), count(Outcome::Fail));
    let open = count(Outcome::Inconclusive);
    writeln!(out, "\n{passed} passed, {failed} failed, {open} inconclusive")
}

fn reasons(out: &mut String, cases: &[CaseResult], ink: Ink) -> std::fmt::Result {
    for case in cases {
        let CaseResult { protocol, scenario, world, verdict, replay, .. } = case;
        if verdict.outcome == Outcome::Pass && verdict.notes.is_empty() {
            continue;
        }
        writeln!(out, "\n{protocol}/{scenario} ({world})")?;
        for finding in verdict.findings.iter().take(SHOWN) {
            let Finding { outcome, .. } = finding;
            writeln!(out, "  {}  {}", ink.verdict(*outcome), printable(&line(finding)))?;
        }
        if let Some(more) = verdict.findings.len().checked_sub(SHOWN).filter(|n| *n > 0) {
            writeln!(out, "  and {more} more")?;
        }
        for note in &verdict.notes {
            writeln!(out, "  note: {note}")?;
        }
        if verdict.outcome != Outcome::Pass {
            writeln!(out, "  again: {replay}")?;
        }
    }
    Ok(())
}

fn latencies(out: &mut String, samples: &[f64], ink: Ink) -> std::fmt::Result {
    let Some(stats) = Stats::of(samples) else {
        return writeln!(out, "\nlatency: no successful requests");
    };
    let Stats { count, min, max, mean, stddev, p50, p95, p99, p99_9 } = stats;
    writeln!(out, "\nlatency of {count} successful requests, ms")?;
    for (name, value) in [("min", min), ("max", max), ("mean", mean), ("stddev", stddev)] {
        writeln!(out, "  {name:<7}{value:>10.3}")?;
    }
    writeln!(out, "  {:<7}{p50:>10.3}", "p50")?;
    for (name, value, limit) in [("p95", p95, P95_MS), ("p99", p99, P99_MS)] {
        let verdict = if value > limit { Outcome::Fail } else { Outcome::Pass };
        let verdict = ink.paint(verdict, &verdict.to_string());
        writeln!(out, "  {name:<7}{value:>10.3}  {verdict} (at most {limit:.0})")?;
    }
    writeln!(out, "  {:<7}{p99_9:>10.3}", "p99.9")
}

/// What a device said may hold terminal escapes; they are shown, not obeyed.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(shown).collect()
}

/// Colours, or none.
#[derive(Clone, Copy)]
struct Ink(bool);

impl Ink {
    fn verdict(self, outcome: Outcome) -> String {
        self.paint(outcome, &format!("{outcome:<12}"))
    }
    fn paint(self, outcome: Outcome, text: &str) -> String {
        let code = match outcome {
            Outcome::Pass => 32,
            Outcome::Inconclusive => 33,
            Outcome::Fail => 31,
        };
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::cases, *};

    #[test]
    fn the_table_reads_well() {
        insta::assert_snapshot!(table(&cases(), false));
    }

    #[test]
    fn colour_is_only_added_when_asked_for() {
        assert!(!table(&cases(), false).contains('\x1b'));
        let painted = table(&cases(), true);
        assert!(painted.contains("\x1b[32mPASS        \x1b[0m") && painted.contains("\x1b[31m"));
    }

    #[test]
    fn slow_percentiles_fail_their_thresholds() {
        let mut cases = cases();
        cases[0].latencies_ms = vec![301.0; 10];
        let text = table(&cases, false);
        assert!(text.contains("p95       301.000  FAIL (at most 300)"), "{text}");
        assert!(text.contains("p99       301.000  PASS (at most 800)"), "{text}");
    }

    #[test]
    fn nothing_successful_is_said_so() {
        assert!(table(&[], false).contains("no successful requests"));
    }

    #[test]
    fn a_thousand_findings_are_cut_short_and_escapes_disarmed() {
        let mut cases = cases();
        let mut finding = cases[1].verdict.findings[0].clone();
        finding.text = "saw \x1b[2J\n".into();
        cases[1].verdict.findings = vec![finding; 1000];
        let text = table(&cases, false);
        assert!(text.contains("and 980 more") && text.contains("saw \\u{1b}[2J\\n"), "{text}");
    }
}
