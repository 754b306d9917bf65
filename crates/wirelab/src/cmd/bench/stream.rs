//! `wirelab bench vkb`: frames a second through one link to a server that only drains, beside a
//! blocking loop that writes the same frames.
use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

use net::{Client, Env, Net, Recorder, Role, Stopwatch, TcpOptions};
use proto::{
    Delivery, Policy, RawPolicy, Supervisor,
    resilience::Connection,
    vkb::{Bitmaps, FRAME, Vkb},
};
use serde::Serialize;

use super::median;

/// Frames asked for and not yet confirmed.
const WINDOW: usize = 1024;

/// What to measure.
pub(super) struct Plan {
    pub(super) rounds: usize,
    pub(super) frames: usize,
    pub(super) seed: u64,
}

/// Medians over the rounds.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    rounds: usize,
    frames: usize,
    client_frames_per_second: f64,
    floor_frames_per_second: f64,
    client_over_floor: f64,
}

pub(super) fn measure(plan: &Plan, mut progress: impl FnMut(&str)) -> anyhow::Result<Report> {
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds {
        let floor = drained(plan.frames, |addr| blocking(addr, plan.frames))?;
        let client = drained(plan.frames, |addr| ours(addr, plan))?;
        rounds.push((client, floor));
        progress(&format!("round {round}"));
    }
    let figure = |get: fn(&(f64, f64)) -> f64| median(rounds.iter().map(get));
    Ok(Report {
        schema: 1,
        rounds: plan.rounds,
        frames: plan.frames,
        client_frames_per_second: figure(|r| r.0),
        floor_frames_per_second: figure(|r| r.1),
        client_over_floor: figure(|r| r.0 / r.1),
    })
}

impl Report {
    pub(super) fn table(&self) -> String {
        let Self { client_frames_per_second: client, floor_frames_per_second: floor, .. } = self;
        format!(
            "one link, {} frames, {} rounds: {client:.0} frames/s (floor {floor:.0}), client/floor {:.2}\n",
            self.frames, self.rounds, self.client_over_floor
        )
    }
}

/// Frames a second, from the first write until the server has read them all.
fn drained(
    frames: usize,
    send: impl FnOnce(SocketAddr) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let server: JoinHandle<std::io::Result<usize>> = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let (mut read, mut buf) = (0, vec![0; 64 * 1024]);
        loop {
            match stream.read(&mut buf)? {
                0 => return Ok(read),
                n => read += n,
            }
        }
    });
    let watch = Stopwatch::start();
    send(addr)?;
    let read = server.join().expect("the server does not panic")?;
    let took = watch.elapsed();
    anyhow::ensure!(read == frames * FRAME, "the server read {read} of {} bytes", frames * FRAME);
    Ok(frames as f64 / took.as_secs_f64())
}

fn states(frames: usize) -> impl Iterator<Item = Bitmaps> {
    (0..frames).map(|n| {
        let [shift, subshift] = (n as u16).to_le_bytes();
        Bitmaps { shift, subshift }
    })
}

fn blocking(addr: SocketAddr, frames: usize) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    for Bitmaps { shift, subshift } in states(frames) {
        stream.write_all(&[0xa5, 13, 0, 4, shift, subshift, 0, 0])?;
    }
    Ok(())
}

fn ours(addr: SocketAddr, plan: &Plan) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let env = Env::new(Net::Tcp(TcpOptions::default()), Recorder::new(0), plan.seed);
        let policy = Policy::new::<Vkb>(RawPolicy {
            connection: Connection::Kept,
            confirm: Some(Delivery::Written),
            queue: 2 * WINDOW,
            ..RawPolicy::default()
        })?;
        let supervisor = Supervisor::new(Vkb::default(), policy, plan.seed);
        let client = Client::spawn(env.node("vkb", Role::Client), vec![addr], supervisor);
        let mut asked = VecDeque::with_capacity(WINDOW);
        for state in states(plan.frames) {
            if asked.len() == WINDOW
                && let Some(oldest) = asked.pop_front()
            {
                net::Asked::outcome(oldest).await?;
            }
            asked.push_back(client.submit(state).await);
        }
        for rest in asked {
            rest.outcome().await?;
        }
        client.close().await;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_read_before_it_counts() {
        let report = measure(&Plan { rounds: 1, frames: 5000, seed: 1 }, |_| {}).unwrap();
        assert!(report.client_frames_per_second > 0.0 && report.client_over_floor > 0.0);
    }
}
