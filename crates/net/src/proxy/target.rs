//! What the target's listener does, so that the proxy's can do likewise. Where that shows without
//! dialling it is looked at often; elsewhere the target is dialled once it has refused, until it no
//! longer does.
use std::{io, net::SocketAddr, time::Duration};

use proto::{Stage, Time};
use tokio::task::JoinSet;

use crate::{Env, Listens, net::connect_stage};

/// How often the target is looked at, where that can be done without dialling it: so long may a
/// refusal lag behind the target's.
const LOOK: Duration = Duration::from_millis(10);
/// How often it is dialled to see whether it still refuses, where it cannot.
const PROBE: Duration = Duration::from_millis(100);
/// A backlog that is full for less than this is a burst, and no device that is stuck.
const JAM: Duration = Duration::from_millis(100);

pub(super) struct Target {
    env: Env,
    addrs: Vec<SocketAddr>,
    /// It refused, and nobody can see whether it still does: dial again then.
    dial: Option<Time>,
    /// Dialling. It is aborted with the rest.
    dialling: JoinSet<io::Result<()>>,
    /// Since when its backlog is full.
    full_since: Option<Time>,
}

impl Target {
    pub(super) fn new(env: Env, addrs: Vec<SocketAddr>) -> Self {
        let (dial, full_since) = (None, None);
        Self { env, addrs, dial, dialling: JoinSet::new(), full_since }
    }
    /// As what it listens, as far as is known, and when to look again.
    pub(super) fn listens(&mut self) -> (Listens, Option<Time>) {
        let now = self.env.now();
        let known: Vec<_> = self.addrs.iter().map(|addr| self.env.net.listens(*addr)).collect();
        if known.iter().all(Option::is_none) {
            return self.by_dialling(now);
        }
        self.dial = None;
        let look = Some(now + LOOK);
        if known.iter().all(|listens| *listens == Some(Listens::No)) {
            return (Listens::No, look);
        }
        if known.iter().any(|listens| *listens != Some(Listens::Full)) {
            self.full_since = None;
        } else if now >= *self.full_since.get_or_insert(now) + JAM {
            return (Listens::Full, look);
        }
        (Listens::Yes, look)
    }
    /// Somebody was refused there.
    pub(super) fn refused(&mut self) {
        if self.dial.is_none() && self.dialling.is_empty() {
            self.dial = Some(self.env.now() + PROBE);
        }
    }
    /// Returns once it has been dialled; never, while nobody dials. Cancel safe.
    pub(super) async fn dialled(&mut self) {
        let Some(answer) = self.dialling.join_next().await else {
            return std::future::pending().await;
        };
        // Anything but a refusal is for the next client to find out.
        let refuses = matches!(answer, Ok(Err(e)) if connect_stage(&e) == Stage::Refused);
        self.dial = refuses.then(|| self.env.now() + PROBE);
    }

    fn by_dialling(&mut self, now: Time) -> (Listens, Option<Time>) {
        match self.dial {
            _ if !self.dialling.is_empty() => (Listens::No, None),
            None => (Listens::Yes, None),
            Some(at) if at > now => (Listens::No, Some(at)),
            Some(_) => {
                let (net, addrs) = (self.env.net.clone(), self.addrs.clone());
                self.dialling.spawn(async move { net.connect(&addrs).await.map(drop) });
                (Listens::No, None)
            }
        }
    }
}
