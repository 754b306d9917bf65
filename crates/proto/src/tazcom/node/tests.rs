use std::{collections::BTreeSet, time::Duration};

use super::*;
use crate::{
    Span,
    tazcom::{
        RawTerms, Version,
        gossip::{MAIN_CHANNEL, Words},
    },
};

const EPOCH: u64 = 1_767_225_600_000;

/// A few nodes, and the network between them: an address each, whole frames, no losses.
struct World {
    nodes: Vec<Node>,
    /// Where each listens; none if it is gone.
    addrs: Vec<Option<SocketAddr>>,
    /// Both ends of every connection.
    joined: BTreeMap<(usize, u64), (usize, u64)>,
    now: Time,
    waits: Vec<Option<Time>>,
    told: Vec<Vec<String>>,
    connects: usize,
    /// Ends that are to be encrypted, while the other end does not know yet.
    securing: BTreeSet<(usize, u64)>,
}

fn addr(n: usize, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n as u8 + 1], port))
}

fn identity(n: usize) -> Arc<Identity> {
    Arc::new(Identity::from_seed([n as u8 + 1; 32]))
}

fn node(n: usize, version: Version) -> Node {
    let terms = Terms::new(RawTerms { version, ..RawTerms::default() }).unwrap();
    let settings = Settings { terms, ..Settings::default() };
    Node::new(identity(n), settings, n as u64, EPOCH)
}

fn world(versions: &[Version]) -> World {
    let count = versions.len();
    World {
        nodes: versions.iter().enumerate().map(|(n, version)| node(n, *version)).collect(),
        addrs: (0..count).map(|n| Some(addr(n, 5000))).collect(),
        joined: BTreeMap::new(),
        now: Time::default(),
        waits: vec![None; count],
        told: vec![Vec::new(); count],
        connects: 0,
        securing: BTreeSet::new(),
    }
}

fn announced(n: usize, port: u16, version: &str) -> Input {
    Input::Discovered(Announcement {
        name: format!("TAZCOM Node {n}"),
        id: Some(identity(n).id().to_string()),
        version: Some(version.into()),
        addrs: vec![addr(n, port)],
    })
}

impl World {
    fn happens(&mut self, at: usize, input: Input) {
        self.nodes[at].handle_input(self.now, input);
        self.drain(at);
    }

    fn drain(&mut self, at: usize) {
        loop {
            match self.nodes[at].poll_output() {
                Output::Wait(until) => {
                    self.waits[at] = until;
                    return;
                }
                Output::Connect(conn, addr) => self.connect(at, conn, addr),
                Output::Transmit(conn, frame) => {
                    self.nodes[at].handle_input(self.now, Input::Written(conn));
                    if let Some((to, there)) = self.joined.get(&(at, conn)).copied() {
                        self.happens(to, Input::Received(there, frame.bytes));
                    }
                }
                Output::Secure(conn, secure) => self.secure(at, conn, secure),
                Output::Close(conn, _) => self.part(at, conn),
                Output::Roster(told) => self.told[at].push(format!("{told:?}")),
                Output::Show(shown) => {
                    let words = format!("{:?} {}", shown.body, shown.verified);
                    self.told[at].push(words);
                }
                Output::Gossip(told) => self.told[at].push(format!("{told:?}")),
                Output::Fact(_, fact) => self.told[at].push(format!("{fact:?}")),
                Output::Received(..) => {}
            }
        }
    }

    fn connect(&mut self, from: usize, conn: u64, addr: SocketAddr) {
        self.connects += 1;
        let random = [self.connects as u8; 32];
        let to = self.addrs.iter().position(|listens| *listens == Some(addr));
        let accepted =
            to.map(|to| (to, self.nodes[to].accept(self.now, self::addr(from, 0).ip(), random)));
        let Some((to, Ok(there))) = accepted else {
            return self.happens(from, Input::Ended(conn, "refused".into()));
        };
        self.joined.insert((from, conn), (to, there));
        self.joined.insert((to, there), (from, conn));
        self.happens(from, Input::Connected(conn, [!(self.connects as u8); 32]));
    }

    /// Encrypts nothing, and tells both ends so once both have asked.
    fn secure(&mut self, at: usize, conn: u64, secure: Secure) {
        let Some((to, there)) = self.joined.get(&(at, conn)).copied() else { return };
        self.securing.insert((at, conn));
        if let Some(last) = secure.last {
            self.happens(to, Input::Received(there, last.bytes));
        }
        if self.securing.contains(&(to, there)) && self.securing.remove(&(at, conn)) {
            self.securing.remove(&(to, there));
            self.happens(at, Input::Secured(conn));
            self.happens(to, Input::Secured(there));
        }
    }

    fn part(&mut self, at: usize, conn: u64) {
        if let Some((to, there)) = self.joined.remove(&(at, conn)) {
            self.joined.remove(&(to, there));
            self.happens(to, Input::Ended(there, "closed".into()));
        }
    }

    /// It is killed, and perhaps another takes its place.
    fn dies(&mut self, who: usize, port: Option<u16>) {
        self.nodes[who] = node(who, Version::V03);
        self.addrs[who] = port.map(|port| addr(who, port));
        let its: Vec<_> = self.joined.keys().copied().filter(|(at, _)| *at == who).collect();
        its.into_iter().for_each(|(at, conn)| self.part(at, conn));
    }

    /// Lets time pass.
    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            let next = (0..self.nodes.len()).filter_map(|n| Some((self.waits[n]?, n))).min();
            let Some((at, who)) = next.filter(|(at, _)| *at <= until) else { break };
            self.now = self.now.max(at);
            self.happens(who, Input::Timeout);
        }
        self.now = until;
    }

    fn says(&mut self, who: usize, text: &str) {
        let words = Words::Chat(text.into());
        let lifetime = Duration::from_secs(600);
        self.happens(who, Input::Say(Draft { channel: MAIN_CHANNEL.into(), lifetime, words }));
        self.pass(Duration::from_secs(2));
    }

    fn heard(&self, who: usize, what: &str) -> usize {
        self.told[who].iter().filter(|told| told.contains(what)).count()
    }
}

fn joined(n: usize, verified: bool) -> String {
    format!("Joined({}, {verified})", identity(n).id())
}

#[test]
fn two_nodes_greet_each_other_and_talk_over_one_link() {
    let mut world = world(&[Version::V03; 2]);
    world.happens(0, announced(1, 5000, "0.3"));
    world.happens(1, announced(0, 5000, "0.3"));
    assert_eq!([world.heard(0, &joined(1, true)), world.heard(1, &joined(0, true))], [1, 1]);
    world.says(0, "ciao");
    world.says(1, "ciao a te");
    assert_eq!([world.heard(1, "\"ciao\" } true"), world.heard(0, "ciao a te")], [1, 1]);
    world.pass(Duration::from_secs(300));
    assert_eq!(world.connects, 1, "{:?}", world.told);
    assert_eq!([0, 1].map(|n| world.nodes[n].snapshot().connections), [1, 1]);
}

/// Nothing says no, so the wait must have an end.
#[test]
fn an_address_that_takes_no_connection_is_given_up_when_it_was_set_to_be() {
    let given_up = |millis| {
        let raw = roster::RawRoster { connect: Span::millis(millis), ..Default::default() };
        let roster = roster::Settings::new(raw).unwrap();
        let settings = Settings { roster, ..Settings::default() };
        let mut node = Node::new(identity(0), settings, 1, EPOCH);
        node.handle_input(Time::default(), Input::Given(addr(1, 5000)));
        assert!(matches!(node.poll_output(), Output::Connect(1, _)));
        let Output::Wait(Some(until)) = node.poll_output() else { panic!("it waits for ever") };
        node.handle_input(until, Input::Timeout);
        let Output::Close(1, why) = node.poll_output() else { panic!("it goes on waiting") };
        let entry = &node.snapshot().roster[0];
        assert_eq!((entry.failures, entry.problem.as_deref()), (1, Some("no connection in time")));
        assert_eq!(why, CloseReason::TimedOut("connection".into()));
        until.since_start()
    };
    assert_eq!([200, 7000].map(given_up), [200, 7000].map(Duration::from_millis));
}

#[test]
fn in_a_line_the_middle_passes_messages_on() {
    let mut world = world(&[Version::V03; 3]);
    world.happens(0, announced(1, 5000, "0.3"));
    world.happens(1, announced(2, 5000, "0.3"));
    world.says(0, "from end to end");
    assert_eq!(world.heard(2, "from end to end"), 1, "{:?}", world.told);
}

#[test]
fn a_peer_that_restarts_on_a_new_port_is_greeted_again_and_catches_up() {
    let mut world = world(&[Version::V03; 2]);
    world.happens(0, announced(1, 5000, "0.3"));
    world.says(0, "before");
    world.dies(1, Some(5001));
    world.happens(0, announced(1, 5001, "0.3"));
    world.pass(Duration::from_secs(2));
    // Once before it died, and once since it came back.
    assert_eq!(world.heard(1, "before"), 2, "{:?}", world.told);
    assert_eq!(world.heard(0, "Left"), 0);
}

#[test]
fn a_peer_that_is_killed_is_a_ghost_for_seconds_only() {
    let mut world = world(&[Version::V03; 2]);
    world.happens(0, announced(1, 5000, "0.3"));
    assert_eq!(world.nodes[0].snapshot().gossip.peers, 1);
    world.dies(1, None);
    assert_eq!(world.nodes[0].snapshot().gossip.peers, 0);
    world.pass(Duration::from_secs(6));
    assert_eq!([world.heard(0, "Reverify"), world.heard(0, "Left")], [1, 1], "{:?}", world.told);
}

#[test]
fn old_peers_are_greeted_told_and_heard_without_being_believed() {
    let mut world = world(&[Version::V03, Version::V02]);
    world.happens(0, announced(1, 5000, "0.2"));
    assert_eq!(world.heard(0, &joined(1, false)), 1, "{:?}", world.told);
    world.says(0, "ciao");
    // Words of nobody proven, at a node that knows no signatures.
    assert_eq!(world.heard(1, "\"ciao\" } false"), 1, "{:?}", world.told);
    world.happens(1, announced(0, 5000, "0.2"));
    world.says(1, "a te");
    assert_eq!(world.heard(0, "\"a te\" } false"), 1, "{:?}", world.told);
}

#[test]
fn an_impostor_is_told_and_hears_nothing() {
    let mut world = world(&[Version::V03; 3]);
    world.happens(0, announced(1, 5000, "0.3"));
    let eve = Identity::from_seed([9; 32]).claiming(identity(1).id());
    let terms = Terms::new(RawTerms { version: Version::V03, ..RawTerms::default() }).unwrap();
    let settings = Settings { terms, ..Settings::default() };
    world.nodes[2] = Node::new(Arc::new(eve), settings, 2, EPOCH);
    let Input::Discovered(announced) = announced(1, 5000, "0.3") else { return };
    let name = "Eve".into();
    let addrs = vec![addr(2, 5000)];
    world.happens(0, Input::Discovered(Announcement { name, addrs, ..announced }));
    assert_eq!(world.heard(0, "Impostor"), 1, "{:?}", world.told);
    world.says(0, "between us");
    assert_eq!([world.heard(1, "between us"), world.heard(2, "between us")], [1, 0]);
}

#[test]
fn twenty_nodes_that_all_find_each_other_have_a_link_for_each_pair() {
    let count = 20;
    let mut world = world(&vec![Version::V03; count]);
    for (one, other) in (0..count).flat_map(|one| (0..count).map(move |other| (one, other))) {
        if one != other {
            world.happens(one, announced(other, 5000, "0.3"));
        }
    }
    world.pass(Duration::from_secs(5));
    assert!(world.nodes.iter().all(|node| node.snapshot().connections == count - 1));
    world.says(3, "to all");
    let heard: BTreeSet<_> = (0..count).filter(|n| world.heard(*n, "to all") == 1).collect();
    assert_eq!(heard.len(), count - 1);
}
