//! How greetings go, and what follows from them.
use std::{net::IpAddr, time::Duration};

use super::{Gone, MAX_DIALING, NodeId, Output, Peer, Roster, record::State};
use crate::Time;

/// One that was caught lying is greeted again after this.
const DISTRUST: Duration = Duration::from_secs(60);

impl Roster {
    pub(super) fn greeted(&mut self, now: Time, attempt: u64, Peer { id, verified }: Peer) {
        let Some(key) = self.attempts.get(&attempt).cloned() else { return };
        let record = self.records.get_mut(&key).expect("attempts end with their record");
        let (claimed, at) = (record.claimed, record.addr().to_string());
        let who = if verified { id } else { claimed };
        if record.missed.is_some() && !(verified && claimed == id) {
            // Somebody else is where it was, and never said to be it.
            return self.forget(&key);
        }
        if verified && claimed.is_some() && claimed != id {
            // It is somebody, but not who was announced.
            return self.liar(now, attempt, claimed);
        }
        if !verified && who.is_some_and(|who| self.pins.contains(&who)) {
            return self.liar(now, attempt, who);
        }
        let key = match who.filter(|_| verified) {
            Some(who) => self.takes_over(attempt, key, who),
            None => key,
        };
        if id == Some(self.me) {
            // Somebody gave us our own address; greeting ourselves again would tell nothing new.
            return self.put_off(now, attempt, DISTRUST);
        }
        if let (true, Some(who)) = (verified, who)
            && let Some(twice) = self.elsewhere(&who, &key)
        {
            if twice {
                self.out.push_back(Output::Clone { id: who, at });
            }
            let by = if twice { DISTRUST } else { self.settings.recheck };
            return self.put_off(now, attempt, by);
        }
        let record = self.records.get_mut(&key).expect("looked at just now");
        record.is_well();
        if verified {
            record.state = State::Up(attempt);
        } else {
            record.state = State::Due(now + self.settings.recheck);
            self.attempts.remove(&attempt);
        }
        if let Some(who) = who {
            self.settle(&key, who, verified);
            self.prefer(now, who, attempt);
        }
    }

    /// Another record's link leads to this one already. If both were announced, each at its own address,
    /// the key is in use twice; an address that was given may be another way to the same node.
    fn elsewhere(&self, who: &NodeId, key: &str) -> Option<bool> {
        let here = self.records.get(key)?;
        let other = self.records.iter().find(|(other, record)| {
            let linked = matches!(record.state, State::Up(_)) && record.there == Some(*who);
            *other != key && linked
        });
        let (_, other) = other?;
        let announced = here.name.is_some() && other.name.is_some();
        Some(announced && here.addr() != other.addr())
    }

    fn settle(&mut self, key: &str, who: NodeId, verified: bool) {
        let (was_there, was_pinned) = (self.is_there(&who), self.pins.contains(&who));
        let record = self.records.get_mut(key).expect("the caller has looked");
        let before = record.there.replace(who).filter(|before| *before != who);
        record.proven |= verified;
        if verified {
            self.pins.put(who, ());
        }
        if !was_there || verified && !was_pinned {
            self.out.push_back(Output::Joined(who, verified));
        }
        self.left(before, Gone::Ghost);
    }

    /// Of two links to the same peer, both ends keep the one that the lower id has opened.
    fn prefer(&mut self, now: Time, who: NodeId, attempt: u64) {
        let call =
            self.called.iter().find(|(_, (called, _))| *called == who).map(|(call, _)| *call);
        let Some(call) = call else { return };
        if self.me < who {
            self.called.remove(&call);
            self.out.push_back(Output::HangUpCall(call));
        } else if let Some(key) = self.attempts.remove(&attempt) {
            // It is there, and is looked at again when the other link ends.
            let record = self.records.get_mut(&key).expect("attempts end with their record");
            record.state = State::Due(now + self.settings.recheck);
            self.out.push_back(Output::HangUp(attempt));
        }
    }

    pub(super) fn unmasked(&mut self, now: Time, attempt: u64, claimed: NodeId) {
        if self.attempts.contains_key(&attempt) {
            self.liar(now, attempt, Some(claimed));
        }
    }

    fn liar(&mut self, now: Time, attempt: u64, claimed: Option<NodeId>) {
        let key = self.attempts.get(&attempt);
        let at = key.and_then(|key| self.records.get_mut(key)).map(|record| {
            record.liar = true;
            match &record.name {
                Some(name) => format!("{} ({name})", record.addr()),
                None => record.addr().to_string(),
            }
        });
        if let (Some(claimed), Some(at)) = (claimed, at) {
            self.report(claimed, at);
        }
        self.put_off(now, attempt, DISTRUST);
    }

    fn put_off(&mut self, now: Time, attempt: u64, by: Duration) {
        let Some(key) = self.attempts.remove(&attempt) else { return };
        let record = self.records.get_mut(&key).expect("attempts end with their record");
        record.state = State::Due(now + by);
        let before = record.there.take();
        self.out.push_back(Output::HangUp(attempt));
        self.left(before, Gone::Ghost);
    }

    pub(super) fn ended(&mut self, now: Time, attempt: u64, why: &str) {
        let Some(key) = self.attempts.remove(&attempt) else { return };
        let record = self.records.get_mut(&key).expect("attempts end with their record");
        if matches!(record.state, State::Up(_)) {
            // It was there a moment ago, and is greeted again at once.
            record.state = State::Due(now);
            record.missed = record.missed.map(|_| now + self.settings.missed);
            return self.hears_rival(&key);
        }
        record.fails(why);
        if record.next_addr() {
            record.state = State::Due(now);
            return;
        }
        record.failures = record.failures.saturating_add(1);
        let delay = self.settings.backoff.delay(record.failures, &mut self.rng);
        record.state = State::Due(now + delay);
        if record.doubt.is_none() && record.failures == 1 {
            record.doubt = Some(now + self.settings.ghost);
            // What is not announced cannot be asked for.
            if let (Some(name), None) = (&record.name, record.missed) {
                self.out.push_back(Output::Reverify(name.clone()));
            }
        }
    }

    pub(super) fn called(&mut self, now: Time, call: u64, peer: Peer, from: IpAddr) {
        let Peer { id: Some(id), verified } = peer else { return };
        if !verified {
            // A word from somebody, no more than that; of one that can prove itself, a lie.
            if self.pins.contains(&id) {
                self.report(id, from.to_string());
            }
            return;
        }
        if id == self.me {
            self.out.push_back(Output::Clone { id, at: from.to_string() });
            return self.out.push_back(Output::HangUpCall(call));
        }
        let (was_there, was_pinned) = (self.is_there(&id), self.pins.contains(&id));
        self.called.insert(call, (id, from));
        self.pins.put(id, ());
        if !was_there || !was_pinned {
            self.out.push_back(Output::Joined(id, true));
        }
        for record in self.records.values_mut().filter(|record| record.is_of(id, from)) {
            (record.there, record.proven) = (Some(id), true);
            record.is_well();
            // If only that link remains, it is looked at again when that link ends.
            if let State::Due(at) = &mut record.state {
                *at = (*at).max(now + self.settings.recheck);
            }
        }
        let up = |state| if let State::Up(attempt) = state { Some(attempt) } else { None };
        let ours = self.records.values().filter(|record| record.there == Some(id));
        if let Some(attempt) = ours.filter_map(|record| up(record.state)).next() {
            self.prefer(now, id, attempt);
        }
    }

    pub(super) fn call_ended(&mut self, now: Time, call: u64, from: IpAddr) {
        self.calls.ended(from);
        let Some((id, _)) = self.called.remove(&call) else { return };
        let mut known = false;
        for record in self.records.values_mut().filter(|record| record.there == Some(id)) {
            known = true;
            if let State::Due(at) = &mut record.state {
                *at = now;
            }
        }
        if !known {
            self.left(Some(id), Gone::Ghost);
        }
    }

    /// It is not announced any more. Of one that has proven itself, a link that works is kept, and its
    /// address is kept for a while.
    pub(super) fn taken_back(&mut self, now: Time, key: &str) {
        self.forget_rival(key);
        let Some(record) = self.records.get_mut(key) else { return };
        if !record.proven {
            return self.forget(key);
        }
        record.missed = Some(now + self.settings.missed);
        let called = |who| self.called.values().any(|(called, _)| *called == who);
        if !matches!(record.state, State::Up(_)) && !record.there.is_some_and(called) {
            record.doubt = None;
            let before = record.there.take();
            self.left(before, Gone::Goodbye);
        }
    }

    pub(super) fn forget(&mut self, key: &str) {
        let Some(record) = self.records.remove(key) else { return };
        if let State::Dialing(attempt) | State::Up(attempt) = record.state {
            self.attempts.remove(&attempt);
            self.out.push_back(Output::HangUp(attempt));
        }
        self.left(record.there, Gone::Goodbye);
    }

    fn left(&mut self, who: Option<NodeId>, how: Gone) {
        if let Some(who) = who.filter(|who| !self.is_there(who)) {
            self.out.push_back(Output::Left(who, how));
        }
    }

    /// Does what is due: greets, gives up ghosts, forgets.
    pub(super) fn tick(&mut self, now: Time) {
        self.give_up(now);
        let mut dialing =
            self.records.values().filter(|r| matches!(r.state, State::Dialing(_))).count();
        let linked: Vec<_> = self.called.values().copied().collect();
        for (key, record) in &mut self.records {
            let State::Due(at) = record.state else { continue };
            if at > now || dialing == MAX_DIALING {
                continue;
            }
            // It has called us from where it says it is: that link will do. Whoever says otherwise is
            // asked all the same.
            if record.rival_of.is_none()
                && let Some((who, _)) = linked.iter().find(|(who, from)| record.is_of(*who, *from))
            {
                record.there = Some(*who);
                record.state = State::Due(now + self.settings.recheck);
                continue;
            }
            let attempt = self.next_attempt;
            self.next_attempt += 1;
            record.state = State::Dialing(attempt);
            self.attempts.insert(attempt, key.clone());
            self.out.push_back(Output::Dial(attempt, record.addr()));
            dialing += 1;
        }
    }

    fn give_up(&mut self, now: Time) {
        let mut ghosts = Vec::new();
        let mut stale = Vec::new();
        for (key, record) in &mut self.records {
            if record.doubt.is_some_and(|until| until <= now) {
                record.doubt = None;
                ghosts.push(record.there.take());
            }
            let forgotten = record.heard + self.settings.forget <= now;
            let over = record.missed.is_some_and(|until| until <= now) && record.there.is_none();
            if over || record.name.is_some() && record.failures > 0 && forgotten {
                stale.push(key.clone());
            }
        }
        ghosts.into_iter().for_each(|who| self.left(who, Gone::Ghost));
        stale.iter().for_each(|key| self.forget(key));
    }

    pub(in crate::tazcom) fn alarm(&self) -> Option<Time> {
        let mut dialing = 0;
        let mut alarm: Option<Time> = None;
        for record in self.records.values() {
            let due = match record.state {
                State::Due(at) => Some(at),
                State::Dialing(_) => {
                    dialing += 1;
                    None
                }
                State::Up(_) => None,
            };
            alarm = due.into_iter().chain(record.doubt).chain(alarm).min();
        }
        // While there are as many greetings as there may be, the end of one is waited for.
        alarm.filter(|_| dialing < MAX_DIALING)
    }
}
