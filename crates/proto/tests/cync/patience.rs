//! How long to wait for a bridge that is as uneven as those of a captured home: no one time is right.
use std::time::Duration;

use proto::{
    Delivery, Input, Output, Policy, PolicyPatch, Protocol, Session, Span, Supervisor, Ticket,
    Time,
    cync::{Cync, Device, Pace, Settings},
    resilience::{Happening, LONGEST, Note, SHORTEST, Step, Timeout},
};

use crate::pair::{on, quiet};

const COMMANDS: u64 = 1000;

/// What came of a thousand commands, one every ten seconds.
#[derive(Debug, Default)]
struct Came {
    failed: u64,
    /// Attempts that nothing answered in time.
    in_vain: u64,
    timeouts: Vec<Duration>,
}

/// A controller asks a bridge of a captured home, whose median is 86 ms.
fn ask_often(patch: PolicyPatch) -> Came {
    let latency = Span::millis(86);
    let cync = Cync::new(Settings { latency, pace: Pace::Home, seed: 7, ..quiet() }).unwrap();
    let confirm = Some(Delivery::Replied);
    let policy = Policy::new::<Cync>(PolicyPatch { confirm, ..patch }.over(cync.policy())).unwrap();
    let mut supervisor = Supervisor::new(cync.clone(), policy, 1);
    let (mut now, mut wake_at, mut device) = (Time::default(), None, None::<Device>);
    let mut came = Came::default();
    let mut asked = 0;
    let mut ask_at = now;
    loop {
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
                    supervisor.handle_input(now, Happening::Written(ticket));
                }
            }
            Step::Done(_, _, end) => {
                came.failed += u64::from(end.is_err());
                if asked == COMMANDS {
                    return came;
                }
            }
            Step::Note(Note::AttemptFailed { .. }) => came.in_vain += 1,
            Step::Note(Note::Pulse(pulse)) => {
                came.timeouts.push(Duration::from_micros(pulse.timeout_us));
            }
            Step::Wait(at) => {
                let ask = Some(ask_at).filter(|_| asked < COMMANDS);
                now = now.max([at, wake_at, ask].into_iter().flatten().min().unwrap());
                if ask.is_some_and(|at| at <= now) {
                    asked += 1;
                    ask_at = now + Duration::from_secs(10);
                    supervisor.handle_input(now, Happening::Submit(Ticket(asked), on()));
                }
                supervisor.handle_input(now, Happening::Timeout);
                if let Some(device) = &mut device {
                    device.handle_input(now, Input::Timeout);
                }
            }
            _ => {}
        }
    }
}

fn patch(timeout: Timeout, recv_timeout: u64, attempts: u32) -> PolicyPatch {
    PolicyPatch {
        timeout: Some(timeout),
        recv_timeout: Some(Span::millis(recv_timeout)),
        max_attempts: Some(attempts),
        ..PolicyPatch::default()
    }
}

/// 128 ms is two and a half times the 51 ms that five samples of malformed frames once gave.
#[test]
fn a_fixed_128_ms_fails_a_third_of_real_commands_and_an_adaptive_time_does_not() {
    let fixed = ask_often(patch(Timeout::Fixed, 128, 1));
    assert!(fixed.failed > COMMANDS / 3, "{fixed:?}");
    let adaptive = ask_often(patch(Timeout::Adaptive, 128, 1));
    assert!(adaptive.failed < COMMANDS / 10, "{} failed", adaptive.failed);
}

#[test]
fn with_three_attempts_an_adaptive_time_loses_nothing_and_asks_little_twice() {
    let fixed = ask_often(patch(Timeout::Fixed, 128, 3));
    let adaptive = ask_often(patch(Timeout::Adaptive, 128, 3));
    assert_eq!(adaptive.failed, 0);
    assert!(adaptive.in_vain * 4 < fixed.in_vain, "{} {}", adaptive.in_vain, fixed.in_vain);
}

#[test]
fn an_adaptive_time_keeps_its_limits_and_a_fixed_one_is_not_told_of() {
    let came = ask_often(patch(Timeout::Adaptive, 1500, 3));
    assert!(came.timeouts.len() as u64 > COMMANDS / 2);
    assert!(came.timeouts.iter().all(|time| (SHORTEST..=LONGEST).contains(time)));
    assert_eq!(ask_often(patch(Timeout::Fixed, 1500, 3)).timeouts, []);
}
