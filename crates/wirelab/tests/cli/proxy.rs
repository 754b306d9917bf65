//! `wirelab proxy`: a proxy as a process, told what to do on its command line, over stdin and over HTTP.
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use net::proxy::fault::ABOUT;
use serde_json::{Value, json};

use crate::support::*;

/// A proxy in front of a listener of ours.
pub(crate) struct Wire {
    pub(crate) running: Running,
    pub(crate) target: TcpListener,
    pub(crate) addr: SocketAddr,
    /// Where it takes orders.
    pub(crate) http: String,
}

/// Starts a proxy with these flags, and waits until it listens.
pub(crate) fn wire(flags: &[&str]) -> Wire {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = target.local_addr().unwrap().to_string();
    let mut command = wirelab();
    command.args(["proxy", "--listen", "127.0.0.1:0", "--to", &to, "--http-port", "0"]).args(flags);
    let running = Running::start(&mut command);
    let http = url(&running.err.until("control on")).strip_prefix("http://").unwrap().to_owned();
    let first: Value = serde_json::from_str(&running.out.until("\"listening\"")).unwrap();
    let addr = first["addr"].as_str().unwrap().parse().unwrap();
    Wire { running, target, addr, http }
}

impl Wire {
    /// A client's end and the target's.
    pub(crate) fn connect(&self) -> (TcpStream, TcpStream) {
        let near = TcpStream::connect(self.addr).unwrap();
        let (far, _) = self.target.accept().unwrap();
        for end in [&near, &far] {
            end.set_read_timeout(Some(PATIENCE)).unwrap();
            end.set_nodelay(true).unwrap();
        }
        (near, far)
    }
    /// Status and body of the answer.
    pub(crate) fn ask(&self, start: &str, body: &str) -> (u16, Value) {
        let (status, body) = ask(&self.http, start, body);
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }
}

pub(crate) fn ask(addr: &str, start: &str, body: &str) -> (u16, String) {
    let len = body.len();
    let head = format!("{start} HTTP/1.1\r\nHost: {addr}\r\nContent-Length: {len}\r\n");
    let (head, body) = http(addr, format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
    (head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status"), body)
}

pub(crate) fn read(from: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes).expect("bytes");
    bytes
}

/// Nothing has come, and nothing comes within this time.
fn is_silent(from: &TcpStream, time: Duration) -> bool {
    from.set_read_timeout(Some(time)).unwrap();
    let silent = (&mut &*from).read(&mut [0]).is_err_and(|e| {
        matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
    });
    from.set_read_timeout(Some(PATIENCE)).unwrap();
    silent
}

#[test]
fn without_faults_everything_goes_through_and_is_told() {
    let mut wire = wire(&[]);
    let (mut near, mut far) = wire.connect();
    near.write_all(b"up").unwrap();
    assert_eq!(read(&mut far, 2), b"up");
    far.write_all(b"down").unwrap();
    assert_eq!(read(&mut near, 4), b"down");
    near.shutdown(Shutdown::Write).unwrap();
    assert_eq!(far.read(&mut [0]).unwrap(), 0);
    drop(far);
    let mut events = Vec::new();
    while events.iter().filter(|event| **event == "closed").count() < 2 {
        let line: Value = serde_json::from_str(&wire.running.out.next()).unwrap();
        assert_eq!(line["role"], "proxy");
        events.push(line["event"].as_str().unwrap().to_owned());
    }
    assert_eq!(events[..4], ["opened", "connecting", "opened", "joined"]);
    wire.running.signal("TERM");
    assert_eq!(wire.running.wait().code(), Some(0));
}

#[test]
fn a_refusal_is_a_refusal() {
    let mut wire = wire(&[]);
    drop(wire.target);
    wire.running.out.until("\"deaf\"");
    let refused = TcpStream::connect(wire.addr).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    wire.running.say("quit");
    assert_eq!(wire.running.wait().code(), Some(0));
}

#[test]
fn orders_on_stdin_work_on_open_connections() {
    let mut wire = wire(&["--fault", "corrupt mask=20 byte=1"]);
    let (mut near, mut far) = wire.connect();
    near.write_all(b"abc").unwrap();
    assert_eq!(read(&mut far, 3), b"aBc");
    wire.running.out.until("\"struck\"");
    wire.running.say("lift fault1");
    assert_eq!(wire.running.err.next(), "ok: fault1 is lifted");
    wire.running.say("cut");
    assert_eq!(wire.running.err.next(), "ok: cut");
    near.write_all(b"def").unwrap();
    wire.running.out.until("nothing passes from here on");
    assert!(is_silent(&far, Duration::from_millis(50)));
    wire.running.say("heal");
    assert_eq!(read(&mut far, 3), b"def");
    wire.running.say("fault latency delay=1ms name=slow");
    wire.running.err.until("ok: slow is in force");
    wire.running.say("list");
    let list: Value = serde_json::from_str(&wire.running.out.until("\"faults\"")).unwrap();
    assert_eq!(list["faults"][0]["table"]["delay"], "1ms", "{list}");
    for line in ["dance", "fault wobble", "lift nobody", "fault drop frame=ack bytes=1"] {
        wire.running.say(line);
        assert!(wire.running.err.next().starts_with("error: "), "{line}");
    }
    wire.running.say("fault bandwidth rate=0");
    wire.running.err.until("warning: rate 0 lets nothing through");
    wire.running.say("quit");
    assert_eq!(wire.running.wait().code(), Some(0));
}

#[test]
fn faults_come_change_and_go_over_http() {
    let wire = wire(&[]);
    let (mut near, mut far) = wire.connect();
    let (status, fault) = wire.ask("POST /faults", "latency delay=300ms lane=up");
    assert_eq!((status, &fault["name"]), (201, &json!("fault1")), "{fault}");
    let sent = Instant::now();
    near.write_all(b"a").unwrap();
    read(&mut far, 1);
    assert!(sent.elapsed() >= Duration::from_millis(300));
    let (status, fault) = wire.ask("PATCH /faults/fault1", r#"{"delay": "1ms"}"#);
    assert_eq!((status, &fault["table"]["lane"]), (200, &json!("up")), "{fault}");
    let fault = json!({"fault": "corrupt", "mask": "20", "more": 0, "times": 1});
    assert_eq!(wire.ask("PUT /faults/fault1", &fault.to_string()).0, 200);
    near.write_all(b"bc").unwrap();
    assert_eq!(read(&mut far, 2), b"Bc");
    let (_, fault) = wire.ask("GET /faults/fault1", "");
    assert_eq!(fault["struck"], 1, "{fault}");
    assert_eq!(wire.ask("DELETE /faults/fault1", "").0, 200);
    assert_eq!(wire.ask("GET /faults", ""), (200, json!({"faults": []})));
    let (status, fault) = wire.ask("POST /faults", "bandwidth rate=0");
    assert_eq!((status, &fault["note"]), (201, &json!("rate 0 lets nothing through")));
    assert_eq!(wire.ask("POST /cut", ""), (200, json!({"ok": "cut"})));
    near.write_all(b"d").unwrap();
    assert!(is_silent(&far, Duration::from_millis(50)));
    assert_eq!(wire.ask("POST /heal", ""), (200, json!({"ok": "healed"})));
    assert_eq!(read(&mut far, 1), b"d");
}

#[test]
fn nonsense_over_http_is_answered_by_name() {
    let wire = wire(&[]);
    assert_eq!(wire.ask("POST /faults", "reset name=one share=0").0, 201);
    for (start, body, status, why) in [
        ("POST /faults", "wobble", 400, "no fault `wobble`; there are latency"),
        ("POST /faults", "bandwidth rate=-1", 400, "invalid value"),
        ("POST /faults", r#"{"fault": "reset", "conn": 1, "every": 2}"#, 400, "one of them"),
        ("POST /faults", "{", 400, "EOF"),
        ("POST /faults", "reset frame=ack", 400, "which protocol"),
        ("POST /faults", "reset name=one", 409, "PUT changes it"),
        ("PUT /faults/a%20b", "reset", 400, "without blanks"),
        ("PATCH /faults/two", "{}", 404, "no fault is called `two`"),
        ("DELETE /faults/two", "", 404, "no fault is called `two`"),
        ("GET /faults?proxy=other", "", 404, "no proxy is called `other`"),
        ("GET /record?from=x", "", 400, "no number of a record"),
        ("GET /nothing", "", 404, "there are GET and POST /faults"),
        ("DELETE /cut", "", 404, "there is no DELETE /cut"),
    ] {
        let (got, answer) = wire.ask(start, body);
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(got == status && error.contains(why), "{start} {body}: {got} {answer}");
    }
    let from_page =
        "POST /heal HTTP/1.1\r\nHost: x\r\nOrigin: http://evil\r\nConnection: close\r\n\r\n";
    assert!(http(&wire.http, from_page.as_bytes()).0.contains("403"));
    let (status, _) = wire.ask("POST /faults", &"x".repeat(100_000));
    assert_eq!(status, 413);
}

#[test]
fn the_record_can_be_read_on_from_where_one_was() {
    let wire = wire(&["--fault", "corrupt mask=20 byte=0 lane=up"]);
    let (mut near, mut far) = wire.connect();
    near.write_all(b"abc").unwrap();
    assert_eq!(read(&mut far, 3), b"Abc");
    wire.running.out.until("\"struck\"");
    let lines = |from: u64| -> Vec<Value> {
        let (status, text) = ask(&wire.http, &format!("GET /record?from={from}"), "");
        assert_eq!(status, 200);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = lines(0);
    assert!(all.iter().any(|line| line["event"] == "received" && line["bytes"] == "61 62 63"));
    let last = all.last().unwrap()["seq"].as_u64().unwrap();
    assert_eq!(lines(last)[0], all[all.len() - 1]);
    assert_eq!(lines(last + 1000), Vec::<Value>::new());
    let (_, metrics) = ask(&wire.http, "GET /metrics", "");
    let strikes = r#"tcp_comm_proxy_strikes_total{fault="corrupt",node="proxy"} 1.0"#;
    assert!(metrics.contains(strikes), "{metrics}");
    assert_eq!(ask(&wire.http, "GET /healthz", ""), (200, "ok\n".into()));
}

#[test]
fn the_evidence_holds_every_byte_and_the_seed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.jsonl");
    let mut wire = wire(&["--evidence", path.to_str().unwrap(), "--seed", "7"]);
    let (mut near, mut far) = wire.connect();
    near.write_all(b"abc").unwrap();
    read(&mut far, 3);
    drop(near);
    wire.running.out.until("\"eof\"");
    wire.running.say("quit");
    assert_eq!(wire.running.wait().code(), Some(0));
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((&lines[0]["seed"], &lines[0]["world"]), (&json!(7), &json!("tcp")));
    assert_eq!(lines.iter().filter(|line| line["bytes"] == "61 62 63").count(), 2);
    assert_eq!(lines.last().unwrap()["event"], "ended");
}

#[test]
fn bytes_are_on_stdout_only_when_asked_for() {
    for (flags, chunks) in [(&[][..], 0), (&["--raw"], 2)] {
        let mut wire = wire(flags);
        let (mut near, mut far) = wire.connect();
        near.write_all(b"abc").unwrap();
        read(&mut far, 3);
        wire.running.say("quit");
        assert_eq!(wire.running.wait().code(), Some(0));
        let lines = wire.running.out.rest();
        assert_eq!(lines.iter().filter(|line| line.contains("61 62 63")).count(), chunks);
    }
}

#[test]
fn frames_are_known_where_the_protocol_is() {
    let device = device(&["--answer", "framed"]);
    let to = device.addr.to_string();
    let mut command = wirelab();
    command.args(["proxy", "--listen", "127.0.0.1:0", "--to", &to, "--protocol", "toggle"]);
    command.args(["--fault", "drop frame=toggle bytes=1000 times=1"]);
    let proxy = Device::start(&mut command);
    let ran = proxy.toggle(&["--recv-timeout", "300ms", "--json"]).ok();
    assert_eq!(ran.result()["attempts"], 2);
    proxy.running.out.until("\"struck\"");
}

#[test]
fn what_makes_no_sense_is_said_before_anything_is_opened() {
    let with = |flags: &[&str]| {
        let to = ["proxy", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"];
        run([&to[..], flags].concat())
    };
    for (flags, why) in [
        (&["--fault", "wobble"][..], "no fault `wobble`"),
        (&["--fault", "bandwidth rate=-1"], "invalid value"),
        (&["--fault", "reset byte=1 frame=ack"], "say one of them"),
        (&["--fault", "reset frame=ack"], "--protocol"),
        (&["--protocol", "morse"], "no protocol `morse`"),
        (&["--list-faults"], "--list-faults"),
    ] {
        let ran = with(flags);
        assert!(ran.failed(2).contains(why), "{flags:?}: {ran:?}");
    }
    assert!(run(["proxy"]).failed(2).contains("nothing to carry"));
    let nowhere = ["proxy", "--listen", "127.0.0.1:0", "--to", "no-such-host.invalid:9"];
    assert!(run(nowhere).failed(3).contains("no-such-host.invalid"));
    assert!(
        run(["proxy", "--listen", "9001", "--to", "127.0.0.1:9"]).failed(2).contains("--listen")
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let ran = run(["proxy", "--listen", &port, "--to", "127.0.0.1:9"]);
    assert!(ran.failed(3).contains("another --listen"), "{ran:?}");
    let ran = run(["proxy", "--api", &port]);
    assert!(ran.failed(3).contains("another --api"), "{ran:?}");
}

#[test]
fn every_fault_is_in_the_help_and_in_the_list() {
    let help = run(["proxy", "--help"]).ok().out;
    let list = run(["proxy", "--list-faults"]).ok().out;
    for about in ABOUT {
        assert!(help.contains(about.example) && list.contains(about.example), "{}", about.example);
        assert!(list.contains(about.does), "{}", about.does);
    }
    assert_eq!(list.lines().count(), ABOUT.len());
}

#[test]
fn the_readme_names_every_fault_as_it_is() {
    let readme = include_str!("../../../../README.md");
    let rows = ABOUT.iter().map(|about| format!("| `{}` | {} |\n", about.example, about.does));
    let table = rows.collect::<String>();
    assert!(readme.contains(&table), "the table should be\n{table}");
}

/// A whole frame for one of two live connections, one way.
#[test]
fn a_frame_is_injected_into_a_live_connection_over_http() {
    let wire = wire(&["--protocol", "cync"]);
    let (mut first, mut far) = wire.connect();
    let (mut second, mut other) = wire.connect();
    for (near, far) in [(&mut first, &mut far), (&mut second, &mut other)] {
        near.write_all(b"\xd3\0\0\0\0").unwrap();
        assert_eq!(read(far, 5), b"\xd3\0\0\0\0");
    }
    let (status, _) =
        wire.ask("POST /faults", "insert hex=d800000000 lane=down conn=2 times=1 name=pong");
    assert_eq!(status, 201);
    assert_eq!(read(&mut second, 5), b"\xd8\0\0\0\0", "nothing else came that way");
    // The other connection and the other direction have none of it.
    far.write_all(b"\x28\0\0\0\x02\0\0").unwrap();
    assert_eq!(read(&mut first, 7), b"\x28\0\0\0\x02\0\0");
    second.write_all(b"\xe3\0\0\0\x01\x03").unwrap();
    assert_eq!(read(&mut other, 6), b"\xe3\0\0\0\x01\x03");
    let (_, faults) = wire.ask("GET /faults", "");
    assert!(faults.to_string().contains("\"struck\":1"), "{faults}");
}
