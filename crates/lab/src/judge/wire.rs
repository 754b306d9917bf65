//! What lies between a client and its device: connections joined at both ends and through proxies,
//! what a device read of a frame, and which fault kept it from that.
use std::{collections::BTreeMap, net::SocketAddr};

use net::record::Role;

use super::index::{Armed, Conn, Index, Sent};

/// Proxies in a row; a record that shows more goes round in circles.
const MOST_PROXIES: usize = 16;

/// What the record says of proxies' doors.
#[derive(Default)]
pub(super) struct Doors<'a> {
    /// Where each proxy listens.
    pub at: BTreeMap<&'a str, SocketAddr>,
    /// When somebody wanted to connect there.
    pub knocks: BTreeMap<SocketAddr, Vec<u64>>,
    /// When the door was changed by each proxy's each fault.
    pub changed: BTreeMap<(&'a str, &'a str), Vec<u64>>,
}

/// The way from a client to a device.
struct Path<'i, 'a> {
    device: &'i Conn<'a>,
    /// A fault struck on it.
    harmed: bool,
}

impl<'a> Index<'a> {
    /// When the device had read all of this frame, byte by byte. That is how frames are followed that
    /// name no request; where they do, the device's frames tell.
    pub(super) fn read_at(&self, sent: &Sent<'_>) -> Option<u64> {
        let Path { device, harmed } = self.path(sent.conn)?;
        if device.names_requests {
            return None;
        }
        if harmed {
            // Its place in the stream may have moved, so it is looked for: its bytes, or its name.
            return device.read_like(sent).or_else(|| device.heard_of(sent));
        }
        let at = device.received.partition_point(|(_, total)| *total < sent.end);
        device.received.get(at).map(|(seq, _)| *seq)
    }

    /// The fault that kept this frame from the device, although its sender's peer had it: no client
    /// can know of that until somebody answers.
    pub(super) fn taken_by(&self, sent: &Sent<'_>) -> Option<&'a str> {
        let client = &self.conns[sent.conn];
        let Some(near) = client.other_end.map(|at| &self.conns[at]) else {
            let node = self.doors.at.iter().find(|(_, addr)| Some(**addr) == client.peer)?.0;
            let mut deaf = self.doors.changed.keys().filter(|(at, _)| at == node);
            return deaf.find(|(_, fault)| is_deaf(fault)).map(|(_, fault)| *fault);
        };
        let far = near.joined.map(|at| &self.conns[at]);
        if near.role != Role::Proxy {
            return None;
        }
        let mut struck = near.struck.iter().chain(far.into_iter().flat_map(|far| &far.struck));
        let read = near.received.last().is_some_and(|(_, total)| *total >= sent.end);
        struck.find(|fault| read || is_deaf(fault)).copied()
    }

    /// When this showed that was armed, if it did before the same was armed again.
    pub(super) fn showed(&self, armed: &Armed<'a>) -> Option<u64> {
        let Armed { seq, device, quirk } = *armed;
        let mode = armed.mode();
        let again = self.armed.iter().filter(|a| (a.device, a.quirk) == (device, quirk));
        let again = again.map(|a| a.seq).find(|next| *next > seq).unwrap_or(u64::MAX);
        let meant = |at: &&u64| seq < **at && **at < again;
        if let Some(addr) = self.doors.at.get(device)
            && let Some(changed) = self.doors.changed.get(&(device, quirk))
        {
            // A door is changed for whoever knocks; without a knock nothing was tested.
            let lifted = self.lifted.get(&(device, quirk)).into_iter().flatten();
            let lifted = lifted.copied().find(|at| *at > seq).unwrap_or(u64::MAX);
            let knocks = self.doors.knocks.get(addr).into_iter().flatten().copied();
            let closed = self.conns.iter().filter(|c| c.node == device && mode == "schedule");
            let mut felt = knocks.chain(closed.filter_map(|c| c.closed));
            let changed = changed.iter().find(meant);
            return changed.and_then(|changed| felt.find(|at| changed < at && *at < lifted));
        }
        let refuses = matches!(mode, "refuse" | "port_change" | "vanish");
        if refuses
            && !self.doors.at.contains_key(device)
            && let Some(refused) = self.refused.iter().find(meant)
        {
            return Some(*refused);
        }
        let named = [mode, quirk].map(|name| self.fired.get(&(device, name)));
        named.into_iter().flatten().flatten().find(meant).copied()
    }

    fn path(&self, client: usize) -> Option<Path<'_, 'a>> {
        let mut at = self.conns[client].other_end?;
        let mut harmed = false;
        for _ in 0..MOST_PROXIES {
            let conn = &self.conns[at];
            match conn.role {
                Role::Device => return Some(Path { device: conn, harmed }),
                Role::Proxy => {
                    let onto = &self.conns[conn.joined?];
                    harmed |= !conn.struck.is_empty() || !onto.struck.is_empty();
                    at = onto.other_end?;
                }
                Role::Client | Role::Lab => return None,
            }
        }
        None
    }
}

impl Conn<'_> {
    /// When a frame came in under its name, whatever had become of the rest.
    fn heard_of(&self, sent: &Sent<'_>) -> Option<u64> {
        let named = |(seq, name): &&(u64, &str)| *seq > sent.seq && sent.name == Some(name);
        self.names.iter().find(named).map(|(seq, _)| *seq)
    }
    /// When all these bytes had been read, wherever they stood, after they were sent.
    fn read_like(&self, sent: &Sent<'_>) -> Option<u64> {
        let mut stream = Vec::new();
        for ((seq, _), part) in self.received.iter().zip(&self.parts) {
            let new = stream.len().saturating_sub(sent.bytes.len());
            stream.extend_from_slice(part);
            let mut windows = stream[new..].windows(sent.bytes.len().max(1));
            if *seq > sent.seq && windows.any(|window| window == sent.bytes) {
                return Some(*seq);
            }
        }
        None
    }
}

/// Under it connections are open that nobody has accepted: a kernel takes what is sent on them.
fn is_deaf(fault: &str) -> bool {
    matches!(fault.split(' ').next(), Some("accept_never" | "delay_accept"))
}

#[cfg(test)]
mod tests;
