//! The spool: messages kept while nobody listens, and told or thrown away when the host says so.
//!
//! ```text
//!            a message to keep                S6F23 transmit
//! INACTIVE ───────────────────▶ ACTIVE, loading ───────────▶ ACTIVE, transmitting
//!     ▲                          │     ▲                        │      │
//!     └── S6F23 purge ───────────┘     └── MaxSpoolTransmit, ───┘      │
//!     └── the last one answered ───────── or one that failed ──────────┘
//! ```
//!
//! While it is active, whatever may be kept goes in behind, also with the host listening again: else it
//! would overtake what is older.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    Occasion, RawSpool, Shows,
    equipment::Gem,
    keep,
    outbox::{Message, Purpose},
    text::{self, LONGEST, Read},
};
use crate::{ConfigError, Time, secs2::Item};

/// The most bytes it holds, however many messages that is.
const MAX_BYTES: usize = 4 * LONGEST;

#[derive(Clone, Debug)]
pub(super) struct Spool {
    /// The functions that are kept, by stream.
    pub(super) chosen: BTreeMap<u8, BTreeSet<u8>>,
    held: VecDeque<Message>,
    bytes: usize,
    most: usize,
    pub(super) transmit: u32,
    pub(super) overwrite: bool,
    transmitting: Option<Transmission>,
    /// Messages put in since it became active, thrown away or not.
    pub(super) total: u64,
    /// Messages it had no room for.
    pub(super) overwritten: u64,
    pub(super) started: Option<Time>,
    pub(super) filled: Option<Time>,
}

/// The host is being told.
#[derive(Clone, Copy, Debug)]
struct Transmission {
    /// How many more for this S6F23.
    left: u64,
    /// Whether the oldest was thrown away on its way out.
    overwritten: bool,
}

impl Spool {
    pub(super) fn new(raw: RawSpool) -> Result<Self, ConfigError> {
        let RawSpool { streams, messages: most, transmit, overwrite } = raw;
        let mut chosen = BTreeMap::new();
        for (i, stream) in streams.into_iter().enumerate() {
            let functions = keep::choice(stream, &[]).map_err(|_| {
                let problem =
                    format!("messages of stream {stream} cannot be kept; 5, 6 and 10 can");
                ConfigError::new(format!("spool.streams[{i}]"), problem)
            })?;
            chosen.insert(stream, functions);
        }
        if most == 0 {
            return Err(ConfigError::new("spool.messages", "should be at least 1"));
        }
        Ok(Self {
            chosen,
            held: VecDeque::new(),
            bytes: 0,
            most,
            transmit,
            overwrite,
            transmitting: None,
            total: 0,
            overwritten: 0,
            started: None,
            filled: None,
        })
    }

    /// Whether it holds anything.
    pub(super) fn active(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether this is kept while nobody listens.
    pub(super) fn takes(&self, message: &Message) -> bool {
        self.chosen.get(&message.stream).is_some_and(|f| f.contains(&message.function))
    }

    /// What is kept, as people read it.
    pub(super) fn chosen(&self) -> impl Iterator<Item = String> + '_ {
        let all = self.chosen.iter();
        all.flat_map(|(s, functions)| functions.iter().map(move |f| format!("S{s}F{f}")))
    }

    fn put(&mut self, now: Time, message: Message) {
        self.total += 1;
        let size = size(&message);
        while self.held.len() >= self.most || self.bytes + size > MAX_BYTES {
            self.filled = Some(now);
            self.overwritten += 1;
            if !self.overwrite || self.held.is_empty() {
                return;
            }
            self.take();
            if let Some(transmission) = &mut self.transmitting {
                transmission.overwritten = true;
            }
        }
        self.bytes += size;
        self.held.push_back(message);
    }

    fn take(&mut self) {
        if let Some(message) = self.held.pop_front() {
            self.bytes -= size(&message);
        }
    }

    fn clear(&mut self) {
        self.held.clear();
        (self.bytes, self.transmitting) = (0, None);
    }
}

fn size(message: &Message) -> usize {
    message.item.as_ref().map_or(0, Item::encoded_len)
}

impl Gem {
    /// Keeps a message until the host asks for it.
    pub(super) fn spool(&mut self, now: Time, message: Message) {
        let begins = !self.spool.active();
        if begins {
            (self.spool.total, self.spool.started) = (0, Some(now));
        }
        self.spool.put(now, message);
        if begins {
            self.occur(now, Occasion::SpoolingActivated);
        }
    }

    /// S6F23, request spooled data.
    pub(super) fn request_spooled(&mut self, now: Time, item: Option<&Item>) -> Read<Item> {
        let purge = match text::byte(text::some(item)?)? {
            0 => false,
            1 => true,
            _ => return Err(text::Refusal::Data),
        };
        if self.busy || self.spool.transmitting.is_some() {
            return Ok(text::code(1));
        }
        if !self.spool.active() {
            return Ok(text::code(2));
        }
        if purge {
            self.spool.clear();
            self.occur(now, Occasion::SpoolingDeactivated);
            return Ok(text::code(0));
        }
        let left = if self.spool.transmit == 0 { u64::MAX } else { self.spool.transmit.into() };
        self.spool.transmitting = Some(Transmission { left, overwritten: false });
        self.tell_oldest();
        Ok(text::code(0))
    }

    /// Only one at a time is on its way, so that none is lost or overtaken.
    fn tell_oldest(&mut self) {
        let oldest = self.spool.held.front().cloned();
        let told = oldest.is_some_and(|message| self.outbox.push(Purpose::Spooled, message));
        if !told {
            self.spool.transmitting = None;
        }
    }

    /// The oldest message was told, or could not be.
    pub(super) fn unspooled(&mut self, now: Time, told: bool) {
        let Some(transmission) = self.spool.transmitting.take() else { return };
        if !told {
            return self.occur(now, Occasion::SpoolTransmitFailure);
        }
        if !transmission.overwritten {
            self.spool.take();
        }
        if !self.spool.active() {
            return self.occur(now, Occasion::SpoolingDeactivated);
        }
        let left = transmission.left - 1;
        if left > 0 {
            self.spool.transmitting = Some(Transmission { left, overwritten: false });
            self.tell_oldest();
        }
    }

    /// What a variable shows of the spool.
    pub(super) fn shown_spool(&self, shows: Shows) -> Item {
        let clock = |at: Option<Time>| at.map_or_else(|| Item::ascii(""), |at| self.clock.text(at));
        let count = |n: u64| Item::u4(u32::try_from(n).unwrap_or(u32::MAX));
        match shows {
            Shows::SpoolCountActual => count(self.spool.len() as u64),
            Shows::SpoolCountTotal => count(self.spool.total),
            Shows::SpoolStartTime => clock(self.spool.started),
            Shows::SpoolFullTime => clock(self.spool.filled),
            Shows::Clock | Shows::ControlState => Item::list([]),
            Shows::AlarmsSet | Shows::AlarmsEnabled | Shows::EventsEnabled => Item::list([]),
        }
    }
}
