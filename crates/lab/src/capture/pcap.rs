//! Captured packets as what happened on connections: segments put together, each direction in order.
use std::{net::SocketAddr, num::NonZeroUsize};

use jiff::Timestamp;
use lru::LruCache;
use net::Flow;

use super::{
    Said, What,
    segment::{NoSegment, Packet, Segment, Way},
    stream::{Piece, Stream},
};

/// Directions followed at a time, and bytes held back for all of them together. The one that was silent
/// for the longest makes room.
const MOST_WAYS: NonZeroUsize = NonZeroUsize::new(8192).unwrap();
const MOST_HELD: usize = 128 << 20;

/// What captured packets tell.
#[derive(Clone, Debug)]
pub enum Told {
    /// A connection began, between these: who dialled, who was dialled.
    Opened {
        /// When, as far as the capture says.
        at: Option<Timestamp>,
        /// The connection.
        conn: u64,
        /// Its ends.
        ends: (SocketAddr, SocketAddr),
    },
    /// Something happened on one.
    Said(Said),
    /// Bytes of one were not captured.
    Missing {
        /// The connection.
        conn: u64,
        /// How many.
        bytes: u64,
    },
}

/// A direction being put together.
struct Line {
    stream: Stream,
    conn: u64,
    flow: Flow,
    finished: bool,
    time: Option<Timestamp>,
}

/// Captured packets, put together.
pub struct Pcap {
    usual: u16,
    port: Option<u16>,
    ways: LruCache<Way, Line>,
    begun: u64,
    held: usize,
    unread: u64,
}

impl Pcap {
    /// Those of connections with this port, if one is named. Who listens is known by the `usual` one
    /// where the capture does not show who dialled.
    pub fn new(usual: u16, port: Option<u16>) -> Self {
        Self { usual, port, ways: LruCache::new(MOST_WAYS), begun: 0, held: 0, unread: 0 }
    }
    /// Packets that were fragments, or of links that are not read.
    pub fn unread(&self) -> u64 {
        self.unread
    }
    /// There are no more packets.
    pub fn end(&mut self, tells: &mut Vec<Told>) {
        while self.give_up(tells) {}
    }
    /// The next packet; adds what it tells.
    pub fn packet(&mut self, packet: &Packet<'_>, tells: &mut Vec<Told>) {
        match Segment::of(packet) {
            Ok(segment) if self.port.is_none_or(|port| segment.way.has_port(port)) => {
                self.segment(&segment, tells);
            }
            Ok(_) | Err(NoSegment::Other) => {}
            Err(NoSegment::Fragment | NoSegment::Link(_)) => self.unread += 1,
        }
    }

    fn segment(&mut self, segment: &Segment<'_>, tells: &mut Vec<Told>) {
        let Segment { time, way, syn, fin, rst, payload, .. } = *segment;
        let first = segment.seq.wrapping_add(u32::from(syn));
        let anew = |line: &Line| syn && !(line.stream.begins_with(first) || line.stream.is_fresh());
        if self.ways.peek(&way).is_some_and(anew) {
            self.drop(way, tells);
            self.drop(way.back(), tells);
        }
        if !self.ways.contains(&way) {
            // Bare ACKs and late ends say nothing of what was not seen.
            if !syn && payload.is_empty() && !self.ways.contains(&way.back()) {
                return;
            }
            self.begin(segment, first, tells);
        }
        let Some(line) = self.ways.get_mut(&way) else { return };
        let before = line.stream.holding();
        line.time = line.time.max(time);
        line.stream.take(first, payload, fin, time);
        while let Some(piece) = line.stream.piece() {
            tells.push(line.piece(piece));
        }
        self.held = self.held + line.stream.holding() - before;
        if line.stream.is_over() && !line.finished {
            line.finished = true;
            tells.push(line.said(What::Fin));
        }
        if rst {
            tells.push(line.said(What::Reset));
        }
        while self.held > MOST_HELD && self.give_up(tells) {}
    }

    fn begin(&mut self, segment: &Segment<'_>, first: u32, tells: &mut Vec<Told>) {
        let way = segment.way;
        let other = self.ways.peek(&way.back()).map(|line| (line.conn, line.flow));
        let (conn, flow) = match other {
            Some((conn, Flow::Up)) => (conn, Flow::Down),
            Some((conn, Flow::Down)) => (conn, Flow::Up),
            None => {
                self.begun += 1;
                let flow = self.flow(segment);
                let (dialler, listener) =
                    if flow == Flow::Up { (way.src, way.dst) } else { (way.dst, way.src) };
                let (at, conn, ends) = (segment.time, self.begun, (dialler, listener));
                tells.push(Told::Opened { at, conn, ends });
                (self.begun, flow)
            }
        };
        if self.ways.len() == MOST_WAYS.get() {
            self.give_up(tells);
        }
        let stream = Stream::new(first);
        let time = segment.time;
        self.ways.put(way, Line { stream, conn, flow, finished: false, time });
    }

    /// Which way the first segment seen of a connection goes. Where its beginning was not captured, the
    /// usual port or else the lower one is the listener's.
    fn flow(&self, segment: &Segment<'_>) -> Flow {
        let (src, dst) = (segment.way.src.port(), segment.way.dst.port());
        let usual = self.usual;
        let up = match (segment.syn, segment.ack) {
            (true, ack) => !ack,
            (false, _) if src == usual || dst == usual => dst == usual,
            (false, _) => dst < src,
        };
        if up { Flow::Up } else { Flow::Down }
    }

    fn drop(&mut self, way: Way, tells: &mut Vec<Told>) {
        if let Some(line) = self.ways.pop(&way) {
            self.rest(line, tells);
        }
    }
    fn give_up(&mut self, tells: &mut Vec<Told>) -> bool {
        let Some((_, line)) = self.ways.pop_lru() else { return false };
        self.rest(line, tells);
        true
    }
    /// What waits for bytes that did not come waits no longer.
    fn rest(&mut self, mut line: Line, tells: &mut Vec<Told>) {
        self.held -= line.stream.holding();
        while let Some(piece) = line.stream.rest() {
            tells.push(line.piece(piece));
        }
    }
}

impl Line {
    fn said(&self, what: What) -> Told {
        Told::Said(Said { at: self.time, conn: self.conn, flow: self.flow, what })
    }
    fn piece(&self, piece: Piece) -> Told {
        match piece {
            Piece::Bytes(_, bytes) => self.said(What::Bytes(bytes.into())),
            Piece::Gap(bytes) => Told::Missing { conn: self.conn, bytes },
        }
    }
}
