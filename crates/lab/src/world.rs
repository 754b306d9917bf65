//! Where clients and devices meet: a simulated network in virtual time, or loopback sockets.
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use net::{Client, Env, Event, Host, Net, Recorder, Role, Sim, TcpOptions};
use proto::{Policy, Protocol, RawPolicy, Supervisor};

/// One way, in the simulated network.
const LATENCY: Duration = Duration::from_millis(1);

/// Surroundings for one run, and the nodes in it.
#[derive(Clone)]
pub struct World {
    env: Env,
    nodes: Arc<Mutex<BTreeMap<String, Env>>>,
}

/// The two kinds of world.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Virtual time, same seed, same bytes.
    Sim,
    /// Real sockets on loopback.
    Tcp,
}

impl Kind {
    /// The name in scenario files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Tcp => "tcp",
        }
    }
    /// Runs `body` in a new world of this kind, on this thread.
    pub fn run<T>(self, seed: u64, body: impl AsyncFnOnce(World) -> T) -> T {
        match self {
            Self::Sim => World::sim(seed, body),
            Self::Tcp => World::tcp(seed, body),
        }
    }
}

impl World {
    /// Runs `body` in a simulated world: no real time passes, and the seed decides everything.
    pub fn sim<T>(seed: u64, body: impl AsyncFnOnce(World) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime needs nothing but memory");
        runtime.block_on(async { body(Self::new(Net::Sim(Sim::new(LATENCY)), seed)).await })
    }
    /// Runs `body` on loopback sockets.
    pub fn tcp<T>(seed: u64, body: impl AsyncFnOnce(World) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime needs a few file descriptors");
        runtime.block_on(async { body(Self::new(Net::Tcp(TcpOptions::default()), seed)).await })
    }
    fn new(net: Net, seed: u64) -> Self {
        let recorder = Recorder::new(Recorder::DEFAULT_LIMIT);
        Self { env: Env::new(net, recorder, seed), nodes: Arc::default() }
    }
    /// The record of everything.
    pub fn recorder(&self) -> &Recorder {
        &self.env.recorder
    }
    /// The lab's own surroundings.
    pub fn env(&self) -> &Env {
        &self.env
    }
    /// The surroundings of the node called `name`, the same each time.
    pub fn node(&self, name: &str, role: Role) -> Env {
        let mut nodes = self.nodes.lock().expect("held for one line that does not panic");
        nodes.entry(name.to_owned()).or_insert_with(|| self.env.node(name, role)).clone()
    }
    /// Any free port of this world.
    pub fn any_port() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }
    /// Starts a device called `device`.
    pub fn device<P: Protocol>(&self, device: P) -> Host<P> {
        self.device_at(Self::any_port(), Arc::new(device))
    }
    /// Starts the device called `device` at an address that is known to be free.
    pub fn device_at<P: Protocol>(&self, addr: SocketAddr, device: Arc<P>) -> Host<P> {
        Host::start(self.node("device", Role::Device), addr, device).expect("the port is free")
    }
    /// Starts a client called `client` of the device at `addr`.
    pub fn client<P: Protocol>(&self, addr: SocketAddr, protocol: P, raw: RawPolicy) -> Client<P> {
        let env = self.node("client", Role::Client);
        let policy = Policy::new::<P>(raw).expect("the test's policy is valid");
        let supervisor = Supervisor::new(protocol, policy, env.seed);
        Client::spawn(env, vec![addr], supervisor)
    }
    /// Writes down that the run is over, and which tasks should have been.
    pub async fn end(&self) {
        let metrics = tokio::runtime::Handle::current().metrics();
        // A task that has returned is counted until its runtime has swept it up.
        for _ in 0..100 {
            if metrics.num_alive_tasks() == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.env.record(Event::Ended { tasks_left: metrics.num_alive_tasks() });
    }
}

/// Runs one test body on the simulated network and on real TCP.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: World) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;
            async fn body($world: $crate::World) $body
            #[test]
            fn sim() {
                $crate::World::sim(1, body);
            }
            #[test]
            fn tcp() {
                $crate::World::tcp(1, body);
            }
        }
    )*};
}
