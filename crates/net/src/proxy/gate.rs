//! The proxy's front door: a listener that is open, shut, or deaf as the target or a fault wants it,
//! and what happens to who comes in.
use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use proto::{CloseReason, Stage, Time};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    armed::{Armed, Rules},
    fault::Fault,
    frames::Speech,
    lane::{self, Lane, Who},
    link::{Link, Side},
};
use crate::{
    Env, Event, Flow, Listens,
    deaf::{DeafListener, FullListener},
    net::{Listener, Stream, connect_stage},
};

/// How often the target is looked at, where that can be done without dialling it: so long may a
/// refusal lag behind the target's.
const LOOK: Duration = Duration::from_millis(10);
/// How often it is dialled to see whether it is back, where it cannot.
const PROBE: Duration = Duration::from_millis(100);
/// A backlog that is full for less than this is a burst, and no device that is stuck.
const JAM: Duration = Duration::from_millis(100);

pub(super) struct Gate {
    env: Env,
    addr: SocketAddr,
    port: Port,
    target: Vec<SocketAddr>,
    speech: Option<Speech>,
    rules: watch::Receiver<Rules>,
    stop: CancellationToken,
    /// Ends what is open when the schedule says down.
    era: CancellationToken,
    nth: u64,
    links: JoinSet<()>,
    refused: (mpsc::Sender<()>, mpsc::Receiver<()>),
    /// The target refused, and it cannot be seen whether it still does: dial again then.
    probe: Option<Time>,
    /// Since when its backlog is full.
    full_since: Option<Time>,
    /// When each of the listener's own faults was first seen.
    since: BTreeMap<u64, Time>,
}

/// The listening socket.
enum Port {
    Open(Listener),
    Shut,
    /// No handshake is done.
    Full {
        _listener: FullListener,
    },
    /// Handshakes are done by the kernel, and nobody accepts.
    Deaf {
        _listener: DeafListener,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Open,
    Shut,
    Full,
    Deaf,
}

impl Gate {
    pub(super) fn new(
        env: Env,
        (addr, listener): (SocketAddr, Listener),
        target: Vec<SocketAddr>,
        speech: Option<Speech>,
        rules: watch::Receiver<Rules>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            env,
            addr,
            port: Port::Open(listener),
            target,
            speech,
            rules,
            era: stop.child_token(),
            stop,
            nth: 0,
            links: JoinSet::new(),
            refused: mpsc::channel(1),
            probe: None,
            full_since: None,
            since: BTreeMap::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        let mut alarm = self.env.alarm();
        loop {
            let next = self.see_to_the_port().await;
            alarm.set(next);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(()) = self.rules.changed() => {}
                Some(()) = self.refused.1.recv() => self.target_refused(),
                Some(_) = self.links.join_next() => {}
                stream = accept(&mut self.port, &self.env) => self.serve(stream),
                () = alarm.ring() => {}
            }
        }
        self.port = Port::Shut;
        while self.links.join_next().await.is_some() {}
    }

    /// Opens or shuts the port as it should be now; when to look again.
    async fn see_to_the_port(&mut self) -> Option<Time> {
        let (wanted, again) = self.wanted().await;
        let is = match self.port {
            Port::Open(_) => Wanted::Open,
            Port::Shut => Wanted::Shut,
            Port::Full { .. } => Wanted::Full,
            Port::Deaf { .. } => Wanted::Deaf,
        };
        if is != wanted {
            self.port = Port::Shut;
            match self.open(wanted) {
                Ok(port) => self.port = port,
                // Somebody has taken it; it is asked for again.
                Err(_) => return Some(self.env.now() + PROBE),
            }
        }
        again
    }

    fn open(&self, wanted: Wanted) -> io::Result<Port> {
        let (net, addr) = (&self.env.net, self.addr);
        let port = match wanted {
            Wanted::Open => Port::Open(net.listen(addr)?),
            Wanted::Full => Port::Full { _listener: net.listen_full(addr)? },
            Wanted::Deaf => Port::Deaf { _listener: net.listen_deaf(addr)? },
            Wanted::Shut => Port::Shut,
        };
        self.env.record(match wanted {
            Wanted::Shut => Event::Deaf,
            Wanted::Open | Wanted::Full | Wanted::Deaf => Event::Listening { addr },
        });
        Ok(port)
    }

    async fn wanted(&mut self) -> (Wanted, Option<Time>) {
        let rules = self.rules.borrow_and_update().clone();
        self.since.retain(|id, _| rules.iter().any(|armed| armed.id == *id));
        let now = self.env.now();
        let mut again = None;
        let mut down = false;
        for armed in rules.iter().filter(|armed| is_for_all(armed)) {
            let fresh = !self.since.contains_key(&armed.id);
            let since = *self.since.entry(armed.id).or_insert(now);
            match armed.rule.fault {
                Fault::Refuse {} => return (self.faulty(armed, fresh, Wanted::Shut), None),
                Fault::BacklogFull {} => return (self.faulty(armed, fresh, Wanted::Full), None),
                Fault::AcceptNever {} => return (self.faulty(armed, fresh, Wanted::Deaf), None),
                Fault::Schedule { up, down: for_so_long } => {
                    let (is_down, next) = phase(now - since, up.0, for_so_long.0);
                    again = Some(now + next);
                    if is_down && !matches!(self.port, Port::Shut) {
                        self.struck(0, armed, "down: refused and closed".into());
                        std::mem::replace(&mut self.era, self.stop.child_token()).cancel();
                    }
                    down |= is_down;
                }
                _ => {}
            }
        }
        if down {
            return (Wanted::Shut, again);
        }
        let (wanted, look) = self.as_the_target().await;
        (wanted, again.into_iter().chain(look).min())
    }

    fn faulty(&self, armed: &Armed, fresh: bool, wanted: Wanted) -> Wanted {
        if fresh {
            let did = match wanted {
                Wanted::Shut => "not listening",
                Wanted::Full => "listening with a full backlog",
                Wanted::Deaf => "listening, and accepting nobody",
                Wanted::Open => "listening",
            };
            self.struck(0, armed, did.into());
        }
        wanted
    }

    /// While the target refuses, so do we.
    async fn as_the_target(&mut self) -> (Wanted, Option<Time>) {
        let now = self.env.now();
        let known: Vec<_> = self.target.iter().map(|addr| self.env.net.listens(*addr)).collect();
        let look = known.iter().any(Option::is_some).then(|| now + LOOK);
        if known.iter().all(|listens| *listens == Some(Listens::No)) {
            return (Wanted::Shut, look);
        }
        if known.iter().any(|listens| *listens != Some(Listens::Full)) {
            self.full_since = None;
        } else if now >= *self.full_since.get_or_insert(now) + JAM {
            return (Wanted::Full, look);
        }
        match self.probe {
            Some(at) if known.iter().all(Option::is_none) => {
                if at > now {
                    return (Wanted::Shut, Some(at));
                }
                let back = self.env.net.connect(&self.target).await.is_ok();
                self.probe = (!back).then(|| self.env.now() + PROBE);
                (if back { Wanted::Open } else { Wanted::Shut }, self.probe)
            }
            Some(_) | None => {
                self.probe = None;
                (Wanted::Open, look)
            }
        }
    }

    fn target_refused(&mut self) {
        self.probe = Some(self.env.now() + PROBE);
    }

    fn struck(&self, conn: u32, armed: &Armed, did: String) {
        let fault = armed.text.clone();
        self.env.record(Event::Struck { conn, flow: Flow::Up, fault, at: 0, did });
    }

    fn serve(&mut self, stream: Stream) {
        let Ok((local, peer)) = stream.addrs() else { return };
        self.nth += 1;
        let rules = self.rules.clone();
        let visit = Visit {
            env: self.env.clone(),
            conn: self.env.next_conn(),
            nth: self.nth,
            peer,
            target: self.target.clone(),
            speech: self.speech,
            rules,
            refused: self.refused.0.clone(),
        };
        self.env.record(Event::Opened { conn: visit.conn, local, peer });
        self.links.spawn(visit.run(stream, self.era.clone()));
    }
}

/// It is about whoever comes, so the listener itself can act on it.
fn is_for_all(armed: &Armed) -> bool {
    let place = &armed.rule.place;
    place.conn.is_none() && place.every.is_none() && place.client.is_none()
}

/// Whether it is down, so long after it began, and how long that lasts.
fn phase(passed: Duration, up: Duration, down: Duration) -> (bool, Duration) {
    let at = Duration::from_nanos((passed.as_nanos() % (up + down).as_nanos()) as u64);
    if at < up { (false, up - at) } else { (true, up + down - at) }
}

async fn accept(port: &mut Port, env: &Env) -> Stream {
    match port {
        Port::Open(listener) => listener.next(env).await,
        Port::Shut | Port::Full { .. } | Port::Deaf { .. } => std::future::pending().await,
    }
}

/// Somebody who came in.
struct Visit {
    env: Env,
    conn: u32,
    nth: u64,
    peer: SocketAddr,
    target: Vec<SocketAddr>,
    speech: Option<Speech>,
    rules: watch::Receiver<Rules>,
    refused: mpsc::Sender<()>,
}

impl Visit {
    async fn run(mut self, stream: Stream, stop: CancellationToken) {
        let mine = lane::about(&self.rules.borrow_and_update(), self.nth, self.peer.ip());
        let carried = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            joined = self.let_in(&stream, &mine) => Some(joined),
        };
        match carried {
            None => self.close(stream, CloseReason::Local),
            Some(Err(reason)) => self.close(stream, reason),
            Some(Ok((far, far_conn))) => {
                let Self { env, conn, nth, peer, speech, rules, .. } = self;
                let (now, seed) = (env.now(), env.seed);
                let lane = |flow| Lane::new(Who { seed, nth, flow }, now, &mine, speech);
                let (up, down) = (lane(Flow::Up), lane(Flow::Down));
                let (near, far) = (Side::new(stream, conn), Side::new(far, far_conn));
                Link { env, near, far, up, down }.run(nth, rules, stop, peer.ip()).await;
            }
        }
    }

    /// What the faults about connecting do, and then the target.
    async fn let_in(
        &self,
        near: &Stream,
        mine: &[Arc<Armed>],
    ) -> Result<(Stream, u32), CloseReason> {
        for armed in mine {
            let did = match &armed.rule.fault {
                Fault::AcceptThenClose {} => "accepted, then FIN",
                Fault::AcceptThenReset {} => "accepted, then RST",
                Fault::Refuse {} | Fault::BacklogFull {} => "too late to refuse: RST instead",
                Fault::AcceptNever {} => "accepted by the kernel, and by nobody else",
                Fault::CloseUnread {} => "closed with bytes unread",
                Fault::DelayAccept { .. } => "accepted later",
                Fault::ReceiveBuffer { .. } => "a small receive buffer",
                _ => continue,
            };
            if !armed.strike() {
                continue;
            }
            match &armed.rule.fault {
                Fault::DelayAccept { delay } => {
                    self.env.sleep_until(self.env.now() + delay.0).await;
                }
                Fault::CloseUnread {} => near.readable().await,
                Fault::ReceiveBuffer { bytes } => {
                    let _ = near.set_receive_buffer(*bytes as usize);
                }
                _ => {}
            }
            let fault = armed.text.clone();
            let (conn, flow) = (self.conn, Flow::Up);
            self.env.record(Event::Struck { conn, flow, fault, at: 0, did: did.into() });
            match &armed.rule.fault {
                Fault::AcceptThenClose {} | Fault::CloseUnread {} => {
                    return Err(CloseReason::Local);
                }
                Fault::AcceptThenReset {} | Fault::Refuse {} | Fault::BacklogFull {} => {
                    return Err(CloseReason::Abort);
                }
                Fault::AcceptNever {} => std::future::pending().await,
                _ => {}
            }
        }
        self.dial().await
    }

    async fn dial(&self) -> Result<(Stream, u32), CloseReason> {
        let conn = self.env.next_conn();
        if let Some(addr) = self.target.first() {
            self.env.record(Event::Connecting { conn, addr: *addr });
        }
        match self.env.net.connect(&self.target).await {
            Ok(far) => {
                let Ok((local, peer)) = far.addrs() else { return Err(CloseReason::Abort) };
                self.env.record(Event::Opened { conn, local, peer });
                self.env.record(Event::Joined { conn: self.conn, onto: conn });
                Ok((far, conn))
            }
            Err(e) => {
                let stage = connect_stage(&e);
                self.env.record(Event::ConnectFailed { conn, stage, detail: e.to_string() });
                if stage == Stage::Refused {
                    // Full means the gate knows already.
                    let _ = self.refused.try_send(());
                }
                Err(CloseReason::Abort)
            }
        }
    }

    fn close(&self, stream: Stream, reason: CloseReason) {
        if reason == CloseReason::Abort {
            stream.reset();
        } else {
            drop(stream);
        }
        self.env.record(Event::Closed { conn: self.conn, reason });
    }
}
