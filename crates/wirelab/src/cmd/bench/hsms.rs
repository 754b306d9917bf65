//! `bench hsms`: round trips on one SELECTED connection, beside blocking sockets that pass the same
//! bytes. Where the two ends run matters more than most code: pin the whole program to one processor
//! (`taskset -c 0`), and say so.
use std::{
    collections::VecDeque,
    fmt::Write as _,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use net::{Client, Role, Stopwatch};
use proto::{
    Policy, Protocol, RawPolicy, Supervisor,
    hsms::{Hsms, Request, Settings},
    session::hex,
};
use serde::Serialize;

use super::{Figures, Measured, median, ours};

/// What is asked, and how many are open at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    name: &'static str,
    ask: &'static str,
    /// The same on the wire, and what comes back.
    request: &'static str,
    reply: &'static str,
    open: usize,
}

const S1F1: &str = "0000000a 0000 8101 0000 00000001";
const S1F2: &str = "0000001c 0000 0102 0000 00000001 0102 4107 46414b452d4551 4105 312e302e30";
const LINKTEST: &str = "0000000a ffff 0000 0005 00000001";
const LINKTESTED: &str = "0000000a ffff 0000 0006 00000001";

pub(super) const LOADS: [Load; 3] = [
    Load { name: "S1F1", ask: "S1F1 W", request: S1F1, reply: S1F2, open: 1 },
    Load { name: "linktest", ask: "linktest", request: LINKTEST, reply: LINKTESTED, open: 1 },
    Load { name: "S1F1, 64 open", ask: "S1F1 W", request: S1F1, reply: S1F2, open: 64 },
];

/// What to measure.
pub(super) struct Plan {
    pub(super) rounds: usize,
    /// Per round and load.
    pub(super) messages: usize,
    pub(super) seed: u64,
}

/// One load, medians over its rounds.
#[derive(Debug, Serialize)]
struct Row {
    load: &'static str,
    messages: usize,
    rounds: usize,
    p50_us: f64,
    p99_us: f64,
    per_second: f64,
    floor_p50_us: f64,
    floor_p99_us: f64,
    floor_per_second: f64,
    /// Medians of the rounds' own ratios.
    p50_over_floor: f64,
    per_second_over_floor: f64,
}

/// The whole result, versioned for machines.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    rows: Vec<Row>,
}

/// Measures everything in the plan. `progress` hears of every round.
///
/// # Errors
/// An end cannot be started, or a message failed: then the numbers would mean nothing.
pub(super) fn measure(plan: &Plan, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let mut rows = Vec::new();
    for load in LOADS {
        let mut rounds = Vec::new();
        for round in 0..plan.rounds {
            progress(&format!("{}: round {}", load.name, round + 1));
            let floor = floor(load, plan.messages)?.figures();
            let ours = ours(load, plan.messages, plan.seed + round as u64)?.figures();
            rounds.push((ours, floor));
        }
        rows.push(Row::of(load, plan.messages, &rounds));
    }
    Ok(Report { schema: 1, rows })
}

fn ours(load: Load, messages: usize, seed: u64) -> anyhow::Result<Measured> {
    // Nothing but what is asked passes: the equipment does not speak first.
    let tool = serde_json::from_str(r#"{ "initiates": false }"#)?;
    let device =
        ours::Device::start(Hsms::new(Settings { tool: Some(tool), ..Settings::default() })?)?;
    let measured = ours::runtime()?.block_on(async {
        let env = ours::env(seed).node("host", Role::Client);
        let hsms = Hsms::default();
        let policy = Policy::new::<Hsms>(RawPolicy { breaker: None, ..hsms.policy() })?;
        let supervisor = Supervisor::new(hsms, policy, env.seed);
        let client = Client::spawn(env, vec![device.addr()], supervisor);
        let request: Request = load.ask.parse()?;
        client.request(request.clone()).await?;
        let mut measured = Measured::default();
        let mut asked = VecDeque::new();
        let watch = Stopwatch::start();
        for _ in 0..messages {
            asked.push_back((Stopwatch::start(), client.submit(request.clone()).await));
            if asked.len() == load.open {
                take(&mut asked, &mut measured).await?;
            }
        }
        while !asked.is_empty() {
            take(&mut asked, &mut measured).await?;
        }
        measured.took = watch.elapsed();
        client.close().await;
        anyhow::Ok(measured)
    });
    device.stop();
    measured
}

type Asked = VecDeque<(Stopwatch, net::Asked<<Hsms as Protocol>::Reply>)>;

async fn take(asked: &mut Asked, measured: &mut Measured) -> anyhow::Result<()> {
    if let Some((watch, asked)) = asked.pop_front() {
        asked.outcome().await?;
        measured.record(watch.elapsed());
    }
    Ok(())
}

/// Blocking sockets, two reads a frame, no check of anything.
fn floor(load: Load, messages: usize) -> anyhow::Result<Measured> {
    let bytes = |text| hex::decode(text).map_err(anyhow::Error::msg);
    let (request, reply) = (bytes(load.request)?, bytes(load.reply)?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let equipment = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        while read_frame(&mut stream).is_ok() {
            stream.write_all(&reply)?;
        }
        io::Result::Ok(())
    });
    let mut stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    let mut measured = Measured::default();
    let mut asked = VecDeque::new();
    let watch = Stopwatch::start();
    for _ in 0..messages {
        asked.push_back(Stopwatch::start());
        stream.write_all(&request)?;
        if asked.len() == load.open {
            read_frame(&mut stream)?;
            asked.pop_front().into_iter().for_each(|watch| measured.record(watch.elapsed()));
        }
    }
    for watch in asked {
        read_frame(&mut stream)?;
        measured.record(watch.elapsed());
    }
    measured.took = watch.elapsed();
    drop(stream);
    equipment.join().expect("the floor does not panic")?;
    Ok(measured)
}

fn read_frame(stream: &mut TcpStream) -> io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut rest = [0; 64];
    stream.read_exact(&mut rest[..u32::from_be_bytes(length) as usize])
}

impl Row {
    fn of(load: Load, messages: usize, rounds: &[(Figures, Figures)]) -> Self {
        let of = |get: fn(&(Figures, Figures)) -> f64| median(rounds.iter().map(get));
        Self {
            load: load.name,
            messages,
            rounds: rounds.len(),
            p50_us: of(|r| r.0.p50_us),
            p99_us: of(|r| r.0.p99_us),
            per_second: of(|r| r.0.per_second),
            floor_p50_us: of(|r| r.1.p50_us),
            floor_p99_us: of(|r| r.1.p99_us),
            floor_per_second: of(|r| r.1.per_second),
            p50_over_floor: of(|r| r.0.p50_us / r.1.p50_us),
            per_second_over_floor: of(|r| r.0.per_second / r.1.per_second),
        }
    }
}

impl Report {
    /// For people.
    pub(super) fn table(&self) -> String {
        let mut text = String::from(
            "message            p50 us (floor)     p99 us (floor)   messages/s (floor)   p50/floor\n",
        );
        for row in &self.rows {
            let _ = writeln!(
                text,
                "{:<14}  {:>9.1} {:>8}  {:>9.1} {:>8}  {:>10.0} {:>9}   {:>9.2}",
                row.load,
                row.p50_us,
                format!("({:.1})", row.floor_p50_us),
                row.p99_us,
                format!("({:.1})", row.floor_p99_us),
                row.per_second,
                format!("({:.0})", row.floor_per_second),
                row.p50_over_floor,
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_measures_both_sides_of_every_load() {
        let report = measure(&Plan { rounds: 1, messages: 130, seed: 1 }, &mut |_| {}).unwrap();
        assert_eq!(report.rows.len(), LOADS.len());
        assert!(report.rows.iter().all(|row| row.p50_us > 0.0 && row.floor_p50_us > 0.0));
        assert_eq!(report.table().lines().count(), 1 + LOADS.len());
    }
}
