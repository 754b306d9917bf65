//! Runs a `Supervisor` over a `Net`: one task owns the connection, and does what its handle sends.
use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    io,
    net::SocketAddr,
    pin::Pin,
    time::Duration,
};

use proto::{
    CloseReason, Delivery, Protocol, RequestError, Stage, Supervisor, Ticket, Time,
    resilience::{Demand, Happening, Note, Outcome, Step},
};
use tokio::sync::mpsc;

use super::{
    Asker, Ear, Failure, INBOX, Mail, Order, Receipt, Tickets, Unsent,
    notes::{Waiting, noted},
};
use crate::{
    Env, Event,
    door::Way,
    env::Alarm,
    net::{Stream, connect_stage},
    record::{End, veil::Veil},
    wire::{Happened, Wire, inbound},
};

/// Between looks at what the peer's kernel has acknowledged.
const ACK_POLL: Duration = Duration::from_millis(1);

pub(super) struct Driver<P: Protocol> {
    env: Env,
    way: Way,
    ear: Ear<P::Reply>,
    /// What was said after something that waits for its reader to make room.
    unheard: VecDeque<P::Reply>,
    supervisor: Supervisor<P>,
    tickets: Tickets,
    veil: Veil,
    link: Link,
    conn: u32,
    alarm: Alarm,
    waiting: BTreeMap<Ticket, Waiting<P>>,
    /// Written, and not known to be acknowledged; each with its end in the stream.
    watched: VecDeque<(u64, Ticket)>,
    unsent: Unsent<P>,
}

enum Link {
    Idle,
    Connecting(Pin<Box<dyn Future<Output = Result<Connected, Unopened>> + Send>>),
    Open(Box<Wire>),
}

enum LinkEvent {
    Connected(Connected),
    ConnectFailed(Unopened),
    Wire(Happened),
}

/// A connection that is open, and encrypted if it is to be: both its ends, and itself.
type Connected = ((SocketAddr, SocketAddr), Box<Wire>);
/// In what way it could not be opened, and the particulars.
type Unopened = (Stage, String);

impl<P: Protocol> Driver<P> {
    pub(super) fn new(env: Env, way: Way, supervisor: Supervisor<P>, ear: Ear<P::Reply>) -> Self {
        Self {
            tickets: Tickets::of(&env),
            veil: Veil::of(&env, P::COVER),
            alarm: env.alarm(),
            env,
            way,
            ear,
            unheard: VecDeque::new(),
            supervisor,
            link: Link::Idle,
            conn: 0,
            waiting: BTreeMap::new(),
            watched: VecDeque::new(),
            unsent: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Box<Mail<P>>>) -> Unsent<P> {
        loop {
            let deadline = self.obey();
            self.alarm.set(deadline);
            tokio::select! {
                biased;
                mail = inbox.recv() => match mail {
                    Some(mail) => self.open_mail(mail, &mut inbox),
                    None => break,
                },
                event = self.link.next(&self.env) => self.on_link(event),
                () = self.ear.changed() => self.retell(),
                () = self.alarm.ring() => self.on_alarm(),
            }
        }
        let now = self.env.now();
        self.supervisor.handle_input(now, Happening::Shutdown);
        self.obey();
        self.unsent
    }

    /// Takes what is there in one go, within bounds: the link wants its turn as well.
    fn open_mail(&mut self, first: Box<Mail<P>>, inbox: &mut mpsc::Receiver<Box<Mail<P>>>) {
        let rest = std::iter::from_fn(|| inbox.try_recv().ok()).take(INBOX);
        for mail in std::iter::once(first).chain(rest) {
            match *mail {
                Mail::Ask(request, demand, answer) => self.submit(request, demand, answer),
                Mail::Tell(order) => self.tell(order),
            }
        }
    }

    fn tell(&mut self, order: Order) {
        let now = self.env.now();
        self.env.record(Event::Told { order: format!("{order:?}") });
        let happening = match order {
            Order::Start => Happening::Start,
            Order::Pause => Happening::Pause,
            Order::Resume => Happening::Resume,
            Order::Move(addrs) => {
                self.way = Way::Dial(addrs);
                Happening::Moved
            }
            Order::Isolate => Happening::Isolate,
            Order::Reset => Happening::Reset,
            Order::Reconfigure(config) => Happening::Reconfigure(config),
        };
        self.supervisor.handle_input(now, happening);
    }

    fn submit(&mut self, request: P::Request, demand: Demand, answer: Asker<P>) {
        let now = self.env.now();
        let ticket = self.tickets.draw();
        self.env.record(Event::Submitted { ticket, device_id: P::device_id(&request) });
        self.waiting.insert(ticket, Waiting { since: now, levels: Vec::new(), answer });
        self.supervisor.handle_input(now, Happening::Demand(ticket, request, demand));
    }

    fn on_link(&mut self, event: LinkEvent) {
        let conn = self.conn;
        let now = self.env.now();
        match event {
            LinkEvent::Connected(((local, peer), wire)) => {
                self.env.record(Event::Opened { conn, local, peer });
                self.link = Link::Open(Box::new(wire.veiled(&self.veil)));
                self.hold();
                self.supervisor.handle_input(now, Happening::Connected);
            }
            LinkEvent::ConnectFailed((stage, detail)) => self.connect_failed(stage, detail),
            LinkEvent::Wire(Happened::Received(bytes)) => {
                self.supervisor.handle_input(now, Happening::Received(&bytes));
            }
            LinkEvent::Wire(Happened::Secured) => {}
            LinkEvent::Wire(Happened::Eof) => self.supervisor.handle_input(now, Happening::Eof),
            LinkEvent::Wire(Happened::Wrote(frame)) => {
                let mut written = Some(frame);
                while let Some(frame) = written {
                    if let Some(ticket) = frame.ticket {
                        self.reached(now, ticket, Delivery::Written);
                        self.supervisor.handle_input(now, Happening::Written(ticket));
                    }
                    written = match &mut self.link {
                        Link::Open(wire) => wire.pop_written(&self.env),
                        Link::Idle | Link::Connecting(_) => None,
                    };
                }
            }
            LinkEvent::Wire(Happened::Ended(reason)) => {
                self.drop_link(reason.clone());
                self.supervisor.handle_input(now, Happening::Closed(reason));
            }
        }
    }

    fn connect_failed(&mut self, stage: Stage, detail: String) {
        self.link = Link::Idle;
        let event = Event::ConnectFailed { conn: self.conn, stage, detail: detail.clone() };
        self.env.record(event);
        let now = self.env.now();
        self.supervisor.handle_input(now, Happening::ConnectFailed(stage, detail));
    }

    fn reached(&mut self, now: Time, ticket: Ticket, level: Delivery) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            waiting.reached(now, level);
        }
    }

    /// Somebody may hear what could not be told before.
    fn retell(&mut self) {
        while let Some(said) = self.unheard.pop_front() {
            if let Some(said) = self.ear.hear(said) {
                self.unheard.push_front(said);
                break;
            }
        }
        self.hold();
    }

    /// What nobody has room to hear stays with the peer.
    fn hold(&mut self) {
        let held = !self.unheard.is_empty() || self.ear.is_blocked();
        if let Link::Open(wire) = &mut self.link {
            wire.hold(held);
        }
    }

    fn on_alarm(&mut self) {
        let now = self.env.now();
        if self.ear.wake_at().is_some_and(|at| at <= now) {
            self.ear.pass_time();
            self.retell();
        }
        if !self.tell_acked() {
            self.supervisor.handle_input(now, Happening::Timeout);
        }
    }

    fn watch_ack(&mut self, ticket: Ticket) {
        if let Link::Open(wire) = &self.link {
            self.watched.push_back((wire.written(), ticket));
            self.tell_acked();
        }
    }

    /// Tells of what the peer's kernel has by now. Says whether there was any.
    fn tell_acked(&mut self) -> bool {
        let (false, Link::Open(wire)) = (self.watched.is_empty(), &self.link) else { return false };
        let Some(acked) = wire.acked() else { return false };
        let now = self.env.now();
        let mut told = false;
        while let Some((end, ticket)) = self.watched.front().copied()
            && end <= acked
        {
            self.watched.pop_front();
            self.supervisor.handle_input(now, Happening::TcpAcked(ticket));
            told = true;
        }
        told
    }

    /// Does everything the supervisor wants, and says when to wake it.
    fn obey(&mut self) -> Option<Time> {
        let env = self.env.clone();
        loop {
            let conn = self.conn;
            match self.supervisor.poll_output() {
                Step::Connect => self.connect(),
                Step::Disconnect(reason) => self.drop_link(reason),
                Step::Transmit(frame) => {
                    if let Link::Open(wire) = &mut self.link {
                        wire.send(frame, env.now());
                    }
                }
                Step::Finish => {
                    if let Link::Open(wire) = &mut self.link {
                        wire.finish();
                    }
                }
                Step::WatchAck(ticket) => self.watch_ack(ticket),
                Step::Received(frame) => {
                    env.record_with(|| inbound(conn, self.veil.frame(frame)));
                }
                Step::Ready(proof) => env.record(Event::Ready { conn, proof }),
                Step::Fact(fact) => {
                    env.record(Event::Fact { conn, fact: self.veil.fact(fact) });
                }
                Step::Push(said) => {
                    if env.recorder.is_heard() {
                        env.record(Event::Push { conn, said: format!("{said:?}") });
                    }
                    match self.unheard.is_empty() {
                        true => self.unheard.extend(self.ear.hear(said)),
                        false => self.unheard.push_back(said),
                    }
                    self.hold();
                }
                Step::Note(note) => {
                    if let Note::Reached { ticket, level } = note {
                        self.reached(env.now(), ticket, level);
                    }
                    env.record(noted(note, conn, env.now()));
                }
                Step::Breaker(what) => env.record(Event::Breaker { what }),
                Step::Unsent(ticket, request) => self.unsent.push((ticket, request)),
                Step::Done(ticket, attempts, result) => self.done(ticket, attempts, result),
                Step::Wait(at) => {
                    let poll = (!self.watched.is_empty()).then(|| env.now() + ACK_POLL);
                    return [at, poll, self.ear.wake_at()].into_iter().flatten().min();
                }
            }
        }
    }

    fn connect(&mut self) {
        self.conn = self.env.next_conn();
        let (env, conn) = (self.env.clone(), self.conn);
        self.link = Link::Connecting(match &self.way {
            Way::Dial(addrs) => {
                if let Some(addr) = addrs.first().copied() {
                    self.env.record(Event::Connecting { conn: self.conn, addr });
                }
                let addrs = addrs.clone();
                Box::pin(async move {
                    let stream = env.net.connect(&addrs).await.map_err(unopened)?;
                    opened(&env, stream, |stream| Wire::dialled(stream, conn, &env)).await
                })
            }
            Way::Wait(door) => {
                let stream = door.wait();
                Box::pin(async move {
                    let stream = stream.await.map_err(unopened)?;
                    opened(&env, stream, |stream| Wire::accepted(stream, conn, &env)).await
                })
            }
        });
    }

    fn drop_link(&mut self, reason: CloseReason) {
        self.watched.clear();
        match std::mem::replace(&mut self.link, Link::Idle) {
            Link::Idle => {}
            Link::Connecting(_) => {
                let stage = match reason {
                    CloseReason::TimedOut(_) => Stage::ConnectTimeout,
                    // We gave it up for reasons of our own; the far side may yet have answered.
                    _ => Stage::Cancelled,
                };
                let detail = reason.to_string();
                self.env.record(Event::ConnectFailed { conn: self.conn, stage, detail });
            }
            Link::Open(mut wire) => {
                // What else may have been said is why, to a peer that misbehaved.
                if matches!(reason, CloseReason::Misbehaved(_)) {
                    wire.drop_requests();
                }
                if matches!(reason, CloseReason::Local | CloseReason::Misbehaved(_)) {
                    wire.last_words(&self.env);
                }
                wire.close(reason, &self.env);
            }
        }
    }

    fn done(
        &mut self,
        ticket: Ticket,
        attempts: u32,
        result: Result<Outcome<P::Reply>, RequestError>,
    ) {
        let now = self.env.now();
        let Some(mut waiting) = self.waiting.remove(&ticket) else { return };
        if let Ok(outcome) = &result {
            waiting.reached(now, outcome.delivery);
        }
        let Waiting { since, levels, answer } = waiting;
        let elapsed = now - since;
        let heard = self.env.recorder.is_heard();
        let end = match &result {
            Ok(outcome) => End::Ok {
                delivery: outcome.delivery,
                reply: outcome.reply.as_ref().filter(|_| heard).map(|reply| format!("{reply:?}")),
            },
            Err(e) => End::Failed { stage: e.stage, detail: e.detail.clone() },
        };
        let elapsed_us = elapsed.as_micros() as u64;
        self.env.record(Event::Done { ticket, end, attempts, elapsed_us });
        let answered = match result {
            Ok(Outcome { delivery, reply }) => {
                Ok(Receipt { ticket, attempts, since, elapsed, delivery, levels, reply })
            }
            Err(error) => Err(Failure { ticket, since, elapsed, levels, error }),
        };
        // The caller may have stopped waiting; the record has it either way.
        let _ = answer.send(answered);
    }
}

/// Waits until it is encrypted, if it is to be.
async fn opened(
    env: &Env,
    stream: Stream,
    begin: impl FnOnce(Stream) -> Result<Wire, CloseReason>,
) -> Result<Connected, Unopened> {
    // Open, and perhaps gone again before we could look.
    let ends = stream.addrs().map_err(unopened)?;
    let failed = |reason: CloseReason| (Stage::from(&reason), reason.to_string());
    let mut wire = Box::new(begin(stream).map_err(failed)?);
    match wire.handshake(env).await {
        Ok(()) => Ok((ends, wire)),
        Err(reason) => {
            // It may have a word for the peer.
            wire.take_leave();
            Err(failed(reason))
        }
    }
}

fn unopened(error: io::Error) -> Unopened {
    (connect_stage(&error), error.to_string())
}

impl Link {
    async fn next(&mut self, env: &Env) -> LinkEvent {
        match self {
            Self::Idle => pending().await,
            Self::Connecting(connecting) => match connecting.await {
                Ok(connected) => LinkEvent::Connected(connected),
                Err(e) => LinkEvent::ConnectFailed(e),
            },
            Self::Open(wire) => LinkEvent::Wire(wire.next(env).await),
        }
    }
}
