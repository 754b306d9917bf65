//! What a supervisor noted, as records; and how far each request got, for whoever asked it.
use proto::{Delivery, Protocol, Time, resilience::Note};

use super::{Asker, Reached};
use crate::Event;

/// A request that somebody waits for.
pub(super) struct Waiting<P: Protocol> {
    pub(super) since: Time,
    pub(super) levels: Vec<Reached>,
    pub(super) answer: Asker<P>,
}

impl<P: Protocol> Waiting<P> {
    /// It got this far, if that is further than before.
    pub(super) fn reached(&mut self, now: Time, level: Delivery) {
        if self.levels.last().is_none_or(|last| last.level < level) {
            self.levels.push(Reached { level, after: now - self.since });
        }
    }
}

/// What a supervisor noted, as a record.
pub(super) fn noted(note: Note, conn: u32, now: Time) -> Event {
    let micros = |at: Time| (at - now).as_micros() as u64;
    match note {
        Note::Proved(proof) => Event::Proved { conn, proof },
        Note::Reached { ticket, level } => Event::Reached { ticket, level },
        Note::Pulse(pulse) => Event::Pulse { pulse },
        Note::Lost { reason, redial_at } => {
            Event::Lost { conn, reason, redial_in_us: micros(redial_at) }
        }
        Note::Resent { ticket } => Event::Resent { conn, ticket },
        Note::Attempt { ticket, attempt } => Event::Attempt { ticket, attempt },
        Note::AttemptFailed { ticket, attempt, stage, detail, retry_at } => Event::AttemptFailed {
            ticket,
            attempt,
            stage,
            detail,
            retry_in_us: retry_at.map(micros),
        },
    }
}
