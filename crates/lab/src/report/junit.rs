//! The report for a build server: JUnit XML, a failed case a true `<failure>`.
use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{CaseResult, Skipped, line};
use crate::judge::{Outcome, Verdict};

/// A suite's results as JUnit XML, begun at `now`. An inconclusive case is an `<error>`.
pub fn xml(cases: &[CaseResult], skipped: &[Skipped], now: Timestamp) -> String {
    let mut suite = TestSuite::new("wirelab");
    suite.timestamp = now.to_string().parse().ok();
    suite.set_time(cases.iter().map(|c| c.elapsed).sum());
    suite.add_test_cases(cases.iter().map(test_case));
    suite.add_test_cases(skipped.iter().map(not_played));
    let mut report = Report::new("wirelab");
    report.timestamp = suite.timestamp;
    report.set_time(cases.iter().map(|c| c.elapsed).sum());
    report.add_test_suite(suite);
    report.to_string().expect("XML is written to memory")
}

fn test_case(result: &CaseResult) -> TestCase {
    let CaseResult { protocol, scenario, world, elapsed, verdict, .. } = result;
    let mut case = TestCase::new(scenario.as_str(), status(result));
    case.set_classname(format!("{protocol}.{world}")).set_time(*elapsed);
    if !verdict.notes.is_empty() {
        case.set_system_out(verdict.notes.join("\n"));
    }
    case
}

fn not_played(Skipped { protocol, scenario, reason }: &Skipped) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(reason.as_str());
    let mut case = TestCase::new(scenario.as_str(), status);
    case.set_classname(protocol.as_str());
    case
}

fn status(CaseResult { title, verdict, replay, .. }: &CaseResult) -> TestCaseStatus {
    let Verdict { outcome, findings, .. } = verdict;
    let kind = match outcome {
        Outcome::Pass => return TestCaseStatus::success(),
        Outcome::Fail => NonSuccessKind::Failure,
        Outcome::Inconclusive => NonSuccessKind::Error,
    };
    let worst = findings.iter().find(|f| f.outcome == *outcome);
    let lines: Vec<_> = findings.iter().take(100).map(line).collect();
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(worst.map_or(title.as_str(), |f| &f.rule))
        .set_message(worst.map_or(title.as_str(), |f| &f.text))
        .set_description(format!("{title}\n{}\nagain: {replay}", lines.join("\n")));
    status
}

#[cfg(test)]
mod tests {
    use super::{super::tests::cases, *};

    #[test]
    fn a_build_server_sees_failures_and_errors() {
        let now = "2025-11-01T12:34:56.789Z".parse().unwrap();
        insta::assert_snapshot!(xml(&cases(), &[], now));
    }

    #[test]
    fn any_reader_of_xml_finds_the_failure() {
        let report = Report::deserialize_from_str(&xml(&cases(), &[], Timestamp::UNIX_EPOCH));
        let report = report.expect("sound XML");
        let status = &report.test_suites[0].test_cases[1].status;
        let TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, message, .. } = status
        else {
            panic!("{status:?}");
        };
        assert_eq!(message.as_deref(), Some("wanted D1 set 1 times at lamp, saw 2"));
    }

    #[test]
    fn bytes_that_xml_cannot_hold_are_left_out() {
        let mut cases = cases();
        cases[1].verdict.findings[0].text = "saw `\x07\x1b[31m<html>`".into();
        let text = xml(&cases, &[], Timestamp::UNIX_EPOCH);
        assert!(text.contains("&lt;html&gt;") && !text.contains(['\x07', '\x1b']), "{text}");
    }
}
