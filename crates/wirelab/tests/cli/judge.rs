//! `wirelab judge run`: the verdict from the file, and what it makes of a file that was touched.
use serde_json::{Value, json};

use crate::{scenario::*, support::*};

/// A good run of the scenario `x`, and its evidence as lines.
fn played() -> (Dir, Vec<Value>) {
    let dir = Dir::new();
    let file = dir.write("x", &scenario("x", "", ASK, &[IS_OK, APPLIED].concat()));
    dir.run(&[&file, "--sim"]).ok();
    let lines = json_lines(&dir.report("run.jsonl"));
    (dir, lines)
}

/// Judges these lines.
fn judged(dir: &Dir, lines: &[Value]) -> Ran {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(dir.path().join("touched.jsonl"), text).unwrap();
    dir.judge("x.toml", "touched.jsonl")
}

fn is_applied(line: &Value) -> bool {
    line["fact"] == "applied"
}

/// Convicted, and by this rule.
fn convicted(ran: &Ran, rule: &str) {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let result = ran.result();
    let findings = result["findings"].as_array().unwrap();
    let by = |f: &&Value| f["rule"] == rule && f["outcome"] == "fail";
    assert!(findings.iter().any(|f| by(&f)), "{rule}: {ran:?}");
}

#[test]
fn the_file_gets_the_verdict_the_run_got() {
    let (dir, _) = played();
    let ran = dir.judge("x.toml", "out/run.jsonl").ok();
    assert_eq!((&ran.result()["outcome"], ran.err.as_str()), (&"pass".into(), ""));
    let bad = dir.write("bad", &scenario("bad", "quirks = [\"nack\"]", ASK, IS_OK));
    let run = dir.run(&[&bad, "--sim", "--json"]);
    let judged = dir.judge("bad.toml", "out/run.jsonl");
    assert_eq!((run.code, judged.code), (Some(1), Some(1)));
    assert_eq!(run.result()["cases"][0]["findings"], judged.result()["findings"]);
}

#[test]
fn every_run_in_the_file_is_judged() {
    let (dir, _) = played();
    dir.run(&["x.toml", "happy-path", "--sim", "--seeds", "3"]).ok();
    let seeds = |ran: Ran| ran.ok().lines().iter().map(|l| l["seed"].clone()).collect::<Vec<_>>();
    assert_eq!(seeds(dir.judge("x.toml", "out/run.jsonl")), [1, 2, 3]);
    assert_eq!(seeds(dir.judge("happy-path", "out/run.jsonl")), [1, 2, 3]);
}

#[test]
fn what_the_device_did_cannot_be_taken_out() {
    let (dir, mut lines) = played();
    lines.retain(|line| !is_applied(line));
    convicted(&judged(&dir, &lines), "expect[1] applied");
    // Nor with the numbers mended.
    for (seq, line) in lines[1..].iter_mut().enumerate() {
        line["seq"] = json!(seq);
    }
    convicted(&judged(&dir, &lines), "expect[1] applied");
}

#[test]
fn what_the_device_did_cannot_be_doubled() {
    let (dir, mut lines) = played();
    let at = lines.iter().position(is_applied).unwrap();
    lines.insert(at, lines[at].clone());
    convicted(&judged(&dir, &lines), "law 5: once is once");
}

#[test]
fn nothing_can_be_taken_out_unnoticed() {
    let (dir, lines) = played();
    for at in 1..lines.len() {
        let mut lines = lines.clone();
        let taken = lines.remove(at);
        let ran = judged(&dir, &lines);
        assert!(matches!(ran.code, Some(1 | 3)), "{taken}: {ran:?}");
    }
}

#[test]
fn a_file_cut_short_proves_nothing_and_says_so() {
    let (dir, _) = played();
    let text = read(&dir.report("run.jsonl"));
    std::fs::write(dir.path().join("cut.jsonl"), &text[..text.len() - 9]).unwrap();
    let ran = dir.judge("x.toml", "cut.jsonl");
    assert_eq!((ran.code, &ran.result()["outcome"]), (Some(3), &"inconclusive".into()));
    let line = text.lines().count();
    assert!(ran.err.starts_with(&format!("warning: cut.jsonl: line {line}: cut short")), "{ran:?}");
}

#[test]
fn evidence_from_elsewhere_is_no_evidence() {
    let (dir, mut lines) = played();
    assert!(dir.judge("happy-path", "out/run.jsonl").failed(2).contains("but of toggle/x"));
    lines[0]["wirelab_evidence"] = json!(2);
    assert!(judged(&dir, &lines).failed(3).contains("use a newer wirelab"));
    assert!(judged(&dir, &lines[1..]).failed(3).contains("no evidence header"));
    lines[0]["wirelab_evidence"] = json!(1);
    lines[3] = json!({"not": "a record"});
    assert!(judged(&dir, &lines).failed(3).contains("line 4: not a record"));
    assert!(dir.judge("x.toml", "nowhere.jsonl").failed(3).contains("nowhere.jsonl"));
    assert!(dir.judge("nonsense", "out/run.jsonl").failed(2).contains("nonsense"));
}
