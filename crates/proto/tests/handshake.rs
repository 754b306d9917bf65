//! A protocol whose connections are not ready as soon as they open: how long that may take, and that a
//! session that asks to be woken is.
use std::{sync::Arc, time::Duration};

use proto::{
    Answer, ConfigError, Delivery, Input, Never, Output, Policy, Protocol, RawPolicy, Session,
    Span, Stage, Supervisor, Ticket, Time,
    explain::Explanation,
    resilience::{Happening, Step},
    toggle::{Client, Device, Lamp, Quirk, Reply, Settings, Snapshot, Toggle},
};

/// A lamp whose client takes this long to become ready, or for ever.
struct Slow(Lamp, Option<Duration>);

struct Starting {
    client: Client,
    ready_at: Option<Time>,
    ready: Option<Output<Reply>>,
    woken: u32,
}

impl Session for Starting {
    type Request = Toggle;
    type Reply = Reply;
    fn handle_input(&mut self, now: Time, input: Input<'_, Toggle>) {
        if let Input::Timeout = input {
            self.woken += 1;
            assert_eq!((self.woken, Some(now)), (1, self.ready_at), "woken once, and then");
            self.ready_at = None;
        } else {
            self.client.handle_input(now, input);
        }
    }
    fn poll_output(&mut self) -> Output<Reply> {
        match (self.ready_at, self.woken, self.ready.is_some()) {
            (Some(at), _, _) => Output::Wait(Some(at)),
            (None, 1.., true) => self.ready.take().expect("it is"),
            (None, 0, _) => Output::Wait(None),
            (None, _, false) => self.client.poll_output(),
        }
    }
}

/// How one request ended, and when (ms).
fn play(slow: Option<u64>, ready_timeout: u64) -> (Result<Delivery, Stage>, u128) {
    let raw = RawPolicy {
        ready_timeout: Span::millis(ready_timeout),
        max_attempts: 1,
        ..RawPolicy::default()
    };
    let policy = Policy::new::<Slow>(raw).unwrap();
    let slow = Slow(Lamp::default(), slow.map(Duration::from_millis));
    let mut supervisor = Supervisor::new(slow, policy, 1);
    let (mut now, mut ready) = (Time::from_millis(5), false);
    let request = Toggle::new("D", true).unwrap();
    supervisor.handle_input(now, Happening::Submit(Ticket(1), request));
    loop {
        match supervisor.poll_output() {
            Step::Connect => supervisor.handle_input(now, Happening::Connected),
            Step::Ready(_) => ready = true,
            Step::Transmit(frame) => {
                assert!(ready, "no words before the handshake");
                supervisor.handle_input(now, Happening::Written(frame.ticket.unwrap()));
                supervisor.handle_input(now, Happening::Received(b"ACK"));
            }
            Step::Done(_, _, result) => {
                let how = result.map(|o| o.delivery).map_err(|e| e.stage);
                return (how, now.since_start().as_millis() - 5);
            }
            Step::Wait(at) => {
                now = at.expect("it has not ended");
                supervisor.handle_input(now, Happening::Timeout);
            }
            _ => {}
        }
    }
}

#[test]
fn a_connection_that_is_not_ready_in_time_is_given_up() {
    for ready_timeout in [30, 70] {
        let late = (Err(Stage::ReceiveTimeout), ready_timeout.into());
        assert_eq!(play(None, ready_timeout), late);
        assert_eq!(play(Some(100), ready_timeout), late);
    }
}

#[test]
fn a_session_is_woken_when_it_asks_to_be() {
    for ready_after in [10, 40] {
        assert_eq!(play(Some(ready_after), 70), (Ok(Delivery::Replied), ready_after.into()));
    }
}

impl Protocol for Slow {
    const NAME: &'static str = "slow";
    const PORT: u16 = 0;
    const ANSWERS: proto::session::Answers = proto::session::Answers::Unnamed;
    const CONFIRM: Delivery = Delivery::Replied;
    const HIGHEST: Delivery = Delivery::Applied;
    type Settings = Settings;
    type Request = Toggle;
    type Reply = Reply;
    type Prompt = Never;
    type Quirk = Quirk;
    type Snapshot = Snapshot;
    type Client = Starting;
    type Device = Device;
    fn new(settings: Settings) -> Result<Self, ConfigError> {
        Lamp::new(settings).map(|lamp| Self(lamp, None))
    }
    fn client(&self, now: Time) -> Starting {
        let mut client = self.0.client(now);
        let ready = Some(client.poll_output());
        Starting { client, ready_at: self.1.map(|slow| now + slow), ready, woken: 0 }
    }
    fn device(&self, now: Time) -> Device {
        self.0.device(now)
    }
    fn answer(reply: &Reply) -> Answer {
        Lamp::answer(reply)
    }
    fn device_id(request: &Toggle) -> Option<Arc<str>> {
        Lamp::device_id(request)
    }
    fn misbehave(&self, quirk: Quirk) {
        self.0.misbehave(quirk);
    }
    fn prompt(&self, _: Time, never: Never) -> Result<(), ConfigError> {
        match never {}
    }
    fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }
    fn extent(bytes: &[u8]) -> Option<u64> {
        Lamp::extent(bytes)
    }
    fn kind(_: &[u8]) -> &'static str {
        "word"
    }
    fn explain(bytes: &[u8]) -> Explanation {
        Lamp::explain(bytes)
    }
}
