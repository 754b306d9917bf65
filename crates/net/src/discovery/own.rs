//! How our own announcement, which comes back to us, is told from one of somebody who has our key.
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use proto::tazcom::{NodeId, roster::Announcement};

/// Addresses and names that are remembered as our own, at most.
const MAX_OURS: usize = 256;

pub(super) struct Own {
    id: String,
    port: u16,
    /// Where we are or were.
    addrs: BTreeSet<IpAddr>,
    /// Names that turned out to be ours.
    names: BTreeSet<String>,
}

impl Own {
    /// Of the node called `id`, which listens at `port`.
    pub(super) fn new(id: NodeId, port: u16) -> Self {
        let all = if_addrs::get_if_addrs().unwrap_or_default();
        let addrs = all.iter().map(if_addrs::Interface::ip).take(MAX_OURS).collect();
        Self { id: id.to_string(), port, addrs, names: BTreeSet::new() }
    }
    /// This address is ours now.
    pub(super) fn is_at(&mut self, addr: IpAddr) {
        keep(&mut self.addrs, addr);
    }
    /// Whether this, which says this port, is our own announcement. Its name is remembered if it is.
    pub(super) fn is_ours(&mut self, announced: &Announcement, port: u16) -> bool {
        let here = |addr: &SocketAddr| self.addrs.contains(&addr.ip());
        let says_us = announced.id.as_ref() == Some(&self.id) && port == self.port;
        let ours = says_us && announced.addrs.iter().any(here);
        if ours {
            keep(&mut self.names, announced.name.clone());
        } else {
            self.names.remove(&announced.name);
        }
        ours
    }
    /// Whether the announcement of this name, which is gone, was ours.
    pub(super) fn forgets(&mut self, name: &str) -> bool {
        self.names.remove(name)
    }
}

fn keep<T: Ord>(ours: &mut BTreeSet<T>, what: T) {
    if ours.len() < MAX_OURS {
        ours.insert(what);
    }
}
