//! Requests taken on and not yet answered: in order of submission, each in its phase, each with at
//! most one time at which something is due.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::Delivery;
use crate::{Ticket, Time};

/// Place of a request in the order of submission.
pub(super) type Seq = u64;

/// One request on its way.
pub(super) struct Pending<R> {
    pub(super) ticket: Ticket,
    pub(super) request: R,
    pub(super) attempts: u32,
    /// The highest level that this attempt has proved so far.
    pub(super) reached: Option<Delivery>,
    /// The level it must reach, if that is not the policy's.
    pub(super) demanded: Option<Delivery>,
    /// The highest level that any attempt has.
    best: Option<Delivery>,
    /// When the kernel had all of this attempt.
    written: Option<Time>,
    /// The whole request's.
    pub(super) deadline: Option<Time>,
    /// When it was taken on.
    since: Time,
    /// When it goes stale, if it has not been sent by then.
    expires: Option<Time>,
    phase: Phase,
}

/// How far a request's current attempt is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// Its next attempt may begin then.
    Due(Time),
    /// It has begun and waits for the connection.
    Linking,
    /// Its bytes are on their way into the kernel.
    Sending { until: Time },
    /// The kernel has them.
    Waiting { until: Time },
    /// Its connection has survived; that the peer's kernel has them is not known yet.
    Acking { until: Time },
}

impl Phase {
    /// The attempt's bytes may have left.
    pub(super) fn is_ambiguous(self) -> bool {
        matches!(self, Self::Sending { .. } | Self::Waiting { .. } | Self::Acking { .. })
    }
    /// An attempt has begun and not ended.
    pub(super) fn is_attempt(self) -> bool {
        !matches!(self, Self::Due(_))
    }
    fn time(self) -> Option<Time> {
        match self {
            Self::Due(at)
            | Self::Sending { until: at }
            | Self::Waiting { until: at }
            | Self::Acking { until: at } => Some(at),
            Self::Linking => None,
        }
    }
}

impl<R> Pending<R> {
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }
    /// When its attempt was written.
    pub(super) fn written(&self) -> Option<Time> {
        self.written
    }
    /// When it was written, if it was written once: of a repeated one nobody knows which is answered.
    pub(super) fn written_once(&self) -> Option<Time> {
        self.written.filter(|_| self.attempts == 1)
    }
    pub(super) fn is_unsent(&self) -> bool {
        self.attempts == 0
    }
    /// How long it may take in all, if that is limited.
    pub(super) fn time_allowed(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| deadline - self.since)
    }
    pub(super) fn is_stale(&self, now: Time) -> bool {
        self.is_unsent() && self.expires.is_some_and(|at| at <= now)
    }
    /// When to look at it again; none for what only waits for its turn.
    fn alarm(&self, startable: bool) -> Option<Time> {
        let phase = if startable { None } else { self.phase.time() };
        let expires = self.expires.filter(|_| self.is_unsent());
        [phase, self.deadline, expires].into_iter().flatten().min()
    }
}

/// Who may go while others are on their way or wait to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Anybody.
    Free,
    /// Nobody before an earlier one that is to be sent again.
    InTurn,
    /// Nobody before all earlier ones have ended.
    OneByOne,
}

/// The requests.
pub(super) struct Outbox<R> {
    by_seq: BTreeMap<Seq, Pending<R>>,
    seq_of: BTreeMap<Ticket, Seq>,
    startable: BTreeSet<Seq>,
    /// Due, but not yet.
    later: BTreeSet<Seq>,
    alarms: BTreeSet<(Time, Seq)>,
    next: Seq,
}

impl<R> Outbox<R> {
    pub(super) fn new() -> Self {
        Self {
            by_seq: BTreeMap::new(),
            seq_of: BTreeMap::new(),
            startable: BTreeSet::new(),
            later: BTreeSet::new(),
            alarms: BTreeSet::new(),
            next: 0,
        }
    }
    pub(super) fn len(&self) -> usize {
        self.by_seq.len()
    }
    pub(super) fn is_empty(&self) -> bool {
        self.by_seq.is_empty()
    }
    pub(super) fn push(
        &mut self,
        now: Time,
        ticket: Ticket,
        request: R,
        deadline: Option<Time>,
        expires: Option<Time>,
    ) {
        let seq = self.next;
        self.next += 1;
        let phase = Phase::Due(now);
        let pending = Pending {
            ticket,
            request,
            attempts: 0,
            reached: None,
            demanded: None,
            best: None,
            written: None,
            deadline,
            since: now,
            expires,
            phase,
        };
        if let Some(at) = pending.alarm(true) {
            self.alarms.insert((at, seq));
        }
        self.by_seq.insert(seq, pending);
        self.seq_of.insert(ticket, seq);
        self.startable.insert(seq);
    }
    /// The request must reach this level.
    pub(super) fn demand(&mut self, ticket: Ticket, level: Option<Delivery>) {
        if let Some(pending) = self.find(ticket).and_then(|seq| self.by_seq.get_mut(&seq)) {
            pending.demanded = level;
        }
    }
    pub(super) fn find(&self, ticket: Ticket) -> Option<Seq> {
        self.seq_of.get(&ticket).copied()
    }
    /// The request at a place that `find`, `first` or another method here just gave.
    pub(super) fn get(&self, seq: Seq) -> &Pending<R> {
        self.by_seq.get(&seq).expect("the place was just looked up")
    }
    pub(super) fn first(&self) -> Option<Seq> {
        self.by_seq.keys().next().copied()
    }
    pub(super) fn remove(&mut self, seq: Seq) -> Pending<R> {
        self.disarm(seq);
        self.startable.remove(&seq);
        self.later.remove(&seq);
        let pending = self.by_seq.remove(&seq).expect("the place was just looked up");
        self.seq_of.remove(&pending.ticket);
        pending
    }
    /// Everything, in order.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Pending<R>> {
        let all = std::mem::take(&mut self.by_seq);
        self.seq_of.clear();
        self.startable.clear();
        self.later.clear();
        self.alarms.clear();
        all.into_values()
    }
    /// Begins the next attempt. Says which it is.
    pub(super) fn begin(&mut self, seq: Seq, phase: Phase) -> u32 {
        self.disarm(seq);
        let pending = self.by_seq.get_mut(&seq).expect("the place was just looked up");
        pending.attempts += 1;
        (pending.reached, pending.written) = (None, None);
        let attempts = pending.attempts;
        self.set(seq, phase);
        attempts
    }
    /// Its attempt has proved this level, and may prove more. Says whether no attempt had got so far.
    pub(super) fn reached(&mut self, seq: Seq, level: Delivery) -> bool {
        let pending = self.by_seq.get_mut(&seq).expect("the place was just looked up");
        pending.reached = pending.reached.max(Some(level));
        let before = pending.best;
        pending.best = before.max(Some(level));
        pending.best > before
    }
    /// The kernel has all of its attempt.
    pub(super) fn wrote(&mut self, now: Time, seq: Seq) {
        let pending = self.by_seq.get_mut(&seq).expect("the place was just looked up");
        pending.written = Some(now);
    }
    pub(super) fn set(&mut self, seq: Seq, phase: Phase) {
        self.disarm(seq);
        self.startable.remove(&seq);
        self.later.remove(&seq);
        if let Phase::Due(_) = phase {
            self.later.insert(seq);
        }
        let pending = self.by_seq.get_mut(&seq).expect("the place was just looked up");
        pending.phase = phase;
        self.arm(seq);
    }
    /// The next attempt may begin at `at`.
    pub(super) fn again(&mut self, now: Time, seq: Seq, at: Time) {
        self.set(seq, Phase::Due(at));
        if at <= now {
            self.disarm(seq);
            self.make_startable(seq);
            self.arm(seq);
        }
    }
    /// The first request that may begin an attempt, in this order of going.
    pub(super) fn startable(&self, order: Order) -> Option<Seq> {
        let seq = *self.startable.first()?;
        let may = match order {
            Order::Free => true,
            Order::InTurn => self.later.first().is_none_or(|later| *later > seq),
            Order::OneByOne => self.first() == Some(seq),
        };
        may.then_some(seq)
    }
    /// Requests whose attempt has begun and not ended, in order.
    pub(super) fn attempts(&self) -> Vec<Seq> {
        let begun = self.by_seq.iter().filter(|(_, p)| p.phase.is_attempt());
        begun.map(|(seq, _)| *seq).collect()
    }
    /// A later request is here.
    pub(super) fn has_after(&self, seq: Seq) -> bool {
        self.by_seq.keys().next_back().is_some_and(|last| *last > seq)
    }
    /// Requests of which nothing is on its way now, in order.
    pub(super) fn waiting(&self) -> Vec<Seq> {
        let waiting = self.by_seq.iter().filter(|(_, p)| !p.phase.is_ambiguous());
        waiting.map(|(seq, _)| *seq).collect()
    }
    /// A request of which something is due by now, if there is one. Asking disarms it: the caller
    /// changes its phase, removes it, or it has become startable.
    pub(super) fn due(&mut self, now: Time) -> Option<Seq> {
        let (at, seq) = *self.alarms.first()?;
        if at > now {
            return None;
        }
        self.alarms.remove(&(at, seq));
        let pending = self.get(seq);
        if matches!(pending.phase, Phase::Due(at) if at <= now) {
            self.make_startable(seq);
            self.arm(seq);
        }
        Some(seq)
    }
    /// When something is due next.
    pub(super) fn wake_at(&self) -> Option<Time> {
        self.alarms.first().map(|(at, _)| *at)
    }
    fn make_startable(&mut self, seq: Seq) {
        self.later.remove(&seq);
        self.startable.insert(seq);
    }
    fn arm(&mut self, seq: Seq) {
        if let Some(at) = self.get(seq).alarm(self.startable.contains(&seq)) {
            self.alarms.insert((at, seq));
        }
    }
    fn disarm(&mut self, seq: Seq) {
        if let Some(at) = self.get(seq).alarm(self.startable.contains(&seq)) {
            self.alarms.remove(&(at, seq));
        }
    }
}
