//! Reports for machines, as JSON. Structs, so that keys keep their order.
use jiff::Timestamp;
use serde::Serialize;

use super::{
    CaseResult, Skipped, Stats,
    latency::{Bucket, buckets},
    stats::{P95_MS, P99_MS},
};
use crate::judge::{Outcome, Verdict};

/// `performance-report.json`.
#[derive(Clone, Debug, Serialize)]
pub struct PerformanceReport {
    timestamp: Timestamp,
    thresholds: Thresholds,
    metrics: Metrics,
    samples_ms: Vec<f64>,
    warnings: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Thresholds {
    p95_ms: f64,
    p99_ms: f64,
}

/// Without samples the count is 0 and everything else null: there is no fastest of none.
#[derive(Clone, Debug, Serialize)]
struct Metrics {
    sample_count: usize,
    min_ms: Option<f64>,
    max_ms: Option<f64>,
    mean_ms: Option<f64>,
    stddev_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// The latencies of successful requests, in milliseconds, against the thresholds.
pub fn performance_report(samples_ms: &[f64], now: Timestamp) -> PerformanceReport {
    let stats = Stats::of(samples_ms);
    let limits = [("p95", stats.map(|s| s.p95), P95_MS), ("p99", stats.map(|s| s.p99), P99_MS)];
    let warnings = limits.into_iter().filter_map(|(name, value, limit)| {
        let value = value.filter(|value| *value > limit)?;
        Some(format!("{name} latency ({value:.1}ms) exceeds threshold ({limit:.1}ms)"))
    });
    PerformanceReport {
        timestamp: now,
        thresholds: Thresholds { p95_ms: P95_MS, p99_ms: P99_MS },
        metrics: Metrics {
            sample_count: samples_ms.len(),
            min_ms: stats.map(|s| s.min),
            max_ms: stats.map(|s| s.max),
            mean_ms: stats.map(|s| s.mean),
            stddev_ms: stats.map(|s| s.stddev),
            p50_ms: stats.map(|s| s.p50),
            p95_ms: stats.map(|s| s.p95),
            p99_ms: stats.map(|s| s.p99),
        },
        samples_ms: samples_ms.to_vec(),
        warnings: warnings.collect(),
    }
}

/// A suite's results. `schema` grows when a key changes its meaning or goes.
#[derive(Clone, Debug, Serialize)]
pub struct Suite<'a> {
    schema: u32,
    outcome: Outcome,
    passed: usize,
    failed: usize,
    inconclusive: usize,
    /// Left out because the run was interrupted.
    not_played: usize,
    latency_ms: Option<Stats>,
    /// All latencies, so that those of several hosts can be added up without loss.
    latency_histogram: Vec<Bucket>,
    cases: Vec<Case<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skipped: &'a [Skipped],
}

#[derive(Clone, Debug, Serialize)]
struct Case<'a> {
    protocol: &'a str,
    scenario: &'a str,
    title: &'a str,
    world: &'a str,
    seed: u64,
    elapsed_ms: f64,
    latency_ms: Option<Stats>,
    replay: &'a str,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// The results of a suite of which `not_played` cases are missing. What was not played proves nothing.
pub fn suite<'a>(cases: &'a [CaseResult], skipped: &'a [Skipped], not_played: usize) -> Suite<'a> {
    let count = |outcome| cases.iter().filter(|c| c.verdict.outcome == outcome).count();
    let samples: Vec<f64> = cases.iter().flat_map(|c| c.latencies_ms.iter().copied()).collect();
    let missing = (not_played > 0).then_some(Outcome::Inconclusive);
    Suite {
        schema: 1,
        outcome: cases
            .iter()
            .map(|c| c.verdict.outcome)
            .chain(missing)
            .max()
            .unwrap_or(Outcome::Pass),
        passed: count(Outcome::Pass),
        failed: count(Outcome::Fail),
        inconclusive: count(Outcome::Inconclusive),
        not_played,
        latency_ms: Stats::of(&samples),
        latency_histogram: buckets(&samples),
        cases: cases.iter().map(case).collect(),
        skipped,
    }
}

fn case(result: &CaseResult) -> Case<'_> {
    let CaseResult {
        protocol,
        scenario,
        title,
        world,
        seed,
        verdict,
        elapsed,
        latencies_ms,
        replay,
    } = result;
    Case {
        protocol,
        scenario,
        title,
        world,
        seed: *seed,
        elapsed_ms: elapsed.as_secs_f64() * 1000.0,
        latency_ms: Stats::of(latencies_ms),
        replay,
        verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::cases, *};

    fn report(samples: &[f64]) -> String {
        let now = "2025-11-01T12:34:56.789Z".parse().unwrap();
        serde_json::to_string_pretty(&performance_report(samples, now)).unwrap()
    }

    #[test]
    fn the_performance_report_has_its_keys_in_order() {
        insta::assert_snapshot!(report(&[100.0, 312.0]));
    }

    #[test]
    fn thresholds_are_exceeded_not_met() {
        assert!(report(&[300.0]).contains("\"warnings\": []"));
        let slow = report(&[900.04]);
        assert!(slow.contains("p95 latency (900.0ms) exceeds threshold (300.0ms)"), "{slow}");
        assert!(slow.contains("p99 latency (900.0ms) exceeds threshold (800.0ms)"), "{slow}");
    }

    #[test]
    fn no_samples_are_no_numbers() {
        let none = report(&[]);
        assert!(none.contains("\"sample_count\": 0,\n    \"min_ms\": null"), "{none}");
        assert!(none.contains("\"samples_ms\": []") && none.contains("\"warnings\": []"), "{none}");
    }

    #[test]
    fn a_suite_tells_a_machine_all_the_table_does() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&suite(&cases(), &[], 0)).unwrap());
    }

    #[test]
    fn an_empty_suite_is_a_result_too() {
        let none = serde_json::to_value(suite(&[], &[], 0)).unwrap();
        assert_eq!((&none["schema"], &none["cases"]), (&1.into(), &serde_json::json!([])));
    }

    #[test]
    fn an_interrupted_suite_is_no_pass() {
        let outcome = |cases: &[CaseResult], left| {
            let suite = serde_json::to_value(suite(cases, &[], left)).unwrap();
            (suite["outcome"].clone(), suite["not_played"].clone())
        };
        let passed = &cases()[..1];
        assert_eq!(outcome(passed, 0), ("pass".into(), 0.into()));
        assert_eq!(outcome(passed, 2), ("inconclusive".into(), 2.into()));
        assert_eq!(outcome(&cases(), 2), ("fail".into(), 2.into()));
    }
}
