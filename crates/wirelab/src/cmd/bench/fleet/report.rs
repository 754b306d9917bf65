//! What came of it, in numbers.
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use hdrhistogram::Histogram;
use proto::{Delivery, Span};
use serde::Serialize;

use super::{Fared, Plan, audit::Audit};

const LEVELS: [Delivery; 5] = [
    Delivery::Written,
    Delivery::TcpAcked,
    Delivery::Replied,
    Delivery::Applied,
    Delivery::Observed,
];

/// The whole result, versioned for machines.
#[derive(Debug, Serialize)]
pub(in crate::cmd::bench) struct Report {
    schema: u32,
    devices: u32,
    rate: u32,
    #[serde(rename = "for")]
    length: Span,
    seed: u64,
    commands: usize,
    observed: usize,
    /// By how they ended.
    failed: BTreeMap<String, usize>,
    /// Commands that took more than one attempt.
    tried_again: usize,
    false_confirmations: usize,
    repeated: usize,
    unconfirmed: usize,
    levels: Vec<Row>,
    /// How late commands were handed over, by the schedule; it is part of every time above.
    late_ms: Figures,
    /// None where the system does not tell.
    controller: Option<Cost>,
    bridges: Option<Cost>,
}

/// One level: when it was reached, from when the command was due.
#[derive(Debug, Serialize)]
struct Row {
    level: Delivery,
    count: u64,
    #[serde(flatten)]
    ms: Figures,
}

#[derive(Debug, Serialize)]
struct Figures {
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// What one of the two processes took.
#[derive(Debug, Serialize)]
pub(super) struct Cost {
    /// Resident, for each bridge; none with too few of them.
    pub(super) memory_kib_each: Option<f64>,
    /// While commands were under way, of one processor.
    pub(super) cpu_percent: f64,
}

impl Report {
    pub(super) fn of(
        plan: &Plan,
        fared: &[Fared],
        audit: &Audit,
        costs: [Option<Cost>; 2],
    ) -> Self {
        let Plan { devices, rate, length, seed } = *plan;
        let Audit { false_confirmations, repeated, unconfirmed } = *audit;
        let mut failed = BTreeMap::<String, usize>::new();
        for how in fared.iter().filter_map(Fared::failed) {
            *failed.entry(how).or_default() += 1;
        }
        let reached = |level| {
            fared.iter().filter_map(move |fared| {
                let (since, levels) = fared.levels();
                let after = levels.iter().find(|reached| reached.level == level)?.after;
                Some(since + after - fared.due)
            })
        };
        let row = |level| {
            let times = Times::of(reached(level));
            Row { level, count: times.0.len(), ms: times.figures() }
        };
        let [controller, bridges] = costs;
        Self {
            schema: 1,
            devices,
            rate,
            length,
            seed,
            commands: fared.len(),
            observed: fared.len() - failed.values().sum::<usize>(),
            failed,
            tried_again: fared.iter().filter(|fared| fared.attempts() > 1).count(),
            false_confirmations,
            repeated,
            unconfirmed,
            levels: LEVELS.map(row).into(),
            late_ms: Times::of(fared.iter().map(|fared| fared.handed_over - fared.due)).figures(),
            controller,
            bridges,
        }
    }
    /// Every command was observed, once, and nothing else was claimed.
    pub(in crate::cmd::bench) fn is_sound(&self) -> bool {
        self.observed == self.commands && self.false_confirmations == 0 && self.repeated == 0
    }
    /// For people.
    pub(in crate::cmd::bench) fn table(&self) -> String {
        let Self { devices, rate, length, commands, observed, .. } = self;
        let mut text = format!("{devices} bridges, {rate} commands a second for {length}\n");
        let failed = self.failed.iter().map(|(how, n)| format!(", {n} {how}"));
        let failed: String = failed.collect();
        let _ = writeln!(
            text,
            "{observed} of {commands} observed{failed}; {} took more than one attempt\n\
             asked of the bridges: {} false confirmations, {} done twice, {} done and not confirmed\n",
            self.tried_again, self.false_confirmations, self.repeated, self.unconfirmed,
        );
        text += "level       count     p50 ms     p95 ms     p99 ms     max ms\n";
        let mut line = |name: String, count: u64, ms: &Figures| {
            let Figures { p50_ms, p95_ms, p99_ms, max_ms } = ms;
            let _ = writeln!(
                text,
                "{name:<9} {count:>7} {p50_ms:>10.2} {p95_ms:>10.2} {p99_ms:>10.2} {max_ms:>10.2}"
            );
        };
        for Row { level, count, ms } in &self.levels {
            line(level.to_string(), *count, ms);
        }
        line("handed on".into(), *commands as u64, &self.late_ms);
        for (who, cost) in [("controller", &self.controller), ("bridges", &self.bridges)] {
            let Some(Cost { memory_kib_each, cpu_percent }) = cost else { continue };
            let memory = memory_kib_each.map(|kib| format!(", {kib:.1} KiB a bridge"));
            let memory = memory.unwrap_or_default();
            let _ = writeln!(text, "{who}: {cpu_percent:.1} % of a processor{memory}");
        }
        text
    }
}

/// Times, to three digits.
struct Times(Histogram<u64>);

impl Times {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut us = Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("they are in order");
        times.for_each(|time| us.saturating_record(time.as_micros() as u64));
        Self(us)
    }
    fn figures(&self) -> Figures {
        let ms = |q: f64| self.0.value_at_quantile(q) as f64 / 1000.0;
        let max_ms = self.0.max() as f64 / 1000.0;
        Figures { p50_ms: ms(0.5), p95_ms: ms(0.95), p99_ms: ms(0.99), max_ms }
    }
}

#[cfg(test)]
mod tests {
    use net::Reached;
    use proto::Time;

    use super::{
        super::{Applied, id},
        *,
    };

    #[test]
    fn a_time_counts_from_when_it_was_due() {
        let at = Time::from_micros;
        let receipt = net::Receipt {
            ticket: proto::Ticket(1),
            attempts: 1,
            since: at(30_000),
            elapsed: Duration::from_millis(60),
            delivery: Delivery::Observed,
            levels: vec![Reached { level: Delivery::Observed, after: Duration::from_millis(60) }],
            reply: None,
        };
        let command = Applied { bridge: id(1), what: "#000001".into() };
        let answer = Some(Ok(receipt));
        let fared = [Fared { command, due: at(10_000), handed_over: at(25_000), answer }];
        let plan = Plan { devices: 1, rate: 1, length: Span::millis(1000), seed: 3 };
        let report = Report::of(&plan, &fared, &Audit::default(), [None, None]);
        let observed = &report.levels[4];
        assert_eq!((observed.level, observed.count), (Delivery::Observed, 1));
        assert!((observed.ms.max_ms - 80.0).abs() < 0.1, "{observed:?}");
        assert!((report.late_ms.max_ms - 15.0).abs() < 0.1);
        assert!(report.is_sound());
        let lied = Audit { false_confirmations: 1, ..Audit::default() };
        assert!(!Report::of(&plan, &fared, &lied, [None, None]).is_sound());
    }
}
