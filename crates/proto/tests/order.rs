//! What is on a connection at the same time, and what happens to a connection that one request gave up.
use proto::{
    Delivery, Policy, Protocol, RawPolicy, Span, Stage, Supervisor, Ticket, Time,
    resilience::{Connection, Happening, Note, RawBackoff, Step},
    testing::Named,
    toggle::{Lamp, Toggle},
};

struct Story<P: Protocol> {
    supervisor: Supervisor<P>,
    now: Time,
}

fn raw(connection: Connection) -> RawPolicy {
    let backoff =
        RawBackoff { base: Span::millis(50), jitter: Span::millis(0), ..RawBackoff::default() };
    RawPolicy {
        connection,
        backoff,
        send_timeout: Span::millis(100),
        recv_timeout: Span::millis(200),
        confirm: Some(Delivery::Applied),
        max_attempts: 1,
        ..RawPolicy::default()
    }
}

impl<P: Protocol<Request = Toggle>> Story<P> {
    fn new(protocol: P, raw: RawPolicy) -> Self {
        let policy = Policy::new::<P>(raw).unwrap();
        Self { supervisor: Supervisor::new(protocol, policy, 1), now: Time::default() }
    }
    /// Has as many requests as that, from 1 on, and a connection.
    fn asking(protocol: P, raw: RawPolicy, requests: u64) -> (Self, Vec<String>) {
        let mut story = Self::new(protocol, raw);
        let request = |n| Happening::Submit(Ticket(n), Toggle::new("D", true).unwrap());
        let dials: Vec<_> = (1..=requests).flat_map(|n| story.then(request(n))).collect();
        assert_eq!(dials, ["connect"]);
        let said = story.then(Happening::Connected);
        (story, said)
    }
    fn then(&mut self, happening: Happening<'_, Toggle>) -> Vec<String> {
        self.supervisor.handle_input(self.now, happening);
        let mut said = Vec::new();
        loop {
            said.push(match self.supervisor.poll_output() {
                Step::Connect => "connect".into(),
                Step::Disconnect(_) => "hang up".into(),
                Step::Transmit(frame) => format!("send {}", frame.ticket.unwrap().0),
                Step::Note(Note::AttemptFailed { stage, .. }) => format!("failed: {stage}"),
                Step::Done(ticket, _, result) => {
                    let end = result.map_or_else(|e| e.stage.to_string(), |_| "ok".into());
                    format!("{}: {end}", ticket.0)
                }
                Step::Wait(_) => return said,
                _ => continue,
            });
        }
    }
    fn written(&mut self, ticket: u64) {
        assert_eq!(self.then(Happening::Written(Ticket(ticket))), [""; 0]);
    }
    fn answered(&mut self, ticket: u64, opcode: &str) -> Vec<String> {
        let json = format!(r#"{{"opcode": "{opcode}", "msg_id": "{ticket:016x}"}}"#);
        let head = [0xf0, 0x0d, 1, 0, 0, 0, json.len() as u8];
        self.then(Happening::Received(&[&head, json.as_bytes()].concat()))
    }
    fn at(&mut self, ms: u64) -> Vec<String> {
        self.now = Time::from_millis(ms);
        self.then(Happening::Timeout)
    }
}

#[test]
fn answers_without_a_name_come_to_one_request_at_a_time() {
    let (mut story, said) = Story::asking(Lamp::default(), raw(Connection::Kept), 2);
    assert_eq!(said, ["send 1"]);
    story.written(1);
    assert_eq!(story.answered(1, "ack"), ["1: ok", "send 2"]);
}

#[test]
fn answers_with_a_name_come_to_many() {
    let named = Named(Lamp::default());
    let (mut story, said) = Story::asking(named, raw(Connection::Kept), 3);
    assert_eq!(said, ["send 1", "send 2", "send 3"]);
    (1..=3).for_each(|ticket| story.written(ticket));
    assert_eq!(story.answered(2, "ack"), ["2: ok"]);
    assert_eq!(story.answered(1, "nack"), ["failed: nack", "1: nack"], "the connection stays");
    assert_eq!(story.at(200), ["failed: receive_timeout", "3: receive_timeout"]);
}

#[test]
fn a_connection_for_each_request_is_for_one() {
    let named = Named(Lamp::default());
    let (mut story, said) = Story::asking(named, raw(Connection::PerRequest), 2);
    assert_eq!(said, ["send 1"]);
    story.written(1);
    let done = ["hang up", "failed: nack", "1: nack", "connect"];
    assert_eq!(story.answered(1, "nack"), done);
}

#[test]
fn a_kept_connection_survives_a_no() {
    let (mut story, _) = Story::asking(Lamp::default(), raw(Connection::Kept), 2);
    story.written(1);
    assert_eq!(story.answered(1, "nack"), ["failed: nack", "1: nack", "send 2"]);
}

#[test]
fn an_answer_that_may_still_come_takes_its_connection_with_it() {
    let (mut story, _) = Story::asking(Lamp::default(), raw(Connection::Kept), 1);
    story.written(1);
    assert_eq!(story.at(200), ["hang up", "failed: receive_timeout", "1: receive_timeout"]);
    // Half a request may be on the wire, whatever the answers are called.
    let (mut story, _) = Story::asking(Named(Lamp::default()), raw(Connection::Kept), 1);
    assert_eq!(story.at(100), ["hang up", "failed: send_failed", "1: send_failed"]);
}

/// What the deadline does to a request under way, and to its connection.
#[test]
fn the_deadline_ends_an_attempt_as_well() {
    let raw = RawPolicy { deadline: Some(Span::millis(20)), ..raw(Connection::Kept) };
    let (mut story, _) = Story::asking(Lamp::default(), raw.clone(), 1);
    story.written(1);
    assert_eq!(story.at(20), ["failed: deadline", "hang up", "1: deadline"]);
    let (mut story, _) = Story::asking(Named(Lamp::default()), raw.clone(), 1);
    story.written(1);
    assert_eq!(story.at(20), ["failed: deadline", "1: deadline"], "its answer will be known");
    let mut story = Story::new(Named(Lamp::default()), raw);
    let request = Toggle::new("D", true).unwrap();
    assert_eq!(story.then(Happening::Submit(Ticket(1), request)), ["connect"]);
    assert_eq!(story.at(20), ["failed: deadline", "hang up", "1: deadline"], "nobody else dials");
}

#[test]
fn between_two_attempts_the_deadline_ends_none() {
    let deadline = Some(Span::millis(60));
    let raw = RawPolicy { deadline, max_attempts: 2, ..raw(Connection::Kept) };
    let mut story = Story::new(Lamp::default(), raw);
    let request = |n| Happening::Submit(Ticket(n), Toggle::new("D", true).unwrap());
    assert_eq!(story.then(request(1)), ["connect"]);
    assert_eq!(story.then(request(2)), [""; 0]);
    let refused = || Happening::ConnectFailed(Stage::Refused, "no".into());
    assert_eq!(story.then(refused()), ["failed: refused"]);
    assert_eq!(story.at(50), ["connect"]);
    assert_eq!(story.at(60), ["failed: deadline", "hang up", "1: deadline", "2: deadline"]);
}
