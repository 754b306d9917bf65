//! How fast SECS-II is read and written: a megabyte of small items.
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use proto::{
    secs2::{Item, Limits, Reader, encode},
    testing::secs2::wafers,
};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    secs2(&mut criterion);
    criterion.final_summary();
}

fn secs2(criterion: &mut Criterion) {
    let (item, limits) = (wafers(25_000), Limits::default());
    let text = encode(&item);
    let mut group = criterion.benchmark_group("secs2");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("walk", |b| {
        b.iter(|| {
            Reader::new(black_box(&text), &limits).fold(0, |sum, view| {
                let view = view.expect("sound");
                sum + view.payload.len() + view.items
            })
        });
    });
    group.bench_function("decode", |b| {
        b.iter_with_large_drop(|| Item::decode(black_box(&text), &limits));
    });
    group.bench_function("decode and drop", |b| {
        b.iter(|| Item::decode(black_box(&text), &limits).is_ok());
    });
    group.bench_function("encode", |b| b.iter(|| encode(black_box(&item))));
    group.finish();
}
