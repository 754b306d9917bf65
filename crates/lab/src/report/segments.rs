//! The TCP segments a run must have come to: handshakes, bytes, acknowledgements, ends. They are made
//! from the record, once for each thing that happened, however many ends wrote it down.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use proto::{CloseReason, Stage};

use super::wires::{Chunk, End, Stamp, Wire};

/// No segment carries more, so that it fits into an IP packet.
const MOST: usize = 32 * 1024;

/// A segment, and what it was made from.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) stamp: Stamp,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) seq: u32,
    /// Bytes of the other direction that had come, if any acknowledgement is made.
    pub(super) ack: Option<u32>,
    pub(super) flags: Flags,
    pub(super) payload: Bytes,
    pub(super) comment: String,
}

/// What a segment says besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    pub(super) psh: bool,
}

/// The segments of these connections, in the order in which they happened.
pub(super) fn segments(wires: &[Wire]) -> Vec<Segment> {
    let mut all: Vec<Segment> = (0..).zip(wires).flat_map(|(n, wire)| Talk::of(n, wire)).collect();
    all.sort_by_key(|segment| segment.stamp);
    all
}

/// What an end does, when it is not opening. `side` is 0 for the end that dialled.
enum Does<'a> {
    Sends(&'a Bytes, String),
    /// It has read so many bytes.
    Has(u64, String),
    Finishes(String),
    /// It has read the other end's FIN.
    HasAll(String),
    Resets(String),
}

/// One connection being made up.
struct Talk {
    addrs: [SocketAddr; 2],
    sides: [Side; 2],
    out: Vec<Segment>,
}

struct Side {
    /// The number of its first byte.
    first: u32,
    /// Bytes that left.
    sent: u64,
    /// Bytes of the other side that it acknowledged.
    has: u64,
    finished: bool,
    /// It acknowledged the other side's FIN.
    has_all: bool,
}

impl Talk {
    fn of(n: u32, wire: &Wire) -> Vec<Segment> {
        let addrs = addrs(n, wire);
        // Every connection begins elsewhere, or one would be taken for a repetition of another.
        let side = |first| Side { first, sent: 0, has: 0, finished: false, has_all: false };
        let base = n.wrapping_mul(0x0100_0193);
        let sides = [side(base.wrapping_add(0x1000_0001)), side(base.wrapping_add(0x9000_0001))];
        let mut talk = Self { addrs, sides, out: Vec::new() };
        match &wire.dialler.failed {
            Some(failed) => talk.fail(wire, failed),
            None => talk.go_through(wire),
        }
        talk.out
    }

    fn fail(&mut self, wire: &Wire, (failed, stage, detail): &(Stamp, Stage, String)) {
        let began = wire.dialler.connecting.unwrap_or(*failed);
        let comment = format!("{} dials: #{}", name(&wire.dialler), began.seq);
        self.syn(0, began, comment);
        let comment = format!("{stage}: {detail}: #{}", failed.seq);
        match stage {
            Stage::Refused => self.reset(1, *failed, comment),
            _ => self.out.last_mut().expect("a SYN").comment += &format!("\n{comment}"),
        }
    }

    fn go_through(&mut self, wire: &Wire) {
        let mut done = Vec::new();
        for (side, (near, far)) in wire.ways().into_iter().enumerate() {
            sends(&mut done, side, near, far);
            ends(&mut done, side, near, far);
        }
        done.sort_by_key(|(stamp, rank, ..)| (*stamp, *rank));
        let opened = [wire.dialler.opened, wire.dialled.opened];
        let first = done.first().map(|(stamp, ..)| *stamp);
        let open = opened.into_iter().flatten().chain(first).min();
        let Some(began) = [wire.dialler.connecting, open].into_iter().flatten().min() else {
            return;
        };
        self.syn(0, began, format!("{} dials: #{}", name(&wire.dialler), began.seq));
        // It never opened: somebody stopped waiting.
        let Some(open) = open else { return };
        let seqs: Vec<_> = opened.iter().flatten().map(|s| format!("#{}", s.seq)).collect();
        self.syn(1, open, format!("open: {}", seqs.join(", ")));
        self.put(0, open, Flags::default(), Bytes::new(), String::new());
        let mut unsent = 0;
        let mut reset = false;
        for (stamp, _, side, does) in done {
            if reset {
                unsent += if let Does::Sends(bytes, _) = does { bytes.len() } else { 0 };
                continue;
            }
            reset = matches!(does, Does::Resets(_));
            self.act(side, stamp.max(open), does);
        }
        if unsent > 0 {
            let last = self.out.last_mut().expect("a reset");
            last.comment += &format!("\n{unsent} bytes were written after this, to nobody");
        }
        self.note(wire);
    }

    fn act(&mut self, side: usize, stamp: Stamp, does: Does<'_>) {
        let other = 1 - side;
        match does {
            Does::Sends(_, _) if self.sides[side].finished => {}
            Does::Sends(bytes, comment) => {
                let pieces = bytes.len().div_ceil(MOST);
                for piece in 0..pieces {
                    let end = bytes.len().min((piece + 1) * MOST);
                    let payload = bytes.slice(piece * MOST..end);
                    let flags = Flags { psh: piece + 1 == pieces, ..Flags::default() };
                    let len = payload.len() as u64;
                    let comment = if piece == 0 { comment.clone() } else { String::new() };
                    self.put(side, stamp, flags, payload, comment);
                    self.sides[side].sent += len;
                }
            }
            Does::Has(bytes, comment) => {
                let bytes = bytes.min(self.sides[other].sent);
                if bytes > self.sides[side].has {
                    self.sides[side].has = bytes;
                    self.put(side, stamp, Flags::default(), Bytes::new(), comment);
                }
            }
            Does::Finishes(comment) if !self.sides[side].finished => {
                let flags = Flags { fin: true, ..Flags::default() };
                self.put(side, stamp, flags, Bytes::new(), comment);
                self.sides[side].finished = true;
            }
            Does::HasAll(comment) if self.sides[other].finished && !self.sides[side].has_all => {
                self.sides[side].has = self.sides[other].sent;
                self.sides[side].has_all = true;
                self.put(side, stamp, Flags::default(), Bytes::new(), comment);
            }
            Does::Finishes(_) | Does::HasAll(_) => {}
            Does::Resets(comment) => self.reset(side, stamp, comment),
        }
    }

    fn syn(&mut self, side: usize, stamp: Stamp, comment: String) {
        let flags = Flags { syn: true, ..Flags::default() };
        self.put(side, stamp, flags, Bytes::new(), comment);
    }
    fn reset(&mut self, side: usize, stamp: Stamp, comment: String) {
        let flags = Flags { rst: true, ..Flags::default() };
        self.put(side, stamp, flags, Bytes::new(), comment);
    }
    fn put(&mut self, side: usize, stamp: Stamp, flags: Flags, payload: Bytes, comment: String) {
        let (near, far) = (&self.sides[side], &self.sides[1 - side]);
        let sent = near.first.wrapping_add(near.sent as u32).wrapping_add(near.finished.into());
        let has = far.first.wrapping_add(near.has as u32).wrapping_add(near.has_all.into());
        // A SYN has the number before the first byte; so has a reset that answers one.
        let before = flags.syn || (flags.rst && self.out.len() == 1);
        self.out.push(Segment {
            stamp,
            from: self.addrs[side],
            to: self.addrs[1 - side],
            seq: if before { sent.wrapping_sub(1) } else { sent },
            ack: (!self.out.is_empty()).then_some(has),
            flags,
            payload,
            comment,
        });
    }
    /// What was done wrong on purpose goes to the segment before it.
    fn note(&mut self, wire: &Wire) {
        for end in [&wire.dialler, &wire.dialled] {
            for (stamp, text) in &end.struck {
                let at = self.out.partition_point(|segment| segment.stamp <= *stamp).max(1) - 1;
                let comment = &mut self.out[at].comment;
                let line = if comment.is_empty() { "" } else { "\n" };
                *comment += &format!("{line}{} {text}: #{}", name(end), stamp.seq);
            }
        }
    }
}

/// When, what comes first at the same instant, which side, what.
type Done<'a> = (Stamp, u8, usize, Does<'a>);

fn sends<'a>(done: &mut Vec<Done<'a>>, side: usize, near: &'a End, far: &'a End) {
    let known = near.sent.last().map_or(0, Chunk::end);
    for chunk in &near.sent {
        // The far end may be quicker to write down what it read than we what we wrote.
        let read = far.received.partition_point(|read| read.end() <= chunk.start);
        let left = far.received.get(read).map_or(chunk.stamp, |read| read.stamp.min(chunk.stamp));
        done.push((left, 0, side, Does::Sends(&chunk.bytes, told(near, "sent", chunk))));
        if far.opened.is_none() {
            done.push((left, 1, 1 - side, Does::Has(chunk.end(), String::new())));
        }
    }
    for chunk in &far.received {
        if chunk.start >= known {
            done.push((chunk.stamp, 0, side, Does::Sends(&chunk.bytes, String::new())));
        }
        let has = Does::Has(chunk.end(), told(far, "received", chunk));
        done.push((chunk.stamp, 1, 1 - side, has));
    }
}

/// How this end ended: by FIN, by reset, or both.
fn ends<'a>(done: &mut Vec<Done<'a>>, side: usize, near: &'a End, far: &'a End) {
    let close = near.closed.as_ref();
    let ours = close.map(|(stamp, _)| *stamp);
    let text = |what: &str, end: &End, seq: u64| format!("{} {what}: #{seq}", name(end));
    let aborts = matches!(close, Some((_, CloseReason::Abort)));
    let gone = matches!(close, Some((_, CloseReason::Reset | CloseReason::Failed(_))));
    match (far.eof, ours) {
        (Some(eof), _) => {
            let left = ours.map_or(eof, |ours| ours.min(eof));
            let comment = ours.map_or_else(String::new, |ours| text("closed", near, ours.seq));
            done.push((left, 2, side, Does::Finishes(comment)));
            done.push((eof, 3, 1 - side, Does::HasAll(text("read the end", far, eof.seq))));
        }
        (None, Some(ours)) if !aborts && !gone => {
            done.push((ours, 2, side, Does::Finishes(text("closed", near, ours.seq))));
            if far.opened.is_none() {
                done.push((ours, 3, 1 - side, Does::HasAll(String::new())));
            }
        }
        (None, _) => {}
    }
    match (&far.closed, ours) {
        (Some((hit, CloseReason::Reset)), _) if !gone => {
            let left = ours.filter(|_| aborts).map_or(*hit, |ours| ours.min(*hit));
            done.push((left, 4, side, Does::Resets(text("saw a reset", far, hit.seq))));
        }
        (_, Some(left)) if aborts => {
            done.push((left, 4, side, Does::Resets(text("resets", near, left.seq))));
        }
        _ => {}
    }
}

fn told(end: &End, what: &str, chunk: &Chunk) -> String {
    let frames = chunk.frames.iter().map(|frame| format!(", {} #{}", frame.kind, frame.seq));
    let frames: String = frames.take(8).collect();
    format!("{} {what}: #{}{frames}", name(end), chunk.stamp.seq)
}

fn name(end: &End) -> &str {
    end.node.as_deref().unwrap_or("the other end")
}

/// Both addresses, of one family. Those that nobody wrote down are made up: loopback's, or some that
/// are reserved for documentation.
fn addrs(n: u32, wire: &Wire) -> [SocketAddr; 2] {
    let known = [wire.dialler.addr, wire.dialled.addr];
    let port = 49152 + (n % 16384) as u16;
    let made_up = |other: Option<SocketAddr>, last: u8| match other.map(|other| other.ip()) {
        Some(ip) if ip.is_loopback() => ip,
        Some(IpAddr::V6(_)) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).into(),
        Some(IpAddr::V4(_)) | None => Ipv4Addr::new(192, 0, 2, last).into(),
    };
    let dialler = known[0].unwrap_or_else(|| SocketAddr::new(made_up(known[1], 1), port));
    let dialled = known[1].unwrap_or_else(|| SocketAddr::new(made_up(known[0], 2), 1));
    match (dialler, dialled) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) | (SocketAddr::V6(_), SocketAddr::V6(_)) => {
            [dialler, dialled]
        }
        mixed => [mixed.0, mixed.1].map(|addr| match addr {
            SocketAddr::V4(v4) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
            SocketAddr::V6(_) => addr,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{
            tests::{late, played},
            wires::wires,
        },
        shipped::shipped,
    };

    fn of(name: &str) -> Vec<Segment> {
        segments(&wires(&played(name)))
    }

    #[test]
    fn a_command_is_a_handshake_its_bytes_and_two_ends() {
        let mut first = std::collections::BTreeMap::new();
        let told: Vec<_> = segments(&wires(&late()))
            .iter()
            .map(|s| {
                let Flags { syn, fin, rst, psh } = s.flags;
                let mark = |on, c: char| if on { c } else { '.' };
                let ack = mark(s.ack.is_some(), 'A');
                let flags = [mark(syn, 'S'), ack, mark(psh, 'P'), mark(fin, 'F'), mark(rst, 'R')];
                let flags: String = flags.iter().collect();
                if syn {
                    first.insert((s.from, s.to), s.seq);
                }
                let seq = s.seq.wrapping_sub(first[&(s.from, s.to)]);
                let theirs = first.get(&(s.to, s.from)).copied().unwrap_or_default();
                let ack = s.ack.map_or(0, |ack| ack.wrapping_sub(theirs));
                let line = s.comment.replace('\n', " | ");
                format!(
                    "{:>6} {flags} {seq:>3} {ack:>3} {:>3} {line}",
                    s.stamp.at.as_micros(),
                    s.payload.len()
                )
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn a_refused_dial_is_answered_with_a_reset() {
        let all = of("connection-refused");
        assert!(all[0].flags.syn && all[1].flags.rst, "{all:?}");
        assert_eq!(all[1].ack, Some(all[0].seq.wrapping_add(1)));
    }

    #[test]
    fn nothing_is_said_after_a_reset() {
        let all = of("reset-after-reading");
        for (n, reset) in all.iter().enumerate().filter(|(_, s)| s.flags.rst) {
            let same = |s: &&Segment| {
                [s.from, s.to].contains(&reset.from) && [s.from, s.to].contains(&reset.to)
            };
            assert_eq!(all[n + 1..].iter().filter(same).count(), 0, "{all:#?}");
        }
        assert!(all.iter().any(|s| s.flags.rst));
    }

    #[test]
    fn what_is_written_into_a_reset_connection_is_only_told_of() {
        let mut records = played("reset-after-reading");
        let reset = |r: &net::Record| {
            matches!(&r.event, net::Event::Closed { reason: CloseReason::Reset, .. })
        };
        let mut late = records.iter().find(|r| reset(r)).expect("a reset").clone();
        let net::Event::Closed { conn, .. } = late.event else { unreachable!("found as such") };
        late.event = net::Event::Sent { conn, bytes: Bytes::from_static(b"late") };
        let at = records.iter().position(reset).expect("a reset");
        records.insert(at, late);
        let all = segments(&wires(&records));
        assert!(all.iter().all(|segment| *segment.payload != b"late"[..]));
        assert!(all.iter().any(|s| s.flags.rst && s.comment.contains("4 bytes were written")));
    }

    /// In every shipped scenario, which is about every way in which connections come and go.
    #[test]
    fn numbers_have_no_gaps_and_nothing_is_acknowledged_before_it_was_sent() {
        for (path, text) in shipped() {
            let scenario = crate::scenario::Scenario::parse(&path, &text).unwrap();
            if !scenario.worlds.contains(&crate::Kind::Sim) {
                continue;
            }
            let played = crate::run::play(&scenario, crate::Kind::Sim, 1).unwrap();
            let mut next = std::collections::BTreeMap::new();
            for s in segments(&wires(&played.records)) {
                let sent = next.insert((s.from, s.to), 0).filter(|_| !s.flags.syn);
                let before = s.flags.syn || sent.is_none();
                assert!(before || sent == Some(s.seq), "{path}: {s:?}");
                let count = s.payload.len() as u32 + u32::from(s.flags.syn || s.flags.fin);
                next.insert((s.from, s.to), s.seq.wrapping_add(count));
                if let (Some(ack), Some(theirs)) = (s.ack, next.get(&(s.to, s.from))) {
                    assert!(theirs.wrapping_sub(ack) < 1 << 31, "{path}: {s:?}");
                }
            }
        }
    }

    #[test]
    fn no_byte_is_lost_and_none_is_told_twice() {
        let records = played("works");
        let wires = wires(&records);
        let sent: usize = wires
            .iter()
            .flat_map(Wire::ways)
            .flat_map(|(end, _)| &end.sent)
            .map(|c| c.bytes.len())
            .sum();
        let told: usize = segments(&wires).iter().map(|s| s.payload.len()).sum();
        assert_eq!(told, sent);
    }
}
