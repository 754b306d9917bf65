//! TAZCOM's fake peer as a process, greeted by bytes and by a real node; its lines explained.
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use serde_json::{Value, json};

use crate::{node::Node, support::*};

/// RFC 8032, the public key of test 1.
const ID: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn hello() -> String {
    format!("{{\"type\": \"HELLO\", \"from\": \"{ID}\"}}\n")
}

/// What is answered to these bytes, until the end.
fn said_to(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    stream.write_all(bytes).expect("it reads");
    let mut said = String::new();
    // A connection that is closed with bytes unread is reset.
    let _ = stream.read_to_string(&mut said);
    said
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).expect(line)
}

#[test]
fn a_published_hello_is_answered_and_remembered() {
    let mut peer = device_of("tazcom", &[]);
    assert_eq!(said_to(peer.addr, hello().as_bytes()), "ACK\n");
    assert_eq!(said_to(peer.addr, b"hello\n"), "ERROR\n");
    let (memory, records) = peer.show();
    assert_eq!(memory["greeted"], json!({ ID: { "times": 1, "verified": false } }));
    assert_eq!((&memory["version"], &memory["mode"]), (&"0.1".into(), &"success".into()));
    let frame = records.iter().find(|record| record["event"] == "frame").expect("it was read");
    assert_eq!((&frame["kind"], &frame["dir"]), (&"hello".into(), &"in".into()));
    let wrong = records.iter().find(|record| record["fact"] == "malformed").expect("it is told");
    assert_eq!(wrong["reason"], "json");
}

#[test]
fn it_misbehaves_as_it_is_told_while_it_runs() {
    let mut peer =
        device_of("tazcom", &["--reject-next", "1", "--mode", "late", "--delay", "0.01"]);
    assert_eq!(said_to(peer.addr, hello().as_bytes()), "", "rejected");
    assert_eq!(said_to(peer.addr, hello().as_bytes()), "ACK\n", "late");
    peer.running.say("mode flood 3");
    assert_eq!(peer.show().0["mode"], "flood 3");
    assert_eq!(said_to(peer.addr, hello().as_bytes()), "ACK\nACK\nACK\n");
    peer.running.say("next 1 unended");
    assert_eq!(peer.show().0["next"], json!(["unended x1"]));
    assert_eq!(said_to(peer.addr, hello().as_bytes()), "ACK");
    assert_eq!(peer.show().0["greeted"][ID]["times"], 3);
}

#[test]
fn it_leaves_its_port_and_answers_at_another() {
    let mut peer = device_of("tazcom", &[]);
    peer.running.say("mode port_change");
    let moved = json(&peer.running.out.until("\"listening\""));
    let addr: SocketAddr = moved["addr"].as_str().unwrap().parse().unwrap();
    assert_ne!(addr, peer.addr);
    assert_eq!(said_to(addr, hello().as_bytes()), "ACK\n");
    assert!(TcpStream::connect(peer.addr).is_err(), "nobody listens there any more");
}

#[test]
fn a_peer_that_vanishes_takes_open_connections_along() {
    let mut peer = device_of("tazcom", &["--mode", "mute"]);
    let mut waiting = TcpStream::connect(peer.addr).unwrap();
    waiting.set_read_timeout(Some(PATIENCE)).unwrap();
    waiting.write_all(hello().as_bytes()).unwrap();
    peer.running.out.until("\"hello\"");
    peer.running.say("mode vanish");
    let end = waiting.read(&mut [0; 16]).map_err(|e| e.kind());
    assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset));
    peer.running.out.until("\"deaf\"");
    assert!(TcpStream::connect(peer.addr).is_err());
}

#[test]
fn a_line_is_taken_apart_key_by_key() {
    let hex = |line: &str| {
        let digits: Vec<_> = line.bytes().map(|byte| format!("{byte:02x}")).collect();
        digits.concat()
    };
    let told = run(["decode", "tazcom", &hex(&hello())]).ok().out;
    let lines: Vec<_> = told.lines().collect();
    assert!(
        lines[1].ends_with("  type   HELLO") && lines[1].trim_start().starts_with('0'),
        "{told}"
    );
    assert!(lines[2].ends_with(&format!("  from   {ID}")), "{told}");
    assert_eq!(lines.last(), Some(&"sound: 73 bytes"), "{told}");
    let wrong = run(["decode", "tazcom", "--json", &hex("{\"type\": \"HELLO\", \"from\": 7}\n")]);
    assert_eq!((wrong.code, &wrong.result()["sound"]), (Some(1), &false.into()));
    assert_eq!(wrong.result()["parts"][1]["field"], "from");
}

#[test]
fn a_proxy_knows_its_lines_by_their_kind() {
    let peer = device_of("tazcom", &[]);
    let to = peer.addr.to_string();
    let fault = "drop frame=ack";
    let flags = ["--listen", "127.0.0.1:0", "--to", &to, "--protocol", "tazcom", "--fault", fault];
    let proxy = Running::start(wirelab().arg("proxy").args(flags));
    let listening = json(&proxy.out.until("\"listening\""));
    let addr = listening["addr"].as_str().unwrap().parse().unwrap();
    assert_eq!(said_to(addr, hello().as_bytes()), "CK\n", "one byte of an ACK is lost");
    peer.running.out.until("\"ack\"");
}

#[test]
fn an_exchange_is_swept() {
    let swept = run(["sweep", "--protocol", "tazcom", "--case", "cut", "--lane", "down"]).ok();
    assert!(swept.out.contains(" passed, 0 failed, 0 inconclusive\n"), "{swept:?}");
}

#[test]
fn a_real_node_believes_it_and_no_impostor() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--set", "version=0.3"];
    let (mut peer, twin) =
        (device_of("tazcom", &flags), [&flags[..], &["--mode", "impostor"]].concat());
    let id = peer.show().0["id"].clone();
    let node = Node::start(dir.path(), &["--insecure-plain", "--peer", &peer.addr.to_string()]);
    let joined = node.tells("joined");
    assert_eq!((&joined["id"], &joined["verified"]), (&id, &true.into()));
    let greeted = peer.show().0["greeted"].clone();
    assert_eq!(greeted, json!({ &node.id: { "times": 1, "verified": true } }));
    // Of another key under its id.
    let twin = device_of("tazcom", &twin);
    let wary = Node::start(dir.path(), &["--insecure-plain", "--peer", &twin.addr.to_string()]);
    assert_eq!(wary.tells("impostor")["claimed"], id);
    twin.running.out.until("\"challenge\"");
}

#[test]
fn only_nodes_are_announced() {
    let ran = run(["device", "toggle", "--port", "0", "--announce"]);
    assert!(ran.failed(2).contains("only tazcom devices are"), "{ran:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn one_that_is_announced_is_found_where_it_moves_and_missed_when_it_vanishes() {
    let Some(net) = crate::netns::line("announced", 2) else { return };
    let dir = tempfile::tempdir().unwrap();
    let announced = |flags: &[&str]| {
        let mut command = wirelab();
        command.args(["device", "tazcom", "--host", "0.0.0.0", "--port", "0", "--announce"]);
        let peer = Running::start(&mut net[0].inside(command.args(flags)));
        peer.out.until("\"listening\"");
        peer
    };
    let node =
        Node::of(&mut net[1].inside(&crate::node::node_in(dir.path(), &["--insecure-plain"])));
    // An old one stays linked to nobody, and is greeted again wherever it is.
    let mut old = announced(&["--set", "key=7"]);
    old.out.until("\"hello\"");
    assert_eq!(node.tells("joined")["verified"], false);
    old.say("mode port_change");
    old.out.until("\"listening\"");
    old.out.until("\"hello\"");
    let mut new = announced(&["--set", "key=8", "--set", "version=0.3"]);
    let joined = json(&node.running.out.until("\"verified\":true"));
    new.out.until("\"proof\"");
    new.say("mode vanish");
    assert_eq!(json(&node.running.out.until("\"left\""))["id"], joined["id"]);
}
