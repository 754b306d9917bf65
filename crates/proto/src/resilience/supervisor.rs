//! Keeps one client working: connects, sends, retries, and answers every request exactly once.
//!
//! ```text
//!            Connect          opened           Ready
//!    Down ───────────▶ Connecting ───▶ Opening ───▶ Up
//!     ▲                    │              │          │
//!     └──── failed ────────┴─── timeout ──┴─ closed ─┘
//! ```
//! One request goes through: due, linking (its attempt has begun, the connection has not),
//! sending, waiting; then done, or due again after a delay. Where answers do not name their
//! request, requests go strictly one after the other, so that a command being retried is never
//! overtaken by a later one.
use std::collections::VecDeque;

use super::{Connection, Delivery, Policy, RequestError, Stage};
use crate::{
    Answer, CloseReason, Fact, Frame, Input, Output, Proof, Protocol, Session, Ticket, Time,
    rng::Rng,
};

/// What can happen to a supervisor.
#[derive(Debug)]
pub enum Happening<'a, R> {
    /// Take this request on.
    Submit(Ticket, R),
    /// The connection asked for is open.
    Connected,
    /// It could not be opened.
    ConnectFailed(Stage, String),
    /// Bytes arrived.
    Received(&'a [u8]),
    /// The peer finished sending.
    Eof,
    /// The kernel took the last byte of this request.
    Written(Ticket),
    /// The peer's kernel has acknowledged all of this request.
    TcpAcked(Ticket),
    /// The connection is gone.
    Closed(CloseReason),
    /// The instant asked for by [`Step::Wait`] has passed.
    Timeout,
    /// Answer everything and stop.
    Shutdown,
}

/// What a supervisor wants done, or has to tell.
#[derive(Debug)]
pub enum Step<R> {
    /// Open a connection. At most one is open or opening at a time.
    Connect,
    /// Close it, or stop opening it.
    Disconnect(CloseReason),
    /// Write these bytes.
    Transmit(Frame),
    /// Finish sending and go on reading.
    Finish,
    /// Tell me when the peer's kernel has acknowledged this request.
    WatchAck(Ticket),
    /// Evidence: a whole inbound frame.
    Received(Frame),
    /// Evidence: the peer takes requests.
    Ready(Proof),
    /// Evidence: something the session knew.
    Fact(Fact),
    /// Evidence: what became of attempts.
    Note(Note),
    /// The peer said something unasked.
    Push(R),
    /// The one end of a request, after so many attempts.
    Done(Ticket, u32, Result<Outcome<R>, RequestError>),
    /// Nothing more until input arrives or this instant passes.
    Wait(Option<Time>),
}

/// What became of attempts, in the words of the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The next attempt begins, connecting included.
    Attempt {
        /// The request.
        ticket: Ticket,
        /// Counted from 1.
        attempt: u32,
    },
    /// An attempt failed.
    AttemptFailed {
        /// The request.
        ticket: Ticket,
        /// Which attempt.
        attempt: u32,
        /// Where.
        stage: Stage,
        /// The particulars.
        detail: String,
        /// When the next begins, if there is one.
        retry_at: Option<Time>,
    },
}

/// What a request got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<R> {
    /// How far it provably got.
    pub delivery: Delivery,
    /// The answer; none where a lower level than an answer was asked for.
    pub reply: Option<R>,
}

#[derive(Debug)]
enum Link<S> {
    Down,
    Connecting { until: Time },
    Opening { until: Time, session: S },
    Up { session: S },
}

struct Pending<R> {
    ticket: Ticket,
    request: R,
    attempts: u32,
    deadline: Option<Time>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Due(Time),
    Linking,
    Sending { until: Time },
    Waiting { until: Time },
}

/// The pure machine that keeps one client working. Same shape as a [`Session`].
pub struct Supervisor<P: Protocol> {
    protocol: P,
    policy: Policy,
    seed: u64,
    link: Link<P::Client>,
    /// When the session wants to be woken.
    alarm: Option<Time>,
    pending: VecDeque<Pending<P::Request>>,
    out: VecDeque<Step<P::Reply>>,
    stopped: bool,
}

impl<P: Protocol> Supervisor<P> {
    /// A supervisor with nothing to do yet. `seed` decides its jitter.
    pub fn new(protocol: P, policy: Policy, seed: u64) -> Self {
        Self {
            protocol,
            policy,
            seed,
            link: Link::Down,
            alarm: None,
            pending: VecDeque::new(),
            out: VecDeque::new(),
            stopped: false,
        }
    }

    /// Something happened at `now`.
    pub fn handle_input(&mut self, now: Time, input: Happening<'_, P::Request>) {
        match input {
            Happening::Submit(ticket, request) => self.submit(now, ticket, request),
            Happening::Connected => self.opened(now),
            Happening::ConnectFailed(stage, detail) => {
                if matches!(self.link, Link::Connecting { .. }) {
                    self.lose_link(now, stage, &detail);
                }
            }
            Happening::Received(bytes) => self.tell_session(now, Input::Received(bytes)),
            Happening::Eof => self.tell_session(now, Input::Eof),
            Happening::Written(ticket) => self.written(now, ticket),
            Happening::TcpAcked(ticket) => self.acked(ticket),
            Happening::Closed(reason) => {
                if !matches!(self.link, Link::Down) {
                    self.lose_link(now, Stage::from(&reason), &reason.to_string());
                }
            }
            Happening::Timeout => {}
            Happening::Shutdown => self.shut_down(),
        }
        self.advance(now);
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Step<P::Reply> {
        self.out.pop_front().unwrap_or_else(|| Step::Wait(self.wake_at()))
    }

    fn submit(&mut self, now: Time, ticket: Ticket, request: P::Request) {
        let refusal = if self.stopped {
            Some((Stage::Cancelled, "the client is shutting down".to_owned()))
        } else if self.pending.len() >= self.policy.queue {
            Some((Stage::QueueFull, format!("{} requests are waiting already", self.policy.queue)))
        } else {
            None
        };
        if let Some((stage, detail)) = refusal {
            let error = RequestError { stage, attempts: 0, detail };
            return self.out.push_back(Step::Done(ticket, 0, Err(error)));
        }
        let deadline = self.policy.deadline.map(|d| now + d);
        let phase = Phase::Due(now);
        self.pending.push_back(Pending { ticket, request, attempts: 0, deadline, phase });
    }

    fn opened(&mut self, now: Time) {
        if matches!(self.link, Link::Connecting { .. }) {
            let until = now + self.policy.ready_timeout;
            self.link = Link::Opening { until, session: self.protocol.client(now) };
            self.alarm = None;
        }
    }

    fn tell_session(&mut self, now: Time, input: Input<'_, P::Request>) {
        if let Some(session) = self.link.session() {
            session.handle_input(now, input);
        }
    }

    fn written(&mut self, now: Time, ticket: Ticket) {
        let Some(i) = self.find(ticket) else { return };
        let Phase::Sending { .. } = self.pending[i].phase else { return };
        let patience = match self.policy.confirm {
            Delivery::Survived => self.policy.survive,
            _ => self.policy.recv_timeout,
        };
        self.pending[i].phase = Phase::Waiting { until: now + patience };
        match self.policy.confirm {
            Delivery::Queued | Delivery::Written => self.succeed(i, Delivery::Written, None),
            Delivery::TcpAcked => self.out.push_back(Step::WatchAck(ticket)),
            Delivery::Survived | Delivery::Replied | Delivery::Applied | Delivery::Observed => {}
        }
    }

    fn acked(&mut self, ticket: Ticket) {
        if self.policy.confirm == Delivery::TcpAcked
            && let Some(i) = self.find(ticket)
            && matches!(self.pending[i].phase, Phase::Waiting { .. })
        {
            self.succeed(i, Delivery::TcpAcked, None);
        }
    }

    fn shut_down(&mut self) {
        self.stopped = true;
        for p in std::mem::take(&mut self.pending) {
            let detail = "the client is shutting down".to_owned();
            let error = RequestError { stage: Stage::Cancelled, attempts: p.attempts, detail };
            self.out.push_back(Step::Done(p.ticket, p.attempts, Err(error)));
        }
        self.hang_up(CloseReason::Local);
    }

    /// Fires what is due, hears the session out, starts what can start, until nothing moves.
    fn advance(&mut self, now: Time) {
        self.expire_link(now);
        if self.alarm.is_some_and(|at| at <= now) {
            self.alarm = None;
            self.tell_session(now, Input::Timeout);
        }
        self.drain_session(now);
        self.expire_requests(now);
        while self.start_next(now) {
            self.drain_session(now);
        }
    }

    fn expire_link(&mut self, now: Time) {
        let (waited_for, stage) = match &self.link {
            Link::Connecting { until } if *until <= now => ("connection", Stage::ConnectTimeout),
            Link::Opening { until, .. } if *until <= now => ("handshake", Stage::ReceiveTimeout),
            Link::Down | Link::Connecting { .. } | Link::Opening { .. } | Link::Up { .. } => return,
        };
        let reason = CloseReason::TimedOut(waited_for.into());
        let detail = reason.to_string();
        self.out.push_back(Step::Disconnect(reason));
        self.lose_link(now, stage, &detail);
    }

    fn expire_requests(&mut self, now: Time) {
        let mut i = 0;
        while let Some(p) = self.pending.get(i) {
            let ticket = p.ticket;
            if p.deadline.is_some_and(|at| at <= now) {
                self.pass_deadline(i);
            } else {
                match p.phase {
                    Phase::Sending { until } if until <= now => {
                        self.time_out(now, i, "room to send")
                    }
                    Phase::Waiting { until } if until <= now => match self.policy.confirm {
                        Delivery::Survived => self.succeed(i, Delivery::Survived, None),
                        _ => self.time_out(now, i, "answer"),
                    },
                    Phase::Due(_)
                    | Phase::Linking
                    | Phase::Sending { .. }
                    | Phase::Waiting { .. } => {}
                }
            }
            if self.pending.get(i).is_some_and(|p| p.ticket == ticket) {
                i += 1;
            }
        }
    }

    /// An attempt's own time is up. Without ids a late answer would be the next request's, so the
    /// connection goes too.
    fn time_out(&mut self, now: Time, i: usize, waited_for: &'static str) {
        let stage = match self.pending[i].phase {
            Phase::Sending { .. } => Stage::SendFailed,
            Phase::Due(_) | Phase::Linking | Phase::Waiting { .. } => Stage::ReceiveTimeout,
        };
        let reason = CloseReason::TimedOut(waited_for.into());
        let detail = reason.to_string();
        if !P::CORRELATED || stage == Stage::SendFailed {
            self.hang_up(reason);
        }
        self.fail_attempt(now, i, stage, detail);
    }

    fn pass_deadline(&mut self, i: usize) {
        let limit = self.policy.deadline.unwrap_or_default();
        let idle = matches!(self.pending[i].phase, Phase::Due(_));
        if !idle {
            self.note_failure(i, Stage::Deadline, "cut short by the deadline".into(), None);
            if !P::CORRELATED || self.pending[i].phase == Phase::Linking {
                let waited_for = match self.pending[i].phase {
                    Phase::Linking => "connection",
                    Phase::Due(_) | Phase::Sending { .. } | Phase::Waiting { .. } => "answer",
                };
                self.hang_up(CloseReason::TimedOut(waited_for.into()));
            }
        }
        self.finish_badly(i, Stage::Deadline, format!("the deadline of {limit:?} passed"));
    }

    /// Begins the next attempt that may begin. Says whether one did.
    fn start_next(&mut self, now: Time) -> bool {
        let candidate = self.pending.iter().position(|p| match p.phase {
            Phase::Due(at) => at <= now,
            Phase::Linking | Phase::Sending { .. } | Phase::Waiting { .. } => false,
        });
        let Some(i) = candidate.filter(|i| *i == 0 || !self.serial()) else { return false };
        match self.link {
            Link::Down => {
                self.begin_attempt(i, Phase::Linking);
                self.link = Link::Connecting { until: now + self.policy.connect_timeout };
                self.out.push_back(Step::Connect);
            }
            Link::Up { .. } => {
                self.begin_attempt(i, Phase::Due(now));
                self.transmit(now, i);
            }
            Link::Connecting { .. } | Link::Opening { .. } => return false,
        }
        true
    }

    fn begin_attempt(&mut self, i: usize, phase: Phase) {
        let p = &mut self.pending[i];
        p.attempts += 1;
        p.phase = phase;
        let note = Note::Attempt { ticket: p.ticket, attempt: p.attempts };
        self.out.push_back(Step::Note(note));
    }

    fn transmit(&mut self, now: Time, i: usize) {
        let p = &mut self.pending[i];
        p.phase = Phase::Sending { until: now + self.policy.send_timeout };
        let (ticket, request) = (p.ticket, p.request.clone());
        self.tell_session(now, Input::Request(ticket, request));
    }

    fn drain_session(&mut self, now: Time) {
        while let Some(session) = self.link.session() {
            match session.poll_output() {
                Output::Transmit(frame) => self.out.push_back(Step::Transmit(frame)),
                Output::Received(frame) => self.out.push_back(Step::Received(frame)),
                Output::Fact(fact) => self.out.push_back(Step::Fact(fact)),
                Output::Push(said) => self.out.push_back(Step::Push(said)),
                Output::Finish => self.out.push_back(Step::Finish),
                Output::Ready(proof) => self.ready(now, proof),
                Output::Reply(ticket, reply) => self.replied(now, ticket, reply),
                Output::Close(reason) => {
                    let (stage, detail) = (Stage::from(&reason), reason.to_string());
                    self.out.push_back(Step::Disconnect(reason));
                    self.lose_link(now, stage, &detail);
                }
                Output::Wait(at) => {
                    self.alarm = at;
                    return;
                }
            }
        }
    }

    fn ready(&mut self, now: Time, proof: Proof) {
        self.out.push_back(Step::Ready(proof));
        match std::mem::replace(&mut self.link, Link::Down) {
            Link::Opening { session, .. } => self.link = Link::Up { session },
            other => self.link = other,
        }
        if let Some(i) = self.pending.iter().position(|p| p.phase == Phase::Linking) {
            self.transmit(now, i);
        }
    }

    fn replied(&mut self, now: Time, ticket: Ticket, reply: P::Reply) {
        // An answer to a request that has ended already is evidence and nothing more.
        let Some(i) = self.find(ticket) else { return };
        match P::answer(&reply) {
            Answer::Accepted(level) if level >= self.policy.confirm => {
                self.succeed(i, level, Some(reply));
            }
            Answer::Accepted(level) => {
                let detail = format!("answered, which proves {level}, not {}", self.policy.confirm);
                self.attempt_answered_badly(now, i, Stage::NotConfirmed, detail);
            }
            Answer::Rejected(why) => self.attempt_answered_badly(now, i, Stage::Nack, why),
        }
    }

    fn attempt_answered_badly(&mut self, now: Time, i: usize, stage: Stage, detail: String) {
        if self.policy.connection == Connection::PerRequest {
            self.hang_up(CloseReason::Local);
        }
        self.fail_attempt(now, i, stage, detail);
    }

    fn succeed(&mut self, i: usize, delivery: Delivery, reply: Option<P::Reply>) {
        let p = self.pending.remove(i).expect("the caller found it");
        let outcome = Outcome { delivery, reply };
        self.out.push_back(Step::Done(p.ticket, p.attempts, Ok(outcome)));
        if self.policy.connection == Connection::PerRequest {
            self.hang_up(CloseReason::Local);
        }
    }

    fn fail_attempt(&mut self, now: Time, i: usize, stage: Stage, mut detail: String) {
        let p = &self.pending[i];
        let ambiguous = matches!(p.phase, Phase::Sending { .. } | Phase::Waiting { .. });
        let worth_it = self.policy.retry_on.contains(&stage)
            && p.attempts < self.policy.max_attempts
            && (self.policy.retry_ambiguous || !ambiguous);
        let mut rng = Rng::new(self.seed, &[p.ticket.0, u64::from(p.attempts)]);
        let retry_at = now + self.policy.backoff.delay(p.attempts, &mut rng);
        let too_late = p.deadline.is_some_and(|end| retry_at >= end);
        if worth_it && !too_late {
            self.note_failure(i, stage, detail, Some(retry_at));
            self.pending[i].phase = Phase::Due(retry_at);
            return;
        }
        self.note_failure(i, stage, detail.clone(), None);
        if worth_it {
            detail.push_str("; another attempt would begin after the deadline");
            self.finish_badly(i, Stage::Deadline, detail);
        } else {
            self.finish_badly(i, stage, detail);
        }
    }

    fn note_failure(&mut self, i: usize, stage: Stage, detail: String, retry_at: Option<Time>) {
        let Pending { ticket, attempts: attempt, .. } = self.pending[i];
        let note = Note::AttemptFailed { ticket, attempt, stage, detail, retry_at };
        self.out.push_back(Step::Note(note));
    }

    fn finish_badly(&mut self, i: usize, stage: Stage, detail: String) {
        let p = self.pending.remove(i).expect("the caller found it");
        let error = RequestError { stage, attempts: p.attempts, detail };
        self.out.push_back(Step::Done(p.ticket, p.attempts, Err(error)));
    }

    fn hang_up(&mut self, reason: CloseReason) {
        if !matches!(self.link, Link::Down) {
            self.link = Link::Down;
            self.alarm = None;
            self.out.push_back(Step::Disconnect(reason));
        }
    }

    /// The connection is gone, or never came. Whatever was on it has failed one attempt.
    fn lose_link(&mut self, now: Time, stage: Stage, detail: &str) {
        self.link = Link::Down;
        self.alarm = None;
        let lost: Vec<Ticket> = self
            .pending
            .iter()
            .filter(|p| !matches!(p.phase, Phase::Due(_)))
            .map(|p| p.ticket)
            .collect();
        for ticket in lost {
            let Some(i) = self.find(ticket) else { continue };
            let stage = match (self.pending[i].phase, stage) {
                (Phase::Sending { .. }, Stage::Closed | Stage::Reset) => Stage::SendFailed,
                (_, stage) => stage,
            };
            self.fail_attempt(now, i, stage, detail.to_owned());
        }
    }

    /// One request after the other, in the order they came.
    fn serial(&self) -> bool {
        !P::CORRELATED || self.policy.connection == Connection::PerRequest
    }

    fn find(&self, ticket: Ticket) -> Option<usize> {
        self.pending.iter().position(|p| p.ticket == ticket)
    }

    fn wake_at(&self) -> Option<Time> {
        let link = match &self.link {
            Link::Connecting { until } | Link::Opening { until, .. } => Some(*until),
            Link::Down | Link::Up { .. } => None,
        };
        let free = matches!(self.link, Link::Down | Link::Up { .. });
        // Deadlines fall in order of submission, so one at a time needs a look at the first only.
        let looked_at = if self.serial() { 1 } else { self.pending.len() };
        let requests = self.pending.iter().take(looked_at).flat_map(|p| {
            let phase = match p.phase {
                Phase::Due(at) => free.then_some(at),
                Phase::Sending { until } | Phase::Waiting { until } => Some(until),
                Phase::Linking => None,
            };
            [phase, p.deadline]
        });
        requests.chain([link, self.alarm]).flatten().min()
    }
}

impl<S> Link<S> {
    fn session(&mut self) -> Option<&mut S> {
        match self {
            Self::Opening { session, .. } | Self::Up { session } => Some(session),
            Self::Down | Self::Connecting { .. } => None,
        }
    }
}
