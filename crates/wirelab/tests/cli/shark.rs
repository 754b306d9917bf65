//! Runs as captures: tshark, which has never heard of us, says what is in them.
use std::process::Command;

use crate::{scenario::*, support::*, tools::lacks};

/// Every way in which connections come and go.
const CASES: &[&str] = &[
    "happy-path",
    "late-answer",
    "connection-refused",
    "reset-after-reading",
    "half-closed-without-answer",
    "restart-on-same-port",
    "frozen-for-a-while",
    "works",
    "host-is-passive",
    "second-host-close",
];

fn tshark(dir: &Dir, args: &[&str]) -> Vec<String> {
    let output = Command::new("tshark").current_dir(dir.path()).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn capture(dir: &Dir, evidence: &str, case: &str) {
    let args = ["report", evidence, "--case", case, "--pcapng", "case.pcapng"];
    let ran = finish(wirelab().current_dir(dir.path()).args(args));
    assert!(ran.code == Some(0), "{ran:?}");
}

fn wanted() -> bool {
    !lacks(&["tshark"], "tshark")
}

#[test]
fn tshark_finds_nothing_wrong_with_a_run_as_a_capture() {
    if !wanted() {
        return;
    }
    for world in ["--sim", "--tcp"] {
        let dir = Dir::new();
        let here: Vec<&str> = match world {
            // It takes seconds that only a simulation can spare.
            "--tcp" => CASES.iter().copied().filter(|case| !case.starts_with("frozen")).collect(),
            _ => CASES.to_vec(),
        };
        dir.run(&[&here[..], &[world]].concat()).ok();
        let old = read(&dir.report("run.jsonl"));
        std::fs::write(dir.path().join("v6.jsonl"), old.replace("\"127.0.0.1:", "\"[::1]:"))
            .unwrap();
        for case in here {
            sound(&dir, "out/run.jsonl", case, "4");
        }
        for case in ["late-answer", "connection-refused"] {
            sound(&dir, "v6.jsonl", case, "6");
        }
    }
}

/// Of every packet: what is odd about its numbers, both checksums (1 is good), the version of IP.
fn sound(dir: &Dir, evidence: &str, case: &str, version: &str) {
    capture(dir, evidence, case);
    let mut args = vec!["-r", "case.pcapng", "-T", "fields", "-E", "separator=;"];
    args.extend(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]);
    let fields = ["tcp.analysis.flags", "tcp.checksum.status", "ip.checksum.status", "ip.version"];
    args.extend(fields.iter().flat_map(|field| ["-e", field]));
    let packets = tshark(dir, &args);
    assert!(!packets.is_empty());
    for (n, packet) in packets.iter().enumerate() {
        // IPv6 has no checksum of its own.
        let ip = if version == "4" { "1" } else { "" };
        assert_eq!(*packet, format!(";1;{ip};{version}"), "packet {} of {case}, {evidence}", n + 1);
    }
}

#[test]
fn tshark_reads_the_hsms_that_was_sent() {
    if !wanted() {
        return;
    }
    let dir = Dir::new();
    dir.run(&["hsms/works", "--sim"]).ok();
    capture(&dir, "out/run.jsonl", "works");
    let records = json_lines(&dir.report("run.jsonl"));
    let sent: Vec<_> =
        records.iter().filter(|r| r["event"] == "frame" && r["dir"] == "out").collect();
    let opened = records.iter().find(|r| r["event"] == "connecting").unwrap();
    let port = opened["addr"].as_str().unwrap().rsplit(':').next().unwrap();
    let hsms = format!("tcp.port=={port},hsms");
    let fields = ["-T", "fields", "-e", "hsms.header.system", "-Y", "hsms"];
    let read = [&["-r", "case.pcapng", "-d", &hsms][..], &fields].concat();
    let told: Vec<u32> = tshark(&dir, &read)
        .iter()
        .flat_map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>())
        .map(|id| match id.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).expect("hex"),
            None => id.parse().expect("a number"),
        })
        .collect();
    let ours: Vec<u32> = sent
        .iter()
        .map(|frame| {
            let bytes = frame["bytes"].as_str().unwrap();
            // The last four of the fourteen bytes before the text.
            u32::from_str_radix(&bytes[30..41].replace(' ', ""), 16).unwrap()
        })
        .collect();
    let sorted = |mut all: Vec<u32>| {
        all.sort_unstable();
        all
    };
    assert!(ours.len() > 5, "{ours:?}");
    assert_eq!(sorted(told), sorted(ours));
}

#[test]
fn packets_have_the_times_of_the_record_and_say_which_they_are() {
    if !wanted() {
        return;
    }
    let dir = Dir::new();
    dir.run(&["late-answer", "--sim"]).ok();
    capture(&dir, "out/run.jsonl", "late-answer");
    let fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.comment"];
    let packets =
        tshark(&dir, &[&["-r", "case.pcapng", "-Y", "tcp.len > 0"][..], &fields].concat());
    assert_eq!(packets.len(), 3, "two attempts and an answer: {packets:#?}");
    assert!(packets[0].contains("toggler sent: #8, toggle #9"), "{packets:#?}");
    let records = json_lines(&dir.report("run.jsonl"));
    let began: f64 = {
        let text = records[0]["started"].as_str().unwrap();
        let stamp: jiff::Timestamp = text.parse().unwrap();
        stamp.as_nanosecond() as f64 / 1e9
    };
    let at = |packet: &str| packet.split('\t').next().unwrap().parse::<f64>().unwrap() - began;
    assert!((at(&packets[0]) - 0.002).abs() < 1e-5, "{packets:#?}");
    assert!((at(&packets[2]) - 0.183).abs() < 1e-5, "{packets:#?}");
    let quirk = tshark(&dir, &["-r", "case.pcapng", "-Y", "frame.comment contains \"quirk late\""]);
    assert_eq!(quirk.len(), 1);
}

/// What we write, our own reader of captures reads as well.
#[test]
fn our_own_reader_of_captures_agrees() {
    let dir = Dir::new();
    dir.run(&["late-answer", "--sim"]).ok();
    capture(&dir, "out/run.jsonl", "late-answer");
    let args = ["decode", "toggle", "case.pcapng", "--json"];
    let ran = finish(wirelab().current_dir(dir.path()).args(args)).ok();
    assert_eq!(ran.lines().len(), 3, "{ran:?}");
}
