//! `wirelab judge client --protocol toggle`: what is made of programs that claim what is not so, and
//! of our own.
use std::process::Command;

use serde_json::Value;

use crate::support::*;

/// What our client was seen to do, a line a case.
const OBSERVED: &str = include_str!("probe_toggle.txt");
/// In these the device speaks first; whether it is heard before the client has spoken is chance.
/// After those it is slow, and on a busy machine slower than our client's patience.
const CHANCE: [&str; 4] = ["toggle/c3.31", "toggle/c3.32", "toggle/c2.17", "toggle/c2.18"];

fn judged(flags: &[&str], program: &[&str]) -> Ran {
    let mut command = wirelab();
    command.args(["judge", "client", "--protocol", "toggle", "--patience", "300ms", "--json"]);
    finish(command.args(flags).arg("--").args(program))
}

fn cases(ran: &Ran) -> Vec<Value> {
    ran.result()["cases"].as_array().expect("a list").clone()
}

/// A client in bash: `dial` opens a connection as 3, `ask` writes a command to it, `hear` reads three
/// bytes into `answer`.
fn shell(flags: &[&str], script: &str) -> Value {
    const TOOLS: &str = r#"
        dial() { exec 3<>/dev/tcp/$WIRELAB_HOST/$WIRELAB_PORT; }
        text='{"opcode": "toggle", "device_id": "D1", "msg_id": "3fe16b6143344afb", "state": true}'
        ask() { printf '\360\015\001\0\0\0\124%s' "$text" >&3; }
        hear() { answer=; IFS= read -r -N 3 -t 1 answer <&3; }
    "#;
    let ran = judged(flags, &["bash", "-c", &format!("{TOOLS}\n{script}")]);
    let [ref case] = cases(&ran)[..] else { panic!("one: {ran:?}") };
    case.clone()
}

fn note(case: &Value) -> String {
    case["notes"][0].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_client_that_does_as_it_should_passes_and_one_that_says_otherwise_does_not() {
    let good = r#"dial; ask; hear; [ "$answer" = ACK ]"#;
    let case = shell(&["--case", "c1.1"], good);
    assert_eq!(case["verdict"], "pass", "{case}");
    assert_eq!(case["brief"], "claims success, 1 attempt, 1 read, 1 done");
    assert_eq!(case["claim"]["code"], 0);
    let modest = shell(&["--case", "c1.1"], "dial; ask; hear; exit 1");
    assert_eq!((&modest["verdict"], &modest["claim"]["success"]), (&"fail".into(), &false.into()));
}

#[test]
fn success_that_the_device_knows_nothing_of_is_called_believed() {
    for (script, why) in [
        ("exit 0", "never got a whole command"),
        (r"dial; printf '\360\015\001' >&3; exit 0", "never got a whole command"),
        ("dial; ask; sleep 0.2; exit 0", "has done nothing"),
    ] {
        let case = shell(&["--case", "c4.8"], script);
        assert_eq!(case["verdict"], "fail", "{script}: {case}");
        assert!(note(&case).starts_with("believed: "), "{script}: {case}");
        assert!(note(&case).contains(why), "{script}: {case}");
    }
}

#[test]
fn what_is_lost_after_a_reconnect_is_called_so() {
    let script = "dial; ask; hear; sleep 0.3; dial; sleep 0.1; exit 0";
    let case = shell(&["--case", "c4.7"], script);
    assert_eq!(case["verdict"], "fail", "{case}");
    assert!(note(&case).starts_with("lost after reconnect: "), "{case}");
    assert_eq!(case["attempts"].as_array().unwrap().len(), 2);
}

#[test]
fn attempts_are_told_by_their_ports_and_a_hot_loop_is_named() {
    let script = "for n in 1 2 3 4; do dial; ask; hear; exec 3<&-; done; exit 1";
    let case = shell(&["--case", "c4.8", "--attempts", "4"], script);
    assert_eq!(case["verdict"], "fail", "{case}");
    assert!(note(&case).contains("hot loop"), "{case}");
    assert_eq!(case["backoff"]["shape"], "hot-loop");
    let attempts = case["attempts"].as_array().unwrap().clone();
    let mut ports: Vec<_> = attempts.iter().map(|a| a["port"].as_u64().unwrap()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 4);
}

#[test]
fn a_last_line_with_an_outcome_is_a_claim_too_and_may_not_contradict_the_exit_code() {
    let says = |line: &str, code: u8| {
        let script = format!("dial; ask; hear; echo talk; echo '{line}'; exit {code}");
        shell(&["--case", "c1.1"], &script)
    };
    let good = says(r#"{"outcome": "ok"}"#, 0);
    assert_eq!((&good["verdict"], &good["claim"]["outcome"]), (&"pass".into(), &"ok".into()));
    let torn = says(r#"{"outcome": "failed"}"#, 0);
    assert_eq!(torn["verdict"], "fail");
    assert!(note(&torn).contains("contradicts itself"), "{torn}");
}

#[test]
fn one_that_hangs_fails_and_is_gone_with_its_children_and_the_suite_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let script = format!(
        "[ $WIRELAB_CASE = toggle/c2.1 ] || exit 1; trap '' TERM; sleep 1000 & \
         echo $! $$ >{}; exec 3<>/dev/tcp/{{host}}/{{port}}; wait; wait",
        file.display()
    );
    let flags = ["--case", "c2.1", "--case", "c6.1", "--start", "500ms"];
    let timers = ["connect=100ms", "send=100ms", "recv=100ms"].map(|t| ["--timer", t]).concat();
    let ran = judged(&[&flags[..], &timers].concat(), &["bash", "-c", &script]);
    let [ref hung, ref next] = cases(&ran)[..] else { panic!("two: {ran:?}") };
    assert_eq!(hung["verdict"], "fail", "{hung}");
    assert!(note(hung).contains("did not end within"), "{hung}");
    assert_eq!(next["verdict"], "pass", "{next}");
    let pids = std::fs::read_to_string(&file).unwrap();
    assert_eq!(pids.split_whitespace().count(), 2);
    for pid in pids.split_whitespace() {
        let stat = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap().stdout;
        let stat = String::from_utf8(stat).unwrap();
        assert!(stat.trim().is_empty() || stat.trim().starts_with('Z'), "{pid} is still there");
    }
}

#[test]
fn one_that_comes_for_ever_is_not_waited_for() {
    let case = shell(&["--case", "c4.2"], "while :; do dial; done 2>/dev/null");
    assert_eq!(case["verdict"], "fail", "{case}");
    assert!(note(&case).contains("more than 200 times"), "{case}");
}

#[test]
fn one_that_only_fails_without_dialling_is_inconclusive() {
    let case = shell(&["--case", "c1.1"], "echo no such licence >&2; exit 7");
    assert_eq!(case["verdict"], "inconclusive", "{case}");
    assert!(case["actual"].as_str().unwrap().contains("code 7"), "{case}");
}

#[test]
fn suites_go_by_name() {
    let list = |flags: &[&str]| {
        let args = ["judge", "client", "--protocol", "toggle", "--list"];
        run(args.iter().chain(flags)).ok().out
    };
    let restart = list(&["--suite", "restart"]);
    assert!(restart.lines().count() >= 10, "{restart}");
    assert!(restart.lines().all(|line| line.contains(" restart ")), "{restart}");
    let fewer = list(&["--suite", "restart", "--suite", "loss", "--exclude", "c4.*"]);
    assert_eq!(fewer, restart);
    let ran = run(["judge", "client", "--protocol", "toggle", "--list", "--suite", "nope"]);
    assert!(ran.failed(2).contains("no suite `nope`; there are command"), "{ran:?}");
    let ran = run(["judge", "client", "--protocol", "toggle", "--timer", "t7=1s", "--", "x"]);
    assert!(ran.failed(2).contains("toggle has connect"), "{ran:?}");
}

/// Our own client, as patient as `recv` says.
fn ours(recv: &str, more: &[&str], flags: &[&str]) -> Ran {
    let this = wirelab().get_program().to_str().unwrap().to_owned();
    let at = ["--device-id", "D1", "--device-host", "{host}", "--device-port", "{port}"];
    let program = [&[&this, "toggle"][..], &at, &["--no-metrics", "--recv-timeout", recv], more];
    let timer = format!("recv={recv}");
    judged(&[flags, &["--timer", &timer]].concat(), &program.concat())
}

#[test]
fn our_own_client_fails_no_case_and_does_what_is_written_down() {
    for level in ["bare", "framed"] {
        let ran = ours("1s", &[], &["--jobs", "6", "--as", level]).ok();
        let seen = |case: &Value| {
            let text = |key: &str| case[key].as_str().unwrap().to_owned();
            format!("{:<13} {:<10} {}", text("id"), text("verdict"), text("brief"))
        };
        let cases = cases(&ran);
        let by_chance = |case: &&Value| CHANCE.iter().any(|id| case["id"] == **id);
        let seen: Vec<_> = cases.iter().filter(|case| !by_chance(case)).map(seen).collect();
        if level == "bare" {
            assert_eq!(seen, OBSERVED.lines().collect::<Vec<_>>());
        }
        let passed = ran.result()["counts"]["pass"].as_u64().unwrap();
        assert!(passed >= 90, "{level}: {passed} passed\n{}", seen.join("\n"));
    }
}

#[test]
fn the_pauses_of_our_own_client_are_told_as_what_they_are() {
    let flags = ["--case", "c4.8", "--attempts", "4"];
    let ran = ours("1s", &["--max-attempts", "4", "--json"], &flags).ok();
    let case = &cases(&ran)[0];
    assert_eq!((&case["verdict"], &case["claim"]["outcome"]), (&"pass".into(), &"failed".into()));
    let fit = &case["backoff"];
    assert_eq!((&fit["shape"], &fit["factor"]), (&"growing".into(), &2.0.into()), "{fit}");
    let base = fit["base_ms"].as_f64().unwrap();
    assert!((240.0..=400.0).contains(&base), "{fit}");
}
