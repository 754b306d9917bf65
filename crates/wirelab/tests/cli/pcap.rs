//! Captures, byte by byte as their formats say, written by nothing that reads them.

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

pub(crate) const ETHERNET: u16 = 1;
pub(crate) const NULL: u16 = 0;
pub(crate) const RAW: u16 = 101;
pub(crate) const SLL: u16 = 113;
pub(crate) const SLL2: u16 = 276;

/// One end: the last byte of 10.0.0.x, and its port.
pub(crate) type End = (u8, u16);

/// An IPv4 packet with a TCP segment. Nobody checks its checksums.
pub(crate) fn tcp(src: End, dst: End, seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let total = (40 + payload.len()) as u16;
    let mut ip = vec![0x45, 0];
    ip.extend(total.to_be_bytes());
    ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, src.0, 10, 0, 0, dst.0]);
    ip.extend(src.1.to_be_bytes());
    ip.extend(dst.1.to_be_bytes());
    ip.extend(seq.to_be_bytes());
    ip.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    ip.extend(payload);
    ip
}

/// The packet as this kind of link carries it.
pub(crate) fn on_link(link: u16, ip: &[u8]) -> Vec<u8> {
    let head: &[u8] = match link {
        ETHERNET => b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0",
        NULL => &[2, 0, 0, 0],
        RAW => &[],
        SLL => b"\0\0\0\x01\0\x06\x02\0\0\0\0\x01\0\0\x08\0",
        SLL2 => b"\x08\0\0\0\0\0\0\x01\0\x01\0\x06\x02\0\0\0\0\x01\0\0",
        other => panic!("no link {other} here"),
    };
    [head, ip].concat()
}

/// A pcap file; packets by the microsecond of 2026-11-21T00:00:00Z.
pub(crate) fn classic(link: u16, packets: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0".to_vec();
    file.extend(u32::from(link).to_le_bytes());
    for (micros, ip) in packets {
        let bytes = on_link(link, ip);
        let len = bytes.len() as u32;
        for word in [MIDNIGHT + micros / 1_000_000, micros % 1_000_000, len, len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(bytes);
    }
    file
}

/// The same as pcapng, big-endian, in nanoseconds, its first block longer than any buffer's first read.
pub(crate) fn next_generation(link: u16, packets: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let comment = [&[0, 1, 0x0f, 0xa0][..], &[b'x'; 4000], &[0; 4]].concat();
    let head = b"\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff";
    let mut file = block(0x0a0d_0d0a, &[head, &comment[..]].concat());
    let interface = [&link.to_be_bytes()[..], b"\0\0\0\x04\0\0\0\x09\0\x01\x09\0\0\0\0\0\0\0"];
    file.extend(block(1, &interface.concat()));
    for (micros, ip) in packets {
        let bytes = on_link(link, ip);
        let nanos = (u64::from(MIDNIGHT) * 1_000_000 + u64::from(*micros)) * 1000;
        let mut body = vec![0; 4];
        body.extend(nanos.to_be_bytes());
        body.extend((bytes.len() as u32).to_be_bytes());
        body.extend((bytes.len() as u32).to_be_bytes());
        body.extend(&bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        file.extend(block(6, &body));
    }
    file
}

const MIDNIGHT: u32 = 1_795_219_200;

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u32 + 12).to_be_bytes();
    [&kind.to_be_bytes()[..], &len, body, &len].concat()
}
