//! Real sockets, and the options that decide how soon a dead peer is noticed.
mod asked;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    net::SocketAddr,
    task::{Context, Poll, ready},
    time::Duration,
};

use proto::{ConfigError, Span};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::{
    io::Interest,
    net::{TcpListener, TcpSocket, TcpStream},
};

pub(crate) use asked::{broken, drained, in_flight, is_broken, unacked};

/// What a person may set about sockets, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTcpOptions {
    /// Send small writes at once (TCP_NODELAY).
    pub nodelay: bool,
    /// Silence before the first keepalive probe; none switches probes off.
    pub keepalive: Option<Span>,
    /// Between probes. Three unanswered ones end the connection.
    pub keepalive_interval: Span,
    /// How long written bytes may stay unacknowledged (TCP_USER_TIMEOUT, Linux).
    pub user_timeout: Option<Span>,
    /// How long a close waits for unsent bytes; 0 resets. None leaves it to the system.
    pub linger: Option<Span>,
    /// Listen on a port although old connections of it linger (SO_REUSEADDR). Windows always does,
    /// and gives the name to something else: two listeners on one port.
    #[cfg(unix)]
    pub reuse_address: bool,
}

impl Default for RawTcpOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            keepalive: Some(Span::millis(10_000)),
            keepalive_interval: Span::millis(3_000),
            user_timeout: Some(Span::millis(10_000)),
            linger: None,
            #[cfg(unix)]
            reuse_address: true,
        }
    }
}

/// Checked socket options.
#[derive(Clone, Debug)]
pub struct TcpOptions {
    nodelay: bool,
    keepalive: Option<TcpKeepalive>,
    user_timeout: Option<Duration>,
    linger: Option<Duration>,
    #[cfg(unix)]
    reuse_address: bool,
    /// For who stands between two peers.
    between: bool,
}

const PROBES: u32 = 3;
const BACKLOG: i32 = 1024;
/// Enough for the next write while the last is sent.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

impl TcpOptions {
    /// Checks the settings.
    ///
    /// # Errors
    /// Keepalive times under a second, which the kernel cannot do.
    pub fn new(raw: RawTcpOptions) -> Result<Self, ConfigError> {
        let RawTcpOptions {
            nodelay,
            keepalive,
            keepalive_interval,
            user_timeout,
            linger,
            #[cfg(unix)]
            reuse_address,
        } = raw;
        let whole_seconds = |key: &str, span: Span| match span.0.as_secs() {
            0 => Err(ConfigError::new(key, "must be at least 1s; the kernel counts in seconds")),
            _ => Ok(span.0),
        };
        let keepalive = match keepalive {
            None => None,
            Some(idle) => {
                let probes = TcpKeepalive::new()
                    .with_time(whole_seconds("keepalive", idle)?)
                    .with_interval(whole_seconds("keepalive_interval", keepalive_interval)?)
                    .with_retries(PROBES);
                Some(probes)
            }
        };
        let user_timeout = user_timeout.map(|span| span.0);
        let linger = linger.map(|span| span.0);
        Ok(Self {
            nodelay,
            keepalive,
            user_timeout,
            linger,
            #[cfg(unix)]
            reuse_address,
            between: false,
        })
    }
    /// The same for who stands between two peers: sends at once, never gives a connection up, queues
    /// little (TCP_NOTSENT_LOWAT, Linux), and hears what was said before a reset that came at once.
    pub(crate) fn patient(&self) -> Self {
        let (keepalive, user_timeout, linger) = (None, None, None);
        Self { nodelay: true, keepalive, user_timeout, linger, between: true, ..self.clone() }
    }

    fn apply(&self, socket: &SockRef<'_>) -> io::Result<()> {
        let Self {
            nodelay,
            keepalive,
            user_timeout,
            linger,
            #[cfg(unix)]
                reuse_address: _,
            between,
        } = self;
        socket.set_tcp_nodelay(*nodelay)?;
        if let Some(probes) = keepalive {
            socket.set_tcp_keepalive(probes)?;
        }
        #[cfg(target_os = "linux")]
        {
            socket.set_tcp_user_timeout(*user_timeout)?;
            tell_what_is_left(socket);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = user_timeout;
        if linger.is_some() {
            socket.set_linger(*linger)?;
        }
        #[cfg(target_os = "linux")]
        if *between {
            socket.set_tcp_notsent_lowat(UNSENT)?;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = between;
        Ok(())
    }

    /// A socket ready to listen.
    pub(crate) fn bind(&self, addr: SocketAddr, buffer: Option<usize>) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        #[cfg(unix)]
        socket.set_reuse_address(self.reuse_address)?;
        if addr.is_ipv6() && addr.ip().is_unspecified() {
            // Every address is IPv4's as well, whatever the system takes it for.
            socket.set_only_v6(false)?;
        }
        #[cfg(windows)]
        exclusive(&socket)?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.bind(&addr.into())?;
        Ok(socket)
    }
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self::new(RawTcpOptions::default()).expect("the defaults are valid")
    }
}

/// A listening socket that dresses what it accepts.
pub struct Listener {
    listener: TcpListener,
    options: TcpOptions,
}

impl Listener {
    pub(crate) async fn accept(&self) -> io::Result<TcpStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            // A connection that died while it waited cannot be dressed; nothing was lost with it.
            if self.options.apply(&SockRef::from(&stream)).is_ok() {
                return Ok(stream);
            }
        }
    }
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Listens; what it accepts gets the receive buffer from it, if one is given.
pub(crate) fn listen(
    addr: SocketAddr,
    options: &TcpOptions,
    buffer: Option<usize>,
) -> io::Result<Listener> {
    let socket = options.bind(addr, buffer)?;
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    Ok(Listener { listener, options: options.clone() })
}

/// Otherwise a second listener with SO_REUSEADDR may share the port, and take our connections.
#[cfg(windows)]
#[allow(unsafe_code)]
fn exclusive(socket: &Socket) -> io::Result<()> {
    use std::os::windows::io::AsRawSocket;
    use windows_sys::Win32::Networking::WinSock::{SO_EXCLUSIVEADDRUSE, SOL_SOCKET, setsockopt};
    let (handle, on) = (socket.as_raw_socket() as usize, 1_u32.to_ne_bytes());
    // SAFETY: the socket is open while it is borrowed; the option takes these four bytes.
    let rc = unsafe { setsockopt(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, on.as_ptr(), 4) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub(crate) async fn connect(addr: SocketAddr, options: &TcpOptions) -> io::Result<TcpStream> {
    #[cfg(unix)]
    if options.between {
        return not_ourselves(connect_to_hear(addr, options).await?, addr);
    }
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    options.apply(&SockRef::from(&socket))?;
    not_ourselves(socket.connect(addr).await?, addr)
}

/// The runtime's own connect takes a connection that was reset at once for none. It was one, and what
/// was said on it can be read.
#[cfg(unix)]
async fn connect_to_hear(addr: SocketAddr, options: &TcpOptions) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    options.apply(&SockRef::from(&socket))?;
    match socket.connect(&addr.into()) {
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {}
        done => done?,
    }
    let stream = TcpStream::from_std(socket.into())?;
    loop {
        stream.writable().await?;
        // It is over again, or never began; only who reads learns which, and keeps what was said.
        let over = stream.peer_addr().is_err();
        let said =
            over.then(|| SockRef::from(&stream).peek(&mut [std::mem::MaybeUninit::uninit()]));
        match said.transpose() {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
            Ok(_) => return Ok(stream),
        }
        // Neither: it is still under way.
        let _ = stream.try_io(Interest::WRITABLE, || -> io::Result<()> {
            Err(io::ErrorKind::WouldBlock.into())
        });
    }
}

/// A free local port may be dialled from itself (simultaneous open): then nobody is there.
fn not_ourselves(stream: TcpStream, dialled: SocketAddr) -> io::Result<TcpStream> {
    if stream.local_addr()? != dialled {
        return Ok(stream);
    }
    reset(stream);
    let problem = "connected to itself; nobody listens there";
    Err(io::Error::new(io::ErrorKind::ConnectionRefused, problem))
}

/// Reads until the kernel has no more, which it says with the bytes where it can. The runtime's own
/// read takes a short read for "drained", and stalls when an urgent byte cut it short.
pub(crate) fn poll_read(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_read_ready(cx))?;
        let mut read = None;
        let more = stream.try_io(Interest::READABLE, || {
            let (n, drained) = receive(stream, buf)?;
            read = Some(n);
            // So the runtime learns that the next bytes are news, without a read that finds none.
            if drained { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match (read, more) {
            (Some(n), _) => return Poll::Ready(Ok(n)),
            (None, Err(e)) if e.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(e)),
            (None, _) => {}
        }
    }
}

/// Reads, and says whether there was nothing behind it: no byte, urgent or not, and no end. The
/// kernel tells (TCP_INQ, Linux 4.18); where it does not, there may always be more.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn receive(stream: &TcpStream, buf: &mut [u8]) -> io::Result<(usize, bool)> {
    use std::os::fd::AsRawFd;
    // One control message of one int takes 24 bytes at the most, aligned like this.
    let mut control = [0_u64; 4];
    let mut iov = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: zeroes are a header without address, buffers and control messages.
    let mut head: libc::msghdr = unsafe { std::mem::zeroed() };
    head.msg_iov = &mut iov;
    head.msg_iovlen = 1;
    head.msg_control = control.as_mut_ptr().cast();
    head.msg_controllen = size_of_val(&control) as _;
    // SAFETY: the descriptor is open while `stream` is borrowed; the header points to `buf` and
    // `control`, with their lengths, and both outlive the call.
    let read = unsafe { libc::recvmsg(stream.as_raw_fd(), &mut head, 0) };
    let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has written whole control messages into `control` and their length into the
    // header; one of this kind holds one int.
    let left = unsafe {
        let first = libc::CMSG_FIRSTHDR(&head).as_ref();
        let told = first.filter(|told| {
            (told.cmsg_level, told.cmsg_type) == (libc::IPPROTO_TCP, libc::TCP_CM_INQ)
        });
        told.map(|told| libc::CMSG_DATA(told).cast::<libc::c_int>().read_unaligned())
    };
    Ok((read, left == Some(0)))
}

#[cfg(not(target_os = "linux"))]
fn receive(stream: &TcpStream, buf: &mut [u8]) -> io::Result<(usize, bool)> {
    use std::io::Read;
    let socket = SockRef::from(stream);
    Ok(((&*socket).read(buf)?, false))
}

/// Has the kernel say with each read how much is left. One that cannot does not matter.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn tell_what_is_left(socket: &SockRef<'_>) {
    use std::os::fd::AsRawFd;
    let on: libc::c_int = 1;
    let (value, len) = ((&raw const on).cast(), size_of_val(&on) as libc::socklen_t);
    // SAFETY: the descriptor is open while it is borrowed; the option takes one int.
    let _ = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INQ, value, len)
    };
}

pub(crate) fn poll_write(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    bufs: &[io::IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        let socket = SockRef::from(stream);
        let wrote = stream.try_io(Interest::WRITABLE, || match bufs {
            [one] => (&*socket).write(one),
            many => (&*socket).write_vectored(many),
        });
        match wrote {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            wrote => return Poll::Ready(wrote),
        }
    }
}

pub(crate) fn finish(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).shutdown(std::net::Shutdown::Write)
}

pub(crate) fn reset(stream: TcpStream) {
    // Without linger 0 the close would be a FIN; then there is nothing better to do than that.
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

pub(crate) fn set_receive_buffer(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    SockRef::from(stream).set_recv_buffer_size(bytes)
}
