//! `bench proxy`: what our proxy costs, beside no proxy at all and beside the least that a proxy can do;
//! and how close its faults come to what was asked.
mod loads;
mod roads;

use std::fmt::Write as _;

use serde::Serialize;

use super::median;
use loads::Load;
use roads::{Kind, Road};

/// What to measure.
pub(super) struct Plan {
    pub(super) rounds: usize,
    /// Round trips a round; the other loads follow from it.
    pub(super) messages: usize,
}

/// One load, medians over its rounds.
#[derive(Debug, Serialize)]
struct Row {
    load: &'static str,
    unit: &'static str,
    direct: f64,
    plain: f64,
    ours: f64,
    /// Medians of the rounds' own ratios.
    ours_over_plain: f64,
    ours_over_direct: f64,
}

/// Faults against what was asked of them.
#[derive(Debug, Serialize)]
struct Accuracy {
    /// Of 20 ms: by how much round trips are longer than that and the same trip without.
    latency_p50_error_ms: f64,
    latency_p99_error_ms: f64,
    /// Of a megabyte a second, in all and at worst in a tenth of a second.
    bandwidth_error_percent: f64,
    bandwidth_window_error_percent: f64,
}

/// The whole result, versioned for machines.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    rounds: usize,
    rows: Vec<Row>,
    accuracy: Accuracy,
}

/// Rounds that `progress` will hear of, for each round of the plan.
pub(super) const STEPS: usize = Load::ALL.len();

/// Measures everything in the plan.
///
/// # Errors
/// A connection failed: then the numbers would mean nothing.
pub(super) fn measure(plan: &Plan, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let mut rows = Vec::new();
    for load in Load::ALL {
        let mut rounds = Vec::new();
        for round in 0..plan.rounds {
            progress(&format!("{}: round {}", load.name(), round + 1));
            let mut figures = [0.0; 3];
            for (figure, kind) in figures.iter_mut().zip(Kind::ALL) {
                *figure = load.measure(kind, plan.messages)?;
            }
            rounds.push(figures);
        }
        rows.push(Row::of(load, &rounds));
    }
    progress("accuracy of faults");
    Ok(Report { schema: 1, rounds: plan.rounds, rows, accuracy: accuracy(plan.messages)? })
}

fn accuracy(messages: usize) -> anyhow::Result<Accuracy> {
    const DELAY_MS: f64 = 20.0;
    const RATE: usize = 1_000_000;
    let trips = (messages / 20).clamp(20, 300);
    let plain = loads::round_trips(&Road::start(Kind::Ours, &[])?, trips)?;
    let late =
        loads::round_trips(&Road::start(Kind::Ours, &["latency delay=20ms lane=down"])?, trips)?;
    let error = |q: f64| {
        let ms = |ns: u64| ns as f64 / 1e6;
        ms(late.ns.value_at_quantile(q)) - ms(plain.ns.value_at_quantile(0.5)) - DELAY_MS
    };
    let rate = format!("bandwidth rate={RATE} lane=down");
    let seconds = (messages / 1000).clamp(1, 8);
    let (total, worst) = loads::rate(&Road::start(Kind::Ours, &[&rate])?, seconds, RATE)?;
    Ok(Accuracy {
        latency_p50_error_ms: error(0.5),
        latency_p99_error_ms: error(0.99),
        bandwidth_error_percent: total * 100.0,
        bandwidth_window_error_percent: worst * 100.0,
    })
}

impl Row {
    fn of(load: Load, rounds: &[[f64; 3]]) -> Self {
        let of = |get: fn(&[f64; 3]) -> f64| median(rounds.iter().map(get));
        Self {
            load: load.name(),
            unit: load.unit(),
            direct: of(|r| r[0]),
            plain: of(|r| r[1]),
            ours: of(|r| r[2]),
            ours_over_plain: of(|r| r[2] / r[1]),
            ours_over_direct: of(|r| r[2] / r[0]),
        }
    }
}

impl Report {
    /// For people.
    pub(super) fn table(&self) -> String {
        let mut text = String::from(
            "load                          direct      plain       ours  ours/plain  ours/direct\n",
        );
        for Row { load, unit, direct, plain, ours, ours_over_plain, ours_over_direct } in &self.rows
        {
            let load = format!("{load}, {unit}");
            let _ = writeln!(
                text,
                "{load:<25} {direct:>10.2} {plain:>10.2} {ours:>10.2} {ours_over_plain:>11.2} {ours_over_direct:>12.2}",
            );
        }
        let Accuracy {
            latency_p50_error_ms: p50,
            latency_p99_error_ms: p99,
            bandwidth_error_percent: total,
            bandwidth_window_error_percent: window,
        } = &self.accuracy;
        let _ = writeln!(text, "latency of 20 ms: {p50:+.3} ms (p50), {p99:+.3} ms (p99)");
        let _ = writeln!(
            text,
            "bandwidth of 1 MB/s: {total:+.2} % in all, {window:+.2} % in the worst 100 ms"
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_measures_all_three_ways_under_every_load() {
        let report = measure(&Plan { rounds: 1, messages: 200 }, &mut |_| {}).unwrap();
        assert_eq!(report.rows.len(), Load::ALL.len());
        // Memory alone may be too little to be seen.
        let seen = |row: &&Row| row.unit != "KiB";
        assert!(report.rows.iter().filter(seen).all(|row| row.direct > 0.0 && row.ours > 0.0));
        assert!(report.accuracy.latency_p50_error_ms > -1.0, "it was late on purpose");
    }
}
