//! `wirelab device`: a device as a process, told what to do over stdin.
use std::net::TcpListener;

use crate::support::*;

#[test]
fn it_tells_what_it_received() {
    let mut device = device(&[]);
    device.toggle(&[]).ok();
    let (_, records) = device.show();
    let events: Vec<_> = records.iter().map(|r| r["event"].as_str().unwrap()).collect();
    assert_eq!(events[..4], ["opened", "frame", "fact", "frame"], "{records:?}");
    assert_eq!(records[1]["kind"], "toggle");
    assert_eq!(records[2]["fact"], "applied");
    assert!(records[1]["bytes"].as_str().unwrap().starts_with("f0 0d 01 00 00 00 54 7b"));
}

#[test]
fn raw_chunks_come_only_when_asked_for() {
    for (flags, chunks) in [(&[][..], 0), (&["--raw"], 1)] {
        let mut device = device(flags);
        device.toggle(&[]).ok();
        let (_, records) = device.show();
        assert_eq!(Device::count(&records, "received"), chunks);
        assert_eq!(Device::count(&records, "sent"), chunks);
    }
}

#[test]
fn its_mode_is_switched_while_it_runs() {
    let mut device = device(&[]);
    device.toggle(&[]).ok();
    device.running.say("mode nack");
    assert_eq!(device.show().0["mode"], "nack");
    assert_eq!(device.toggle(&["--stage-exit-codes"]).code, Some(17));
    device.running.say("mode delay 0.01");
    assert_eq!(device.show().0["mode"], "delay 10ms");
    device.toggle(&[]).ok();
    device.running.say("next 1 disconnect");
    device.show();
    assert_eq!(device.toggle(&["--json"]).ok().result()["attempts"], 2);
    device.running.say("reject-next 1");
    device.show();
    assert_eq!(device.toggle(&["--json"]).ok().result()["attempts"], 2);
    device.running.say("mode refuse");
    device.running.out.until("\"deaf\"");
    assert_eq!(device.toggle(&["--stage-exit-codes"]).code, Some(10));
    device.running.say("mode success");
    device.running.out.until("\"listening\"");
    device.toggle(&[]).ok();
}

#[test]
fn a_line_it_does_not_know_is_answered_and_it_goes_on() {
    let mut device = device(&[]);
    for line in ["dance", "mode explode", "next 0 nack", "mode timeout 3"] {
        device.running.say(line);
        assert!(device.running.err.next().starts_with("error: "), "{line}");
    }
    device.running.say("help");
    assert!(device.running.err.next().contains("reject-next"));
    device.running.say("mode nack");
    assert_eq!(device.running.err.next(), "ok: nack");
}

#[test]
fn it_outlives_its_stdin_and_ends_when_told() {
    for signal in ["TERM", "INT"] {
        let mut device = device(&[]);
        device.running.end_stdin();
        device.toggle(&[]).ok();
        device.running.signal(signal);
        assert_eq!(device.running.wait().code(), Some(0), "{signal}");
    }
    let mut quitting = device(&[]);
    quitting.running.say("quit");
    assert_eq!(quitting.running.wait().code(), Some(0));
}

#[test]
fn told_to_stop_it_closes_its_connections() {
    let mut device = device(&["--mode", "timeout"]);
    let patient = ["--recv-timeout", "1h", "--max-attempts", "1", "--json"];
    let mut toggle = Running::start(&mut device.command(&patient));
    device.running.out.until("\"dir\":\"in\"");
    device.running.signal("TERM");
    assert_eq!(device.running.wait().code(), Some(0));
    assert!(device.running.out.rest().iter().any(|line| line.contains("\"closed\"")));
    assert!(toggle.out.next().contains("\"stage\":\"closed\""));
    assert_eq!(toggle.wait().code(), Some(1));
}

#[test]
fn it_ends_quietly_when_nobody_reads_it_any_more() {
    let mut command = wirelab();
    command.args(["device", "toggle", "--port", "0"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = Ends(command.spawn().unwrap());
    let mut first = String::new();
    let mut out = std::io::BufReader::new(child.0.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut first).unwrap();
    drop(out);
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    let addr = first["addr"].as_str().unwrap().parse().unwrap();
    let _ = finish(&mut toggle_at(addr, &["--max-attempts", "1"]));
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    let said = std::io::read_to_string(child.0.stderr.take().unwrap()).unwrap();
    assert_eq!(said, "");
}

#[test]
fn a_taken_port_is_said_to_be_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = run(["device", "toggle", "--port", &port]);
    assert!(ran.failed(3).contains("another --port"), "{ran:?}");
    let ran = run(["device", "toggle", "--port", "0", "--metrics-port", &port]);
    assert!(ran.failed(3).contains("another --metrics-port"), "{ran:?}");
    let ran = run(["device", "toggle", "--port", "0", "--host", "no-such-host.invalid"]);
    assert!(ran.failed(3).contains("no-such-host.invalid"), "{ran:?}");
}

#[test]
fn what_it_remembers_is_limited_as_told() {
    let seen = |flags: &[&str]| {
        let mut device = device(flags);
        device.toggle(&[]).ok();
        device.toggle(&[]).ok();
        device.show().0["seen"].as_object().unwrap().len()
    };
    assert_eq!(seen(&[]), 2);
    assert_eq!(seen(&["--applied-limit", "1"]), 1);
}

/// The same command again is new once it is forgotten.
#[test]
fn how_long_it_remembers_is_as_told() {
    let applied = |flags: &[&str]| {
        let mut device = device(flags);
        device.toggle(&["--seed", "1"]).ok();
        device.toggle(&["--seed", "1"]).ok();
        device.show().0["devices"]["D1"]["applied"].clone()
    };
    assert_eq!(applied(&[]), 1);
    assert_eq!(applied(&["--applied-ttl", "1us"]), 2);
}
