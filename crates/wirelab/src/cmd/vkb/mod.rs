//! `wirelab vkb`: a client that knows whether its state arrived, and keeps it asserted.
mod check_rules;
mod follow;
mod hold;
mod watching;

use std::net::SocketAddr;

use net::{Client, Env, Net, RawTcpOptions, Recorder, Role, TcpOptions};
use proto::{
    Policy, RawPolicy, Span, Supervisor,
    resilience::{Connection, Queueing, RawBreaker, RawReconnect, WhenOpen},
    vkb::{Bitmaps, Vkb},
};
use serde::Serialize;

use crate::{
    args::{LinkArgs, StateArgs, VkbArgs, VkbWhat, WayArgs},
    config,
    exit::{Exit, Failure},
    signals::Signals,
    text,
};

/// # Errors
/// What was typed makes no sense, the host is unknown, or the output is not writable.
pub(crate) fn run(VkbArgs { what }: VkbArgs) -> Result<Exit, Failure> {
    match what {
        VkbWhat::Send { state, way } => crate::block_on(send(state.into(), way)),
        VkbWhat::Clear { way } => crate::block_on(send(Bitmaps::default(), way)),
        VkbWhat::Hold(args) => crate::block_on(hold::hold(args)),
        VkbWhat::Follow(args) => crate::block_on(follow::follow(args)),
        VkbWhat::CheckRules(args) => check_rules::run(args),
    }
}

impl From<StateArgs> for Bitmaps {
    fn from(StateArgs { shift, subshift }: StateArgs) -> Self {
        Self { shift, subshift }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Sent {
    shift: u8,
    subshift: u8,
    outcome: &'static str,
    stage: Option<proto::Stage>,
    delivery: Option<proto::Delivery>,
    attempts: u32,
    elapsed_ms: f64,
    detail: Option<String>,
    schema: u32,
}

async fn send(state: Bitmaps, way: WayArgs) -> Result<Exit, Failure> {
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let json = way.json;
    let client = connect(&surroundings()?, &way, once(), &mut signals).await?;
    let answer = tokio::select! {
        biased;
        () = signals.stop() => {
            client.close().await;
            text::talk("error: interrupted; the state may have arrived");
            return Ok(Exit::Interrupted);
        }
        answer = client.request(state) => answer,
    };
    client.close().await;
    let Bitmaps { shift, subshift } = state;
    let (sent, exit) = match answer {
        Ok(receipt) => {
            let sent = Sent {
                shift,
                subshift,
                outcome: "ok",
                stage: None,
                delivery: Some(receipt.delivery),
                attempts: receipt.attempts,
                elapsed_ms: receipt.elapsed.as_secs_f64() * 1000.0,
                detail: None,
                schema: 1,
            };
            (sent, Exit::Done)
        }
        Err(failure) => {
            let error = failure.error;
            let exit = match error.stage {
                proto::Stage::Deadline => Exit::Deadline,
                _ => Exit::Failed,
            };
            let sent = Sent {
                shift,
                subshift,
                outcome: "failed",
                stage: Some(error.stage),
                delivery: None,
                attempts: error.attempts,
                elapsed_ms: failure.elapsed.as_secs_f64() * 1000.0,
                detail: Some(error.detail),
                schema: 1,
            };
            (sent, exit)
        }
    };
    if json {
        text::print(&text::json_line(&sent))?;
    } else {
        text::talk(&sent.in_words());
    }
    Ok(exit)
}

impl Sent {
    fn in_words(&self) -> String {
        let Self { shift, subshift, attempts, elapsed_ms, .. } = self;
        let what = format!("shift {shift} subshift {subshift}");
        let s = if *attempts == 1 { "" } else { "s" };
        match (self.delivery, self.stage) {
            (Some(level), _) => {
                format!("ok: {what}: {level} after {attempts} attempt{s}, {elapsed_ms:.1} ms")
            }
            (None, stage) => {
                let stage = stage.map_or_else(String::new, |stage| stage.to_string());
                let why = self.detail.as_deref().unwrap_or_default();
                format!(
                    "error: {what}: {stage} after {attempts} attempt{s}: {why}; is VKB-Link up, its window shown?"
                )
            }
        }
    }
}

/// Sockets that notice a silent peer within three seconds, idle or not: with unacknowledged bytes
/// keepalive is suspended, without any TCP_USER_TIMEOUT is.
fn surroundings() -> Result<Env, Failure> {
    let options = TcpOptions::new(RawTcpOptions {
        keepalive: Some(Span::millis(1000)),
        keepalive_interval: Span::millis(1000),
        user_timeout: Some(Span::millis(2000)),
        ..RawTcpOptions::default()
    })?;
    let seed = config::entropy()?;
    Ok(Env::new(Net::Tcp(options), Recorder::new(0), seed).node("vkb", Role::Client))
}

/// For one state.
fn once() -> RawPolicy {
    RawPolicy {
        connection: Connection::Kept,
        queueing: Queueing::Latest,
        reconnect: Some(RawReconnect::default()),
        ..RawPolicy::default()
    }
}

/// For as many as there are, for as long as it takes.
fn kept(link: LinkArgs, queueing: Queueing) -> RawPolicy {
    let LinkArgs {
        reconnect_min: min,
        reconnect_max: max,
        reconnect_eager_for: eager_for,
        reconnect_cap: cap,
        breaker_threshold,
        breaker_open_for,
    } = link;
    let breaker = breaker_threshold.map(|threshold| {
        let usual = RawBreaker::default();
        let open_for = breaker_open_for.unwrap_or(usual.open_for);
        RawBreaker { threshold, open_for, max_open: usual.max_open.max(open_for), ..usual }
    });
    RawPolicy {
        reconnect: Some(RawReconnect { min, max, eager_for, cap }),
        max_attempts: u32::MAX,
        queueing,
        breaker,
        when_open: WhenOpen::Hold,
        ..once()
    }
}

async fn connect(
    env: &Env,
    way: &WayArgs,
    policy: RawPolicy,
    signals: &mut Signals,
) -> Result<Client<Vkb>, Failure> {
    let WayArgs { host, port, confirm, survive, deadline, json: _ } = way.clone();
    let policy =
        Policy::new::<Vkb>(RawPolicy { confirm: Some(confirm), survive, deadline, ..policy })?;
    let addrs = tokio::select! {
        biased;
        () = signals.stop() => {
            let problem = format!("interrupted while looking up {host}; nothing was sent");
            return Err(Failure::Told { exit: Exit::Interrupted, problem });
        }
        found = lookup(&host, port) => found?,
    };
    let supervisor = Supervisor::new(Vkb::default(), policy, env.seed);
    Ok(Client::spawn(env.clone(), addrs, supervisor))
}

async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let unknown = |why: &str| {
        let problem = format!("cannot resolve the name {host}: {why}; check --host");
        Failure::Told { exit: Exit::Failed, problem }
    };
    let addrs = tokio::net::lookup_host((host, port)).await;
    let addrs: Vec<SocketAddr> = addrs.map_err(|e| unknown(&e.to_string()))?.collect();
    if addrs.is_empty() { Err(unknown("it has no address")) } else { Ok(addrs) }
}
