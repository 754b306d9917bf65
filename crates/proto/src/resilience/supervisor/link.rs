//! The connection: when to dial, what counts as being there, and what a loss means.
use super::*;

impl<P: Protocol> Supervisor<P> {
    /// Somebody needs a connection: a request that may begin, or a policy that keeps one up.
    pub(super) fn wants_link(&self) -> bool {
        let kept = self.reconnect.is_some() && self.started;
        !self.paused && !self.stopped && (kept || self.outbox.startable(self.order()).is_some())
    }

    pub(super) fn dial(&mut self, now: Time) {
        let Link::Down { dial_at } = self.link else { return };
        if self.breaker.as_ref().is_some_and(|b| b.is_blocking(now)) {
            self.refuse_what_waits();
        }
        if dial_at.is_none_or(|at| at > now) || !self.wants_link() {
            return;
        }
        match self.admit(now) {
            Ok(permit) => {
                self.permit = permit;
                if let Some(seq) = self.outbox.startable(self.order()) {
                    self.begin_attempt(seq, Phase::Linking);
                }
                self.link = Link::Connecting { until: now + self.policy.connect_timeout };
                self.out.push_back(Step::Connect);
            }
            Err(dial_at) => {
                self.link = Link::Down { dial_at };
                self.refuse_what_waits();
            }
        }
    }

    fn admit(&mut self, now: Time) -> Result<Option<Permit>, Option<Time>> {
        let admitted = match &mut self.breaker {
            None => return Ok(None),
            Some(breaker) => breaker.admit(now),
        };
        self.tell_breaker_events();
        admitted.map(Some)
    }

    pub(super) fn opened(&mut self, now: Time) {
        if matches!(self.link, Link::Connecting { .. }) {
            let until = now + self.policy.ready_timeout;
            self.link = Link::Opening { until, session: self.protocol.client(now) };
            self.alarm = None;
        }
    }

    pub(super) fn ready(&mut self, now: Time, proof: Proof) {
        self.out.push_back(Step::Ready(proof));
        match std::mem::replace(&mut self.link, Link::Down { dial_at: None }) {
            Link::Opening { session, .. } => {
                self.link = Link::Up { session, healthy_at: now + self.policy.survive };
            }
            other => self.link = other,
        }
        if proof == Proof::RoundTrip {
            self.prove(now, proof);
        }
        self.resend_last(now);
        for seq in self.outbox.attempts() {
            if self.outbox.get(seq).phase() == Phase::Linking {
                self.transmit(now, seq);
            }
        }
    }

    /// The peer is really there: only now is this connection a success.
    pub(super) fn prove(&mut self, now: Time, proof: Proof) {
        if !matches!(self.link, Link::Up { .. }) || std::mem::replace(&mut self.proved, true) {
            return;
        }
        self.note(Note::Proved(proof));
        if let Some(reconnect) = &mut self.reconnect {
            reconnect.proved();
        }
        if let (Some(breaker), Some(permit)) = (&mut self.breaker, self.permit.take()) {
            breaker.on_success(now, permit);
        }
        self.tell_breaker_events();
    }

    pub(super) fn expire_link(&mut self, now: Time) {
        let (waited_for, stage) = match &self.link {
            Link::Connecting { until } if *until <= now => ("connection", Stage::ConnectTimeout),
            Link::Opening { until, .. } if *until <= now => ("handshake", Stage::ReceiveTimeout),
            Link::Up { healthy_at, .. } if *healthy_at <= now => {
                return self.prove(now, Proof::Survived);
            }
            Link::Down { .. }
            | Link::Connecting { .. }
            | Link::Opening { .. }
            | Link::Up { .. } => {
                return;
            }
        };
        let reason = CloseReason::TimedOut(waited_for.into());
        let detail = reason.to_string();
        self.out.push_back(Step::Disconnect(reason));
        self.lose_link(now, stage, &detail);
    }

    /// The connection is gone, or never came. Whatever was on it has failed one attempt.
    pub(super) fn lose_link(&mut self, now: Time, stage: Stage, detail: &str) {
        self.forget_link(now, detail);
        self.fail_what_was_on_it(now, stage, detail);
    }

    /// Closes it because it is of no use any more. Not answering in time is the peer's failure.
    pub(super) fn give_up_link(&mut self, now: Time, reason: CloseReason) {
        if !matches!(self.link, Link::Down { .. }) {
            let detail = reason.to_string();
            self.out.push_back(Step::Disconnect(reason));
            self.forget_link(now, &detail);
        }
    }

    /// Closes it because we are done: no loss, and nobody's fault.
    pub(super) fn hang_up(&mut self, now: Time, reason: CloseReason) {
        if matches!(self.link, Link::Down { .. }) {
            return;
        }
        self.say_goodbye(now);
        self.out.push_back(Step::Disconnect(reason));
        if let (Some(breaker), Some(permit)) = (&mut self.breaker, self.permit.take()) {
            breaker.on_ignored(permit);
        }
        self.link = Link::Down { dial_at: Some(now) };
        (self.alarm, self.proved) = (None, false);
    }

    /// Last words, if the protocol has any. What else the session has to say is past.
    fn say_goodbye(&mut self, now: Time) {
        self.tell_session(now, Input::Leave);
        while let Some(session) = self.link.session() {
            match session.poll_output() {
                Output::Transmit(frame) => self.out.push_back(Step::Transmit(frame)),
                Output::Fact(fact) => self.out.push_back(Step::Fact(fact)),
                Output::Received(frame) => self.out.push_back(Step::Received(frame)),
                Output::Ready(_) | Output::Reply(..) | Output::Push(_) | Output::Finish => {}
                Output::Close(_) | Output::Wait(_) => return,
            }
        }
    }

    fn forget_link(&mut self, now: Time, detail: &str) {
        (self.alarm, self.proved) = (None, false);
        if let (Some(breaker), Some(permit)) = (&mut self.breaker, self.permit.take()) {
            breaker.on_failure(now, permit);
        }
        let mut redial_at = now;
        if let Some(reconnect) = &mut self.reconnect {
            redial_at = now + reconnect.lost(now, self.seed);
            self.note(Note::Lost { reason: detail.to_owned(), redial_at });
        }
        self.link = Link::Down { dial_at: Some(redial_at) };
        self.tell_breaker_events();
    }

    pub(super) fn pause(&mut self, now: Time) {
        self.paused = true;
        self.hang_up(now, CloseReason::Local);
        self.fail_what_was_on_it(now, Stage::Closed, "paused");
    }

    pub(super) fn resume(&mut self, now: Time) {
        (self.paused, self.started) = (false, true);
        self.dial_from(now);
    }

    pub(super) fn moved(&mut self, now: Time) {
        self.hang_up(now, CloseReason::Local);
        self.fail_what_was_on_it(now, Stage::Closed, "the peer lives elsewhere now");
        if let Some(reconnect) = &mut self.reconnect {
            reconnect.proved();
        }
        self.dial_from(now);
    }

    pub(super) fn dial_from(&mut self, now: Time) {
        if let Link::Down { dial_at } = &mut self.link {
            *dial_at = Some(now);
        }
    }

    pub(super) fn with_breaker(&mut self, act: impl FnOnce(&mut Breaker)) {
        if let Some(breaker) = &mut self.breaker {
            act(breaker);
        }
        self.tell_breaker_events();
    }

    fn tell_breaker_events(&mut self) {
        while let Some(event) = self.breaker.as_mut().and_then(Breaker::poll_event) {
            self.out.push_back(Step::Breaker(event));
        }
    }
}
