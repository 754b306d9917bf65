//! What strangers do to a running TAZCOM node, and peers that turn out to be bad: each is refused or
//! limited, that is told, and the node goes on.
use std::{future::poll_fn, io::IoSlice, net::SocketAddr, sync::Arc, time::Duration};

use net::{
    Env, Event, Net, Recorder, Role, Sim, TcpOptions, bare,
    net::Stream,
    node::{Running, Told},
};
use proto::{
    CloseReason, Fact, Input, Output, Session, Span,
    tazcom::{
        Body, Chat, Identity, Link, Message, Node, NodeId, Opening, Parcel, Payload, RawTerms,
        Terms, Version,
        gossip::{self, Draft, MAIN_CHANNEL, Words},
        node::Settings,
        roster::{self, Announcement},
    },
};
use tokio::sync::mpsc;

const EPOCH: u64 = 1_767_225_600_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// A node, and what it told.
struct Peer {
    id: NodeId,
    running: Running,
    told: mpsc::Receiver<Told>,
    env: Env,
}

fn terms() -> Terms {
    // A greeting that never comes is given up soon. Insiders speak in plain.
    let (patience, encrypt) = (Span::millis(1500), false);
    Terms::new(RawTerms { version: Version::V03, patience, encrypt, ..RawTerms::default() })
        .unwrap()
}

fn identity(n: u8) -> Identity {
    Identity::from_seed([n; 32])
}

impl Peer {
    fn start(env: &Env, n: u8) -> Self {
        let me = Arc::new(identity(n));
        let id = me.id();
        let raw = roster::RawRoster { loopback: true, ..roster::RawRoster::default() };
        let roster = roster::Settings::new(raw).unwrap();
        let settings = Settings { terms: terms(), roster, ..Settings::default() };
        let node = Node::new(me, settings, u64::from(n), EPOCH);
        let env = env.node(&format!("node{n}"), Role::Device);
        let (tell, told) = mpsc::channel(1024);
        let mut drawn = n;
        let random = move || {
            drawn = drawn.wrapping_add(1);
            [drawn; 32]
        };
        let anywhere = ([127, 0, 0, 1], 0).into();
        let running = Running::start(env.clone(), node, anywhere, random, tell).unwrap();
        Self { id, running, told, env }
    }
    fn addr(&self) -> SocketAddr {
        self.running.addr()
    }
    async fn tells<T>(&mut self, mut pick: impl FnMut(&Told) -> Option<T>) -> T {
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
        self.tells(|told| match told {
            Told::Roster(roster::Output::Joined(id, true)) => (*id == other).then_some(()),
            Told::Roster(_) | Told::Show(_) | Told::Gossip(_) => None,
        })
        .await;
    }
    async fn refuses(&mut self, wanted: gossip::Why) {
        self.tells(|told| match told {
            Told::Gossip(gossip::Output::Refused(refused)) => (refused.why == wanted).then_some(()),
            Told::Roster(_) | Told::Show(_) | Told::Gossip(_) => None,
        })
        .await;
    }
    async fn refuses_to_know(&mut self, wanted: roster::Why) {
        self.tells(|told| match told {
            Told::Roster(roster::Output::Refused(why, _)) => (*why == wanted).then_some(()),
            Told::Roster(_) | Told::Show(_) | Told::Gossip(_) => None,
        })
        .await;
    }
    async fn unmasks(&mut self, wanted: NodeId) {
        self.tells(|told| match told {
            Told::Roster(roster::Output::Impostor { claimed, .. }) => {
                (*claimed == wanted).then_some(())
            }
            Told::Roster(_) | Told::Show(_) | Told::Gossip(_) => None,
        })
        .await;
    }
    /// Who is said to have written the next message with these words, and whether that is proven.
    async fn shows(&mut self, words: &str) -> (NodeId, bool) {
        self.tells(|told| match told {
            Told::Show(shown) if format!("{:?}", shown.body).contains(words) => {
                Some((shown.author, shown.verified))
            }
            Told::Roster(_) | Told::Show(_) | Told::Gossip(_) => None,
        })
        .await
    }
    async fn say(&self, words: &str) {
        let (channel, lifetime) = (MAIN_CHANNEL.into(), Duration::from_secs(60));
        let words = Words::Chat(words.into());
        self.running.say(Draft { channel, lifetime, words }).await.unwrap();
    }
    /// It answers somebody it has never heard of.
    async fn goes_on(&self, env: &Env) {
        let until = env.now() + PATIENCE;
        // Whoever has been in haste must wait for its turn.
        while answer(env, self.addr(), hello(99).as_bytes()).await != *b"ACK\n" {
            assert!(env.now() < until, "it does not answer any more");
        }
    }
    /// Waits until it has closed so many connections for such a reason.
    async fn closes(&self, count: usize, is: impl Fn(&CloseReason) -> bool) {
        let name = self.env.recorder.name();
        let mut closed = 0;
        let enough = self.env.recorder.until(|record| {
            let fits = matches!(&record.event, Event::Closed { reason, .. } if is(reason));
            closed += usize::from(fits && record.node == name);
            (closed == count).then_some(())
        });
        tokio::select! {
            biased;
            () = enough => {}
            () = self.env.sleep_until(self.env.now() + PATIENCE) => panic!("not {count} were closed"),
        }
    }
    /// The most connections it has had open at once.
    fn most_open(&self) -> usize {
        let name = self.env.recorder.name();
        let (mut open, mut most) = (0, 0);
        for record in self.env.recorder.records().into_iter().filter(|r| r.node == name) {
            match record.event {
                Event::Opened { .. } => open += 1,
                Event::Closed { .. } => open -= 1,
                _ => {}
            }
            most = most.max(open);
        }
        most
    }
}

fn hello(n: u8) -> String {
    format!("{{\"type\": \"HELLO\", \"from\": \"{}\"}}\n", identity(n).id())
}

/// What it says to these bytes, on a connection of their own.
async fn answer(env: &Env, addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let env = env.node("stranger", Role::Lab);
    let answer = bare::exchange(&env, addr, bytes.to_vec().into(), false, PATIENCE, None).await;
    answer.unwrap().to_vec()
}

/// One that has proven who it is, and says what it likes.
struct Insider {
    stream: Stream,
    link: Link,
    env: Env,
}

impl Insider {
    async fn of(env: &Env, addr: SocketAddr, n: u8) -> Self {
        let stream = env.net.connect(&[addr]).await.unwrap();
        let link = Link::dial(Arc::new(identity(n)), terms(), Opening::Greet([n; 32]), env.now());
        let mut insider = Self { stream, link, env: env.clone() };
        loop {
            match insider.link.poll_output() {
                Output::Transmit(frame) => insider.says(&frame.bytes).await,
                Output::Wait(_) if insider.link.is_open() => return insider,
                Output::Wait(_) => {
                    let mut bytes = [0; 1024];
                    let n = poll_fn(|cx| insider.stream.poll_read(cx, &mut bytes)).await.unwrap();
                    assert!(n > 0, "it was let in");
                    insider.link.handle_input(insider.env.now(), Input::Received(&bytes[..n]));
                }
                Output::Close(reason) => panic!("it was not let in: {reason}"),
                Output::Received(_)
                | Output::Ready(_)
                | Output::Reply(..)
                | Output::Push(_)
                | Output::Fact(_)
                | Output::Finish => {}
            }
        }
    }
    async fn says(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let slices = [IoSlice::new(bytes)];
            let n = poll_fn(|cx| self.stream.poll_write(cx, &slices)).await.unwrap();
            bytes = &bytes[n..];
        }
    }
    async fn passes_on(&self, hops: u8, parcel: Parcel) {
        self.says(&Message::Signed { hops, parcel }.encode()).await;
    }
}

fn parcel(author: u8, text: &str) -> Parcel {
    let author = identity(author);
    let body = Body::Chat { text: text.into() };
    let (created, expires) = (EPOCH, EPOCH + 60_000);
    let channel = MAIN_CHANNEL.into();
    Parcel::pack(&author, &Payload { author: author.id(), channel, created, expires, body })
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
    async fn bytes_that_are_no_line_are_told_as_what_they_are(env: Env) {
        let node = Peer::start(&env, 1);
        let endless = vec![b'x'; 64 * 1024];
        let cases: [(&[u8], &str, &[u8]); 6] = [
            (b"{\"type\": \"HELLO\", \"from\": \"\xff\xfe\"}\n", "not_text", b""),
            (&endless, "too_long", b""),
            (b"hello\n", "json", b"ERROR\n"),
            (b"[\"HELLO\"]\n", "object", b""),
            (b"{\"type\": \"WELCOME\"}\n", "type", b""),
            (b"{\"type\": \"HELLO\", \"from\": \"me\"}\n", "field", b""),
        ];
        for (bytes, wanted, said) in cases {
            assert_eq!(answer(&env, node.addr(), bytes).await, said, "{wanted}");
            let told = env.recorder.records().into_iter().any(|record| {
                matches!(record.event, Event::Fact { fact: Fact::Malformed { reason, .. }, .. }
                    if reason == wanted)
            });
            assert!(told, "{wanted}");
            node.goes_on(&env).await;
        }
        node.running.stop().await;
    }

    async fn a_forged_from_takes_nothing_from_whom_it_names(env: Env) {
        let (mut a, mut b) = (Peer::start(&env, 1), Peer::start(&env, 2));
        b.running.given(a.addr()).await;
        a.meets(b.id).await;
        b.meets(a.id).await;
        // Without a proof, and with one that is none.
        assert_eq!(answer(&env, a.addr(), hello(2).as_bytes()).await, b"ACK\n");
        a.unmasks(b.id).await;
        let hello = Message::Hello { from: b.id, nonce: Some([9; 32]) }.encode();
        let lines = [&hello[..], &Message::Proof([0; 64]).encode()].concat();
        answer(&env, a.addr(), &lines).await;
        a.unmasks(b.id).await;
        b.say("still me").await;
        assert_eq!(a.shows("still me").await, (b.id, true));
        let forged = Chat::new(b.id, "then", "not me");
        assert_eq!(answer(&env, a.addr(), &Message::Chat(forged).encode()).await, b"ACK\n");
        assert_eq!(a.shows("not me").await, (b.id, false), "said to be, and no more");
        a.goes_on(&env).await;
        a.running.stop().await;
        b.running.stop().await;
    }

    async fn a_peer_that_passes_on_forgeries_is_dropped(env: Env) {
        let mut node = Peer::start(&env, 1);
        let bad = Insider::of(&env, node.addr(), 6).await;
        node.meets(identity(6).id()).await;
        for n in 0..3 {
            // In the name of somebody else, and signed by whoever passes it on.
            let forged = parcel(7, &format!("forged {n}"));
            let signature = identity(6).sign(forged.text.as_bytes());
            bad.passes_on(0, Parcel { signature, ..forged }).await;
            node.refuses(gossip::Why::Forged).await;
        }
        node.tells(|told| match told {
            Told::Gossip(gossip::Output::Distrust(peer)) => {
                (*peer == identity(6).id()).then_some(())
            }
            Told::Show(shown) => panic!("it believed {shown:?}"),
            Told::Roster(_) | Told::Gossip(_) => None,
        })
        .await;
        node.goes_on(&env).await;
        node.running.stop().await;
    }

    async fn forged_hop_counts_and_replays_get_nowhere(env: Env) {
        let mut node = Peer::start(&env, 1);
        let insider = Insider::of(&env, node.addr(), 6).await;
        node.meets(identity(6).id()).await;
        insider.passes_on(65, parcel(7, "far")).await;
        node.refuses(gossip::Why::Hops).await;
        insider.passes_on(1, parcel(7, "once")).await;
        assert_eq!(node.shows("once").await, (identity(7).id(), true));
        insider.passes_on(1, parcel(7, "once")).await;
        node.refuses(gossip::Why::Replay).await;
        let far = Chat { ttl: 999, ..Chat::new(identity(8).id(), "then", "from afar") };
        answer(&env, node.addr(), &Message::Chat(far).encode()).await;
        // Taken as far as anybody's goes.
        node.refuses(gossip::Why::Hops).await;
        assert_eq!(node.shows("from afar").await, (identity(8).id(), false));
        insider.passes_on(1, parcel(7, "and then")).await;
        node.tells(|told| match told {
            Told::Show(shown) => {
                let words = format!("{:?}", shown.body);
                assert!(!words.contains("once") && !words.contains("far\""), "{words}");
                words.contains("and then").then_some(())
            }
            Told::Roster(_) | Told::Gossip(_) => None,
        })
        .await;
        node.running.stop().await;
    }

    async fn announcements_are_read_as_they_were_meant(env: Env) {
        // One id in 64 begins like a flag.
        let like_a_flag = |n: &u8| identity(*n).id().to_string().starts_with('-');
        let dashed = (2..=255).find(like_a_flag).expect("there are enough");
        let (mut a, dashed) = (Peer::start(&env, 1), Peer::start(&env, dashed));
        let said = |name: &str, id: Option<String>| Announcement {
            name: name.into(),
            id,
            version: Some("0.3".into()),
            addrs: vec![dashed.addr()],
        };
        for id in [None, Some(String::new()), Some("me".into()), Some("x".repeat(43) + "=")] {
            a.running.discovered(said("Nobody", id)).await;
            a.refuses_to_know(roster::Why::Id).await;
        }
        let id = dashed.id.to_string();
        for name in ["TAZCOM Node -", "tazcom node -", "TAZCOM NODE -"] {
            a.running.discovered(said(name, Some(id.clone()))).await;
        }
        a.meets(dashed.id).await;
        let known = a.running.snapshot().await.unwrap().roster;
        assert_eq!(known.len(), 1, "names that differ only in case are one: {known:?}");
        assert!(known[0].verified && known[0].id == Some(dashed.id));
        a.goes_on(&env).await;
        a.running.stop().await;
        dashed.running.stop().await;
    }

    async fn five_hundred_idle_connections_are_limited_and_cost_nobody_else(env: Env) {
        let (mut node, mut friend) = (Peer::start(&env, 1), Peer::start(&env, 2));
        node.running.given(friend.addr()).await;
        friend.meets(node.id).await;
        let mut idle = Vec::new();
        for _ in 0..500 {
            idle.push(env.net.connect(&[node.addr()]).await.unwrap());
        }
        // Some may have been given up by now, and others taken in their place.
        node.closes(400, |reason| matches!(reason, CloseReason::Refused(_))).await;
        // Of these 16, the friend's, and the one that is being looked at.
        assert!(node.most_open() <= 18, "{}", node.most_open());
        friend.say("meanwhile").await;
        assert_eq!(node.shows("meanwhile").await, (friend.id, true));
        // Who says nothing is not waited for without end, and then there is room again.
        node.closes(16, |reason| matches!(reason, CloseReason::TimedOut(_))).await;
        node.goes_on(&env).await;
        node.running.stop().await;
        friend.running.stop().await;
    }
}
