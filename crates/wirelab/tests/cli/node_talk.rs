//! What other programs ask of a running `wirelab node`, and one whose stdout nobody reads.
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::{
    node::{Node, json, mode, node_in, pair},
    support::*,
};

/// Asks the node whose key is the first in this directory.
fn ask(state: &Path, words: &[&str]) -> Ran {
    finish(&mut node_in(state, words))
}

#[test]
fn other_programs_of_the_user_see_who_is_there() {
    let (a, b, dir) = pair();
    let table = ask(dir.path(), &["peers"]).ok().out;
    let row = table.lines().find(|line| line.contains(&b.id)).expect(&table);
    assert!(row.starts_with("verified  linked"), "{table}");
    let second = dir.path().join("wirelab/node-2.key");
    let asked = ask(dir.path(), &["peers", "--json", "--key", second.to_str().unwrap()]).ok();
    let peers = &asked.result()["peers"];
    assert_eq!((&peers[0]["id"], &peers[0]["linked"]), (&a.id.clone().into(), &true.into()));
    let socket = dir.path().join("wirelab/node-2.sock");
    assert_eq!(mode(&socket), 0o600);
    let by_socket = ask(dir.path(), &["peers", "--json", "--socket", socket.to_str().unwrap()]);
    assert_eq!(by_socket.ok().result()["peers"][0]["id"], a.id.as_str());
}

#[test]
fn other_programs_of_the_user_speak_through_a_node() {
    let (a, b, dir) = pair();
    let said = ask(dir.path(), &["send", "hi", "--channel", "#water", "--json"]).ok().result();
    assert_eq!(b.hears(), (a.id.clone(), "#water".into(), "hi".into()));
    assert_eq!(a.tells("said")["id"], said["id"], "the node's own program learns of it, too");
    assert_eq!(said["given"], 1);
    let private = ask(dir.path(), &["send", "for your eyes", "--to", &b.id, "--wait", "60s"]);
    assert!(private.ok().out.ends_with("sent to 1 peer\n"));
    assert_eq!(b.tells("message")["opened"], "for your eyes");
}

#[test]
fn an_alert_waits_for_one_who_has_seen_it() {
    let (a, b, dir) = pair();
    let words = ["alert", "a burn", "--need", "medical", "--wait", "60s", "--json"];
    let lines = ask(dir.path(), &words).ok().lines();
    let [said, seen] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(seen["alert"]["seen"][0], b.id.as_str());
    let heard = b.tells("message");
    assert_eq!((&heard["id"], &heard["body"]["need"]), (&said["id"], &"medical".into()));
    let id = said["id"].as_str().unwrap();
    ask(dir.path(), &["alert", "--progress", id, "--state", "taken"]).ok();
    let taken = json(&b.running.out.until(r#""state":"taken""#));
    assert_eq!(taken["by"], a.id.as_str());
}

#[test]
fn who_waits_in_vain_is_refused_or_finds_nobody_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = ask(dir.path(), &["peers"]);
    assert!(nobody.failed(3).contains("node.sock"), "{nobody:?}");
    let node = Node::start(dir.path(), &[]);
    for words in [["send", "hi", "--wait", "200ms"], ["alert", "hi", "--wait", "200ms"]] {
        let ran = ask(dir.path(), &words);
        assert!(ran.out.contains("sent to nobody yet"), "{ran:?}");
        assert!(ran.failed(124).contains("nobody had it within 200ms"), "{ran:?}");
    }
    let long = "x".repeat(9000);
    for (words, code, named) in [
        (&["send", ""][..], 1, "a text has 1 to 8192 bytes"),
        (&["send", &long], 1, "a text has 1 to 8192 bytes"),
        (&["send", "hi", "--to", "me"], 2, "an id has 43 characters"),
        (&["alert", "hi", "--need", "money"], 2, "expected one of"),
        (&["alert"], 2, "TEXT"),
        (&["alert", "--progress", &node.id], 2, "--state"),
        (&["alert", "hi", "--progress", &node.id, "--state", "taken"], 2, "cannot be used"),
    ] {
        let ran = ask(dir.path(), words);
        assert!(ran.failed(code).contains(named), "{ran:?}");
    }
}

#[test]
fn a_socket_goes_with_its_node_and_what_a_killed_one_left_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("wirelab/node.sock");
    let mut node = Node::start(dir.path(), &[]);
    node.running.signal("KILL");
    node.running.wait();
    assert!(socket.exists());
    let mut node = Node::start(dir.path(), &[]);
    ask(dir.path(), &["peers"]).ok();
    node.running.signal("TERM");
    assert_eq!(node.running.wait().code(), Some(0));
    let left: Vec<_> = fs::read_dir(socket.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "the key alone: {left:?}");
    let asked = dir.path().join("a/b.sock");
    let elsewhere = Node::start(dir.path(), &["--socket", asked.to_str().unwrap()]);
    ask(dir.path(), &["peers", "--socket", asked.to_str().unwrap()]).ok();
    let same = ask(dir.path(), &["--no-mdns", "--socket", asked.to_str().unwrap()]);
    assert!(same.failed(3).contains("listens there; choose another --socket"), "{same:?}");
    drop(elsewhere);
}

#[test]
fn a_node_does_without_a_socket_where_there_can_be_none() {
    let dir = tempfile::tempdir().unwrap();
    // The name of a socket has about a hundred bytes.
    let deep = dir.path().join("d".repeat(120));
    let mut node = Node::start(&deep, &[]);
    let warning = node.running.err.next();
    assert!(warning.starts_with("warning: cannot listen at "), "{warning}");
    node.running.say("quit");
    assert_eq!(node.running.wait().code(), Some(0));
}

/// Long words: more than a pipe and the node's queue hold.
const WORDS: usize = 200;

/// A node that was told to say them, and whose stdout nobody has read yet.
fn stalled(state: &Path) -> (Ends, ChildStdout) {
    let mut command = node_in(state, &["--no-mdns", "--listen", "127.0.0.1:0"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for n in 0..WORDS {
        writeln!(stdin, "{n:x<8000}").unwrap();
    }
    let stdout = child.stdout.take().unwrap();
    (Ends(child), stdout)
}

#[test]
fn a_reader_that_stalls_holds_up_neither_the_node_nor_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (mut node, _stdout) = stalled(dir.path());
    ask(dir.path(), &["peers"]).ok();
    let kill = format!("kill -TERM {}", node.0.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(node.0.wait().unwrap().code(), Some(0));
    let err = std::io::read_to_string(node.0.stderr.take().unwrap()).unwrap();
    assert!(err.contains("lines were not read") && err.ends_with("successfully.\n"), "{err}");
}

#[test]
fn what_a_reader_missed_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (node, stdout) = stalled(dir.path());
    let (mut said, mut missing) = (0, 0);
    for line in BufReader::new(stdout).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        match line["event"].as_str().unwrap() {
            "said" => said += 1,
            "missing" => missing += line["lines"].as_u64().unwrap(),
            _ => {}
        }
        if said + missing == WORDS as u64 {
            break;
        }
    }
    assert!(missing > 0 && said > 0, "{said} {missing}");
    assert_eq!(said + missing, WORDS as u64, "each was told or counted");
    drop(node);
}
