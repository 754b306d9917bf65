//! What the equipment wants said: waiting to be fetched, or said and not answered yet.
use std::collections::{BTreeMap, VecDeque};

use super::{Ended, Primary, equipment::Gem};
use crate::{Time, secs2::Item};

/// The most messages that wait to be fetched.
const MAX_WAITING: usize = 1024;
/// The most that wait for an answer. While there are so many, no more are handed out.
const MAX_OPEN: usize = 64;

/// A primary without a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) stream: u8,
    pub(super) function: u8,
    pub(super) wait: bool,
    pub(super) item: Option<Item>,
}

impl Message {
    /// A message with a text that wants a reply, as most do.
    pub(super) fn new(stream: u8, function: u8, item: Item) -> Self {
        Self { stream, function, wait: true, item: Some(item) }
    }
}

/// Why a message is said, and so what its end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// S1F13, to establish communications.
    Establish,
    /// S1F1, to go online.
    Online,
    /// It tells the host something, which is not to be lost.
    Tell,
    /// The same, out of the spool.
    Spooled,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Messages numbered so far.
    numbered: u64,
    waiting: VecDeque<(Purpose, Message)>,
    open: BTreeMap<u64, (Purpose, Message)>,
    /// Messages nobody will ever hear.
    pub(super) lost: u64,
}

impl Outbox {
    /// Puts a message last; false if there is no room.
    pub(super) fn push(&mut self, purpose: Purpose, message: Message) -> bool {
        let room = self.waiting.len() < MAX_WAITING;
        if room {
            self.waiting.push_back((purpose, message));
        }
        room
    }

    pub(super) fn count_lost(&mut self) {
        self.lost += 1;
    }

    fn next(&mut self) -> Option<(Purpose, Primary)> {
        if self.open.len() >= MAX_OPEN {
            return None;
        }
        let (purpose, message) = self.waiting.pop_front()?;
        self.numbered += 1;
        if message.wait {
            self.open.insert(self.numbered, (purpose, message.clone()));
        }
        let Message { stream, function, wait, item } = message;
        Some((purpose, Primary { id: self.numbered, stream, function, wait, item }))
    }

    /// Empties it, oldest first.
    pub(super) fn drain(&mut self) -> Vec<(Purpose, Message)> {
        let open = std::mem::take(&mut self.open).into_values();
        open.chain(self.waiting.drain(..)).collect()
    }
}

impl Gem {
    pub(super) fn fetch(&mut self, now: Time) -> Option<Primary> {
        let (purpose, primary) = self.outbox.next()?;
        self.counts.said(primary.stream, primary.function);
        if purpose == Purpose::Spooled && !primary.wait {
            self.unspooled(now, true);
        }
        Some(primary)
    }

    /// Says something to the host, now or out of the spool, if the host may hear it at all.
    pub(super) fn say(&mut self, now: Time, message: Message) {
        if !self.control.state.online() {
            return self.outbox.count_lost();
        }
        let through = self.communication.up() && !self.spool.active();
        if !through && self.spool.takes(&message) {
            return self.spool(now, message);
        }
        if !self.communication.up() || !self.outbox.push(Purpose::Tell, message) {
            self.outbox.count_lost();
        }
    }

    /// One of our primaries has ended. Those of connections past have been dealt with.
    pub(super) fn ended(&mut self, now: Time, id: u64, ended: Ended) {
        let Some((purpose, message)) = self.outbox.open.remove(&id) else { return };
        match purpose {
            Purpose::Establish => self.establishing_ended(now, &ended),
            Purpose::Online => {
                self.attempt_ended(now, matches!(ended, Ended::Reply { function: 2, .. }))
            }
            Purpose::Spooled => self.unspooled(now, matches!(ended, Ended::Reply { .. })),
            Purpose::Tell => match ended {
                Ended::Reply { .. } => {}
                // The host may well have heard it; to tell it again could do harm.
                Ended::TimedOut => self.outbox.count_lost(),
                Ended::Failed => self.keep(now, message),
            },
        }
    }

    /// What could not be told is spooled, if it may be.
    pub(super) fn keep(&mut self, now: Time, message: Message) {
        match self.spool.takes(&message) {
            true => self.spool(now, message),
            false => self.outbox.count_lost(),
        }
    }
}
