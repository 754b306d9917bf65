//! A network for one test alone, and nodes that are announced there.
use std::{future::Future, net::Ipv6Addr, process::Command, time::Duration};

use net::{
    Env, Net, Recorder, TcpOptions,
    discovery::{Discovery, Presence, Seen},
};
use proto::tazcom::{Identity, NodeId, Version, roster::Announcement};
use tokio::sync::mpsc;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Set in the process that runs inside.
const INSIDE: &str = "WIRELAB_TEST_INSIDE";
/// Nothing but loopback.
pub(crate) const ALONE: &str = "ip link set lo up";
/// An interface as on a network of its own: no default route, nobody else. Its IPv6 address need not be
/// asked about first, which would take a second or two.
pub(crate) const ON_A_NETWORK: &str = "ip link set lo up \
    && echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad \
    && ip link add eth0 type veth peer name far0 && ip addr add 192.0.2.1/24 dev eth0 \
    && ip link set eth0 up && ip link set far0 up";

/// Runs `body` where `setup` has laid the network, or says why that cannot be.
pub(crate) fn inside(test: &str, setup: &str, body: impl Future<Output = ()>) {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(body);
    }
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", script]);
        command
    };
    let tried = unshare(setup).output();
    if !tried.as_ref().is_ok_and(|tried| tried.status.success()) {
        let needs = "needs root, unshare and ip (Debian: util-linux, iproute2)";
        let required = std::env::var("WIRELAB_REQUIRE_TOOLS").is_ok_and(|v| v == "1");
        assert!(!required, "{needs}: {tried:?}");
        return eprintln!("SKIPPED: {needs}");
    }
    let mut again = unshare(&format!("{setup} && exec \"$0\" --exact {test} --nocapture"));
    again.arg(std::env::current_exe().unwrap()).env(INSIDE, "1");
    let ran = again.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

pub(crate) fn env() -> Env {
    Env::new(Net::Tcp(TcpOptions::default()), Recorder::new(1 << 24), 1)
}

pub(crate) fn id(n: u8) -> NodeId {
    Identity::from_seed([n; 32]).id()
}

/// Announced wherever there is a network.
pub(crate) fn presence(id: NodeId, port: u16) -> Presence {
    let listen = (Ipv6Addr::UNSPECIFIED, port).into();
    Presence { id, listen, version: Version::V03, silent: false }
}

/// One that is announced, and what it sees.
pub(crate) struct Peer {
    pub(crate) discovery: Discovery,
    seen: mpsc::Receiver<Seen>,
    env: Env,
    /// Everything it has seen so far.
    pub(crate) all: Vec<Seen>,
}

impl Peer {
    pub(crate) fn start(n: u8, port: u16) -> Self {
        let env = env();
        let (discovery, seen) = Discovery::start(env.clone(), presence(id(n), port)).unwrap();
        Self { discovery, seen, env, all: Vec::new() }
    }
    pub(crate) async fn sees<T>(&mut self, mut pick: impl FnMut(&Seen) -> Option<T>) -> T {
        let until = self.env.now() + PATIENCE;
        loop {
            tokio::select! {
                biased;
                seen = self.seen.recv() => {
                    let seen = seen.expect("it runs");
                    self.all.push(seen.clone());
                    if let Some(found) = pick(&seen) {
                        return found;
                    }
                }
                () = self.env.sleep_until(until) => panic!("it saw only {:?}", self.all),
            }
        }
    }
    /// The next announcement of this one that says this port.
    pub(crate) async fn finds(&mut self, n: u8, port: u16) -> Announcement {
        let id = id(n).to_string();
        self.sees(|seen| match seen {
            Seen::Here(a)
                if a.id.as_ref() == Some(&id) && a.addrs.iter().any(|a| a.port() == port) =>
            {
                Some(a.clone())
            }
            Seen::Here(_) | Seen::Gone(_) | Seen::NetworkChanged | Seen::Ours(_) => None,
        })
        .await
    }
    pub(crate) async fn loses(&mut self, name: &str) {
        self.sees(|seen| match seen {
            Seen::Gone(gone) => (gone == name).then_some(()),
            Seen::Here(_) | Seen::NetworkChanged | Seen::Ours(_) => None,
        })
        .await;
    }
}
