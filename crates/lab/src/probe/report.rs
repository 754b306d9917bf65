//! The results of a suite, for people and for machines. Nothing here decides anything.
use std::fmt::Write;

use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::{CaseResult, Verdict, verdict::Moment};

/// Moments shown of one case to a person.
const SHOWN: usize = 24;

/// One case in a line, and why it is no pass; `trace` shows the bytes as well.
pub fn line(result: &CaseResult, trace: bool) -> String {
    let CaseResult { id, title, requirement, verdict, expected, actual, notes, .. } = result;
    let CaseResult { backoff, evidence, .. } = result;
    let mut out = format!("{}  {id:<10} {title}\n", ink(*verdict));
    if *verdict != Verdict::Pass {
        let mut row = |name: &str, text: &str| {
            let _ = writeln!(out, "              {name:<9} {}", printable(text));
        };
        match verdict {
            Verdict::Skipped | Verdict::Inconclusive => row("because", actual),
            Verdict::Pass | Verdict::NonStrict | Verdict::Info | Verdict::Fail => {
                row("rule", requirement);
                row("expected", expected);
                row("seen", actual);
            }
        }
        notes.iter().for_each(|note| row("also", note));
    }
    if let Some(backoff) = backoff {
        let _ = writeln!(out, "              {:<9} {backoff}", "pauses");
    }
    if trace || *verdict == Verdict::Fail {
        for moment in evidence.iter().take(SHOWN) {
            let _ = writeln!(out, "              {}", in_words(moment));
        }
        if let Some(more) = evidence.len().checked_sub(SHOWN).filter(|n| *n > 0) {
            let _ = writeln!(out, "              and {more} more");
        }
    }
    out
}

fn in_words(moment: &Moment) -> String {
    let Moment { at_us, conn, what, detail, len } = moment;
    let seconds = *at_us as f64 / 1e6;
    let detail = printable(detail);
    match len {
        0 => format!("{seconds:>8.3} s  #{conn} {what:<8} {detail}"),
        len => format!("{seconds:>8.3} s  #{conn} {what:<8} {len:>4}: {detail}"),
    }
}

/// How many of each, in a line.
pub fn summary(results: &[CaseResult]) -> String {
    let count = |verdict| results.iter().filter(|r| r.verdict == verdict).count();
    let counted = Verdict::ALL.into_iter().map(|verdict| (verdict, count(verdict)));
    let parts: Vec<_> = counted
        .filter(|(verdict, n)| *n > 0 || matches!(verdict, Verdict::Pass | Verdict::Fail))
        .map(|(verdict, n)| format!("{n} {verdict}"))
        .collect();
    format!("{} cases: {}\n", results.len(), parts.join(", "))
}

fn ink(verdict: Verdict) -> String {
    let code = match verdict {
        Verdict::Pass => 32,
        Verdict::NonStrict | Verdict::Info => 36,
        Verdict::Skipped | Verdict::Inconclusive => 33,
        Verdict::Fail => 31,
    };
    format!("\x1b[{code}m{verdict:<12}\x1b[0m")
}

/// What a peer said may hold terminal escapes; they are shown, not obeyed.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(shown).collect()
}

/// All of it for a machine. `schema` grows when a key changes its meaning or goes.
#[derive(Debug, Serialize)]
pub struct Judged<'a> {
    schema: u32,
    protocol: &'a str,
    judged: &'a str,
    level: &'a str,
    counts: Counts,
    cases: &'a [CaseResult],
}

#[derive(Debug, Serialize)]
struct Counts {
    pass: usize,
    non_strict: usize,
    fail: usize,
    info: usize,
    skipped: usize,
    inconclusive: usize,
}

/// The results of a suite; `judged` says who was judged.
pub fn json<'a>(
    protocol: &'a str,
    judged: &'a str,
    level: &'a str,
    cases: &'a [CaseResult],
) -> Judged<'a> {
    let count = |verdict| cases.iter().filter(|case| case.verdict == verdict).count();
    let counts = Counts {
        pass: count(Verdict::Pass),
        non_strict: count(Verdict::NonStrict),
        fail: count(Verdict::Fail),
        info: count(Verdict::Info),
        skipped: count(Verdict::Skipped),
        inconclusive: count(Verdict::Inconclusive),
    };
    Judged { schema: 1, protocol, judged, level, counts, cases }
}

/// The results as JUnit XML: a fail is a `<failure>`, an inconclusive case an `<error>`.
pub fn junit(protocol: &str, judged: &str, cases: &[CaseResult], now: Timestamp) -> String {
    let name = format!("wirelab judge {judged}");
    let mut suite = TestSuite::new(name.as_str());
    suite.timestamp = now.to_string().parse().ok();
    suite.add_test_cases(cases.iter().map(|case| test_case(protocol, judged, case)));
    let mut report = Report::new(name.as_str());
    report.timestamp = suite.timestamp;
    report.add_test_suite(suite);
    report.to_string().expect("XML is written to memory")
}

fn test_case(protocol: &str, judged: &str, result: &CaseResult) -> TestCase {
    let CaseResult { id, title, requirement, verdict, expected, actual, notes, .. } = result;
    let text = format!(
        "{title}\nrule: {requirement}\nexpected: {expected}\nseen: {actual}\n{}",
        notes.join("\n")
    );
    let non_success = |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(verdict.to_string()).set_message(actual.as_str()).set_description(&text);
        status
    };
    let status = match verdict {
        Verdict::Pass | Verdict::NonStrict | Verdict::Info => TestCaseStatus::success(),
        Verdict::Fail => non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive => non_success(NonSuccessKind::Error),
        Verdict::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(actual.as_str());
            status
        }
    };
    let mut case = TestCase::new(*id, status);
    let seconds = std::time::Duration::from_secs_f64(result.elapsed_ms.max(0.0) / 1000.0);
    case.set_classname(format!("{protocol}.{judged}")).set_time(seconds);
    case.set_system_out(format!("{verdict}\n{text}"));
    case
}
