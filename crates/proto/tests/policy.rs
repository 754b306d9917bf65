//! Every setting of a policy, with two values and two outcomes, seen from outside the machine.
use proto::{
    CloseReason, Delivery, Policy, RawPolicy, Span, Stage, Supervisor, Ticket, Time,
    resilience::{
        Connection, Happening, Note, Queueing, RawBackoff, RawBreaker, RawReconnect, Step, Timeout,
        WhenOpen,
    },
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
    /// Seems to take everything, and nothing arrives.
    Vanishing,
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
            Step::WatchAck(_) if wire == Wire::Vanishing => {}
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
fn an_adaptive_timeout_learns_and_a_fixed_one_does_not() {
    let ends = |timeout| {
        let raw = RawPolicy { timeout, recv_timeout: Span::millis(400), ..raw() };
        let silent = play(raw.clone(), Wire::Silent, 3);
        let at: Vec<_> = silent.iter().map(|end| end.at_ms).collect();
        at
    };
    assert_eq!(ends(Timeout::Fixed), [400, 800, 1200]);
    assert_eq!(ends(Timeout::Adaptive), [400, 400 + 800, 400 + 800 + 1600], "silence doubles it");
}

/// How often something was learnt of how long answers take, by a request whose first so many connections
/// end before the answer.
fn lessons(lost: u32) -> usize {
    let raw = RawPolicy { timeout: Timeout::Adaptive, max_attempts: 3, ..raw() };
    let mut supervisor = Supervisor::new(Lamp::default(), Policy::new::<Lamp>(raw).unwrap(), 1);
    let (mut now, mut attempts, mut lessons) = (Time::default(), 0, 0);
    supervisor.handle_input(now, Happening::Submit(Ticket(1), Toggle::new("D", true).unwrap()));
    loop {
        match supervisor.poll_output() {
            Step::Connect => supervisor.handle_input(now, Happening::Connected),
            Step::Transmit(_) => {
                attempts += 1;
                supervisor.handle_input(now, Happening::Written(Ticket(1)));
                now = now + std::time::Duration::from_millis(5);
                supervisor.handle_input(
                    now,
                    match attempts > lost {
                        true => Happening::Received(b"ACK"),
                        false => Happening::Closed(CloseReason::Peer),
                    },
                );
            }
            Step::Note(Note::Pulse(_)) => lessons += 1,
            Step::Done(_, attempts, end) => {
                assert_eq!((attempts, end.is_ok()), (lost + 1, true));
                return lessons;
            }
            Step::Wait(at) => {
                now = at.expect("it tries again");
                supervisor.handle_input(now, Happening::Timeout);
            }
            _ => {}
        }
    }
}

/// Karn's rule.
#[test]
fn of_what_was_sent_twice_nothing_is_learnt() {
    assert_eq!([lessons(0), lessons(1), lessons(2)], [1, 0, 0]);
}

/// What is told of one request before it is answered.
fn notes(raw: RawPolicy) -> Vec<Note> {
    let mut supervisor = Supervisor::new(Lamp::default(), Policy::new::<Lamp>(raw).unwrap(), 1);
    let now = Time::default();
    supervisor.handle_input(now, Happening::Submit(Ticket(1), Toggle::new("D", true).unwrap()));
    let mut notes = Vec::new();
    loop {
        match supervisor.poll_output() {
            Step::Connect => supervisor.handle_input(now, Happening::Connected),
            Step::Transmit(_) => supervisor.handle_input(now, Happening::Written(Ticket(1))),
            Step::WatchAck(ticket) => supervisor.handle_input(now, Happening::TcpAcked(ticket)),
            Step::Note(note) => notes.push(note),
            Step::Wait(_) => return notes,
            _ => {}
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn that_the_kernel_has_a_request_is_told_where_that_was_set() {
    for tell_acked in [true, false] {
        let acked = Note::Reached { ticket: Ticket(1), level: Delivery::TcpAcked };
        assert_eq!(notes(RawPolicy { tell_acked, ..raw() }).contains(&acked), tell_acked);
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

/// The kernel notices lost packets only after seconds, and keeps the connection until then.
#[cfg(target_os = "linux")]
#[test]
fn what_nobody_acknowledged_has_not_survived() {
    for ms in [30, 70] {
        let recv_timeout = Span::millis(ms);
        let raw = RawPolicy { survive: Span::millis(100), max_attempts: 2, recv_timeout, ..raw() };
        let end = one(RawPolicy { confirm: Some(Delivery::Survived), ..raw }, Wire::Vanishing);
        let twice_and_the_delay = 2 * (100 + u128::from(ms)) + 10;
        assert_eq!(end, failed(twice_and_the_delay, Stage::ReceiveTimeout, 2));
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

/// Ten requests one after the other to a refusing peer, under a breaker: how they end.
fn through_breaker(breaker: RawBreaker, when_open: WhenOpen) -> Vec<End> {
    let deadline = Some(Span::millis(50));
    let raw = RawPolicy { breaker: Some(breaker), when_open, deadline, ..raw() };
    play(raw, Wire::Refusing, 10)
}

#[test]
fn the_breakers_threshold_is_the_number_of_dials() {
    for threshold in [2, 3] {
        let breaker = RawBreaker { threshold, ..RawBreaker::default() };
        let ends = through_breaker(breaker, WhenOpen::Refuse);
        let refused = ends.iter().filter(|e| e.how == Err(Stage::Refused)).count();
        assert_eq!(refused, threshold as usize, "{ends:?}");
        assert_eq!(ends.last().unwrap().connections, threshold);
    }
}

#[test]
fn requests_are_refused_or_held_while_it_is_open() {
    let breaker = || RawBreaker { threshold: 1, ..RawBreaker::default() };
    for (when_open, stage, at_ms) in
        [(WhenOpen::Refuse, Stage::BreakerOpen, 0), (WhenOpen::Hold, Stage::Deadline, 50)]
    {
        let ends = through_breaker(breaker(), when_open);
        let others = &ends[1..];
        assert!(others.iter().all(|e| (e.how, e.at_ms) == (Err(stage), at_ms)), "{ends:?}");
    }
}

#[test]
fn only_the_latest_state_counts_if_so_set() {
    for (queueing, superseded) in [(Queueing::Ordered, 0), (Queueing::Latest, 4)] {
        let ends = play(RawPolicy { queueing, ..raw() }, Wire::Answering, 5);
        let stale = ends.iter().filter(|e| e.how == Err(Stage::Superseded)).count();
        assert_eq!(stale, superseded, "{ends:?}");
        assert_eq!(ends.last().unwrap().how, Ok(Delivery::Replied));
    }
}

#[test]
fn what_waits_too_long_unsent_goes_stale_when_set() {
    for (expire_after, expired) in [(None, 0), (Some(Span::millis(30)), 2)] {
        // The first keeps the connection busy for 100 ms.
        let ends = play(RawPolicy { expire_after, ..raw() }, Wire::Silent, 3);
        let stale: Vec<_> = ends.iter().filter(|e| e.how == Err(Stage::Expired)).collect();
        assert_eq!(stale.len(), expired, "{ends:?}");
        assert!(stale.iter().all(|e| e.at_ms == 30));
    }
}

#[test]
fn a_kept_connection_is_dialled_again_without_being_asked() {
    for (reconnect, dials) in [(None, 1), (Some(RawReconnect::default()), 2)] {
        let raw = RawPolicy { connection: Connection::Kept, reconnect, ..raw() };
        let policy = Policy::new::<Lamp>(raw).unwrap();
        let mut supervisor = Supervisor::new(Lamp::default(), policy, 1);
        let mut now = Time::default();
        let request = Toggle::new("D", true).unwrap();
        supervisor.handle_input(now, Happening::Submit(Ticket(1), request));
        supervisor.handle_input(now, Happening::Connected);
        supervisor.handle_input(now, Happening::Received(b"ACK"));
        supervisor.handle_input(now, Happening::Closed(proto::CloseReason::Peer));
        let mut connects = 0;
        loop {
            match supervisor.poll_output() {
                Step::Connect => connects += 1,
                Step::Wait(Some(at)) if connects < dials => {
                    now = at;
                    supervisor.handle_input(now, Happening::Timeout);
                }
                Step::Wait(at) => {
                    assert_eq!(at.is_some(), dials == 2);
                    break;
                }
                _ => {}
            }
        }
        assert_eq!(connects, dials);
        assert_eq!((50..=100).contains(&now.since_start().as_millis()), dials == 2, "{now:?}");
    }
    let per_request = RawPolicy { reconnect: Some(RawReconnect::default()), ..raw() };
    assert_eq!(Policy::new::<Lamp>(per_request).unwrap_err().key, "reconnect");
}
