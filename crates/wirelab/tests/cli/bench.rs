//! `wirelab bench`: both sides of every load, and their ratio.
use serde_json::Value;

use crate::support::*;

const SMALL: [&str; 7] = ["bench", "toggle", "--rounds", "1", "--commands", "50", "--json"];
const LOADS: [(&str, u64); 6] =
    [("new", 1), ("new", 10), ("new", 100), ("kept", 1), ("kept", 10), ("kept", 100)];

/// Every load is there, in numbers.
fn check(report: &Value) {
    assert_eq!(report["schema"], 1);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), LOADS.len());
    for (row, (connection, concurrent)) in rows.iter().zip(LOADS) {
        assert_eq!((&row["connection"], &row["rounds"]), (&connection.into(), &1.into()));
        assert_eq!(row["concurrent"], concurrent);
        assert_eq!(row["commands"], if concurrent == 1 { 50 } else { 200 });
        let number = |side: &str, key: &str| row[side][key].as_f64().expect("a number");
        for side in ["client", "floor"] {
            let keys = ["p50_us", "p95_us", "p99_us", "p999_us", "max_us"].map(|k| number(side, k));
            assert!(keys[0] > 0.0 && keys.is_sorted(), "{row}");
        }
        for (key, ratio) in
            [("p50_us", "p50_client_over_floor"), ("per_second", "per_second_client_over_floor")]
        {
            let wanted = number("client", key) / number("floor", key);
            assert!((row[ratio].as_f64().unwrap() - wanted).abs() < 1e-9, "{row}");
        }
    }
}

#[test]
fn every_load_is_measured_against_the_floor() {
    let ran = run(SMALL).ok();
    check(&ran.result());
    assert_eq!((&ran.result()["reference"], ran.err.as_str()), (&Value::Null, ""));
}

#[test]
fn somebody_elses_device_is_measured_too() {
    let mut device = device(&[]);
    let addr = device.addr.to_string();
    let ran = run([&SMALL[..], &["--reference", &addr]].concat()).ok();
    check(&ran.result());
    assert_eq!(ran.result()["reference"], addr);
    // Client and floor each sent every command. Later loads repeat the ids of earlier ones.
    let (memory, records) = device.show();
    let arrived = records.iter().filter(|r| r["event"] == "frame" && r["dir"] == "in").count();
    assert_eq!(arrived, 2 * 2 * (50 + 200 + 200));
    assert!(memory["devices"]["DEVICE123"]["applied"].as_u64().unwrap() > 400);
}

#[test]
fn a_device_that_does_not_answer_is_no_measurement() {
    let device = device(&["--mode", "reject"]);
    let addr = device.addr.to_string();
    let ran = run([&SMALL[..], &["--reference", &addr]].concat());
    assert!(ran.failed(3).contains("needs every command to succeed"), "{ran:?}");
}

#[test]
fn every_way_to_go_is_noticed_and_undone() {
    let report = run(["bench", "vkb", "--restart", "--rounds", "1", "--json"]).ok().result();
    let ways = report["ways"].as_array().unwrap();
    assert!(ways.iter().map(|way| way["way"].as_str().unwrap()).eq(["fin", "rst", "kill"]));
    for way in ways {
        // In how many milliseconds is the machine's affair, but it does take some.
        let took = |key: &str| way[key]["max"].as_f64().unwrap();
        assert!(took("noticed_ms") > 0.0 && took("told_again_ms") > 0.0, "{way}");
    }
    assert!(run(["bench", "toggle", "--restart"]).failed(2).contains("vkb"));
}

#[test]
fn there_is_no_benchmark_for_what_does_not_exist() {
    assert!(run(["bench", "banana"]).failed(2).contains("toggle"));
    assert_eq!(run(["bench", "toggle", "--rounds", "0"]).code, Some(2));
}

const FLEET: [&str; 8] = ["bench", "cync", "--devices", "50", "--rate", "100", "--for", "3s"];

fn fleet(pace: &str) -> Value {
    run([&FLEET[..], &["--json", "--pace", pace]].concat()).ok().result()
}

#[test]
fn fifty_bridges_do_all_that_is_confirmed_and_say_so_themselves() {
    let report = fleet("steady");
    let number = |key: &str| report[key].as_u64().unwrap_or_else(|| panic!("{key}: {report}"));
    let keys = ["schema", "devices", "commands", "observed", "false_confirmations", "repeated"];
    assert_eq!(keys.map(number), [1, 50, 300, 300, 0, 0], "{report}");
    assert_eq!(number("unconfirmed"), 0);
    let levels = report["levels"].as_array().unwrap();
    let names: Vec<_> = levels.iter().map(|row| row["level"].as_str().unwrap()).collect();
    assert_eq!(names, ["written", "tcp_acked", "replied", "applied", "observed"]);
    let mut before = 0.0;
    for row in levels {
        let ms = ["p50_ms", "p95_ms", "p99_ms", "max_ms"].map(|key| row[key].as_f64().unwrap());
        assert!(ms.is_sorted() && row["count"].as_u64() <= Some(300), "{row}");
        if row["level"] != "tcp_acked" {
            assert!(row["count"] == 300 && ms[0] > before, "{row} after {before}");
            before = ms[0];
        }
    }
    assert!(before >= 90.0, "three words of 30 ms each: {report}");
    if cfg!(target_os = "linux") {
        for side in ["controller", "bridges"] {
            assert!(report[side]["memory_kib_each"].is_number(), "{report}");
            assert!(report[side]["cpu_percent"].as_f64() > Some(0.0), "{report}");
        }
    }
}

/// Some answers take longer than is waited for: then the same command is told again, and done once.
#[test]
fn bridges_as_slow_as_those_of_a_home_are_waited_for() {
    let report = fleet("home");
    let keys = ["commands", "observed", "false_confirmations", "repeated"];
    assert_eq!(keys.map(|key| report[key].as_u64()), [300, 300, 0, 0].map(Some), "{report}");
    let observed = &report["levels"].as_array().unwrap()[4];
    assert!(observed["max_ms"].as_f64() > Some(1000.0), "{report}");
}

#[test]
fn what_a_fleet_cannot_have_is_refused() {
    let told = run(["bench", "cync", "--rounds", "3"]);
    assert!(told.failed(2).contains("no effect on cync"), "{told:?}");
    let told = run(["bench", "toggle", "--devices", "3"]);
    assert!(told.failed(2).contains("for cync alone"), "{told:?}");
    let told = run(["bench", "cync", "--rate", "100000", "--for", "1h"]);
    assert!(told.failed(2).contains("must make"), "{told:?}");
}
