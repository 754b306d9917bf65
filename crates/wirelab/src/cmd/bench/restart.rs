//! `wirelab bench vkb --restart`: how soon an idle client notices that its server has gone, and how
//! soon after the server listens again it has been told the state again.
use std::{
    future::poll_fn,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context;
use net::{
    Client, Env, Event, Net, Recorder, Role, TcpOptions,
    net::{Listener, Stream},
};
use proto::{
    Delivery, Policy, RawPolicy, Supervisor, Time,
    resilience::{Connection, Queueing, RawReconnect},
    vkb::{Bitmaps, FRAME, Vkb},
};
use serde::Serialize;

use super::median;

/// How long the server is away: several dials in vain.
const AWAY: Duration = Duration::from_millis(300);

pub(super) struct Plan {
    pub(super) rounds: usize,
    pub(super) seed: u64,
}

/// How the server goes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Fin,
    Rst,
    Kill,
}

const WAYS: [Way; 3] = [Way::Fin, Way::Rst, Way::Kill];

#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    rounds: usize,
    ways: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    way: Way,
    /// From the end until the client knew.
    noticed_ms: Figures,
    /// From when the server listened again until it had read the state.
    told_again_ms: Figures,
}

#[derive(Debug, Serialize)]
struct Figures {
    median: f64,
    max: f64,
}

/// # Errors
/// A server cannot be started; then the numbers would mean nothing.
pub(super) fn measure(plan: &Plan, mut progress: impl FnMut(&str)) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut ways = Vec::new();
    for way in WAYS {
        let mut rounds = Vec::new();
        for round in 1..=plan.rounds {
            rounds.push(runtime.block_on(one_round(way, plan.seed + round as u64))?);
            progress(&format!("{way:?}: round {round}"));
        }
        let noticed_ms = Figures::of(rounds.iter().map(|r| r.0));
        let told_again_ms = Figures::of(rounds.iter().map(|r| r.1));
        ways.push(Row { way, noticed_ms, told_again_ms });
    }
    Ok(Report { schema: 1, rounds: plan.rounds, ways })
}

impl Figures {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let ms: Vec<f64> = times.map(|time| time.as_secs_f64() * 1000.0).collect();
        Self { median: median(ms.iter().copied()), max: ms.iter().copied().fold(0.0, f64::max) }
    }
}

impl Report {
    pub(super) fn table(&self) -> String {
        let row = |Row { way, noticed_ms, told_again_ms }: &Row| {
            let way = format!("{way:?}");
            format!(
                "{way:<4}  {:>10.2} {:>7.2}  {:>13.1} {:>7.1}\n",
                noticed_ms.median, noticed_ms.max, told_again_ms.median, told_again_ms.max
            )
        };
        let head = "end   noticed, ms     max  told again, ms    max\n".to_owned();
        head + &self.ways.iter().map(row).collect::<String>()
    }
}

/// How long it took to notice, and to be there again.
async fn one_round(way: Way, seed: u64) -> anyhow::Result<(Duration, Duration)> {
    let recorder = Recorder::new(Recorder::DEFAULT_LIMIT);
    let env = Env::new(Net::Tcp(TcpOptions::default()), recorder, seed);
    let (addr, gone_at, client) = match way {
        Way::Kill => killed(&env).await?,
        Way::Fin | Way::Rst => closed(&env, way).await?,
    };
    let lost_at = |r: &net::Record| matches!(r.event, Event::Lost { .. }).then_some(r.at);
    let noticed_at = env.recorder.until(lost_at).await;
    env.sleep_until(noticed_at + AWAY).await;
    let mut listener = env.net.listen(addr)?;
    let back_at = env.now();
    told(&mut listener).await?;
    let told_at = env.now();
    client.close().await;
    Ok((noticed_at - gone_at, told_at - back_at))
}

/// A server in this process, which closes or resets.
async fn closed(env: &Env, way: Way) -> anyhow::Result<(SocketAddr, Time, Client<Vkb>)> {
    let mut listener = env.net.listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let addr = listener.local_addr()?;
    let client = idle_client(env, addr).await?;
    let stream = told(&mut listener).await?;
    drop(listener);
    let gone_at = env.now();
    match way {
        Way::Rst => stream.reset(),
        Way::Fin | Way::Kill => drop(stream),
    }
    Ok((addr, gone_at, client))
}

/// A server that is a process, and killed.
async fn killed(env: &Env) -> anyhow::Result<(SocketAddr, Time, Client<Vkb>)> {
    let mut device = Device::start()?;
    let addr = serde_json::from_str::<serde_json::Value>(&device.until("\"listening\"")?)?;
    let addr: SocketAddr = addr["addr"].as_str().context("a device says where it is")?.parse()?;
    let client = idle_client(env, addr).await?;
    device.until("\"frame\"")?;
    let gone_at = env.now();
    drop(device);
    Ok((addr, gone_at, client))
}

/// A client whose state has been written, and who has nothing more to say.
async fn idle_client(env: &Env, addr: SocketAddr) -> anyhow::Result<Client<Vkb>> {
    let policy = Policy::new::<Vkb>(RawPolicy {
        connection: Connection::Kept,
        queueing: Queueing::Latest,
        reconnect: Some(RawReconnect::default()),
        confirm: Some(Delivery::Written),
        ..RawPolicy::default()
    })?;
    let supervisor = Supervisor::new(Vkb::default(), policy, env.seed);
    let client = Client::spawn(env.node("vkb", Role::Client), vec![addr], supervisor);
    client.request(Bitmaps { shift: 1, subshift: 0 }).await?;
    Ok(client)
}

/// Accepts a connection, and reads a state from it.
async fn told(listener: &mut Listener) -> anyhow::Result<Stream> {
    let stream = listener.accept().await?;
    let mut buf = [0; FRAME];
    let mut read = 0;
    while read < FRAME {
        let n = poll_fn(|cx| stream.poll_read(cx, &mut buf)).await?;
        anyhow::ensure!(n > 0, "the client left before it had said its state");
        read += n;
    }
    Ok(stream)
}

/// `wirelab device vkb` on a free port. Killed when it is dropped.
struct Device {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Device {
    fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["device", "vkb", "--port", "0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("this program cannot be started again")?;
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        Ok(Self { child, out })
    }
    /// The next line of its output that holds this.
    fn until(&mut self, text: &str) -> anyhow::Result<String> {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            anyhow::ensure!(self.out.read_line(&mut line)? > 0, "the device ended by itself");
        }
        Ok(line)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // It has ended already, or it ends now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
