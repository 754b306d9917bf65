//! `wirelab toggle`: what its settings do, asked of the device where it can know.
use serde_json::Value;

use crate::support::*;

#[test]
fn the_device_applies_what_was_asked() {
    let mut device = device(&[]);
    for (state, on) in [("on", true), ("OFF", false), ("True", true), ("0", false)] {
        device.toggle(&["--state", state]).ok();
        let (memory, _) = device.show();
        assert_eq!(memory["devices"]["D1"]["state"], on, "{state}");
    }
}

#[test]
fn the_environment_says_what_flags_do_not() {
    let mut device = device(&[]);
    let mut command = wirelab();
    command.arg("toggle").env("DEVICE_ID", "ENV").env("DEVICE_HOST", "localhost");
    command.env("DEVICE_PORT", device.addr.port().to_string()).env("STATE", "off");
    command.env("METRICS_PORT", "0").env("LOG_LEVEL", "error");
    let ran = finish(&mut command).ok();
    assert_eq!(ran.out, "");
    assert!(ran.err.starts_with("metrics on http://127.0.0.1:"), "{ran:?}");
    assert_eq!(device.show().0["devices"]["ENV"]["state"], false);
    finish(command.args(["--state", "on"])).ok();
    assert_eq!(device.show().0["devices"]["ENV"]["state"], true);
}

#[test]
fn the_result_has_its_keys_in_their_order() {
    let device = device(&["--answer", "framed"]);
    let ran = device.toggle(&["--json"]).ok();
    let keys = [
        "device_id",
        "state",
        "outcome",
        "stage",
        "delivery",
        "attempts",
        "elapsed_ms",
        "msg_id",
        "detail",
        "schema",
    ];
    let places: Vec<_> = keys.map(|key| ran.out.find(&format!("\"{key}\":")).expect(key)).into();
    assert!(places.is_sorted(), "{}", ran.out);
    let result = ran.result();
    assert_eq!(result.as_object().unwrap().len(), keys.len());
    assert_eq!(result["outcome"], "ok");
    assert_eq!(result["delivery"], "applied");
    assert!(device.running.out.until("\"applied\"").contains(result["msg_id"].as_str().unwrap()));
    assert!(ran.err.contains("\"event\":\"tcp_packet\""), "the log is on stderr: {ran:?}");
    assert!(ran.err.lines().last().unwrap().starts_with("ok: D1 on: applied after 1 attempt"));
}

#[test]
fn the_packet_log_has_its_keys_in_their_order_and_a_line_for_each_packet() {
    let device = device(&["--mode", "timeout"]);
    let ran = device.toggle(&["--recv-timeout", "50ms"]);
    assert_eq!(ran.code, Some(1));
    let packets = ran.packets();
    let fates: Vec<_> = packets
        .iter()
        .map(|p| (p["direction"].as_str().unwrap(), p["outcome"].as_str().unwrap()))
        .collect();
    let attempt = [("send", "success"), ("recv", "timeout")];
    assert_eq!(fates, [attempt, attempt].concat());
    let sent = ran.out.lines().find(|line| line.contains("\"send\"")).unwrap();
    let keys = [
        "ts",
        "level",
        "module",
        "line",
        "message",
        "event",
        "direction",
        "msg_id",
        "device_id",
        "raw_packet_hex",
        "elapsed_ms",
        "outcome",
    ];
    let places: Vec<_> = keys.map(|key| sent.find(&format!("\"{key}\":")).expect(key)).into();
    assert!(places[0] == 1 && places.is_sorted(), "{sent}");
    assert_eq!(packets[0]["msg_id"], packets[2]["msg_id"], "a retry is the same command");
    assert_eq!(packets[0]["raw_packet_hex"], packets[2]["raw_packet_hex"]);
}

#[test]
fn a_retry_mends_a_rejected_connection() {
    let mut device = device(&["--reject-next", "1"]);
    let result = device.toggle(&["--json"]).ok().result();
    assert_eq!(result["attempts"], 2);
    let (memory, records) = device.show();
    assert_eq!(Device::count(&records, "opened"), 2);
    assert_eq!(memory["devices"]["D1"]["applied"], 1);
}

#[test]
fn attempts_are_limited_and_what_to_retry_can_be_said() {
    let nacking = device(&["--mode", "nack"]);
    let attempts = |device: &Device, flags: &[&str]| -> Value {
        let flags = [&["--json", "--recv-timeout", "50ms"], flags].concat();
        device.toggle(&flags).result()["attempts"].clone()
    };
    assert_eq!(attempts(&nacking, &[]), 1);
    assert_eq!(attempts(&nacking, &["--retry-on", "nack,malformed"]), 2);
    let mute = device(&["--mode", "timeout"]);
    assert_eq!(attempts(&mute, &[]), 2);
    assert_eq!(attempts(&mute, &["--max-attempts", "3"]), 3);
    assert_eq!(attempts(&mute, &["--retry-ambiguous", "never"]), 1);
}

#[test]
fn patience_decides_whether_a_slow_answer_counts() {
    let device = device(&["--mode", "delay", "--delay", "0.2"]);
    device.toggle(&["--recv-timeout", "20s"]).ok();
    let ran = device.toggle(&["--recv-timeout", "20ms", "--max-attempts", "1"]);
    assert_eq!(ran.code, Some(1));
    device.toggle(&["--recv-timeout", "20ms", "--confirm", "written"]).ok();
}

#[test]
fn a_dry_run_shows_the_very_bytes_the_seed_will_send() {
    let device = device(&[]);
    let dry = run(["toggle", "--device-id", "D1", "--dry-run", "--seed", "7"]).ok();
    let other = run(["toggle", "--device-id", "D1", "--dry-run", "--seed", "8"]).ok();
    assert_ne!(dry.out, other.out);
    device.toggle(&["--seed", "7"]).ok();
    let arrived = device.running.out.until("\"dir\":\"in\"");
    assert!(arrived.contains(dry.out.trim()), "{arrived}");
    assert_eq!(dry.out.split_whitespace().count(), 91);
}

#[test]
fn without_a_seed_no_two_commands_share_an_id() {
    let ids = || {
        run(["toggle", "--device-id", "D1", "--dry-run", "--json"]).ok().result()["msg_id"].clone()
    };
    assert_ne!(ids(), ids());
}
