//! `wirelab node`: who it is, whom it greets, what it hears and says, and how it ends.
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;

use crate::support::*;

/// A node on loopback, with its keys under this directory unless told otherwise.
pub(crate) struct Node {
    pub(crate) running: Running,
    pub(crate) id: String,
    pub(crate) listen: String,
}

pub(crate) fn node_in(state: &Path, words: &[&str]) -> Command {
    let mut command = wirelab();
    command.env("XDG_STATE_HOME", state).arg("node").args(words);
    command
}

impl Node {
    pub(crate) fn start(state: &Path, flags: &[&str]) -> Self {
        let flags = [&["--no-mdns", "--listen", "127.0.0.1:0"], flags].concat();
        Self::of(&mut node_in(state, &flags))
    }
    pub(crate) fn of(command: &mut Command) -> Self {
        let running = Running::start(command);
        let started = json(&running.out.next());
        assert_eq!(started["event"], "started");
        let text = |key: &str| started[key].as_str().unwrap().to_owned();
        Self { id: text("id"), listen: text("listen"), running }
    }
    pub(crate) fn tells(&self, event: &str) -> Value {
        json(&self.running.out.until(&format!(r#""event":"{event}""#)))
    }
    pub(crate) fn meets(&self, other: &Self) {
        let joined = self.tells("joined");
        assert_eq!((&joined["id"], &joined["verified"]), (&other.id.clone().into(), &true.into()));
    }
    /// The next message: who wrote it, where, and its words.
    pub(crate) fn hears(&self) -> (String, String, String) {
        let heard = self.tells("message");
        assert_eq!(heard["verified"], true, "{heard}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&heard["author"]), text(&heard["channel"]), text(&heard["body"]["text"]))
    }
}

pub(crate) fn json(line: &str) -> Value {
    serde_json::from_str(line).expect(line)
}

/// Two nodes that have met, and where their keys are.
pub(crate) fn pair() -> (Node, Node, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let a = Node::start(dir.path(), &[]);
    let b = Node::start(dir.path(), &["--peer", &a.listen]);
    a.meets(&b);
    b.meets(&a);
    (a, b, dir)
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn two_nodes_prove_who_they_are_and_chat_both_ways() {
    let (mut a, mut b, _dir) = pair();
    a.running.say("hi, all");
    let main = "#mainfloor".to_owned();
    assert_eq!(b.hears(), (a.id.clone(), main, "hi, all".into()));
    b.running.say(r##"{"say": "\u001b[2Jquit", "channel": "#water"}"##);
    let line = a.running.out.until("message");
    assert!(!line.contains('\x1b'), "no byte of a peer is a command: {line}");
    let heard = json(&line);
    assert_eq!((&heard["author"], &heard["channel"]), (&b.id.clone().into(), &"#water".into()));
    assert_eq!(heard["body"]["text"], "\x1b[2Jquit");
}

#[test]
fn private_words_are_opened_by_who_they_are_for() {
    let (mut a, b, _dir) = pair();
    a.running.say(&format!(r#"{{"say": "for your eyes", "to": "{}"}}"#, b.id));
    let heard = b.tells("message");
    assert_eq!(heard["opened"], "for your eyes");
    assert!(!heard["body"].to_string().contains("eyes"));
}

#[test]
fn who_calls_for_help_learns_who_saw_it_and_who_takes_it() {
    let (mut a, mut b, _dir) = pair();
    a.running.say(r#"{"alert": "a burn", "need": "medical"}"#);
    let heard = b.tells("message");
    assert_eq!(
        (&heard["body"]["kind"], &heard["body"]["need"]),
        (&"alert".into(), &"medical".into())
    );
    let seen = json(&a.running.out.until(&format!(r#""seen":["{}"]"#, b.id)));
    assert_eq!((&seen["event"], &seen["state"]), (&"alert".into(), &"open".into()));
    b.running.say(&format!(r#"{{"progress": {}, "state": "taken"}}"#, heard["id"]));
    let taken = json(&a.running.out.until(r#""state":"taken""#));
    assert_eq!((&taken["alert"], &taken["by"]), (&heard["id"], &b.id.clone().into()));
}

#[test]
fn told_to_stop_it_says_how_it_ends_and_leaves_nobody_waiting() {
    for signal in ["TERM", "INT"] {
        let (a, mut b, _dir) = pair();
        b.running.signal(signal);
        assert_eq!(b.running.wait().code(), Some(0), "{signal}");
        let wanted =
            ["Shutdown signal received...", "TCP server closed", "Node shut down successfully."];
        assert_eq!(b.running.err.rest(), wanted);
        assert_eq!(a.tells("left")["id"], b.id.as_str());
    }
}

/// Each kind talks to its own.
#[test]
fn links_are_encrypted_unless_that_was_declined() {
    let dir = tempfile::tempdir().unwrap();
    let plain = ["--insecure-plain"];
    let a = Node::start(dir.path(), &plain);
    let mut b = Node::start(dir.path(), &["--peer", &a.listen, plain[0]]);
    a.meets(&b);
    b.running.say("in plain");
    assert_eq!(a.hears().2, "in plain");
    let mut c = Node::start(dir.path(), &["--peer", &a.listen]);
    // It is nobody to c, who looks until the link has failed.
    let refused = |peers: &Value| {
        let failed =
            |peer: &Value| peer["failures"].as_u64() > Some(0) && peer["verified"] == false;
        peers["peers"].as_array().unwrap().iter().any(failed)
    };
    loop {
        c.running.say("peers");
        if refused(&c.tells("peers")) {
            break;
        }
    }
}

#[test]
fn stdin_can_ask_who_is_there_and_end_it() {
    let (mut a, mut b, _dir) = pair();
    b.running.say("peers");
    let peers = b.tells("peers");
    assert_eq!(peers["peers"][0]["id"], a.id.as_str());
    assert_eq!(peers["peers"][0]["verified"], true);
    a.running.say(r#"{"shout": "hi"}"#);
    assert!(a.running.err.next().starts_with("error: no order: "));
    a.running.end_stdin();
    b.running.say("still there");
    assert_eq!(a.hears().2, "still there", "the end of stdin is not the node's");
    b.running.say("quit");
    assert_eq!(b.running.wait().code(), Some(0));
    assert_eq!(b.running.err.rest(), ["TCP server closed", "Node shut down successfully."]);
}

#[test]
fn a_key_is_its_owners_alone_and_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let none = finish(&mut node_in(dir.path(), &["id"]));
    assert!(none.failed(2).contains("--create"), "{none:?}");
    let made = finish(&mut node_in(dir.path(), &["id", "--create"])).ok().out;
    assert_eq!(made.trim_end().len(), 43);
    let key = dir.path().join("wirelab/node.key");
    assert_eq!((mode(&key), mode(key.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(key.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
    let node = Node::start(dir.path(), &[]);
    assert_eq!(node.id, made.trim_end());
    let again = finish(&mut node_in(dir.path(), &["id", "--create"])).ok().out;
    assert_eq!(again, made, "also while it is in use");
}

#[test]
fn a_key_in_use_is_nobody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let nodes: Vec<_> = (0..3).map(|_| Node::start(dir.path(), &[])).collect();
    let ids: std::collections::BTreeSet<_> = nodes.iter().map(|node| &node.id).collect();
    assert_eq!(ids.len(), 3);
    let third = dir.path().join("wirelab/node-3.key");
    assert_eq!(mode(&third), 0o600);
    let same = finish(&mut node_in(dir.path(), &["--key", third.to_str().unwrap()]));
    assert!(same.failed(3).contains("is in use by another node"), "{same:?}");
    drop(nodes);
    let next = Node::start(dir.path(), &["--key", third.to_str().unwrap()]);
    let id = finish(&mut node_in(dir.path(), &["id", "--key", third.to_str().unwrap()])).ok();
    assert_eq!(next.id, id.out.trim_end());
}

#[test]
fn a_file_that_is_no_key_of_ours_alone_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.key");
    // The key is that of RFC 8032 §7.1, test 1; the file is as Python writes it.
    let sound = r#"{"signing_key": "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "created": "2025-07-01T10:00:00"}"#;
    let long = format!("{sound}{}", " ".repeat(5000));
    for (text, mode, named) in [
        (sound, 0o644, "chmod 600"),
        (sound, 0o620, "chmod 600"),
        ("garbage", 0o600, "is no node.key"),
        ("", 0o600, "is no node.key"),
        (r#"{"signing_key": "c2hvcnQ=", "created": ""}"#, 0o600, "32 bytes"),
        (&long, 0o600, "longer than"),
    ] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for words in [&["--key"][..], &["id", "--key"], &["id", "--create", "--key"]] {
            let words = [words, &[path.to_str().unwrap()]].concat();
            let ran = finish(&mut node_in(dir.path(), &words));
            let error = ran.failed(2);
            assert!(error.contains(named) && !error.contains("nWGxne"), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::write(&path, sound).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let id = finish(&mut node_in(dir.path(), &["id", "--key", path.to_str().unwrap()])).ok();
    assert_eq!(id.out, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\n");
    let folder = finish(&mut node_in(dir.path(), &["--key", dir.path().to_str().unwrap()]));
    assert!(folder.failed(2).contains("is no file"), "{folder:?}");
}

#[test]
fn what_a_node_cannot_have_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for (flags, code, named) in [
        (["--listen", &addr], 3, "cannot listen on"),
        (["--peer", "192.0.2.1"], 3, "--peer: "),
        (["--message-size-limit", "255"], 2, "--message-size-limit: must be"),
    ] {
        let ran = finish(&mut node_in(dir.path(), &flags));
        assert!(ran.failed(code).contains(named), "{ran:?}");
    }
}

/// What is longer than the limit is not read.
#[test]
fn the_limit_of_lines_decides_who_is_understood() {
    for (limit, answer) in [("256", ""), ("1024", "ACK\n")] {
        let dir = tempfile::tempdir().unwrap();
        let node = Node::start(dir.path(), &["--message-size-limit", limit]);
        let id = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let hello =
            format!(r#"{{"type": "HELLO", "from": "{id}", "more": "{}"}}"#, "x".repeat(300));
        assert_eq!(said_to(&node.listen, &hello), answer, "{limit}");
    }
}

/// What is answered to a line, until the end.
pub(crate) fn said_to(addr: &str, line: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut old = std::net::TcpStream::connect(addr).unwrap();
    old.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(old, "{line}").unwrap();
    let mut said = String::new();
    // A connection that is closed with bytes unread is reset.
    let _ = old.read_to_string(&mut said);
    said
}

#[test]
fn simulated_worlds_are_equal_for_equal_seeds() {
    let ask = |words: &[&str]| {
        let given = ["node", "simulate", "12", "--messages", "2"];
        run(given.iter().chain(words))
    };
    let world = |seed| ask(&["--loss", "0.2", "--json", "--seed", seed]).ok().result();
    assert_eq!(world("1"), world("1"));
    assert_ne!(world("1")["outcome"], world("2")["outcome"]);
    let line = ask(&["--topology", "line"]).ok().out;
    assert!(line.contains("reach        100.00 %, of the worst message 100.00 %\n"), "{line}");
    for (wrong, named) in
        [(["--loss", "1"], "--loss: must be"), (["--topology", "ring"], "no topology `ring`")]
    {
        assert!(ask(&wrong).failed(2).contains(named));
    }
    assert!(run(["node", "simulate", "1"]).failed(2).contains("N must be from 2 to 10000"));
}

#[test]
fn a_simulated_world_is_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let plot = dir.path().join("spread.svg");
    let ask = |plot: &Path| {
        let plot = plot.to_str().unwrap();
        run(["node", "simulate", "12", "--messages", "2", "--plot", plot, "--json"])
    };
    let outcome = ask(&plot).ok().result()["outcome"].clone();
    let drawn = fs::read_to_string(&plot).unwrap();
    assert!(drawn.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{drawn}");
    assert_eq!(drawn.matches("<polyline").count(), 1);
    let bars = |key: &str| outcome["spread"][key].as_array().unwrap().len();
    assert_eq!(drawn.matches("<rect").count(), bars("hops") + bars("copies"), "{outcome}");
    assert!(ask(&dir.path().join("no/such/place.svg")).failed(3).contains("cannot write"));
}
