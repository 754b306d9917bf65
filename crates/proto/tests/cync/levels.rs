//! How far a command must get, as the supervisor sees it: each level ends at its own evidence.
use proto::{
    Delivery, Input, Output, Policy, PolicyPatch, Protocol, Session, Supervisor, Ticket, Time,
    cync::{Cync, Device, Request},
    resilience::{Happening, Step},
};

use crate::pair::{ask, on, quiet};

/// How a request ended, and when: the level or what went wrong, and milliseconds after it was sent.
fn play(confirm: Option<Delivery>, quirk: &str, request: Request) -> (String, u64) {
    let cync = Cync::new(quiet()).unwrap();
    cync.misbehave(quirk.parse().unwrap());
    let patch = PolicyPatch { confirm, max_attempts: Some(1), ..PolicyPatch::default() };
    let policy = Policy::new::<Cync>(patch.over(cync.policy())).unwrap();
    let mut supervisor = Supervisor::new(cync.clone(), policy, 1);
    let mut now = Time::default();
    // It dials, and so begins when it is waited for.
    let mut device: Option<Device> = None;
    supervisor.handle_input(now, Happening::Submit(Ticket(1), request));
    let (mut sent, mut wake_at) = (now, None);
    for _ in 0..1000 {
        while let Some(device) = &mut device {
            match device.poll_output() {
                Output::Transmit(frame) => {
                    supervisor.handle_input(now, Happening::Received(&frame.bytes));
                }
                Output::Wait(at) => {
                    wake_at = at;
                    break;
                }
                _ => {}
            }
        }
        match supervisor.poll_output() {
            Step::Connect => {
                device = Some(cync.device(now));
                supervisor.handle_input(now, Happening::Connected);
            }
            Step::Transmit(frame) => {
                let device = device.as_mut().expect("it is connected");
                device.handle_input(now, Input::Received(&frame.bytes));
                if let Some(ticket) = frame.ticket {
                    sent = now;
                    supervisor.handle_input(now, Happening::Written(ticket));
                }
            }
            Step::Done(_, _, end) => {
                let end = end.map_or_else(|e| e.to_string(), |o| o.delivery.to_string());
                return (end, (now - sent).as_millis() as u64);
            }
            Step::Wait(at) => {
                let next = [at, wake_at].into_iter().flatten().min().expect("something is due");
                now = now.max(next);
                supervisor.handle_input(now, Happening::Timeout);
                if let Some(device) = &mut device {
                    device.handle_input(now, Input::Timeout);
                }
            }
            _ => {}
        }
    }
    panic!("it never ended");
}

#[test]
fn each_level_ends_at_its_own_evidence() {
    let rows = [
        (Some(Delivery::Written), "written", 0),
        (Some(Delivery::Replied), "replied", 30),
        (Some(Delivery::Applied), "applied", 60),
        (None, "applied", 60),
        (Some(Delivery::Observed), "observed", 90),
    ];
    for (confirm, end, ms) in rows {
        assert_eq!(play(confirm, "success", on()), (end.into(), ms), "{confirm:?}");
    }
}

#[test]
fn a_query_is_done_with_its_answer_and_not_with_its_acknowledgement() {
    let query = ask(r#"{ "query": {} }"#);
    assert_eq!(play(None, "success", query), ("applied".into(), 90));
    assert_eq!(play(Some(Delivery::Replied), "success", query), ("replied".into(), 30));
}

#[test]
fn what_is_missing_and_what_was_proved_is_said() {
    let observed = Some(Delivery::Observed);
    for (quirk, got) in [("no_result", "replied"), ("no_report", "applied")] {
        let (end, ms) = play(observed, quirk, on());
        let wanted =
            format!("receive_timeout after 1 attempt: no answer in time; it got as far as {got}");
        assert_eq!((end, ms), (wanted, 5000), "{quirk}");
    }
    let (mute, _) = play(observed, "mute", on());
    assert_eq!(mute, "receive_timeout after 1 attempt: no answer in time");
    let (no, ms) = play(observed, "nack", on());
    assert_eq!((no.as_str(), ms), ("nack after 1 attempt: refused with code 5", 30));
}

#[test]
fn a_level_without_its_first_sign_is_proved_by_a_later_one() {
    assert_eq!(play(Some(Delivery::Replied), "no_ack", on()), ("applied".into(), 60));
}
