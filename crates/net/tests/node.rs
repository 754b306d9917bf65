//! TAZCOM nodes on real sockets and in the simulated network: asked are those who hear, not those who say.
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use net::{
    Env, Event, Net, Recorder, Role, Sim, TcpOptions,
    node::{Running, Told},
    proxy::Proxy,
};
use proto::{
    CloseReason, Span,
    tazcom::{
        Identity, Need, Node, NodeId, RawTerms, Terms, Version,
        gossip::{Draft, MAIN_CHANNEL, Words},
        node::Settings,
        roster::{self, Announcement},
    },
};
use tokio::sync::mpsc;

const EPOCH: u64 = 1_767_225_600_000;
/// News that wait for who listens.
const TOLD: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(20);

/// A node, and what it told.
struct Peer {
    id: NodeId,
    running: Running,
    told: mpsc::Receiver<Told>,
    env: Env,
}

fn anywhere() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

impl Peer {
    fn start(env: &Env, n: u8) -> Self {
        Self::with(env, n, RawTerms::default())
    }
    fn with(env: &Env, n: u8, raw: RawTerms) -> Self {
        let terms = Terms::new(RawTerms { version: Version::V03, ..raw }).unwrap();
        let me = Arc::new(Identity::from_seed([n; 32]));
        let id = me.id();
        // Announced addresses on loopback count only where everybody is there.
        let raw = roster::RawRoster { loopback: true, ..roster::RawRoster::default() };
        let roster = roster::Settings::new(raw).unwrap();
        let settings = Settings { terms, roster, ..Settings::default() };
        let node = Node::new(me, settings, u64::from(n), EPOCH);
        let env = env.node(&format!("node{n}"), Role::Device);
        let (tell, told) = mpsc::channel(TOLD);
        let mut drawn = 0;
        let random = move || {
            drawn += 1;
            [n ^ drawn; 32]
        };
        let running = Running::start(env.clone(), node, anywhere(), random, tell).unwrap();
        Self { id, running, told, env }
    }
    async fn hears<T>(&mut self, mut pick: impl FnMut(&Told) -> Option<T>) -> T {
        let until = self.env.now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            tokio::select! {
                biased;
                told = self.told.recv() => {
                    let told = told.expect("it runs");
                    if let Some(found) = pick(&told) {
                        return found;
                    }
                    seen.push(told);
                }
                () = self.env.sleep_until(until) => panic!("it told only {seen:?}"),
            }
        }
    }
    async fn meets(&mut self, other: NodeId) {
        self.hears(|told| match told {
            Told::Roster(roster::Output::Joined(id, true)) if *id == other => Some(()),
            _ => None,
        })
        .await;
    }
    async fn say(&self, words: &str) {
        let (channel, lifetime) = (MAIN_CHANNEL.into(), Duration::from_secs(60));
        let words = Words::Chat(words.into());
        self.running.say(Draft { channel, lifetime, words }).await.unwrap();
    }
    /// Who said the next words that are shown, through how many nodes they came, and whether they are
    /// signed.
    async fn is_shown(&mut self, words: &str) -> (NodeId, u8, bool) {
        self.hears(|told| match told {
            Told::Show(shown) if format!("{:?}", shown.body).contains(words) => {
                Some((shown.author, shown.hops, shown.verified))
            }
            _ => None,
        })
        .await
    }
}

macro_rules! on_both {
    ($(async fn $name:ident($env:ident: Env) $body:block)*) => {$(
        mod $name {
            use super::*;
            async fn body($env: Env) $body
            #[tokio::test]
            async fn tcp() {
                body(Env::new(Net::Tcp(TcpOptions::default()), Recorder::new(1 << 24), 1)).await;
            }
            #[tokio::test(start_paused = true)]
            async fn sim() {
                let net = Net::Sim(Sim::new(Duration::from_millis(1)));
                body(Env::new(net, Recorder::new(1 << 24), 1)).await;
            }
        }
    )*};
}

on_both! {
    async fn two_nodes_prove_themselves_to_each_other(env: Env) {
        let (mut a, mut b) = (Peer::start(&env, 1), Peer::start(&env, 2));
        b.running.given(a.running.addr()).await;
        a.meets(b.id).await;
        b.meets(a.id).await;
        a.running.stop().await;
        b.running.stop().await;
    }

    async fn what_one_says_reaches_who_knows_only_its_neighbour(env: Env) {
        let (mut a, mut b, mut c) =
            (Peer::start(&env, 1), Peer::start(&env, 2), Peer::start(&env, 3));
        b.running.given(a.running.addr()).await;
        a.meets(b.id).await;
        c.running.given(b.running.addr()).await;
        b.meets(c.id).await;
        a.say("to all").await;
        let (author, _, verified) = b.is_shown("to all").await;
        assert_eq!((author, verified), (a.id, true));
        let (author, hops, verified) = c.is_shown("to all").await;
        assert_eq!((author, verified), (a.id, true));
        assert!(hops > 0, "it came through the other");
        for peer in [a, b, c] {
            peer.running.stop().await;
        }
    }

    async fn a_node_that_comes_back_at_another_port_is_greeted_there(env: Env) {
        let (mut a, b) = (Peer::start(&env, 1), Peer::start(&env, 2));
        let announced = |addr| Announcement {
            name: "TAZCOM Node a".into(),
            id: Some(Identity::from_seed([1; 32]).id().to_string()),
            version: Some("0.3".into()),
            addrs: vec![addr],
        };
        b.running.discovered(announced(a.running.addr())).await;
        a.meets(b.id).await;
        let old = a.running.addr();
        a.running.stop().await;
        let mut a = Peer::start(&env, 1);
        assert_ne!(a.running.addr(), old);
        b.running.discovered(announced(a.running.addr())).await;
        a.meets(b.id).await;
        b.say("again").await;
        assert_eq!(a.is_shown("again").await.0, b.id);
        a.running.stop().await;
        b.running.stop().await;
    }

    async fn who_does_not_listen_learns_how_much_it_missed(env: Env) {
        let (mut a, mut b) = (Peer::start(&env, 1), Peer::start(&env, 2));
        b.running.given(a.running.addr()).await;
        a.meets(b.id).await;
        b.meets(a.id).await;
        assert_eq!(a.running.untold(), 0);
        // What one says oneself is an alert that stands somehow: news, and nobody takes them.
        for n in 0..TOLD + 20 {
            let (channel, lifetime) = (MAIN_CHANNEL.into(), Duration::from_secs(60));
            let words = Words::Alert(Need::Other, n.to_string().into());
            a.running.say(Draft { channel, lifetime, words }).await.unwrap();
        }
        let missed = a.running.untold();
        assert!(missed >= 10, "{missed}");
        assert_eq!(a.told.len(), TOLD);
        a.running.stop().await;
        b.running.stop().await;
    }

    async fn nothing_stays_open_once_a_node_has_stopped(env: Env) {
        let (mut a, b) = (Peer::start(&env, 1), Peer::start(&env, 2));
        b.running.given(a.running.addr()).await;
        a.meets(b.id).await;
        a.running.stop().await;
        b.running.stop().await;
        let mut open = std::collections::BTreeSet::new();
        for record in env.recorder.records() {
            match record.event {
                Event::Opened { conn, .. } => _ = open.insert((record.node, conn)),
                Event::Closed { conn, .. } => _ = open.remove(&(record.node, conn)),
                _ => {}
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

fn encrypt(encrypt: bool) -> RawTerms {
    // A peer that will not is given up after this.
    RawTerms { encrypt, patience: Span::millis(500), ..RawTerms::default() }
}

/// What two nodes said to each other through a proxy, and what the proxy saw of it.
async fn overheard(env: &Env, encrypted: bool) -> (String, String) {
    let (mut a, mut b) =
        (Peer::with(env, 1, encrypt(encrypted)), Peer::with(env, 2, encrypt(encrypted)));
    let proxy = env.node("proxy", Role::Proxy);
    let proxy = Proxy::start(proxy, anywhere(), vec![a.running.addr()], None).unwrap();
    b.running.given(proxy.addr()).await;
    a.meets(b.id).await;
    b.meets(a.id).await;
    a.say("between us").await;
    assert_eq!(b.is_shown("between us").await.0, a.id);
    b.say("and nobody else").await;
    assert_eq!(a.is_shown("and nobody else").await.0, b.id);
    a.running.stop().await;
    b.running.stop().await;
    proxy.stop().await;
    let received = |by: fn(&str) -> bool| -> String {
        let records = env.recorder.records();
        let bytes = records.iter().filter(|record| by(&record.node)).filter_map(|record| {
            let Event::Received { bytes, .. } = &record.event else { return None };
            Some(String::from_utf8_lossy(bytes).into_owned())
        });
        bytes.collect()
    };
    (received(|node| node != "proxy"), received(|node| node == "proxy"))
}

on_both! {
    async fn who_carries_an_encrypted_link_learns_who_talks_and_nothing_of_what_is_said(env: Env) {
        let (said, seen) = overheard(&env, true).await;
        for words in ["between us", "and nobody else", "SIGNED", "SINCE"] {
            assert!(said.contains(words), "{words}");
            assert!(!seen.contains(words), "{words}");
        }
        assert!(seen.contains("HELLO") && seen.contains("PROOF"));
    }

    async fn who_carries_a_plain_one_reads_it_all(env: Env) {
        let (said, seen) = overheard(&env, false).await;
        for words in ["between us", "and nobody else", "SIGNED", "SINCE"] {
            assert!(said.contains(words) && seen.contains(words), "{words}");
        }
    }

    async fn a_peer_that_will_not_encrypt_is_refused_whoever_dials(env: Env) {
        for dials in [true, false] {
            let names: [u8; 2] = if dials { [1, 2] } else { [3, 4] };
            let a = Peer::with(&env, names[0], encrypt(true));
            let b = Peer::with(&env, names[1], encrypt(false));
            let (from, to) = if dials { (&a, &b) } else { (&b, &a) };
            from.running.given(to.running.addr()).await;
            let name = format!("node{}", names[0]);
            let refused = env.recorder.until(|record| match &record.event {
                Event::Closed { reason, .. } if *record.node == *name => Some(reason.clone()),
                _ => None,
            });
            let why = refused.await;
            assert!(matches!(&why, CloseReason::Misbehaved(_) | CloseReason::TimedOut(_)), "{why:?}");
            let roster = a.running.snapshot().await.unwrap().roster;
            assert!(!roster.iter().any(|entry| entry.verified), "{roster:?}");
            a.running.stop().await;
            b.running.stop().await;
        }
    }
}

/// The line of a published node, as Python prints it, and the answer it waits for.
#[tokio::test]
async fn a_published_node_is_answered_byte_for_byte() {
    let env = Env::new(Net::Tcp(TcpOptions::default()), Recorder::new(1 << 24), 1);
    let a = Peer::start(&env, 1);
    let addr = a.running.addr();
    let from = Identity::from_seed([9; 32]).id();
    let said = tokio::task::spawn_blocking(move || {
        let mut old = TcpStream::connect(addr).unwrap();
        old.set_read_timeout(Some(PATIENCE)).unwrap();
        let line = format!("{{\"type\": \"HELLO\", \"from\": \"{from}\"}}\n");
        assert_eq!(line.len(), 73);
        old.write_all(line.as_bytes()).unwrap();
        let mut said = String::new();
        old.read_to_string(&mut said).unwrap();
        said
    });
    assert_eq!(said.await.unwrap(), "ACK\n");
    a.running.stop().await;
}
