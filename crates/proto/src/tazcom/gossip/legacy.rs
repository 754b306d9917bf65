//! Messages of version 0.2, which anybody can forge: shown as what they are, and passed on a little way.
use jiff::Timestamp;

use super::{Body, Chat, Gossip, MAIN_CHANNEL, NodeId, Output, Payload, Shown, Why, peers::draw};
use crate::{Time, tazcom::codec::LEGACY_HOPS};

impl Gossip {
    pub(super) fn hear_old(&mut self, now: Time, chat: Chat) {
        if !self.old_rate.take(now) {
            return self.refuse(None, Why::Rate, "too many unsigned messages at once");
        }
        let id = chat.id();
        if self.window.knows(&id) {
            self.counts.duplicates += 1;
            return;
        }
        let until = self.wall(now).saturating_add(super::millis(self.settings.lifetime));
        self.window.remember(id, until);
        let ttl = chat.ttl.clamp(0, LEGACY_HOPS.into()) as u8;
        if i64::from(ttl) != chat.ttl {
            let detail = format!("a ttl of {} counts as {ttl}", chat.ttl);
            self.refuse(None, Why::Hops, detail);
        }
        self.counts.taken += 1;
        self.out.push_back(Output::Show(Shown {
            id,
            author: chat.from,
            channel: MAIN_CHANNEL.into(),
            created: None,
            body: Body::Chat { text: chat.content.as_str().into() },
            opened: None,
            hops: LEGACY_HOPS - ttl + 1,
            verified: false,
        }));
        if ttl > 1 {
            let from = chat.from;
            self.pass_on(Chat { ttl: i64::from(ttl) - 1, ..chat }, from);
        }
    }

    /// Old peers hear what is said on the main channel, as if its author had told them.
    pub(super) fn tell_old(&mut self, payload: &Payload, text: &str) {
        let Payload { author, created, expires, .. } = *payload;
        if *payload.channel != *MAIN_CHANNEL || self.old.is_empty() {
            return;
        }
        let millis = i64::try_from(created).unwrap_or(i64::MAX);
        let Ok(written) = Timestamp::from_millisecond(millis) else { return };
        // Several of us may do this for one message; it is the same each time, and known when it comes
        // back.
        let chat = Chat::new(author, written.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string(), text);
        self.window.remember(chat.id(), expires);
        self.pass_on(chat, author);
    }

    fn pass_on(&mut self, chat: Chat, from: NodeId) {
        let others = self.old.iter().filter(|peer| **peer != from).copied().collect();
        for peer in draw(others, self.settings.copies.into(), &mut self.rng) {
            self.counts.copies += 1;
            self.out.push_back(Output::Tell(peer, chat.clone()));
        }
    }
}
