//! How fast signed messages are read and checked, and taken by gossip.
use std::{hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion, Throughput};
use proto::{
    Time,
    tazcom::{
        Body, Gossip, Identity, Message, Parcel, Payload,
        gossip::{Input, Output, RawGossip, Settings},
    },
};

const EPOCH: u64 = 1_767_225_600_000;
const MESSAGES: usize = 100;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tazcom(&mut criterion);
    criterion.final_summary();
}

fn tazcom(criterion: &mut Criterion) {
    let lines: Vec<_> = (0..MESSAGES).map(line).collect();
    let mut group = criterion.benchmark_group("tazcom");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    group.bench_function("decode and verify", |b| {
        b.iter(|| {
            for line in &lines {
                let Ok(Message::Signed { parcel, .. }) = Message::decode(line) else { panic!() };
                black_box(parcel.open().expect("it is signed"));
            }
        });
    });
    group.bench_function("decode and take", |b| {
        b.iter_batched(
            node,
            |mut node| {
                let from = Identity::from_seed([2; 32]).id();
                for line in &lines {
                    let message = Message::decode(line).expect("it is a message");
                    node.handle_input(Time::default(), Input::Heard(from, message));
                    while !matches!(node.poll_output(), Output::Wait(_)) {}
                }
                node
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn line(number: usize) -> bytes::Bytes {
    let author = Identity::from_seed([number as u8 + 3; 32]);
    let payload = Payload {
        author: author.id(),
        channel: "#mainfloor".into(),
        created: EPOCH,
        expires: EPOCH + 600_000,
        body: Body::Chat {
            text: "a hundred bytes of words, as people write them, more or less".into(),
        },
    };
    Message::Signed { hops: 1, parcel: Parcel::pack(&author, &payload) }.encode()
}

fn node() -> Gossip {
    let me = Arc::new(Identity::from_seed([1; 32]));
    let settings = Settings::new(RawGossip::default()).expect("it is valid");
    let mut node = Gossip::new(me, settings, 1, EPOCH);
    for peer in 2..10 {
        node.handle_input(Time::default(), Input::Up(Identity::from_seed([peer; 32]).id()));
    }
    node
}
