//! `wirelab run --target`: scenarios against a device that somebody else runs.
use std::net::TcpListener;

use serde_json::Value;

use crate::{scenario::*, support::*};

fn all_of_hsms() -> Vec<String> {
    let files = std::fs::read_dir("../../scenarios/hsms").unwrap();
    let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_owned());
    names.map(|name| format!("hsms/{}", name.into_string().unwrap())).collect()
}

fn play(dir: &Dir, more: &[&str], env: &[(&str, &str)]) -> Ran {
    let files = all_of_hsms();
    let args: Vec<&str> = files.iter().map(String::as_str).chain(more.iter().copied()).collect();
    finish(dir.command(&args).envs(env.iter().copied()))
}

#[test]
fn every_hsms_scenario_passes_that_a_foreign_device_can_play_and_the_others_say_why_not() {
    let mut device = device_of("hsms", &[]);
    let dir = Dir::new();
    let target = device.addr.to_string();
    let ran = play(&dir, &["--target", &target], &[]).ok();
    let skipped: Vec<_> = ran.out.lines().filter(|line| line.starts_with("SKIPPED")).collect();
    let passed = ran.out.lines().filter(|line| line.starts_with("PASS")).count();
    assert!(passed >= 6, "{ran:?}");
    assert_eq!(passed + skipped.len(), all_of_hsms().len(), "{ran:?}");
    assert!(skipped.iter().all(|line| line.split(": ").count() > 1), "{skipped:?}");
    assert!(ran.out.contains("client-side evidence only: no device wrote a record"), "{ran:?}");
    assert!(
        ran.out.contains("expect[1] packet: passed over, client-side evidence only"),
        "{ran:?}"
    );
    let report: Value = serde_json::from_str(&read(&dir.report("report.json"))).unwrap();
    assert_eq!(report["skipped"].as_array().unwrap().len(), skipped.len());
    let junit = read(&dir.report("integration-junit.xml"));
    assert!(junit.contains(&format!("skipped=\"{}\"", skipped.len())), "{junit}");
    // The far side saw them, and nobody of ours listened instead.
    let (_, records) = device.show();
    assert!(Device::count(&records, "opened") >= passed);
    // The same verdict can be had from the evidence.
    let name = "hsms/connects-with-a-real-equipment";
    assert_eq!(dir.judge(name, "out/run.jsonl").ok().result()["world"], "target");
}

#[test]
fn the_environment_names_the_target_too() {
    let device = device_of("hsms", &[]);
    let (host, port) = (device.addr.ip().to_string(), device.addr.port().to_string());
    let dir = Dir::new();
    let both = [("HSMS_SERVER_HOST", &*host), ("HSMS_SERVER_PORT", &*port)];
    let ran = finish(dir.command(&["hsms/linktest", "happy-path"]).envs(both)).ok();
    let worlds: Vec<_> =
        ran.out.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(worlds[..2], ["target", "tcp"], "hsms there, toggle here: {ran:?}");
    assert!(ran.err.contains("which is not ours"), "{ran:?}");
    let target = device.addr.to_string();
    let one = [("WIRELAB_TARGET", &*target)];
    let ran = finish(dir.command(&["hsms/linktest"]).envs(one)).ok();
    assert!(ran.out.contains("target hsms/linktest"), "{ran:?}");
    let ran = finish(dir.command(&["hsms/linktest", "--sim"]).envs(one)).ok();
    assert!(ran.out.contains("sim  hsms/linktest"), "{ran:?}");
}

#[test]
fn what_the_device_does_wrong_fails() {
    let device = device_of("hsms", &["--mode", "silent"]);
    let dir = Dir::new();
    let text = "name = \"ask\"\ntitle = \"x\"\nprotocol = \"hsms\"\n[[device]]\nname = \"tool\"\n\
        [[client]]\nname = \"host\"\ndevice = \"tool\"\npolicy = { deadline = \"1s\" }\n[[step]]\n\
        request = { client = \"host\", send = 'S1F1 W' }\n[[expect]]\n\
        outcome = { client = \"host\", is = \"ok\" }\n";
    let file = dir.write("ask", text);
    let ran = dir.run(&[&file, "--target", &device.addr.to_string()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let again = format!("again: wirelab run ask.toml --target {} --seed 1", device.addr);
    assert!(ran.out.contains(&again), "{ran:?}");
}

#[test]
fn nobody_there_is_said_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let dir = Dir::new();
    let ran = dir.run(&["hsms/linktest", "--target", &free]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains(&format!("error: nobody is at {free}")), "{ran:?}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let dir = Dir::new();
    let says = |args: &[&str], word: &str| {
        let ran = dir.run(args);
        assert!(ran.code == Some(2) && ran.err.contains(word), "{word}: {ran:?}");
    };
    says(&["--target", "127.0.0.1:1"], "one protocol");
    says(&["hsms/linktest", "--sim", "--target", "127.0.0.1:1"], "no effect");
    says(&["hsms/silent-is-no-scenario", "--target", "127.0.0.1:1"], "cannot read");
    says(&["hsms/aborted", "--target", "127.0.0.1:1"], "device of ours");
}
