//! A node that runs until it is told to stop: its listener, its peers, its words.
use std::{io, net::SocketAddr, sync::Arc};

use net::{
    Env, Net, Recorder, Role, TcpOptions,
    discovery::{Presence, Reach},
    node::Running,
};
use proto::tazcom::{Node, RawTerms, Terms, Version, node::Settings, roster, roster::RawRoster};
use tokio::sync::mpsc;

use super::{
    finding::Finding,
    key,
    order::Order,
    tell::{self, Line},
};
use crate::{
    args::{KeyArgs, LiveArgs},
    config,
    exit::{Exit, Failure},
    lines,
    signals::Signals,
    text,
};

/// What it has to tell while stdout is slow; what is more is not told.
const UNTOLD: usize = 1024;

/// What it speaks.
const VERSION: Version = Version::V03;

/// # Errors
/// The settings make no sense, the key is not to be had, the port is taken, a peer's name is unknown, or
/// the output is not writable.
pub(super) async fn live(args: LiveArgs) -> Result<Exit, Failure> {
    let LiveArgs { key, listen, peers, no_mdns, listen_only, message_size_limit, insecure_plain } =
        args;
    let KeyArgs { key } = key;
    let net = Net::Tcp(TcpOptions::default());
    let listen = listen.unwrap_or_else(|| net.anywhere());
    let reach = (!no_mdns).then(|| Reach::look(listen.ip()));
    let (version, encrypt) = (VERSION, !insecure_plain);
    let raw = RawTerms { version, encrypt, message_size_limit, ..RawTerms::default() };
    let settings = Settings {
        terms: Terms::new(raw)?,
        roster: roster(reach.as_ref())?,
        ..Settings::default()
    };
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let peers = tokio::select! {
        biased;
        () = signals.stop() => return Ok(Exit::Done),
        peers = look_up(&peers) => peers?,
    };
    let held = key::hold(key)?;
    let env = Env::new(net, Recorder::new(0), config::entropy()?);
    let env = env.node("node", Role::Device);
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
    let key = held.path.display().to_string();
    let (id, listen) = (held.identity.id(), running.addr());
    tell::print(&Line::Started { id, listen, key })?;
    let presence = Presence { id, listen, version: VERSION, silent: listen_only };
    let mut finding = match reach {
        Some(reach) => Finding::start(&env, presence, reach)?,
        None => Finding::default(),
    };
    for peer in peers {
        running.given(peer).await;
    }
    let mut typed = lines::read(io::stdin());
    let (mut typing, mut ended) = (true, Ok(()));
    while ended.is_ok() {
        tokio::select! {
            biased;
            () = signals.stop() => {
                text::talk("Shutdown signal received...");
                break;
            }
            Some(told) = told.recv() => {
                finding.heed(&told);
                ended = tell::tell(told);
            }
            seen = finding.next() => ended = finding.pass_on(seen, &running).await,
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
    text::talk("TCP server closed");
    finding.stop().await;
    text::talk("Node shut down successfully.");
    Ok(Exit::Done)
}

/// Who is there, for a node that is announced as far as that reaches.
fn roster(reach: Option<&Reach>) -> Result<roster::Settings, Failure> {
    let loopback = reach.is_some_and(Reach::is_loopback);
    // Discovery keeps our own announcement back, so any other with our id is a clone's.
    let name = Some(String::new());
    Ok(roster::Settings::new(RawRoster { name, loopback, ..RawRoster::default() })?)
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
