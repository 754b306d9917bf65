use proto::Ticket;

use super::*;
use crate::record::{Metrics, Role, Sink, exposition, told::*};

fn told(mut metrics: Metrics, records: &[Record]) -> Metrics {
    records.iter().for_each(|record| metrics.take(record));
    metrics
}
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    metrics.value(&format!("tcp_comm_{series}"))
}
fn device(fact: Fact) -> Record {
    by("lamp", Role::Device, 0, Event::Fact { conn: 1, fact })
}
fn applied(ticket: u64) -> Record {
    device(Fact::Applied { ticket: Ticket(ticket), device_id: "D1".into(), state: "on".into() })
}

#[test]
fn an_answer_that_repeats_one_is_an_orphan() {
    let orphan = Event::Fact { conn: 1, fact: Fact::Orphan { ticket: T1 } };
    let mut story = happy();
    story.push(client(3300, frame(Dir::In, "ack", T1, 0)));
    story.push(client(3300, orphan));
    let metrics = told(Metrics::new(), &story);
    let acks = |outcome| {
        let labels = format!(r#"device_id="D1",ack_type="ack",outcome="{outcome}""#);
        value(&metrics, &format!("ack_received_total{{{labels}}}"))
    };
    assert_eq!(acks("matched"), Some(1.0));
    let nobodys = r#"ack_received_total{device_id="",ack_type="ack",outcome="orphaned"}"#;
    assert_eq!(acks("orphaned").or(value(&metrics, nobodys)), Some(1.0));
}

#[test]
fn what_was_tried_again_and_given_up_is_counted() {
    let story = [
        client(0, submitted(T1, "D1")),
        client(0, attempt(T1, 1)),
        client(10, failed(T1, 1, Stage::ReceiveTimeout, true)),
        client(20, attempt(T1, 2)),
        client(30, failed(T1, 2, Stage::ReceiveTimeout, false)),
        client(30, done(T1, Some(Stage::ReceiveTimeout))),
    ];
    let before = told(Metrics::new(), &story[..1]);
    assert_eq!(value(&before, r#"ack_timeout_total{device_id="D1"}"#), Some(0.0));
    let metrics = told(Metrics::new(), &story);
    for (series, wanted) in [
        (r#"ack_timeout_total{device_id="D1"}"#, 2.0),
        (r#"retry_attempts_total{device_id="D1",attempt_number="2"}"#, 1.0),
        (r#"message_abandoned_total{device_id="D1",reason="receive_timeout"}"#, 1.0),
    ] {
        assert_eq!(value(&metrics, series), Some(wanted), "{series}");
    }
}

#[test]
fn what_a_device_remembers_is_what_it_did_and_has_not_forgotten() {
    let duplicate = || device(Fact::Duplicate { ticket: Ticket(1), arrivals: 2 });
    let story = [
        applied(1),
        duplicate(),
        duplicate(),
        device(Fact::Forgot { ids: 1 }),
        applied(2),
        applied(3),
    ];
    let metrics = told(Metrics::for_device(), &story);
    let at = |name| value(&metrics, &format!(r#"{name}{{node="lamp"}}"#));
    assert_eq!(at("dedup_cache_size"), Some(2.0));
    assert_eq!(at("dedup_cache_hits_total"), Some(2.0));
    assert_eq!(at("dedup_cache_evictions_total"), Some(1.0));
    assert_eq!(at("idempotent_drop_total"), Some(2.0));
}

#[test]
fn patience_and_what_nobody_reads_are_shown() {
    let pulse = Pulse { srtt_us: 225_000, rttvar_us: 125_000, timeout_us: 725_000 };
    let intake = |what, depth| client(0, Event::Intake { what, depth });
    let (from, to) = (WhenFull::Block, WhenFull::DropOldest);
    let story = [
        client(0, Event::Pulse { pulse }),
        intake(QueueEvent::Put, 1),
        intake(QueueEvent::Full, 2),
        intake(QueueEvent::Dropped { why: Dropped::Timeout }, 2),
        intake(QueueEvent::Changed { from, to }, 2),
        intake(QueueEvent::Taken, 1),
    ];
    let metrics = told(Metrics::new(), &story);
    for (series, wanted) in [
        (r#"smoothed_rtt_seconds{node="toggler"}"#, 0.225),
        (r#"rtt_variation_seconds{node="toggler"}"#, 0.125),
        (r#"ack_timeout_seconds{node="toggler"}"#, 0.725),
        (r#"recv_queue_size{node="toggler"}"#, 1.0),
        (r#"queue_full_total{node="toggler"}"#, 1.0),
        (r#"queue_dropped_total{node="toggler",reason="timeout"}"#, 1.0),
        (r#"queue_policy_changes_total{node="toggler",from="block",to="drop_oldest"}"#, 1.0),
    ] {
        assert_eq!(value(&metrics, series), Some(wanted), "{series}");
    }
    assert_eq!(exposition::read(&metrics.text()), Ok(metrics.families()));
    let open = metrics.openmetrics();
    assert!(open.contains("tcp_comm_queue_full_total{node=\"toggler\"} 1"), "{open}");
}
