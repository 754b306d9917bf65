//! What a node does about peers that prove who they are and then have another key, or none.
use std::sync::Arc;

use proto::{
    Input as Happens, Output as Wants, Session as _,
    tazcom::{
        Identity, Link, News, NodeId, Opening, RawTerms, Role as End, Terms, Version,
        node::Settings,
    },
};

use super::*;
use crate::{Net, Recorder, Role, Sim, TcpOptions};

/// What comes of a peer's encryption.
#[derive(Clone, Copy, Debug)]
enum Key {
    Its,
    Anothers,
    None,
}

fn identity(n: u8) -> Arc<Identity> {
    Arc::new(Identity::from_seed([n; 32]))
}

fn terms() -> Terms {
    Terms::new(RawTerms { version: Version::V03, ..RawTerms::default() }).unwrap()
}

fn anywhere() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A node of identity 1, and what it tells.
fn node(env: &Env) -> (Running, mpsc::Receiver<Told>) {
    let settings = Settings { terms: terms(), ..Settings::default() };
    let node = Node::new(identity(1), settings, 1, 1_767_225_600_000);
    let mut drawn = 0;
    let random = move || {
        drawn += 1;
        [drawn; 32]
    };
    let (tell, told) = mpsc::channel(1024);
    let env = env.node("node", Role::Device);
    (Running::start(env, node, anywhere(), random, tell).unwrap(), told)
}

/// One that proves to be node 2, until its connection ends.
async fn peer(env: &Env, stream: Stream, mut link: Link, key: Key) {
    let mut wire = Wire::new(stream, 1);
    loop {
        match link.poll_output() {
            Wants::Transmit(frame) => wire.send(frame, env.now()),
            Wants::Push(News::Proven(Secure { role, last, first, .. })) => {
                last.into_iter().for_each(|last| wire.send(last, env.now()));
                let node = identity(1).id();
                match key {
                    Key::Its => {
                        wire.secure(tls::between(&identity(2), role, node).unwrap(), &first)
                    }
                    Key::Anothers => {
                        wire.secure(tls::between(&identity(3), role, node).unwrap(), &first);
                    }
                    Key::None => {
                        let bytes = Bytes::from_static(b"nothing that is TLS");
                        let kind = "junk";
                        let (ticket, msg_id, device_id) = (None, None, None);
                        wire.send(Frame { bytes, kind, ticket, msg_id, device_id }, env.now());
                    }
                }
            }
            Wants::Close(_) => return,
            Wants::Wait(_) => match wire.next(env).await {
                Happened::Received(bytes) => {
                    link.handle_input(env.now(), Happens::Received(&bytes));
                }
                Happened::Secured => link.secured(env.now()),
                Happened::Wrote(_) => {}
                Happened::Eof | Happened::Ended(_) => return,
            },
            _ => {}
        }
    }
}

/// Whom the node tells it has met, once it tells so.
async fn joined(told: &mut mpsc::Receiver<Told>) -> NodeId {
    loop {
        let said = told.recv().await.expect("it runs");
        if let Told::Roster(roster::Output::Joined(id, true)) = said {
            return id;
        }
    }
}

/// What becomes of node 2, called or calling, with such a key: it is met, or its connection ends, and why.
async fn meet(env: &Env, role: End, key: Key) -> Result<(), String> {
    let (running, mut told) = node(env);
    let me = identity(2);
    let far = env.node("peer", Role::Client);
    let (stream, link) = match role {
        End::Dialer => {
            let stream = env.net.connect(&[running.addr()]).await.unwrap();
            (stream, Link::dial(me, terms(), Opening::Greet([9; 32]), far.now()))
        }
        End::Listener => {
            let mut listener = env.net.listen(anywhere()).unwrap();
            running.given(listener.local_addr().unwrap()).await;
            let stream = listener.accept().await.unwrap();
            (stream, Link::listen(me, terms(), [9; 32], far.now()))
        }
    };
    let met = tokio::select! {
        biased;
        met = joined(&mut told) => Some(met),
        () = peer(&far, stream, link, key) => None,
    };
    if met.is_some() {
        assert_eq!(met, Some(identity(2).id()));
        running.stop().await;
        return Ok(());
    }
    let closed = env.recorder.until(|record| match &record.event {
        Event::Closed { reason, .. } if &*record.node == "node" => Some(reason.to_string()),
        _ => None,
    });
    let closed = closed.await;
    running.stop().await;
    while let Ok(told) = told.try_recv() {
        let met = matches!(told, Told::Roster(roster::Output::Joined(_, true)));
        assert!(!met, "{told:?}");
    }
    Err(closed)
}

fn tcp() -> Env {
    Env::new(Net::Tcp(TcpOptions::default()), Recorder::new(1 << 24), 1)
}

fn sim() -> Env {
    let net = Net::Sim(Sim::new(Duration::from_millis(1)));
    Env::new(net, Recorder::new(1 << 24), 1)
}

async fn only_the_key_that_was_proven_is_let_in(env: fn() -> Env) {
    for role in [End::Dialer, End::Listener] {
        assert_eq!(meet(&env(), role, Key::Its).await, Ok(()));
        // So far gets somebody in the middle, who passes the proofs of others along.
        let why = meet(&env(), role, Key::Anothers).await.unwrap_err();
        assert!(why.ends_with("another key than the one it has proven to have"), "{role:?}: {why}");
        let why = meet(&env(), role, Key::None).await.unwrap_err();
        assert!(why.contains(" TLS "), "{role:?}: {why}");
    }
}

#[tokio::test]
async fn only_the_key_that_was_proven_is_let_in_on_tcp() {
    only_the_key_that_was_proven_is_let_in(tcp).await;
}

#[tokio::test(start_paused = true)]
async fn only_the_key_that_was_proven_is_let_in_in_simulation() {
    only_the_key_that_was_proven_is_let_in(sim).await;
}
