//! How long it takes to say of an id whether it was here before: on average, and at worst but for one in
//! a hundred.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "who measures has a clock")]
use std::{hint::black_box, sync::Arc, time::Instant};

use criterion::Criterion;
use proto::{
    Time,
    resilience::{REMEMBERED, REMEMBERED_FOR, Seen},
    rng::Rng,
};

const LOOKUPS: usize = 1_000_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    seen(&mut criterion);
    criterion.final_summary();
    let mut nanos = lookups();
    nanos.sort_unstable();
    let [p50, p99, most] = [LOOKUPS / 2, LOOKUPS / 100 * 99, LOOKUPS - 1].map(|at| nanos[at]);
    println!(
        "seen: one lookup takes {p50} ns (p50), {p99} ns (p99), {most} ns (max), clock included"
    );
    assert!(p99 < 10_000, "p99 is not under 10 us");
}

fn seen(criterion: &mut Criterion) {
    let (mut seen, ids) = full();
    let mut at = 0;
    criterion.bench_function("seen/known or new", |b| {
        b.iter(|| {
            at += 1;
            black_box(seen.arrive(Time::from_millis(at as u64), &ids[at % ids.len()]))
        });
    });
}

/// Each lookup of a full memory, in nanoseconds: one in two is of an id it knows, the others push one out.
fn lookups() -> Vec<u64> {
    let (mut seen, ids) = full();
    let mut rng = Rng::new(1, &[]);
    let once = |n: usize| {
        let id = &ids[rng.below(ids.len() as u64) as usize];
        let now = Time::from_millis(n as u64);
        let began = Instant::now();
        black_box(seen.arrive(now, id));
        began.elapsed().as_nanos() as u64
    };
    (0..LOOKUPS).map(once).collect()
}

/// A full memory, and twice as many ids as it holds, as toggle spells them.
fn full() -> (Seen<Arc<str>>, Vec<Arc<str>>) {
    let mut seen = Seen::new(REMEMBERED, REMEMBERED_FOR.0).expect("it is valid");
    let mut rng = Rng::new(7, &[]);
    let ids: Vec<Arc<str>> =
        (0..2 * REMEMBERED).map(|_| format!("{:016x}", rng.next_u64()).into()).collect();
    for id in &ids {
        seen.arrive(Time::default(), id);
    }
    (seen, ids)
}
