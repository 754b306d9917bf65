//! From a captured packet to the TCP segment in it, if there is one.
use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use jiff::Timestamp;
use pcap_parser::Linktype;

/// Bytes of the header that says which family of addresses follows.
const NULL_HEADER: usize = 4;
/// Where Linux's cooked headers, versions 1 and 2, name what follows them, and where they end.
const SLL: (usize, usize) = (14, 16);
const SLL2: (usize, usize) = (0, 20);

/// A packet as it was captured.
#[derive(Debug)]
pub struct Packet<'a> {
    /// When it was captured, as far as the capture says.
    pub time: Option<Timestamp>,
    /// The kind of link; none if the capture does not say.
    pub link: Option<Linktype>,
    /// All of it that was captured.
    pub bytes: &'a [u8],
}

/// From whom, to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// Who sent.
    pub src: SocketAddr,
    /// To whom.
    pub dst: SocketAddr,
}

impl Way {
    /// The same connection in the other direction.
    pub fn back(self) -> Self {
        Self { src: self.dst, dst: self.src }
    }
    /// One of its ends has this port.
    pub fn has_port(self, port: u16) -> bool {
        self.src.port() == port || self.dst.port() == port
    }
}

/// What TCP makes of a packet.
#[derive(Debug)]
pub struct Segment<'a> {
    /// When it was captured, as far as the capture says.
    pub time: Option<Timestamp>,
    /// From whom, to whom.
    pub way: Way,
    /// The sequence number of its first byte; of a SYN, the one before that.
    pub seq: u32,
    /// It begins its direction.
    pub syn: bool,
    /// It acknowledges.
    pub ack: bool,
    /// Its sender finishes.
    pub fin: bool,
    /// It resets the connection.
    pub rst: bool,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// Why a packet holds no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSegment {
    /// Another protocol.
    Other,
    /// A piece of an IP packet.
    Fragment,
    /// A kind of link that is not read here.
    Link(Linktype),
}

impl<'a> Segment<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// Why there is none in it.
    pub fn of(packet: &Packet<'a>) -> Result<Self, NoSegment> {
        let sliced = slice(packet)?;
        let (src, dst, fragment) = match &sliced.net {
            Some(LaxNetSlice::Ipv4(ip)) => (
                IpAddr::from(ip.header().source_addr()),
                IpAddr::from(ip.header().destination_addr()),
                ip.is_payload_fragmented(),
            ),
            Some(LaxNetSlice::Ipv6(ip)) => (
                IpAddr::from(ip.header().source_addr()),
                IpAddr::from(ip.header().destination_addr()),
                ip.is_payload_fragmented(),
            ),
            Some(LaxNetSlice::Arp(_)) | None => return Err(NoSegment::Other),
        };
        if fragment {
            return Err(NoSegment::Fragment);
        }
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else {
            return Err(NoSegment::Other);
        };
        let way =
            Way { src: (src, tcp.source_port()).into(), dst: (dst, tcp.destination_port()).into() };
        Ok(Self {
            time: packet.time,
            way,
            seq: tcp.sequence_number(),
            syn: tcp.syn(),
            ack: tcp.ack(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            payload: tcp.payload(),
        })
    }
}

fn slice<'a>(packet: &Packet<'a>) -> Result<LaxSlicedPacket<'a>, NoSegment> {
    let bytes = packet.bytes;
    let Some(link) = packet.link else { return Err(NoSegment::Other) };
    match link {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(bytes).map_err(|_| NoSegment::Other),
        // 12 and 14 are what systems call raw IP among themselves; some write it into files.
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | Linktype(12 | 14) => ip(Some(bytes)),
        Linktype::NULL | Linktype::LOOP => ip(bytes.get(NULL_HEADER..)),
        Linktype::LINUX_SLL => cooked(bytes, SLL),
        Linktype::LINUX_SLL2 => cooked(bytes, SLL2),
        other => Err(NoSegment::Link(other)),
    }
}

fn ip(bytes: Option<&[u8]>) -> Result<LaxSlicedPacket<'_>, NoSegment> {
    LaxSlicedPacket::from_ip(bytes.unwrap_or_default()).map_err(|_| NoSegment::Other)
}

fn cooked(bytes: &[u8], (at, end): (usize, usize)) -> Result<LaxSlicedPacket<'_>, NoSegment> {
    let (head, rest) = bytes.split_at_checked(end).ok_or(NoSegment::Other)?;
    let kind = u16::from_be_bytes([head[at], head[at + 1]]);
    Ok(LaxSlicedPacket::from_ether_type(EtherType(kind), rest))
}
