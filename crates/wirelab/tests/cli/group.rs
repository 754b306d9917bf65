//! `wirelab toggle` with several devices at once.
use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};

use crate::support::*;

/// Two devices, and how they are named.
fn two(modes: [&str; 2]) -> ([Device; 2], [String; 2]) {
    let devices = modes.map(|mode| {
        let mut device = device(&[]);
        device.running.say(&format!("mode {mode}"));
        // What it was told before is in force when it answers.
        device.show();
        device
    });
    let names = [0, 1].map(|n| format!("D{n}@{}", devices[n].addr));
    (devices, names)
}

/// The same command to all of these.
fn toggle(names: &[String], flags: &[&str]) -> Ran {
    let names = names.iter().map(String::as_str);
    let flags = ["--no-metrics"].iter().chain(flags).copied();
    run(["toggle"].into_iter().chain(names).chain(flags))
}

/// Where nobody listens.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn device_of(memory: &Value, n: usize) -> &Value {
    &memory["devices"][format!("D{n}")]
}

#[test]
fn each_device_has_its_row_and_the_spread_is_told() {
    let ([mut one, mut other], names) = two(["success", "delay 0.1"]);
    let ran = toggle(&names, &["--json", "--log-level", "error"]).ok();
    let lines = ran.lines();
    let [first, second, all] = &lines[..] else { panic!("three lines: {ran:?}") };
    assert_eq!((&first["device_id"], &second["device_id"]), (&"D0".into(), &"D1".into()));
    assert_eq!(first["device"], one.addr.to_string());
    assert_eq!((&first["outcome"], &first["undone"]), (&"ok".into(), &Value::Null));
    let levels = second["levels"].as_array().unwrap();
    assert_eq!(levels.last().unwrap()[0], "replied", "{second}");
    assert_eq!(
        (&all["outcome"], &all["devices"], &all["ok"]),
        (&"ok".into(), &2.into(), &2.into())
    );
    let (spread, slowest) = (&all["spread_ms"], &second["elapsed_ms"]);
    let [spread, slowest] = [spread, slowest].map(|ms| ms.as_f64().unwrap());
    assert!(spread > 50.0 && spread <= slowest, "{ran:?}");
    for (n, device) in [&mut one, &mut other].into_iter().enumerate() {
        assert_eq!(device_of(&device.show().0, n)["state"], true);
    }
}

#[test]
fn the_row_of_one_that_misbehaves_says_so_and_the_other_takes_it_back() {
    for rollback in [true, false] {
        let ([mut good, mut bad], names) = two(["success", "nack"]);
        let flags = if rollback { &["--rollback"][..] } else { &[] };
        let ran = toggle(&names, flags);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let rows: Vec<&str> = ran.err.lines().collect();
        let [head, one, other, all] = rows[..] else { panic!("a table: {ran:?}") };
        assert!(head.starts_with("device  at"), "{head}");
        assert!(one.starts_with("D0") && one.contains("  replied  "), "{one}");
        assert_eq!(one.ends_with("  taken back"), rollback, "{one}");
        assert!(other.starts_with("D1") && other.contains("refused: "), "{other}");
        assert_eq!(all, "1 of 2 reached");
        let (memory, _) = good.show();
        let kept = (&device_of(&memory, 0)["state"], &device_of(&memory, 0)["applied"]);
        let expected = if rollback { (json!(false), json!(2)) } else { (json!(true), json!(1)) };
        assert_eq!(kept, (&expected.0, &expected.1), "on, and off again if it is taken back");
        assert_eq!(*device_of(&bad.show().0, 1), Value::Null);
    }
}

#[test]
fn taking_back_what_cannot_be_taken_back_is_told() {
    let ([good, bad], names) = two(["success", "delay 0.3"]);
    let mut good = good;
    // The command itself it does, and then no more.
    good.running.say("mode nack");
    good.running.say("next 1 delay 0.001");
    good.show();
    let ran =
        toggle(&names, &["--rollback", "--json", "--recv-timeout", "100ms", "--max-attempts", "1"]);
    assert_eq!(ran.code, Some(1));
    let lines = ran.lines();
    assert_eq!((&lines[0]["outcome"], &lines[0]["undone"]), (&"ok".into(), &false.into()));
    assert_eq!(lines[1]["stage"], "receive_timeout");
    assert_eq!((&lines[2]["outcome"], &lines[2]["undone"]), (&"failed".into(), &0.into()));
    assert_eq!(device_of(&good.show().0, 0)["state"], true, "it is as it was told first");
    drop(bad);
}

#[test]
fn a_device_that_cannot_be_found_or_reached_has_a_row_too() {
    let mut good = device(&[]);
    let closed = format!("D2@{}", closed());
    let names = [format!("D0@{}", good.addr), "D1@no-such-host.invalid".into(), closed];
    let ran = toggle(&names, &["--rollback", "--json", "--max-attempts", "1"]);
    assert_eq!(ran.code, Some(1));
    let lines = ran.lines();
    let stages: Vec<_> = lines.iter().map(|line| line["stage"].as_str()).collect();
    assert_eq!(stages, [None, Some("unreachable"), Some("refused"), None], "{ran:?}");
    assert_eq!(device_of(&good.show().0, 0)["state"], false, "it took it back");
}

#[test]
fn the_worst_row_decides_the_exit_code() {
    // Who refuses was reached; where nobody listens nothing got.
    let (devices, [refuses, silent]) = two(["nack", "timeout"]);
    let nobody = format!("D2@{}", closed());
    let quick = ["--recv-timeout", "100ms", "--max-attempts", "1", "--stage-exit-codes"];
    assert_eq!(toggle(&[refuses.clone(), nobody], &quick).code, Some(10));
    assert_eq!(toggle(std::slice::from_ref(&refuses), &quick).code, Some(17));
    // And of whom nobody knows is worse than a no.
    let late = ["--deadline", "200ms", "--recv-timeout", "1s", "--stage-exit-codes"];
    assert_eq!(toggle(&[refuses.clone(), silent.clone()], &late).code, Some(124));
    assert_eq!(toggle(&[refuses, silent], &quick[..4]).code, Some(1));
    drop(devices);
}

#[test]
fn being_told_to_stop_leaves_a_row_for_each() {
    let (devices, names) = two(["success", "timeout"]);
    let mut command = wirelab();
    command.arg("toggle").args(&names).args(["--no-metrics", "--json", "--rollback"]);
    let mut toggle = Running::start(command.args(["--recv-timeout", "50s"]));
    // The packet log tells when the first has its answer and the second its command.
    for id in ["\"D0\"", "\"D1\""] {
        let send = |line: &str| line.contains("\"direction\":\"send\"") && line.contains(id);
        while !send(&toggle.err.until("tcp_packet")) {}
    }
    toggle.signal("INT");
    assert_eq!(toggle.wait().code(), Some(130));
    let lines: Vec<Value> =
        toggle.out.rest().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["outcome"], "interrupted", "{lines:?}");
    assert_eq!((&lines[1]["attempts"], &lines[0]["undone"]), (&1.into(), &Value::Null));
    assert_eq!(lines[2]["outcome"], "interrupted");
    drop(devices);
}

#[test]
fn a_dry_run_shows_the_bytes_each_will_be_sent() {
    let (mut devices, names) = two(["success", "success"]);
    let dry = toggle(&names, &["--dry-run", "--json", "--seed", "7"]).ok().lines();
    let sent = toggle(&names, &["--json", "--seed", "7", "--log-level", "error"]).ok().lines();
    for n in [0, 1] {
        assert_eq!(dry[n]["msg_id"], sent[n]["msg_id"]);
        assert_eq!(devices[n].show().0["devices"][format!("D{n}")]["applied"], 1);
    }
    assert_ne!(dry[0]["msg_id"], dry[1]["msg_id"], "no two share an id");
}

#[test]
fn devices_that_cannot_be_meant_are_refused() {
    for (words, why) in [
        (&["A@127.0.0.1", "A@127.0.0.1:9000"][..], "named twice"),
        (&["127.0.0.1"], "which device?"),
        (&["A@127.0.0.1", "--rollback"], "only with several"),
        (&["A@127.0.0.1", "--from", "-"], "cannot be used with"),
        (&["A@127.0.0.1", "--device-host", "127.0.0.1"], "has no effect with"),
        (&["A@la mp"], "neither a name nor an address"),
        (&["A@lamp:http"], "is no port"),
        (&["--rollback", "--device-id", "A", "--device-host", "127.0.0.1"], "required"),
    ] {
        let ran = run([&["toggle", "--no-metrics"], words].concat());
        assert!(ran.failed(2).contains(why), "{ran:?}");
    }
}
