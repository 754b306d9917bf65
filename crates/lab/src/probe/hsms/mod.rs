//! What is asked of HSMS devices and clients (SEMI E37, E37.1). The frames are written down as bytes;
//! the little that is known of their shape here is for cutting and naming them.
mod client;
mod device;

use super::{
    Cut, Reflex, Side, Suite,
    bytes::{Bytes, Pattern, pattern},
    steps::Step,
};

/// Longest frame a prober waits for; a longer one is noise.
const MAX_FRAME: usize = 32 << 20;

/// Defaults of SEMI E37, in milliseconds. Linktests are off unless one says how often they come.
const TIMERS: &[(&str, u64)] = &[
    ("t3", 45_000),
    ("t5", 10_000),
    ("t6", 5_000),
    ("t7", 10_000),
    ("t8", 5_000),
    ("linktest", 0),
];

/// What is asked of a device that listens (passive mode).
pub const DEVICE: Suite = Suite {
    protocol: "hsms",
    side: Side::Device,
    port: 5000,
    timers: TIMERS,
    levels: ["e37", "e37.1"],
    cut,
    name,
    command: |_| None,
    reflex: of_a_host,
    health: &[
        Step::Connect,
        Step::Send(SELECT),
        Step::Expect(SELECTED),
        Step::Send(SEPARATE),
        Step::Watch(super::steps::Until::Frames(1)),
        Step::Close,
    ],
    groups: device::GROUPS,
};

/// What is asked of a host that dials (active mode).
pub const CLIENT: Suite = Suite {
    protocol: "hsms",
    side: Side::Client,
    port: 5000,
    timers: TIMERS,
    levels: ["e37", "e37.1"],
    cut,
    name,
    command: |_| None,
    reflex: of_equipment,
    health: &[],
    groups: client::GROUPS,
};

const SELECT: Bytes = Bytes::Hex("0000000a ffff 0000 0001 00000001");
const SELECTED: Pattern = pattern("Select.rsp 0", "0000000a .... 0000 0002 00000001");
const SEPARATE: Bytes = Bytes::Hex("0000000a ffff 0000 0009 000000f9");
const LINKTEST: Bytes = Bytes::Hex("0000000a ffff 0000 0005 000000f1");
const LINKTEST_RSP: Pattern = pattern("Linktest.rsp", "0000000a .... 0000 0006 000000f1");
/// Shows life where the state is NOT SELECTED, in which E37.1 allows nothing else.
const SELECT_AGAIN: Bytes = Bytes::Hex("0000000a ffff 0000 0001 000000f2");
const SELECTED_AGAIN: Pattern = pattern("Select.rsp 0", "0000000a .... 0000 0002 000000f2");
const S1F13: Bytes = Bytes::Hex("0000000c ssss 810d 0000 000000f3 0100");
const S1F14: Pattern = pattern("S1F14", "........ ssss 010e 0000 000000f3*");
/// A Reject of the message with system bytes 2, whatever for.
const ANY_REJECT: Pattern = pattern("any Reject", "0000000a .... .... 0007 00000002");

/// `u32` length, big-endian, then as many bytes; ten of them are the header.
fn cut(bytes: &[u8]) -> Cut {
    let Some(length) = bytes.first_chunk() else { return Cut::More };
    match usize::try_from(u32::from_be_bytes(*length)) {
        Ok(length @ 10..=MAX_FRAME) if bytes.len() >= 4 + length => Cut::Frame(4 + length),
        Ok(10..=MAX_FRAME) => Cut::More,
        Ok(_) | Err(_) => Cut::Never,
    }
}

fn name(frame: &[u8]) -> String {
    let Some([_, _, b2, b3, ptype, stype, ..]) = frame.get(4..14) else {
        return format!("{} bytes that are no message", frame.len());
    };
    match (ptype, stype) {
        (0, 0) => format!("S{}F{b3}", b2 & 0x7f),
        (0, 1) => "Select.req".into(),
        (0, 2) => format!("Select.rsp {b3}"),
        (0, 3) => "Deselect.req".into(),
        (0, 4) => format!("Deselect.rsp {b3}"),
        (0, 5) => "Linktest.req".into(),
        (0, 6) => "Linktest.rsp".into(),
        (0, 7) => format!("Reject {b3}"),
        (0, 9) => "Separate.req".into(),
        (0, other) => format!("SType {other}"),
        (other, stype) => format!("PType {other} SType {stype}"),
    }
}

/// A linktest is answered; what equipment says by itself is taken note of as a host would.
fn of_a_host(frame: &[u8]) -> Reflex {
    match header(frame) {
        Some((0, 1, 13)) => answer(frame, &[1, 14], &[0x01, 0x02, 0x21, 0x01, 0x00, 0x01, 0x00]),
        Some((0, 1, 1)) => answer(frame, &[1, 2], &[0x01, 0x00]),
        // Stream 9 says what was wrong with what we sent; that is what we want to see.
        Some((0, stream, function)) if stream != 9 && function % 2 == 1 => Reflex::Drop,
        Some((5, ..)) => linktest_rsp(frame),
        Some(_) | None => Reflex::Keep,
    }
}

/// A linktest is answered; what a host asks is left open, so that it does not end.
fn of_equipment(frame: &[u8]) -> Reflex {
    match header(frame) {
        Some((0, _, function)) if function % 2 == 1 => Reflex::Drop,
        Some((5, ..)) => linktest_rsp(frame),
        Some(_) | None => Reflex::Keep,
    }
}

/// SType, stream and function of a message of PType 0.
fn header(frame: &[u8]) -> Option<(u8, u8, u8)> {
    match frame.get(4..14)? {
        [_, _, stream, function, 0, stype, ..] => Some((*stype, stream & 0x7f, *function)),
        _ => None,
    }
}

fn linktest_rsp(frame: &[u8]) -> Reflex {
    let mut answer = frame.to_vec();
    answer[9] = 6;
    Reflex::Answer(answer)
}

/// An answer of this stream and function with this text.
fn answer(frame: &[u8], kind: &[u8; 2], text: &[u8]) -> Reflex {
    let length = u8::try_from(10 + text.len()).expect("the texts here are short");
    let mut answer = vec![0, 0, 0, length];
    answer.extend_from_slice(&frame[4..6]);
    answer.extend_from_slice(kind);
    answer.extend_from_slice(&[0, 0]);
    answer.extend_from_slice(&frame[10..14]);
    answer.extend_from_slice(text);
    Reflex::Answer(answer)
}

#[cfg(test)]
mod tests;
