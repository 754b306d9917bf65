//! The packets of a capture, pcap or pcapng, one after the other as the file is read. Whatever it says,
//! memory is bounded.
use std::io::{self, Cursor, Read};

use jiff::Timestamp;
use pcap_parser::{
    Block, Linktype, PcapBlockOwned, PcapError, create_reader, traits::PcapReaderIterator,
};

use super::segment::Packet;

/// The longest block of a file, a packet with all that is said about it.
const MOST_BLOCK: usize = 1 << 20;
/// Bytes of the longest header of a file that is read.
const MOST_HEAD: usize = 64 * 1024;
/// Interfaces of a section; packets of further ones are not read.
const MOST_INTERFACES: usize = 4096;

/// Bytes by which a capture is known.
pub const MAGIC: usize = 4;

/// Whether a file that begins like this is a capture.
pub fn is_capture(head: &[u8]) -> bool {
    let known = [0x0a0d_0d0a_u32, 0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1];
    head.first_chunk().is_some_and(|magic| known.contains(&u32::from_be_bytes(*magic)))
}

/// Why there are no packets.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It could not be read.
    #[error("cannot read the capture: {0}")]
    Io(#[from] io::Error),
    /// It is none.
    #[error("no capture that can be read: {0}")]
    NoCapture(String),
}

/// Hands over each packet of the capture that begins with `head` and goes on with `from`. Says why it
/// ends before its end, if it does.
///
/// # Errors
/// It is no capture; or what `take` cannot go on with.
pub fn each<E: From<Unreadable>>(
    head: Vec<u8>,
    mut from: impl Read + Send,
    take: Take<'_, E>,
) -> Result<Option<String>, E> {
    let head = whole_head(head, &mut from).map_err(Unreadable::Io)?;
    let reader = create_reader(MOST_BLOCK, Cursor::new(head).chain(from));
    let reader = reader.map_err(|e| Unreadable::NoCapture(e.to_string()))?;
    blocks(reader, take)
}

/// Who takes packets.
type Take<'a, E> = &'a mut dyn FnMut(Packet<'_>) -> Result<(), E>;

/// The reader wants the whole first block at once, and a pipe gives what it has.
fn whole_head(mut head: Vec<u8>, from: &mut impl Read) -> io::Result<Vec<u8>> {
    fill(&mut head, from, 12)?;
    let want = match head.get(..12) {
        Some(&[0x0a, 0x0d, 0x0d, 0x0a, a, b, c, d, 0x1a, ..]) => u32::from_be_bytes([a, b, c, d]),
        Some(&[0x0a, 0x0d, 0x0d, 0x0a, a, b, c, d, ..]) => u32::from_le_bytes([a, b, c, d]),
        Some(_) | None => 24,
    };
    fill(&mut head, from, (want as usize).min(MOST_HEAD))?;
    Ok(head)
}

/// Reads on until `head` has so many bytes, or there are no more.
///
/// # Errors
/// It cannot be read.
pub fn fill(head: &mut Vec<u8>, from: &mut impl Read, to: usize) -> io::Result<()> {
    let more = to.saturating_sub(head.len()) as u64;
    from.take(more).read_to_end(head).map(drop)
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
fn blocks<E>(
    mut reader: Box<dyn PcapReaderIterator + Send + '_>,
    take: Take<'_, E>,
) -> Result<Option<String>, E> {
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
