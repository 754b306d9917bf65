//! Metrics of a command that is over before anybody can ask: served, lingering, or in a file.
use std::net::TcpListener;

use crate::support::*;

const SENT: &str = r#"tcp_comm_packet_sent_total{device_id="D1",outcome="success"}"#;

/// The URL of a toggle that is done and waits to be scraped.
fn lingering(device: &Device) -> (Running, String) {
    let flags = ["--metrics-port", "0", "--linger", "scraped"];
    let toggle = Running::start(&mut device.command(&flags));
    let url = url(&toggle.err.until("metrics stay on")).to_owned();
    (toggle, url)
}

#[test]
fn lingering_ends_with_the_first_scrape() {
    let device = device(&[]);
    let (mut toggle, url) = lingering(&device);
    let (_, ok) = get(&url.replace("/metrics", "/healthz"), None);
    assert_eq!(ok, "ok\n");
    let (none, _) = get(&url.replace("/metrics", "/elsewhere"), None);
    assert!(none.starts_with("http/1.1 404"), "{none}");
    let (head, body) = get(&url, None);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains(&format!("{SENT} 1.0\n")), "{body}");
    assert!(body.contains(r#"tcp_comm_packet_latency_seconds_count{device_id="D1"} 1.0"#));
    assert_eq!(toggle.wait().code(), Some(0));
}

#[test]
fn openmetrics_is_served_when_asked_for() {
    let device = device(&[]);
    let (mut toggle, url) = lingering(&device);
    let (head, body) = get(&url, Some("application/openmetrics-text;version=1.0.0"));
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    assert_eq!(toggle.wait().code(), Some(0));
}

#[test]
fn lingering_ends_with_its_time_and_says_if_nobody_came() {
    let device = device(&[]);
    let ran = device.toggle(&["--metrics-port", "0", "--linger", "20ms"]).ok();
    assert!(!ran.err.contains("warning"), "{ran:?}");
    let flags = ["--metrics-port", "0", "--linger", "scraped", "--linger-limit", "20ms"];
    let ran = device.toggle(&flags).ok();
    assert!(ran.err.contains("warning: nobody scraped"), "{ran:?}");
}

#[test]
fn lingering_can_be_interrupted_and_the_command_was_done() {
    let device = device(&[]);
    let (mut toggle, _) = lingering(&device);
    toggle.signal("TERM");
    assert_eq!(toggle.wait().code(), Some(0));
}

#[test]
fn a_failed_command_lingers_too_and_still_fails() {
    let device = device(&["--mode", "nack"]);
    let (mut toggle, url) = lingering(&device);
    let (_, body) = get(&url, None);
    assert!(body.contains(r#"tcp_comm_packet_recv_total{device_id="D1",outcome="nack"} 1.0"#));
    assert_eq!(toggle.wait().code(), Some(1));
}

#[test]
fn a_taken_metrics_port_is_only_a_warning() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut device = device(&[]);
    let ran = device.toggle(&["--metrics-port", &port, "--linger", "1h"]).ok();
    assert!(ran.err.starts_with(&format!("warning: no metrics on 127.0.0.1:{port}")), "{ran:?}");
    assert_eq!(device.show().0["devices"]["D1"]["applied"], 1);
}

#[test]
fn a_textfile_adds_up_over_runs() {
    let device = device(&[]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("toggler.prom");
    for runs in 1..=2 {
        device.toggle(&["--metrics-textfile", path.to_str().unwrap()]).ok();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&format!("{SENT} {runs}.0\n")), "{text}");
    }
    std::fs::write(&path, "something else\n").unwrap();
    let ran = device.toggle(&["--metrics-textfile", path.to_str().unwrap()]);
    assert!(ran.failed(3).contains("toggler.prom"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "something else\n");
}

#[test]
fn a_device_counts_as_well() {
    let device = device(&["--metrics-port", "0"]);
    let url = url(&device.running.err.until("metrics on")).to_owned();
    device.toggle(&[]).ok();
    let (_, body) = get(&url, None);
    assert!(
        body.contains(r#"tcp_comm_packet_recv_total{device_id="D1",outcome="success"} 1.0"#),
        "{body}"
    );
}
