//! `wirelab bench`: ours against the floor, interleaved in one run, so that the ratio holds although
//! the machine's speed drifts. Here `bench toggle`; `bench vkb` is in `stream.rs` and
//! `restart.rs`, `bench hsms` in `hsms.rs`, `bench proxy` in `proxy.rs`, `bench cync` in `fleet/`.
mod fleet;
mod floor;
mod hsms;
mod ours;
mod proxy;
mod restart;
mod stream;

use std::{fmt::Write, net::SocketAddr, time::Duration};

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use proto::{
    Protocol, Span, Ticket,
    cync::Cync,
    hsms::Hsms,
    toggle::{Lamp, Toggle, encode_toggle},
    vkb::Vkb,
};
use serde::Serialize;

use crate::{
    args::BenchArgs,
    config, descriptors,
    exit::{Exit, Failure},
    text,
};

/// # Errors
/// There is no such benchmark, or a device or command failed: then the numbers would mean nothing.
pub(crate) fn run(args: BenchArgs) -> Result<Exit, Failure> {
    let BenchArgs {
        protocol,
        reference,
        rounds,
        commands,
        restart,
        devices,
        rate,
        length,
        pace,
        seed,
        json,
    } = args;
    if protocol == Cync::NAME {
        if restart || reference.is_some() || rounds.is_some() || commands.is_some() {
            let problem = "--restart, --reference, --rounds and --commands have no effect on cync";
            return Err(Failure::usage(problem));
        }
        let plan = fleet::Plan {
            devices: devices.unwrap_or(1000),
            rate: rate.unwrap_or(100),
            length: length.unwrap_or(Span::millis(60_000)),
            pace: pace.unwrap_or_default(),
            seed: seed.unwrap_or(1),
        };
        return many_bridges(&plan, json);
    }
    let fleet = devices.is_some() || rate.is_some() || length.is_some();
    if fleet || pace.is_some() || seed.is_some() {
        let problem = "--devices, --rate, --for, --pace and --seed are for cync alone";
        return Err(Failure::usage(problem));
    }
    let (commands, rounds) = (commands.unwrap_or(5000) as usize, rounds.unwrap_or(5).into());
    if protocol == "proxy" {
        if restart || reference.is_some() {
            return Err(Failure::usage("--restart and --reference have no effect on proxy"));
        }
        let plan = proxy::Plan { rounds, messages: commands * 2 };
        let steps = rounds * proxy::STEPS + 1;
        let report = watched(steps, |progress| proxy::measure(&plan, progress))?;
        return tell(json, &report, proxy::Report::table);
    }
    match config::find(&protocol)?.name() {
        Vkb::NAME if restart => {
            let plan = restart::Plan { rounds, seed: 1 };
            let report = watched(rounds * 3, |progress| restart::measure(&plan, progress))?;
            tell(json, &report, restart::Report::table)
        }
        _ if restart => Err(Failure::usage("--restart is about links that are kept; use vkb")),
        Lamp::NAME => {
            let plan = Plan { rounds, commands, reference, seed: 1 };
            let report = watched(rounds * LOADS, |progress| measure(&plan, progress))?;
            tell(json, &report, Report::table)
        }
        Vkb::NAME if reference.is_some() => {
            Err(Failure::usage("--reference has no effect on vkb: its server only drains"))
        }
        Vkb::NAME => {
            let plan = stream::Plan { rounds, frames: commands * 100, seed: 1 };
            let report = watched(rounds, |progress| stream::measure(&plan, progress))?;
            tell(json, &report, stream::Report::table)
        }
        Hsms::NAME if reference.is_some() => {
            Err(Failure::usage("--reference has no effect on hsms: both ends are measured"))
        }
        Hsms::NAME => {
            let plan = hsms::Plan { rounds, messages: commands * 4, seed: 1 };
            let report =
                watched(rounds * hsms::LOADS.len(), |progress| hsms::measure(&plan, progress))?;
            tell(json, &report, hsms::Report::table)
        }
        other => {
            let problem =
                format!("no benchmark for {other}; there are toggle, vkb, hsms, cync and proxy");
            Err(Failure::usage(problem))
        }
    }
}

/// Unlike the others it may succeed in measuring what is not as it should be.
fn many_bridges(plan: &fleet::Plan, json: bool) -> Result<Exit, Failure> {
    if !(1..=fleet::MOST_COMMANDS).contains(&plan.commands()) {
        let most = fleet::MOST_COMMANDS;
        return Err(Failure::usage(format!("--rate and --for must make 1 to {most} commands")));
    }
    descriptors::make_room(plan.devices)?;
    let report = watched(fleet::STEPS, |progress| fleet::measure(plan, progress))?;
    tell(json, &report, fleet::Report::table)?;
    Ok(if report.is_sound() { Exit::Done } else { Exit::Failed })
}

/// Measures, with progress where a person looks.
fn watched<T>(
    rounds: usize,
    measure: impl FnOnce(&mut dyn FnMut(&str)) -> anyhow::Result<T>,
) -> Result<T, Failure> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("it is valid");
    let bar = ProgressBar::new(rounds as u64).with_style(style);
    let report = measure(&mut |round: &str| {
        bar.set_message(round.to_owned());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let failed = |e| format!("{e:#}; a benchmark needs every command to succeed");
    report.map_err(|e| Failure::environment(failed(e)))
}

fn tell<T: Serialize>(json: bool, report: &T, table: fn(&T) -> String) -> Result<Exit, Failure> {
    text::print(&if json { text::json_line(report) } else { table(report) })?;
    Ok(Exit::Done)
}

/// New and kept connections, at three depths each.
const LOADS: usize = 6;

/// What is played.
#[derive(Clone, Copy, Debug)]
struct Load {
    /// Commands in all.
    commands: usize,
    /// Commands at a time.
    concurrent: usize,
    /// On kept connections, or on a new one each.
    kept: bool,
}

/// How long commands took, one by one and all together.
struct Measured {
    ns: Histogram<u64>,
    took: Duration,
}

impl Default for Measured {
    fn default() -> Self {
        let ns = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are in order");
        Self { ns, took: Duration::ZERO }
    }
}

impl Measured {
    fn record(&mut self, took: Duration) {
        self.ns.saturating_record(took.as_nanos() as u64);
    }
    fn add(&mut self, other: &Self) {
        self.ns.add(&other.ns).expect("all have the same bounds");
    }
    fn figures(&self) -> Figures {
        let us = |q: f64| self.ns.value_at_quantile(q) as f64 / 1000.0;
        Figures {
            p50_us: us(0.5),
            p95_us: us(0.95),
            p99_us: us(0.99),
            p999_us: us(0.999),
            max_us: self.ns.max() as f64 / 1000.0,
            per_second: self.ns.len() as f64 / self.took.as_secs_f64(),
        }
    }
}

/// One measurement in numbers.
#[derive(Clone, Copy, Debug, Serialize)]
struct Figures {
    p50_us: f64,
    p95_us: f64,
    p99_us: f64,
    p999_us: f64,
    max_us: f64,
    per_second: f64,
}

/// One load, medians over its rounds.
#[derive(Debug, Serialize)]
struct Row {
    connection: &'static str,
    concurrent: usize,
    commands: usize,
    rounds: usize,
    client: Figures,
    floor: Figures,
    /// Medians of the rounds' own ratios.
    p50_client_over_floor: f64,
    per_second_client_over_floor: f64,
}

/// What to measure.
struct Plan {
    /// Rounds of every load, client and floor in turn.
    rounds: usize,
    /// Commands per round and load, at one at a time; ten and a hundred at a time do four times as many.
    commands: usize,
    /// Somebody else's device, for both the client and the floor.
    reference: Option<SocketAddr>,
    /// The seed of ticket numbers.
    seed: u64,
}

/// The whole result, versioned for machines.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    reference: Option<SocketAddr>,
    rows: Vec<Row>,
}

/// Measures everything in the plan. `progress` hears of every round.
///
/// # Errors
/// A device cannot be started, or a command failed: then the numbers would mean nothing.
fn measure(plan: &Plan, mut progress: impl FnMut(&str)) -> anyhow::Result<Report> {
    let toggle = Toggle::new("DEVICE123", true)?;
    let (mut rows, mut seed) = (Vec::new(), plan.seed);
    for kept in [false, true] {
        for concurrent in [1, 10, 100] {
            let times = if concurrent == 1 { 1 } else { 4 };
            let commands = (plan.commands * times).max(concurrent);
            let load = Load { commands, concurrent, kept };
            let word = if kept { "kept" } else { "new" };
            let rounds = (0..plan.rounds).map(|round| {
                progress(&format!(
                    "{word} connection, {concurrent} at a time: round {}",
                    round + 1
                ));
                // A device that remembers must not take this round for the last one again.
                seed += 1;
                one_round(plan, &toggle, load, seed)
            });
            let rounds: Vec<_> = rounds.collect::<Result<_, _>>()?;
            rows.push(Row::of(word, load, &rounds));
        }
    }
    Ok(Report { schema: 1, reference: plan.reference, rows })
}

/// Floor, then client, back to back.
fn one_round(
    plan: &Plan,
    toggle: &Toggle,
    load: Load,
    seed: u64,
) -> anyhow::Result<(Figures, Figures)> {
    let frame = encode_toggle(Ticket(seed), toggle);
    if let Some(addr) = plan.reference {
        let floor = floor::measure(addr, &frame, load)?;
        let client = ours::measure(addr, toggle, load, seed)?;
        return Ok((client.figures(), floor.figures()));
    }
    let device = floor::Device::start(frame.len(), load)?;
    let floor = floor::measure(device.addr(), &frame, load);
    device.stop();
    let device = ours::Device::start(Lamp::default())?;
    let client = ours::measure(device.addr(), toggle, load, seed);
    device.stop();
    Ok((client?.figures(), floor?.figures()))
}

impl Row {
    fn of(connection: &'static str, load: Load, rounds: &[(Figures, Figures)]) -> Self {
        let side = |pick: fn(&(Figures, Figures)) -> Figures| {
            let figure = |get: fn(&Figures) -> f64| median(rounds.iter().map(|r| get(&pick(r))));
            Figures {
                p50_us: figure(|f| f.p50_us),
                p95_us: figure(|f| f.p95_us),
                p99_us: figure(|f| f.p99_us),
                p999_us: figure(|f| f.p999_us),
                max_us: figure(|f| f.max_us),
                per_second: figure(|f| f.per_second),
            }
        };
        Self {
            connection,
            concurrent: load.concurrent,
            commands: load.commands,
            rounds: rounds.len(),
            client: side(|r| r.0),
            floor: side(|r| r.1),
            p50_client_over_floor: median(rounds.iter().map(|r| r.0.p50_us / r.1.p50_us)),
            per_second_client_over_floor: median(
                rounds.iter().map(|r| r.0.per_second / r.1.per_second),
            ),
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

impl Report {
    /// For people.
    fn table(&self) -> String {
        let mut text = String::from(
            "connection  at a time     p50 us (floor)     p95 us     p99 us   p99.9 us  \
             commands/s (floor)   p50 client/floor\n",
        );
        for row in &self.rows {
            let Row { connection, concurrent, client, floor, .. } = row;
            let _ = writeln!(
                text,
                "{connection:<10}  {concurrent:>9}  {:>9.1} {:>8}  {:>9.1}  {:>9.1}  {:>9.1}  \
                 {:>10.0} {:>8}   {:>16.2}",
                client.p50_us,
                format!("({:.1})", floor.p50_us),
                client.p95_us,
                client.p99_us,
                client.p999_us,
                client.per_second,
                format!("({:.0})", floor.per_second),
                row.p50_client_over_floor,
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_medians() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }

    #[test]
    fn a_small_run_measures_every_load_on_both_sides() {
        let plan = Plan { rounds: 1, commands: 25, reference: None, seed: 1 };
        let mut rounds = 0;
        let report = measure(&plan, |_| rounds += 1).unwrap();
        assert_eq!((rounds, report.rows.len()), (6, 6));
        for row in &report.rows {
            assert!(row.client.p50_us > 0.0 && row.floor.p50_us > 0.0, "{row:?}");
            assert_eq!(row.commands, if row.concurrent == 1 { 25 } else { 100 });
        }
        assert_eq!(report.table().lines().count(), 7);
    }
}
