//! `wirelab record` and `wirelab replay`: a session is recorded, then either side of it is played.
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
};

use serde_json::Value;

use crate::support::*;

/// What a session of one connection leaves behind: the client asks, the device answers and ends.
fn recorded(dir: &Path, talk: impl FnOnce(TcpStream, TcpStream)) -> String {
    let path = dir.join("session.jsonl").display().to_string();
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = target.local_addr().unwrap().to_string();
    let mut command = wirelab();
    command.args(["record", "--listen", "127.0.0.1:0", "--to", &to, "--out", &path]);
    let mut recorder = Device::start(&mut command);
    let near = TcpStream::connect(recorder.addr).unwrap();
    let (far, _) = target.accept().unwrap();
    talk(near, far);
    for _ in 0..2 {
        recorder.running.out.until("\"closed\"");
    }
    recorder.running.signal("TERM");
    assert_eq!(recorder.running.wait().code(), Some(0));
    path
}

fn read(from: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes).expect("bytes");
    bytes
}

fn greeting(mut near: TcpStream, mut far: TcpStream) {
    near.write_all(b"hello").unwrap();
    read(&mut far, 5);
    far.write_all(b"and who are you?").unwrap();
    read(&mut near, 16);
    near.write_all(b"nobody").unwrap();
    read(&mut far, 6);
    drop(far);
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
}

fn replaying(path: &str, more: &[&str]) -> Running {
    Running::start(wirelab().args(["replay", path]).args(more))
}

/// A device that is played, and a connection to it.
fn device_of(path: &str, more: &[&str]) -> (Running, TcpStream) {
    let device = replaying(path, &[&["--as", "device", "--listen", "127.0.0.1:0"], more].concat());
    let line = device.err.until("listening on");
    let stream = TcpStream::connect(line.strip_prefix("listening on ").unwrap()).unwrap();
    (device, stream)
}

#[test]
fn the_device_of_a_recording_says_again_what_it_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), greeting);
    let (mut device, mut near) = device_of(&path, &[]);
    near.write_all(b"hello").unwrap();
    assert_eq!(read(&mut near, 16), b"and who are you?");
    near.write_all(b"nobody").unwrap();
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
    drop(near);
    assert_eq!(device.wait().code(), Some(0));
    assert_eq!(device.out.rest(), ["as recorded: 1 of 1 connections played"]);
}

#[test]
fn a_client_that_says_something_else_is_told_where() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), greeting);
    let (mut device, mut near) = device_of(&path, &["--json"]);
    near.write_all(b"hellO").unwrap();
    assert_eq!(read(&mut near, 16), b"and who are you?");
    near.write_all(b"nob").unwrap();
    drop(near);
    assert_eq!(device.wait().code(), Some(1));
    let result: Value = serde_json::from_str(&device.out.next()).unwrap();
    assert_eq!(result["same"], false);
    let first = &result["differences"][0];
    assert_eq!((&first["message"], &first["offset"]), (&1.into(), &4.into()), "{result}");
    assert_eq!((&first["expected"], &first["got"]), (&"6f".into(), &"4f".into()), "{result}");
    let second = &result["differences"][1];
    assert_eq!((&second["what"], &second["offset"]), (&"missing".into(), &8.into()), "{result}");
}

#[test]
fn the_client_of_a_recording_asks_again_what_it_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), greeting);
    for (answer, code) in [(b"and who are you?", 0), (b"and who are you!", 1)] {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = target.local_addr().unwrap().to_string();
        let mut client = replaying(&path, &["--as", "client", "--to", &to]);
        let (mut far, _) = target.accept().unwrap();
        assert_eq!(read(&mut far, 5), b"hello");
        far.write_all(answer).unwrap();
        assert_eq!(read(&mut far, 6), b"nobody");
        drop(far);
        assert_eq!(client.wait().code(), Some(code), "{:?}", client.out.rest());
    }
}

#[test]
fn a_reset_is_played_as_a_reset_and_missed_if_it_does_not_come() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), |mut near, mut far| {
        near.write_all(b"hello").unwrap();
        read(&mut far, 5);
        socket2::SockRef::from(&far).set_linger(Some(Default::default())).unwrap();
        drop(far);
        assert!(near.read(&mut [0]).is_err());
    });
    let (mut device, mut near) = device_of(&path, &[]);
    near.write_all(b"hello").unwrap();
    let error = near.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(device.wait().code(), Some(0));
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = target.local_addr().unwrap().to_string();
    let mut client = replaying(&path, &["--as", "client", "--to", &to]);
    let (mut far, _) = target.accept().unwrap();
    read(&mut far, 5);
    drop(far);
    assert_eq!(client.wait().code(), Some(1));
    assert!(client.out.next().contains("expected RST; got FIN"));
}

#[test]
fn a_real_host_talks_to_the_equipment_of_a_recording() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fab.jsonl").display().to_string();
    let device = crate::support::device_of("hsms", &[]);
    let to = device.addr.to_string();
    let mut command = wirelab();
    command.args(["record", "--listen", "127.0.0.1:0", "--to", &to, "--out", &path]);
    let mut recorder = Device::start(&mut command);
    let send = |at: &str, seed: &str| {
        let _ = seed;
        run(["hsms", "send", at, "S1F1 W", "S2F25 W <B 1 2>"])
    };
    let first = send(&recorder.addr.to_string(), "1").ok();
    for _ in 0..2 {
        recorder.running.out.until("\"closed\"");
    }
    recorder.running.say("quit");
    assert_eq!(recorder.running.wait().code(), Some(0));
    let listen = ["--as", "device", "--listen", "127.0.0.1:0", "--protocol", "hsms"];
    let mut played = replaying(&path, &listen);
    let line = played.err.until("listening on");
    let again = send(line.strip_prefix("listening on ").unwrap(), "2").ok();
    assert_eq!(again.out, first.out);
    assert_eq!(played.wait().code(), Some(0), "{:?}", played.out.rest());
}

#[test]
fn what_is_no_recording_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), greeting);
    let text = std::fs::read_to_string(&path).unwrap();
    let newer = text.replacen("\"wirelab_evidence\":1", "\"wirelab_evidence\":9", 1);
    let header = text.lines().next().unwrap().to_owned() + "\n";
    for (content, code, why) in [
        (&text[..text.len() - 10], 3, "cut short"),
        (&newer, 3, "use a newer wirelab"),
        (&header, 2, "holds no connection"),
        ("junk\n", 3, "no evidence header"),
    ] {
        let file = dir.path().join("other.jsonl");
        std::fs::write(&file, content).unwrap();
        let file = file.display().to_string();
        let ran = run(["replay", &file, "--as", "client", "--to", "127.0.0.1:9"]);
        assert!(ran.failed(code).contains(why), "{ran:?}");
    }
    for flags in [
        &["--as", "device"][..],
        &["--as", "device", "--to", "127.0.0.1:9"],
        &["--as", "client", "--listen", "127.0.0.1:0"],
        &["--as", "client", "--to", "127.0.0.1:9", "--patience", "0s"],
        &["--as", "client", "--to", "127.0.0.1:9", "--protocol", "hsms", "--exact"],
    ] {
        assert_eq!(run([&["replay", &path], flags].concat()).code, Some(2), "{flags:?}");
    }
    let nobody =
        ["replay", &path, "--as", "device", "--listen", "127.0.0.1:0", "--patience", "50ms"];
    let ran = run(nobody);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("expected a connection; got nothing"), "{ran:?}");
}
