//! The endpoint's timers (SEMI E37 §9): what each governs, and what it says when it runs out.
use std::{fmt, time::Duration};

use super::{
    conduct::Reaction,
    endpoint::{Answered, Control, Endpoint, Open, Said, State},
    message::{Header, NO_SESSION, SType},
};
use crate::{CloseReason, Time};

/// What started a timer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    Open,
    Sent(Header),
    Got(Header),
    Bytes(usize),
    Idle,
}

/// A timer that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) at: Time,
    pub(super) since: Time,
    pub(super) cause: Cause,
}

impl Endpoint {
    /// When to call [`timeout`](Self::timeout).
    pub(super) fn wake_at(&self) -> Option<Time> {
        if self.closed || self.wedged {
            return None;
        }
        let t3 = self.t3.iter().find_map(|system| self.open.get(system)?.t3);
        let t6 = self.control.values().map(|c| c.t6.at).min();
        let others = [t3, self.t7, self.t8, self.linktest].into_iter().flatten().map(|t| t.at);
        others.chain(t6).min()
    }

    /// The instant asked for has passed.
    pub(super) fn timeout(&mut self, now: Time) {
        if self.closed || self.wedged {
            return;
        }
        let due = |timer: Option<Running>| timer.filter(|t| t.at <= now);
        self.expire_t3(now);
        self.expire_t6(now);
        if let Some(t8) = due(self.t8) {
            let t8 = self.ran_out("T8", self.config.timers.t8, t8);
            self.close(CloseReason::Timer(format!("a message stopped coming: {t8}")));
        }
        if let Some(t7) = due(self.t7) {
            self.t7 = None;
            let asked = self.state != State::NotSelected { asked: None };
            let t7 = self.ran_out("T7", self.config.timers.t7, t7);
            let what =
                if asked { "selection timeout: no response received" } else { "not selected" };
            self.close(CloseReason::Timer(format!("{what}: {t7}")));
        }
        if due(self.linktest).is_some() {
            self.linktest = None;
            self.ask_control(now, SType::LinktestReq, None);
        }
    }

    fn expire_t3(&mut self, now: Time) {
        while let Some(&system) = self.t3.front() {
            match self.open.get(&system) {
                Some(Open { t3: Some(t3), .. }) if t3.at > now => return,
                Some(&Open { ticket, header, t3: Some(t3) }) => {
                    self.open.remove(&system);
                    let why = self.ran_out("T3", self.config.timers.t3, t3);
                    let why = format!("no reply to {header}: {why}");
                    let answered = Answered::TimedOut(why, header);
                    self.say(Said::Answered(ticket, answered));
                }
                Some(Open { t3: None, .. }) | None => {}
            }
            self.t3.pop_front();
        }
    }

    fn expire_t6(&mut self, now: Time) {
        let due: Vec<_> =
            self.control.iter().filter(|(_, c)| c.t6.at <= now).map(|(s, c)| (*s, *c)).collect();
        for (system, Control { stype, ticket, t6 }) in due {
            self.control.remove(&system);
            let t6 = self.ran_out("T6", self.config.timers.t6, t6);
            match stype {
                SType::SelectReq => {
                    if let State::NotSelected { asked } = &mut self.state {
                        *asked = None;
                    }
                    let why = format!("selection timeout: no response received: {t6}");
                    match self.config.conduct.no_select_rsp {
                        Reaction::Close => self.close(CloseReason::Timer(why)),
                        _ => self.odd("select_timeout", why),
                    }
                }
                SType::LinktestReq => {
                    self.unanswered += 1;
                    let why = format!("no Linktest.rsp: {t6}");
                    if let Some(ticket) = ticket {
                        let header = Header::control(stype, NO_SESSION, 0, 0, system);
                        self.say(Said::Answered(ticket, Answered::TimedOut(why.clone(), header)));
                    }
                    if self.unanswered >= self.config.timers.linktest_threshold {
                        self.close(CloseReason::Timer(why));
                    } else {
                        self.odd("linktest_unanswered", why);
                        self.watch_idle(now);
                    }
                }
                _ => self.close(CloseReason::Timer(format!("no answer to {}: {t6}", stype.name()))),
            }
        }
    }

    fn ran_out(&self, name: &str, length: Duration, timer: Running) -> String {
        let Running { since, cause, .. } = timer;
        format!("{name} of {length:?} ran out, started at {since:?} by {cause}")
    }

    /// T8 counts from the last byte of a message that is not whole, length bytes included.
    pub(super) fn watch_gaps(&mut self, now: Time) {
        let partial = self.framing.partial();
        let mid_message = partial > 0 || self.swallowing;
        self.t8 = (mid_message && self.config.conduct.t8)
            .then(|| self.running(now, self.config.timers.t8, Cause::Bytes(partial)));
    }

    /// The time to the next linktest counts from the last traffic.
    pub(super) fn watch_idle(&mut self, now: Time) {
        let idle = self.config.timers.linktest.filter(|_| self.is_selected());
        self.linktest = idle.map(|interval| self.running(now, interval, Cause::Idle));
    }

    pub(super) fn running(&self, now: Time, length: Duration, cause: Cause) -> Running {
        Running { at: now + length, since: now, cause }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("the connection opening"),
            Self::Sent(header) => write!(f, "our {header} ({:08x})", header.system),
            Self::Got(header) => write!(f, "their {header} ({:08x})", header.system),
            Self::Bytes(partial) => write!(f, "byte {partial} of a message"),
            Self::Idle => f.write_str("the last traffic"),
        }
    }
}
