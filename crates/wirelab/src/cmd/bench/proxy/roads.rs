//! From a client to a device: directly, through the plainest proxy there is, through ours. Each proxy is
//! one thread with a runtime of its own.
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use net::proxy::{Proxy, Rule};
use tokio::sync::oneshot;

use crate::cmd::bench::ours;

/// By which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Direct,
    /// `copy_bidirectional`, TCP_NODELAY, and nothing else.
    Plain,
    Ours,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Direct, Self::Plain, Self::Ours];
}

/// A way, with a listener of the caller's at its end. Dropping it ends the proxy.
pub(super) struct Road {
    /// Where to dial.
    pub(super) addr: SocketAddr,
    /// Who answers there.
    pub(super) device: TcpListener,
    proxy: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Road {
    pub(super) fn start(kind: Kind, rules: &[&str]) -> anyhow::Result<Self> {
        let device = TcpListener::bind("127.0.0.1:0")?;
        let to = device.local_addr()?;
        let rules = rules.iter().map(|rule| rule.parse()).collect::<Result<Vec<Rule>, _>>()?;
        if kind == Kind::Direct {
            return Ok(Self { addr: to, device, proxy: None });
        }
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let runtime = ours::runtime()?;
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                let started = if kind == Kind::Ours { ours(to, rules) } else { plain(to).await };
                match started {
                    Ok((addr, running)) => {
                        let _ = tell.send(Ok(addr));
                        let _ = stopped.await;
                        drop(running);
                    }
                    Err(e) => drop(tell.send(Err(e))),
                }
            });
        });
        Ok(Self { addr: told.recv()??, device, proxy: Some((stop, thread)) })
    }
    pub(super) fn dial(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.addr)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.proxy.take() {
            let _ = stop.send(());
            thread.join().expect("a proxy does not panic");
        }
    }
}

/// Ends with its runtime.
type Running = Box<dyn std::any::Any>;

fn ours(to: SocketAddr, rules: Vec<Rule>) -> anyhow::Result<(SocketAddr, Running)> {
    let proxy = Proxy::start(ours::env(1), SocketAddr::from(([127, 0, 0, 1], 0)), vec![to], None)?;
    for rule in rules {
        proxy.add(rule)?;
    }
    Ok((proxy.addr(), Box::new(proxy)))
}

async fn plain(to: SocketAddr) -> anyhow::Result<(SocketAddr, Running)> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let task = tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = near.set_nodelay(true);
                let Ok(mut far) = tokio::net::TcpStream::connect(to).await else { return };
                let _ = far.set_nodelay(true);
                let room = 64 * 1024;
                let carried =
                    tokio::io::copy_bidirectional_with_sizes(&mut near, &mut far, room, room);
                let _ = carried.await;
            });
        }
    });
    Ok((addr, Box::new(task)))
}

/// Answers each 64 bytes with the same, until its client has left.
pub(super) fn echo(mut stream: TcpStream) {
    let mut message = [0; 64];
    let _ = stream.set_nodelay(true);
    while stream.read_exact(&mut message).is_ok() && stream.write_all(&message).is_ok() {}
}
