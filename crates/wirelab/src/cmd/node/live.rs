//! A node that runs until it is told to stop: its listener, its peers, its words.
use std::{io, net::SocketAddr, sync::Arc};

use net::{
    Env, Net, Recorder, Role, TcpOptions,
    discovery::{Presence, Reach},
    node::Running,
};
use proto::tazcom::Node;
use tokio::sync::mpsc;

use super::{
    alone::Alone,
    classic::Classic,
    finding::Finding,
    key::{self, Held},
    order::Order,
    tell::{self, Line},
    voice::{Level, Voice},
};
use crate::{
    args::{KeyArgs, LiveArgs, LogFormat},
    config::{self, Living, VERSION},
    exit::{Exit, Failure},
    lines,
    signals::Signals,
    text,
};

/// What it has to tell while stdout is slow; what is more is not told.
const UNTOLD: usize = 1024;

/// # Errors
/// The settings make no sense, the key is not to be had, the port is taken, a peer's name is unknown, or
/// the output is not writable.
pub(super) async fn live(args: LiveArgs) -> Result<Exit, Failure> {
    let LiveArgs { key, listen, peers, no_mdns, listen_only, config, limits } = args;
    let KeyArgs { key } = key;
    let net = Net::Tcp(TcpOptions::default());
    let listen = listen.unwrap_or_else(|| net.anywhere());
    let reach = (!no_mdns).then(|| Reach::look(listen.ip()));
    let loopback = reach.as_ref().is_some_and(Reach::is_loopback);
    let Living { settings, alone_after, log } =
        config::living(limits, config.as_deref(), loopback)?;
    let voice = Voice(log);
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let peers = tokio::select! {
        biased;
        () = signals.stop() => return Ok(Exit::Done),
        peers = look_up(&peers) => peers?,
    };
    let held = key::hold(key)?;
    let env = Env::new(net, Recorder::new(0), config::entropy()?);
    let env = env.node("node", Role::Device);
    let classic = Classic::new(voice);
    if log == LogFormat::Classic {
        env.recorder.attach(classic.clone());
    }
    // Once is tried here, so that later there is no reason to fail.
    random()?;
    let draw = || random().expect("there was chance when it started");
    let epoch = net::env::today().as_millisecond() - env.now().as_micros() as i64 / 1000;
    let me = Arc::new(held.identity.clone());
    let node = Node::new(me, settings, env.seed, u64::try_from(epoch).unwrap_or(0));
    let (tell, mut told) = mpsc::channel(UNTOLD);
    let running = Running::start(env.clone(), node, listen, draw, tell).map_err(|e| {
        Failure::environment(format!(
            "cannot listen on {listen}: {e}; see who does (ss -ltnp), or choose another --listen (port 0 is any)"
        ))
    })?;
    let (id, listen) = (held.identity.id(), running.addr());
    introduce(voice, &held, listen);
    tell::print(&Line::Started { id, listen, key: held.path.display().to_string() })?;
    let mut finding = Finding::off(voice, classic);
    if let Some(reach) = reach {
        let presence = Presence { id, listen, version: VERSION, silent: listen_only };
        finding.start(&env, presence, reach)?;
    }
    let mut alone = Alone::new(env.clone(), alone_after);
    for peer in peers {
        running.given(peer).await;
    }
    let mut typed = lines::read(io::stdin());
    let (mut typing, mut ended) = (true, Ok(()));
    while ended.is_ok() {
        tokio::select! {
            biased;
            () = signals.stop() => {
                voice.says("Shutdown signal received...");
                break;
            }
            Some(told) = told.recv() => {
                finding.heed(&told, env.now());
                alone.heed(&told);
                ended = tell::tell(told);
            }
            seen = finding.next() => ended = finding.pass_on(seen, &running).await,
            after = alone.ring() => ended = finding.explain(after, &running).await,
            line = typed.recv(), if typing => match line {
                None => typing = false,
                Some(line) => match line.and_then(|line| Order::read(&line)) {
                    Ok(Order::Quit) => break,
                    Ok(order) => ended = obey(&running, order).await,
                    Err(problem) => text::talk(&format!("error: {problem}")),
                },
            },
        }
    }
    // Others are told first, so that they need not find out.
    finding.take_back().await;
    running.stop().await;
    ended?;
    voice.says("TCP server closed");
    finding.stop().await;
    voice.says("Node shut down successfully.");
    Ok(Exit::Done)
}

/// What published nodes log first.
fn introduce(voice: Voice, held: &Held, listen: SocketAddr) {
    let Held { identity, path, made, .. } = held;
    let from = path.display();
    voice.logs(
        Level::Info,
        &match made {
            true => format!("Generated new identity and saved to {from}"),
            false => format!("Loaded existing identity from {from}"),
        },
    );
    for line in [
        "TAZCOM Node Initialized.".to_owned(),
        format!("Node ID: {}", identity.id()),
        format!("Listening on {listen}"),
        format!("TCP server started on {listen}"),
    ] {
        voice.logs(Level::Info, &line);
    }
}

async fn obey(running: &Running, order: Order) -> Result<(), Failure> {
    match order {
        Order::Quit | Order::Nothing => {}
        Order::Say(say) => running.say(say.draft(random()?)).await,
        Order::Peers => {
            if let Some(snapshot) = running.snapshot().await {
                tell::print(&Line::Peers { peers: snapshot.roster })?;
            }
        }
    }
    Ok(())
}

/// Where they listen: of a name, all its addresses.
async fn look_up(peers: &[String]) -> Result<Vec<SocketAddr>, Failure> {
    let mut addrs = Vec::new();
    for peer in peers {
        let found = tokio::net::lookup_host(peer).await;
        let found = found.map_err(|e| {
            Failure::environment(format!("--peer: cannot resolve {peer}: {e}; write HOST:PORT, with an address if it has no name"))
        })?;
        addrs.extend(found);
    }
    Ok(addrs)
}

/// 32 bytes that nobody can guess.
///
/// # Errors
/// The operating system has none.
pub(super) fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    let drawn = getrandom::fill(&mut bytes);
    drawn.map_err(|e| Failure::environment(format!("no random bytes for a key: {e}")))?;
    Ok(bytes)
}
