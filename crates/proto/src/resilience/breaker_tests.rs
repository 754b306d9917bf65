//! The properties a breaker must have, on examples and on random histories.
use super::*;
use crate::Span;

fn ms(n: u64) -> Time {
    Time::from_millis(n)
}

fn raw() -> RawBreaker {
    RawBreaker { open_for: Span::millis(100), jitter: 0.0, ..RawBreaker::default() }
}

fn breaker(raw: RawBreaker) -> Breaker {
    Breaker::new(BreakerConfig::new(raw).unwrap(), 7)
}

/// Fails until it opens; how many failures that took.
fn failures_to_open(b: &mut Breaker, now: Time) -> u32 {
    for n in 1..1000 {
        let permit = b.admit(now).expect("it is closed");
        b.on_failure(now, permit);
        if b.state() == BreakerState::Open {
            return n;
        }
    }
    panic!("it never opened");
}

fn until(b: &mut Breaker, now: Time) -> Option<Time> {
    b.admit(now).expect_err("it is open")
}

#[test]
fn the_threshold_in_the_config_is_the_threshold_in_effect() {
    for threshold in [2, 3] {
        let mut b = breaker(RawBreaker { threshold, ..raw() });
        assert_eq!(failures_to_open(&mut b, ms(0)), threshold);
        let counted: Vec<u32> = std::iter::from_fn(|| b.poll_event())
            .filter_map(|e| match e {
                BreakerEvent::Counted { failures, threshold: t, .. } if t == threshold => {
                    Some(failures)
                }
                _ => None,
            })
            .collect();
        assert_eq!(counted, (1..=threshold).collect::<Vec<_>>());
    }
}

#[test]
fn one_success_begins_the_row_anew() {
    let mut b = breaker(RawBreaker { threshold: 2, ..raw() });
    let permit = b.admit(ms(0)).unwrap();
    b.on_failure(ms(0), permit);
    b.on_success(ms(0), permit);
    assert_eq!(failures_to_open(&mut b, ms(0)), 2);
}

#[test]
fn the_open_time_is_as_set_grows_and_is_capped() {
    for (open_for, growth, max_open, wanted) in
        [(100, 2.0, 300, [100, 200, 300, 300]), (50, 3.0, 1000, [50, 150, 450, 1000])]
    {
        let span = Span::millis;
        let raw =
            RawBreaker { open_for: span(open_for), growth, max_open: span(max_open), ..raw() };
        let mut b = breaker(raw);
        let mut now = ms(0);
        failures_to_open(&mut b, now);
        for open in wanted {
            assert_eq!(until(&mut b, now), Some(now + Duration::from_millis(open)));
            now = now + Duration::from_millis(open);
            let permit = b.admit(now).unwrap();
            b.on_failure(now, permit);
        }
    }
}

#[test]
fn jitter_takes_off_at_most_its_share() {
    for (jitter, all_whole) in [(0.0, true), (0.5, false)] {
        let untils: Vec<u64> = (0..50)
            .map(|seed| {
                let config = BreakerConfig::new(RawBreaker { jitter, ..raw() }).unwrap();
                let mut b = Breaker::new(config, seed);
                failures_to_open(&mut b, ms(0));
                until(&mut b, ms(0)).unwrap().as_micros()
            })
            .collect();
        assert!(untils.iter().all(|us| (50_000..=100_000).contains(us)), "{untils:?}");
        assert_eq!(untils.iter().all(|us| *us == 100_000), all_whole);
    }
}

#[test]
fn half_open_lets_as_many_pass_as_set_and_closes_after_as_many_as_set() {
    for (probes, close_after) in [(1, 1), (3, 2)] {
        let mut b = breaker(RawBreaker { probes, close_after, ..raw() });
        failures_to_open(&mut b, ms(0));
        let permits: Vec<Permit> = std::iter::from_fn(|| b.admit(ms(100)).ok()).collect();
        assert_eq!(permits.len(), probes as usize);
        for n in 1..=close_after {
            assert_eq!(b.state(), BreakerState::HalfOpen, "before success {n}");
            b.on_success(ms(110), permits[n as usize - 1]);
        }
        assert_eq!(b.state(), BreakerState::Closed);
    }
}

#[test]
fn a_given_up_probe_frees_its_permit_and_a_silent_one_goes_stale() {
    let mut b = breaker(raw());
    failures_to_open(&mut b, ms(0));
    let permit = b.admit(ms(100)).unwrap();
    assert_eq!(b.admit(ms(100)), Err(Some(ms(200))));
    b.on_ignored(permit);
    assert!(b.admit(ms(100)).is_ok(), "freed");
    assert!(b.admit(ms(150)).is_err());
    assert!(b.admit(ms(200)).is_ok(), "gone stale");
}

#[test]
fn what_is_reported_late_changes_nothing() {
    let mut b = breaker(RawBreaker { threshold: 1, ..raw() });
    let (early, late) = (b.admit(ms(0)).unwrap(), b.admit(ms(0)).unwrap());
    b.on_failure(ms(0), early);
    let open_until = until(&mut b, ms(0));
    b.on_failure(ms(50), late);
    b.on_success(ms(50), late);
    assert_eq!(until(&mut b, ms(50)), open_until);
}

#[test]
fn isolation_lasts_until_reset() {
    let mut b = breaker(raw());
    b.isolate();
    assert_eq!(b.admit(ms(1_000_000)), Err(None));
    b.reset();
    assert!(b.admit(ms(0)).is_ok());
}

#[test]
fn the_rate_counts_over_its_window_with_a_minimum() {
    let play = |rate, window, threshold, outcomes: &[(u64, bool)]| {
        let window = Span::millis(window);
        let mut b = breaker(RawBreaker { rate: Some(rate), window, threshold, ..raw() });
        for (at, ok) in outcomes {
            let Ok(permit) = b.admit(ms(*at)) else { return BreakerState::Open };
            if *ok { b.on_success(ms(*at), permit) } else { b.on_failure(ms(*at), permit) }
        }
        b.state()
    };
    let mixed: Vec<(u64, bool)> = (0..20).map(|n| (n, n % 2 == 0)).collect();
    assert_eq!(play(0.5, 1000, 3, &mixed), BreakerState::Open);
    assert_eq!(play(0.6, 1000, 3, &mixed), BreakerState::Closed);
    let sparse: Vec<(u64, bool)> = (0..10).map(|n| (n * 100, false)).collect();
    assert_eq!(play(0.5, 1000, 3, &sparse), BreakerState::Open);
    assert_eq!(play(0.5, 150, 3, &sparse), BreakerState::Closed, "never three in the window");
    assert_eq!(play(0.5, 1000, 20, &sparse), BreakerState::Closed, "too few");
}

#[test]
fn other_settings_act_at_once_on_what_was_counted() {
    let mut b = breaker(RawBreaker { threshold: 5, ..raw() });
    let permit = b.admit(ms(0)).unwrap();
    for _ in 0..3 {
        b.on_failure(ms(0), permit);
    }
    let lower = BreakerConfig::new(RawBreaker { threshold: 3, ..raw() }).unwrap();
    b.reconfigure(ms(1), lower);
    assert_eq!(b.state(), BreakerState::Open);
    assert!(format!("{:?}", b.effective_config()).contains("threshold: 3"));
}

#[test]
fn senseless_settings_are_refused() {
    let key = |raw| BreakerConfig::new(raw).unwrap_err().key;
    assert_eq!(key(RawBreaker { threshold: 0, ..raw() }), "breaker.threshold");
    assert_eq!(key(RawBreaker { probes: 0, ..raw() }), "breaker.probes");
    assert_eq!(key(RawBreaker { close_after: 0, ..raw() }), "breaker.close_after");
    assert_eq!(key(RawBreaker { rate: Some(0.0), ..raw() }), "breaker.rate");
    assert_eq!(key(RawBreaker { rate: Some(f64::NAN), ..raw() }), "breaker.rate");
    assert_eq!(key(RawBreaker { window: Span::millis(0), ..raw() }), "breaker.window");
    assert_eq!(key(RawBreaker { open_for: Span::millis(0), ..raw() }), "breaker.open_for");
    assert_eq!(key(RawBreaker { growth: 0.5, ..raw() }), "breaker.growth");
    assert_eq!(key(RawBreaker { max_open: Span::millis(1), ..raw() }), "breaker.max_open");
    assert_eq!(key(RawBreaker { jitter: 1.5, ..raw() }), "breaker.jitter");
}

/// Random histories: the events are a path in the legal graph, it never admits while it must not,
/// and time with good probes always closes it again.
#[test]
fn random_histories_stay_within_the_diagram() {
    use BreakerState::*;
    for seed in 0..3000 {
        let mut rng = Rng::new(seed, &[]);
        let (threshold, probes) = (1 + rng.below(4) as u32, 1 + rng.below(3) as u32);
        let close_after = 1 + rng.below(3) as u32;
        let rate = (rng.below(3) == 0).then_some(0.5);
        let mut b = breaker(RawBreaker { threshold, probes, close_after, rate, ..raw() });
        let (mut now, mut permits, mut path) = (ms(0), Vec::new(), vec![Closed]);
        for _ in 0..200 {
            match rng.below(8) {
                0..=2 => {
                    let before = b.state();
                    match b.admit(now) {
                        Ok(permit) => permits.push(permit),
                        Err(again) => {
                            assert_ne!(before, Closed, "seed {seed}");
                            assert!(again.is_none_or(|at| at > now), "seed {seed}");
                        }
                    }
                }
                3 | 4 if !permits.is_empty() => {
                    let permit = permits.swap_remove(rng.below(permits.len() as u64) as usize);
                    match rng.below(3) {
                        0 => b.on_success(now, permit),
                        1 => b.on_failure(now, permit),
                        _ => b.on_ignored(permit),
                    }
                }
                5 if rng.below(20) == 0 => b.isolate(),
                6 if rng.below(10) == 0 => b.reset(),
                _ => now = now + Duration::from_millis(rng.below(80)),
            }
            while let Some(event) = b.poll_event() {
                let BreakerEvent::Changed { from, to, cause } = event else { continue };
                assert_eq!(*path.last().unwrap(), from, "seed {seed}");
                let legal = match cause {
                    Cause::Threshold => (from, to) == (Closed, Open),
                    Cause::Elapsed => (from, to) == (Open, HalfOpen),
                    Cause::ProbeFailed => (from, to) == (HalfOpen, Open),
                    Cause::ProbesSucceeded => (from, to) == (HalfOpen, Closed),
                    Cause::Isolated => to == Isolated,
                    Cause::Reset => to == Closed,
                };
                assert!(legal, "seed {seed}: {from:?} to {to:?} by {cause:?}");
                path.push(to);
            }
            assert_eq!(*path.last().unwrap(), b.state(), "seed {seed}");
        }
        if b.state() == Isolated {
            b.reset();
        }
        // Every permit still out is lost. Liveness: patience and good probes close it all the same.
        for _ in 0..20 {
            now = now + Duration::from_secs(301);
            if let Ok(permit) = b.admit(now) {
                b.on_success(now, permit);
            }
        }
        assert_eq!(b.state(), Closed, "seed {seed}: stuck");
    }
}
