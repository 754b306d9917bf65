//! Links to a VKB-Link that is killed, frozen or absent: a process of its own, ended by real signals.
//! What arrived is read off the device, never off the client.
use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::*;

pub(crate) fn vkb(words: &[&str], port: u16, flags: &[&str]) -> std::process::Command {
    let mut command = wirelab();
    command.arg("vkb").args(words).args(["--port", &port.to_string()]).args(flags);
    command
}

pub(crate) fn device_at(port: u16) -> Running {
    let running = Running::start(wirelab().args(["device", "vkb", "--port", &port.to_string()]));
    running.out.until("listening");
    running
}

/// The numbers spelt by the frames among these lines of a device.
pub(crate) fn numbers(lines: &[String]) -> Vec<u16> {
    let records = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let frames = records.filter(|r| r["event"] == "frame" && r["dir"] == "in");
    let number = |r: Value| {
        let bytes = r["bytes"].as_str().unwrap().split(' ').map(|b| u8::from_str_radix(b, 16));
        let bytes: Vec<u8> = bytes.map(Result::unwrap).collect();
        u16::from_le_bytes([bytes[4], bytes[5]])
    };
    frames.map(number).collect()
}

#[test]
fn a_state_is_sent_and_believed_once_its_connection_survived() {
    let mut device = device_of("vkb", &[]);
    let flags = ["--shift", "2", "--subshift", "1", "--survive", "50ms", "--json"];
    let sent = finish(&mut vkb(&["send"], device.addr.port(), &flags)).ok().result();
    assert_eq!((&sent["outcome"], &sent["delivery"]), (&"ok".into(), &"survived".into()));
    let memory = device.show().0;
    assert_eq!((&memory["shift"], &memory["subshift"]), (&2.into(), &1.into()));
    let cleared = finish(&mut vkb(&["clear"], device.addr.port(), &["--survive", "50ms"])).ok();
    assert!(cleared.err.contains("shift 0 subshift 0: survived after 1 attempt, "), "{cleared:?}");
    assert_eq!(device.show().0["shift"], 0);
}

#[test]
fn a_state_for_nobody_is_refused() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ran = finish(&mut vkb(&["send"], nobody, &["--shift", "1"]));
    assert!(ran.failed(1).contains("refused"), "{ran:?}");
    let ran = finish(&mut vkb(&["send"], nobody, &["--confirm", "applied"]));
    assert!(ran.failed(2).contains("--confirm"), "{ran:?}");
}

#[test]
fn a_held_state_is_asserted_again_after_a_kill() {
    let first = device_of("vkb", &[]);
    let port = first.addr.port();
    let mut hold = Running::start(&mut vkb(&["hold"], port, &["--shift", "3", "--report"]));
    hold.err.until("connected");
    first.running.signal("KILL");
    hold.err.until("connection lost");
    let second = device_at(port);
    assert_eq!(numbers(&[second.out.until("\"frame\"")]), [3]);
    hold.say("no state");
    hold.err.until("write SHIFT SUBSHIFT");
    hold.say("4 1");
    assert_eq!(numbers(&[second.out.until("\"frame\"")]), [0x104]);
    hold.signal("INT");
    assert!(hold.out.until("submitted").contains("2 submitted"));
    assert!(hold.wait().code().is_some());
}

/// The kernel of a frozen process acknowledges; only an answer, or none, tells.
#[cfg(target_os = "linux")]
#[test]
fn a_frozen_device_acknowledges_and_does_not_reply() {
    let device = device_of("vkb", &["--set", "replies=true"]);
    let port = device.addr.port();
    finish(&mut vkb(&["send"], port, &["--confirm", "replied"])).ok();
    device.running.signal("STOP");
    finish(&mut vkb(&["send"], port, &["--confirm", "tcp_acked"])).ok();
    let flags = ["--confirm", "replied", "--deadline", "400ms"];
    finish(&mut vkb(&["send"], port, &flags)).failed(124);
    device.running.signal("CONT");
    finish(&mut vkb(&["send"], port, &["--confirm", "replied"])).ok();
}

/// A kernel takes the connection, and the state, for a program that has stopped; both die with it.
#[cfg(target_os = "linux")]
#[test]
fn what_a_killed_program_never_accepted_was_never_believed() {
    let first = device_of("vkb", &[]);
    let port = first.addr.port();
    first.running.signal("STOP");
    let mut hold = Running::start(&mut vkb(
        &["hold"],
        port,
        &["--shift", "3", "--survive", "5s", "--ordered"],
    ));
    while unread(port) != Some(8) {
        std::thread::yield_now();
    }
    first.running.signal("KILL");
    let line = hold.err.next();
    assert!(line.contains("connection lost"), "{line}");
    let second = device_at(port);
    assert_eq!(numbers(&[second.out.until("\"frame\"")]), [3]);
    hold.signal("INT");
    hold.wait();
}

/// The bytes that wait in the kernel to be read from a connection to this port.
#[cfg(target_os = "linux")]
fn unread(port: u16) -> Option<u32> {
    const ESTABLISHED: &str = "01";
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let here = format!(":{port:04X}");
    sockets.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, ESTABLISHED, queues, ..] = fields[..] else { return None };
        let (_, unread) = queues.split_once(':')?;
        local.ends_with(&here).then(|| u32::from_str_radix(unread, 16).unwrap())
    })
}

/// As fast as the device reads them, until it is killed. A hundred more come while it is away, which
/// is until the link has been dialled in vain a few times.
#[test]
fn every_state_across_a_kill_arrives() {
    const STATES: u16 = 300;
    let mut first = device_of("vkb", &[]);
    let port = first.addr.port();
    let mut hold = Running::start(&mut vkb(&["hold"], port, &["--ordered", "--report"]));
    let mut arrived = BTreeSet::new();
    let read = |device: &Running| numbers(&[device.out.until("\"dir\":\"in\"")]);
    let say = |hold: &mut Running, n: u16| {
        let [shift, subshift] = n.to_le_bytes();
        hold.say(&format!("{shift} {subshift}"));
    };
    for n in 1..75 {
        say(&mut hold, n);
        // One is always on its way: the state it begins with was the first to be read.
        arrived.extend(read(&first.running));
    }
    say(&mut hold, 75);
    first.running.signal("KILL");
    (76..175).for_each(|n| say(&mut hold, n));
    arrived.extend(numbers(&first.running.out.rest()));
    for _ in 0..4 {
        hold.err.until("next try");
    }
    let second = device_at(port);
    for n in 175..STATES {
        say(&mut hold, n);
        arrived.extend(read(&second));
    }
    while arrived.len() < usize::from(STATES) {
        arrived.extend(read(&second));
    }
    assert!(arrived.into_iter().eq(0..STATES));
    hold.signal("INT");
    assert!(hold.out.until("submitted").contains("300 submitted"));
}
