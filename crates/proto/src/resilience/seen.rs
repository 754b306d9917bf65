//! The ids a receiver has seen lately, so that a request that comes again is known for what it is.
use std::{hash::Hash, num::NonZeroUsize, time::Duration};

use lru::LruCache;

use crate::{ConfigError, Span, Time};

/// Ids remembered unless told otherwise.
pub const REMEMBERED: usize = 1000;
/// How long an id is remembered unless told otherwise.
pub const REMEMBERED_FOR: Span = Span::millis(300_000);
/// Ids remembered at most: the room for them is taken at once.
const MAX_REMEMBERED: usize = 1_000_000;

/// So many ids, each for so long from its first arrival; the one heard of longest ago goes first.
#[derive(Debug)]
pub struct Seen<K: Hash + Eq> {
    known: LruCache<K, Known>,
    life: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    since: Time,
    arrivals: u32,
}

/// An id arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// How often by now; 1 is new.
    pub times: u32,
    /// How many older ids were let go of at this occasion.
    pub forgot: u32,
}

impl Arrival {
    /// It was never here before, or so long ago that nobody remembers.
    pub fn is_new(self) -> bool {
        self.times == 1
    }
}

impl<K: Hash + Eq + Clone> Seen<K> {
    /// Remembers at most `limit` ids, each for `life`.
    ///
    /// # Errors
    /// No room for any, or for more than a million.
    pub fn new(limit: usize, life: Duration) -> Result<Self, ConfigError> {
        let limit = NonZeroUsize::new(limit).filter(|limit| limit.get() <= MAX_REMEMBERED);
        let problem =
            || ConfigError::new("applied_limit", format!("must be from 1 to {MAX_REMEMBERED}"));
        Ok(Self { known: LruCache::new(limit.ok_or_else(problem)?), life })
    }

    /// This id arrived.
    pub fn arrive(&mut self, now: Time, id: &K) -> Arrival {
        let mut forgot = self.forget_old(now);
        match self.known.get_mut(id) {
            Some(known) if now - known.since <= self.life => {
                known.arrivals = known.arrivals.saturating_add(1);
                return Arrival { times: known.arrivals, forgot };
            }
            // Heard of again while it lived, and so not among the oldest.
            Some(known) => {
                *known = Known { since: now, arrivals: 1 };
                return Arrival { times: 1, forgot: forgot + 1 };
            }
            None => {}
        }
        let known = Known { since: now, arrivals: 1 };
        forgot += u32::from(self.known.push(id.clone(), known).is_some());
        Arrival { times: 1, forgot }
    }

    /// Whether this id would be known again, without its having arrived.
    pub fn knows(&self, now: Time, id: &K) -> bool {
        self.known.peek(id).is_some_and(|known| now - known.since <= self.life)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// All of them, and how often each arrived; the one heard of last comes first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.known.iter().map(|(id, known)| (id, known.arrivals))
    }

    fn forget_old(&mut self, now: Time) -> u32 {
        let mut forgot = 0;
        while self.known.peek_lru().is_some_and(|(_, known)| now - known.since > self.life) {
            self.known.pop_lru();
            forgot += 1;
        }
        forgot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1000)
    }
    fn seen(limit: usize, seconds: u64) -> Seen<u32> {
        Seen::new(limit, Duration::from_secs(seconds)).unwrap()
    }
    fn times(seen: &mut Seen<u32>, seconds: u64, ids: &[u32]) -> Vec<u32> {
        ids.iter().map(|id| seen.arrive(at(seconds), id).times).collect()
    }

    #[test]
    fn an_id_is_new_once() {
        assert_eq!(times(&mut seen(10, 300), 0, &[1, 2, 1, 1, 2]), [1, 1, 2, 3, 2]);
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let (mut two, mut three) = (seen(2, 300), seen(3, 300));
        assert_eq!(times(&mut two, 0, &[1, 2, 3, 1]), [1, 1, 1, 1]);
        assert_eq!(times(&mut three, 0, &[1, 2, 3, 1]), [1, 1, 1, 2]);
        assert_eq!((two.len(), three.len()), (2, 3));
    }

    #[test]
    fn one_that_is_heard_of_again_stays_longer() {
        assert_eq!(times(&mut seen(2, 300), 0, &[1, 2, 1, 3, 1, 2]), [1, 1, 2, 1, 3, 1]);
    }

    #[test]
    fn each_lives_so_long_from_its_first_arrival() {
        for life in [10, 300] {
            let mut seen = seen(10, life);
            assert_eq!(times(&mut seen, 0, &[1]), [1]);
            assert_eq!(times(&mut seen, life, &[1]), [2]);
            assert_eq!(times(&mut seen, life + 1, &[1]), [1], "it is not kept by repeating it");
        }
    }

    #[test]
    fn one_that_is_heard_of_again_lives_no_longer() {
        let mut seen = seen(10, 10);
        times(&mut seen, 0, &[1]);
        times(&mut seen, 2, &[2]);
        times(&mut seen, 5, &[1]);
        assert_eq!(seen.arrive(at(11), &1), Arrival { times: 1, forgot: 1 });
        assert_eq!(seen.arrive(at(11), &2), Arrival { times: 2, forgot: 0 });
    }

    #[test]
    fn what_is_let_go_of_is_counted() {
        let mut seen = seen(3, 10);
        let mut forgot = |seconds, id| seen.arrive(at(seconds), &id).forgot;
        assert_eq!([forgot(0, 1), forgot(1, 2), forgot(5, 3)], [0, 0, 0]);
        assert_eq!(forgot(6, 4), 1, "there was no room");
        assert_eq!(forgot(12, 2), 1, "its own time was up");
        assert_eq!(forgot(17, 5), 2, "two were too old");
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn no_room_and_too_much_room_are_refused() {
        let key = |limit| Seen::<u32>::new(limit, Duration::ZERO).unwrap_err().key;
        assert_eq!([key(0), key(1_000_001)], ["applied_limit"; 2]);
    }
}
