//! Somebody who came in: what the faults about connecting do to him, then the target is dialled in his
//! name.
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use proto::{CloseReason, Stage};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    armed::Armed,
    board::Ear,
    fault::Fault,
    frames::Speech,
    lane::{self, Lane, Who},
    leg::{Leg, Turns},
    link::{Link, take_leave},
};
use crate::{
    Env, Event, Flow,
    net::{Stream, connect_stage},
    record::veil::Veil,
};

/// How long the target is still dialled for somebody who has reset his connection.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct Visit {
    pub(super) env: Env,
    pub(super) conn: u32,
    pub(super) nth: u64,
    pub(super) peer: SocketAddr,
    pub(super) target: Arc<[SocketAddr]>,
    pub(super) speech: Option<Speech>,
    pub(super) rules: Ear,
    /// Told when the target refused.
    pub(super) refused: mpsc::Sender<()>,
    pub(super) turns: Turns,
}

/// Why he is not carried.
enum Turned {
    /// The proxy ends.
    Stopped,
    /// Closed with a FIN.
    Closed,
    /// Closed with bytes unread.
    Unread,
    /// Reset.
    Reset,
    /// He left first.
    Gone,
}

impl Visit {
    pub(super) async fn run(self, stream: Stream, stop: CancellationToken) {
        let mine = lane::about(&self.rules.rules(), self.nth, self.peer.ip());
        let joined = tokio::select! {
            biased;
            () = stop.cancelled() => Err(Turned::Stopped),
            joined = self.let_in(&stream, &mine) => joined,
            () = self.leaves(&stream) => Err(Turned::Gone),
        };
        match joined {
            Err(turned) => self.turn_away(stream, turned).await,
            Ok(far) => {
                let Some((near, far)) = self.joined(stream, far, &stop).await else { return };
                let Self { env, nth, peer, speech, rules, .. } = self;
                let (now, seed) = (env.now(), env.seed);
                let lane = |flow| Lane::new(Who { seed, nth, flow }, now, &mine, speech);
                let (up, down) = (lane(Flow::Up), lane(Flow::Down));
                drop(mine);
                let veil = Veil::of(&env, speech.and_then(|speech| speech.cover));
                Link { env, veil, near, far, up, down }.run(nth, rules, stop, peer.ip()).await;
            }
        }
    }

    /// Returns once he is gone for good. What he said before he left may still be carried for a moment.
    async fn leaves(&self, near: &Stream) {
        near.broken().await;
        self.env.sleep_until(self.env.now() + LAST_WORDS).await;
    }

    async fn let_in(&self, near: &Stream, mine: &[Arc<Armed>]) -> Result<Leg, Turned> {
        for armed in mine {
            self.meet(near, armed).await?;
        }
        self.dial().await
    }

    /// Does what one fault wants, if it is about connecting.
    async fn meet(&self, near: &Stream, armed: &Armed) -> Result<(), Turned> {
        let Some(did) = what_it_does(&armed.rule.fault) else { return Ok(()) };
        if !armed.strike() {
            return Ok(());
        }
        let struck = || {
            let (conn, flow, fault) = (self.conn, Flow::Up, armed.text.clone());
            self.env.record(Event::Struck { conn, flow, fault, at: 0, did: did.into() });
        };
        match &armed.rule.fault {
            Fault::DelayAccept { delay } => {
                tokio::select! {
                    () = self.env.sleep_until(self.env.now() + delay.0) => struck(),
                    () = self.lifted(armed) => {}
                }
                Ok(())
            }
            Fault::CloseUnread {} => tokio::select! {
                () = near.readable() => { struck(); Err(Turned::Unread) }
                () = self.lifted(armed) => Ok(()),
            },
            Fault::AcceptNever {} => {
                struck();
                self.lifted(armed).await;
                // As everybody who waits where nobody accepts, once nobody listens there any more.
                Err(Turned::Reset)
            }
            Fault::ReceiveBuffer { bytes } => {
                struck();
                let _ = near.set_receive_buffer(*bytes as usize);
                Ok(())
            }
            Fault::AcceptThenClose {} => {
                struck();
                Err(Turned::Closed)
            }
            _ => {
                struck();
                Err(Turned::Reset)
            }
        }
    }

    async fn lifted(&self, armed: &Armed) {
        let mut rules = self.rules.clone();
        while rules.rules().iter().any(|other| other.id == armed.id) {
            rules.changed().await;
        }
    }

    async fn dial(&self) -> Result<Leg, Turned> {
        let conn = self.env.next_conn();
        if let Some(addr) = self.target.first() {
            self.env.record(Event::Connecting { conn, addr: *addr });
        }
        let failed = |stage, detail| {
            self.env.record(Event::ConnectFailed { conn, stage, detail });
            Turned::Reset
        };
        let stream = match self.env.net.connect(&self.target).await {
            Ok(stream) => stream,
            Err(e) => {
                let stage = connect_stage(&e);
                if stage == Stage::Refused {
                    // Full means the gate knows already.
                    let _ = self.refused.try_send(());
                }
                return Err(failed(stage, e.to_string()));
            }
        };
        let (local, peer) = addrs(&stream, self.target[0]);
        let far = Leg::dialled(stream, conn, &self.env, &self.turns).await;
        let far = far.map_err(|reason| failed(Stage::from(&reason), reason.to_string()))?;
        self.env.record(Event::Opened { conn, local, peer });
        Ok(far)
    }

    /// Both connections, encrypted if they are to be; none, if he does not get that far.
    async fn joined(&self, near: Stream, far: Leg, stop: &CancellationToken) -> Option<(Leg, Leg)> {
        match Leg::accepted(near, self.conn, &self.env, &self.turns, stop).await {
            Ok(near) => {
                self.env.record(Event::Joined { conn: self.conn, onto: far.conn });
                Some((near, far))
            }
            Err(()) => {
                far.close(&self.env);
                None
            }
        }
    }

    async fn turn_away(&self, stream: Stream, turned: Turned) {
        let reason = match turned {
            Turned::Stopped | Turned::Closed | Turned::Unread => CloseReason::Local,
            Turned::Reset => CloseReason::Abort,
            Turned::Gone => CloseReason::Reset,
        };
        match turned {
            Turned::Reset => stream.reset(),
            Turned::Closed => take_leave(stream).await,
            Turned::Stopped | Turned::Unread | Turned::Gone => drop(stream),
        }
        self.env.record(Event::Closed { conn: self.conn, reason });
    }
}

/// Our end and theirs. The system no longer knows theirs of a connection that was reset at once.
pub(super) fn addrs(stream: &Stream, or: SocketAddr) -> (SocketAddr, SocketAddr) {
    let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    stream.addrs().unwrap_or((nobody, or))
}

/// What a fault about connecting does to one client; `None` for all others.
fn what_it_does(fault: &Fault) -> Option<&'static str> {
    match fault {
        Fault::AcceptThenClose {} => Some("accepted, then FIN"),
        Fault::AcceptThenReset {} => Some("accepted, then RST"),
        Fault::Refuse {} | Fault::BacklogFull {} => Some("too late to refuse: RST instead"),
        Fault::AcceptNever {} => Some("accepted by the kernel, and by nobody else"),
        Fault::CloseUnread {} => Some("closed with bytes unread"),
        Fault::DelayAccept { .. } => Some("accepted later"),
        Fault::ReceiveBuffer { .. } => Some("a small receive buffer"),
        _ => None,
    }
}
