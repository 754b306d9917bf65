//! `wirelab toggle --from`: commands as lines.
use std::io::Write;

use crate::support::*;

const GOOD: &str = r#"{"device_id": "A", "state": "on"}"#;
const OFF: &str = r#"{"device_id": "B", "state": false}"#;

#[test]
fn a_bad_line_is_reported_and_the_rest_goes_on() {
    let mut device = device(&[]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{GOOD}\n\nnonsense\n{OFF}\n").unwrap();
    let path = file.path().to_str().unwrap();
    let ran = device.toggle(&["--from", path, "--json", "--log-level", "error"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.lines().len(), 2);
    assert!(ran.err.contains("error: line 3: "), "{ran:?}");
    assert!(ran.err.contains("error: 1 of 3 commands failed"), "{ran:?}");
    let (memory, _) = device.show();
    assert_eq!(memory["devices"]["A"]["state"], true);
    assert_eq!(memory["devices"]["B"]["state"], false);
}

#[test]
fn lines_on_stdin_are_done_as_they_come() {
    let device = device(&[]);
    let mut toggle = Running::start(&mut device.command(&["--from", "-", "--json"]));
    for line in [GOOD, OFF] {
        toggle.say(line);
        assert!(toggle.out.next().contains("\"ok\""));
    }
    toggle.end_stdin();
    assert_eq!(toggle.wait().code(), Some(0));
    assert_eq!(toggle.err.rest().last().unwrap(), "ok: 2 commands done");
}

#[test]
fn waiting_for_the_next_line_can_be_interrupted() {
    let device = device(&[]);
    let mut toggle = Running::start(&mut device.command(&["--from", "-", "--json"]));
    toggle.say(GOOD);
    toggle.out.next();
    toggle.signal("TERM");
    assert_eq!(toggle.wait().code(), Some(130));
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_missing() {
    let flags = ["toggle", "--device-host", "127.0.0.1", "--no-metrics", "--from"];
    let ran = run([&flags[..], &["/no/such/file"]].concat());
    assert!(ran.failed(3).contains("/no/such/file"));
    let ran = run([&flags[..], &["/"]].concat());
    assert_eq!(ran.code, Some(1), "a directory opens and cannot be read: {ran:?}");
}
