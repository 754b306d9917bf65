//! Random histories against the supervisor: whatever the wire does, and in whatever order, every
//! request is answered exactly once, and nothing is asked of a connection that is not there.
use std::{collections::BTreeMap, time::Duration};

use proto::{
    CloseReason, Delivery, Input, Output, Policy, Protocol, RawPolicy, Session, Span, Stage,
    Supervisor, Ticket, Time,
    resilience::{
        BreakerConfig, BreakerEvent, BreakerState, Connection, Happening, Note, Queueing,
        RawBackoff, RawBreaker, RawReconnect, Step, Timeout, WhenOpen,
    },
    rng::Rng,
    toggle::{Device, Lamp, Toggle},
};

const HISTORIES: u64 = 20_000;
const OPERATIONS: u64 = 300;
/// More outputs than this for one input is a storm.
const STORM: usize = 2_000;

struct History {
    rng: Rng,
    now: Time,
    supervisor: Supervisor<Lamp>,
    lamp: Lamp,
    link: Link,
    /// Attempts seen so far of every request that was submitted, and its ends.
    requests: BTreeMap<Ticket, (u32, u32)>,
    max_attempts: u32,
    breaker: BreakerState,
    /// It must be told to stop before it comes to rest.
    restless: bool,
    wake_at: Option<Time>,
}

enum Link {
    Down,
    Connecting,
    Up { device: Box<Device>, wire: Vec<u8>, unwritten: Vec<Ticket> },
}

fn policy(rng: &mut Rng) -> RawPolicy {
    let ms = |rng: &mut Rng, most: u64| Span::millis(1 + rng.below(most));
    let mut pick = |n| rng.below(n) as usize;
    let connection = [Connection::PerRequest, Connection::Kept][pick(2)];
    let levels = [Delivery::Written, Delivery::TcpAcked, Delivery::Survived, Delivery::Replied];
    let confirm = [None, Some(levels[pick(4)]), Some(Delivery::Applied)][pick(3)];
    let retry_on = if pick(3) == 0 { Stage::ALL.to_vec() } else { RawPolicy::default().retry_on };
    RawPolicy {
        connect_timeout: ms(rng, 60),
        ready_timeout: ms(rng, 60),
        send_timeout: ms(rng, 60),
        recv_timeout: ms(rng, 60),
        timeout: [Timeout::Fixed, Timeout::Adaptive][rng.below(2) as usize],
        survive: ms(rng, 40),
        deadline: (rng.below(2) == 0).then(|| ms(rng, 300)),
        max_attempts: 1 + rng.below(4) as u32,
        backoff: RawBackoff { base: ms(rng, 20), jitter: ms(rng, 10), ..RawBackoff::default() },
        retry_on,
        retry_ambiguous: rng.below(4) > 0,
        confirm,
        tell_acked: rng.below(2) == 0,
        connection,
        queue: 1 + rng.below(20) as usize,
        queueing: [Queueing::Ordered, Queueing::Latest][rng.below(2) as usize],
        expire_after: (rng.below(4) == 0).then(|| ms(rng, 100)),
        reconnect: (connection == Connection::Kept && rng.below(2) == 0)
            .then(|| RawReconnect { min: ms(rng, 10), ..RawReconnect::default() }),
        breaker: (rng.below(2) == 0).then(|| breaker(rng)),
        when_open: [WhenOpen::Refuse, WhenOpen::Hold][rng.below(2) as usize],
    }
}

fn breaker(rng: &mut Rng) -> RawBreaker {
    RawBreaker {
        threshold: 1 + rng.below(4) as u32,
        open_for: Span::millis(1 + rng.below(100)),
        probes: 1 + rng.below(2) as u32,
        close_after: 1 + rng.below(2) as u32,
        ..RawBreaker::default()
    }
}

impl History {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, &[]);
        let raw = policy(&mut rng);
        let max_attempts = raw.max_attempts;
        let restless = raw.reconnect.is_some() || raw.breaker.is_some();
        let supervisor = Supervisor::new(Lamp::default(), Policy::new::<Lamp>(raw).unwrap(), seed);
        let quirks =
            ["success", "delay 30ms", "timeout x2", "disconnect x1", "nack x1", "garbage x1"];
        let lamp = Lamp::default();
        lamp.misbehave(quirks[rng.below(6) as usize].parse().unwrap());
        Self {
            rng,
            now: Time::default(),
            supervisor,
            lamp,
            link: Link::Down,
            requests: BTreeMap::new(),
            max_attempts,
            breaker: BreakerState::Closed,
            restless,
            wake_at: None,
        }
    }

    fn tell(&mut self, happening: Happening<'_, Toggle>) {
        self.supervisor.handle_input(self.now, happening);
        for outputs in 0.. {
            assert!(outputs < STORM, "an output storm at {:?}", self.now);
            match self.supervisor.poll_output() {
                Step::Connect => {
                    assert!(matches!(self.link, Link::Down), "two connections at once");
                    let blocked = [BreakerState::Open, BreakerState::Isolated];
                    assert!(!blocked.contains(&self.breaker), "dialled past an open breaker");
                    self.link = Link::Connecting;
                }
                Step::Disconnect(_) => {
                    assert!(!matches!(self.link, Link::Down), "closed what was closed");
                    self.link = Link::Down;
                }
                Step::Transmit(frame) => match &mut self.link {
                    Link::Up { wire, unwritten, .. } => {
                        wire.extend_from_slice(&frame.bytes);
                        unwritten.extend(frame.ticket);
                    }
                    Link::Down | Link::Connecting => panic!("spoke while down"),
                },
                Step::Note(Note::Attempt { ticket, attempt }) => {
                    let (attempts, _) = self.requests.get_mut(&ticket).expect("it was submitted");
                    *attempts += 1;
                    assert_eq!(attempt, *attempts, "attempts are counted one by one");
                    assert!(attempt <= self.max_attempts);
                }
                Step::Note(Note::AttemptFailed { retry_at, .. }) => {
                    assert!(retry_at.is_none_or(|at| at >= self.now));
                }
                Step::Done(ticket, attempts, result) => {
                    let (seen, ends) = self.requests.get_mut(&ticket).expect("it was submitted");
                    *ends += 1;
                    assert_eq!((attempts, 1), (*seen, *ends), "{ticket:?}");
                    assert!(result.is_err() || attempts > 0, "ok without an attempt");
                    let open = self.requests.values().filter(|(_, ends)| *ends == 0).count();
                    assert!(open <= 20, "more in hand than the queue may hold");
                }
                Step::Finish | Step::WatchAck(_) | Step::Received(_) | Step::Ready(_) => {}
                Step::Fact(_) | Step::Push(_) | Step::Unsent(..) => {}
                Step::Note(Note::Proved(_) | Note::Resent { .. }) => {
                    assert!(matches!(self.link, Link::Up { .. }), "proved what was not there");
                }
                Step::Note(Note::Reached { ticket, .. }) => {
                    assert_eq!(self.requests[&ticket].1, 0, "it has ended");
                }
                Step::Note(Note::Pulse(pulse)) => {
                    assert!((100_000..=5_000_000).contains(&pulse.timeout_us), "{pulse:?}");
                }
                Step::Note(Note::Lost { redial_at, .. }) => assert!(redial_at > self.now),
                Step::Breaker(BreakerEvent::Counted { .. }) => {}
                Step::Breaker(BreakerEvent::Changed { from, to, .. }) => {
                    assert_eq!(self.breaker, from);
                    self.breaker = to;
                }
                Step::Wait(at) => {
                    self.wake_at = at;
                    return;
                }
            }
        }
    }

    fn operate(&mut self, submitting: bool) {
        match self.rng.below(13) {
            0 | 1 if submitting => {
                let ticket = Ticket(self.rng.next_u64());
                self.requests.insert(ticket, (0, 0));
                self.tell(Happening::Submit(ticket, Toggle::new("D", true).unwrap()));
            }
            // News of a connection that was given up in the meantime.
            2 if !matches!(self.link, Link::Connecting) => self.tell(Happening::Connected),
            3 if matches!(self.link, Link::Connecting) => {
                self.link = Link::Down;
                let stage = [Stage::Refused, Stage::Unreachable][self.rng.below(2) as usize];
                self.tell(Happening::ConnectFailed(stage, "no".into()));
            }
            4 if matches!(self.link, Link::Connecting) => self.connected(),
            5 if matches!(self.link, Link::Up { .. }) && self.rng.below(4) == 0 => {
                self.link = Link::Down;
                let reasons = [CloseReason::Peer, CloseReason::Reset];
                let reason = reasons[self.rng.below(2) as usize].clone();
                self.tell(Happening::Closed(reason));
            }
            6 if self.rng.below(8) == 0 => self.tell(Happening::Eof),
            7 => {
                // An acknowledgement for anybody, late ones included.
                if let Some(ticket) = self.requests.keys().next_back().copied() {
                    self.tell(Happening::TcpAcked(ticket));
                    self.tell(Happening::Written(ticket));
                }
            }
            12 if self.rng.below(8) == 0 => self.meddle(),
            8..=10 => self.carry(),
            _ => self.wait(),
        }
    }

    /// A person interferes.
    fn meddle(&mut self) {
        let config = BreakerConfig::new(breaker(&mut self.rng)).unwrap();
        let happening = match self.rng.below(7) {
            0 => Happening::Start,
            1 => Happening::Pause,
            2 | 3 => Happening::Resume,
            4 => Happening::Moved,
            5 if self.rng.below(4) == 0 => Happening::Isolate,
            5 => Happening::Reset,
            _ => Happening::Reconfigure(config),
        };
        // What was paused or isolated stays so until somebody says otherwise.
        self.restless |= matches!(happening, Happening::Pause | Happening::Isolate);
        self.tell(happening);
    }

    fn connected(&mut self) {
        let device = Box::new(self.lamp.device(self.now));
        self.link = Link::Up { device, wire: Vec::new(), unwritten: Vec::new() };
        self.tell(Happening::Connected);
    }

    /// The wire carries some bytes, and whatever the device says to them comes back.
    fn carry(&mut self) {
        let Link::Up { device, wire, unwritten } = &mut self.link else { return };
        let written: Vec<Ticket> = std::mem::take(unwritten);
        let n = self.rng.below(wire.len() as u64 + 1) as usize;
        let part: Vec<u8> = wire.drain(..n).collect();
        device.handle_input(
            self.now,
            if part.is_empty() { Input::Timeout } else { Input::Received(&part) },
        );
        let mut back = Vec::new();
        let closed = loop {
            match device.poll_output() {
                Output::Transmit(frame) => back.extend_from_slice(&frame.bytes),
                Output::Close(_) => break true,
                Output::Wait(_) => break false,
                _ => {}
            }
        };
        for ticket in written {
            self.tell(Happening::Written(ticket));
        }
        if !back.is_empty() {
            self.tell(Happening::Received(&back));
        }
        if closed && matches!(self.link, Link::Up { .. }) {
            self.tell(Happening::Eof);
        }
    }

    fn wait(&mut self) {
        let step = Duration::from_millis(self.rng.below(20));
        self.now = match self.wake_at {
            Some(at) if self.rng.below(2) == 0 => self.now.max(at),
            _ => self.now + step,
        };
        self.tell(Happening::Timeout);
    }

    /// Nobody asks anything any more, and nobody answers: it must come to rest by itself.
    fn settle(&mut self) {
        for _ in 0..STORM {
            let Some(at) = self.wake_at else { return };
            assert!(at >= self.now || self.requests.values().any(|(_, ends)| *ends == 0));
            self.now = self.now.max(at);
            let before = self.now;
            self.tell(Happening::Timeout);
            assert!(self.wake_at != Some(before), "woken at {before:?} for nothing");
        }
        panic!("it never came to rest");
    }
}

#[test]
fn every_request_is_answered_exactly_once() {
    for seed in 0..HISTORIES {
        let mut history = History::new(seed);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for n in 0..OPERATIONS {
                history.operate(n < OPERATIONS * 3 / 4);
            }
            if seed % 2 == 0 || history.restless {
                history.tell(Happening::Shutdown);
                assert_eq!(history.wake_at, None, "nothing to wait for after the end");
            }
            history.settle();
            let open = history.requests.values().filter(|(_, ends)| *ends != 1).count();
            assert_eq!(open, 0, "requests without an end");
        }));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
