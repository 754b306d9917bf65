//! Where a command can fail, and what the exit code says of it. The device is a process of its own.
use crate::support::*;

/// Toggles a device in this mode, twice: the code is 1, or the stage's own if asked for.
fn fails(mode: &str, flags: &[&str], stage: &str, code: i32) -> Ran {
    let device = device(&["--mode", mode]);
    if mode == "refuse" {
        device.running.out.until("\"deaf\"");
    }
    let flags = [&["--max-attempts", "1", "--json"], flags].concat();
    let ran = device.toggle(&flags);
    assert_eq!((ran.code, &ran.result()["stage"]), (Some(1), &stage.into()), "{ran:?}");
    let by_stage = device.toggle(&[&flags[..], &["--stage-exit-codes"]].concat());
    assert_eq!(by_stage.code, Some(code), "{by_stage:?}");
    ran
}

#[test]
fn each_stage_has_its_exit_code() {
    fails("refuse", &[], "refused", 10);
    fails("timeout", &["--recv-timeout", "50ms"], "receive_timeout", 14);
    fails("disconnect", &[], "closed", 15);
    fails("reset_after", &[], "reset", 16);
    fails("nack", &[], "nack", 17);
    fails("garbage", &[], "malformed", 18);
    fails("success", &["--confirm", "applied"], "not_confirmed", 19);
}

#[test]
fn the_last_line_says_what_failed_and_what_to_do() {
    let ran = fails("disconnect", &[], "closed", 15);
    let last = ran.err.lines().last().unwrap();
    assert!(last.starts_with("error: D1 on: closed after 1 attempt: "), "{last}");
    assert!(last.contains("it may have switched all the same"), "{last}");
}

#[test]
fn a_name_that_leads_nowhere_is_a_command_that_failed() {
    let flags = ["toggle", "--device-id", "D1", "--device-host", "no-such-host.invalid"];
    let ran = run([&flags[..], &["--no-metrics"]].concat());
    assert!(ran.failed(1).contains("no-such-host.invalid"), "{ran:?}");
    let [packet] = &ran.packets()[..] else { panic!("one packet: {ran:?}") };
    assert_eq!((&packet["outcome"], &packet["reason"]), (&"error".into(), &"unreachable".into()));
    let ran = run([&flags[..], &["--no-metrics", "--json", "--stage-exit-codes"]].concat());
    assert_eq!((ran.code, &ran.result()["stage"]), (Some(11), &"unreachable".into()), "{ran:?}");
}

/// The accept queue is full and nobody accepts, so that the kernel drops what comes.
#[cfg(target_os = "linux")]
#[test]
fn a_host_that_does_not_react_is_a_connect_timeout() {
    use socket2::{Domain, Socket, Type};
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    silent.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    silent.listen(0).unwrap();
    let addr = silent.local_addr().unwrap();
    let queued: Vec<_> = std::iter::repeat_with(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&addr);
        socket
    })
    .take(4)
    .collect();
    let flags =
        ["--max-attempts", "1", "--connect-timeout", "100ms", "--json", "--stage-exit-codes"];
    let ran = finish(&mut toggle_at(addr.as_socket().unwrap(), &flags));
    assert_eq!(
        (ran.code, &ran.result()["stage"]),
        (Some(12), &"connect_timeout".into()),
        "{ran:?}"
    );
    drop(queued);
}

#[test]
fn the_deadline_has_a_code_of_its_own() {
    let device = device(&["--mode", "timeout"]);
    let ran = device.toggle(&["--deadline", "100ms", "--json", "--stage-exit-codes"]);
    assert_eq!((ran.code, &ran.result()["stage"]), (Some(124), &"deadline".into()), "{ran:?}");
}

#[test]
fn an_interrupted_command_closes_cleanly_and_says_so() {
    let device = device(&["--mode", "timeout"]);
    for signal in ["INT", "TERM"] {
        let mut toggle = Running::start(&mut device.command(&["--json", "--recv-timeout", "1h"]));
        let arrived = device.running.out.until("\"dir\":\"in\"");
        toggle.signal(signal);
        let result: serde_json::Value = serde_json::from_str(&toggle.out.next()).unwrap();
        assert_eq!(toggle.wait().code(), Some(130));
        assert_eq!((&result["outcome"], &result["attempts"]), (&"interrupted".into(), &1.into()));
        let id = result["msg_id"].as_str().unwrap();
        assert!(arrived.contains(id), "{id} in {arrived}");
        assert!(device.running.out.until("\"closed\"").contains("\"peer\""));
        let rest = toggle.err.rest();
        assert!(rest.last().unwrap().starts_with("error: D1 on: interrupted"), "{rest:?}");
        let logged = |word: &str| rest.iter().any(|line| line.contains(word));
        assert!(logged("\"cancelled\"") && logged("\"closed\""), "the log has its end: {rest:?}");
    }
}
