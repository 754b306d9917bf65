//! A whole node: roster, gossip and links, joined. All a driver has to do is open sockets, move bytes and
//! tell the time. Call [`handle_input`](Node::handle_input), then [`poll_output`](Node::poll_output) until
//! it says [`Output::Wait`].
mod links;

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use super::{
    Gossip, Identity, Link, MessageId, NodeId, Roster, Secure, Terms,
    gossip::{self, Draft, MAX_PEERS, Shown},
    roster::{self, Announcement, Entry},
};
use crate::{CloseReason, Fact, Frame, Session as _, Time};

/// What is set of a node's three parts.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Of its connections.
    pub terms: Terms,
    /// Of who is there.
    pub roster: roster::Settings,
    /// Of messages.
    pub gossip: gossip::Settings,
}

/// A node.
pub struct Node {
    me: Arc<Identity>,
    terms: Terms,
    roster: Roster,
    gossip: Gossip,
    links: BTreeMap<u64, Held>,
    /// The link over which each peer is told things.
    linked: BTreeMap<NodeId, u64>,
    next: u64,
    /// How long an address may take to take a connection.
    connect: Duration,
    out: VecDeque<Output>,
}

/// A connection, open or about to be.
struct Held {
    /// None before it is open.
    link: Option<Link>,
    /// If it is not open by then, it is given up.
    until: Time,
    why: Purpose,
    /// Who has proven to be at its other end.
    peer: Option<NodeId>,
}

/// What a connection is for.
#[derive(Clone, Debug)]
enum Purpose {
    /// The roster's attempt of this number.
    Attempt(u64),
    /// Somebody called from there.
    Call(IpAddr),
    /// One line for an old peer.
    Errand(super::Chat),
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody was announced.
    Discovered(Announcement),
    /// An announcement was taken back, or found to be false.
    Gone(String),
    /// Somebody is said to listen here.
    Given(SocketAddr),
    /// Other addresses are ours now, or others can be reached.
    NetworkChanged,
    /// A connection that was asked for is open. With it, 32 random bytes.
    Connected(u64, [u8; 32]),
    /// Bytes arrived; of an encrypted connection, those that were in it.
    Received(u64, Bytes),
    /// A connection is encrypted as [`Output::Secure`] asked.
    Secured(u64),
    /// A frame was written, all of it.
    Written(u64),
    /// A connection could not be opened, or has ended.
    Ended(u64, String),
    /// Say something.
    Say(Draft),
    /// The instant asked for by [`Output::Wait`] has passed.
    Timeout,
}

/// What is to be done, or told.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open a connection under this number.
    Connect(u64, SocketAddr),
    /// Write this, and say [`Input::Written`].
    Transmit(u64, Frame),
    /// Encrypt a connection from now on, and say [`Input::Secured`]; if that fails, it has ended.
    Secure(u64, Secure),
    /// End a connection, once everything before this was written. Nothing more is to be said of it.
    Close(u64, CloseReason),
    /// A line was understood. Nothing to do; it is evidence.
    Received(u64, Frame),
    /// Something worth writing down about a connection.
    Fact(u64, Fact),
    /// Something about who is there: joined, left, false, to be verified again.
    Roster(roster::Output),
    /// A message to be shown.
    Show(Shown),
    /// Something else about messages: an alert, a refusal, what could not be said.
    Gossip(gossip::Output),
    /// Nothing more until something happens, or this instant passes.
    Wait(Option<Time>),
}

/// A look inside.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Snapshot {
    /// Its id.
    pub id: NodeId,
    /// Everybody it knows of.
    pub roster: Vec<Entry>,
    /// What it heard and told.
    pub gossip: gossip::Snapshot,
    /// Connections, opened by anybody.
    pub connections: usize,
}

impl Node {
    /// One that knows nobody yet. At instant zero, the wall clock shows `epoch`, in milliseconds since
    /// 1970.
    pub fn new(me: Arc<Identity>, settings: Settings, seed: u64, epoch: u64) -> Self {
        let Settings { terms, roster, gossip } = settings;
        Self {
            connect: roster.connect,
            roster: Roster::new(me.id(), roster, seed),
            gossip: Gossip::new(me.clone(), gossip, seed, epoch),
            me,
            terms,
            links: BTreeMap::new(),
            linked: BTreeMap::new(),
            next: 1,
            out: VecDeque::new(),
        }
    }
    /// Who it is.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.me
    }
    /// Somebody opened a connection to us. It has this number from now on. With it come 32 random bytes.
    ///
    /// # Errors
    /// It is to be closed at once, and why.
    pub fn accept(
        &mut self,
        now: Time,
        from: IpAddr,
        random: [u8; 32],
    ) -> Result<u64, (roster::Why, String)> {
        // A socket for both families shows addresses of IPv4 as some of IPv6.
        let from = from.to_canonical();
        self.roster.admit(now, from)?;
        let link = Link::listen(self.me.clone(), self.terms.clone(), random, now);
        Ok(self.hold(now, Purpose::Call(from), Some(link)))
    }
    /// Something happened at `now`.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match input {
            Input::Discovered(announced) => {
                self.know(now, roster::Input::Discovered(announced));
            }
            Input::Gone(name) => self.know(now, roster::Input::Gone(name)),
            Input::Given(addr) => self.know(now, roster::Input::Given(addr)),
            Input::NetworkChanged => self.know(now, roster::Input::NetworkChanged),
            Input::Connected(conn, random) => self.connected(now, conn, random),
            Input::Received(conn, bytes) => self.received(now, conn, &bytes),
            Input::Secured(conn) => self.secured(now, conn),
            Input::Written(conn) => self.written(now, conn),
            Input::Ended(conn, why) => self.ended(now, conn, why),
            Input::Say(draft) => self.tell(now, gossip::Input::Say(draft)),
            Input::Timeout => self.timeout(now),
        }
    }
    /// Says something at `now`, and shows how.
    ///
    /// # Errors
    /// It cannot be said, and why.
    pub fn say(&mut self, now: Time, draft: Draft) -> Result<Shown, String> {
        let said = self.gossip.say(now, draft);
        self.tell(now, gossip::Input::Timeout);
        said
    }
    /// How far a message has come; none if it is not known, or not any more.
    pub fn spread_of(&self, id: &MessageId) -> Option<gossip::Spread> {
        self.gossip.spread_of(id)
    }
    /// What to do next.
    pub fn poll_output(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| Output::Wait(self.alarm()))
    }
    /// A look inside.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            id: self.me.id(),
            roster: self.roster.snapshot(),
            gossip: self.gossip.snapshot(),
            connections: self.links.len(),
        }
    }

    fn hold(&mut self, now: Time, why: Purpose, link: Option<Link>) -> u64 {
        let conn = self.next;
        self.next += 1;
        self.links.insert(conn, Held { link, until: now + self.connect, why, peer: None });
        conn
    }

    fn know(&mut self, now: Time, input: roster::Input) {
        self.roster.handle_input(now, input);
        self.heed(now);
    }

    /// Does what the roster wants.
    fn heed(&mut self, now: Time) {
        loop {
            match self.roster.poll_output() {
                roster::Output::Wait(_) => return,
                roster::Output::Dial(attempt, addr) => {
                    let conn = self.hold(now, Purpose::Attempt(attempt), None);
                    self.out.push_back(Output::Connect(conn, addr));
                }
                roster::Output::HangUp(attempt) => {
                    let of = |held: &Held| matches!(held.why, Purpose::Attempt(a) if a == attempt);
                    let conn = self.links.iter().find(|(_, held)| of(held)).map(|(conn, _)| *conn);
                    if let Some(conn) = conn {
                        self.drop_link(now, conn, CloseReason::Local);
                    }
                }
                roster::Output::HangUpCall(conn) => {
                    self.drop_link(now, conn, CloseReason::Local);
                }
                told => {
                    self.old_peers(now, &told);
                    self.out.push_back(Output::Roster(told));
                }
            }
        }
    }

    /// Who is there, is not proven, and says that it takes messages of 0.2, is told them.
    fn old_peers(&mut self, now: Time, told: &roster::Output) {
        let input = match *told {
            roster::Output::Joined(id, false) => {
                let chats = |entry: &Entry| entry.version.as_deref() == Some("0.2");
                let entries = self.roster.snapshot();
                if !entries.iter().any(|entry| entry.id == Some(id) && chats(entry)) {
                    return;
                }
                gossip::Input::OldUp(id)
            }
            roster::Output::Joined(id, true) | roster::Output::Left(id, _) => {
                gossip::Input::OldDown(id)
            }
            _ => return,
        };
        self.tell(now, input);
    }

    fn tell(&mut self, now: Time, input: gossip::Input) {
        self.gossip.handle_input(now, input);
        self.pass_on(now);
    }

    /// Does what gossip wants.
    fn pass_on(&mut self, now: Time) {
        loop {
            match self.gossip.poll_output() {
                gossip::Output::Wait(_) => return,
                gossip::Output::Send(to, message) => self.send(now, to, message),
                gossip::Output::Tell(to, chat) => self.errand(now, to, chat),
                gossip::Output::Show(shown) => self.out.push_back(Output::Show(shown)),
                gossip::Output::Distrust(peer) => {
                    if let Some(conn) = self.linked.get(&peer).copied() {
                        let reason = CloseReason::Misbehaved("it passed on forgeries".into());
                        self.drop_link(now, conn, reason);
                    }
                    self.out.push_back(Output::Gossip(gossip::Output::Distrust(peer)));
                }
                told => self.out.push_back(Output::Gossip(told)),
            }
        }
    }

    fn errand(&mut self, now: Time, to: NodeId, chat: super::Chat) {
        let under_way = |held: &&Held| matches!(held.why, Purpose::Errand(_));
        if self.links.values().filter(under_way).count() >= MAX_PEERS {
            return;
        }
        let addr = self.roster.snapshot().into_iter().find(|e| e.id == Some(to)).map(|e| e.addr);
        if let Some(addr) = addr {
            let conn = self.hold(now, Purpose::Errand(chat), None);
            self.out.push_back(Output::Connect(conn, addr));
        }
    }

    fn timeout(&mut self, now: Time) {
        self.know(now, roster::Input::Timeout);
        self.tell(now, gossip::Input::Timeout);
        let due = |held: &Held| held.alarm().is_some_and(|at| at <= now);
        let conns: Vec<_> =
            self.links.iter().filter(|(_, held)| due(held)).map(|(conn, _)| *conn).collect();
        for conn in conns {
            match self.links.get_mut(&conn).map(|held| held.link.as_mut()) {
                Some(Some(link)) => link.handle_input(now, crate::Input::Timeout),
                Some(None) => self.drop_link(now, conn, CloseReason::TimedOut("connection".into())),
                None => {}
            }
            self.hear(now, conn);
        }
    }

    fn alarm(&self) -> Option<Time> {
        let links = self.links.values().filter_map(Held::alarm).min();
        links.into_iter().chain(self.roster.alarm()).chain(self.gossip.alarm()).min()
    }
}

impl Held {
    fn alarm(&self) -> Option<Time> {
        self.link.as_ref().map_or(Some(self.until), Link::alarm)
    }
}

#[cfg(test)]
mod tests;
