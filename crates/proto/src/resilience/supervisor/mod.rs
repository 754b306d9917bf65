//! Keeps one client working: connects, sends, retries, and answers every request exactly once.
//!
//! ```text
//!            Connect          opened           Ready      answer, or healthy a while
//!    Down ───────────▶ Connecting ───▶ Opening ───▶ Up ───────────────────────────▶ proved
//!     ▲                    │              │          │                                │
//!     └──── failed ────────┴─── timeout ──┴─ closed ─┴────────── closed ──────────────┘
//!    dial when the delay has passed and the breaker permits
//! ```
//! `link.rs` keeps the connection, `requests.rs` the requests; here is what they share.
//!
//! One request goes through: due, linking (its attempt has begun, the connection has not),
//! sending, waiting; then done, or due again after a delay. Where answers do not name their
//! request, requests go strictly one after the other, so that a command being retried is never
//! overtaken by a later one.
mod link;
mod requests;

use std::{collections::VecDeque, time::Duration};

use super::{
    Breaker, BreakerConfig, BreakerEvent, Connection, Delivery, Policy, RequestError, Stage,
    breaker::Permit,
    outbox::{Order, Outbox, Phase},
    policy::{Queueing, Timeout},
    reconnect::Reconnect,
    rtt::{Pulse, Rtt},
};
use crate::{
    CloseReason, Fact, Frame, Input, Output, Proof, Protocol, Session, Ticket, Time,
    session::Answers,
};

/// What can happen to a supervisor.
#[derive(Debug)]
pub enum Happening<'a, R> {
    /// Take this request on.
    Submit(Ticket, R),
    /// The same with demands of its own.
    Demand(Ticket, R, Demand),
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
    /// Keep the connection up from now on, if the policy wants one kept.
    Start,
    /// Hang up, and dial no more until told to resume. Requests wait.
    Pause,
    /// Dial again.
    Resume,
    /// The peer lives elsewhere now: leave this connection and dial at once.
    Moved,
    /// Open the breaker by hand.
    Isolate,
    /// Close the breaker by hand.
    Reset,
    /// Put other breaker settings in force.
    Reconfigure(BreakerConfig),
    /// Answer everything and stop.
    Shutdown,
}

/// What a request demands for itself, whatever the policy says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// The level at which it counts as done.
    pub level: Option<Delivery>,
    /// For the whole of it, all attempts and delays included.
    pub deadline: Option<Duration>,
}

/// What a supervisor wants done, or has to tell.
#[derive(Debug)]
pub enum Step<Q, R> {
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
    /// Evidence: what the breaker did.
    Breaker(BreakerEvent),
    /// The peer said something unasked.
    Push(R),
    /// A request that was never sent, handed back at the end.
    Unsent(Ticket, Q),
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
    /// It got this far, and is to get further. What the request ends with is not told here.
    Reached {
        /// The request.
        ticket: Ticket,
        /// How far.
        level: Delivery,
    },
    /// How long answers take and are waited for has changed.
    Pulse(Pulse),
    /// The peer is really there: only now is the connection a success.
    Proved(Proof),
    /// A kept connection is gone, or did not come.
    Lost {
        /// Why.
        reason: String,
        /// When to dial next, breaker permitting.
        redial_at: Time,
    },
    /// The last state was sent again, first thing on a new connection.
    Resent {
        /// The request that set it.
        ticket: Ticket,
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
    /// May be dialled from then on; never, while the breaker is isolated.
    Down {
        dial_at: Option<Time>,
    },
    Connecting {
        until: Time,
    },
    Opening {
        until: Time,
        session: S,
    },
    Up {
        session: S,
        healthy_at: Time,
    },
}

/// The pure machine that keeps one client working. Same shape as a [`Session`].
pub struct Supervisor<P: Protocol> {
    protocol: P,
    policy: Policy,
    seed: u64,
    link: Link<P::Client>,
    /// The peer has proved on this connection that it is there.
    proved: bool,
    /// The breaker's leave for this connection, until it is proved or lost.
    permit: Option<Permit>,
    reconnect: Option<Reconnect>,
    breaker: Option<Breaker>,
    /// How long answers take, if that decides how long they are waited for.
    rtt: Option<Rtt>,
    /// When the session wants to be woken.
    alarm: Option<Time>,
    outbox: Outbox<P::Request>,
    /// The last state sent, for policies under which only the last one counts.
    last: Option<(Ticket, P::Request)>,
    out: VecDeque<Step<P::Request, P::Reply>>,
    started: bool,
    paused: bool,
    stopped: bool,
}

impl<P: Protocol> Supervisor<P> {
    /// A supervisor with nothing to do yet. `seed` decides its jitter.
    pub fn new(protocol: P, policy: Policy, seed: u64) -> Self {
        Self {
            protocol,
            seed,
            link: Link::Down { dial_at: Some(Time::default()) },
            proved: false,
            permit: None,
            reconnect: policy.reconnect.clone(),
            breaker: policy.breaker.clone().map(|config| Breaker::new(config, seed)),
            rtt: match policy.timeout {
                Timeout::Fixed => None,
                Timeout::Adaptive => Some(Rtt::new(policy.recv_timeout)),
            },
            policy,
            alarm: None,
            outbox: Outbox::new(),
            last: None,
            out: VecDeque::new(),
            started: false,
            paused: false,
            stopped: false,
        }
    }

    /// Something happened at `now`.
    pub fn handle_input(&mut self, now: Time, input: Happening<'_, P::Request>) {
        match input {
            Happening::Submit(ticket, request) => self.submit(now, ticket, request),
            Happening::Demand(ticket, request, demand) => {
                self.demand(now, ticket, request, demand);
            }
            Happening::Connected => self.opened(now),
            Happening::ConnectFailed(stage, detail) => {
                if matches!(self.link, Link::Connecting { .. }) {
                    self.lose_link(now, stage, &detail);
                }
            }
            Happening::Received(bytes) => self.tell_session(now, Input::Received(bytes)),
            Happening::Eof => self.tell_session(now, Input::Eof),
            Happening::Written(ticket) => self.written(now, ticket),
            Happening::TcpAcked(ticket) => self.acked(now, ticket),
            Happening::Closed(reason) => {
                if !matches!(self.link, Link::Down { .. }) {
                    self.lose_link(now, Stage::from(&reason), &reason.to_string());
                }
            }
            Happening::Start => self.started = true,
            Happening::Pause => self.pause(now),
            Happening::Resume => self.resume(now),
            Happening::Moved => self.moved(now),
            Happening::Isolate => self.with_breaker(|b| b.isolate()),
            Happening::Reset => {
                self.with_breaker(|b| b.reset());
                self.dial_from(now);
            }
            Happening::Reconfigure(config) => {
                self.with_breaker(|b| b.reconfigure(now, config));
            }
            Happening::Timeout => {}
            Happening::Shutdown => self.shut_down(now),
        }
        self.advance(now);
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Step<P::Request, P::Reply> {
        self.out.pop_front().unwrap_or_else(|| Step::Wait(self.wake_at()))
    }

    /// The breaker settings in force, as the breaker itself holds them.
    pub fn effective_breaker(&self) -> Option<&BreakerConfig> {
        self.breaker.as_ref().map(Breaker::effective_config)
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
        self.dial(now);
        while self.start_next(now) {
            self.drain_session(now);
            self.dial(now);
        }
    }

    fn tell_session(&mut self, now: Time, input: Input<'_, P::Request>) {
        if let Some(session) = self.link.session() {
            session.handle_input(now, input);
        }
    }

    fn drain_session(&mut self, now: Time) {
        while let Some(session) = self.link.session() {
            match session.poll_output() {
                Output::Transmit(frame) => self.out.push_back(Step::Transmit(frame)),
                Output::Received(frame) => self.out.push_back(Step::Received(frame)),
                Output::Fact(fact) => self.out.push_back(Step::Fact(fact)),
                Output::Push(said) => {
                    self.out.push_back(Step::Push(said));
                    self.prove(now, Proof::RoundTrip);
                }
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

    fn note(&mut self, note: Note) {
        self.out.push_back(Step::Note(note));
    }

    /// Where answers carry no name, a second request in flight could take the first one's answer;
    /// and a connection of its own is for one request.
    fn order(&self) -> Order {
        let waits_for_answers = self.policy.confirm >= Delivery::Replied;
        match P::ANSWERS {
            _ if self.policy.connection == Connection::PerRequest => Order::OneByOne,
            Answers::Unnamed => Order::OneByOne,
            Answers::None if waits_for_answers => Order::OneByOne,
            Answers::None => Order::InTurn,
            Answers::Named => Order::Free,
        }
    }

    fn wake_at(&self) -> Option<Time> {
        let link = match &self.link {
            Link::Connecting { until } | Link::Opening { until, .. } => Some(*until),
            Link::Up { healthy_at, .. } => (!self.proved).then_some(*healthy_at),
            Link::Down { dial_at } => dial_at.filter(|_| self.wants_link()),
        };
        [link, self.alarm, self.outbox.wake_at()].into_iter().flatten().min()
    }
}

impl<S> Link<S> {
    fn session(&mut self) -> Option<&mut S> {
        match self {
            Self::Opening { session, .. } | Self::Up { session, .. } => Some(session),
            Self::Down { .. } | Self::Connecting { .. } => None,
        }
    }
}
