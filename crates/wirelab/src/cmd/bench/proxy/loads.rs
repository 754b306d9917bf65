//! What is played on each way: plain blocking sockets at both ends.
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use net::Stopwatch;

use super::roads::{Kind, Road, echo};
use crate::cmd::bench::Measured;

const CHUNK: usize = 64 * 1024;
/// Clients at a time, and twice as many who accept.
const CLIENTS: usize = 2;
/// Connections held open at once.
const IDLE: usize = 1000;

/// A load, and what is counted of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    RoundTrips,
    Up,
    Down,
    Short,
    Idle,
}

impl Load {
    pub(super) const ALL: [Self; 5] =
        [Self::RoundTrips, Self::Up, Self::Down, Self::Short, Self::Idle];
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RoundTrips => "64 B round trip",
            Self::Up => "bulk up",
            Self::Down => "bulk down",
            Self::Short => "short connections",
            Self::Idle => "an idle connection",
        }
    }
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::RoundTrips => "us",
            Self::Up | Self::Down => "GB/s",
            Self::Short => "/s",
            Self::Idle => "KiB",
        }
    }
    pub(super) fn measure(self, kind: Kind, messages: usize) -> anyhow::Result<f64> {
        let road = Road::start(kind, &[])?;
        Ok(match self {
            Self::RoundTrips => round_trips(&road, messages)?.figures().p50_us,
            Self::Up => bulk(&road, messages, true)?,
            Self::Down => bulk(&road, messages, false)?,
            Self::Short => short(&road, messages)?,
            Self::Idle => idle(&road, messages)?,
        })
    }
}

/// One after the other on one connection.
pub(super) fn round_trips(road: &Road, messages: usize) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    thread::scope(|scope| -> io::Result<()> {
        let device = scope.spawn(|| road.device.accept().map(|(stream, _)| echo(stream)));
        let mut client = road.dial()?;
        let whole = Stopwatch::start();
        for _ in 0..messages {
            let watch = Stopwatch::start();
            let mut message = [7; 64];
            client.write_all(&message)?;
            client.read_exact(&mut message)?;
            measured.record(watch.elapsed());
        }
        measured.took = whole.elapsed();
        drop(client);
        device.join().expect("the device does not panic")
    })?;
    Ok(measured)
}

/// Gigabytes a second, from the first byte written until the last is read.
fn bulk(road: &Road, messages: usize, up: bool) -> anyhow::Result<f64> {
    let bytes = (messages * CHUNK).min(1 << 30);
    let took = thread::scope(|scope| {
        let device = scope.spawn(|| road.device.accept().and_then(|(s, _)| half(s, bytes, !up)));
        let watch = Stopwatch::start();
        half(road.dial()?, bytes, up)?;
        device.join().expect("the device does not panic")?;
        io::Result::Ok(watch.elapsed())
    })?;
    Ok(bytes as f64 / took.as_secs_f64() / 1e9)
}

fn half(mut stream: TcpStream, bytes: usize, writes: bool) -> io::Result<()> {
    let mut chunk = vec![7; CHUNK];
    if writes {
        for _ in 0..bytes / CHUNK {
            stream.write_all(&chunk)?;
        }
        return Ok(());
    }
    let mut left = bytes;
    while left > 0 {
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => left -= n,
        }
    }
    Ok(())
}

/// A connection, one round trip, and its end, as often as that goes in a second.
fn short(road: &Road, messages: usize) -> anyhow::Result<f64> {
    let each = (messages / 2).max(1);
    let took = thread::scope(|scope| {
        for _ in 0..2 * CLIENTS {
            scope.spawn(|| {
                while let Ok((mut stream, _)) = road.device.accept() {
                    let mut first = [0; 64];
                    // Nobody says anything on the connection that ends this.
                    if stream.read_exact(&mut first).is_err() || stream.write_all(&first).is_err() {
                        return;
                    }
                }
            });
        }
        let watch = Stopwatch::start();
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| visits(road, each))).collect();
        let done = clients
            .into_iter()
            .try_for_each(|client| client.join().expect("a client does not panic"));
        let took = watch.elapsed();
        for _ in 0..2 * CLIENTS {
            drop(TcpStream::connect(road.device.local_addr()?)?);
        }
        done.map(|()| took)
    })?;
    Ok((each * CLIENTS) as f64 / took.as_secs_f64())
}

fn visits(road: &Road, times: usize) -> io::Result<()> {
    for _ in 0..times {
        let mut stream = road.dial()?;
        let mut message = [7; 64];
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
    }
    Ok(())
}

/// Kibibytes of resident memory for each of many connections that have been used once. Both ends are in
/// this process too, so what `direct` takes is theirs.
fn idle(road: &Road, messages: usize) -> anyhow::Result<f64> {
    let count = IDLE.min(messages);
    let mut held = Vec::with_capacity(2 * count);
    // What the first few cost is the program's, not theirs.
    for _ in 0..10 {
        held.extend(used(road)?);
    }
    let before = resident()?;
    for _ in 0..count {
        held.extend(used(road)?);
    }
    Ok(resident()?.saturating_sub(before) as f64 / 1024.0 / count as f64)
}

fn used(road: &Road) -> io::Result<[TcpStream; 2]> {
    let mut client = road.dial()?;
    let (mut device, _) = road.device.accept()?;
    let mut message = [7; 64];
    for (from, to) in [(0, 1), (1, 0)] {
        let ends = [&mut client, &mut device];
        ends[from].write_all(&message)?;
        ends[to].read_exact(&mut message)?;
    }
    Ok([client, device])
}

/// Bytes; 0 where the system does not say.
fn resident() -> io::Result<usize> {
    const PAGE: usize = 4096;
    let Ok(statm) = std::fs::read_to_string("/proc/self/statm") else { return Ok(0) };
    let pages = statm.split(' ').nth(1).and_then(|n| n.parse::<usize>().ok());
    Ok(pages.unwrap_or_default() * PAGE)
}

/// By how much the rate is off, as fractions: in all, and in the worst tenth of a second.
pub(super) fn rate(road: &Road, seconds: usize, rate: usize) -> anyhow::Result<(f64, f64)> {
    const WINDOW: Duration = Duration::from_millis(100);
    let bytes = seconds * rate;
    let came = thread::scope(|scope| -> io::Result<Vec<(Duration, usize)>> {
        let device = scope.spawn(|| {
            road.device.accept().and_then(|(mut stream, _)| stream.write_all(&vec![7; bytes]))
        });
        let mut client = road.dial()?;
        let watch = Stopwatch::start();
        let (mut came, mut all, mut chunk) = (Vec::new(), 0, vec![0; CHUNK]);
        while all < bytes {
            let n = client.read(&mut chunk)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            all += n;
            came.push((watch.elapsed(), n));
        }
        device.join().expect("the device does not panic")?;
        Ok(came)
    })?;
    let took = came.last().map_or(Duration::ZERO, |(at, _)| *at);
    let total = bytes as f64 / rate as f64 / took.as_secs_f64() - 1.0;
    let whole = (took.as_millis() / WINDOW.as_millis()) as usize;
    let mut windows = vec![0; whole];
    for (at, n) in came {
        if let Some(window) = windows.get_mut((at.as_millis() / WINDOW.as_millis()) as usize) {
            *window += n;
        }
    }
    let wanted = rate as f64 * WINDOW.as_secs_f64();
    let off = windows.into_iter().map(|n| n as f64 / wanted - 1.0);
    Ok((total, off.fold(0.0, |worst: f64, x| if x.abs() > worst.abs() { x } else { worst })))
}
