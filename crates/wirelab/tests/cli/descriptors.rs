//! Programs that have no file descriptor left for whoever dials: they rest in between, and serve once
//! there is one.
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
};

use crate::support::*;

/// Select.req, and what answers it.
const SELECT: [u8; 14] = [0, 0, 0, 10, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 1];
const SELECTED: [u8; 14] = [0, 0, 0, 10, 0xff, 0xff, 0, 0, 0, 2, 0, 0, 0, 1];

#[test]
fn whoever_dials_for_want_of_descriptors_waits_and_costs_nothing() {
    let Some(prlimit) = prlimit() else { return };
    for words in [
        &["device", "hsms", "--port", "0"][..],
        &["hsms", "monitor", "127.0.0.1:0", "--passive", "--json"],
        &["hsms", "listen", "127.0.0.1:0", "--json"],
    ] {
        let program = Running::start(wirelab().args(words));
        let first: serde_json::Value = serde_json::from_str(&program.out.next()).unwrap();
        let addr = first.get("addr").or(first.get("listening")).and_then(|addr| addr.as_str());
        let addr: SocketAddr = addr.unwrap().parse().unwrap();
        let before = soft_limit(program.id());
        let limit = |descriptors: u32| {
            let pid = ["--pid", &program.id().to_string()].map(str::to_owned);
            let nofile = format!("--nofile={descriptors}:");
            let set = Command::new(&prlimit).args(pid).arg(nofile).status().unwrap();
            assert!(set.success());
        };
        limit(lowest_free(program.id()));
        let mut dialled = TcpStream::connect(addr).unwrap();
        dialled.set_read_timeout(Some(PATIENCE)).unwrap();
        dialled.write_all(&SELECT).unwrap();
        let awake = rests(program.id());
        let watch = std::time::Instant::now();
        while rests(program.id()) < awake + 10 {
            assert!(watch.elapsed() < PATIENCE, "{words:?}: it asks on end");
            std::thread::yield_now();
        }
        dialled.set_nonblocking(true).unwrap();
        let early = dialled.read(&mut [0]).expect_err("nobody can have answered");
        assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock, "{words:?}");
        dialled.set_nonblocking(false).unwrap();
        limit(before);
        let mut answer = [0; 14];
        dialled.read_exact(&mut answer).unwrap();
        assert_eq!(answer, SELECTED, "{words:?}");
    }
}

#[test]
fn more_connections_than_files_may_be_open_are_refused_and_fewer_are_made_room_for() {
    let limited = |limit: &str, words: &[&str]| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]);
        finish(shell.arg(wirelab().get_program()).args(words))
    };
    for words in [
        &["bench", "cync", "--devices", "1000"][..],
        &["device", "cync", "--devices", "1000", "--to", "127.0.0.1:1"],
    ] {
        let told = limited("-n 200", words);
        assert!(told.failed(3).contains("need 1064 open files, and 200 are"), "{told:?}");
    }
    let words = ["bench", "cync", "--devices", "100", "--rate", "50", "--for", "1s", "--json"];
    let report = limited("-S -n 100", &words).ok().result();
    assert_eq!(report["observed"], 50, "{report}");
}

/// The first number that no open file of the process has: the next one to be opened gets it.
fn lowest_free(pid: u32) -> u32 {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
    let open: Vec<u32> =
        open.map(|fd| fd.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    (0..).find(|fd| !open.contains(fd)).expect("there are few")
}

/// How many descriptors it may have.
fn soft_limit(pid: u32) -> u32 {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("it runs");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a number")
}

/// How often it has gone to sleep of its own accord.
fn rests(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).expect("a number")
}

/// The tool that limits a process that runs already, if it is there.
fn prlimit() -> Option<String> {
    let tool = "prlimit".to_owned();
    if Command::new(&tool).arg("--version").output().is_ok() {
        return Some(tool);
    }
    let needs = "needs prlimit (Debian: util-linux)";
    let required = std::env::var("WIRELAB_REQUIRE_TOOLS").is_ok_and(|v| v == "1");
    assert!(!required, "{needs}");
    eprintln!("SKIPPED: {needs}");
    None
}
