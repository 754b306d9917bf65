//! Where output goes, and what happens when it cannot go there.
use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Stdio,
};

use crate::support::*;

#[test]
fn the_log_goes_to_a_file_when_asked() {
    let device = device(&[]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("packets.jsonl");
    let ran = device.toggle(&["--json", "--log-file", path.to_str().unwrap()]).ok();
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    let log = Ran { out: std::fs::read_to_string(path).unwrap(), ..ran };
    assert_eq!(log.packets().len(), 2);
}

#[test]
fn the_log_level_decides_what_is_shown() {
    let device = device(&[]);
    let lines = |level| device.toggle(&["--log-level", level]).ok().lines().len();
    let (debug, info, warning) = (lines("DEBUG"), lines("INFO"), lines("WARNING"));
    assert!(debug > info && info > warning, "{debug} {info} {warning}");
    assert_eq!(warning, 0);
}

#[test]
fn an_unwritable_output_is_noticed_before_the_device_is_touched() {
    let mut device = device(&[]);
    for flag in ["--log-file", "--metrics-textfile"] {
        let ran = device.toggle(&[flag, "/no/such/dir/file"]);
        assert!(ran.failed(3).contains("/no/such/dir/file"), "{ran:?}");
    }
    let (_, records) = device.show();
    assert_eq!(Device::count(&records, "opened"), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_the_command_was_done() {
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let mut device = device(&[]);
    let status = device.command(&[]).stdout(full()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(3));
    assert_eq!(device.show().0["devices"]["D1"]["applied"], 1);
    let decode = wirelab().args(["decode", "toggle", "41434b"]).stdout(full()).output().unwrap();
    assert_eq!(decode.status.code(), Some(3));
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    for args in [&["man"][..], &["completions", "bash"], &["--help"]] {
        let mut command = wirelab();
        let mut child =
            command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), &ended.stderr[..]), (Some(0), &b""[..]), "{args:?}");
    }
}

/// A device that says no in words meant for a terminal.
fn swearing() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let serving = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = serving.accept().unwrap();
        let mut frame = [0; 91];
        stream.read_exact(&mut frame).unwrap();
        let asked: serde_json::Value = serde_json::from_slice(&frame[7..]).unwrap();
        let no = format!(
            r#"{{"opcode": "nack", "msg_id": {}, "reason": "\u001b[2J\u009b31m\r\nok: \u202e"}}"#,
            asked["msg_id"]
        );
        stream.write_all(&[0xf0, 0x0d, 1]).unwrap();
        stream.write_all(&(no.len() as u32).to_be_bytes()).unwrap();
        stream.write_all(no.as_bytes()).unwrap();
    });
    listener
}

#[test]
fn nothing_a_peer_says_reaches_the_terminal_as_a_command() {
    let obeyed = |text: &str| text.contains(['\u{1b}', '\u{9b}', '\r', '\u{202e}']);
    for json in [true, false] {
        let listener = swearing();
        let flags: &[&str] = if json { &["--json"] } else { &[] };
        let ran = finish(&mut toggle_at(listener.local_addr().unwrap(), flags));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(!obeyed(&ran.out) && !obeyed(&ran.err), "{ran:?}");
        let last = ran.err.lines().last().unwrap();
        assert!(last.contains(r"\u{1b}[2J") && last.contains(r"\r\n"), "{last}");
    }
}

#[test]
fn shells_and_readers_of_manuals_are_served() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(["completions", shell]).ok().out.contains("linger-limit"), "{shell}");
    }
    let page = run(["man"]).ok().out;
    assert!(page.contains(".TH wirelab 1") && page.contains("Exit codes"), "{page}");
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("man1");
    run(["man", "--out", out.to_str().unwrap()]).ok();
    for page in ["wirelab.1", "wirelab-toggle.1", "wirelab-device.1"] {
        assert!(out.join(page).is_file(), "{page}");
    }
    run(["man", "--out", "/dev/null/man"]).failed(3);
}
