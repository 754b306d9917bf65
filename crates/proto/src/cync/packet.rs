//! The outer packet: one byte for type, direction and version, a length, a body. Where it begins and
//! ends, also after bytes that are none; not what is in it.
use bytes::Bytes;

use crate::inbox::Inbox;

/// First byte and length.
pub const HEADER: usize = 5;
/// The longest packet taken, its header included.
pub const MAX_PACKET: usize = 4096;
const MAX_BODY: usize = MAX_PACKET - HEADER;

/// What a packet is about: the upper half of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// An app logs in.
    AppLogin = 1,
    /// A device logs in.
    Login = 2,
    /// A device tells what it knows of its mesh.
    Sync = 4,
    /// A command, or a result.
    Pipe = 7,
    /// A report.
    PipeSync = 8,
    /// Asked before the first command.
    Probe = 10,
    /// What time it is.
    Time = 12,
    /// A sign of life.
    Ping = 13,
    /// Last words.
    Disconnect = 14,
}

impl Type {
    fn of(nibble: u8) -> Option<Self> {
        Some(match nibble {
            1 => Self::AppLogin,
            2 => Self::Login,
            4 => Self::Sync,
            7 => Self::Pipe,
            8 => Self::PipeSync,
            10 => Self::Probe,
            12 => Self::Time,
            13 => Self::Ping,
            14 => Self::Disconnect,
            _ => return None,
        })
    }
    fn nibble(self) -> u8 {
        self as u8
    }

    /// The shortest and the longest body seen or sensible, for telling a packet from bytes like one.
    fn body(self, response: bool) -> (usize, usize) {
        match (self, response) {
            (Self::AppLogin | Self::Login, false) => (10, 64),
            (Self::AppLogin | Self::Login, true) => (2, 2),
            (Self::Sync, false) | (Self::Pipe | Self::PipeSync, false) => (7, MAX_BODY),
            (Self::Sync | Self::PipeSync, true) => (3, 3),
            (Self::Pipe, true) | (Self::Probe, false) => (7, 7),
            (Self::Probe, true) => (7, MAX_BODY),
            (Self::Time, false) | (Self::Disconnect, _) => (1, 1),
            (Self::Time, true) => (11, 11),
            (Self::Ping, _) => (0, 0),
        }
    }
}

/// A packet where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is about.
    pub kind: Type,
    /// It answers one of the same type.
    pub response: bool,
    /// 3 from devices and in requests, 0 in a cloud's answers.
    pub version: u8,
    /// What is in it.
    pub body: &'a [u8],
}

impl<'a> Packet<'a> {
    /// The packet that these bytes are, all of them.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let Head::Packet(total) = head(bytes, false) else { return None };
        let (kind, response, version) = first(bytes[0])?;
        (total == bytes.len()).then(|| Self { kind, response, version, body: &bytes[HEADER..] })
    }
}

/// Writes a packet around what `body` writes.
pub(super) fn write(
    kind: Type,
    response: bool,
    version: u8,
    size: usize,
    body: impl FnOnce(&mut Vec<u8>),
) -> Bytes {
    let mut bytes = Vec::with_capacity(HEADER + size);
    bytes.extend_from_slice(&[kind.nibble() << 4 | u8::from(response) << 3 | version, 0, 0, 0, 0]);
    body(&mut bytes);
    let length = u32::try_from(bytes.len() - HEADER).expect("nothing we write is that long");
    bytes[1..HEADER].copy_from_slice(&length.to_be_bytes());
    bytes.into()
}

/// What the front of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A packet of so many bytes, which may be more than are there.
    Packet(usize),
    /// The beginning of a header, so far.
    More,
    /// No header: which byte of it says so, and why.
    Junk(usize, Why),
}

/// Why bytes are no header. Putting it into words is left to whoever tells it: junk is looked at byte by
/// byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Why {
    #[error("no packet begins with {0:02x}")]
    First(u8),
    #[error("a length of {}.. is over {MAX_BODY}", so_far(.0, *.1))]
    Length([u8; 4], usize),
    #[error("{0} bytes are not the body of {1:02x}")]
    Body(usize, u8),
}

fn so_far(length: &[u8; 4], has: usize) -> String {
    length[..has].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What stands at the front. To one who is `searching`, a header counts only with a length that its
/// type can have: bytes that merely look like one would swallow the packets after them.
pub(super) fn head(bytes: &[u8], searching: bool) -> Head {
    let Some(&one) = bytes.first() else { return Head::More };
    let Some((kind, response, _)) = first(one) else { return Head::Junk(0, Why::First(one)) };
    let length = match bytes {
        &[_, 0, 0, high, low, ..] if usize::from(u16::from_be_bytes([high, low])) <= MAX_BODY => {
            usize::from(u16::from_be_bytes([high, low]))
        }
        _ => return part_of_head(bytes),
    };
    let (least, most) = kind.body(response);
    if searching && !(least..=most).contains(&length) {
        return Head::Junk(4, Why::Body(length, one));
    }
    Head::Packet(HEADER + length)
}

/// A header that is not all here, or too long: a byte that makes the length too long shows before the
/// rest is here.
fn part_of_head(bytes: &[u8]) -> Head {
    let most = u32::try_from(MAX_BODY).expect("small").to_be_bytes();
    for at in 1..HEADER {
        let Some(length) = bytes.get(1..=at) else { return Head::More };
        if length > &most[..at] {
            let mut told = [0; 4];
            told[..at].copy_from_slice(length);
            return Head::Junk(at, Why::Length(told, at));
        }
    }
    Head::More
}

/// A packet can begin with this.
pub(super) fn begins(byte: u8) -> bool {
    first(byte).is_some()
}

fn first(byte: u8) -> Option<(Type, bool, u8)> {
    let version = byte & 7;
    let kind = Type::of(byte >> 4)?;
    matches!(version, 0 | 3).then_some((kind, byte & 8 != 0, version))
}

/// How many bytes at the front are no packet and no beginning of one.
pub(super) fn junk(bytes: &[u8]) -> usize {
    let begins = |at: &usize| !matches!(head(&bytes[*at..], true), Head::Junk(..));
    (0..bytes.len()).find(begins).unwrap_or(bytes.len())
}

/// Bytes on their way to being packets.
#[derive(Debug, Default)]
pub(super) struct Framing {
    inbox: Inbox,
    /// Bytes skipped since the last packet.
    skipped: Option<u64>,
}

/// What the bytes turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// A whole packet.
    Whole(Bytes),
    /// These are none: which byte says so, and why. What follows is skipped in silence.
    Lost(usize, String, Bytes),
    /// A packet follows, after so many bytes that were none.
    Found(u64),
}

impl Framing {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.inbox.push(bytes);
    }
    pub(super) fn next(&mut self) -> Option<Framed> {
        loop {
            let front = self.inbox.peek();
            match (head(front, self.skipped.is_some()), self.skipped) {
                (Head::More, _) => return None,
                (Head::Packet(_), Some(skipped)) => {
                    self.skipped = None;
                    return Some(Framed::Found(skipped));
                }
                (Head::Packet(total), None) => {
                    let whole = front.len() >= total;
                    return whole.then(|| Framed::Whole(self.inbox.take(total)));
                }
                (Head::Junk(at, why), None) => {
                    self.skipped = Some(0);
                    let bytes = Bytes::copy_from_slice(&front[..=at]);
                    return Some(Framed::Lost(at, why.to_string(), bytes));
                }
                (Head::Junk(..), Some(skipped)) => {
                    let junk = junk(front);
                    self.inbox.take(junk);
                    self.skipped = Some(skipped + junk as u64);
                }
            }
        }
    }
    /// What is left at the end of a stream.
    pub(super) fn rest(&mut self) -> Bytes {
        self.inbox.take_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &[u8] = b"\xd3\0\0\0\0";

    fn all(bytes: &[u8], piece: usize) -> Vec<Framed> {
        let mut framing = Framing::default();
        let mut all = Vec::new();
        for bytes in bytes.chunks(piece) {
            framing.push(bytes);
            all.extend(std::iter::from_fn(|| framing.next()));
        }
        all
    }

    #[test]
    fn a_packet_is_found_again_after_junk_however_it_is_cut() {
        let bytes = [PING, b"\xff\xff\xd3\0\0\0\x05junk", PING, PING].concat();
        let whole = all(&bytes, usize::MAX);
        let ping = || Framed::Whole(Bytes::from_static(PING));
        assert_eq!(whole.len(), 5, "{whole:?}");
        assert_eq!((&whole[0], &whole[3], &whole[4]), (&ping(), &ping(), &ping()));
        assert!(matches!(&whole[1], Framed::Lost(0, why, _) if why.contains("begins with ff")));
        assert_eq!(whole[2], Framed::Found(11));
        for piece in 1..bytes.len() {
            assert_eq!(all(&bytes, piece), whole, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_length_that_is_too_long_shows_at_its_first_wrong_byte() {
        assert!(matches!(head(b"\x73\0\0\x10", false), Head::Junk(3, _)));
        assert!(matches!(head(b"\x73\xff", false), Head::Junk(1, _)));
        assert_eq!(head(b"\x73\0\0\x0f\xfb", false), Head::Packet(MAX_PACKET));
        assert!(matches!(head(b"\x73\0\0\x0f\xfc", false), Head::Junk(4, _)));
        assert_eq!(head(b"\x73\0\0\x0f", false), Head::More);
        assert_eq!(head(b"\x73\0\0\0\0", false), Head::Packet(HEADER));
        assert!(matches!(head(b"\x73\0\0\0\0", true), Head::Junk(4, _)));
    }

    #[test]
    fn what_is_held_is_never_more_than_a_packet() {
        let mut framing = Framing::default();
        for _ in 0..1000 {
            framing.push(&[0x73, 0, 0, 0x0f, 0xfb, 1, 2, 3]);
            while framing.next().is_some() {}
            assert!(framing.inbox.peek().len() < MAX_PACKET);
        }
    }
}
