//! `wirelab vkb hold`: what it says became of every state, how it ends, and what each flag does.
use std::path::Path;

use serde_json::{Value, json};

use crate::{
    links::{device_at, numbers, vkb},
    support::*,
};

/// A port where nobody listens.
fn nobody() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn hold(port: u16, flags: &[&str]) -> Running {
    Running::start(&mut vkb(&["hold"], port, flags))
}

/// Two states are with a device that is killed before either is believed; what is said at the end.
fn across_a_kill(report: &str) -> String {
    let mut first = device_of("vkb", &[]);
    let port = first.addr.port();
    let mut hold = hold(port, &["--ordered", "--survive", "1s", "--shift", "3", report]);
    hold.say("4 1");
    let frame = || first.running.out.until("\"frame\"");
    assert_eq!(numbers(&[frame(), frame()]), [3, 0x104]);
    first.running.signal("KILL");
    first.running.wait();
    let second = device_at(port);
    let frame = || second.out.until("\"frame\"");
    assert_eq!(numbers(&[frame(), frame()]), [3, 0x104]);
    // Told to stop, it waits for what is on its way.
    hold.signal("TERM");
    let said = hold.out.next();
    assert_eq!(hold.wait().code(), Some(0), "{said}");
    said
}

#[test]
fn the_report_names_what_may_have_arrived_twice() {
    let wanted = "2 submitted: 2 survived, 0 superseded, 0 open; #1-2 ambiguous, re-sent; \
                  0 lost, 2 duplicates at most";
    assert_eq!(across_a_kill("--report"), wanted);
}

#[test]
fn the_report_is_there_for_programs_too() {
    let said: Value = serde_json::from_str(&across_a_kill("--json")).unwrap();
    let wanted = json!({
        "submitted": 2, "confirmed": {"survived": 2}, "superseded": 0, "lost": [],
        "ambiguous": [{"from": 1, "to": 2}], "resent": 2, "open": 0, "schema": 1,
    });
    assert_eq!(said, wanted);
}

#[test]
fn a_state_that_nobody_confirmed_is_no_success() {
    for signal in ["INT", "TERM"] {
        let mut hold = hold(nobody(), &["--report"]);
        hold.err.until("connection lost");
        hold.signal(signal);
        assert!(hold.out.next().ends_with("; 1 lost (#1), 0 duplicates at most"));
        assert_eq!(hold.wait().code(), Some(1), "{signal}");
    }
    let mut hold = hold(nobody(), &["--json", "--metrics-port", "0"]);
    hold.err.until("metrics on");
    hold.signal("INT");
    let said: Value = serde_json::from_str(&hold.out.next()).unwrap();
    assert_eq!((&said["lost"], &said["open"]), (&json!([{"from": 1, "to": 1}]), &0.into()));
    assert_eq!(hold.wait().code(), Some(1));
}

#[test]
fn a_state_that_got_its_time_and_was_not_confirmed_is_lost() {
    let device = device_of("vkb", &[]);
    let flags = ["--confirm", "replied", "--deadline", "100ms", "--report"];
    let mut hold = hold(device.addr.port(), &flags);
    device.running.out.until("\"frame\"");
    device.running.out.until("\"closed\"");
    hold.signal("INT");
    assert!(hold.out.next().contains("; 1 lost (#1)"));
    assert_eq!(hold.wait().code(), Some(1));
}

/// What it says of each loss until it says this.
fn losses(port: u16, flags: &[&str], until: &str) -> Vec<u64> {
    let hold = hold(port, flags);
    let mut delays = Vec::new();
    loop {
        let line = hold.err.next();
        let delay = line.rsplit_once("next try in ").and_then(|(_, ms)| ms.split_once(" ms"));
        delays.extend(delay.map(|(ms, _)| ms.parse::<u64>().unwrap()));
        if line.contains(until) {
            return delays;
        }
    }
}

#[test]
fn reconnect_flags_decide_the_delays() {
    let first = |flags: &[&str]| losses(nobody(), flags, "connection lost")[0];
    // What is said is the time left; a busy machine may have used some of it up.
    assert!((30..=100).contains(&first(&[])));
    assert!((250..=310).contains(&first(&[
        "--reconnect-min",
        "300ms",
        "--reconnect-max",
        "310ms"
    ])));
    let patient = ["--reconnect-eager-for", "0s"];
    assert!((110..=200).contains(&first(&patient)), "doubled, up to a quarter taken off");
    let capped = [&patient[..], &["--reconnect-cap", "100ms"]].concat();
    assert!((50..=100).contains(&first(&capped)));
}

#[test]
fn breaker_flags_decide_when_it_opens_and_for_how_long() {
    for (threshold, failures) in [("1", 1), ("3", 3)] {
        let flags = ["--breaker-threshold", threshold];
        let opened = losses(nobody(), &flags, "circuit breaker: closed to open (threshold)");
        assert_eq!(opened.len(), failures);
    }
    for (open_for, least) in [("100ms", 80), ("400ms", 320)] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("packets.jsonl");
        let flags = ["--breaker-threshold", "1", "--breaker-open-for", open_for];
        let flags = [&flags[..], &["--log-file", log.to_str().unwrap()]].concat();
        losses(nobody(), &flags, "circuit breaker: open to half_open (elapsed)");
        let lines = logged(&log);
        let at = |to: &str| -> jiff::Timestamp {
            let line = lines.iter().find(|line| line["breaker"]["to"] == to).unwrap();
            line["ts"].as_str().unwrap().parse().unwrap()
        };
        let waited = (at("half_open") - at("open")).total(jiff::Unit::Millisecond).unwrap();
        assert!((f64::from(least)..5000.0).contains(&waited), "{waited}");
    }
}

#[test]
fn senseless_links_are_refused_by_the_name_of_the_flag() {
    for (flags, named) in [
        (&["--reconnect-min", "0s"][..], "--reconnect-min: must be longer"),
        (&["--reconnect-max", "10ms"], "--reconnect-max: must not be below"),
        (&["--reconnect-cap", "60ms"], "--reconnect-cap: must not be below"),
        (&["--breaker-threshold", "0"], "--breaker-threshold: must be at least 1"),
        (&["--breaker-threshold", "1", "--breaker-open-for", "0s"], "--breaker-open-for: must"),
    ] {
        let mut hold = hold(nobody(), flags);
        let error = hold.err.next();
        assert!(error.contains(named), "{error}");
        assert_eq!(hold.wait().code(), Some(2));
    }
    let alone = finish(&mut vkb(&["hold"], nobody(), &["--breaker-open-for", "1s"]));
    assert_eq!(alone.code, Some(2), "{alone:?}");
}

fn logged(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn value(metrics: &str, series: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_else(|| panic!("{series} in {metrics}")).trim().parse::<f64>().unwrap() as u64
}

/// Away long enough for the breaker to open, and back: log, endpoint and textfile say the same.
#[test]
fn log_and_metrics_tell_the_same_of_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (log, textfile) = (path("packets.jsonl"), path("wirelab.prom"));
    let first = device_of("vkb", &[]);
    let port = first.addr.port();
    let flags = ["--breaker-threshold", "2", "--breaker-open-for", "100ms", "--survive", "50ms"];
    let files = ["--log-file", &log, "--metrics-textfile", &textfile, "--metrics-port", "0"];
    let mut hold = hold(port, &[&flags[..], &files].concat());
    let url = url(&hold.err.until("metrics on")).to_owned();
    let link = |name: &str| value(&get(&url, None).1, &format!("tcp_comm_{name}"));
    hold.err.until("connected");
    assert_eq!(link(r#"connection_up{node="vkb"}"#), 1);
    first.running.signal("KILL");
    hold.err.until("closed to open");
    assert_eq!(link(r#"connection_up{node="vkb"}"#), 0);
    assert_eq!(link(r#"breaker_state{node="vkb",state="closed"}"#), 0);
    let _second = device_at(port);
    hold.err.until("half_open to closed (probes_succeeded)");
    assert_eq!(link(r#"connection_up{node="vkb"}"#), 1);
    assert_eq!(link(r#"breaker_state{node="vkb",state="closed"}"#), 1);
    assert_eq!(link(r#"reconnects_total{node="vkb"}"#), 1);
    hold.signal("INT");
    assert_eq!(hold.wait().code(), Some(0));
    let (lines, text) = (logged(Path::new(&log)), std::fs::read_to_string(&textfile).unwrap());
    let count = |is: &dyn Fn(&Value) -> bool| lines.iter().filter(|line| is(line)).count() as u64;
    let failures = count(&|line| line["breaker"]["breaker"] == "counted");
    assert_eq!(value(&text, r#"tcp_comm_breaker_failures_total{node="vkb"}"#), failures);
    let opened = count(&|line| line["breaker"]["cause"] == "threshold");
    let labels = r#"{cause="threshold",from="closed",node="vkb",to="open"}"#;
    assert_eq!(value(&text, &format!("tcp_comm_breaker_transitions_total{labels}")), opened);
    assert_eq!(count(&|line| line["event"] == "proved"), 2);
    assert_eq!(value(&text, r#"tcp_comm_reconnects_total{node="vkb"}"#), 1);
}

#[test]
fn outputs_that_cannot_be_had_are_named_before_anything_is_sent() {
    let mut device = device_of("vkb", &[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for flags in [
        ["--metrics-port", &port],
        ["--metrics-textfile", "/no/such/dir/wirelab.prom"],
        ["--log-file", "/no/such/dir/packets.jsonl"],
    ] {
        let ran = finish(&mut vkb(&["hold"], device.addr.port(), &flags));
        assert!(ran.failed(3).contains(if flags[1] == port { &port } else { "/no/such/dir" }));
    }
    assert_eq!(device.show().0["opened"], 0);
}
