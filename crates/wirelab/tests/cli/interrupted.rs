//! `wirelab run`, told to stop in the middle.
use std::time::Instant;

use crate::{scenario::*, support::*};

/// A command to a silent lamp, for two minutes.
const PATIENT: &str = "policy = { recv_timeout = \"2m\", max_attempts = 1 }\n";

/// Runs these until `begun` is true of what it has recorded so far, then interrupts it.
fn interrupt(dir: &Dir, args: &[&str], begun: impl Fn(&str) -> bool) -> Vec<String> {
    let mut running = Running::start(&mut dir.command(args));
    let recorded = || {
        let names = dir.reports();
        let text = names.first().map(|name| std::fs::read_to_string(dir.report(name)));
        text.and_then(Result::ok).unwrap_or_default()
    };
    let since = Instant::now();
    while !begun(&recorded()) {
        assert!(since.elapsed() < PATIENCE, "it never got that far");
        std::thread::yield_now();
    }
    running.signal("INT");
    assert_eq!(running.wait().code(), Some(130));
    running.err.rest()
}

/// Every file is there, whole, and says how far it came; nothing else is left.
fn check(dir: &Dir, played: usize, not_played: usize) {
    let reports = ["integration-junit.xml", "performance-report.json", "report.json", "run.jsonl"];
    assert_eq!(dir.reports(), reports);
    let report = &json_lines_of(&read(&dir.report("report.json")));
    assert_eq!(report["outcome"], "inconclusive", "what was not played is not passed");
    assert_eq!(report["passed"], played);
    assert_eq!(report["not_played"], not_played);
    json_lines_of(&read(&dir.report("performance-report.json")));
    let junit = read(&dir.report("integration-junit.xml"));
    assert!(junit.contains(&format!("tests=\"{played}\"")), "{junit}");
    assert!(junit.trim_end().ends_with("</testsuites>"), "{junit}");
    let evidence = json_lines(&dir.report("run.jsonl"));
    let ends = evidence.iter().filter(|line| line["event"] == "ended").count();
    assert_eq!(ends, played, "whole runs");
}

fn json_lines_of(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("whole JSON")
}

#[test]
fn between_two_scenarios() {
    let dir = Dir::new();
    let args = ["happy-path", "--sim", "--seeds", "1000000"];
    let said = interrupt(&dir, &args, |recorded| recorded.matches("\"ended\"").count() > 20);
    assert!(said.last().unwrap().starts_with("warning: interrupted; "), "{said:?}");
    let report = json_lines_of(&read(&dir.report("report.json")));
    let played = report["passed"].as_u64().unwrap() as usize;
    assert!(played > 20);
    check(&dir, played, 1_000_000 - played);
    assert_eq!(dir.judge("happy-path", "out/run.jsonl").ok().lines().len(), played);
}

#[test]
fn in_the_middle_of_one() {
    for ask in [ASK.to_owned(), ASK.replace(" } }", " }, background = true }")] {
        let dir = Dir::new();
        let text = scenario("patient", "quirks = [\"timeout\"]", &ask, IS_OK);
        let step = format!("device = \"lamp\"\n{PATIENT}[[step");
        let file = dir.write("patient", &text.replace("device = \"lamp\"\n[[step", &step));
        let ended = |recorded: &str| recorded.contains("\"ended\"");
        interrupt(&dir, &["happy-path", &file, "--tcp"], ended);
        check(&dir, 1, 1);
    }
}
