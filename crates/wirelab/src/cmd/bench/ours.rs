//! Our client and our device under the same load, each on a thread of its own.
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use net::{Client, Env, Host, Net, Recorder, Role, Stopwatch, TcpOptions};
use proto::{
    Policy, Protocol, RawPolicy, Supervisor,
    resilience::Connection,
    toggle::{Lamp, Toggle},
};
use tokio::sync::oneshot;

use super::{Load, Measured};

pub(super) fn env(seed: u64) -> Env {
    // Remembers nothing: evidence is written by sinks, and none is attached.
    Env::new(Net::Tcp(TcpOptions::default()), Recorder::new(0), seed)
}

pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Our device on its own thread.
pub(super) struct Device {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Device {
    pub(super) fn start<P: Protocol>(device: P) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let runtime = runtime()?;
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                let env = env(0).node("device", Role::Device);
                let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
                match Host::start(env, any_port, Arc::new(device)) {
                    Ok(host) => {
                        let _ = tell.send(Ok(host.addr()));
                        let _ = stopped.await;
                        host.stop().await;
                    }
                    Err(e) => drop(tell.send(Err(e))),
                }
            });
        });
        let addr = told.recv().unwrap_or_else(|e| Err(io::Error::other(e)))?;
        Ok(Self { addr, stop, thread })
    }
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }
    pub(super) fn stop(self) {
        let _ = self.stop.send(());
        self.thread.join().expect("the device does not panic");
    }
}

/// Plays `load` against `addr`, one client per concurrent command.
pub(super) fn measure(
    addr: SocketAddr,
    toggle: &Toggle,
    load: Load,
    seed: u64,
) -> anyhow::Result<Measured> {
    runtime()?.block_on(async {
        let env = env(seed);
        let watch = Stopwatch::start();
        let each = load.commands / load.concurrent;
        let mut workers = tokio::task::JoinSet::new();
        for n in 0..load.concurrent {
            let env = env.node(&format!("toggler{n}"), Role::Client);
            workers.spawn(worker(env, addr, toggle.clone(), each, load.kept));
        }
        let mut all = Measured::default();
        while let Some(worker) = workers.join_next().await {
            all.add(&worker??);
        }
        all.took = watch.elapsed();
        Ok(all)
    })
}

async fn worker(
    env: Env,
    addr: SocketAddr,
    toggle: Toggle,
    commands: usize,
    kept: bool,
) -> anyhow::Result<Measured> {
    let connection = if kept { Connection::Kept } else { Connection::PerRequest };
    let policy = Policy::new::<Lamp>(RawPolicy { connection, ..RawPolicy::default() })?;
    let supervisor = Supervisor::new(Lamp::default(), policy, env.seed);
    let client = Client::spawn(env, vec![addr], supervisor);
    let mut measured = Measured::default();
    for _ in 0..commands {
        let watch = Stopwatch::start();
        client.request(toggle.clone()).await?;
        measured.record(watch.elapsed());
    }
    client.close().await;
    Ok(measured)
}
