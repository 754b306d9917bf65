//! A run as a capture that Wireshark opens. Ethernet, IP and TCP are made up around what the record
//! holds; every packet says in a comment which records it stands for.
use std::net::SocketAddr;

use etherparse::{PacketBuilder, TcpHeader, TcpOptionElement};
use jiff::Timestamp;
use net::Record;
use proto::Time;

use super::{
    segments::{Flags, Segment, segments},
    shown,
    wires::wires,
};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const COMMENT: u16 = 1;
const ETHERNET: u16 = 1;

/// The capture of a run that began at `started`, with a comment on the whole.
pub fn capture(comment: &str, started: Timestamp, records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    section(&mut out, comment);
    interface(&mut out);
    for segment in segments(&wires(records)) {
        packet(&mut out, started, &segment);
    }
    out
}

fn section(out: &mut Vec<u8>, comment: &str) {
    const WRITER: u16 = 4;
    // The byte order, version 1.0, and a length that is not told.
    let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    body.extend([1, 0, 0, 0]);
    body.extend([0xff; 8]);
    option(&mut body, COMMENT, comment.as_bytes());
    option(&mut body, WRITER, concat!("wirelab ", env!("CARGO_PKG_VERSION")).as_bytes());
    end_of_options(&mut body);
    block(out, SECTION, &body);
}

fn interface(out: &mut Vec<u8>) {
    const NAME: u16 = 2;
    const RESOLUTION: u16 = 9;
    let mut body = ETHERNET.to_le_bytes().to_vec();
    // Reserved, and no limit to the length of a packet.
    body.extend([0; 2 + 4]);
    option(&mut body, NAME, b"wirelab");
    // Times count 10^-9 s.
    option(&mut body, RESOLUTION, &[9]);
    end_of_options(&mut body);
    block(out, INTERFACE, &body);
}

fn packet(out: &mut Vec<u8>, started: Timestamp, segment: &Segment) {
    let bytes = in_packet(segment);
    let nanos = nanoseconds(started, segment.stamp.at);
    let len = (bytes.len() as u32).to_le_bytes();
    let mut body = vec![0; 4];
    body.extend(((nanos >> 32) as u32).to_le_bytes());
    body.extend((nanos as u32).to_le_bytes());
    body.extend(len);
    body.extend(len);
    body.extend(&bytes);
    pad(&mut body);
    if !segment.comment.is_empty() {
        let lines: Vec<_> = segment.comment.lines().map(|line| shown(line, 500)).collect();
        option(&mut body, COMMENT, lines.join("\n").as_bytes());
        end_of_options(&mut body);
    }
    block(out, PACKET, &body);
}

/// Since 1970. A run outside the years that 64 bits hold keeps to their edge.
fn nanoseconds(started: Timestamp, at: Time) -> u64 {
    let nanos = started.as_nanosecond() + i128::from(at.as_micros()) * 1000;
    u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
}

fn in_packet(segment: &Segment) -> Vec<u8> {
    const WIDEST: u16 = 0xffff;
    const HOPS: u8 = 64;
    let Segment { from, to, seq, ack, flags, payload, .. } = segment;
    let mut tcp = TcpHeader::new(from.port(), to.port(), *seq, WIDEST);
    let Flags { syn, fin, rst, psh } = *flags;
    (tcp.syn, tcp.fin, tcp.rst, tcp.psh) = (syn, fin, rst, psh);
    tcp.ack = ack.is_some();
    tcp.acknowledgment_number = ack.unwrap_or_default();
    if syn {
        // Wide enough for all that may be on its way.
        let options =
            [TcpOptionElement::MaximumSegmentSize(WIDEST), TcpOptionElement::WindowScale(14)];
        tcp.set_options(&options).expect("these fit");
    }
    let packet = PacketBuilder::ethernet2(mac(from), mac(to));
    let packet = match (from, to) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => {
            packet.ipv4(from.ip().octets(), to.ip().octets(), HOPS).tcp_header(tcp)
        }
        (from, to) => {
            let octets = |addr: &SocketAddr| match addr {
                SocketAddr::V4(addr) => addr.ip().to_ipv6_mapped().octets(),
                SocketAddr::V6(addr) => addr.ip().octets(),
            };
            packet.ipv6(octets(from), octets(to), HOPS).tcp_header(tcp)
        }
    };
    let mut bytes = Vec::with_capacity(packet.size(payload.len()));
    packet.write(&mut bytes, payload).expect("a segment fits into a packet");
    bytes
}

/// Made up, and marked as such by its second bit; the same for the same port.
fn mac(addr: &SocketAddr) -> [u8; 6] {
    let [high, low] = addr.port().to_be_bytes();
    [2, 0, 0, 0, high, low]
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    // A comment that long is cut where a character begins.
    let most = value.len().min(4096);
    let cut = (0..=most).rev().find(|n| std::str::from_utf8(&value[..*n]).is_ok()).unwrap_or(most);
    body.extend(code.to_le_bytes());
    body.extend((cut as u16).to_le_bytes());
    body.extend(&value[..cut]);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let len = (body.len() as u32 + 12).to_le_bytes();
    out.extend(kind.to_le_bytes());
    out.extend(len);
    out.extend(body);
    out.extend(len);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::late;

    fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let word = |at: &[u8]| u32::from_le_bytes(at[..4].try_into().unwrap());
        let mut blocks = Vec::new();
        while !file.is_empty() {
            let len = word(&file[4..]) as usize;
            assert_eq!(word(&file[len - 4..]) as usize, len);
            assert!(len.is_multiple_of(4));
            blocks.push((word(file), file[8..len - 4].to_vec()));
            file = &file[len..];
        }
        blocks
    }

    #[test]
    fn a_capture_is_a_section_an_interface_and_packets() {
        let file = capture("x", Timestamp::UNIX_EPOCH, &late());
        let kinds: Vec<u32> = blocks(&file).iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds[..2], [SECTION, INTERFACE]);
        assert!(kinds.len() > 10 && kinds[2..].iter().all(|kind| *kind == PACKET));
    }

    #[test]
    fn times_count_nanoseconds_since_1970() {
        let started: Timestamp = "2026-11-21T00:00:00.5Z".parse().unwrap();
        assert_eq!(nanoseconds(started, Time::from_micros(3)), 1_795_219_200_500_003_000);
        assert_eq!(nanoseconds(Timestamp::MIN, Time::default()), 0);
        assert_eq!(nanoseconds(Timestamp::MAX, Time::default()), u64::MAX);
    }

    #[test]
    fn a_comment_without_end_is_cut_between_characters() {
        let mut body = Vec::new();
        option(&mut body, COMMENT, "aü".repeat(3000).as_bytes());
        let len = usize::from(u16::from_le_bytes([body[2], body[3]]));
        assert!(len <= 4096 && std::str::from_utf8(&body[4..4 + len]).is_ok());
    }
}
