//! Every setting of a policy, with two values and two outcomes, seen from outside the machine.
use proto::{
    Delivery, Policy, RawPolicy, Span, Stage, Supervisor, Ticket, Time,
    resilience::{Connection, Happening, RawBackoff, Step},
    toggle::{Lamp, Toggle},
};

/// How the far side behaves.
#[derive(Clone, Copy, PartialEq)]
enum Wire {
    /// Never answers a SYN.
    Deaf,
    Refusing,
    /// Connects, and takes no byte.
    Stuck,
    /// Takes everything, says nothing.
    Silent,
    Answering,
    /// Answers what is no answer.
    Babbling,
}

/// How one request ended: when (ms), how, after how many attempts and connections.
#[derive(Debug, PartialEq)]
struct End {
    at_ms: u128,
    how: Result<Delivery, Stage>,
    attempts: u32,
    connections: u32,
}

fn raw() -> RawPolicy {
    let backoff =
        RawBackoff { base: Span::millis(10), jitter: Span::millis(0), ..RawBackoff::default() };
    RawPolicy {
        connect_timeout: Span::millis(100),
        send_timeout: Span::millis(100),
        recv_timeout: Span::millis(100),
        max_attempts: 1,
        backoff,
        ..RawPolicy::default()
    }
}

/// Submits `count` requests at once and plays them to their ends.
fn play(raw: RawPolicy, wire: Wire, count: u64) -> Vec<End> {
    let policy = Policy::new::<Lamp>(raw).unwrap();
    let mut supervisor = Supervisor::new(Lamp::default(), policy, 1);
    let (mut now, mut connections, mut ends) = (Time::default(), 0, Vec::new());
    for n in 1..=count {
        let request = Toggle::new("D", true).unwrap();
        supervisor.handle_input(now, Happening::Submit(Ticket(n), request));
    }
    loop {
        match supervisor.poll_output() {
            Step::Connect => {
                connections += 1;
                match wire {
                    Wire::Deaf => {}
                    Wire::Refusing => {
                        let refused = Happening::ConnectFailed(Stage::Refused, "no".into());
                        supervisor.handle_input(now, refused);
                    }
                    _ => supervisor.handle_input(now, Happening::Connected),
                }
            }
            Step::Transmit(frame) if wire != Wire::Stuck => {
                supervisor.handle_input(now, Happening::Written(frame.ticket.unwrap()));
                match wire {
                    Wire::Answering => supervisor.handle_input(now, Happening::Received(b"ACK")),
                    Wire::Babbling => supervisor.handle_input(now, Happening::Received(b"HTTP")),
                    _ => {}
                }
            }
            Step::WatchAck(ticket) => supervisor.handle_input(now, Happening::TcpAcked(ticket)),
            Step::Done(_, attempts, result) => ends.push(End {
                at_ms: now.since_start().as_millis(),
                how: result.map(|o| o.delivery).map_err(|e| e.stage),
                attempts,
                connections,
            }),
            Step::Wait(None) => return ends,
            Step::Wait(Some(at)) => {
                now = at;
                supervisor.handle_input(now, Happening::Timeout);
            }
            _ => {}
        }
    }
}

fn one(raw: RawPolicy, wire: Wire) -> End {
    play(raw, wire, 1).remove(0)
}

fn failed(at_ms: u128, stage: Stage, attempts: u32) -> End {
    End { at_ms, how: Err(stage), attempts, connections: attempts }
}

#[test]
fn each_timeout_ends_its_own_stage_when_it_says() {
    for ms in [30, 70] {
        let span = Span::millis(ms);
        let at = u128::from(ms);
        let connect = RawPolicy { connect_timeout: span, ..raw() };
        assert_eq!(one(connect, Wire::Deaf), failed(at, Stage::ConnectTimeout, 1));
        let send = RawPolicy { send_timeout: span, ..raw() };
        assert_eq!(one(send, Wire::Stuck), failed(at, Stage::SendFailed, 1));
        let recv = RawPolicy { recv_timeout: span, ..raw() };
        assert_eq!(one(recv, Wire::Silent), failed(at, Stage::ReceiveTimeout, 1));
    }
}

#[test]
fn survival_is_waited_for_as_long_as_it_says() {
    for ms in [30, 70] {
        let survive = Span::millis(ms);
        let end =
            one(RawPolicy { survive, confirm: Some(Delivery::Survived), ..raw() }, Wire::Silent);
        assert_eq!((end.at_ms, end.how), (u128::from(ms), Ok(Delivery::Survived)));
    }
}

#[test]
fn the_deadline_bounds_the_whole_request() {
    for (ms, attempts) in [(50, 1), (150, 2)] {
        let deadline = Some(Span::millis(ms));
        let end = one(RawPolicy { deadline, max_attempts: 9, ..raw() }, Wire::Silent);
        assert_eq!(end, failed(u128::from(ms), Stage::Deadline, attempts));
    }
    // A delay that would pass the deadline is not slept.
    let deadline = Some(Span::millis(105));
    let end = one(RawPolicy { deadline, max_attempts: 9, ..raw() }, Wire::Silent);
    assert_eq!(end, failed(100, Stage::Deadline, 1));
}

#[test]
fn attempts_and_their_delays_are_those_set() {
    for (max_attempts, at_ms) in [(2, 10), (4, 70)] {
        let end = one(RawPolicy { max_attempts, ..raw() }, Wire::Refusing);
        assert_eq!(end, failed(at_ms, Stage::Refused, max_attempts));
    }
}

#[test]
fn only_the_listed_stages_are_retried() {
    for (retry_on, attempts) in [(vec![], 1), (vec![Stage::Malformed], 3)] {
        let end = one(RawPolicy { retry_on, max_attempts: 3, ..raw() }, Wire::Babbling);
        assert_eq!((end.how, end.attempts), (Err(Stage::Malformed), attempts));
    }
}

#[test]
fn what_may_have_arrived_is_retried_only_if_allowed() {
    for (retry_ambiguous, attempts) in [(true, 3), (false, 1)] {
        let policy = RawPolicy { retry_ambiguous, max_attempts: 3, ..raw() };
        assert_eq!(one(policy.clone(), Wire::Silent).attempts, attempts);
        assert_eq!(one(policy, Wire::Refusing).attempts, 3, "nothing was written");
    }
}

#[test]
fn the_level_asked_for_is_the_level_waited_for() {
    let end = |confirm| one(RawPolicy { confirm: Some(confirm), ..raw() }, Wire::Silent).how;
    assert_eq!(end(Delivery::Written), Ok(Delivery::Written));
    assert_eq!(end(Delivery::TcpAcked), Ok(Delivery::TcpAcked));
    assert_eq!(end(Delivery::Replied), Err(Stage::ReceiveTimeout));
    let answered =
        |confirm| one(RawPolicy { confirm: Some(confirm), ..raw() }, Wire::Answering).how;
    assert_eq!(answered(Delivery::Replied), Ok(Delivery::Replied));
    assert_eq!(answered(Delivery::Applied), Err(Stage::NotConfirmed), "ACK names no command");
}

#[test]
fn connections_are_kept_or_not_as_set() {
    for (connection, connections) in [(Connection::PerRequest, 5), (Connection::Kept, 1)] {
        let ends = play(RawPolicy { connection, ..raw() }, Wire::Answering, 5);
        assert!(ends.iter().all(|e| e.how == Ok(Delivery::Replied)), "{ends:?}");
        assert_eq!(ends.last().unwrap().connections, connections);
    }
}

#[test]
fn a_full_queue_refuses_at_once() {
    for queue in [2, 4] {
        let ends = play(RawPolicy { queue, ..raw() }, Wire::Deaf, 5);
        let full = ends.iter().filter(|e| e.how == Err(Stage::QueueFull)).count();
        assert_eq!(full, 5 - queue);
    }
}
