//! Captures, pcap and pcapng, read as they come: packets to segments, segments to messages. Whatever
//! the file says, memory is bounded.
use std::{
    io::{Cursor, Read},
    num::NonZeroUsize,
};

use jiff::Timestamp;
use lru::LruCache;
use pcap_parser::{
    Block, Linktype, PcapBlockOwned, PcapError, create_reader, traits::PcapReaderIterator,
};

use super::{
    flow::Flow,
    segment::{NoSegment, Packet, Segment, Way},
    tell::Teller,
};
use crate::exit::{Exit, Failure};

/// The longest block of a file, a packet with all that is said about it.
const MOST_BLOCK: usize = 1 << 20;
/// Bytes of the longest header of a file that is read.
const MOST_HEAD: usize = 64 * 1024;
/// Interfaces of a section; packets of further ones are not read.
const MOST_INTERFACES: usize = 4096;
/// Directions followed at a time. The one that was silent the longest makes room.
const MOST_FLOWS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Bytes kept for all of them together. Beyond it, the silent ones are given up.
const MOST_KEPT: usize = 128 << 20;

/// Bytes by which a capture is known.
pub(in crate::cmd) const MAGIC: usize = 4;

/// Whether a file that begins like this is a capture.
pub(in crate::cmd) fn is_capture(head: &[u8]) -> bool {
    let known = [0x0a0d_0d0a_u32, 0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1];
    head.first_chunk().is_some_and(|magic| known.contains(&u32::from_be_bytes(*magic)))
}

/// Tells every message of the capture that begins with `head` and goes on with `from`.
///
/// # Errors
/// It is no capture, or holds no TCP; or the output is not writable.
pub(super) fn decode(
    head: Vec<u8>,
    from: impl Read + Send,
    port: Option<u16>,
    teller: &mut Teller<'_>,
) -> Result<Exit, Failure> {
    let mut flows = Flows::new(port);
    let ended = each(head, from, &mut |packet| flows.packet(&packet, teller))?;
    flows.finish(teller)?;
    if let Some(why) = ended {
        crate::text::talk(&format!("error: {why}; told is what came before it"));
        teller.wrong += 1;
    }
    flows.account();
    match (teller.messages, teller.wrong) {
        (0, 0) => Err(Failure::usage(format!(
            "no message in {} packets; is it the right file, and --port?",
            flows.packets
        ))),
        (_, 0) => Ok(Exit::Done),
        (_, _) => Ok(Exit::Failed),
    }
}

/// Hands over each packet of the capture that begins with `head` and goes on with `from`. Says why it
/// ends before its end, if it does.
///
/// # Errors
/// It is no capture; or what `take` cannot go on with.
pub(in crate::cmd) fn each(
    head: Vec<u8>,
    mut from: impl Read + Send,
    take: Take<'_>,
) -> Result<Option<String>, Failure> {
    let head = whole_head(head, &mut from)?;
    let reader = create_reader(MOST_BLOCK, Cursor::new(head).chain(from));
    let reader = reader.map_err(|e| Failure::usage(format!("no capture that can be read: {e}")))?;
    blocks(reader, take)
}

/// Who takes packets.
type Take<'a> = &'a mut dyn FnMut(Packet<'_>) -> Result<(), Failure>;

/// The reader wants the whole first block at once, and a pipe gives what it has.
fn whole_head(mut head: Vec<u8>, from: &mut impl Read) -> Result<Vec<u8>, Failure> {
    fill(&mut head, from, 12)?;
    let want = match head.get(..12) {
        Some(&[0x0a, 0x0d, 0x0d, 0x0a, a, b, c, d, 0x1a, ..]) => u32::from_be_bytes([a, b, c, d]),
        Some(&[0x0a, 0x0d, 0x0d, 0x0a, a, b, c, d, ..]) => u32::from_le_bytes([a, b, c, d]),
        Some(_) | None => 24,
    };
    fill(&mut head, from, (want as usize).min(MOST_HEAD))?;
    Ok(head)
}

pub(in crate::cmd) fn fill(
    head: &mut Vec<u8>,
    from: &mut impl Read,
    to: usize,
) -> Result<(), Failure> {
    let more = to.saturating_sub(head.len()) as u64;
    let read = from.take(more).read_to_end(head);
    read.map(drop).map_err(|e| Failure::environment(format!("cannot read the capture: {e}")))
}

/// How packets of an interface are to be read.
#[derive(Clone, Copy)]
struct Interface {
    link: Linktype,
    /// Ticks in a second, and seconds to add.
    ticks: u64,
    offset: i64,
}

impl Interface {
    fn time(&self, ticks: u64) -> Option<Timestamp> {
        let per_second = self.ticks.max(1);
        let seconds = i64::try_from(ticks / per_second).ok()?.checked_add(self.offset)?;
        let nanos = u128::from(ticks % per_second) * 1_000_000_000 / u128::from(per_second);
        Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok()
    }
}

/// Goes through the file.
fn blocks(
    mut reader: Box<dyn PcapReaderIterator + Send + '_>,
    take: Take<'_>,
) -> Result<Option<String>, Failure> {
    // What came on an interface that nobody described cannot be told apart, but counts.
    let mut packet = |interface: Option<&Interface>, time, bytes: &[u8]| {
        let link = interface.map(|interface| interface.link);
        take(Packet { time, link, bytes })
    };
    let mut interfaces: Vec<Interface> = Vec::new();
    loop {
        let at = reader.consumed();
        match reader.next() {
            Ok((len, block)) => {
                match block {
                    PcapBlockOwned::LegacyHeader(header) => {
                        let nanos = header.is_nanosecond_precision();
                        let ticks = if nanos { 1_000_000_000 } else { 1_000_000 };
                        // The upper bits say how packets end, which does not matter here.
                        let link = Linktype(header.network.0 & 0x0fff_ffff);
                        interfaces = vec![Interface { link, ticks, offset: 0 }];
                    }
                    PcapBlockOwned::Legacy(data) => {
                        let all = u64::from(data.ts_sec);
                        let time = interfaces.first().and_then(|interface| {
                            interface.time(all * interface.ticks + u64::from(data.ts_usec))
                        });
                        packet(interfaces.first(), time, data.data)?;
                    }
                    PcapBlockOwned::NG(block) => match block {
                        Block::SectionHeader(_) => interfaces.clear(),
                        Block::InterfaceDescription(i) if interfaces.len() < MOST_INTERFACES => {
                            let ticks = i.ts_resolution().unwrap_or(1_000_000);
                            let offset = i.ts_offset();
                            interfaces.push(Interface { link: i.linktype, ticks, offset });
                        }
                        Block::EnhancedPacket(data) => {
                            let interface = interfaces.get(data.if_id as usize);
                            let ticks = u64::from(data.ts_high) << 32 | u64::from(data.ts_low);
                            let time = interface.and_then(|interface| interface.time(ticks));
                            let len = data.data.len().min(data.caplen as usize);
                            packet(interface, time, &data.data[..len])?;
                        }
                        Block::SimplePacket(data) => {
                            let len = data.data.len().min(data.origlen as usize);
                            packet(interfaces.first(), None, &data.data[..len])?;
                        }
                        // Statistics, names, secrets, and interfaces beyond the limit.
                        _ => {}
                    },
                }
                reader.consume(len);
            }
            Err(PcapError::Eof) => return Ok(None),
            Err(PcapError::Incomplete(_)) => {
                let before = reader.data().len();
                let refilled = reader.refill().is_ok();
                let stuck = reader.data().len() == before && !reader.reader_exhausted();
                if !refilled || stuck {
                    return Ok(Some(format!("after {at} bytes the capture cannot be read")));
                }
            }
            Err(PcapError::UnexpectedEof) => {
                return Ok(Some(format!(
                    "the capture is cut off after {at} bytes, within a packet"
                )));
            }
            Err(PcapError::BufferTooSmall) => {
                let why =
                    format!("after {at} bytes of the capture comes a block over {MOST_BLOCK}");
                return Ok(Some(why));
            }
            Err(_) => return Ok(Some(format!("after {at} bytes the capture makes no sense"))),
        }
    }
}

/// All directions, and what was not read.
struct Flows {
    port: Option<u16>,
    flows: LruCache<Way, Flow>,
    kept: usize,
    packets: u64,
    fragments: u64,
    strange: Option<Linktype>,
}

impl Flows {
    fn new(port: Option<u16>) -> Self {
        let flows = LruCache::new(MOST_FLOWS);
        Self { port, flows, kept: 0, packets: 0, fragments: 0, strange: None }
    }

    fn packet(&mut self, packet: &Packet<'_>, teller: &mut Teller<'_>) -> Result<(), Failure> {
        self.packets += 1;
        match Segment::of(packet) {
            Ok(segment) if self.port.is_none_or(|port| segment.way.has_port(port)) => {
                self.segment(&segment, teller)
            }
            Ok(_) | Err(NoSegment::Other) => Ok(()),
            Err(NoSegment::Fragment) => {
                self.fragments += 1;
                Ok(())
            }
            Err(NoSegment::Link(link)) => {
                self.strange = Some(link);
                Ok(())
            }
        }
    }

    fn segment(&mut self, segment: &Segment<'_>, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let way = segment.way;
        if self.flows.peek(&way).is_some_and(|flow| flow.is_replaced_by(segment)) {
            self.give_up(way, teller)?;
        }
        if !self.flows.contains(&way) {
            // Nothing is said with bare ACKs and late ends of what was over before.
            if !segment.syn && segment.payload.is_empty() {
                return if segment.rst { self.end(way.back(), teller) } else { Ok(()) };
            }
            if self.flows.len() == MOST_FLOWS.get() {
                self.give_up_oldest(teller)?;
            }
            let cover = if teller.shows { None } else { teller.protocol.cover() };
            self.flows.put(way, Flow::new(segment, cover));
        }
        let flow = self.flows.get_mut(&way).expect("it is there by now");
        let before = flow.keeps();
        flow.take(segment, teller)?;
        self.kept = self.kept + flow.keeps() - before;
        if segment.rst {
            self.end(way.back(), teller)?;
        }
        while self.kept > MOST_KEPT && self.flows.len() > 1 {
            self.give_up_oldest(teller)?;
        }
        Ok(())
    }

    /// A reset ends both directions.
    fn end(&mut self, way: Way, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let Some(flow) = self.flows.peek_mut(&way) else { return Ok(()) };
        self.kept -= flow.keeps();
        flow.finish(teller)
    }

    fn give_up(&mut self, way: Way, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let Some(mut flow) = self.flows.pop(&way) else { return Ok(()) };
        self.kept -= flow.keeps();
        flow.finish(teller)
    }

    fn give_up_oldest(&mut self, teller: &mut Teller<'_>) -> Result<(), Failure> {
        let Some((_, mut flow)) = self.flows.pop_lru() else { return Ok(()) };
        self.kept -= flow.keeps();
        flow.finish(teller)
    }

    fn finish(&mut self, teller: &mut Teller<'_>) -> Result<(), Failure> {
        while !self.flows.is_empty() {
            self.give_up_oldest(teller)?;
        }
        Ok(())
    }

    /// Says what was passed over.
    fn account(&self) {
        if self.fragments > 0 {
            let fragments = self.fragments;
            crate::text::talk(&format!(
                "warning: {fragments} fragments of IP were not put together"
            ));
        }
        if let Some(link) = self.strange {
            crate::text::talk(&format!("warning: packets of link type {link} were not read"));
        }
    }
}
