//! `wirelab sweep`, `wirelab swarm` and `wirelab run --fault`.
use serde_json::Value;

use crate::{scenario::Dir, support::*};

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).expect("one object")
}

#[test]
fn a_sweep_counts_each_lane_and_case() {
    let ran = run(["sweep", "--protocol", "vkb", "--case", "cut,corrupt"]).ok();
    assert!(ran.out.contains("carries 8 bytes up and 0 down"), "{ran:?}");
    assert!(ran.out.ends_with("\n17 passed, 0 failed, 0 inconclusive\n"), "{ran:?}");
    let swept = json(&run(["sweep", "--protocol", "vkb", "--lane", "up", "--json"]).ok());
    assert_eq!(swept["lines"].as_array().map(Vec::len), Some(6), "{swept}");
    assert_eq!(
        (&swept["lines"][3]["case"], &swept["lines"][3]["passed"]),
        (&"cut".into(), &9.into())
    );
}

#[test]
fn what_cannot_be_swept_is_refused() {
    run(["sweep"]).failed(2);
    assert!(run(["sweep", "--protocol", "telex"]).failed(2).contains("no protocol `telex`"));
    let cases = run(["sweep", "--protocol", "vkb", "--case", "cutt"]);
    assert!(cases.failed(2).contains("there is whole, dribble"), "{cases:?}");
    let guilty = run(["sweep", "a-planted-bug-is-convicted"]);
    assert!(guilty.failed(2).contains("does not pass unbroken"), "{guilty:?}");
}

#[test]
fn a_failure_is_replayed_by_the_command_it_prints() {
    let dir = Dir::new();
    let shipped = include_str!("../../../../scenarios/toggle/kept-connection.toml");
    let careless = shipped.replace("policy = { connection = \"kept\" }", "kind = \"careless\"");
    let file = dir.path().join(dir.write("kept-connection", &careless));
    let file = file.to_str().unwrap();
    let swarmed = run(["swarm", file, "--seeds", "50", "--json"]);
    assert_eq!(swarmed.code, Some(1), "{swarmed:?}");
    let replay = json(&swarmed)["failures"][0]["replay"].as_str().unwrap().to_owned();
    assert!(replay.starts_with("wirelab run ") && replay.contains(" --fault 'wire: "), "{replay}");
    let again = std::process::Command::new("sh")
        .arg("-c")
        .arg(replay.replacen("wirelab", env!("CARGO_BIN_EXE_wirelab"), 1))
        .current_dir(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.code() == Some(1) && said.contains("law 2"), "{said}");
}

#[test]
fn a_fault_may_be_added_to_a_run() {
    let dir = Dir::new();
    dir.run(&["happy-path", "--sim", "--fault", "wire: close byte=17 lane=up conn=1"]).ok();
    let late = dir.run(&["happy-path", "--sim", "--fault", "wire: close byte=1700"]);
    assert_eq!(late.code, Some(3), "it never struck: {late:?}");
    for (fault, says) in [
        ("close byte=17", "name the proxy first"),
        ("wire: clothe", "no fault `clothe`"),
        ("wife: close byte=17", "no proxy `wife`; there is wire"),
        ("wire: drop frame=akk", "no frame is called `akk`"),
    ] {
        let ran = dir.run(&["happy-path", "--sim", "--fault", fault]);
        assert!(ran.failed(2).contains(says), "{ran:?}");
    }
}
