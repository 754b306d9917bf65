//! Latencies as bars over a logarithmic axis, and where the percentiles are on it.
use super::super::{Stats, latency::doublings, svg::Svg};

const LEFT: i64 = 46;
const TOP: i64 = 64;
const HEIGHT: i64 = 120;
/// The width of one bar, which stands for twice the time of the one before.
const STEP: i64 = 56;

/// The chart of these latencies, in milliseconds; nothing if there are none.
pub(super) fn of(samples_ms: &[f64]) -> String {
    let Some(stats) = Stats::of(samples_ms) else { return String::new() };
    let bars = doublings(samples_ms);
    let (Some((first, _)), Some(most)) = (bars.first(), bars.iter().map(|(_, n)| *n).max()) else {
        return String::new();
    };
    let width = LEFT + STEP * bars.len() as i64 + 70;
    let floor = TOP + HEIGHT;
    let mut svg = Svg::default();
    svg.line("axis", (LEFT, floor), (width - 60, floor));
    svg.text("tick end", (LEFT - 6, TOP + 10), &most.to_string());
    svg.text("tick middle", (LEFT, floor + 16), &edge(first.saturating_sub(1)));
    for (n, (exponent, count)) in (0..).zip(&bars) {
        let height = (HEIGHT as u64 * count).div_ceil(most) as i64;
        let (x, y) = (LEFT + STEP * n, floor - height);
        svg.group(&[("class", "bar")], |svg| {
            svg.rect("bar", (x + 1, y), (STEP - 2, height));
            svg.title(&format!("{count} below {} ms", edge(*exponent)));
        });
        svg.text("tick middle", (x + STEP, floor + 16), &edge(*exponent));
    }
    svg.text("tick", (width - 56, floor + 16), "ms");
    let place = |ms: f64| {
        let doublings = (ms * 1000.0).max(1.0).log2() - f64::from(first.saturating_sub(1));
        (LEFT + (doublings * STEP as f64) as i64).clamp(LEFT, width - 60)
    };
    let Stats { count, min, max, mean: _, stddev: _, p50, p95, p99, p99_9 } = stats;
    let marks = [("p50", p50), ("p95", p95), ("p99", p99), ("p99.9", p99_9), ("max", max)];
    for (n, (name, ms)) in (0..).zip(marks) {
        let x = place(ms);
        svg.group(&[("class", "percentile")], |svg| {
            svg.line("percentile", (x, 12 + 11 * n), (x, floor));
            svg.text("tick", (x + 3, 16 + 11 * n), name);
            svg.title(&format!("{name} {ms:.3} ms"));
        });
    }
    let label = format!("latency of {count} requests, {min:.3} to {max:.3} ms");
    svg.finish("chart", &label, (width, floor + 26))
}

/// A power of two microseconds in milliseconds.
fn edge(exponent: u32) -> String {
    let ms = 2_f64.powi(exponent as i32) / 1000.0;
    if ms < 10.0 { format!("{ms:.3}") } else { format!("{ms:.0}") }
}
