//! Discovery as a running node has it: begun where it is wanted and can be, and never a reason to end.
use std::{future::pending, time::Duration};

use net::{
    Env,
    discovery::{Discovery, Lack, Presence, Reach, Seen},
    node::{Running, Told},
};
use proto::{Span, Time, tazcom::roster};
use tokio::sync::mpsc;

use super::{
    alone::Diagnosis,
    classic::Classic,
    front::Front,
    tell::Line,
    voice::{Level, Voice},
};

/// Between two times that everybody is asked anew, at least.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Of those who cannot be greeted, so many are told of.
const MOST_UNREACHED: usize = 32;

/// What finds others, if anything does.
pub(super) struct Finding {
    voice: Voice,
    classic: Classic,
    presence: Option<Presence>,
    discovery: Option<Discovery>,
    seen: Option<mpsc::Receiver<Seen>>,
    /// The name our own announcement came back by.
    ours: Option<String>,
    /// Before that, nobody is asked anew who is there.
    look_again: Time,
}

impl Finding {
    /// One that finds nobody.
    pub(super) fn off(voice: Voice, classic: Classic) -> Self {
        Self {
            voice,
            classic,
            presence: None,
            discovery: None,
            seen: None,
            ours: None,
            look_again: Time::default(),
        }
    }
    /// Begins, and says once what is in the way.
    pub(super) fn start(&mut self, env: &Env, presence: Presence, reach: Reach, front: &Front) {
        reach.lacks.iter().for_each(|lack| self.voice.warns(&words(lack), front));
        self.presence = Some(presence);
        match Discovery::start(env.clone(), presence) {
            Ok((discovery, seen)) => {
                if let Some(name) = discovery.name() {
                    self.voice.logs(Level::Info, &format!("Publishing service '{name}'"));
                }
                (self.discovery, self.seen) = (Some(discovery), Some(seen));
                self.look_again = env.now() + LOOK_AGAIN;
            }
            Err(e) => {
                let remedy = "the node goes on without; say who is there with --peer";
                self.voice.warns(&format!("cannot {e}; {remedy}"), front);
            }
        }
        front.tell(Line::Discovery { reach });
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
        self.classic.sees(&seen);
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
    /// Asks again for whom the node doubts, and who else is there when somebody has come or gone: the
    /// network may have been cut, or be whole again.
    pub(super) fn heed(&mut self, told: &Told, now: Time) {
        self.classic.hears(told);
        let (Some(discovery), Told::Roster(told)) = (&self.discovery, told) else { return };
        match told {
            roster::Output::Reverify(name) => discovery.reverify(name),
            roster::Output::Joined(..) | roster::Output::Left(..) if now >= self.look_again => {
                self.look_again = now + LOOK_AGAIN;
                discovery.look_again();
            }
            roster::Output::Joined(..)
            | roster::Output::Left(..)
            | roster::Output::Dial(..)
            | roster::Output::HangUp(_)
            | roster::Output::HangUpCall(_)
            | roster::Output::Impostor { .. }
            | roster::Output::Clone { .. }
            | roster::Output::Refused(..)
            | roster::Output::Wait(_) => {}
        }
    }
    /// Says what may be wrong when nobody was there for so long.
    pub(super) async fn explain(&self, after: Span, running: &Running, front: &Front) {
        let known = running.snapshot().await.map(|snapshot| snapshot.roster).unwrap_or_default();
        let unreached = known.into_iter().filter(|entry| entry.failures > 0);
        let diagnosis = Diagnosis {
            after,
            discovery: self.presence.map(|presence| Reach::look(presence.listen.ip())),
            own_announcement: match self.presence {
                Some(presence) if !presence.silent => Some(self.ours.is_some()),
                Some(_) | None => None,
            },
            unreached: unreached.take(MOST_UNREACHED).map(Into::into).collect(),
        };
        self.voice.warns(&diagnosis.text(), front);
        front.tell(Line::Alone { diagnosis });
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
            self.voice.says("Zeroconf service unregistered");
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
