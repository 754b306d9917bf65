//! The sequence of a controller: one number for a command, the same in every attempt, also on the next
//! connection. The session it was first asked on may be gone by then, so this is not the session's.
use std::num::NonZeroUsize;

use lru::LruCache;

use crate::Ticket;

/// Commands whose numbers are known; so many are never on their way.
const KNOWN: usize = 1024;
/// Where a sequence begins is below this: the highest byte stays 0 for good.
const START: u32 = 1 << 24;

/// Numbers for commands.
#[derive(Debug)]
pub(super) struct Numbers {
    last: Option<u32>,
    given: LruCache<Ticket, u32>,
}

impl Default for Numbers {
    fn default() -> Self {
        let known = NonZeroUsize::new(KNOWN).expect("it is not 0");
        Self { last: None, given: LruCache::new(known) }
    }
}

impl Numbers {
    /// The number of this command. The first is as good as drawn by chance, as tickets are: a bridge
    /// remembers numbers for a while, and a controller that began anew at 1 would say old ones again.
    pub(super) fn of(&mut self, ticket: Ticket) -> u32 {
        if let Some(seq) = self.given.get(&ticket) {
            return *seq;
        }
        let first = ticket.0 as u32 % START;
        let seq = self.last.map_or(first, |last| last.wrapping_add(1));
        self.last = Some(seq);
        self.given.put(ticket, seq);
        seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_keeps_its_number_and_the_next_has_the_next() {
        let mut numbers = Numbers::default();
        let given: Vec<_> = [7, 100, 7, 3].map(|n| numbers.of(Ticket(n))).to_vec();
        assert_eq!(given, [7, 8, 7, 9]);
    }

    #[test]
    fn who_begins_anew_does_not_begin_with_the_same() {
        let first = |n| Numbers::default().of(Ticket(n));
        assert_ne!(first(0x1234_5678_9abc_def0), first(0x1234_5678_9abc_def1));
        assert!(first(u64::MAX) < START);
    }

    #[test]
    fn those_of_old_are_let_go_of() {
        let mut numbers = Numbers::default();
        for n in 0..=KNOWN as u64 {
            numbers.of(Ticket(n));
        }
        assert_eq!(numbers.given.len(), KNOWN);
        assert_eq!(numbers.of(Ticket(0)), KNOWN as u32 + 1);
    }
}
