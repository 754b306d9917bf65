//! `wirelab device --http-port`: orders over HTTP.
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::*;

/// A device that takes orders, and where.
fn controlled(protocol: &str) -> (Device, String) {
    let device = device_of(protocol, &["--http-port", "0"]);
    let line = device.running.err.until("control on");
    let addr = url(&line).strip_prefix("http://").expect("a URL").to_owned();
    (device, addr)
}

/// Status and JSON of the answer.
fn ask(addr: &str, start: &str, more: &str, body: &[u8]) -> (u16, Value) {
    let len = body.len();
    let mut request =
        format!("{start} HTTP/1.1\r\nHost: {addr}\r\n{more}Content-Length: {len}\r\n").into_bytes();
    request.extend(b"Connection: close\r\n\r\n");
    request.extend(body);
    let (head, body) = http(addr, &request);
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(body.lines().count(), 1, "one line: {body}");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, serde_json::from_str(&body).expect("JSON"))
}

fn post(addr: &str, path: &str, body: &str) -> (u16, Value) {
    ask(addr, &format!("POST {path}"), "", body.as_bytes())
}

#[test]
fn a_mode_is_in_force_once_it_is_answered() {
    let (mut device, addr) = controlled("toggle");
    assert_eq!(post(&addr, "/mode", "mode delay 0.01\n"), (200, json!({"ok": "delay 0.01"})));
    assert_eq!(device.show().0["mode"], "delay 10ms");
    assert_eq!(post(&addr, "/mode", "next 1 nack").0, 200);
    assert_eq!(device.toggle(&["--stage-exit-codes"]).code, Some(17));
    device.toggle(&[]).ok();
    assert_eq!(post(&addr, "/mode", "reject-next 1").0, 200);
    assert_eq!(device.toggle(&["--json"]).ok().result()["attempts"], 2);
}

#[test]
fn the_modes_in_force_are_shown_and_healed() {
    let (mut device, addr) = controlled("toggle");
    let shown = |addr: &str| ask(addr, "GET /mode", "", b"");
    assert_eq!(shown(&addr), (200, json!({"mode": "success", "next": []})));
    post(&addr, "/mode", "mode nack");
    post(&addr, "/mode", "next 2 lie");
    post(&addr, "/mode", "next 1 delay 0.01");
    let next = json!(["lie x2", "delay 10ms x1"]);
    assert_eq!(shown(&addr), (200, json!({"mode": "nack", "next": next})));
    assert_eq!(post(&addr, "/heal", ""), (200, json!({"ok": "success"})));
    assert_eq!(shown(&addr), (200, json!({"mode": "success", "next": []})));
    device.toggle(&[]).ok();
    assert_eq!(device.show().0["devices"]["D1"]["applied"], 1);
}

#[test]
fn what_it_saw_can_be_read_later() {
    let (device, addr) = controlled("toggle");
    device.toggle(&[]).ok();
    device.running.out.until("\"closed\"");
    let (head, body) = get(&format!("http://{addr}/record?from=1"), None);
    assert!(head.contains("application/jsonl"), "{head}");
    let lines: Vec<Value> = body.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((&lines[0]["seq"], &lines[0]["event"]), (&json!(1), &json!("opened")));
    assert!(lines.iter().any(|line| line["event"] == "received"));
}

#[test]
fn the_snapshot_is_what_show_shows() {
    let (mut device, addr) = controlled("toggle");
    device.toggle(&[]).ok();
    let (status, seen) = ask(&addr, "GET /snapshot", "", b"");
    assert_eq!((status, &seen), (200, &device.show().0));
    assert_eq!(seen["devices"]["D1"]["applied"], 1);
}

#[test]
fn what_it_is_told_to_say_reaches_a_host() {
    let (device, addr) = controlled("hsms");
    let mut monitor = wirelab();
    monitor.args(["hsms", "monitor", &device.addr.to_string(), "--establish"]);
    let monitor = Running::start(&mut monitor);
    monitor.out.until("S1F14");
    assert_eq!(post(&addr, "/tell", "terminal hello"), (200, json!({"ok": "terminal hello"})));
    assert!(monitor.out.until("S10F1").contains("hello"));
}

#[test]
fn what_makes_no_sense_is_said_in_a_line_and_nothing_happens() {
    let (mut device, addr) = controlled("toggle");
    let says = |(status, body): (u16, Value), wanted: u16, word: &str| {
        let error = body["error"].as_str().unwrap_or_default();
        assert!(status == wanted && error.contains(word), "{status}: {body}, not {word}");
    };
    says(post(&addr, "/mode", "mode explode"), 400, "explode");
    says(post(&addr, "/mode", "next 0 nack"), 400, "next 3 nack");
    says(post(&addr, "/mode", "dance"), 400, "no order");
    says(post(&addr, "/mode", ""), 400, "reject-next");
    says(post(&addr, "/mode", "quit"), 400, "no mode");
    says(post(&addr, "/mode", "mode nack\nmode nack"), 400, "one line");
    says(post(&addr, "/tell", "event 50"), 400, "event 50");
    says(post(&addr, "/tell", ""), 400, "event 50");
    says(ask(&addr, "POST /mode", "", b"mode \xff"), 400, "UTF-8");
    says(post(&addr, "/elsewhere", ""), 404, "POST /tell");
    says(ask(&addr, "DELETE /mode", "", b""), 404, "POST and GET /mode");
    says(ask(&addr, "GET /record?from=x", "", b""), 400, "no number");
    says(ask(&addr, "POST /mode", "Origin: http://x\r\n", b"mode nack"), 403, "browser");
    assert_eq!(device.show().0["mode"], "success");
}

#[test]
fn a_body_of_64_kib_is_read_and_a_longer_one_refused() {
    let (_device, addr) = controlled("toggle");
    let line = |len: usize| format!("mode nack{}", " ".repeat(len - 9));
    assert_eq!(post(&addr, "/mode", &line(64 * 1024)).0, 200);
    // It is refused by its head, so the body need not come.
    let head = format!(
        "POST /mode HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 65537\r\nConnection: close\r\n\r\n"
    );
    let (head, body) = http(&addr, head.as_bytes());
    assert!(head.starts_with("http/1.1 413") && body.contains("\"error\""), "{head} {body}");
}

#[test]
fn it_obeys_after_its_stdin_has_ended_and_a_taken_port_is_said() {
    let (mut device, addr) = controlled("toggle");
    device.running.end_stdin();
    assert_eq!(post(&addr, "/mode", "mode nack").0, 200);
    assert_eq!(device.toggle(&["--stage-exit-codes"]).code, Some(17));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = run(["device", "toggle", "--port", "0", "--http-port", &port]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("another --http-port"), "{ran:?}");
}
