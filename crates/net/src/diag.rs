//! What the kernel knows of a socket on this host that belongs to somebody else: what its program has
//! not read yet, who waits to be accepted. It asks, and never changes anything.
//!
//! `None` is always "cannot be known": another host, another system, a kernel without sock_diag.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Who waits at a listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Connections that nobody has accepted yet.
    pub(crate) waiting: usize,
    /// How many its listener wants to wait at most; Linux lets in one more.
    pub(crate) limit: usize,
}

impl Backlog {
    /// Would the next SYN be dropped?
    pub(crate) fn is_full(self) -> bool {
        self.waiting > self.limit
    }
}

/// Bytes that the program at `peer` has not read yet of what it was sent from `local`.
pub(crate) fn unread(peer: SocketAddr, local: SocketAddr) -> Option<usize> {
    os::find(peer, local)?.as_ref().and_then(os::unread)
}

/// Who waits at the socket that a connection to `addr` would reach, also one that listens
/// everywhere; the inner `None` is nobody there.
pub(crate) fn listener(addr: SocketAddr) -> Option<Option<Backlog>> {
    let addr = dialled(addr);
    if !is_local(addr.ip()) {
        return None;
    }
    // The kernel looks for a connection first. Nobody's comes from port 0, so it finds the listener.
    let nobody = match addr.ip() {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let found = os::find(addr, SocketAddr::new(nobody, 0))?;
    Some(found.as_ref().and_then(os::backlog))
}

/// Is this loopback or an address of this host? Only such an address can be bound. (Where
/// `ip_nonlocal_bind` is set any can be, and every host passes for this one.)
pub(crate) fn is_local(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let group = ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    ip.is_loopback() || (!group && std::net::UdpSocket::bind((ip, 0)).is_ok())
}

/// Dialling the address that stands for all of them reaches loopback.
pub(crate) fn dialled(addr: SocketAddr) -> SocketAddr {
    match addr.ip().to_canonical() {
        ip if !ip.is_unspecified() => SocketAddr::new(ip, addr.port()),
        IpAddr::V4(_) => (Ipv4Addr::LOCALHOST, addr.port()).into(),
        IpAddr::V6(_) => (Ipv6Addr::LOCALHOST, addr.port()).into(),
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    use std::{convert::Infallible, net::SocketAddr};

    pub(super) fn find(_: SocketAddr, _: SocketAddr) -> Option<Option<Infallible>> {
        None
    }
    pub(super) fn unread(none: &Infallible) -> Option<usize> {
        match *none {}
    }
    pub(super) fn backlog(none: &Infallible) -> Option<super::Backlog> {
        match *none {}
    }
}

/// Netlink's sock_diag(7). The kernel answers a question about one socket while it is being asked,
/// so nothing here ever waits.
#[cfg(target_os = "linux")]
mod os {
    use std::{
        cell::RefCell,
        io::{self, Read},
        net::{Ipv4Addr, SocketAddr, TcpListener},
    };

    use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
    use netlink_packet_sock_diag::{
        SockDiagMessage,
        constants::{
            AF_INET, AF_INET6, IPPROTO_TCP, TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK, TCP_LISTEN,
        },
        inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags},
    };
    use socket2::{Domain, Protocol, Socket, Type};

    use super::Backlog;

    /// Answers are a few hundred bytes.
    const ROOM: usize = 4096;

    thread_local! {
        static ASKED: RefCell<Option<Netlink>> = const { RefCell::new(None) };
    }

    /// The socket at `own` that talks to `remote`, or else the one that listens at `own`; the inner
    /// `None` is neither.
    pub(super) fn find(own: SocketAddr, remote: SocketAddr) -> Option<Option<InetResponseHeader>> {
        ASKED.with_borrow_mut(|asked| {
            let mut netlink = match asked.take() {
                Some(open) => open,
                None => Netlink::open().ok()?,
            };
            // One that failed is not put back; the next question opens another.
            let found = netlink.find(own, remote).ok()?;
            *asked = Some(netlink);
            Some(found)
        })
    }

    pub(super) fn unread(socket: &InetResponseHeader) -> Option<usize> {
        let queued = socket.recv_queue as usize;
        match socket.state {
            // The connection is gone, and the kernel offers whoever would get the next one.
            TCP_LISTEN => None,
            // A FIN has come, counts for one, and is last.
            TCP_CLOSE_WAIT | TCP_LAST_ACK | TCP_CLOSING => Some(queued.saturating_sub(1)),
            _ => Some(queued),
        }
    }

    pub(super) fn backlog(socket: &InetResponseHeader) -> Option<Backlog> {
        let (waiting, limit) = (socket.recv_queue as usize, socket.send_queue as usize);
        (socket.state == TCP_LISTEN).then_some(Backlog { waiting, limit })
    }

    struct Netlink {
        socket: Socket,
        asked: u32,
    }

    impl Netlink {
        fn open() -> io::Result<Self> {
            let diag = Protocol::from(libc::NETLINK_SOCK_DIAG);
            let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(diag))?;
            socket.set_nonblocking(true)?;
            let mut this = Self { socket, asked: 0 };
            // A kernel that cannot answer says the same as one that knows of nobody. Somebody is here.
            let somebody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let nobody = (Ipv4Addr::UNSPECIFIED, 0).into();
            match this.find(somebody.local_addr()?, nobody)? {
                Some(_) => Ok(this),
                None => Err(io::Error::new(io::ErrorKind::Unsupported, "no sock_diag for TCP")),
            }
        }
        fn find(
            &mut self,
            own: SocketAddr,
            remote: SocketAddr,
        ) -> io::Result<Option<InetResponseHeader>> {
            self.asked = self.asked.wrapping_add(1);
            self.socket.send(&question(self.asked, own, remote))?;
            let mut room = [0; ROOM];
            loop {
                let n = (&self.socket).read(&mut room)?;
                let said = NetlinkMessage::<SockDiagMessage>::deserialize(&room[..n])
                    .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
                // What is left of an earlier question that failed halfway.
                if said.header.sequence_number != self.asked {
                    continue;
                }
                return match said.payload {
                    NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(socket)) => {
                        Ok(Some(socket.header))
                    }
                    NetlinkPayload::Error(e) if e.raw_code() == -libc::ENOENT => Ok(None),
                    NetlinkPayload::Error(e) => Err(e.to_io()),
                    _ => Err(io::ErrorKind::InvalidData.into()),
                };
            }
        }
    }

    /// Sockets of IPv6 that serve IPv4 too are found by their plain IPv4 addresses.
    fn question(number: u32, own: SocketAddr, remote: SocketAddr) -> Vec<u8> {
        let (family, interface_id) = match own {
            SocketAddr::V6(v6) if v6.ip().to_ipv4_mapped().is_none() => (AF_INET6, v6.scope_id()),
            _ => (AF_INET, 0),
        };
        let socket_id = SocketId {
            source_port: own.port(),
            destination_port: remote.port(),
            source_address: own.ip().to_canonical(),
            destination_address: remote.ip().to_canonical(),
            interface_id,
            cookie: [0xff; 8], // Any.
        };
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::all(),
            socket_id,
        };
        let mut header = NetlinkHeader::default();
        (header.flags, header.sequence_number) = (NLM_F_REQUEST, number);
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        io::{Read, Write},
        net::{Shutdown, TcpListener, TcpStream},
    };

    use super::*;

    /// A connection from `dial`'s side to a listener at `at`: near, far, and the listener.
    fn pair(at: &str, dial: &str) -> (TcpStream, TcpStream, TcpListener) {
        let listener = TcpListener::bind((at, 0)).unwrap();
        let near = TcpStream::connect((dial, listener.local_addr().unwrap().port())).unwrap();
        let far = listener.accept().unwrap().0;
        (near, far, listener)
    }

    fn unread_beyond(near: &TcpStream) -> Option<usize> {
        unread(near.peer_addr().unwrap(), near.local_addr().unwrap())
    }

    /// Our kernel may need a moment to carry bytes over loopback.
    fn wait_for(want: usize, near: &TcpStream) {
        while unread_beyond(near) != Some(want) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_a_program_has_not_read_is_counted_to_the_byte() {
        // The last is a socket of IPv6 that serves IPv4, found by either spelling of its address.
        for (at, dial) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("::", "127.0.0.1"),
            ("::", "::ffff:127.0.0.1"),
        ] {
            let (mut near, mut far, _listener) = pair(at, dial);
            assert_eq!(unread_beyond(&near), Some(0), "{at}");
            near.write_all(&[7; 1000]).unwrap();
            wait_for(1000, &near);
            far.read_exact(&mut [0; 999]).unwrap();
            assert_eq!(unread_beyond(&near), Some(1), "{at}");
            far.read_exact(&mut [0; 1]).unwrap();
            assert_eq!(unread_beyond(&near), Some(0), "{at}");
            // The far side has sent nothing, and its address may be spelt as the listener sees it.
            assert_eq!(unread(far.peer_addr().unwrap(), far.local_addr().unwrap()), Some(0));
        }
    }

    #[test]
    fn the_end_of_a_stream_is_not_a_byte() {
        let (mut near, mut far, _listener) = pair("127.0.0.1", "127.0.0.1");
        near.write_all(b"last").unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        wait_for(4, &near);
        far.read_exact(&mut [0; 4]).unwrap();
        assert_eq!(unread_beyond(&near), Some(0));
        assert_eq!(far.read(&mut [0; 1]).unwrap(), 0);
        assert_eq!(unread_beyond(&near), Some(0));
    }

    #[test]
    fn a_connection_that_is_gone_is_not_known_though_its_listener_is_there() {
        let (near, far, _listener) = pair("127.0.0.1", "127.0.0.1");
        let (peer, local) = (near.peer_addr().unwrap(), near.local_addr().unwrap());
        assert_eq!(unread(peer, local), Some(0));
        socket2::SockRef::from(&far).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(far);
        assert!(listener(peer).unwrap().is_some());
        assert_eq!(unread(peer, local), None);
    }

    #[test]
    fn a_listener_is_found_with_those_who_wait() {
        for (at, dial) in [
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.1"),
            ("::", "::1"),
            ("::", "127.0.0.1"),
        ] {
            let listening = TcpListener::bind((at, 0)).unwrap();
            let port = listening.local_addr().unwrap().port();
            let there = SocketAddr::new(dial.parse().unwrap(), port);
            let empty = listener(there).expect("Linux knows").expect("it listens");
            assert_eq!(empty.waiting, 0);
            assert!(empty.limit > 0);
            let _waiting = TcpStream::connect(there).unwrap();
            while listener(there).unwrap().unwrap().waiting != 1 {
                std::thread::yield_now();
            }
            assert!(listener(listening.local_addr().unwrap()).unwrap().is_some(), "{at}");
            drop(listening);
            assert_eq!(listener(there), Some(None));
        }
    }

    /// As measured: Linux lets in one more than the listener asked for.
    #[test]
    fn a_backlog_is_full_with_one_more_than_its_limit() {
        let listening = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let listening = listening.unwrap();
        listening.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        listening.listen(1).unwrap();
        let addr = listening.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        for (n, full) in [(1, false), (2, true)] {
            waiting.push(TcpStream::connect(addr).unwrap());
            while listener(addr).unwrap().unwrap().waiting != n {
                std::thread::yield_now();
            }
            assert_eq!(listener(addr).unwrap().unwrap().is_full(), full, "{n}");
        }
    }

    #[test]
    fn the_address_of_all_stands_for_loopback() {
        for (at, all) in [("127.0.0.1", "0.0.0.0"), ("::1", "::")] {
            let listening = TcpListener::bind((at, 0)).unwrap();
            let port = listening.local_addr().unwrap().port();
            assert!(listener(SocketAddr::new(all.parse().unwrap(), port)).unwrap().is_some());
        }
    }

    #[test]
    fn of_other_hosts_nothing_is_known() {
        let elsewhere: SocketAddr = "192.0.2.1:80".parse().unwrap(); // RFC 5737: nobody's.
        assert_eq!(listener(elsewhere), None);
        assert_eq!(unread(elsewhere, "192.0.2.2:4000".parse().unwrap()), None);
        for (ip, local) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
        ] {
            assert_eq!(is_local(ip.parse().unwrap()), local, "{ip}");
        }
    }
}
