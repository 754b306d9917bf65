//! `wirelab report`: from the file alone, whole or damaged.
use crate::{scenario::*, support::*};

/// Runs of a scenario that fails and of one that comes with the program.
fn played() -> Dir {
    let dir = Dir::new();
    let bad = dir.write("bad", &scenario("bad", "quirks = [\"nack\"]", ASK, IS_OK));
    assert_eq!(dir.run(&[&bad, "late-answer", "--tcp"]).code, Some(1));
    dir
}

fn report(dir: &Dir, args: &[&str]) -> Ran {
    finish(wirelab().current_dir(dir.path()).arg("report").args(args))
}

const RUN: &str = "out/run.jsonl";

#[test]
fn a_recorded_run_is_judged_as_it_was_when_it_ran() {
    let dir = played();
    let ran = report(&dir, &[RUN, "--scenario", "bad.toml", "--json", "again.json"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    let cases = |path: &std::path::Path| {
        let report: serde_json::Value = serde_json::from_str(&read(path)).unwrap();
        let case = |case: &serde_json::Value| {
            ["scenario", "outcome", "findings", "latency_ms", "title"].map(|key| case[key].clone())
        };
        report["cases"].as_array().unwrap().iter().map(case).collect::<Vec<_>>()
    };
    assert_eq!(cases(&dir.path().join("again.json")), cases(&dir.report("report.json")));
}

#[test]
fn what_nobody_knows_is_judged_by_the_laws_and_says_so() {
    let dir = played();
    let ran = report(&dir, &[RUN]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("judged by the laws alone: toggle/bad does not come"), "{ran:?}");
    assert!(ran.out.contains("2 passed, 0 failed") && ran.out.contains("p99.9"), "{ran:?}");
}

#[test]
fn a_fail_is_a_failure_for_a_build_server() {
    let dir = played();
    let ran = report(&dir, &[RUN, "--scenario", "bad.toml", "--junit", "-"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.starts_with("<?xml") && ran.out.contains("failures=\"1\""), "{ran:?}");
    assert!(ran.out.contains("<failure message=\"wanted ok; toggler had"), "{ran:?}");
}

#[test]
fn a_diagram_is_text_with_the_four_phases() {
    let dir = played();
    let ran = report(&dir, &[RUN, "--case", "late-answer", "--mermaid", "-"]).ok();
    assert!(ran.out.starts_with("sequenceDiagram\n"), "{ran:?}");
    for piece in ["[set-up]", "[transmission]", "[response]", "[teardown]", "listens at", "FIN"] {
        assert!(ran.out.contains(piece), "{piece}: {ran:?}");
    }
    assert!(ran.out.contains("n0->>n1: toggle (91 bytes)"), "{ran:?}");
}

#[test]
fn what_is_sound_of_a_damaged_file_is_still_reported() {
    let dir = played();
    let whole = read(&dir.report("run.jsonl"));
    let lines: Vec<_> = whole.lines().collect();
    let second = lines.iter().rposition(|l| l.contains("wirelab_evidence")).unwrap();
    let newer = "{\"wirelab_evidence\": 99, \"scenario\": \"x/y\"}";
    let write = |name: &str, lines: &[&str]| {
        std::fs::write(dir.path().join(name), lines.join("\n")).unwrap();
    };
    write("cut.jsonl", &[&lines[..lines.len() - 1], &["{\"seq\":"][..]].concat());
    write("newer.jsonl", &[&lines[second..], &[newer, lines[3], ""]].concat());
    write("first.jsonl", &[newer, lines[3], ""]);
    write("noise.jsonl", &[&lines[second..], &["noise", ""]].concat());
    for (file, says, cases) in [
        ("cut.jsonl", "cut short, after", 2),
        ("newer.jsonl", "written in format 99", 1),
        ("noise.jsonl", "not a record", 1),
    ] {
        let ran = report(&dir, &[file, "--json", "-"]);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        let [warning] = ran.err.lines().collect::<Vec<_>>()[..] else { panic!("{ran:?}") };
        assert!(warning.contains(says) && warning.contains(file), "{ran:?}");
        let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(told["cases"].as_array().unwrap().len(), cases, "{ran:?}");
    }
    assert!(report(&dir, &["first.jsonl"]).failed(3).contains("use a newer wirelab"));
    assert!(report(&dir, &["bad.toml"]).failed(3).contains("no evidence header"));
    assert!(report(&dir, &["absent.jsonl"]).failed(3).contains("absent.jsonl"));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_written() {
    let dir = played();
    for (args, says) in [
        (&["--case", "nowhere"][..], "holds no such run, but toggle/bad (tcp, seed 1)"),
        (&["--pcapng", "x.pcapng", "--html", "x.html"], "choose with --case"),
        (&["--mermaid", "-"], "choose with --case"),
        (&["--json", "-", "--junit", "-"], "only one report can go to stdout"),
        (&["--json", "-", "--text"], "only one report can go to stdout"),
        (&["--scenario", "nowhere.toml"], "nowhere.toml"),
    ] {
        let ran = report(&dir, &[&[RUN], args].concat());
        assert!(ran.failed(2).contains(says), "{says}: {ran:?}");
    }
    assert!(!dir.path().join("x.html").exists());
    let ran = report(&dir, &[RUN, "--html", "/dev/null/x.html"]);
    assert!(ran.failed(3).contains("/dev/null/x.html"), "{ran:?}");
}

#[test]
fn several_files_are_one_report_that_tells_them_apart() {
    let dir = played();
    std::fs::copy(dir.report("run.jsonl"), dir.path().join("b.jsonl")).unwrap();
    let args = [RUN, "b.jsonl", "--case", "late-answer", "--html", "-"];
    let ran = report(&dir, &args).ok();
    assert!(ran.out.contains("<th scope=\"col\">tcp of b.jsonl</th>"), "{}", &ran.out[..2000]);
}

#[test]
fn a_run_writes_the_page_as_well_when_it_is_asked_to() {
    let dir = Dir::new();
    let ran = dir.run(&["happy-path", "--sim", "--html", "page.html"]).ok();
    assert!(ran.err.contains("page.html is written"), "{ran:?}");
    let page = read(&dir.path().join("page.html"));
    assert!(page.starts_with("<!doctype html>") && page.contains("toggle/happy-path"));
    assert!(dir.run(&["happy-path", "--html", "-"]).failed(2).contains("give it a path"));
}

#[test]
fn two_runs_are_the_same_or_part_somewhere() {
    let dir = Dir::new();
    let diff = |args: &[&str]| finish(wirelab().current_dir(dir.path()).arg("diff").args(args));
    dir.run(&["late-answer", "works", "--sim"]).ok();
    std::fs::rename(dir.report("run.jsonl"), dir.path().join("a.jsonl")).unwrap();
    dir.run(&["late-answer", "works", "--sim"]).ok();
    let same = diff(&["a.jsonl", RUN]).ok();
    assert!(same.out.starts_with("the same on the wire: 2 cases, "), "{same:?}");

    dir.run(&["late-answer", "works", "--sim", "--seed", "2"]).ok();
    let ran = diff(&["a.jsonl", RUN, "--case", "late-answer"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let says = "toggle/late-answer: parts at event 3 of client toggler, connection 1, at byte ";
    assert!(ran.out.starts_with(says), "{ran:?}");
    let json = diff(&["a.jsonl", RUN, "--json"]);
    assert_eq!((json.code, &json.result()["same"]), (Some(1), &false.into()));
    let differs = &json.result()["cases"][0]["differs"];
    assert!(differs["byte"].as_u64() > Some(40) && differs["a"]["record"] == 8, "{differs}");

    let whole = read(&dir.path().join("a.jsonl"));
    std::fs::write(dir.path().join("cut.jsonl"), whole + "{").unwrap();
    assert_eq!(diff(&["a.jsonl", "cut.jsonl"]).code, Some(3));
    assert!(diff(&["a.jsonl", "nowhere.jsonl"]).failed(3).contains("nowhere.jsonl"));
    assert!(diff(&["-", "-"]).failed(2).contains("stdin"));
}

#[test]
fn devices_of_others_are_columns_of_one_matrix() {
    let dir = Dir::new();
    let probe = |name: &str, device: &Device| {
        let at = device.addr.to_string();
        let mut command = wirelab();
        command.args(["judge", "device", "--protocol", "hsms", "--case", "1.*", "--json", &at]);
        std::fs::write(dir.path().join(name), finish(&mut command).out).unwrap();
        at
    };
    let good = probe("good.json", &device_of("hsms", &[]));
    let bad = probe("bad.json", &device_of("hsms", &["--mode", "mute_select"]));
    let ran = report(&dir, &["good.json", "bad.json", "--html", "devices.html"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let page = read(&dir.path().join("devices.html"));
    for at in [good, bad] {
        assert!(page.contains(&format!("{at}, e37</th>")), "{at}: {}", &page[..9000]);
    }
    assert!(page.contains("aria-label=\"hsms/1.1, ") && page.contains("e37: FAIL"));
    assert!(page.contains("Select.req"), "the title");
    assert!(report(&dir, &["good.json", "--text"]).failed(2).contains("goes into --html"));
}
