//! Captured packets as what happened on connections: segments put together, each direction in order.
use std::{io::Read, num::NonZeroUsize};

use jiff::Timestamp;
use lab::capture::{Said, What};
use lru::LruCache;
use net::Flow;

use super::import::Import;
use crate::{
    cmd::decode::{
        capture,
        segment::{NoSegment, Packet, Segment, Way},
        stream::{Piece, Stream},
    },
    exit::Failure,
};

/// Directions followed at a time, and bytes held back for all of them together. The one that was silent
/// for the longest makes room.
const MOST_WAYS: NonZeroUsize = NonZeroUsize::new(8192).unwrap();
const MOST_HELD: usize = 128 << 20;

/// Imports the capture that begins with `head` and goes on with `from`.
///
/// # Errors
/// It is no capture.
pub(super) fn read(
    head: Vec<u8>,
    from: impl Read + Send,
    port: Option<u16>,
    import: &mut Import,
) -> Result<(), Failure> {
    let ways = LruCache::new(MOST_WAYS);
    let mut ways = Ways { import, port, ways, begun: 0, held: 0, unread: 0 };
    let ended = capture::each(head, from, &mut |packet| {
        ways.packet(&packet);
        Ok(())
    })?;
    while ways.give_up() {}
    let Ways { unread, .. } = ways;
    if unread > 0 {
        import.notes.push(format!("{unread} packets are fragments, or of links that are not read"));
    }
    if let Some(why) = ended {
        import.wrong.tell(why);
    }
    Ok(())
}

/// A direction being put together.
struct Line {
    stream: Stream,
    conn: u64,
    flow: Flow,
    finished: bool,
    time: Option<Timestamp>,
}

struct Ways<'a> {
    import: &'a mut Import,
    port: Option<u16>,
    ways: LruCache<Way, Line>,
    begun: u64,
    held: usize,
    unread: u64,
}

impl Ways<'_> {
    fn packet(&mut self, packet: &Packet<'_>) {
        match Segment::of(packet) {
            Ok(segment) if self.port.is_none_or(|port| segment.way.has_port(port)) => {
                self.segment(&segment);
            }
            Ok(_) | Err(NoSegment::Other) => {}
            Err(NoSegment::Fragment | NoSegment::Link(_)) => self.unread += 1,
        }
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        let Segment { time, way, syn, fin, rst, payload, .. } = *segment;
        let first = segment.seq.wrapping_add(u32::from(syn));
        let anew = |line: &Line| syn && !(line.stream.begins_with(first) || line.stream.is_fresh());
        if self.ways.peek(&way).is_some_and(anew) {
            self.drop(way);
            self.drop(way.back());
        }
        if !self.ways.contains(&way) {
            // Bare ACKs and late ends say nothing of what was not seen.
            if !syn && payload.is_empty() && !self.ways.contains(&way.back()) {
                return;
            }
            self.begin(segment, first);
        }
        let Some(line) = self.ways.get_mut(&way) else { return };
        let before = line.stream.holding();
        line.time = line.time.max(time);
        line.stream.take(first, payload, fin, time);
        let (held, mut tells) = (&mut self.held, Vec::new());
        while let Some(piece) = line.stream.next() {
            line.piece(piece, &mut tells, self.import);
        }
        *held = *held + line.stream.holding() - before;
        if line.stream.is_over() && !line.finished {
            line.finished = true;
            tells.push(line.said(What::Fin));
        }
        if rst {
            tells.push(line.said(What::Reset));
        }
        tells.into_iter().for_each(|said| self.import.take(said));
        while self.held > MOST_HELD && self.give_up() {}
    }

    fn begin(&mut self, segment: &Segment<'_>, first: u32) {
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
                self.import.paper.open(segment.time, self.begun, (dialler, listener));
                (self.begun, flow)
            }
        };
        if self.ways.len() == MOST_WAYS.get() {
            self.give_up();
        }
        let stream = Stream::new(first);
        let time = segment.time;
        self.ways.put(way, Line { stream, conn, flow, finished: false, time });
    }

    /// Which way the first segment seen of a connection goes. Where its beginning was not captured, the
    /// usual port or else the lower one is the listener's.
    fn flow(&self, segment: &Segment<'_>) -> Flow {
        let (src, dst) = (segment.way.src.port(), segment.way.dst.port());
        let usual = self.import.protocol.port();
        let up = match (segment.syn, segment.ack) {
            (true, ack) => !ack,
            (false, _) if src == usual || dst == usual => dst == usual,
            (false, _) => dst < src,
        };
        if up { Flow::Up } else { Flow::Down }
    }

    fn drop(&mut self, way: Way) {
        if let Some(line) = self.ways.pop(&way) {
            self.rest(line);
        }
    }
    fn give_up(&mut self) -> bool {
        let Some((_, line)) = self.ways.pop_lru() else { return false };
        self.rest(line);
        true
    }
    /// What waits for bytes that did not come waits no longer.
    fn rest(&mut self, mut line: Line) {
        self.held -= line.stream.holding();
        let mut tells = Vec::new();
        while let Some(piece) = line.stream.rest() {
            line.piece(piece, &mut tells, self.import);
        }
        tells.into_iter().for_each(|said| self.import.take(said));
    }
}

impl Line {
    fn said(&self, what: What) -> Said {
        Said { at: self.time, conn: self.conn, flow: self.flow, what }
    }
    fn piece(&self, piece: Piece, tells: &mut Vec<Said>, import: &mut Import) {
        match piece {
            Piece::Bytes(_, bytes) => tells.push(self.said(What::Bytes(bytes.into()))),
            Piece::Gap(missing) => {
                let conn = self.conn;
                import.wrong.tell(format!("connection {conn}: {missing} bytes were not captured"));
            }
        }
    }
}
