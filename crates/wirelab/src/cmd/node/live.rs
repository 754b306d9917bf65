//! A node that runs until it is told to stop: its listener, its peers, its words.
use std::{net::SocketAddr, sync::Arc, time::Duration};

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
    desk::Desk,
    finding::Finding,
    front::{Front, Said},
    key::{self, Held},
    order::{Order, Say},
    tell::Line,
    tui::Screen,
    voice::{Level, Voice},
};
use crate::{
    args::{KeyArgs, LiveArgs, LogFormat},
    config::{self, Living, VERSION},
    exit::{Exit, Failure},
    signals::Signals,
};

/// What it has to tell while it is busy; what is more is counted.
const UNTOLD: usize = 1024;
/// How often it is looked how far messages have come, while somebody wants to know.
const LOOK: Duration = Duration::from_millis(250);

/// # Errors
/// The settings make no sense, the key is not to be had, the port is taken, a peer's name is unknown, or
/// the output is not writable.
pub(super) async fn live(args: LiveArgs) -> Result<Exit, Failure> {
    let LiveArgs {
        key,
        socket,
        tui,
        listen,
        peers,
        no_mdns,
        listen_only,
        insecure_plain,
        config,
        limits,
    } = args;
    let KeyArgs { key } = key;
    let net = Net::Tcp(TcpOptions::default());
    let listen = listen.unwrap_or_else(|| net.anywhere());
    let reach = (!no_mdns).then(|| Reach::look(listen.ip()));
    let loopback = reach.as_ref().is_some_and(Reach::is_loopback);
    let Living { settings, alone_after, log } =
        config::living(limits, config.as_deref(), loopback, !insecure_plain)?;
    // On a screen there is no room for a log.
    let log = if tui { LogFormat::Json } else { log };
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
    let mut front = if tui { Front::Screen(Screen::open(id)?) } else { Front::lines() };
    // Whoever is told that it runs may ask it.
    let mut desk = Desk::open(socket.as_deref(), &held.path, &front)?;
    front.tell(Line::Started { id, listen, key: held.path.display().to_string() });
    let mut finding = Finding::off(voice, classic);
    if let Some(reach) = reach {
        let presence = Presence { id, listen, version: VERSION, silent: listen_only };
        finding.start(&env, presence, reach, &front);
    }
    let mut alone = Alone::new(env.clone(), alone_after);
    for peer in peers {
        running.given(peer).await;
    }
    let mut ticks = tokio::time::interval(LOOK);
    let mut stopped = false;
    let ended = loop {
        tokio::select! {
            biased;
            () = signals.stop() => {
                stopped = true;
                break Ok(());
            }
            Some(news) = told.recv() => {
                finding.heed(&news, env.now());
                alone.heed(&news);
                front.told(news);
                if told.is_empty() {
                    front.missing(running.untold());
                }
            }
            seen = finding.next() => finding.pass_on(seen, &running, &front).await,
            after = alone.ring() => finding.explain(after, &running, &front).await,
            said = front.next() => match said {
                Said::Order(Order::Quit) => break Ok(()),
                Said::Order(order) => obey(&running, order, &front, &mut desk).await,
                Said::Wrong(problem) => front.talk(&format!("error: {problem}")),
                Said::Lost(failure) => break Err(failure),
            },
            call = desk.next() => if desk.obey(call, &running, &front).await {
                break Ok(());
            },
            _ = ticks.tick(), if desk.is_followed() => desk.look(&running, &front).await,
        }
    };
    front.close();
    if stopped {
        voice.says("Shutdown signal received...");
    }
    // Others are told first, so that they need not find out.
    finding.take_back().await;
    desk.close().await;
    running.stop().await;
    ended?;
    front.finish();
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

async fn obey(running: &Running, order: Order, front: &Front, desk: &mut Desk) {
    match order {
        Order::Quit | Order::Nothing => {}
        Order::Say(what) => match say(running, what).await {
            Ok(said) => desk.told(said, front),
            Err(problem) => front.tell(Line::Unsaid { problem }),
        },
        Order::Peers => {
            if let Some(peers) = peers(running).await {
                front.tell(peers);
            }
        }
        Order::Follow(message) => match running.spread_of(message).await {
            Some(spread) => front.tell(Line::Spread { message, spread }),
            None => front.talk(&format!("error: no message {message} is known here")),
        },
    }
}

/// Says something; what is to be told of it.
///
/// # Errors
/// It cannot be said, and why.
pub(super) async fn say(running: &Running, say: Say) -> Result<Line, String> {
    let random = random().map_err(|_| "there are no random bytes for it")?;
    let message = running.say(say.draft(random)).await?;
    let spread = running.spread_of(message.id).await;
    Ok(Line::Said { message, given: spread.map_or(0, |spread| spread.given) })
}

/// Everybody it knows of; none once it has ended.
pub(super) async fn peers(running: &Running) -> Option<Line> {
    running.snapshot().await.map(|snapshot| Line::Peers { peers: snapshot.roster })
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
