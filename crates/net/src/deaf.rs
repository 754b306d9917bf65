//! Listeners that take nobody: one whose backlog is full, one that never accepts. There is no way to
//! make them accept after all.
use std::{io, net::SocketAddr, thread, time::Duration};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    diag,
    net::{Listener, Net},
    sim,
    tcp::TcpOptions,
};

/// There is no room for one more: whoever dials gets no answer at all. Dropping it refuses them.
pub struct FullListener(Full);

/// Fields are dropped in order: once nobody listens, the parked connection is reset by that.
enum Full {
    Tcp { listener: Socket, _parked: Socket },
    Sim { listener: sim::Listener, _parked: sim::Stream },
}

/// The system takes connections and bytes, and nobody ever sees them. Dropping it resets all.
pub struct DeafListener(Listener);

impl Net {
    /// Listens at `addr` with a backlog that is full already; port 0 is any free one. To fill it, it
    /// dials itself, which takes a moment and not a runtime.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken. Not supported but on Linux, since other
    /// systems do not drop the SYN that finds no room.
    pub fn listen_full(&self, addr: SocketAddr) -> io::Result<FullListener> {
        match self {
            Self::Tcp(options) => full(addr, options),
            Self::Sim(sim) => {
                let (listener, _parked) = sim.listen_full(addr)?;
                Ok(FullListener(Full::Sim { listener, _parked }))
            }
        }
    }
    /// Listens at `addr` and never accepts; port 0 is any free one.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken.
    pub fn listen_deaf(&self, addr: SocketAddr) -> io::Result<DeafListener> {
        self.listen(addr).map(DeafListener)
    }
}

impl FullListener {
    /// Where it listens.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Full::Tcp { listener, .. } => address(listener),
            Full::Sim { listener, .. } => Ok(listener.local_addr()),
        }
    }
}

impl DeafListener {
    /// Where it listens.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// How long dialling ourselves may take. Longer only if somebody else has dialled first.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often the kernel is asked whether the parked connection has come to the backlog.
const ASKED: usize = 10_000;

/// Linux lets one more wait than the backlog says, so after listen(0) one connection fills it.
fn full(addr: SocketAddr, options: &TcpOptions) -> io::Result<FullListener> {
    if !cfg!(target_os = "linux") {
        let problem = "only Linux gives no answer when a backlog is full";
        return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
    }
    let listener = options.bind(addr, None)?;
    listener.listen(0)?;
    let here = diag::dialled(address(&listener)?);
    let parked = Socket::new(Domain::for_address(here), Type::STREAM, Some(Protocol::TCP))?;
    parked.set_linger(Some(Duration::ZERO))?;
    let dialled = parked.connect_timeout(&here.into(), PATIENCE);
    // Our end is connected a moment before the backlog has the other.
    for _ in 0..ASKED {
        match diag::listener(here) {
            Some(Some(backlog)) if backlog.is_full() => {
                return Ok(FullListener(Full::Tcp { listener, _parked: parked }));
            }
            Some(Some(_)) => thread::yield_now(),
            Some(None) | None => break,
        }
    }
    // It stays unknown whether it is full. If we are connected, it is, or will be in a moment.
    dialled.map(|()| FullListener(Full::Tcp { listener, _parked: parked }))
}

fn address(socket: &Socket) -> io::Result<SocketAddr> {
    let addr = socket.local_addr()?;
    addr.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}
