//! The proxy's front door: a listener that is open, shut, or deaf as a fault wants it, or else as the
//! target's is. Who comes in is a [`Visit`].
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use proto::Time;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    armed::Armed,
    board::Ear,
    fault::Fault,
    frames::Speech,
    leg::Turns,
    target::Target,
    visit::{self, Visit},
};
use crate::{
    Env, Event, Flow, Listens,
    deaf::{DeafListener, FullListener},
    net::{Listener, Stream},
};

/// After a failed listen: somebody has taken the port.
const AGAIN: Duration = Duration::from_millis(100);

pub(super) struct Gate {
    env: Env,
    addr: SocketAddr,
    port: Port,
    target: Target,
    addrs: Arc<[SocketAddr]>,
    speech: Option<Speech>,
    rules: Ear,
    stop: CancellationToken,
    /// Ends what is open when a schedule says down.
    era: CancellationToken,
    nth: u64,
    links: JoinSet<()>,
    refused: (mpsc::Sender<()>, mpsc::Receiver<()>),
    turns: Turns,
    /// The listener's own faults, when each was first seen, and whether it is down, if it is one that
    /// comes and goes.
    known: Vec<(u64, Time, bool)>,
}

/// The listening socket.
enum Port {
    Open(Listener, Option<usize>),
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
    /// With receive buffers of so many bytes, if that matters.
    Open(Option<usize>),
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
        rules: Ear,
        stop: CancellationToken,
    ) -> Self {
        Self {
            target: Target::new(env.clone(), target.clone()),
            env,
            addr,
            port: Port::Open(listener, None),
            addrs: target.into(),
            speech,
            rules,
            era: stop.child_token(),
            stop,
            nth: 0,
            links: JoinSet::new(),
            refused: mpsc::channel(1),
            turns: Turns::new(),
            known: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        let mut alarm = self.env.alarm();
        alarm.set(self.see_to_the_port());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.rules.changed() => alarm.set(self.see_to_the_port()),
                Some(()) = self.refused.1.recv() => {
                    self.target.refused();
                    alarm.set(self.see_to_the_port());
                }
                () = self.target.dialled() => alarm.set(self.see_to_the_port()),
                () = alarm.ring() => alarm.set(self.see_to_the_port()),
                Some(_) = self.links.join_next() => {}
                stream = accept(&mut self.port, &self.env) => self.serve(stream),
            }
        }
        self.port = Port::Shut;
        while self.links.join_next().await.is_some() {}
    }

    /// Opens or shuts the port as it should be now; when to look again.
    fn see_to_the_port(&mut self) -> Option<Time> {
        let (wanted, again) = self.wanted();
        let is = match &self.port {
            Port::Open(_, buffer) => Wanted::Open(*buffer),
            Port::Shut => Wanted::Shut,
            Port::Full { .. } => Wanted::Full,
            Port::Deaf { .. } => Wanted::Deaf,
        };
        if is != wanted {
            self.port = Port::Shut;
            match self.open(wanted) {
                Ok(port) => self.port = port,
                Err(_) => return Some(self.env.now() + AGAIN),
            }
        }
        again
    }

    fn open(&self, wanted: Wanted) -> io::Result<Port> {
        let (net, addr) = (&self.env.net, self.addr);
        let port = match wanted {
            Wanted::Open(None) => Port::Open(net.listen(addr)?, None),
            Wanted::Open(Some(bytes)) => {
                Port::Open(net.listen_with_buffer(addr, bytes)?, Some(bytes))
            }
            Wanted::Full => Port::Full { _listener: net.listen_full(addr)? },
            Wanted::Deaf => Port::Deaf { _listener: net.listen_deaf(addr)? },
            Wanted::Shut => Port::Shut,
        };
        self.env.record(match wanted {
            Wanted::Shut => Event::Deaf,
            Wanted::Open(_) | Wanted::Full | Wanted::Deaf => Event::Listening { addr },
        });
        Ok(port)
    }

    fn wanted(&mut self) -> (Wanted, Option<Time>) {
        let rules = self.rules.rules();
        self.known.retain(|(id, ..)| rules.iter().any(|armed| armed.id == *id));
        let now = self.env.now();
        let (mut wanted, mut again, mut down, mut buffer) = (None, None, false, None);
        for armed in rules.iter().filter(|armed| is_for_all(armed)) {
            match armed.rule.fault {
                Fault::Refuse {} => wanted = wanted.or(self.faulty(armed, now, Wanted::Shut)),
                Fault::BacklogFull {} => wanted = wanted.or(self.faulty(armed, now, Wanted::Full)),
                Fault::AcceptNever {} => wanted = wanted.or(self.faulty(armed, now, Wanted::Deaf)),
                Fault::Schedule { up, down: for_so_long } => {
                    let (is_down, next) = self.phase(armed, now, up.0, for_so_long.0);
                    again = [again, Some(next)].into_iter().flatten().min();
                    down |= is_down;
                }
                Fault::ReceiveBuffer { bytes } => buffer = Some(bytes as usize),
                _ => {}
            }
        }
        if let Some(wanted) = wanted {
            return (wanted, again);
        }
        if down {
            return (Wanted::Shut, again);
        }
        let (listens, look) = self.target.listens();
        let wanted = match listens {
            Listens::No => Wanted::Shut,
            Listens::Full => Wanted::Full,
            Listens::Yes => Wanted::Open(buffer),
        };
        (wanted, [again, look].into_iter().flatten().min())
    }

    fn faulty(&mut self, armed: &Armed, now: Time, wanted: Wanted) -> Option<Wanted> {
        if self.known.iter().all(|(id, ..)| *id != armed.id) {
            self.known.push((armed.id, now, false));
            let did = match wanted {
                Wanted::Shut => "not listening",
                Wanted::Full => "listening with a full backlog",
                Wanted::Deaf => "listening, and accepting nobody",
                Wanted::Open(_) => "listening",
            };
            self.struck(armed, did);
        }
        Some(wanted)
    }

    /// Whether a schedule is down, and when that changes. As it goes down, it takes all with it.
    fn phase(&mut self, armed: &Armed, now: Time, up: Duration, down: Duration) -> (bool, Time) {
        let at = self.known.iter().position(|(id, ..)| *id == armed.id).unwrap_or_else(|| {
            self.known.push((armed.id, now, false));
            self.known.len() - 1
        });
        let (_, since, was_down) = &mut self.known[at];
        let (is_down, next) = phase(now - *since, up, down);
        if is_down && !std::mem::replace(was_down, is_down) {
            self.struck(armed, "down: refused and closed");
            std::mem::replace(&mut self.era, self.stop.child_token()).cancel();
        }
        self.known[at].2 = is_down;
        (is_down, now + next)
    }

    fn struck(&self, armed: &Armed, did: &str) {
        armed.strike();
        let fault = armed.text.clone();
        let flow = Flow::Up;
        self.env.record(Event::Struck { conn: 0, flow, fault, at: 0, did: did.into() });
    }

    fn serve(&mut self, stream: Stream) {
        let (local, peer) = visit::addrs(&stream, (Ipv4Addr::UNSPECIFIED, 0).into());
        self.nth += 1;
        let visit = Visit {
            env: self.env.clone(),
            conn: self.env.next_conn(),
            nth: self.nth,
            peer,
            target: self.addrs.clone(),
            speech: self.speech,
            rules: self.rules.clone(),
            refused: self.refused.0.clone(),
            turns: self.turns.clone(),
        };
        self.env.record(Event::Opened { conn: visit.conn, local, peer });
        self.links.spawn(visit.run(stream, self.era.clone()));
    }
}

/// It is about whoever comes and however often, so the listener itself can act on it.
fn is_for_all(armed: &Armed) -> bool {
    let place = &armed.rule.place;
    let counted = place.times.is_some() && !matches!(armed.rule.fault, Fault::Schedule { .. });
    let all = place.conn.is_none() && place.every.is_none() && place.share.is_none();
    all && place.client.is_none() && !counted
}

/// Whether it is down, so long after it began, and how long that lasts.
fn phase(passed: Duration, up: Duration, down: Duration) -> (bool, Duration) {
    let at = Duration::from_nanos((passed.as_nanos() % (up + down).as_nanos()) as u64);
    if at < up { (false, up - at) } else { (true, up + down - at) }
}

async fn accept(port: &mut Port, env: &Env) -> Stream {
    match port {
        Port::Open(listener, _) => listener.next(env).await,
        Port::Shut | Port::Full { .. } | Port::Deaf { .. } => std::future::pending().await,
    }
}
