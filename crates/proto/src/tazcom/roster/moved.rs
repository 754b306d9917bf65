//! Announcements that change: somebody listens elsewhere now, or somebody else says so. A link that works
//! is kept until whoever is elsewhere has proven to be the same.
use std::net::SocketAddr;

use super::{
    Announcement, NodeId, Output, Roster,
    record::{MAX_ADDRS, Record, State},
};
use crate::Time;

/// Where the other claim to a name is kept.
fn rival_key(key: &str) -> String {
    format!("{key} elsewhere")
}

impl Roster {
    /// What is announced under this name has changed.
    pub(super) fn moved(
        &mut self,
        now: Time,
        key: &str,
        announced: &Announcement,
        (id, addrs): (NodeId, Vec<SocketAddr>),
    ) {
        let record = self.records.get_mut(key).expect("the caller has looked");
        let called = self.called.values().find(|(who, from)| record.is_of(*who, *from));
        let works: Vec<_> = match (record.state, called) {
            (State::Up(_), _) => vec![record.addr()],
            (State::Due(_) | State::Dialing(_), Some((_, from))) => record.at_ip(*from).collect(),
            (State::Due(_) | State::Dialing(_), None) => {
                return self.is_elsewhere(now, key, id, addrs);
            }
        };
        match addrs.iter().position(|addr| works.contains(addr)) {
            // It is where it was, and in other places besides.
            Some(at) if record.claimed == Some(id) => (record.addrs, record.at) = (addrs, at),
            _ => self.contends(now, key, announced, id, addrs),
        }
    }

    /// Nothing is known of where it was that would be worth keeping.
    fn is_elsewhere(&mut self, now: Time, key: &str, id: NodeId, addrs: Vec<SocketAddr>) {
        let Some(record) = self.records.get_mut(key) else { return };
        record.is_well();
        (record.addrs, record.at) = (addrs, 0);
        record.proven &= record.claimed == Some(id);
        record.claimed = Some(id);
        match std::mem::replace(&mut record.state, State::Due(now)) {
            State::Due(_) => {}
            State::Dialing(attempt) | State::Up(attempt) => {
                self.attempts.remove(&attempt);
                self.out.push_back(Output::HangUp(attempt));
            }
        }
    }

    /// Greets whoever is elsewhere, beside the link that works. There is one at a time.
    fn contends(
        &mut self,
        now: Time,
        key: &str,
        announced: &Announcement,
        id: NodeId,
        addrs: Vec<SocketAddr>,
    ) {
        let rival = rival_key(key);
        match self.records.get(&rival) {
            Some(known) if known.addrs == addrs && known.claimed == Some(id) => {}
            Some(_) => self.is_elsewhere(now, &rival, id, addrs),
            None if self.has_room(&rival) => {
                let mut record = Record::new(now, Some(announced.name.clone()), addrs);
                (record.claimed, record.rival_of) = (Some(id), Some(key.to_owned()));
                self.records.insert(rival, record);
            }
            None => {}
        }
    }

    /// Whoever is elsewhere has proven to be who is linked: it has moved, and the old link is of no use.
    pub(super) fn takes_over(&mut self, attempt: u64, key: String, who: NodeId) -> String {
        let Some(main) = self.records.get(&key).and_then(|record| record.rival_of.clone()) else {
            return key;
        };
        if self.records.get(&main).is_some_and(|main| main.claimed != Some(who)) {
            return key;
        }
        let mut record = self.records.remove(&key).expect("looked at just now");
        record.rival_of = None;
        if let Some(before) = self.records.remove(&main) {
            (record.there, record.proven) = (before.there, before.proven);
            record.version = before.version;
            if let State::Up(old) | State::Dialing(old) = before.state {
                self.attempts.remove(&old);
                self.out.push_back(Output::HangUp(old));
            }
        }
        self.records.insert(main.clone(), record);
        self.attempts.insert(attempt, main.clone());
        main
    }

    /// The link that was kept has ended: then whoever is elsewhere may be right, unless it has lied.
    pub(super) fn hears_rival(&mut self, key: &str) {
        let Some(rival) = self.records.get(&rival_key(key)) else { return };
        let (honest, addrs) = (!rival.liar, rival.addrs.clone());
        self.forget(&rival_key(key));
        if let Some(record) = self.records.get_mut(key).filter(|_| honest) {
            let before = record.addrs.iter().filter(|addr| !addrs.contains(addr)).copied();
            let mut all: Vec<_> = addrs.iter().copied().chain(before).collect();
            all.truncate(MAX_ADDRS);
            (record.addrs, record.at) = (all, 0);
        }
    }

    /// The name is not announced any more.
    pub(super) fn forget_rival(&mut self, key: &str) {
        self.forget(&rival_key(key));
    }
}
