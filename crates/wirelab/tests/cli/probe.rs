//! `wirelab judge device` and `wirelab judge client`: what they print, how they end, and what they
//! make of programs that misbehave.
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    process::Command,
};

use serde_json::Value;

use crate::support::*;

/// A device that selects, answers linktests and S1F1, and keeps silent about all else. A Separate
/// ends its connection, and SType 200 ends it.
fn modest() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut frame = [0; 14];
            while stream.read_exact(&mut frame).is_ok() {
                match frame[9] {
                    1 | 5 => frame[9] += 1,
                    0 if frame[6..8] == [0x81, 1] => frame[6..8].copy_from_slice(&[1, 2]),
                    9 => break,
                    200 => return,
                    _ => continue,
                }
                if stream.write_all(&frame).is_err() {
                    break;
                }
            }
        }
    });
    addr
}

fn device_judged(addr: SocketAddr, flags: &[&str]) -> Ran {
    let mut command = wirelab();
    command.args(["judge", "device", "--protocol", "hsms", "--patience", "300ms"]);
    finish(command.args(flags).arg(addr.to_string()))
}

fn client_judged(flags: &[&str], program: &[&str]) -> Ran {
    let mut command = wirelab();
    command.args(["judge", "client", "--protocol", "hsms", "--patience", "300ms"]);
    finish(command.args(flags).arg("--").args(program))
}

/// The one case of a JSON result.
fn case(ran: &Ran) -> Value {
    let result = ran.result();
    let [ref case] = result["cases"].as_array().unwrap()[..] else { panic!("one: {ran:?}") };
    case.clone()
}

#[test]
fn a_list_needs_no_device_and_patterns_narrow_it() {
    let ids = |flags: &[&str]| {
        let ran = finish(wirelab().args(["judge", "device", "--protocol", "hsms"]).args(flags));
        let id = |line: &str| line.split(' ').next().unwrap().to_owned();
        ran.ok().out.lines().map(id).collect::<Vec<_>>()
    };
    assert!(ids(&["--list"]).len() >= 45);
    assert_eq!(ids(&["--list", "--case", "1.?", "--exclude", "1.1"])[0], "hsms/1.2");
    assert_eq!(ids(&["--list", "--case", "hsms/6.1", "--case", "6.2"]), ["hsms/6.1", "hsms/6.2"]);
    let client = run(["judge", "client", "--protocol", "hsms", "--list"]).ok();
    assert!(client.out.lines().count() >= 15);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |args: &[&str], why: &str| {
        let ran = run(["judge", "device"].iter().chain(args));
        assert!(ran.failed(2).contains(why), "{ran:?}");
    };
    refused(&["--protocol", "hsms", "--case", "nope", "--list"], "nope");
    refused(&["--protocol", "vkb", "--list"], "no cases for `vkb`");
    refused(&["--protocol", "hsms", "--as", "e38", "localhost:1"], "--as: no reading `e38`");
    refused(&["--protocol", "hsms", "--t7", "0", "localhost:1"], "--t7: must be above 0");
    refused(&["--protocol", "hsms"], "HOST[:PORT]");
}

#[test]
fn verdicts_come_a_line_each_and_decide_how_it_ends() {
    let addr = modest();
    let ran = device_judged(addr, &["--case", "1.1", "--case", "3.2"]).ok();
    assert!(ran.out.contains("PASS          hsms/1.1   Select.req"), "{}", ran.out);
    assert!(ran.out.ends_with("2 cases: 2 PASS, 0 FAIL\n"), "{}", ran.out);
    let ran = device_judged(addr, &["--case", "1.1", "--case", "5.1"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for part in
        ["FAIL          hsms/5.1", "expected  says Reject 1 and stays", "seen      said nothing"]
    {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    // The bytes both ways.
    assert!(ran.out.contains("sent       14: 00 00 00 0a ff ff 00 00 00 08"), "{}", ran.out);
}

#[test]
fn the_reading_decides_between_pass_and_non_strict() {
    let addr = modest();
    let verdict = |level| {
        case(&device_judged(addr, &["--case", "2.2", "--json", "--as", level]))["verdict"].clone()
    };
    assert_eq!((verdict("e37"), verdict("e37.1")), ("pass".into(), "non-strict".into()));
}

#[test]
fn the_case_that_kills_it_is_named_and_what_follows_is_inconclusive() {
    let ran = device_judged(modest(), &["--case", "5.4", "--case", "5.6", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let cases = &ran.result()["cases"];
    assert_eq!(
        (&cases[0]["verdict"], &cases[1]["verdict"]),
        (&"fail".into(), &"inconclusive".into())
    );
    assert!(cases[0]["notes"][0].as_str().unwrap().contains("no new connection"), "{ran:?}");
    assert!(cases[1]["actual"].as_str().unwrap().contains("hsms/5.4"), "{ran:?}");
}

#[test]
fn nobody_there_is_inconclusive() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = device_judged(free, &["--case", "1.1"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("1 INCONCLUSIVE"), "{}", ran.out);
}

#[test]
fn build_servers_get_their_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.xml");
    let path = file.to_str().unwrap();
    device_judged(modest(), &["--case", "1.1", "--case", "5.1", "--case", "2.6", "--junit", path]);
    let xml = std::fs::read_to_string(&file).unwrap();
    assert!(xml.contains("tests=\"3\"") && xml.contains("failures=\"1\""), "{xml}");
    assert!(xml.contains("<skipped") && xml.contains("name=\"hsms/5.1\""), "{xml}");
}

#[test]
fn a_program_that_cannot_be_started_is_inconclusive() {
    let ran = client_judged(&["--case", "c1.1", "--json"], &["/nowhere/at/all"]);
    assert_eq!((ran.code, &case(&ran)["verdict"]), (Some(3), &"inconclusive".into()));
    assert!(case(&ran)["actual"].as_str().unwrap().contains("could not start"), "{ran:?}");
}

#[cfg(unix)]
mod programs {
    use super::*;

    fn shell(flags: &[&str], script: &str) -> Value {
        let flags = [&["--case", "c1.1", "--json"], flags].concat();
        case(&client_judged(&flags, &["sh", "-c", script]))
    }

    #[test]
    fn one_that_ends_without_dialling_is_inconclusive_and_its_last_words_are_kept() {
        let case = shell(&[], "echo no such licence >&2; exit 7");
        assert_eq!(case["verdict"], "inconclusive");
        let why = case["actual"].as_str().unwrap();
        assert!(why.contains("ended with code 7") && why.contains("no such licence"), "{why}");
    }

    #[test]
    fn one_that_never_dials_is_inconclusive_and_gone_with_all_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pids");
        // It does not listen when asked to end, and it has a child.
        let script =
            format!("trap '' TERM; sleep 1000 & echo $! $$ >{}; wait; wait", file.display());
        let case = shell(&["--start", "500ms"], &script);
        assert_eq!(case["verdict"], "inconclusive");
        assert!(case["actual"].as_str().unwrap().contains("did not dial"), "{case}");
        let pids = std::fs::read_to_string(&file).unwrap();
        assert_eq!(pids.split_whitespace().count(), 2);
        for pid in pids.split_whitespace() {
            assert!(!is_running(pid), "{pid} is still there");
        }
    }

    /// A process that has ended may be waiting for whoever adopted it to notice.
    fn is_running(pid: &str) -> bool {
        let output = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
        let stat = String::from_utf8(output.stdout).unwrap();
        !stat.trim().is_empty() && !stat.trim().starts_with('Z')
    }

    #[test]
    fn one_that_dies_of_a_signal_fails() {
        let case = shell(&[], "kill -SEGV $$");
        assert_eq!(case["verdict"], "fail");
        assert!(case["notes"][0].as_str().unwrap().contains("died of signal 11"), "{case}");
    }

    #[test]
    fn one_that_floods_fails_and_costs_no_memory() {
        let case = shell(&["--start", "1s"], "yes | head -c 100000000; sleep 1000");
        assert_eq!(case["verdict"], "fail");
        assert!(case["notes"][0].as_str().unwrap().contains("printed more than"), "{case}");
    }

    #[test]
    fn one_that_dials_is_judged_by_its_bytes() {
        let say = r"printf '\0\0\0\012\377\377\0\0\0\001\0\0\0\007' >&3; cat <&3";
        let script = format!("exec 3<>/dev/tcp/{{host}}/{{port}}; {say}");
        let judged = |script: &str| {
            case(&client_judged(&["--case", "c1.1", "--json"], &["bash", "-c", script]))
        };
        assert_eq!(judged(&script)["verdict"], "pass", "{}", judged(&script));
        let wrong = judged(&script.replace(r"\001", r"\005"));
        assert_eq!(
            (&wrong["verdict"], &wrong["brief"]),
            (&"fail".into(), &"Linktest.req, stays".into())
        );
        let by_environment =
            script.replace("{host}", "$WIRELAB_HOST").replace("{port}", "$WIRELAB_PORT");
        let asked = format!("[ $WIRELAB_CASE = hsms/c1.1 ] && {by_environment}");
        assert_eq!(judged(&asked)["verdict"], "pass");
    }

    #[test]
    fn our_own_host_fails_no_case() {
        let timers = ["--t3", "1s", "--t5", "1s", "--t6", "1s", "--t7", "1s", "--t8", "1s"];
        let this = wirelab().get_program().to_str().unwrap().to_owned();
        for level in ["e37", "e37.1"] {
            let send = [&this, "hsms", "send", "{host}:{port}", "S1F1 W", "--conformance", level];
            let program = [&send[..], &timers].concat();
            let ran = client_judged(&[&timers[..], &["--json", "--as", level]].concat(), &program);
            let ran = ran.ok();
            let counts = &ran.result()["counts"];
            assert!(counts["pass"].as_u64().unwrap() >= 20, "{level}: {ran:?}");
        }
    }

    #[test]
    fn an_interrupt_ends_the_program_too_and_what_was_judged_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pid");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let script = format!(
            "[ $WIRELAB_CASE = hsms/c1.1 ] && exit 7; trap '' TERM; echo $$ >{}; \
             while :; do sleep 1; done",
            pipe.display()
        );
        let mut command = wirelab();
        command.args(["judge", "client", "--protocol", "hsms", "--case", "c1.?", "--"]);
        let mut running = Running::start(command.args(["sh", "-c", &script]));
        running.out.until("because");
        let pid = std::fs::read_to_string(&pipe).unwrap();
        running.signal("INT");
        assert_eq!(running.wait().code(), Some(130));
        assert!(running.out.rest().concat().contains("1 cases: 0 PASS"), "the summary");
        assert!(running.err.rest().concat().contains("8 of 9 were not played"));
        assert!(!is_running(pid.trim()), "{pid} is still there");
    }
}
