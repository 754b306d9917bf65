//! Requests: taken on, sent, retried, and each answered exactly once.
use std::time::Duration;

use super::*;
use crate::{
    Answer,
    resilience::{
        outbox::{Pending, Seq},
        policy::WhenOpen,
    },
    rng::Rng,
};

impl<P: Protocol> Supervisor<P> {
    pub(super) fn submit(&mut self, now: Time, ticket: Ticket, request: P::Request) {
        self.demand(now, ticket, request, Demand::default());
    }

    pub(super) fn demand(
        &mut self,
        now: Time,
        ticket: Ticket,
        request: P::Request,
        demand: Demand,
    ) {
        let Demand { level, deadline } = demand;
        self.started = true;
        if self.policy.queueing == Queueing::Latest {
            self.supersede();
        }
        if let Some((stage, detail)) = self.refusal() {
            let error = RequestError { stage, attempts: 0, detail };
            return self.out.push_back(Step::Done(ticket, 0, Err(error)));
        }
        let deadline = deadline.or(self.policy.deadline).map(|d| now + d);
        let expires = self.policy.expire_after.map(|d| now + d);
        self.outbox.push(now, ticket, request, deadline, expires);
        self.outbox.demand(ticket, level);
    }

    fn refusal(&self) -> Option<(Stage, String)> {
        if self.stopped {
            return Some((Stage::Cancelled, "the client is shutting down".into()));
        }
        if self.outbox.len() >= self.policy.queue {
            let detail = format!("{} requests are waiting already", self.policy.queue);
            return Some((Stage::QueueFull, detail));
        }
        None
    }

    /// A newer state is here: those not on their way need not be sent any more.
    fn supersede(&mut self) {
        for seq in self.outbox.waiting() {
            self.finish_badly(seq, Stage::Superseded, "a newer state was submitted".into());
        }
    }

    /// The breaker is open: those that wait would only wait for it.
    pub(super) fn refuse_what_waits(&mut self) {
        if self.policy.when_open == WhenOpen::Hold {
            return;
        }
        while let Some(seq) = self.outbox.startable(Order::Free) {
            let detail = "the circuit breaker lets nobody pass".to_owned();
            self.finish_badly(seq, Stage::BreakerOpen, detail);
        }
    }

    pub(super) fn written(&mut self, now: Time, ticket: Ticket) {
        let Some(seq) = self.outbox.find(ticket) else { return };
        let Phase::Sending { .. } = self.outbox.get(seq).phase() else { return };
        let confirm = self.confirms(seq);
        let patience = match confirm {
            Delivery::Survived => self.policy.survive,
            _ => self.rtt.as_ref().map_or(self.policy.recv_timeout, Rtt::timeout),
        };
        self.outbox.wrote(now, seq);
        self.outbox.set(seq, Phase::Waiting { until: now + patience });
        match confirm {
            Delivery::Queued | Delivery::Written => {
                self.succeed(now, seq, Delivery::Written, None);
            }
            Delivery::TcpAcked => self.out.push_back(Step::WatchAck(ticket)),
            Delivery::Replied | Delivery::Applied | Delivery::Observed
                if self.policy.tell_acked =>
            {
                self.out.push_back(Step::WatchAck(ticket));
            }
            Delivery::Survived | Delivery::Replied | Delivery::Applied | Delivery::Observed => {}
        }
    }

    pub(super) fn acked(&mut self, now: Time, ticket: Ticket) {
        let Some(seq) = self.outbox.find(ticket) else { return };
        match self.outbox.get(seq).phase() {
            Phase::Waiting { .. } if self.confirms(seq) == Delivery::TcpAcked => {
                self.succeed(now, seq, Delivery::TcpAcked, None);
            }
            Phase::Acking { .. } => self.succeed(now, seq, Delivery::Survived, None),
            Phase::Waiting { .. } => self.reached(seq, Delivery::TcpAcked),
            Phase::Due(_) | Phase::Linking | Phase::Sending { .. } => {}
        }
    }

    fn reached(&mut self, seq: Seq, level: Delivery) {
        if self.outbox.reached(seq, level) {
            let ticket = self.outbox.get(seq).ticket;
            self.note(Note::Reached { ticket, level });
        }
    }

    /// How long this answer took says how long to wait for the next.
    fn learn(&mut self, now: Time, seq: Seq) {
        let (Some(rtt), Some(written)) = (&mut self.rtt, self.outbox.get(seq).written_once())
        else {
            return;
        };
        rtt.took(now - written);
        let pulse = rtt.pulse();
        self.note(Note::Pulse(pulse));
    }

    /// So does that none came.
    fn learn_silence(&mut self, now: Time, seq: Seq) {
        let (Some(rtt), Some(written)) = (&mut self.rtt, self.outbox.get(seq).written()) else {
            return;
        };
        if rtt.timed_out(now, written) {
            let pulse = rtt.pulse();
            self.note(Note::Pulse(pulse));
        }
    }

    /// The connection was healthy for long enough. So is one whose packets vanish, until the kernel
    /// gives up: it counts only with the acknowledgement, where the kernel can be asked for that.
    fn survived(&mut self, now: Time, seq: Seq) {
        if !cfg!(target_os = "linux") {
            return self.succeed(now, seq, Delivery::Survived, None);
        }
        let ticket = self.outbox.get(seq).ticket;
        self.outbox.set(seq, Phase::Acking { until: now + self.policy.recv_timeout });
        self.out.push_back(Step::WatchAck(ticket));
    }

    pub(super) fn shut_down(&mut self, now: Time) {
        self.stopped = true;
        for p in self.outbox.drain() {
            let detail = "the client is shutting down".to_owned();
            let attempts = p.attempts;
            let error = RequestError { stage: Stage::Cancelled, attempts, detail };
            if p.is_unsent() {
                self.out.push_back(Step::Unsent(p.ticket, p.request));
            }
            self.out.push_back(Step::Done(p.ticket, attempts, Err(error)));
        }
        self.hang_up(now, CloseReason::Local);
    }

    pub(super) fn expire_requests(&mut self, now: Time) {
        while let Some(seq) = self.outbox.due(now) {
            let p = self.outbox.get(seq);
            if p.deadline.is_some_and(|at| at <= now) {
                self.pass_deadline(now, seq);
            } else if p.is_stale(now) {
                self.finish_badly(seq, Stage::Expired, "it went stale before it was sent".into());
            } else {
                match p.phase() {
                    Phase::Sending { until } if until <= now => {
                        self.time_out(now, seq, Stage::SendFailed, "room to send");
                    }
                    Phase::Waiting { until } if until <= now => match self.confirms(seq) {
                        Delivery::Survived => self.survived(now, seq),
                        _ => {
                            self.learn_silence(now, seq);
                            self.time_out(now, seq, Stage::ReceiveTimeout, "answer");
                        }
                    },
                    Phase::Acking { until } if until <= now => {
                        self.time_out(now, seq, Stage::ReceiveTimeout, "acknowledgement");
                    }
                    Phase::Due(_) | Phase::Linking => {}
                    Phase::Sending { .. } | Phase::Waiting { .. } | Phase::Acking { .. } => {}
                }
            }
        }
    }

    /// An attempt's own time is up. Where requests go one by one a late answer would be taken for the
    /// next one's, so the connection goes too; and so it does when bytes do not get through it.
    fn time_out(&mut self, now: Time, seq: Seq, stage: Stage, waited_for: &'static str) {
        let reason = CloseReason::TimedOut(waited_for.into());
        let mut detail = reason.to_string();
        if let Some(level) = self.outbox.get(seq).reached {
            detail.push_str(&format!("; it got as far as {level}"));
        }
        let phase = self.outbox.get(seq).phase();
        let ambiguous = phase.is_ambiguous();
        let stuck = matches!(phase, Phase::Sending { .. } | Phase::Acking { .. });
        if self.order() == Order::OneByOne || stuck {
            self.give_up_link(now, reason);
        }
        let ticket = self.outbox.get(seq).ticket;
        self.tell_session(now, Input::Forget(ticket));
        self.fail_attempt(now, seq, stage, detail.clone(), ambiguous);
        if matches!(self.link, Link::Down { .. }) {
            self.fail_what_was_on_it(now, Stage::Closed, &detail);
        }
    }

    fn pass_deadline(&mut self, now: Time, seq: Seq) {
        let p = self.outbox.get(seq);
        let (limit, phase) = (p.time_allowed(), p.phase());
        if phase.is_attempt() {
            self.note_failure(seq, Stage::Deadline, "cut short by the deadline".into(), None);
        }
        if phase.is_ambiguous() && self.order() == Order::OneByOne {
            self.give_up_link(now, CloseReason::TimedOut("answer".into()));
        } else if phase == Phase::Linking && self.reconnect.is_none() {
            self.hang_up(now, CloseReason::TimedOut("connection".into()));
        }
        let ticket = self.outbox.get(seq).ticket;
        self.tell_session(now, Input::Forget(ticket));
        self.finish_badly(seq, Stage::Deadline, format!("the deadline of {limit:?} passed"));
    }

    /// Begins the next attempt that may begin. Says whether one did.
    pub(super) fn start_next(&mut self, now: Time) -> bool {
        if !matches!(self.link, Link::Up { .. }) {
            return false;
        }
        let Some(seq) = self.outbox.startable(self.order()) else { return false };
        self.begin_attempt(seq, Phase::Linking);
        self.transmit(now, seq);
        true
    }

    pub(super) fn begin_attempt(&mut self, seq: Seq, phase: Phase) {
        let attempt = self.outbox.begin(seq, phase);
        let ticket = self.outbox.get(seq).ticket;
        self.note(Note::Attempt { ticket, attempt });
    }

    pub(super) fn transmit(&mut self, now: Time, seq: Seq) {
        self.outbox.set(seq, Phase::Sending { until: now + self.policy.send_timeout });
        let Pending { ticket, request, .. } = self.outbox.get(seq);
        let (ticket, request) = (*ticket, request.clone());
        if self.policy.queueing == Queueing::Latest {
            self.last = Some((ticket, request.clone()));
        }
        self.tell_session(now, Input::Request(ticket, request));
    }

    /// The whole state is the first thing a new connection carries, unless a newer one waits.
    pub(super) fn resend_last(&mut self, now: Time) {
        if !self.outbox.is_empty() {
            return;
        }
        if let Some((ticket, request)) = self.last.clone() {
            self.note(Note::Resent { ticket });
            self.tell_session(now, Input::Request(ticket, request));
        }
    }

    pub(super) fn replied(&mut self, now: Time, ticket: Ticket, reply: P::Reply) {
        let answer = P::answer(&reply);
        if !matches!(answer, Answer::TimedOut(_)) {
            self.prove(now, Proof::RoundTrip);
        }
        // An answer to a request that has ended already is evidence and nothing more.
        let Some(seq) = self.outbox.find(ticket) else { return };
        // A no needs no request to have left: the session itself may have said it.
        let sending = matches!(self.outbox.get(seq).phase(), Phase::Sending { .. });
        if sending && matches!(answer, Answer::Accepted(_) | Answer::SoFar(_)) {
            let detail = "answered before the request had left".to_owned();
            return self.answered_badly(now, seq, Stage::Malformed, detail);
        }
        let confirm = self.confirms(seq);
        match &answer {
            Answer::SoFar(level) if *level < confirm => return self.reached(seq, *level),
            Answer::Accepted(_) | Answer::SoFar(_) | Answer::Rejected(_) => self.learn(now, seq),
            Answer::TimedOut(_) => {}
        }
        match answer {
            Answer::Accepted(level) | Answer::SoFar(level) if level >= confirm => {
                self.succeed(now, seq, level, Some(reply));
            }
            Answer::Accepted(level) | Answer::SoFar(level) => {
                let detail = format!("answered, which proves {level}, not {confirm}");
                self.answered_badly(now, seq, Stage::NotConfirmed, detail);
            }
            Answer::Rejected(why) => self.answered_badly(now, seq, Stage::Nack, why),
            Answer::TimedOut(why) => self.answered_badly(now, seq, Stage::ReceiveTimeout, why),
        }
    }

    /// The level this request must reach: what it or the policy asks for, or all it can ever prove.
    fn confirms(&self, seq: Seq) -> Delivery {
        let pending = self.outbox.get(seq);
        let wanted = pending.demanded.unwrap_or(self.policy.confirm);
        wanted.min(P::highest(&pending.request))
    }

    fn answered_badly(&mut self, now: Time, seq: Seq, stage: Stage, detail: String) {
        if self.policy.connection == Connection::PerRequest {
            self.hang_up(now, CloseReason::Local);
        }
        self.fail_attempt(now, seq, stage, detail, true);
    }

    fn succeed(&mut self, now: Time, seq: Seq, delivery: Delivery, reply: Option<P::Reply>) {
        let p = self.outbox.remove(seq);
        let outcome = Outcome { delivery, reply };
        self.out.push_back(Step::Done(p.ticket, p.attempts, Ok(outcome)));
        if self.policy.connection == Connection::PerRequest {
            self.hang_up(now, CloseReason::Local);
        }
    }

    pub(super) fn fail_what_was_on_it(&mut self, now: Time, stage: Stage, detail: &str) {
        for seq in self.outbox.attempts() {
            let phase = self.outbox.get(seq).phase();
            let stage = match (phase, stage) {
                (Phase::Sending { .. }, Stage::Closed | Stage::Reset) => Stage::SendFailed,
                (_, stage) => stage,
            };
            self.fail_attempt(now, seq, stage, detail.to_owned(), phase.is_ambiguous());
        }
    }

    fn fail_attempt(
        &mut self,
        now: Time,
        seq: Seq,
        stage: Stage,
        mut detail: String,
        ambiguous: bool,
    ) {
        let p = self.outbox.get(seq);
        let worth_it = self.policy.retry_on.contains(&stage)
            && p.attempts < self.policy.max_attempts
            && (self.policy.retry_ambiguous || !ambiguous);
        let mut rng = Rng::new(self.seed, &[p.ticket.0, u64::from(p.attempts)]);
        // A kept connection has its own delay before it is dialled; what was on it goes first then.
        let link_waits = self.reconnect.is_some() && matches!(self.link, Link::Down { .. });
        let delay = if link_waits {
            Duration::ZERO
        } else {
            self.policy.backoff.delay(p.attempts, &mut rng)
        };
        let retry_at = now + delay;
        let too_late = p.deadline.is_some_and(|end| retry_at >= end);
        let newer = self.policy.queueing == Queueing::Latest && self.outbox.has_after(seq);
        if worth_it && !too_late && !newer {
            self.note_failure(seq, stage, detail, Some(retry_at));
            self.outbox.again(now, seq, retry_at);
            return;
        }
        self.note_failure(seq, stage, detail.clone(), None);
        if newer && worth_it {
            self.finish_badly(seq, Stage::Superseded, "a newer state was submitted".into());
        } else if worth_it {
            detail.push_str("; another attempt would begin after the deadline");
            self.finish_badly(seq, Stage::Deadline, detail);
        } else {
            self.finish_badly(seq, stage, detail);
        }
    }

    fn note_failure(&mut self, seq: Seq, stage: Stage, detail: String, retry_at: Option<Time>) {
        let Pending { ticket, attempts, .. } = self.outbox.get(seq);
        let (ticket, attempt) = (*ticket, *attempts);
        self.note(Note::AttemptFailed { ticket, attempt, stage, detail, retry_at });
    }

    fn finish_badly(&mut self, seq: Seq, stage: Stage, detail: String) {
        let p = self.outbox.remove(seq);
        let error = RequestError { stage, attempts: p.attempts, detail };
        self.out.push_back(Step::Done(p.ticket, p.attempts, Err(error)));
    }
}
