//! A device that is announced by multicast DNS, as a node of TAZCOM is, so that real nodes find it: at its
//! new port when it moves, and as a ghost when it vanishes.
use std::net::SocketAddr;

use lab::registry::AnyHost;
use net::{
    Env,
    discovery::{Discovery, Presence},
};
use proto::tazcom::{NodeId, Version};
use serde::Deserialize;
use serde_json::Value;

use crate::exit::Failure;

/// Keeps a device announced where it is.
pub(super) struct Announcer {
    env: Env,
    who: Who,
    at: SocketAddr,
    /// None while it has vanished.
    discovery: Option<Discovery>,
}

/// What of a device's memory is announced.
#[derive(Deserialize)]
struct Who {
    id: NodeId,
    version: Version,
}

/// In which state it is to be announced.
#[derive(Deserialize)]
struct State {
    mode: String,
}

impl Announcer {
    /// Announces this device.
    ///
    /// # Errors
    /// It is no node, nobody could reach it where it listens, or the operating system refuses.
    pub(super) fn start(env: Env, host: &dyn AnyHost) -> Result<Self, Failure> {
        let who = serde_json::from_value(host.snapshot())
            .map_err(|_| Failure::usage("--announce is for nodes; only tazcom devices are"))?;
        let mut announcer = Self { env, who, at: host.addr(), discovery: None };
        announcer.announce()?;
        Ok(announcer)
    }
    /// The device has been told something: it may have moved, vanished or come back.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(super) fn follow(&mut self, host: &dyn AnyHost) -> Result<(), Failure> {
        let gone = has_vanished(host.snapshot());
        if gone || self.at != host.addr() {
            // Without a word, as of one that has crashed.
            if let Some(discovery) = self.discovery.take() {
                discovery.fall_silent();
            }
        }
        self.at = host.addr();
        if !gone && self.discovery.is_none() {
            self.announce()?;
        }
        Ok(())
    }
    /// Takes the announcement back.
    pub(super) async fn stop(self) {
        if let Some(discovery) = self.discovery {
            discovery.stop().await;
        }
    }

    fn announce(&mut self) -> Result<(), Failure> {
        let Who { id, version } = self.who;
        let presence = Presence { id, listen: self.at, version, silent: false };
        let (discovery, _) = Discovery::start(self.env.clone(), presence)
            .map_err(|e| Failure::environment(format!("--announce: cannot {e}")))?;
        self.discovery = Some(discovery);
        Ok(())
    }
}

fn has_vanished(snapshot: Value) -> bool {
    serde_json::from_value::<State>(snapshot).is_ok_and(|state| state.mode == "vanish")
}
