//! A run taken apart into what was said: of each connection, its packets in the order they were whole,
//! however they were cut on the way, and what lay between them.
use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use net::{Event, Flow, Record, Role};
use proto::{CloseReason, Time, inbox::Inbox};

use crate::registry::AnyProtocol;

/// Longer messages are not waited for: what there is of one is told as one that is cut short.
const MOST: u64 = 16 << 20;

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When.
    pub at: Time,
    /// The record that says so; of a packet, the one with which it was whole.
    pub record: u64,
    /// The connection, counted from 1.
    pub conn: usize,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The connection began.
    Opened,
    /// A packet, or bytes that are none.
    Packet(Packet),
    /// The sender finished (FIN).
    Fin(Flow),
    /// The sender reset it (RST).
    Reset(Flow),
    /// The connection was over.
    Closed,
}

/// A packet, or bytes that are none.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// Which way: up is from whoever dialled.
    pub flow: Flow,
    /// Bytes of this direction before it.
    pub offset: u64,
    /// All of it.
    pub bytes: Bytes,
    /// It was read together with the packet before it.
    pub coalesced: bool,
    /// The connection ended before it did.
    pub cut: bool,
}

/// Everything that happened on the connections of a run. A connection is told once: as the proxy saw it
/// that carried it, else as the clients saw theirs, else the devices.
pub fn moments(records: &[Record], protocol: &dyn AnyProtocol) -> Vec<Moment> {
    let seen_by = seen_by(records);
    let mut talk = Talk {
        protocol,
        legs: BTreeMap::new(),
        lines: Vec::new(),
        moments: Vec::new(),
        proxied: seen_by == Some(Role::Proxy),
    };
    for record in records.iter().filter(|record| Some(record.role) == seen_by) {
        talk.take(record);
    }
    talk.finish();
    talk.moments
}

fn seen_by(records: &[Record]) -> Option<Role> {
    let said = |role: Role| {
        records.iter().any(|record| {
            record.role == role
                && matches!(record.event, Event::Received { .. } | Event::Sent { .. })
        })
    };
    [Role::Proxy, Role::Client, Role::Device, Role::Lab].into_iter().find(|role| said(*role))
}

/// One direction of a connection.
#[derive(Default)]
struct Line {
    inbox: Inbox,
    offset: u64,
    ended: bool,
}

struct Talk<'a> {
    protocol: &'a dyn AnyProtocol,
    proxied: bool,
    /// Which connection a node's own is, and which way goes what it receives there.
    legs: BTreeMap<(Arc<str>, u32), (usize, Flow)>,
    /// By connection: up, down.
    lines: Vec<[Line; 2]>,
    moments: Vec<Moment>,
}

impl Talk<'_> {
    fn take(&mut self, record: &Record) {
        let Record { node, event, .. } = record;
        let leg = |talk: &Self, conn: u32| talk.legs.get(&(node.clone(), conn)).copied();
        match event {
            Event::Joined { conn, onto } => {
                let nth = self.begin(record);
                self.legs.insert((node.clone(), *conn), (nth, Flow::Up));
                self.legs.insert((node.clone(), *onto), (nth, Flow::Down));
            }
            Event::Connecting { conn, .. } if !self.proxied => self.own(record, *conn, Flow::Down),
            Event::Opened { conn, .. } if !self.proxied && leg(self, *conn).is_none() => {
                self.own(record, *conn, Flow::Up);
            }
            Event::Received { conn, bytes } => {
                if let Some((nth, flow)) = leg(self, *conn) {
                    self.bytes(record, nth, flow, bytes);
                }
            }
            Event::Sent { conn, bytes } if !self.proxied => {
                if let Some((nth, flow)) = leg(self, *conn) {
                    self.bytes(record, nth, back(flow), bytes);
                }
            }
            Event::Eof { conn } => {
                if let Some((nth, flow)) = leg(self, *conn) {
                    self.ended(record, nth, flow);
                    self.tell(record, nth, What::Fin(flow));
                }
            }
            Event::Closed { conn, reason } => {
                if let Some((nth, flow)) = self.legs.remove(&(node.clone(), *conn)) {
                    self.closed(record, nth, flow, reason);
                }
            }
            // Whatever else there is to know is about something else than bytes.
            _ => {}
        }
    }

    fn begin(&mut self, record: &Record) -> usize {
        self.lines.push(Default::default());
        let nth = self.lines.len();
        self.tell(record, nth, What::Opened);
        nth
    }
    /// A connection of the node's own, at which it receives what goes this way.
    fn own(&mut self, record: &Record, conn: u32, flow: Flow) {
        let nth = self.begin(record);
        self.legs.insert((record.node.clone(), conn), (nth, flow));
    }

    fn bytes(&mut self, record: &Record, nth: usize, flow: Flow, bytes: &[u8]) {
        let line = &mut self.lines[nth - 1][flow as usize];
        line.inbox.push(bytes);
        let mut coalesced = false;
        while let Some(extent) = self.protocol.extent(line.inbox.peek()) {
            let whole = usize::try_from(extent.max(1)).unwrap_or(usize::MAX);
            if extent > MOST || whole > line.inbox.peek().len() {
                break;
            }
            let (offset, bytes) = (line.offset, line.inbox.take(whole));
            line.offset += whole as u64;
            let packet = Packet { flow, offset, bytes, coalesced, cut: false };
            self.moments.push(Moment {
                at: record.at,
                record: record.seq,
                conn: nth,
                what: What::Packet(packet),
            });
            coalesced = true;
        }
    }

    fn ended(&mut self, record: &Record, nth: usize, flow: Flow) {
        let line = &mut self.lines[nth - 1][flow as usize];
        line.ended = true;
        let (offset, bytes) = (line.offset, line.inbox.take_all());
        line.offset += bytes.len() as u64;
        if !bytes.is_empty() {
            let packet = Packet { flow, offset, bytes, coalesced: false, cut: true };
            self.tell(record, nth, What::Packet(packet));
        }
    }

    fn closed(&mut self, record: &Record, nth: usize, flow: Flow, reason: &CloseReason) {
        let open = self.legs.values().any(|(other, _)| *other == nth);
        if *reason == CloseReason::Reset {
            self.ended(record, nth, flow);
            self.tell(record, nth, What::Reset(flow));
        }
        if !open {
            self.ended(record, nth, Flow::Up);
            self.ended(record, nth, Flow::Down);
            self.tell(record, nth, What::Closed);
        }
    }

    /// What was never ended ends with the record.
    fn finish(&mut self) {
        let Some(last) = self.moments.last().cloned() else { return };
        for nth in 1..=self.lines.len() {
            for flow in [Flow::Up, Flow::Down] {
                let line = &mut self.lines[nth - 1][flow as usize];
                let (offset, bytes) = (line.offset, line.inbox.take_all());
                if !bytes.is_empty() {
                    let packet = Packet { flow, offset, bytes, coalesced: false, cut: true };
                    let what = What::Packet(packet);
                    self.moments.push(Moment { conn: nth, what, ..last.clone() });
                }
            }
        }
    }

    fn tell(&mut self, record: &Record, conn: usize, what: What) {
        self.moments.push(Moment { at: record.at, record: record.seq, conn, what });
    }
}

fn back(flow: Flow) -> Flow {
    match flow {
        Flow::Up => Flow::Down,
        Flow::Down => Flow::Up,
    }
}

#[cfg(test)]
mod tests {
    use net::Recorder;

    use super::*;
    use crate::registry::find;

    /// Of each packet: direction, place, length, whether it came with the one before and was cut.
    fn packets(events: Vec<Event>, role: Role) -> Vec<(Flow, u64, usize, bool, bool)> {
        let recorder = Recorder::new(1 << 20).named("n", role);
        events.into_iter().for_each(|event| recorder.record(Time::default(), event));
        let moments = moments(&recorder.records(), find("cync").unwrap());
        let packet = |moment: Moment| match moment.what {
            What::Packet(p) => Some((p.flow, p.offset, p.bytes.len(), p.coalesced, p.cut)),
            What::Opened | What::Fin(_) | What::Reset(_) | What::Closed => None,
        };
        moments.into_iter().filter_map(packet).collect()
    }

    fn received(conn: u32, bytes: &[u8]) -> Event {
        Event::Received { conn, bytes: Bytes::copy_from_slice(bytes) }
    }

    const PING: &[u8] = b"\xd3\0\0\0\0";

    #[test]
    fn packets_are_whole_however_they_were_cut_and_in_step_after_junk() {
        let events = vec![
            Event::Joined { conn: 1, onto: 2 },
            received(1, &[PING, PING, b"\xd3\0"].concat()),
            received(2, b"\xd8\0\0\0\0"),
            received(1, &[b"\0\0\0", &b"\xff\xff"[..], PING, b"\x73\0"].concat()),
            Event::Eof { conn: 1 },
        ];
        let expected = [
            (Flow::Up, 0, 5, false, false),
            (Flow::Up, 5, 5, true, false),
            (Flow::Down, 0, 5, false, false),
            (Flow::Up, 10, 5, false, false),
            (Flow::Up, 15, 2, true, false),
            (Flow::Up, 17, 5, true, false),
            (Flow::Up, 22, 2, false, true),
        ];
        assert_eq!(packets(events, Role::Proxy), expected);
    }

    #[test]
    fn who_was_dialled_receives_what_goes_up() {
        let addr = ([127, 0, 0, 1], 9).into();
        let (local, peer) = (addr, addr);
        let sent = |conn| Event::Sent { conn, bytes: Bytes::from_static(PING) };
        let dialled = vec![Event::Opened { conn: 1, local, peer }, received(1, PING), sent(1)];
        let flows = |all: Vec<(Flow, u64, usize, bool, bool)>| {
            all.into_iter().map(|packet| packet.0).collect::<Vec<_>>()
        };
        assert_eq!(flows(packets(dialled, Role::Client)), [Flow::Up, Flow::Down]);
        let dials = vec![
            Event::Connecting { conn: 1, addr },
            Event::Opened { conn: 1, local, peer },
            received(1, PING),
            sent(1),
        ];
        assert_eq!(flows(packets(dials, Role::Client)), [Flow::Down, Flow::Up]);
    }
}
