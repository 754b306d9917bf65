//! What a node announces, as records of DNS-SD, and what is read from those of others.
use std::net::{SocketAddr, SocketAddrV6};

use mdns_sd::{ResolvedService, ScopedIp, ServiceInfo};
use proto::tazcom::{NodeId, Version, roster::Announcement};

use super::Error;

/// What nodes are announced as.
pub(super) const SERVICE: &str = "_tazcom._tcp.local.";
/// An id has 43 characters. One that was cut here is none, as before.
const MAX_ID: usize = 64;
const MAX_VERSION: usize = 16;
/// Addresses of one announcement that are passed on, at most.
const MAX_ADDRS: usize = 32;

/// What we announce. The first letters of an id are enough to tell a few people's nodes apart.
pub(super) fn announced(id: NodeId, port: u16, version: Version) -> Result<ServiceInfo, Error> {
    let id = id.to_string();
    let (start, _) = id.split_at(8);
    let version = match version {
        Version::V01 => "0.1",
        Version::V02 => "0.2",
        Version::V03 => "0.3",
    };
    let (name, host) = (format!("TAZCOM Node {start}"), format!("tazcom-{start}.local."));
    let port_said = port.to_string();
    let said = [("id", id.as_str()), ("version", version), ("p", port_said.as_str())];
    Ok(ServiceInfo::new(SERVICE, &name, &host, "", port, &said[..])?.enable_addr_auto())
}

/// What somebody else announces, cut to what can mean anything.
pub(super) fn announcement(service: &ResolvedService) -> Announcement {
    let said = |key, most| {
        let value = service.get_property_val(key)??;
        // What is no text is nothing that can be read, but it was said.
        Some(std::str::from_utf8(value).unwrap_or_default().chars().take(most).collect())
    };
    let mut addrs: Vec<_> = service.addresses.iter().map(|ip| addr(ip, service.port)).collect();
    addrs.sort_unstable();
    addrs.truncate(MAX_ADDRS);
    let name = short(&service.fullname).to_owned();
    Announcement { name, id: said("id", MAX_ID), version: said("version", MAX_VERSION), addrs }
}

/// A link-local address means something on one interface only.
fn addr(ip: &ScopedIp, port: u16) -> SocketAddr {
    match ip {
        ScopedIp::V6(v6) if v6.addr().is_unicast_link_local() => {
            SocketAddrV6::new(*v6.addr(), port, 0, v6.scope_id().index).into()
        }
        _ => SocketAddr::new(ip.to_ip_addr(), port),
    }
}

/// The name without the service, where it has one.
pub(super) fn short(fullname: &str) -> &str {
    fullname.strip_suffix(SERVICE).and_then(|name| name.strip_suffix('.')).unwrap_or(fullname)
}

/// The name as the daemon knows it.
pub(super) fn full(name: &str) -> String {
    // Whatever `short` could not shorten ends like a name of DNS.
    if name.ends_with(".local.") { name.to_owned() } else { format!("{name}.{SERVICE}") }
}
