//! Who is there. It turns what discovery says into greetings, and believes only what greetings prove.
//!
//! An announcement is a claim: each is greeted on its own, so a false one takes nothing from the true one.
//! What cannot be greeted is asked for again by name (RFC 6762 §10.4), tried again after growing delays,
//! and soon no longer counted as there. A pure machine: call [`handle_input`](Roster::handle_input), then
//! [`poll_output`](Roster::poll_output) until it says [`Output::Wait`].
mod calls;
mod greet;
mod moved;
mod record;
mod settings;

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
};

use lru::LruCache;
use serde::Serialize;

use super::{NodeId, Peer};
use crate::{Time, rng::Rng};
use calls::Calls;
use record::{Record, State, usable};
pub use settings::{RawRoster, Settings};

/// Greetings under way at a time, at most.
const MAX_DIALING: usize = 32;
/// Ids that were proven once, remembered at most.
const PINS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// The part of a node that knows who is there.
#[derive(Debug)]
pub struct Roster {
    me: NodeId,
    settings: Settings,
    rng: Rng,
    records: BTreeMap<String, Record>,
    attempts: BTreeMap<u64, String>,
    next_attempt: u64,
    /// Links that others opened: who they proved to be, and where they are.
    called: BTreeMap<u64, (NodeId, IpAddr)>,
    calls: Calls,
    /// Whoever has proven an id once is never again believed without proof.
    pins: LruCache<NodeId, ()>,
    out: VecDeque<Output>,
}

/// What discovery says of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// Its name, of which case does not count.
    pub name: String,
    /// The id it claims, as it is written.
    pub id: Option<String>,
    /// The version it says it speaks.
    pub version: Option<String>,
    /// Where it says it listens.
    pub addrs: Vec<SocketAddr>,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody was announced, for the first time or otherwise than before.
    Discovered(Announcement),
    /// An announcement was taken back, or found to be false.
    Gone(String),
    /// Somebody is said to listen here.
    Given(SocketAddr),
    /// Other addresses are ours now, or others can be reached.
    NetworkChanged,
    /// An attempt came to a greeting. If the id is proven, the link stays.
    Greeted(u64, Peer),
    /// An attempt met one that claims an id it cannot prove.
    Impostor(u64, NodeId),
    /// An attempt failed, or its link has ended.
    Ended(u64, String),
    /// One that opened a connection to us, under a number of the caller's, has greeted.
    Called(u64, Peer, IpAddr),
    /// One that opened a connection to us claims an id it cannot prove.
    CalledImpostor(NodeId, IpAddr),
    /// A connection that was opened to us has ended.
    CallEnded(u64, IpAddr),
    /// The instant asked for by [`Output::Wait`] has passed.
    Timeout,
}

/// What is to be done, or told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Greet whoever listens here, and say what came of it under this number.
    Dial(u64, SocketAddr),
    /// Hang up the link of this attempt: there is a better one.
    HangUp(u64),
    /// Hang up this link that was opened to us.
    HangUpCall(u64),
    /// Ask whether this announcement is still true.
    Reverify(String),
    /// Somebody is there, or has now proven to be.
    Joined(NodeId, bool),
    /// Somebody is not there any more.
    Left(NodeId, Gone),
    /// Somebody claims to be somebody else.
    Impostor {
        /// Who it claims to be.
        claimed: NodeId,
        /// Where it is.
        at: String,
    },
    /// A key is in use twice.
    Clone {
        /// The id of both.
        id: NodeId,
        /// Where the other is.
        at: String,
    },
    /// Something was not taken.
    Refused(Why, String),
    /// Nothing more until something happens, or this instant passes.
    Wait(Option<Time>),
}

/// How somebody left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// It said so, or its announcement was found to be false.
    Goodbye,
    /// It cannot be reached any more.
    Ghost,
}

/// Why something was not taken, a closed list fit for a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// An announcement without an id, or with none that is one.
    Id,
    /// An announcement without an address that means anything here.
    Address,
    /// More than can be held.
    TooMany,
    /// Too fast.
    Rate,
}

/// Somebody, as far as we know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Who, if anybody said so.
    pub id: Option<NodeId>,
    /// The name it is announced by.
    pub name: Option<String>,
    /// The version it says it speaks.
    pub version: Option<String>,
    /// Where. Of one that only called us, where it called from; port 0, since nobody said where it
    /// listens.
    pub addr: SocketAddr,
    /// It has proven its id, at some time.
    pub verified: bool,
    /// It is there.
    pub there: bool,
    /// A link to it is open.
    pub linked: bool,
    /// Greetings that failed in a row.
    pub failures: u32,
    /// Why the last one did.
    pub problem: Option<String>,
}

impl Roster {
    /// One that knows nobody yet.
    pub fn new(me: NodeId, settings: Settings, seed: u64) -> Self {
        Self {
            me,
            settings,
            rng: Rng::new(seed, &[0x2057]),
            records: BTreeMap::new(),
            attempts: BTreeMap::new(),
            next_attempt: 1,
            called: BTreeMap::new(),
            calls: Calls::new(),
            pins: LruCache::new(PINS),
            out: VecDeque::new(),
        }
    }
    /// Whether a connection from there may be taken in. If so, say when it ends:
    /// [`Input::CallEnded`].
    ///
    /// # Errors
    /// It may not, and why.
    pub fn admit(&mut self, now: Time, from: IpAddr) -> Result<(), (Why, String)> {
        self.calls.admit(now, from, &self.settings)
    }
    /// Something happened at `now`.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match input {
            Input::Discovered(announced) => self.discovered(now, announced),
            Input::Gone(name) => self.taken_back(now, &name.to_ascii_lowercase()),
            Input::Given(addr) => self.given(now, addr),
            Input::NetworkChanged => self.all_due(now),
            Input::Greeted(attempt, peer) => self.greeted(now, attempt, peer),
            Input::Impostor(attempt, claimed) => self.unmasked(now, attempt, claimed),
            Input::Ended(attempt, why) => self.ended(now, attempt, &why),
            Input::Called(call, peer, from) => self.called(now, call, peer, from),
            Input::CalledImpostor(claimed, from) => self.report(claimed, from.to_string()),
            Input::CallEnded(call, from) => self.call_ended(now, call, from),
            Input::Timeout => {}
        }
        self.tick(now);
    }
    /// What to do next.
    pub fn poll_output(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| Output::Wait(self.alarm()))
    }
    /// Everybody it knows of.
    pub fn snapshot(&self) -> Vec<Entry> {
        let entry = |record: &Record| {
            let id = record.there.or(record.claimed);
            Entry {
                id,
                name: record.name.clone(),
                version: record.version.clone(),
                addr: record.addr(),
                verified: id.is_some_and(|id| self.pins.contains(&id)),
                there: id.is_some_and(|id| self.is_there(&id)),
                linked: id.is_some_and(|id| self.is_linked(&id)),
                failures: record.failures,
                problem: record.problem.clone(),
            }
        };
        let mut all: Vec<_> = self.records.values().map(entry).collect();
        for (id, from) in self.called.values() {
            if !all.iter().any(|known| known.id == Some(*id)) {
                all.push(Entry {
                    id: Some(*id),
                    name: None,
                    version: None,
                    addr: SocketAddr::new(*from, 0),
                    verified: true,
                    there: true,
                    linked: true,
                    failures: 0,
                    problem: None,
                });
            }
        }
        all
    }
    /// Connections that others have opened to us.
    pub fn live_calls(&self) -> usize {
        self.calls.live()
    }

    fn discovered(&mut self, now: Time, announced: Announcement) {
        let key = announced.name.to_ascii_lowercase();
        let name = &announced.name;
        let id = announced.id.as_deref().map(str::parse::<NodeId>);
        let Some(Ok(id)) = id else {
            let what = if id.is_none() { "no id" } else { "what is no id" };
            return self.refuse(Why::Id, format!("{name} announces {what}"));
        };
        if id == self.me {
            // Our own announcement comes back to us; under another name it is somebody else's.
            if self.settings.name.as_ref().is_some_and(|ours| *ours != key) {
                self.out.push_back(Output::Clone { id, at: announced.name });
            }
            return;
        }
        let addrs = usable(&announced, self.settings.loopback);
        if addrs.is_empty() {
            let detail = format!("{name} announces no address that can be reached from here");
            return self.refuse(Why::Address, detail);
        }
        if !self.has_room(&key) {
            return self.refuse(Why::TooMany, format!("no room for {name}"));
        }
        let fresh = || Record {
            claimed: Some(id),
            ..Record::new(now, Some(announced.name.clone()), addrs.clone())
        };
        let record = self.records.entry(key.clone()).or_insert_with(fresh);
        (record.heard, record.missed) = (now, None);
        let version = announced.version.as_deref();
        record.version = version.map(|version| version.chars().take(16).collect());
        if record.addrs != addrs || record.claimed.is_some_and(|claimed| claimed != id) {
            self.moved(now, &key, &announced, (id, addrs));
        } else if let State::Due(at) = record.state
            && record.failures > 0
        {
            // Said again, it may be true again; but not more often than the first delay.
            record.failures = 1;
            let soon = now + self.settings.backoff.delay(1, &mut self.rng);
            record.state = State::Due(at.min(soon));
        }
    }

    fn given(&mut self, now: Time, addr: SocketAddr) {
        let key = format!("at {addr}");
        if !self.has_room(&key) {
            return self.refuse(Why::TooMany, format!("no room for {addr}"));
        }
        self.records.entry(key).or_insert_with(|| Record::new(now, None, vec![addr]));
    }

    fn has_room(&self, key: &str) -> bool {
        self.records.len() < self.settings.records || self.records.contains_key(key)
    }

    fn all_due(&mut self, now: Time) {
        for record in self.records.values_mut() {
            if let State::Due(at) = &mut record.state {
                (*at, record.failures) = (now.min(*at), 0);
            }
        }
    }

    fn refuse(&mut self, why: Why, detail: String) {
        self.out.push_back(Output::Refused(why, detail));
    }

    fn report(&mut self, claimed: NodeId, at: String) {
        self.out.push_back(Output::Impostor { claimed, at });
    }

    fn is_linked(&self, id: &NodeId) -> bool {
        let up = |r: &Record| matches!(r.state, State::Up(_)) && r.there == Some(*id);
        self.called.values().any(|(called, _)| called == id) || self.records.values().any(up)
    }

    fn is_there(&self, id: &NodeId) -> bool {
        let there = |record: &Record| record.there == Some(*id);
        self.called.values().any(|(called, _)| called == id) || self.records.values().any(there)
    }
}

#[cfg(test)]
mod tests;
