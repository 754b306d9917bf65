//! `wirelab run`: what it plays, what it writes, and how it ends.
use std::{path::Path, process::Command, process::Stdio};

use serde_json::Value;

use crate::{scenario::*, support::*};

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).expect("whole JSON")
}

#[test]
fn without_files_every_shipped_scenario_is_played_on_real_sockets() {
    let dir = Dir::new();
    let ran = dir.run(&[]).ok();
    let protocols = std::fs::read_dir("../../scenarios").unwrap();
    let files = |dir: std::io::Result<std::fs::DirEntry>| std::fs::read_dir(dir.unwrap().path());
    let shipped: usize = protocols.map(|dir| files(dir).unwrap().count()).sum();
    assert!(
        ran.out.contains(&format!("\n{shipped} passed, 0 failed, 0 inconclusive\n")),
        "{ran:?}"
    );
    for row in ["successful requests", "stddev", "p50", "p95", "p99", "PASS (at most 300)"] {
        assert!(ran.out.contains(row), "{row}: {ran:?}");
    }
    let reports = ["integration-junit.xml", "performance-report.json", "report.json", "run.jsonl"];
    assert_eq!(dir.reports(), reports, "these and nothing else");
    let junit = read(&dir.report("integration-junit.xml"));
    let counts = format!("tests=\"{shipped}\" skipped=\"0\" errors=\"0\" failures=\"0\"");
    assert!(junit.contains(&counts), "{junit}");
    let report = json(&dir.report("report.json"));
    assert_eq!((&report["outcome"], &report["passed"]), (&"pass".into(), &shipped.into()));
    let headers = json_lines(&dir.report("run.jsonl")).into_iter();
    assert_eq!(headers.filter(|line| line["wirelab_evidence"] == 1).count(), shipped);
}

/// The schema that dashboards of the reference read.
#[test]
fn the_performance_report_has_the_keys_it_always_had() {
    let dir = Dir::new();
    dir.run(&["many-commands"]).ok();
    let text = read(&dir.report("performance-report.json"));
    let report: Value = serde_json::from_str(&text).unwrap();
    let order = |keys: &[&str]| {
        let from = text.find(keys[0]).expect("the first");
        let places = keys.iter().map(|key| text[from - 1..].find(&format!("\"{key}\":")));
        assert!(places.is_sorted_by_key(|place| place.expect("every key")), "{keys:?}: {text}");
    };
    order(&["timestamp", "thresholds", "metrics", "samples_ms", "warnings"]);
    let stats = ["min_ms", "max_ms", "mean_ms", "stddev_ms", "p50_ms", "p95_ms", "p99_ms"];
    order(&[&["sample_count"], &stats[..]].concat());
    assert_eq!(report.as_object().unwrap().len(), 5);
    assert_eq!(report["metrics"].as_object().unwrap().len(), 8);
    assert_eq!(report["thresholds"], serde_json::json!({"p95_ms": 300.0, "p99_ms": 800.0}));
    assert_eq!(report["metrics"]["sample_count"], 100);
    assert_eq!(report["samples_ms"].as_array().unwrap().len(), 100);
    for key in stats {
        assert!(report["metrics"][key].as_f64().unwrap() > 0.0, "{key}: {text}");
    }
}

#[test]
fn json_prints_the_report_and_nothing_else() {
    let dir = Dir::new();
    let ran = dir.run(&["happy-path", "nack-is-final", "--json"]).ok();
    assert_eq!(ran.result(), json(&dir.report("report.json")));
    let cases = ran.result()["cases"].as_array().unwrap().clone();
    let names: Vec<_> = cases.iter().map(|case| case["scenario"].as_str().unwrap()).collect();
    assert_eq!(names, ["happy-path", "nack-is-final"]);
    assert_eq!(ran.err, "");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let evidence = |seed| {
        let dir = Dir::new();
        dir.run(&["--sim", "--seed", seed]).ok();
        let text = read(&dir.report("run.jsonl"));
        let is_record = |line: &&str| !line.starts_with("{\"wirelab_evidence\"");
        text.lines().filter(is_record).map(str::to_owned).collect::<Vec<_>>()
    };
    let (first, again, other) = (evidence("7"), evidence("7"), evidence("8"));
    assert!(first.len() > 1000 && first == again, "{} records", first.len());
    assert!(first != other);
}

#[test]
fn a_fail_exits_1_is_in_every_report_and_its_replay_fails_again() {
    // A name that a shell would take apart.
    let dir = Dir::new();
    let file = dir.write("it's a lie", &scenario("it's a lie", "quirks = [\"nack\"]", ASK, IS_OK));
    for world in ["--sim", "--tcp"] {
        let ran = dir.run(&[&file, world, "--seed", "5"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let junit = read(&dir.report("integration-junit.xml"));
        assert!(junit.contains("failures=\"1\"") && junit.contains("<failure "), "{junit}");
        let report = json(&dir.report("report.json"));
        assert_eq!((&report["outcome"], &report["failed"]), (&"fail".into(), &1.into()));
        let replay = ran.out.lines().find_map(|l| l.trim().strip_prefix("again: ")).expect("a way");
        assert!(replay.ends_with(&format!("{world} --seed 5")), "{replay}");
        assert_eq!(report["cases"][0]["replay"], replay);
        let again = typed(&dir, replay);
        assert_eq!(again.code, Some(1), "{again:?}");
        assert!(again.out.contains("expect[0]") && ran.out.contains("expect[0]"), "{again:?}");
    }
}

/// As a person types it into a shell.
fn typed(dir: &Dir, line: &str) -> Ran {
    let program = wirelab();
    let program = Path::new(program.get_program()).parent().unwrap().display().to_string();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    finish(Command::new("sh").args(["-c", line]).current_dir(dir.path()).env("PATH", path))
}

#[test]
fn a_fail_that_nobody_reads_is_still_a_fail() {
    let dir = Dir::new();
    let file = dir.write("bad", &scenario("bad", "quirks = [\"nack\"]", ASK, IS_OK));
    let mut command = dir.command(&[&file, "--sim"]);
    let mut child = Ends(command.stdout(Stdio::piped()).spawn().unwrap());
    drop(child.0.stdout.take());
    assert_eq!(child.0.wait().unwrap().code(), Some(1));
}

#[test]
fn what_was_not_shown_exits_3() {
    let dir = Dir::new();
    let idle = scenario("idle", "quirks = [\"nack\"]", "", "");
    let file = dir.write("idle", &idle);
    let ran = dir.run(&[&file, "--sim"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("never showed"), "{ran:?}");
    assert!(read(&dir.report("integration-junit.xml")).contains("errors=\"1\""));
    // A fail among them is a fail.
    let bad = dir.write("bad", &scenario("bad", "quirks = [\"nack\"]", ASK, IS_OK));
    assert_eq!(dir.run(&[&file, &bad, "--sim"]).code, Some(1));
}

#[test]
fn what_makes_no_sense_is_placed_and_nothing_is_played() {
    let dir = Dir::new();
    let good = scenario("x", "", ASK, IS_OK);
    let cases = [
        ("title = \"A test\"", "title \"A test\"", ":2: the file: "),
        ("title = \"A test\"", "title = \"A test\"\ncolour = 1", ":3: colour: "),
        ("device = \"lamp\"\n", "device = \"lump\"\n", ":9: client[0].device: no device `lump`"),
        (
            "device = \"lamp\"\n",
            "device = \"lamp\"\npolicy = { max_attempts = 0 }\n",
            ":10: client[0].policy.max_attempts: ",
        ),
        (
            "device = \"lamp\"\n",
            "device = \"lamp\"\npolicy = { recv_timeout = \"soon\" }\n",
            ":10: client[0].policy.recv_timeout: ",
        ),
        ("\"toggle\"", "\"tuggle\"", ":3: protocol: "),
    ];
    for (from, to, says) in cases {
        assert!(good.contains(from), "{from}");
        let file = dir.write("x", &good.replacen(from, to, 1));
        let ran = dir.run(&[&file]);
        assert!(ran.failed(2).contains(&format!("{file}{says}")), "{says}: {ran:?}");
    }
    assert!(dir.run(&["no-such-scenario"]).failed(2).contains("no-such-scenario"));
    assert_eq!(dir.reports(), [""; 0]);
}

#[test]
fn reports_that_cannot_be_written_exit_3() {
    let ran = run(["run", "happy-path", "--sim", "--out", "/dev/null/reports"]);
    assert!(ran.failed(3).contains("/dev/null/reports"), "{ran:?}");
    // A directory where a file should go.
    let dir = Dir::new();
    std::fs::create_dir_all(dir.report("report.json")).unwrap();
    let ran = dir.run(&["happy-path", "--sim"]);
    assert!(ran.failed(3).contains("report.json"), "{ran:?}");
}
