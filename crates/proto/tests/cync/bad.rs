//! Bytes that are bad: every vector cut, flipped and with lengths that lie, at either end.
use proto::{Protocol, cync::Cync, session::hex, testing};

use crate::vectors::{Vector, vectors};

/// One of each that matters to a session, for where the file is not at hand.
const WELL_KNOWN: &[&str] = &[
    "d3 00 00 00 00",
    "28 00 00 00 02 00 00",
    "a3 00 00 00 07 00 00 00 01 00 00 00",
    "73 00 00 00 1f 00 00 00 01 00 01 00 7e 01 00 00 00 f8 d0 0d 00 01 00 00 00 00 01 00 d0 11 02 01 00 00 c3 7e",
    "73 00 00 00 13 00 00 00 01 00 00 00 7e 01 00 00 00 f9 d0 01 00 00 d1 7e",
    "7b 00 00 00 07 00 00 00 01 00 01 00",
];

fn samples() -> Vec<Vec<u8>> {
    let known = WELL_KNOWN.iter().map(|text| hex::decode(text).unwrap().to_vec());
    known.chain(vectors().into_iter().map(|Vector { bytes, .. }| bytes.to_vec())).collect()
}

/// Of a long packet, which is the same over and over, sessions see every 24th harm; all are explained.
fn harmed(at: usize, bytes: &[u8]) {
    if bytes.len() < 100 || at.is_multiple_of(24) {
        testing::cync::any_bytes(bytes);
    }
    testing::explains::<Cync>(bytes);
}

#[test]
fn every_cut_is_taken_alike_and_does_no_harm() {
    for bytes in samples() {
        for end in 0..bytes.len() {
            harmed(end, &bytes[..end]);
        }
    }
}

#[test]
fn every_flipped_byte_does_no_harm() {
    for bytes in samples() {
        for at in 0..bytes.len() {
            for flip in [0xff, 0x01, 0x80] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                harmed(at, &bytes);
            }
        }
    }
}

#[test]
fn lengths_that_lie_do_no_harm_and_a_later_packet_is_found() {
    let ping = [0xd3, 0, 0, 0, 0].repeat(900);
    for mut bytes in samples() {
        for length in [0, 1, 100, 4091, 4092, 0x0001_0000, u32::MAX] {
            bytes[1..5].copy_from_slice(&length.to_be_bytes());
            testing::cync::any_bytes(&bytes);
            let followed = [&bytes[..], &ping].concat();
            let parts = Cync::explain(&followed).parts;
            let pings = parts.iter().filter(|part| part.value.starts_with("d3: ping")).count();
            assert!(pings > 10, "{length} in {:02x?}", &bytes[..bytes.len().min(20)]);
        }
    }
}

/// The stream as it is cut: packets, and what lies between them.
fn pieces(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let Some(extent) = Cync::extent(rest).filter(|extent| *extent <= rest.len() as u64) {
        let (piece, after) = rest.split_at(extent as usize);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[test]
fn every_packet_is_found_again_after_junk_of_any_length() {
    let samples = samples();
    let packets: Vec<_> = samples.iter().flat_map(|bytes| pieces(bytes)).collect();
    for length in 1..40 {
        let junk = vec![0xff; length];
        let stream: Vec<u8> =
            packets.iter().flat_map(|packet| [&junk[..], packet].concat()).collect();
        let found = pieces(&stream);
        assert!(found.iter().step_by(2).all(|piece| *piece == junk), "{length}");
        assert!(found.iter().skip(1).step_by(2).eq(&packets), "{length}");
        let places = Cync::explain(&stream).problems().into_iter();
        let junk = places.filter(|(_, problem)| problem.starts_with("junk")).map(|(at, _)| at);
        let begins = found.iter().scan(0, |at, piece| {
            *at += piece.len();
            Some(*at - piece.len())
        });
        assert!(junk.eq(begins.step_by(2).map(Some)), "each is told with its place");
    }
}

#[test]
fn a_header_with_any_bit_flipped_costs_no_packet_beyond_what_it_claims() {
    let pings = [0xd3, 0, 0, 0, 0].repeat(900);
    for sample in samples() {
        for (at, bit) in (0..5).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut stream = [&sample[..], &pings].concat();
            stream[at] ^= 1 << bit;
            let found = pieces(&stream);
            let pings =
                found.iter().rev().take_while(|piece| ***piece == [0xd3, 0, 0, 0, 0]).count();
            assert!(pings >= 80, "byte {at}, bit {bit} of {:02x?}: {pings}", &sample[..5]);
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_its_byte() {
    for (bytes, said) in [
        ("1f 00 00 00 00", "byte 0 of it: no packet begins with 1f"),
        ("73 00 00 10 00", "byte 3 of it: a length of 000010.. is over 4091"),
        ("73 00 00 00 02 01 02", "length: 2 bytes of body, where this packet has 7"),
        ("c3 00 00 00 01 0d", "body: 0d, where 0c asks the time"),
        (
            "73 00 00 00 13 00 00 00 01 00 00 00 7e 01 00 00 00 f9 d0 02 00 00 d1 7e",
            "its length says 2",
        ),
        (
            "73 00 00 00 13 00 00 00 01 00 00 00 7e 01 00 00 00 f9 d0 01 00 00 d2 7e",
            "checksum: not the sum",
        ),
        ("23 00 00 00 0a 03 00 00 00 01 00 10 00 00 3c", "a key of 16 bytes, where there are 0"),
        ("43 00 00 00 0a 00 00 00 01 01 01 06 05 00 10", "says 16 bytes, where 0 are left"),
    ] {
        let problems = Cync::explain(&hex::decode(bytes).unwrap()).problems();
        assert!(problems.iter().any(|(_, p)| p.contains(said)), "{bytes}: {problems:?}");
    }
}

/// A fuzzer found that half a packet behind a disconnect was told of, or not, as the bytes were cut.
#[test]
fn what_follows_a_disconnect_is_nobodys() {
    let found = "73 00 00 00 00 00 00 00 11 e3 00 00 00 01 0c c8 00 00 00 00 00 00 09 f8";
    testing::cync::any_bytes(&hex::decode(found).unwrap());
    testing::cync::any_bytes(b"\xe3\0\0\0\x01\x03\xc8\0\0");
}
