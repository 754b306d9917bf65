//! Where multicast DNS can be spoken from here, and what is in its way. The daemon does what it can and
//! keeps its troubles to itself; so they are looked for here.
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use serde::Serialize;
use socket2::{Domain, Protocol, Socket, Type};

const PORT: u16 = 5353;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// Interfaces and addresses that are told of, at most.
const MOST: usize = 64;

/// Where a node can be announced and look for others, at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The interfaces that are up and that it has a use for.
    pub interfaces: Vec<Interface>,
    /// What is missing.
    pub lacks: Vec<Lack>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addrs: Vec<IpAddr>,
    /// Multicast can be received there.
    pub multicast: bool,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "lack", rename_all = "snake_case")]
pub enum Lack {
    /// No interface is up, or none has the address that was asked for.
    Interface,
    /// Nothing but loopback is up: nobody is found but on this machine.
    Network,
    /// There is no socket on UDP port 5353 to be had.
    Port {
        /// The operating system's words.
        detail: String,
    },
    /// There is none for IPv6, and one for IPv4.
    Ipv6 {
        /// The operating system's words.
        detail: String,
    },
}

impl Reach {
    /// Looks, for a node that listens there.
    pub fn look(listen: IpAddr) -> Self {
        let all = if_addrs::get_if_addrs().unwrap_or_default();
        let wanted: Vec<_> =
            all.iter().filter(|i| i.is_oper_up() && is_wanted(listen, i)).collect();
        let [v4, v6] = [socket(Ipv4Addr::UNSPECIFIED.into()), socket(Ipv6Addr::UNSPECIFIED.into())];
        let mut interfaces: BTreeMap<&str, Interface> = BTreeMap::new();
        for found in wanted.iter().take(MOST) {
            let name = &found.name;
            let fresh = || Interface { name: name.clone(), addrs: Vec::new(), multicast: false };
            let interface = interfaces.entry(name).or_insert_with(fresh);
            interface.addrs.push(found.ip());
            interface.multicast |= match found.ip() {
                IpAddr::V4(ip) => {
                    v4.as_ref().is_ok_and(|v4| joins(v4.join_multicast_v4(&GROUP_V4, &ip)))
                }
                IpAddr::V6(_) => v6.as_ref().is_ok_and(|v6| {
                    joins(v6.join_multicast_v6(&GROUP_V6, found.index.unwrap_or(0)))
                }),
            };
        }
        let mut lacks = Vec::new();
        if wanted.is_empty() {
            lacks.push(Lack::Interface);
        } else if wanted.iter().all(|i| i.is_loopback()) && !listen.is_loopback() {
            lacks.push(Lack::Network);
        }
        let needs_v4 = listen.is_ipv4() || listen.is_unspecified();
        let detail = |socket: &io::Result<Socket>| socket.as_ref().err().map(io::Error::to_string);
        lacks.extend(match (detail(&v4).filter(|_| needs_v4), detail(&v6)) {
            (Some(detail), _) => Some(Lack::Port { detail }),
            (None, Some(detail)) if listen.is_ipv6() && needs_v4 => Some(Lack::Ipv6 { detail }),
            (None, Some(detail)) if listen.is_ipv6() => Some(Lack::Port { detail }),
            (None, Some(_) | None) => None,
        });
        Self { interfaces: interfaces.into_values().collect(), lacks }
    }
    /// Nobody else is there but on this machine: then addresses of loopback mean the same to all.
    pub fn is_loopback(&self) -> bool {
        let mut addrs = self.interfaces.iter().flat_map(|i| &i.addrs).peekable();
        addrs.peek().is_some() && addrs.all(IpAddr::is_loopback)
    }
}

/// Whether a node that listens there has a use for this address of an interface. Loopback is of no use
/// where others can be reached: its addresses mean nothing to them.
pub(super) fn is_wanted(listen: IpAddr, interface: &if_addrs::Interface) -> bool {
    let fits = |i: &if_addrs::Interface| match listen {
        IpAddr::V4(any) if any.is_unspecified() => i.ip().is_ipv4(),
        IpAddr::V6(any) if any.is_unspecified() => true,
        one => i.ip() == one,
    };
    let useful =
        |i: &if_addrs::Interface| fits(i) && i.is_oper_up() && !i.is_p2p() && !i.is_loopback();
    fits(interface)
        && !interface.is_p2p()
        && !(interface.is_loopback()
            && if_addrs::get_if_addrs().unwrap_or_default().iter().any(useful))
}

/// One like those of the daemon, which share the port with whoever shares it.
fn socket(ip: IpAddr) -> io::Result<Socket> {
    let addr = SocketAddr::new(ip, PORT);
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if ip.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    // Where there is no such option, the daemon does without as well.
    let _ = socket.set_reuse_port(true);
    socket.bind(&addr.into())?;
    Ok(socket)
}

/// Joined already, by another address of the same interface, is joined.
fn joins(joined: io::Result<()>) -> bool {
    joined.map_or_else(|e| e.kind() == io::ErrorKind::AddrInUse, |()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_to_listen_at_is_the_only_one_of_use() {
        let all = if_addrs::get_if_addrs().unwrap();
        let wanted = |listen: &str| -> Vec<IpAddr> {
            let listen = listen.parse().unwrap();
            all.iter().filter(|i| is_wanted(listen, i)).map(if_addrs::Interface::ip).collect()
        };
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(wanted("127.0.0.1"), [here]);
        assert_eq!(wanted("192.0.2.99"), [] as [IpAddr; 0]);
        assert!(wanted("0.0.0.0").iter().all(IpAddr::is_ipv4));
    }

    #[test]
    fn loopback_alone_is_no_network_unless_it_was_asked_for() {
        let here = Reach::look("127.0.0.1".parse().unwrap());
        assert!(here.is_loopback() && !here.lacks.contains(&Lack::Network), "{here:?}");
        let nowhere = Reach::look("192.0.2.99".parse().unwrap());
        assert!(!nowhere.is_loopback() && nowhere.lacks.contains(&Lack::Interface), "{nowhere:?}");
    }
}
