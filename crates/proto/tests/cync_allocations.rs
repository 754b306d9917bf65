//! What packets cost in memory: reading one costs nothing, writing one its frame.
use std::hint::black_box;

use allocation_counter::measure;
use proto::{
    Protocol,
    cync::{Cync, Message},
    session::hex,
};

const COMMAND: &str = "73 00 00 00 1f 64 57 e7 f2 00 00 00 7e 04 00 00 00 f8 d0 0d 00 04 00 00 00 00 \
    ce 00 d0 11 02 01 00 00 93 7e";
const REPORT: &str = "83 00 00 00 25 64 57 e7 f2 00 09 00 7e 1f 00 00 00 fa db 13 00 72 25 11 50 00 50 \
    00 db 11 02 01 01 0a 0a ff ff ff 00 00 37 7e";
const SYNC: &str = "43 00 00 00 1a 64 57 e7 f2 01 01 06 05 00 10 0c 01 64 0a ff ff ff 01 00 00 00 00 \
    00 00 00 00";
const OTHERS: [&str; 7] = [
    "d3 00 00 00 00",
    "d8 00 00 00 00",
    "28 00 00 00 02 00 00",
    "7b 00 00 00 07 64 57 e7 f2 00 09 00",
    "88 00 00 00 03 02 ff 00",
    "a3 00 00 00 07 64 57 e7 f2 9f 52 00",
    "c8 00 00 00 0b 0d 07 e9 0b 06 05 02 14 28 fd a8",
];

fn packets() -> Vec<Vec<u8>> {
    let texts = OTHERS.into_iter().chain([COMMAND, REPORT, SYNC]);
    texts.map(|text| hex::decode(text).expect("it is hex").to_vec()).collect()
}

#[test]
fn reading_packets_allocates_nothing() {
    let packets = packets();
    let stream = packets.concat().repeat(10);
    let used = measure(|| {
        let mut rest = &stream[..];
        while let Some(extent) = Cync::extent(rest) {
            let (packet, after) = rest.split_at(extent as usize);
            black_box(Message::decode(packet).expect("it is sound"));
            rest = after;
        }
    });
    assert_eq!(used.count_total, 0, "{used:?}");
}

#[test]
fn writing_a_packet_allocates_its_frame_and_no_more() {
    for packet in packets() {
        let message = Message::decode(&packet).expect("it is sound");
        let used = measure(|| {
            assert_eq!(black_box(message.encode()).len(), packet.len());
        });
        assert_eq!((used.count_total, used.bytes_total), (1, packet.len() as u64), "{packet:02x?}");
    }
}
