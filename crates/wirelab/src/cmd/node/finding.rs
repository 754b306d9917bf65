//! Discovery as a running node has it: begun where it is wanted and can be, and never a reason to end.
use std::future::pending;

use net::{
    Env,
    discovery::{Discovery, Lack, Presence, Reach, Seen},
    node::{Running, Told},
};
use proto::tazcom::roster;
use tokio::sync::mpsc;

use super::{front::Front, tell::Line};
use crate::text;

/// What finds others, if anything does.
#[derive(Default)]
pub(super) struct Finding {
    discovery: Option<Discovery>,
    seen: Option<mpsc::Receiver<Seen>>,
    /// The name our own announcement came back by.
    ours: Option<String>,
}

impl Finding {
    /// Begins, and says once what is in the way.
    pub(super) fn start(env: &Env, presence: Presence, reach: Reach, front: &Front) -> Self {
        reach.lacks.iter().for_each(|lack| front.talk(&format!("warning: {}", words(lack))));
        front.tell(Line::Discovery { reach });
        match Discovery::start(env.clone(), presence) {
            Ok((discovery, seen)) => {
                Self { discovery: Some(discovery), seen: Some(seen), ours: None }
            }
            Err(e) => {
                let remedy = "the node goes on without; say who is there with --peer";
                front.talk(&format!("warning: cannot {e}; {remedy}"));
                Self::default()
            }
        }
    }
    /// What is heard next of others; where nothing can be, that takes for ever. Cancel safe.
    pub(super) async fn next(&mut self) -> Seen {
        if let Some(seen) = &mut self.seen
            && let Some(seen) = seen.recv().await
        {
            return seen;
        }
        self.seen = None;
        pending().await
    }
    /// Tells the node what was heard.
    pub(super) async fn pass_on(&mut self, seen: Seen, running: &Running, front: &Front) {
        match seen {
            Seen::Here(announcement) => running.discovered(announcement).await,
            Seen::Gone(name) => running.gone(name).await,
            Seen::NetworkChanged => running.network_changed().await,
            Seen::Ours(name) => {
                if self.ours.as_ref() != Some(&name) {
                    front.tell(Line::Announced { name: name.clone() });
                    self.ours = Some(name);
                }
            }
        }
    }
    /// Asks again for whom the node doubts.
    pub(super) fn heed(&self, told: &Told) {
        if let (Some(discovery), Told::Roster(roster::Output::Reverify(name))) =
            (&self.discovery, told)
        {
            discovery.reverify(name);
        }
    }
    /// Takes our announcement back.
    pub(super) async fn take_back(&mut self) {
        if let Some(discovery) = &mut self.discovery {
            discovery.take_back().await;
        }
    }
    /// Ends, once the announcement is taken back.
    pub(super) async fn stop(self) {
        if let Some(discovery) = self.discovery {
            discovery.stop().await;
            text::talk("Zeroconf service unregistered");
        }
    }
}

fn words(lack: &Lack) -> String {
    match lack {
        Lack::Interface => "no network interface is up; the node looks again every 2 s".into(),
        Lack::Network => "nothing but loopback is up: nodes are found on this machine alone".into(),
        Lack::Port { detail } => format!(
            "UDP port 5353 is not to be had ({detail}): nobody is found, and this node by nobody; free it (ss -ulnp) and start again, or say who is there with --peer"
        ),
        Lack::Ipv6 { detail } => {
            format!("no multicast DNS over IPv6 ({detail}): others are looked for over IPv4 alone")
        }
    }
}
