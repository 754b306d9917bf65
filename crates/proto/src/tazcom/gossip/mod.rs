//! Messages for everybody, told from node to node. Each goes on to a few peers at once, is announced to the
//! others, and given to those who ask; so each node sends few copies, and none goes without for long.
//!
//! Taken are only signed messages, and only from peers that have proven their ids. What old peers say is
//! shown as unverified and passed on to old peers alone. It is a pure machine: call
//! [`handle_input`](Gossip::handle_input), then [`poll_output`](Gossip::poll_output) until it says
//! [`Output::Wait`].
mod alerts;
mod hear;
mod legacy;
mod peers;
mod settings;
mod spread;
mod store;
mod wants;
mod window;

use std::{
    collections::{BTreeSet, VecDeque},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use lru::LruCache;
use serde::Serialize;

use super::{
    Identity, NodeId,
    bucket::Bucket,
    codec::{Chat, Message},
    envelope::{AlertState, Body, MessageId, Need, Parcel, Payload},
    private,
};
use crate::{Time, rng::Rng};
pub use alerts::Alert;
use alerts::Alerts;
use peers::Peers;
pub use settings::{RawGossip, Settings};
use store::Store;
use wants::Wants;
use window::Window;

/// Peers at a time, at most; and old peers.
pub const MAX_PEERS: usize = 256;
/// The channel that old peers hear.
pub const MAIN_CHANNEL: &str = "#mainfloor";
/// Longest name of a channel, in bytes.
pub const MAX_CHANNEL: usize = 64;
/// Longest text, in bytes. Written as ASCII it is at most six times as long, and fits in a line.
pub const MAX_TEXT: usize = 8192;

/// Authors whose haste is remembered.
const AUTHORS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// The part of a node that hears and tells.
pub struct Gossip {
    me: Arc<Identity>,
    /// What the wall clock showed at instant zero, in milliseconds since 1970.
    epoch: u64,
    settings: Settings,
    rng: Rng,
    peers: Peers,
    old: BTreeSet<NodeId>,
    old_rate: Bucket,
    window: Window,
    store: Store,
    /// Messages that still spread.
    fresh: VecDeque<MessageId>,
    next_pulse: Time,
    wants: Wants,
    alerts: Alerts,
    /// How much each author wrote in each minute.
    authors: LruCache<(NodeId, u64), u32>,
    banned: LruCache<NodeId, Time>,
    counts: Counts,
    out: VecDeque<Output>,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum Input {
    /// A peer has proven its id, and a link to it is open.
    Up(NodeId),
    /// There is no link to it any more.
    Down(NodeId),
    /// An old peer is known that takes messages of version 0.2.
    OldUp(NodeId),
    /// It is not known any more.
    OldDown(NodeId),
    /// A message came from a peer that has proven its id.
    Heard(NodeId, Message),
    /// A message of version 0.2 came, from nobody can tell whom.
    HeardOld(Chat),
    /// The link to this peer has taken a message that was to be sent.
    Sent(NodeId),
    /// Say something.
    Say(Draft),
    /// The instant asked for by [`Output::Wait`] has passed.
    Timeout,
}

/// Something to say.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where.
    pub channel: Arc<str>,
    /// How long it is to be kept.
    pub lifetime: Duration,
    /// What.
    pub words: Words,
}

/// What can be said.
#[derive(Clone, Debug)]
pub enum Words {
    /// Words for everybody.
    Chat(Arc<str>),
    /// Words for one.
    Private {
        /// For whom.
        to: NodeId,
        /// The words.
        text: Arc<str>,
        /// 32 random bytes, used for nothing else.
        random: [u8; 32],
    },
    /// A call for help.
    Alert(Need, Arc<str>),
    /// What became of one.
    Progress(MessageId, AlertState),
}

/// What is to be done, or told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this over the link to this peer, and say [`Input::Sent`] when the link has taken it.
    Send(NodeId, Message),
    /// Dial this old peer, and say this.
    Tell(NodeId, Chat),
    /// Something to be shown.
    Show(Shown),
    /// An alert stands otherwise than before.
    Alert(MessageId, Alert),
    /// Something was not taken, or not as it was meant.
    Refused(Refused),
    /// Nothing is taken from this peer any more; its link should be closed.
    Distrust(NodeId),
    /// A draft that could not be said, and why.
    Unsaid(String),
    /// Nothing more until something happens, or this instant passes.
    Wait(Option<Time>),
}

/// A message, as it is to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it; of an unverified one, who is said to.
    pub author: NodeId,
    /// Where.
    pub channel: Arc<str>,
    /// When, in milliseconds since 1970; none if only its author's clock knows.
    pub created: Option<u64>,
    /// What.
    pub body: Body,
    /// The words of a private message to us, or from us.
    pub opened: Option<String>,
    /// Nodes it has come through.
    pub hops: u8,
    /// Its author signed it.
    pub verified: bool,
}

/// What was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// From whom; none if nobody can tell.
    pub from: Option<NodeId>,
    /// What kind of wrong.
    pub why: Why,
    /// The particulars.
    pub detail: String,
}

/// Why something was not taken, a closed list fit for a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its author did not sign it.
    Forged,
    /// It is no message.
    Malformed,
    /// More hops than there can be.
    Hops,
    /// Sent again by one who had sent it.
    Replay,
    /// It is over.
    Expired,
    /// It is from the future.
    Future,
    /// It wants to be kept too long.
    Lifetime,
    /// Too many at once.
    Rate,
    /// More of them than anybody has.
    TooMany,
    /// From one that has not proven itself, or is not trusted any more.
    Stranger,
}

/// How far a message has come, as far as its node knows. Peers of version 0.2 are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Peers it was sent to, or that have it from others.
    pub given: usize,
    /// Those of them that have said that they have it.
    pub held: usize,
    /// How it stands, if it is an alert.
    pub alert: Option<Alert>,
}

/// What a node has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Messages of others that were shown or passed on.
    pub taken: u64,
    /// Copies that were known already.
    pub duplicates: u64,
    /// Copies sent.
    pub copies: u64,
    /// The most copies of one message.
    pub most_copies: u8,
    /// Signatures checked.
    pub checked: u64,
    /// Messages refused.
    pub refused: u64,
}

/// A look inside.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// Peers with proven ids.
    pub peers: usize,
    /// Old peers.
    pub old_peers: usize,
    /// Messages kept.
    pub kept: usize,
    /// Ids remembered.
    pub remembered: usize,
    /// Messages given up since a peer did not take them.
    pub dropped: u64,
    /// What it has done.
    pub counts: Counts,
    /// Every alert remembered.
    pub alerts: Vec<(MessageId, Alert)>,
}

impl Gossip {
    /// One that has heard nothing yet. At instant zero, the wall clock shows `epoch`, in milliseconds
    /// since 1970.
    pub fn new(me: Arc<Identity>, settings: Settings, seed: u64, epoch: u64) -> Self {
        Self {
            me,
            epoch,
            rng: Rng::new(seed, &[0x90_551b]),
            peers: Peers::default(),
            old: BTreeSet::new(),
            old_rate: Bucket::new(100, Duration::from_millis(50)),
            window: Window::new(settings.remembered),
            store: Store::new(settings.kept, settings.kept_bytes),
            fresh: VecDeque::new(),
            next_pulse: Time::default(),
            wants: Wants::default(),
            alerts: Alerts::new(),
            authors: LruCache::new(AUTHORS),
            banned: LruCache::new(AUTHORS),
            counts: Counts::default(),
            out: VecDeque::new(),
            settings,
        }
    }
    /// Something happened at `now`.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match input {
            Input::Up(peer) => self.up(now, peer),
            Input::Down(peer) => self.down(&peer),
            Input::OldUp(peer) => {
                if self.old.len() < MAX_PEERS {
                    self.old.insert(peer);
                }
            }
            Input::OldDown(peer) => {
                self.old.remove(&peer);
            }
            Input::Heard(peer, message) => self.hear(now, peer, message),
            Input::HeardOld(chat) => self.hear_old(now, chat),
            Input::Sent(peer) => self.peers.sent(&peer),
            Input::Say(draft) => {
                if let Err(problem) = self.say(now, draft) {
                    self.out.push_back(Output::Unsaid(problem));
                }
            }
            Input::Timeout => {}
        }
        self.pulse(now);
    }
    /// Says something, and shows how.
    ///
    /// # Errors
    /// It cannot be said, and why.
    pub fn say(&mut self, now: Time, draft: Draft) -> Result<Shown, String> {
        let Draft { channel, lifetime, words } = draft;
        let lifetime = lifetime.min(self.settings.lifetime);
        let created = self.wall(now);
        let opened = match &words {
            Words::Private { text, .. } => Some(text.to_string()),
            Words::Chat(_) | Words::Alert(..) | Words::Progress(..) => None,
        };
        let body = self.body(words)?;
        if channel.is_empty() || channel.len() > MAX_CHANNEL {
            return Err(format!("a channel's name has 1 to {MAX_CHANNEL} bytes"));
        }
        let expires = created.saturating_add(millis(lifetime));
        let author = self.me.id();
        let payload = Payload { author, channel: channel.clone(), created, expires, body };
        let parcel = Parcel::pack(&self.me, &payload);
        let (id, body) = (parcel.id(), payload.body.clone());
        self.accept(now, None, 0, parcel, payload);
        let created = Some(created);
        Ok(Shown { id, author, channel, created, body, opened, hops: 0, verified: true })
    }
    /// How far a message has come; none if it is not known, or not any more.
    pub fn spread_of(&self, id: &MessageId) -> Option<Spread> {
        let alert = self.alerts.get(id).cloned();
        let stored = self.store.get(id);
        if alert.is_none() && stored.is_none() {
            return None;
        }
        let told = || stored.into_iter().flat_map(|stored| stored.told.values());
        let given = told().filter(|told| told.has || told.copies > 0).count();
        Some(Spread { given, held: told().filter(|told| told.has).count(), alert })
    }
    /// What to do next.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        match self.peers.next() {
            Some((to, message)) => Output::Send(to, message),
            None => Output::Wait(self.alarm()),
        }
    }
    /// A look inside.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            peers: self.peers.len(),
            old_peers: self.old.len(),
            kept: self.store.len(),
            remembered: self.window.len(),
            dropped: self.peers.dropped,
            counts: self.counts,
            alerts: self.alerts.list(),
        }
    }

    fn wall(&self, now: Time) -> u64 {
        self.epoch.saturating_add(now.as_micros() / 1000)
    }

    fn up(&mut self, now: Time, peer: NodeId) {
        let banned = self.banned.get(&peer).is_some_and(|until| *until > now);
        if banned || peer == self.me.id() || !self.peers.add(peer, self.settings.peer_burst) {
            self.out.push_back(Output::Distrust(peer));
            return;
        }
        let since = self.wall(now).saturating_sub(millis(self.settings.catch_up));
        self.peers.send(peer, peers::Lane::Talk, Message::Since(since));
    }

    fn down(&mut self, peer: &NodeId) {
        self.peers.remove(peer);
        self.wants.forget(peer);
    }

    fn refuse(&mut self, from: Option<NodeId>, why: Why, detail: impl Into<String>) {
        self.counts.refused += 1;
        self.out.push_back(Output::Refused(Refused { from, why, detail: detail.into() }));
    }

    fn body(&self, words: Words) -> Result<Body, String> {
        let short = |text: Arc<str>| {
            let wrong = || format!("a text has 1 to {MAX_TEXT} bytes");
            let fits = !text.is_empty() && text.len() <= MAX_TEXT;
            fits.then_some(text).ok_or_else(wrong)
        };
        Ok(match words {
            Words::Chat(text) => Body::Chat { text: short(text)? },
            Words::Alert(need, text) => Body::Alert { need, text: short(text)? },
            Words::Progress(alert, state) => Body::Progress { alert, state },
            Words::Private { to, text, random } => {
                let sealed = private::seal(random, self.me.id(), to, &short(text)?);
                Body::Private { to, sealed: sealed.map_err(|e| e.to_string())?.into() }
            }
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
