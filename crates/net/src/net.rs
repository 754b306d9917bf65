//! Where bytes travel: the operating system's TCP, or a simulated network in this process.
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    task::{Context, Poll},
    time::Duration,
};

use proto::Stage;

use crate::{
    Env, diag, sim,
    tcp::{self, TcpOptions},
};

/// After a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A network.
#[derive(Clone)]
pub enum Net {
    /// The real one.
    Tcp(TcpOptions),
    /// One in this process, meant to run under paused time.
    Sim(sim::Sim),
}

/// A listening socket.
pub enum Listener {
    /// The operating system's.
    Tcp(tcp::Listener),
    /// Ours.
    Sim(sim::Listener),
}

/// Whether anybody would take a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listens {
    /// Nobody is there: dialling is refused.
    No,
    /// There is room for one more.
    Yes,
    /// Somebody is there and accepts too little: dialling gets no answer.
    Full,
}

/// A connection.
pub enum Stream {
    /// The operating system's.
    Tcp(tokio::net::TcpStream),
    /// Ours.
    Sim(sim::Stream),
}

impl Net {
    /// The same network, where nobody gives up a connection that the peers still want, and no more is
    /// queued than is on its way: for who stands between two peers and has no opinion.
    pub(crate) fn patient(&self) -> Self {
        match self {
            Self::Tcp(options) => Self::Tcp(options.patient()),
            Self::Sim(sim) => Self::Sim(sim.clone()),
        }
    }
    /// Opens a connection to the first of `addrs` that takes one.
    ///
    /// # Errors
    /// The last address's, if none does.
    pub async fn connect(&self, addrs: &[SocketAddr]) -> io::Result<Stream> {
        let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "no address to connect to");
        for addr in addrs {
            let opened = match self {
                Self::Tcp(options) => tcp::connect(*addr, options).await.map(Stream::Tcp),
                Self::Sim(sim) => sim.connect(*addr).await.map(Stream::Sim),
            };
            match opened {
                Ok(stream) => return Ok(stream),
                Err(e) => last = e,
            }
        }
        Err(last)
    }
    /// Listens at `addr`; port 0 is any free one.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken.
    pub fn listen(&self, addr: SocketAddr) -> io::Result<Listener> {
        self.listen_as(addr, None)
    }
    /// Every address of this host, IPv6 and IPv4 if it has both, and any free port: where to listen if
    /// nobody says where.
    pub fn anywhere(&self) -> SocketAddr {
        let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        match self {
            Self::Tcp(options) if options.bind(both, None).is_ok() => both,
            Self::Tcp(_) | Self::Sim(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        }
    }
    /// Listens, and what it accepts has a receive buffer of about so many bytes from its first moment
    /// on; see [`Stream::set_receive_buffer`].
    ///
    /// # Errors
    /// As [`Net::listen`].
    pub fn listen_with_buffer(&self, addr: SocketAddr, bytes: usize) -> io::Result<Listener> {
        self.listen_as(addr, Some(bytes))
    }
    fn listen_as(&self, addr: SocketAddr, buffer: Option<usize>) -> io::Result<Listener> {
        match self {
            Self::Tcp(options) => tcp::listen(addr, options, buffer).map(Listener::Tcp),
            Self::Sim(sim) => sim.listen(addr, buffer).map(Listener::Sim),
        }
    }
    /// Whether anybody listens at `addr`, found out without dialling. `None` where that cannot be
    /// known: at another host, on another system than Linux.
    pub fn listens(&self, addr: SocketAddr) -> Option<Listens> {
        match self {
            Self::Tcp(_) => Some(match diag::listener(addr)? {
                None => Listens::No,
                Some(backlog) if backlog.is_full() => Listens::Full,
                Some(_) => Listens::Yes,
            }),
            Self::Sim(sim) => Some(sim.listens(addr)),
        }
    }
}

impl Net {
    /// How many connections wait at `addr` that nobody has accepted yet. `None` where that cannot be
    /// known, and where nobody listens.
    pub fn waiting(&self, addr: SocketAddr) -> Option<usize> {
        match self {
            Self::Tcp(_) => diag::listener(addr)?.map(|backlog| backlog.waiting),
            Self::Sim(_) => None,
        }
    }
}

impl Listener {
    /// The next connection. Cancel safe.
    ///
    /// # Errors
    /// The operating system's: too many open files, most often. Try again a little later.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(Stream::Tcp),
            Self::Sim(listener) => listener.accept().await.map(Stream::Sim),
        }
    }
    /// The next connection. Whoever dials while the operating system can open none, most often for
    /// want of file descriptors, waits in the backlog until it can. Cancel safe.
    pub async fn next(&mut self, env: &Env) -> Stream {
        loop {
            match self.accept().await {
                Ok(stream) => return stream,
                // Nobody says when there is room again, and asking on end would take a processor.
                Err(_) => env.sleep_until(env.now() + ACCEPT_PAUSE).await,
            }
        }
    }
    /// Where it listens.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr(),
            Self::Sim(listener) => Ok(listener.local_addr()),
        }
    }
}

impl Stream {
    /// Our end and theirs.
    ///
    /// # Errors
    /// The operating system's, for instance when the peer has reset it already.
    pub fn addrs(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        match self {
            Self::Tcp(stream) => Ok((stream.local_addr()?, stream.peer_addr()?)),
            Self::Sim(stream) => Ok(stream.addrs()),
        }
    }
    /// Reads what is there, 0 bytes at the end of the stream.
    pub fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => tcp::poll_read(stream, cx, buf),
            Self::Sim(stream) => stream.poll_read(cx, buf),
        }
    }
    /// Writes as much of these as the network takes now.
    pub fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => tcp::poll_write(stream, cx, bufs),
            Self::Sim(stream) => stream.poll_write(cx, bufs),
        }
    }
    /// Returns once there is something to read, and leaves it there.
    pub async fn readable(&self) {
        match self {
            // A connection that is gone is read from as well, and found to be so.
            Self::Tcp(stream) => drop(stream.readable().await),
            Self::Sim(stream) => stream.readable().await,
        }
    }
    /// Finishes sending (FIN); reading goes on.
    ///
    /// # Errors
    /// The connection is gone already.
    pub fn finish(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => tcp::finish(stream),
            Self::Sim(stream) => {
                stream.finish();
                Ok(())
            }
        }
    }
    /// Closes with a reset (RST), so that the peer sees `ECONNRESET` and not the end of a stream.
    pub fn reset(self) {
        match self {
            Self::Tcp(stream) => tcp::reset(stream),
            Self::Sim(stream) => stream.reset(),
        }
    }
    /// Bytes the peer's kernel has not acknowledged yet; `None` where that cannot be asked.
    pub fn unacked(&self) -> Option<usize> {
        match self {
            Self::Tcp(stream) => tcp::unacked(stream),
            Self::Sim(stream) => Some(stream.unacked()),
        }
    }
    /// Those of them that are on their way; the others wait for the peer to make room. `None` where that
    /// cannot be asked.
    pub(crate) fn in_flight(&self) -> Option<usize> {
        match self {
            Self::Tcp(stream) => tcp::in_flight(stream),
            Self::Sim(stream) => Some(stream.unacked()),
        }
    }
    /// Has the peer's program read every byte we wrote? `None` where that cannot be known: it is on
    /// another host, on another system than Linux, or its socket is gone.
    pub fn drained(&self) -> Option<bool> {
        match self {
            Self::Tcp(stream) => tcp::drained(stream),
            Self::Sim(stream) => stream.drained(),
        }
    }
    /// Has the peer reset it, or the system given it up? Known without a read, even with bytes unread.
    /// Where the read or write that reports it has taken the error along, it is no longer. On Windows
    /// it cannot be asked, and nothing is ever broken.
    pub fn is_broken(&self) -> bool {
        match self {
            Self::Tcp(stream) => tcp::is_broken(stream),
            Self::Sim(stream) => stream.is_broken(),
        }
    }
    /// Returns once the peer has reset it or the system given it up, whatever is still unread. Cancel
    /// safe. Where the read or write that reports it is first, this may never return.
    pub async fn broken(&self) {
        match self {
            Self::Tcp(stream) => tcp::broken(stream).await,
            Self::Sim(stream) => stream.broken().await,
        }
    }
    /// How many bytes may wait to be read before the peer has to wait with more. Linux doubles it for
    /// its own needs, goes no lower than some 2 KB, and may take more on a connection that is open
    /// already; [`Net::listen_with_buffer`] is in time.
    ///
    /// # Errors
    /// The operating system's.
    pub fn set_receive_buffer(&self, bytes: usize) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => tcp::set_receive_buffer(stream, bytes),
            Self::Sim(stream) => {
                stream.set_receive_buffer(bytes);
                Ok(())
            }
        }
    }
}

/// What a failed connect means to the request that wanted it.
pub fn connect_stage(error: &io::Error) -> Stage {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Stage::Refused,
        io::ErrorKind::TimedOut => Stage::ConnectTimeout,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Stage::Reset,
        _ => Stage::Unreachable,
    }
}
