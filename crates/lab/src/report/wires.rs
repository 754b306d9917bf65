//! Every connection of a run, its two ends joined: who dialled, what each end sent, and when which
//! byte arrived. Bytes are followed by their place in the stream, so no codec is believed.
use std::{borrow::Cow, collections::BTreeMap, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use net::{Dir, Event, Record, Role};
use proto::{CloseReason, Fact, Stage, Time};

/// When something happened, and which record says so. They sort as they happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Microseconds since the run began.
    pub at: Time,
    /// The record.
    pub seq: u64,
}

/// One connection, or an attempt at one.
#[derive(Clone, Debug)]
pub struct Wire {
    /// The end that dialled.
    pub dialler: End,
    /// The end that was dialled.
    pub dialled: End,
}

/// One end of a connection, as its node wrote it down, or as its other end shows it.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// Whose end it is; none if nobody at that end kept a record.
    pub node: Option<Arc<str>>,
    /// What part that node plays.
    pub role: Option<Role>,
    /// The node's own number for it.
    pub conn: u32,
    /// Its address, as far as anybody wrote it down.
    pub addr: Option<SocketAddr>,
    /// It began to dial.
    pub connecting: Option<Stamp>,
    /// It dialled in vain: in what way, in whose words.
    pub failed: Option<(Stamp, Stage, String)>,
    /// It was open.
    pub opened: Option<Stamp>,
    /// What its kernel took, in order.
    pub sent: Vec<Chunk>,
    /// What its kernel gave, in order.
    pub received: Vec<Chunk>,
    /// It read the other end's FIN.
    pub eof: Option<Stamp>,
    /// It was closed here.
    pub closed: Option<(Stamp, CloseReason)>,
    /// What was done wrong here on purpose.
    pub struck: Vec<(Stamp, String)>,
}

/// Bytes that went through a kernel in one piece.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// When.
    pub stamp: Stamp,
    /// Bytes before it in this direction.
    pub start: u64,
    /// The bytes.
    pub bytes: Bytes,
    /// The frames that were whole with it.
    pub frames: Vec<Framed>,
}

/// A frame, as far as its chunk needs to know it.
#[derive(Clone, Debug)]
pub struct Framed {
    /// The record.
    pub seq: u64,
    /// What its protocol calls it.
    pub kind: Cow<'static, str>,
    /// Its length in bytes.
    pub len: usize,
}

impl Chunk {
    /// Bytes of this direction up to its end.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl End {
    /// When it had read all bytes before `end`.
    pub fn had(&self, end: u64) -> Option<Stamp> {
        let at = self.received.partition_point(|chunk| chunk.end() < end);
        self.received.get(at).map(|chunk| chunk.stamp)
    }
    fn unseen(addr: Option<SocketAddr>) -> Self {
        Self { addr, ..Self::default() }
    }
    fn dialled(&self) -> bool {
        self.connecting.is_some()
    }
}

/// The connections of a run, in the order in which they began.
pub fn wires(records: &[Record]) -> Vec<Wire> {
    let mut ends = Ends::default();
    records.iter().for_each(|record| ends.take(record));
    ends.joined()
}

/// An end being gathered.
#[derive(Default)]
struct Gathered {
    end: End,
    /// The other side's address.
    peer: Option<SocketAddr>,
    /// Where the other end is gathered.
    other: Option<usize>,
    /// Bytes of the outbound frames so far.
    framed: u64,
}

#[derive(Default)]
struct Ends {
    all: Vec<Gathered>,
    open: BTreeMap<(Arc<str>, u32), usize>,
    /// Ends that have not met their other end, by their own address and the other's.
    single: BTreeMap<(SocketAddr, SocketAddr), usize>,
    /// Who took connections where.
    listeners: BTreeMap<SocketAddr, (Arc<str>, Role)>,
}

impl Ends {
    fn take(&mut self, record: &Record) {
        let stamp = Stamp { at: record.at, seq: record.seq };
        match &record.event {
            Event::Listening { addr } => {
                self.listeners.insert(plain(*addr), (record.node.clone(), record.role));
            }
            Event::Connecting { conn, addr } => {
                let new = self.begin(record, *conn);
                new.end.connecting = Some(stamp);
                new.peer = Some(plain(*addr));
            }
            Event::ConnectFailed { conn, stage, detail } => {
                self.end(record, *conn).end.failed = Some((stamp, *stage, detail.clone()));
            }
            Event::Opened { conn, local, peer } => {
                if self.end(record, *conn).end.opened.is_some() {
                    self.begin(record, *conn);
                }
                let (local, peer) = (plain(*local), plain(*peer));
                let opened = self.end(record, *conn);
                opened.end.opened = Some(stamp);
                opened.end.addr = Some(local);
                opened.peer = Some(peer);
                self.join(self.open[&(record.node.clone(), *conn)], local, peer);
            }
            Event::Sent { conn, bytes } => {
                push(&mut self.end(record, *conn).end.sent, stamp, bytes)
            }
            Event::Received { conn, bytes } => {
                push(&mut self.end(record, *conn).end.received, stamp, bytes);
            }
            Event::Frame { conn, dir, kind, bytes, .. } => {
                let framed = Framed { seq: stamp.seq, kind: kind.clone(), len: bytes.len() };
                self.end(record, *conn).frame(*dir, framed);
            }
            Event::Eof { conn } => self.end(record, *conn).end.eof = Some(stamp),
            Event::Closed { conn, reason } => {
                self.end(record, *conn).end.closed = Some((stamp, reason.clone()));
            }
            Event::Fact { conn, fact: Fact::Quirk { name, .. } } => {
                self.end(record, *conn).end.struck.push((stamp, format!("quirk {name}")));
            }
            Event::Struck { conn, fault, at, did, .. } => {
                let text = format!("fault {fault} at byte {at}: {did}");
                self.end(record, *conn).end.struck.push((stamp, text));
            }
            Event::Deaf
            | Event::Submitted { .. }
            | Event::Attempt { .. }
            | Event::Ready { .. }
            | Event::Fact { .. }
            | Event::Push { .. }
            | Event::AttemptFailed { .. }
            | Event::Proved { .. }
            | Event::Lost { .. }
            | Event::Reached { .. }
            | Event::Pulse { .. }
            | Event::Intake { .. }
            | Event::Resent { .. }
            | Event::Breaker { .. }
            | Event::Told { .. }
            | Event::Done { .. }
            | Event::Step { .. }
            | Event::StepFailed { .. }
            | Event::Armed { .. }
            | Event::Joined { .. }
            | Event::Lifted { .. }
            | Event::ListenFailed { .. }
            | Event::Ended { .. } => {}
        }
    }

    /// The end now known by this number at the record's node.
    fn end(&mut self, record: &Record, conn: u32) -> &mut Gathered {
        match self.open.get(&(record.node.clone(), conn)) {
            Some(at) => &mut self.all[*at],
            None => self.begin(record, conn),
        }
    }
    fn begin(&mut self, record: &Record, conn: u32) -> &mut Gathered {
        let (node, role) = (Some(record.node.clone()), Some(record.role));
        let end = End { node, role, conn, ..End::default() };
        self.all.push(Gathered { end, ..Gathered::default() });
        self.open.insert((record.node.clone(), conn), self.all.len() - 1);
        self.all.last_mut().expect("just pushed")
    }
    /// Joins an end to the one with the same addresses the other way round.
    fn join(&mut self, at: usize, local: SocketAddr, peer: SocketAddr) {
        match self.single.remove(&(peer, local)) {
            Some(other) if other != at => {
                self.all[at].other = Some(other);
                self.all[other].other = Some(at);
            }
            // Addresses are used again; an older end that waited in vain was never accepted.
            Some(_) | None => _ = self.single.insert((local, peer), at),
        }
    }

    fn joined(self) -> Vec<Wire> {
        let Self { all, listeners, .. } = self;
        let mut found = Vec::new();
        for (at, gathered) in all.iter().enumerate() {
            let end = gathered.end.clone();
            let other = match gathered.other {
                Some(other) if other < at => continue,
                Some(other) => all[other].end.clone(),
                None => {
                    let listener = gathered.peer.and_then(|peer| listeners.get(&peer));
                    let mut unseen = End::unseen(gathered.peer);
                    // It took no such connection, yet it is the one that was meant.
                    unseen.node = listener.map(|(node, _)| node.clone());
                    unseen.role = listener.map(|(_, role)| *role);
                    unseen
                }
            };
            let dials = end.dialled() || (!other.dialled() && end.role == Some(Role::Client));
            let (dialler, dialled) = if dials { (end, other) } else { (other, end) };
            found.push(Wire { dialler, dialled });
        }
        // Of one that is known only by a frame whose bytes were let go nothing can be told.
        found.retain(|wire| wire.began().is_some());
        found.sort_by_key(Wire::began);
        found
    }
}

impl Wire {
    /// When it began, by the first record of it; none if there is none of its bytes, its beginning or
    /// its end.
    pub fn began(&self) -> Option<Stamp> {
        let of = |end: &End| {
            let chunks = end.sent.first().into_iter().chain(end.received.first());
            let chunks = chunks.map(|chunk| chunk.stamp);
            let failed = end.failed.as_ref().map(|(stamp, ..)| *stamp);
            let closed = end.closed.as_ref().map(|(stamp, _)| *stamp);
            let marks = [end.connecting, end.opened, end.eof, failed, closed];
            marks.into_iter().flatten().chain(chunks).min()
        };
        let ends = [of(&self.dialler), of(&self.dialled)];
        ends.into_iter().flatten().min()
    }
    /// Both ends, each with its other.
    pub fn ways(&self) -> [(&End, &End); 2] {
        [(&self.dialler, &self.dialled), (&self.dialled, &self.dialler)]
    }
}

impl Gathered {
    fn frame(&mut self, dir: Dir, framed: Framed) {
        let chunk = match dir {
            // Of several written at once the last byte tells.
            Dir::Out => {
                self.framed += framed.len as u64;
                let at = self.end.sent.partition_point(|chunk| chunk.end() < self.framed);
                self.end.sent.get_mut(at)
            }
            // They are understood when the bytes are read.
            Dir::In => self.end.received.last_mut(),
        };
        if let Some(chunk) = chunk {
            chunk.frames.push(framed);
        }
    }
}

fn push(chunks: &mut Vec<Chunk>, stamp: Stamp, bytes: &Bytes) {
    let start = chunks.last().map_or(0, Chunk::end);
    chunks.push(Chunk { stamp, start, bytes: bytes.clone(), frames: Vec::new() });
}

/// An IPv4 address that came through an IPv6 socket is the same address.
fn plain(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{late, played};

    #[test]
    fn both_ends_of_a_connection_are_joined_by_their_addresses() {
        let wires = wires(&late());
        assert_eq!(wires.len(), 2);
        for wire in wires {
            let names = [&wire.dialler, &wire.dialled].map(|end| end.node.as_deref());
            assert_eq!(names, [Some("toggler"), Some("lamp")]);
            assert_eq!(wire.dialler.sent[0].frames[0].kind, "toggle");
            assert_eq!(wire.dialled.had(91), Some(wire.dialled.received[0].stamp));
            assert_eq!(wire.dialled.had(92), None);
        }
    }

    #[test]
    fn an_end_that_kept_no_record_is_known_by_its_address() {
        let mut records = late();
        records.retain(|r| r.role != Role::Device);
        let first = &wires(&records)[0];
        assert_eq!((first.dialled.node.clone(), first.dialled.sent.len()), (None, 0));
        assert_eq!(first.dialled.addr.unwrap().port(), 40001);
    }

    #[test]
    fn the_end_that_dials_comes_first_also_when_it_is_a_device() {
        let wires = wires(&played("host-is-passive"));
        assert_eq!(wires[0].dialler.role, Some(Role::Device));
        assert_eq!(wires[0].dialled.role, Some(Role::Client));
    }

    #[test]
    fn of_frames_written_at_once_each_is_with_the_bytes_it_ends_in() {
        for wire in wires(&played("reply-twice")) {
            for (end, _) in wire.ways() {
                for chunk in &end.sent {
                    let framed: usize = chunk.frames.iter().map(|f| f.len).sum();
                    assert_eq!(framed, chunk.bytes.len());
                }
            }
        }
    }
}
