//! Nodes that find each other by multicast DNS. Each test has a network of its own, so that it speaks to
//! nobody else's: it runs itself again in a fresh network namespace.
#![cfg(target_os = "linux")]
mod foreign;
mod support;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use net::{
    discovery::{Discovery, Seen},
    node::{Running, Told},
};
use proto::tazcom::{Identity, Node, NodeId, RawTerms, Terms, Version, node::Settings, roster};
use support::{ALONE, ON_A_NETWORK, PATIENCE, Peer, env, id, inside, presence};
use tokio::sync::mpsc;

#[test]
fn two_nodes_find_each_other_and_not_themselves() {
    inside("two_nodes_find_each_other_and_not_themselves", ALONE, async {
        let (mut a, mut b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        let found = a.finds(2, 7002).await;
        assert_eq!(found.version.as_deref(), Some("0.3"));
        assert_eq!(found.name, format!("TAZCOM Node {}", &id(2).to_string()[..8]));
        b.finds(1, 7001).await;
        b.discovery.stop().await;
        a.loses(&found.name).await;
        let own = id(1).to_string();
        let is_own = |seen: &Seen| matches!(seen, Seen::Here(a) if a.id.as_ref() == Some(&own));
        assert!(!a.all.iter().any(is_own), "{:?}", a.all);
        a.discovery.stop().await;
    });
}

#[test]
fn one_that_stops_is_gone_and_at_another_port_is_there_again() {
    inside("one_that_stops_is_gone_and_at_another_port_is_there_again", ALONE, async {
        let (mut a, b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        let found = a.finds(2, 7002).await;
        b.discovery.stop().await;
        a.loses(&found.name).await;
        let b = Peer::start(2, 7003);
        let again = a.finds(2, 7003).await;
        assert_eq!(again.name, found.name, "nobody else had the name");
        assert!(again.addrs.iter().all(|addr| addr.port() == 7003), "{again:?}");
        b.discovery.stop().await;
        a.discovery.stop().await;
    });
}

#[test]
fn where_loopback_is_all_there_is_it_is_announced() {
    inside("where_loopback_is_all_there_is_it_is_announced", ALONE, async {
        let (mut a, b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        let found = a.finds(2, 7002).await;
        assert!(found.addrs.iter().all(|addr| addr.ip().is_loopback()), "{found:?}");
        b.discovery.stop().await;
        a.discovery.stop().await;
    });
}

#[test]
fn on_a_network_loopback_is_never_announced() {
    inside("on_a_network_loopback_is_never_announced", ON_A_NETWORK, async {
        let (mut a, mut b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        let here: SocketAddr = ([192, 0, 2, 1], 7002).into();
        let is_here = |seen: &Seen| match seen {
            Seen::Here(a) => a.addrs.contains(&here).then_some(()),
            Seen::Gone(_) | Seen::NetworkChanged | Seen::Ours(_) => None,
        };
        a.sees(is_here).await;
        b.finds(1, 7001).await;
        let all = a.all.iter().chain(&b.all);
        let addrs = all.filter_map(|seen| match seen {
            Seen::Here(a) => Some(a.addrs.clone()),
            Seen::Gone(_) | Seen::NetworkChanged | Seen::Ours(_) => None,
        });
        let ips: Vec<IpAddr> = addrs.flatten().map(|addr| addr.ip()).collect();
        assert!(!ips.iter().any(IpAddr::is_loopback), "{ips:?}");
        b.discovery.stop().await;
        a.discovery.stop().await;
    });
}

#[test]
fn an_address_that_means_something_on_one_interface_only_says_on_which() {
    let test = "an_address_that_means_something_on_one_interface_only_says_on_which";
    inside(test, ON_A_NETWORK, async {
        let (mut a, b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        let scoped = |addr: &SocketAddr| match addr {
            SocketAddr::V6(v6) => v6.ip().is_unicast_link_local().then(|| v6.scope_id()),
            SocketAddr::V4(_) => None,
        };
        let scope = a.sees(|seen| match seen {
            Seen::Here(a) => a.addrs.iter().find_map(scoped),
            Seen::Gone(_) | Seen::NetworkChanged | Seen::Ours(_) => None,
        });
        assert_ne!(scope.await, 0, "without it nobody can connect there");
        b.discovery.stop().await;
        a.discovery.stop().await;
    });
}

#[test]
fn an_address_that_is_new_is_announced() {
    inside("an_address_that_is_new_is_announced", ON_A_NETWORK, async {
        let (mut a, b) = (Peer::start(1, 7001), Peer::start(2, 7002));
        a.finds(2, 7002).await;
        let add = ["addr", "add", "198.51.100.7/24", "dev", "eth0"];
        assert!(std::process::Command::new("ip").args(add).status().unwrap().success());
        let new: SocketAddr = ([198, 51, 100, 7], 7002).into();
        a.sees(|seen| match seen {
            Seen::Here(a) => a.addrs.contains(&new).then_some(()),
            Seen::Gone(_) | Seen::NetworkChanged | Seen::Ours(_) => None,
        })
        .await;
        assert!(a.all.contains(&Seen::NetworkChanged), "{:?}", a.all);
        b.discovery.stop().await;
        a.discovery.stop().await;
    });
}

#[test]
fn a_name_that_is_taken_is_changed_and_a_clone_is_seen() {
    inside("a_name_that_is_taken_is_changed_and_a_clone_is_seen", ALONE, async {
        let mut a = Peer::start(1, 7001);
        let mut other = Peer::start(2, 7002);
        other.finds(1, 7001).await;
        let mut twin = Peer::start(1, 7003);
        let first = other.finds(1, 7001).await;
        let second = other.finds(1, 7003).await;
        assert_ne!(first.name, second.name);
        a.finds(1, 7003).await;
        twin.finds(1, 7001).await;
        for peer in [a, other, twin] {
            peer.discovery.stop().await;
        }
    });
}

/// A node and its discovery, joined as a program joins them.
async fn node(n: u8, mut met: impl FnMut(NodeId) -> bool) {
    let env = env();
    let terms = Terms::new(RawTerms { version: Version::V03, ..RawTerms::default() }).unwrap();
    let raw = roster::RawRoster { loopback: true, ..roster::RawRoster::default() };
    let roster = roster::Settings::new(raw).unwrap();
    let settings = Settings { terms, roster, ..Settings::default() };
    let me = Arc::new(Identity::from_seed([n; 32]));
    let node = Node::new(me.clone(), settings, u64::from(n), 1_767_225_600_000);
    let (tell, mut told) = mpsc::channel(1024);
    let mut drawn = 0;
    let random = move || {
        drawn += 1;
        [n ^ drawn; 32]
    };
    let anywhere = ([0, 0, 0, 0], 0).into();
    let running = Running::start(env.clone(), node, anywhere, random, tell).unwrap();
    let port = running.addr().port();
    let (discovery, mut seen) = Discovery::start(env, presence(me.id(), port)).unwrap();
    loop {
        tokio::select! {
            Some(seen) = seen.recv() => match seen {
                Seen::Here(announcement) => running.discovered(announcement).await,
                Seen::Gone(name) => running.gone(name).await,
                Seen::NetworkChanged => running.network_changed().await,
                Seen::Ours(_) => {}
            },
            Some(told) = told.recv() => match told {
                Told::Roster(roster::Output::Joined(id, true)) if met(id) => break,
                Told::Roster(roster::Output::Reverify(name)) => discovery.reverify(&name),
                Told::Roster(_) | Told::Show(_) | Told::Gossip(_) => {}
            },
        }
    }
    discovery.stop().await;
    running.stop().await;
}

#[test]
fn two_nodes_that_know_nothing_of_each_other_meet_and_prove_themselves() {
    let test = "two_nodes_that_know_nothing_of_each_other_meet_and_prove_themselves";
    inside(test, ALONE, async {
        let env = env();
        let both = async { tokio::join!(node(1, |met| met == id(2)), node(2, |met| met == id(1))) };
        tokio::select! {
            _ = both => {}
            () = env.sleep_until(env.now() + PATIENCE) => panic!("they never met"),
        }
    });
}
