//! How fast packets are found in a stream in which they lie close together, and read.
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use proto::{
    Protocol,
    cync::{Cync, Message},
    session::hex,
};

/// A minute of a busy connection in little, mostly what bridges report.
const PACKETS: [(&str, usize); 7] = [
    ("d3 00 00 00 00", 1),
    ("7b 00 00 00 07 64 57 e7 f2 00 09 00", 2),
    (
        "73 00 00 00 1f 64 57 e7 f2 00 00 00 7e 04 00 00 00 f8 d0 0d 00 04 00 00 00 00 ce 00 d0 11 \
         02 01 00 00 93 7e",
        2,
    ),
    ("73 00 00 00 13 64 57 e7 f2 00 09 00 7e 04 00 00 00 f9 d0 01 00 00 d1 7e", 2),
    (
        "83 00 00 00 25 64 57 e7 f2 00 09 00 7e 1f 00 00 00 fa db 13 00 72 25 11 50 00 50 00 db 11 \
         02 01 01 0a 0a ff ff ff 00 00 37 7e",
        8,
    ),
    ("88 00 00 00 03 02 ff 00", 8),
    (
        "43 00 00 00 1a 64 57 e7 f2 01 01 06 05 00 10 0c 01 64 0a ff ff ff 01 00 00 00 00 00 00 00 00",
        4,
    ),
];
const SIZE: usize = 1 << 20;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    cync(&mut criterion);
    criterion.final_summary();
}

fn stream() -> Vec<u8> {
    let minute = PACKETS
        .iter()
        .flat_map(|(text, times)| hex::decode(text).expect("it is hex").repeat(*times));
    let minute: Vec<u8> = minute.collect();
    minute.repeat(SIZE / minute.len())
}

fn cync(criterion: &mut Criterion) {
    let stream = stream();
    let mut group = criterion.benchmark_group("cync");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.bench_function("find packets", |b| {
        b.iter(|| {
            let mut rest = black_box(&stream[..]);
            let mut packets = 0;
            while let Some(extent) = Cync::extent(rest) {
                rest = &rest[extent as usize..];
                packets += 1;
            }
            packets
        });
    });
    group.bench_function("find packets and read them", |b| {
        b.iter(|| {
            let mut rest = black_box(&stream[..]);
            while let Some(extent) = Cync::extent(rest) {
                let (packet, after) = rest.split_at(extent as usize);
                black_box(Message::decode(packet).expect("it is sound"));
                rest = after;
            }
        });
    });
}
