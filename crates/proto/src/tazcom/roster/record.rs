//! One announcement, or one address that was given: what it claims, and how greeting it goes.
use std::net::{IpAddr, SocketAddr};

use super::{Announcement, NodeId};
use crate::Time;

/// Addresses of one announcement that are tried, at most.
pub(super) const MAX_ADDRS: usize = 8;
/// Characters of a reason that are kept, at most.
const MAX_PROBLEM: usize = 200;

#[derive(Debug)]
pub(super) struct Record {
    /// The name as it was announced; an address that was given has none.
    pub(super) name: Option<String>,
    /// Who it says it is.
    pub(super) claimed: Option<NodeId>,
    pub(super) version: Option<String>,
    pub(super) addrs: Vec<SocketAddr>,
    /// The address that is tried, or that answered.
    pub(super) at: usize,
    pub(super) state: State,
    /// Greetings that failed in a row, each at all addresses.
    pub(super) failures: u32,
    /// Why the last greeting failed, if it did.
    pub(super) problem: Option<String>,
    /// If it cannot be greeted by then, it is gone.
    pub(super) doubt: Option<Time>,
    /// When it was announced last.
    pub(super) heard: Time,
    /// Who was there, as far as we know still is.
    pub(super) there: Option<NodeId>,
    /// It has proven here who it claims to be.
    pub(super) proven: bool,
    /// It claims a name that another record has, whose link works.
    pub(super) rival_of: Option<String>,
    /// It could not prove who it claims to be.
    pub(super) liar: bool,
    /// Not announced any more, and forgotten then unless a link to it is open.
    pub(super) missed: Option<Time>,
}

/// How far a greeting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// To be greeted then.
    Due(Time),
    /// Being greeted.
    Dialing(u64),
    /// A link to it is open.
    Up(u64),
}

impl Record {
    pub(super) fn new(now: Time, name: Option<String>, addrs: Vec<SocketAddr>) -> Self {
        Self {
            name,
            claimed: None,
            version: None,
            addrs,
            at: 0,
            state: State::Due(now),
            failures: 0,
            problem: None,
            doubt: None,
            heard: now,
            there: None,
            proven: false,
            rival_of: None,
            liar: false,
            missed: None,
        }
    }
    pub(super) fn addr(&self) -> SocketAddr {
        self.addrs[self.at]
    }
    /// This is what somebody announces who is there.
    pub(super) fn is_of(&self, who: NodeId, there: IpAddr) -> bool {
        self.claimed == Some(who) && self.at_ip(there).next().is_some()
    }
    /// Where it says it listens on this machine.
    pub(super) fn at_ip(&self, ip: IpAddr) -> impl Iterator<Item = SocketAddr> + '_ {
        let same = move |addr: &&SocketAddr| addr.ip().to_canonical() == ip.to_canonical();
        self.addrs.iter().filter(same).copied()
    }
    /// It was greeted, and nothing is wrong with it.
    pub(super) fn is_well(&mut self) {
        (self.failures, self.doubt, self.problem) = (0, None, None);
    }
    /// A greeting failed, for this reason.
    pub(super) fn fails(&mut self, why: &str) {
        self.problem = Some(why.chars().take(MAX_PROBLEM).collect());
    }
    /// Goes on to the next address; false if that was the last.
    pub(super) fn next_addr(&mut self) -> bool {
        self.at = (self.at + 1) % self.addrs.len();
        self.at != 0
    }
}

/// The addresses of an announcement that can mean anything to us, each once.
pub(super) fn usable(announced: &Announcement, loopback: bool) -> Vec<SocketAddr> {
    let mut addrs: Vec<SocketAddr> = Vec::new();
    for addr in &announced.addrs {
        let ip = addr.ip().to_canonical();
        let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        let nobody = ip.is_unspecified() || ip.is_multicast() || broadcast || addr.port() == 0;
        if !nobody && (loopback || !ip.is_loopback()) && !addrs.contains(addr) {
            addrs.push(*addr);
        }
        if addrs.len() == MAX_ADDRS {
            break;
        }
    }
    addrs
}
