//! Where a client dials: a port of its own that can be shut for a while and opened again.
use std::{
    future::pending,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use net::{
    Env,
    deaf::FullListener,
    net::{Listener, Net, Stream},
};
use proto::Time;

/// Between two attempts to have the port back: somebody else may hold it for a moment.
const AGAIN: Duration = Duration::from_millis(20);

pub(super) struct Gate {
    net: Net,
    addr: SocketAddr,
    listener: Option<Listener>,
    full: Option<FullListener>,
    back: Option<Time>,
}

impl Gate {
    /// Listens at any free port.
    pub(super) fn open(net: &Net, host: IpAddr) -> io::Result<Self> {
        let listener = net.listen(SocketAddr::new(host, 0))?;
        let addr = listener.local_addr()?;
        Ok(Self { net: net.clone(), addr, listener: Some(listener), full: None, back: None })
    }
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }
    /// Whoever dials from now on is refused, and whoever waits is reset; until then, if ever.
    pub(super) fn shut(&mut self, back: Option<Time>) {
        self.listener = None;
        self.full = None;
        self.back = back;
    }
    /// Whoever dials from now on gets no answer.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        self.shut(None);
        self.full = Some(self.net.listen_full(self.addr)?);
        Ok(())
    }
    /// Whether somebody waits to be taken, if that can be known.
    pub(super) fn is_dialled(&self) -> Option<bool> {
        self.net.waiting(self.addr).map(|waiting| waiting > 0)
    }
    /// The next connection. Cancel safe.
    pub(super) async fn accept(&mut self, env: &Env) -> io::Result<Stream> {
        loop {
            if let Some(listener) = &mut self.listener {
                return listener.accept().await;
            }
            match self.back {
                Some(at) => env.sleep_until(at).await,
                None => pending().await,
            }
            match self.net.listen(self.addr) {
                Ok(listener) => self.listener = Some(listener),
                Err(_) => self.back = Some(env.now() + AGAIN),
            }
        }
    }
}
