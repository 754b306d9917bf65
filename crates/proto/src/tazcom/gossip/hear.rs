//! What peers say, and whether it is taken.
use super::{
    Alert, AlertState, Body, Gossip, MAX_CHANNEL, Message, MessageId, NodeId, Output, Parcel,
    Payload, Shown, Why, millis, peers::Lane, private,
};
use crate::{
    Time,
    tazcom::{codec::MAX_IDS, envelope::Forged},
};
use std::time::Duration;

/// Nothing is taken from a peer for so long after it passed on too many forgeries.
const BAN: Duration = Duration::from_secs(600);

impl Gossip {
    pub(super) fn hear(&mut self, now: Time, from: NodeId, message: Message) {
        let Some(peer) = self.peers.get_mut(&from) else {
            let detail = format!("a {} from one that is no peer", message.kind());
            return self.refuse(Some(from), Why::Stranger, detail);
        };
        match message {
            Message::Signed { hops, parcel } => self.hear_signed(now, from, hops, parcel),
            Message::IHave(_) | Message::IWant(_) | Message::Since(_) if !peer.may_ask(now) => {
                self.refuse(Some(from), Why::Rate, "too many questions");
            }
            Message::IHave(ids) => self.hear_of(now, from, &ids),
            Message::IWant(ids) => {
                ids.iter().take(MAX_IDS).for_each(|id| self.give(now, from, id));
            }
            Message::Since(since) => {
                let ids = self.store.since(since, MAX_IDS);
                if !ids.is_empty() {
                    self.peers.send(from, Lane::Talk, Message::IHave(ids));
                }
            }
            other @ (Message::Hello { .. }
            | Message::Challenge { .. }
            | Message::Proof(_)
            | Message::Ack
            | Message::Error
            | Message::Ping
            | Message::Chat(_)) => {
                let detail = format!("a {} among signed messages", other.kind());
                self.refuse(Some(from), Why::Malformed, detail);
            }
        }
    }

    fn hear_of(&mut self, now: Time, from: NodeId, ids: &[MessageId]) {
        let mut too_many = 0;
        for id in ids {
            if let Some(stored) = self.store.get_mut(id) {
                stored.told.entry(from).or_default().has = true;
            } else if !self.window.knows(id) && !self.wants.offer(now, *id, from) {
                too_many += 1;
            }
        }
        if too_many > 0 {
            let detail = format!("{too_many} messages announced, more than can be wanted");
            self.refuse(Some(from), Why::TooMany, detail);
        }
    }

    fn hear_signed(&mut self, now: Time, from: NodeId, hops: u8, parcel: Parcel) {
        let id = parcel.id();
        if self.window.knows(&id) {
            return self.hear_again(from, &id);
        }
        let asked = self.wants.settle(&id);
        let peer = self.peers.get_mut(&from).expect("looked at just now");
        if !asked && !peer.unasked.take(now) {
            return self.refuse(Some(from), Why::Rate, "too many messages at once");
        }
        if hops > self.settings.max_hops {
            let detail = format!("{hops} hops, of {} there can be", self.settings.max_hops);
            self.refuse(Some(from), Why::Hops, detail);
            return self.forgery(now, from);
        }
        self.counts.checked += 1;
        match parcel.open() {
            Err(forged) => {
                let why = match forged {
                    Forged::Payload(_) => Why::Malformed,
                    Forged::Signature(_) => Why::Forged,
                };
                self.refuse(Some(from), why, forged.to_string());
                self.forgery(now, from);
            }
            Ok(payload) => match self.judge(now, &payload) {
                // Not remembered: its time may yet come.
                Err((why @ Why::Future, detail)) => self.refuse(Some(from), why, detail),
                Err((why, detail)) => {
                    self.refuse(Some(from), why, detail);
                    self.window.remember(id, self.longest(now));
                }
                Ok(()) => self.accept(now, Some(from), hops, parcel, payload),
            },
        }
    }

    /// Everybody sends what others have sent too; the same peer should not.
    fn hear_again(&mut self, from: NodeId, id: &MessageId) {
        self.counts.duplicates += 1;
        let gave = self.store.get_mut(id).map(|stored| {
            let told = stored.told.entry(from).or_default();
            told.has = true;
            std::mem::replace(&mut told.gave, true)
        });
        if gave.unwrap_or(true) {
            self.refuse(Some(from), Why::Replay, format!("{id} again"));
        }
    }

    /// Whether it may be taken by what its author signed.
    fn judge(&mut self, now: Time, payload: &Payload) -> Result<(), (Why, String)> {
        let Payload { author, channel, created, expires, body: _ } = payload;
        let wall = self.wall(now);
        if *expires < wall {
            return Err((Why::Expired, format!("over since {} ms", wall - expires)));
        }
        if *created > wall.saturating_add(millis(self.settings.skew)) {
            return Err((Why::Future, format!("from {} ms ahead of now", created - wall)));
        }
        if expires.saturating_sub(*created) > millis(self.settings.lifetime) {
            return Err((Why::Lifetime, format!("for {} ms", expires.saturating_sub(*created))));
        }
        if channel.is_empty() || channel.len() > MAX_CHANNEL {
            return Err((Why::Malformed, format!("a channel has 1 to {MAX_CHANNEL} bytes")));
        }
        // By the author's own clock, so that it does not matter how late they come.
        let written = self.authors.get_or_insert_mut((*author, created / 60_000), || 0);
        *written += 1;
        if *written > self.settings.author_rate {
            return Err((Why::Rate, format!("{author} wrote too much in a minute")));
        }
        Ok(())
    }

    /// When anything that comes now is over at the latest.
    fn longest(&self, now: Time) -> u64 {
        let Self { settings, .. } = self;
        self.wall(now)
            .saturating_add(millis(settings.lifetime))
            .saturating_add(millis(settings.skew))
    }

    fn forgery(&mut self, now: Time, from: NodeId) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.forgeries += 1;
        if peer.forgeries >= self.settings.forgeries {
            self.down(&from);
            self.banned.put(from, now + BAN);
            self.out.push_back(Output::Distrust(from));
        }
    }

    /// Shows a message that is new and sound, and has it spread. `from` nobody if it is our own.
    pub(super) fn accept(
        &mut self,
        now: Time,
        from: Option<NodeId>,
        hops: u8,
        parcel: Parcel,
        payload: Payload,
    ) {
        let id = parcel.id();
        self.window.remember(id, payload.expires.max(self.wall(now)));
        if !self.count(now, id, &payload) {
            return;
        }
        self.counts.taken += u64::from(from.is_some());
        if let Body::Chat { text } = &payload.body {
            self.tell_old(&payload, text);
        }
        self.spread(now, from, hops, id, parcel, &payload);
        if from.is_some() {
            self.show(id, hops, payload);
        }
    }

    /// What a message changes of an alert. False if it is one receipt too many.
    fn count(&mut self, now: Time, id: MessageId, payload: &Payload) -> bool {
        let author = payload.author;
        let ours = author == self.me.id();
        match payload.body {
            Body::Chat { .. } | Body::Private { .. } => {}
            Body::Alert { .. } => {
                self.tell_alert(id);
                if !ours && self.settings.receipts > 0 {
                    self.say_seen(now, id, payload);
                }
            }
            Body::Progress { alert, state } => {
                let known = self.alerts.of(alert);
                if state > known.state {
                    (known.state, known.by) = (state, Some(author));
                    self.tell_alert(alert);
                }
            }
            Body::Seen { alert } => {
                let limit = self.settings.receipts;
                let known = self.alerts.of(alert);
                if known.seen.len() >= limit && !ours || !known.seen.insert(author) {
                    return false;
                }
                self.tell_alert(alert);
            }
        }
        true
    }

    fn tell_alert(&mut self, id: MessageId) {
        let alert: Alert = self.alerts.of(id).clone();
        debug_assert!(alert.state >= AlertState::Open);
        self.out.push_back(Output::Alert(id, alert));
    }

    fn say_seen(&mut self, now: Time, alert: MessageId, of: &Payload) {
        let payload = Payload {
            author: self.me.id(),
            channel: of.channel.clone(),
            created: self.wall(now),
            expires: of.expires,
            body: Body::Seen { alert },
        };
        let parcel = Parcel::pack(&self.me, &payload);
        self.accept(now, None, 0, parcel, payload);
    }

    fn show(&mut self, id: MessageId, hops: u8, payload: Payload) {
        let Payload { author, channel, created, expires: _, body } = payload;
        let opened = match &body {
            Body::Seen { .. } => return,
            Body::Private { to, sealed } if *to == self.me.id() => {
                private::open(&self.me, author, sealed)
            }
            Body::Private { .. } => return,
            Body::Chat { .. } | Body::Alert { .. } | Body::Progress { .. } => None,
        };
        let created = Some(created);
        let (hops, verified) = (hops.saturating_add(1), true);
        let shown = Shown { id, author, channel, created, body, opened, hops, verified };
        self.out.push_back(Output::Show(shown));
    }
}
