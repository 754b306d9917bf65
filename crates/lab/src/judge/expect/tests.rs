use proto::{CloseReason, Delivery, Stage};

use super::super::tape::*;
use super::*;

/// Holds `expect`, as a scenario file spells it, against a history.
fn judged(expect: &str, world: &str, tape: Tape) -> Judged {
    #[derive(serde::Deserialize)]
    struct File {
        expect: Expect,
    }
    let file: File = toml::from_str(&format!("[expect]\n{expect}")).unwrap();
    let evidence = Evidence { records: &tape.records(), slack: slack(world) };
    evidence.judge(&file.expect)
}

fn check(tape: &Tape, met: &[&str], unmet: &[&str]) {
    for expect in met {
        assert_eq!(judged(expect, "sim", tape.clone()), Ok(()), "{expect}");
    }
    for expect in unmet {
        let (text, _) = judged(expect, "sim", tape.clone()).expect_err(expect);
        assert!(!text.is_empty(), "{expect}");
    }
}

#[test]
fn outcomes() {
    let met = [
        r#"outcome = { client = "toggler", is = "ok" }"#,
        r#"outcome = { client = "toggler", is = "ok", delivery = "replied", attempts = 1 }"#,
        r#"outcome = { client = "toggler", is = "closed", times = 0 }"#,
    ];
    let unmet = [
        r#"outcome = { client = "toggler", is = "closed" }"#,
        r#"outcome = { client = "toggler", is = "ok", times = 2 }"#,
        r#"outcome = { client = "toggler", is = "ok", delivery = "applied" }"#,
        r#"outcome = { client = "toggler", is = "ok", attempts = 2 }"#,
        r#"outcome = { client = "nobody", is = "ok" }"#,
    ];
    check(&Tape::sound(), &met, &unmet);
    let mixed = Tape::sound().client(done(TICKET, failed(Stage::Reset), 2));
    let met = [r#"outcome = { client = "toggler", is = "reset", attempts = 2, times = 1 }"#];
    check(&mixed, &met, &[r#"outcome = { client = "toggler", is = "ok" }"#]);
}

#[test]
fn an_unmet_outcome_tells_what_was_seen_instead() {
    let expect = r#"outcome = { client = "toggler", is = "closed", attempts = 2 }"#;
    let (text, records) = judged(expect, "sim", Tape::sound()).unwrap_err();
    assert_eq!(text, "wanted closed in 2 attempts; toggler had 1 x ok (replied) in 1");
    assert_eq!(records, [11]);
}

#[test]
fn connections_and_frames() {
    let met = [
        r#"connections = { device = "lamp", count = 1 }"#,
        r#"frames = { node = "lamp", dir = "in", kind = "toggle", count = 1 }"#,
        r#"frames = { node = "lamp", dir = "out", kind = "toggle", count = 0 }"#,
        r#"frames = { node = "toggler", dir = "out", count = 1 }"#,
    ];
    let unmet = [
        r#"connections = { device = "lamp", count = 0 }"#,
        r#"frames = { node = "lamp", dir = "in", kind = "ack", count = 1 }"#,
        r#"frames = { node = "lamp", dir = "in", count = 2 }"#,
    ];
    check(&Tape::sound(), &met, &unmet);
}

#[test]
fn packets() {
    let met = [
        r#"packet = { node = "lamp", len = 30 }"#,
        r#"packet = { node = "lamp", prefix = "7b 22" }"#,
        r#"packet = { node = "lamp", payload = '"{msg_id}"}' }"#,
        r#"packet = { node = "lamp", prefix = "7b", payload = '"msg_id": "{msg_id}"}' }"#,
    ];
    let unmet = [
        r#"packet = { node = "lamp", nth = 2, len = 30 }"#,
        r#"packet = { node = "lamp", len = 31 }"#,
        r#"packet = { node = "lamp", prefix = "f0 0d" }"#,
        r#"packet = { node = "lamp", payload = "x" }"#,
        r#"packet = { node = "lamp", prefix = "7b", payload = '"{msg_id}"}' }"#,
        r#"packet = { node = "toggler", prefix = "41 43 4b 00 00" }"#,
    ];
    check(&Tape::sound(), &met, &unmet);
}

#[test]
fn bytes() {
    let chunk = |conn, bytes: &'static [u8]| Event::Received { conn, bytes: bytes.into() };
    let tape = Tape::default()
        .device(opened(1))
        .device(chunk(1, &[0xa5, 0x0d]))
        .device(opened(2))
        .device(chunk(2, &[7]))
        .device(chunk(1, &[0, 4]))
        .client(chunk(1, &[9]))
        .device(opened(3));
    let met = [
        r#"bytes = { device = "lamp", hex = "a5 0d 00 04" }"#,
        r#"bytes = { device = "lamp", conn = 2, hex = "07" }"#,
        r#"bytes = { device = "lamp", conn = 3, hex = "" }"#,
    ];
    let unmet = [
        r#"bytes = { device = "lamp", hex = "a5 0d 00" }"#,
        r#"bytes = { device = "lamp", hex = "a5 0d 00 04 00" }"#,
        r#"bytes = { device = "lamp", hex = "a5 0e 00 04" }"#,
        r#"bytes = { device = "lamp", conn = 4, hex = "" }"#,
    ];
    check(&tape, &met, &unmet);
    let (text, _) = judged(unmet[2], "sim", tape).unwrap_err();
    assert!(text.ends_with("after the first 1, wanted [0e 00 04], saw [0d 00 04]"), "{text}");
}

#[test]
fn same_bytes() {
    let twice = r#"same_bytes = { node = "lamp", kind = "toggle", count = 2 }"#;
    let same = Tape::sound().device(frame(2, Dir::In, "toggle", TICKET, WIRE));
    check(&same, &[twice], &[]);
    check(&Tape::sound(), &[], &[twice]);
    let other = Tape::sound().device(frame(2, Dir::In, "toggle", TICKET, "other"));
    check(&other, &[], &[twice]);
}

#[test]
fn applied_and_duplicates() {
    let met = [
        r#"applied = { device = "lamp", device_id = "D1", times = 1, state = "on" }"#,
        r#"applied = { device = "lamp", device_id = "D2", times = 0 }"#,
        r#"duplicates = { device = "lamp", count = 0 }"#,
    ];
    let unmet = [
        r#"applied = { device = "lamp", device_id = "D1", times = 0 }"#,
        r#"applied = { device = "lamp", device_id = "D1", times = 1, state = "off" }"#,
        r#"applied = { device = "lamp", device_id = "D2", times = 0, state = "on" }"#,
        r#"duplicates = { device = "lamp", count = 1 }"#,
    ];
    check(&Tape::sound(), &met, &unmet);
    let fact = Fact::Duplicate { ticket: TICKET, arrivals: 2 };
    let again = Tape::sound().device(Event::Fact { conn: 1, fact });
    check(&again, &[r#"duplicates = { device = "lamp", count = 1 }"#], &[]);
}

/// Two failed attempts at 1 s and 2 s, each followed by another 300 ms later.
fn gapped() -> Tape {
    let attempt = |attempt| Event::Attempt { ticket: TICKET, attempt };
    Tape::default()
        .client(attempt(1))
        .client(attempt_failed(1, Stage::Refused))
        .at(1000)
        .client(attempt(2))
        .at(1300)
        .client(attempt_failed(2, Stage::Refused))
        .at(2000)
        .client(attempt(3))
        .at(2300)
        .client(attempt_failed(3, Stage::Refused))
}

#[test]
fn gaps() {
    let met = [
        r#"gaps = { client = "toggler", between = [["250ms", "350ms"], ["300ms", "300ms"]] }"#,
        r#"gaps = { client = "toggler", between = [["300ms", "299ms"], ["300ms", "298ms"]] }"#,
    ];
    let unmet = [
        r#"gaps = { client = "toggler", between = [["250ms", "350ms"]] }"#,
        r#"gaps = { client = "toggler", between = [["0s", "1s"], ["301ms", "1s"]] }"#,
        r#"gaps = { client = "toggler", between = [["0s", "297ms"], ["0s", "1s"]] }"#,
    ];
    check(&gapped(), &met, &unmet);
}

#[test]
fn a_busy_machine_may_be_late_but_never_early() {
    let short = r#"gaps = { client = "toggler", between = [["0s", "10ms"], ["0s", "10ms"]] }"#;
    assert!(judged(short, "sim", gapped()).is_err());
    assert_eq!(judged(short, "tcp", gapped()), Ok(()));
    let long = r#"gaps = { client = "toggler", between = [["301ms", "1s"], ["0s", "1s"]] }"#;
    assert!(judged(long, "tcp", gapped()).is_err());
}

#[test]
fn elapsed() {
    let met = [
        r#"elapsed = { client = "toggler", min = "12ms", max = "12ms" }"#,
        r#"elapsed = { client = "toggler", max = "10ms" }"#,
    ];
    let unmet = [
        r#"elapsed = { client = "toggler", min = "13ms" }"#,
        r#"elapsed = { client = "toggler", max = "9ms" }"#,
        r#"elapsed = { client = "nobody", max = "1s" }"#,
    ];
    check(&Tape::sound(), &met, &unmet);
}

#[test]
fn closed() {
    let met = [
        r#"closed = { node = "lamp", reason = "peer" }"#,
        r#"closed = { node = "toggler", reason = "local" }"#,
    ];
    check(&Tape::sound(), &met, &[r#"closed = { node = "lamp", reason = "reset" }"#]);
    let late = CloseReason::TimedOut("answer".into());
    let late = Tape::sound().client(Event::Closed { conn: 2, reason: late });
    check(&late, &[r#"closed = { node = "toggler", reason = "timed_out" }"#], &[]);
}

#[test]
fn facts() {
    let malformed = |reason: &'static str| Event::Fact {
        conn: 1,
        fact: Fact::Malformed {
            reason: reason.into(),
            detail: String::new(),
            bytes: Default::default(),
        },
    };
    let tape = Tape::sound().device(malformed("magic")).device(malformed("length"));
    let met = [
        r#"fact = { node = "lamp", fact = "malformed" }"#,
        r#"fact = { node = "lamp", fact = "malformed", count = 2 }"#,
        r#"fact = { node = "lamp", fact = "malformed", reason = "magic", count = 1 }"#,
        r#"fact = { node = "lamp", fact = "quirk", name = "lie" }"#,
        r#"fact = { node = "lamp", fact = "orphan", count = 0 }"#,
    ];
    let unmet = [
        r#"fact = { node = "lamp", fact = "malformed", reason = "json" }"#,
        r#"fact = { node = "lamp", fact = "malformed", count = 1 }"#,
        r#"fact = { node = "lamp", fact = "quirk", name = "delay" }"#,
        r#"fact = { node = "toggler", fact = "malformed" }"#,
    ];
    check(&tape.device(quirk("lie")), &met, &unmet);
}

#[test]
fn metrics_are_compared_as_the_fold_reads_them() {
    let sent = Metric { series: "sent".into(), value: 1.0 };
    assert_eq!(metric(&sent, &|series| (series == "sent").then_some(1.0)), Ok(()));
    assert!(metric(&sent, &|_| Some(2.0)).unwrap_err().0.contains("it is 2"));
    assert!(metric(&sent, &|_| None).unwrap_err().0.contains("no such series"));
}

#[test]
fn metrics_count_the_record() {
    let ended =
        r#"metric = { series = 'tcp_comm_commands_total{device_id="",outcome="ok"}', value = 1 }"#;
    let twice =
        r#"metric = { series = 'tcp_comm_commands_total{device_id="",outcome="ok"}', value = 2 }"#;
    let absent = r#"metric = { series = 'tcp_comm_nonsense', value = 0 }"#;
    check(&Tape::sound(), &[ended], &[twice, absent]);
}

#[test]
fn levels_are_compared_exactly() {
    let applied = Tape::default().client(done(TICKET, ok(Delivery::Applied), 1));
    let exact = r#"outcome = { client = "toggler", is = "ok", delivery = "applied" }"#;
    let lower = r#"outcome = { client = "toggler", is = "ok", delivery = "replied" }"#;
    check(&applied, &[exact], &[lower]);
}

#[test]
fn quality_is_a_share_and_a_percentile() {
    let met = [
        r#"quality = { client = "toggler", ok = 1.0 }"#,
        r#"quality = { client = "toggler", ok = 1.0, p99 = "1h" }"#,
    ];
    let unmet = [
        r#"quality = { client = "toggler", ok = 1.0, requests = 2 }"#,
        r#"quality = { client = "nobody", ok = 0.0 }"#,
    ];
    check(&Tape::sound(), &met, &unmet);
    let half = Tape::sound().client(done(TICKET, failed(Stage::Reset), 2));
    let met = [r#"quality = { client = "toggler", ok = 0.5, requests = 2 }"#];
    check(&half, &met, &[r#"quality = { client = "toggler", ok = 0.51 }"#]);
}
