//! What is set of a node decides what it waits for, takes and logs: each flag with two values and two
//! outcomes.
use std::{
    io::Read as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    node::{Node, node_in, said_to},
    support::*,
};

fn node(flags: &[&str]) -> (Node, tempfile::TempDir) {
    let keys = tempfile::tempdir().unwrap();
    (Node::start(keys.path(), flags), keys)
}

/// Somebody who calls, says nothing, and listens so long.
fn caller(node: &Node, listens: Duration) -> TcpStream {
    let stream = TcpStream::connect(&node.listen).unwrap();
    stream.set_read_timeout(Some(listens)).unwrap();
    stream
}

/// Whether it is hung up on before it has listened long enough.
fn is_hung_up_on(mut caller: &TcpStream) -> bool {
    match caller.read(&mut [0]) {
        Ok(0) => true,
        Ok(_) => panic!("nobody was to say anything"),
        Err(e) => {
            !matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        }
    }
}

#[test]
fn a_mute_caller_has_as_long_as_was_set() {
    for (limit, hung_up) in [("300ms", true), ("1h", false)] {
        let (node, _keys) = node(&["--read-timeout", limit]);
        assert_eq!(is_hung_up_on(&caller(&node, Duration::from_secs(3))), hung_up, "{limit}");
    }
}

#[test]
fn as_many_connections_are_taken_as_was_set() {
    for flag in ["--max-connections", "--max-connections-each", "--connection-burst"] {
        for (limit, hung_up) in [("2", true), ("3", false)] {
            let (node, _keys) = node(&[flag, limit]);
            let callers = [0; 3].map(|_| caller(&node, Duration::from_secs(1)));
            assert_eq!(is_hung_up_on(&callers[2]), hung_up, "{flag} {limit}");
            assert!(!is_hung_up_on(&callers[0]), "who was there first stays");
        }
    }
}

#[test]
fn a_link_may_be_silent_as_long_as_was_set() {
    let (b, _keys) = node(&[]);
    let flags = ["--peer", &b.listen];
    let ((mut patient, _), (mut hasty, _)) =
        (node(&flags), node(&[&flags[..], &["--idle-timeout", "1s"]].concat()));
    patient.meets(&b);
    hasty.meets(&b);
    b.running.signal("STOP");
    let since = Instant::now();
    while linked(&mut hasty) {
        assert!(since.elapsed() < PATIENCE, "it is never noticed");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(linked(&mut patient));
    b.running.signal("CONT");
}

fn linked(node: &mut Node) -> bool {
    node.running.say("peers");
    node.tells("peers")["peers"][0]["linked"] == true
}

/// Whoever does not say that it is there is taken for gone.
#[test]
fn one_says_that_it_is_there_as_often_as_was_set() {
    for (heartbeat, hung_up) in [("200ms", false), ("30s", true)] {
        let (b, _keys) = node(&["--heartbeat", heartbeat]);
        let flags = ["--peer", &b.listen, "--idle-timeout", "1s", "--log-format", "classic"];
        let (a, _keys) = node(&flags);
        a.running.err.until("Sent HELLO");
        let until = Instant::now() + Duration::from_secs(3);
        let mut again = false;
        while let Some(line) = a.running.err.within(until.saturating_duration_since(Instant::now()))
        {
            again |= line.contains("Sent HELLO");
        }
        assert_eq!(again, hung_up, "{heartbeat}");
    }
}

#[test]
fn as_many_messages_are_taken_as_was_set() {
    for flag in ["--peer-burst", "--author-rate"] {
        for (limit, refused) in [("2", true), ("50", false)] {
            let (b, _keys) = node(&[flag, limit]);
            let (mut a, _keys) = node(&["--peer", &b.listen]);
            a.meets(&b);
            for n in 0..6 {
                a.running.say(&format!("words {n}"));
            }
            if refused {
                assert_eq!(b.tells("refused")["why"], "rate", "{flag}");
            } else {
                let heard: Vec<_> = (0..6).map(|_| b.hears().2).collect();
                assert_eq!(heard.len(), 6, "{flag}: {heard:?}");
            }
        }
    }
}

#[test]
fn a_file_says_the_same_as_flags_which_go_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("node.toml");
    std::fs::write(&file, "read_timeout = '300ms'\n").unwrap();
    let file = file.to_str().unwrap();
    let listens = Duration::from_secs(3);
    let (by_file, _keys) = node(&["--config", file]);
    assert!(is_hung_up_on(&caller(&by_file, listens)));
    let (by_flag, _keys) = node(&["--config", file, "--read-timeout", "1h"]);
    assert!(!is_hung_up_on(&caller(&by_flag, listens)));
    let with_env = |value| {
        let mut command = node_in(dir.path(), &["--no-mdns", "--listen", "127.0.0.1:0"]);
        command.args(["--config", file]).env("TAZCOM_READ_TIMEOUT", value);
        command
    };
    assert!(!is_hung_up_on(&caller(&Node::of(&mut with_env("1h")), listens)));
    let ran = finish(&mut with_env("soon"));
    assert!(ran.failed(2).contains("(from the environment's TAZCOM_READ_TIMEOUT)"), "{ran:?}");
    std::fs::write(file, "read_timeut = '300ms'\n").unwrap();
    let ran = run(["node", "--no-mdns", "--config", file]);
    assert!(ran.failed(2).contains("read_timeut"), "{ran:?}");
}

#[test]
fn a_classic_log_has_the_published_lines_and_nothing_a_terminal_obeys() {
    let keys = tempfile::tempdir().unwrap();
    let mut a = Node::start(keys.path(), &["--log-format", "classic"]);
    let key = keys.path().join("wirelab/node.key").display().to_string();
    let first: Vec<_> = (0..5).map(|_| said(&a.running.err.next())).collect();
    let wanted = [
        format!("[INFO ] Generated new identity and saved to {key}"),
        "[INFO ] TAZCOM Node Initialized.".into(),
        format!("[INFO ] Node ID: {}", a.id),
        format!("[INFO ] Listening on {}", a.listen),
        format!("[INFO ] TCP server started on {}", a.listen),
    ];
    assert_eq!(first, wanted);
    assert_eq!(said_to(&a.listen, "\x1b[2Jgone"), "ERROR\n");
    let line = said(&a.running.err.next());
    assert!(line.starts_with("[INFO ] Message from ('127.0.0.1', "), "{line}");
    assert!(line.ends_with(r"): \u{1b}[2Jgone"), "{line}");
    assert_eq!(said_to(&a.listen, &"x".repeat(5000)), "");
    let line = said(&a.running.err.until("exceeds"));
    assert!(line.starts_with("[WARNING] Message from ('127.0.0.1', "), "{line}");
    let b = Node::start(keys.path(), &["--peer", &a.listen, "--log-format", "classic"]);
    b.running.err.until(&format!("Sent HELLO to unknown @ {}", a.listen));
    b.running.err.until(&format!("Received ACK from {}", a.id));
    b.tells("joined");
    a.running.say("quit");
    assert_eq!(a.running.wait().code(), Some(0));
    let rest: Vec<_> = a.running.err.rest().iter().map(|line| said(line)).collect();
    let end = ["[INFO ] TCP server closed", "[INFO ] Node shut down successfully."];
    assert_eq!(rest[rest.len() - 2..], end);
    b.running.err.until(&format!("Connection refused by unknown @ {}", a.listen));
    b.running.err.until(&format!("Peer Removed: {}", a.id));
}

/// A line of a classic log after its time, which has its own shape.
fn said(line: &str) -> String {
    let (time, rest) = line.split_at(11);
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "[00:00:00] ", "{line}");
    rest.to_owned()
}

#[test]
fn a_flag_that_could_have_no_effect_is_refused() {
    let ran = run(["node", "--no-mdns", "--listen-only"]);
    assert!(ran.failed(2).contains("--listen-only has no effect with --no-mdns"), "{ran:?}");
}
