//! What came in and waits for its reader: a bounded queue, and what becomes of more than it holds.
//!
//! ```text
//!            so many waits in vain, one after the other
//!   block ────────────────────────────────────────────▶ drop_oldest
//!     ▲                                                     │
//!     └──── a while later, once it is less than half full ──┘
//! ```
//! Who reads too slowly is waited for; who does not read at all shall not stop the connection for good.
mod intake;

use std::{collections::VecDeque, fmt};

use serde::{Deserialize, Serialize};

use crate::Time;
pub use intake::{Intake, RawIntake, WhenFull};

/// Why one was let go of. Labels of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// It waited for room in vain.
    Timeout,
    /// There was none.
    QueueFull,
    /// A newer one took its place.
    QueueFullAfterDrop,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What happened to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "queue", rename_all = "snake_case")]
pub enum QueueEvent {
    /// One more waits.
    Put,
    /// The first was read.
    Taken,
    /// One came and there was no room.
    Full,
    /// One was let go of.
    Dropped {
        /// Why.
        why: Dropped,
    },
    /// Another rule is in force.
    Changed {
        /// The rule before.
        from: WhenFull,
        /// The rule now.
        to: WhenFull,
    },
}

/// The queue itself.
#[derive(Debug)]
pub struct Queue<T> {
    set: Intake,
    waiting: VecDeque<T>,
    /// One that found no room, and until when it waits. There is at most one.
    outside: Option<(Time, T)>,
    rule: WhenFull,
    /// Waits in vain since anything was taken in.
    in_vain: u32,
    /// When it gave in.
    gave_in: Time,
    events: VecDeque<QueueEvent>,
}

impl<T> Queue<T> {
    /// An empty one.
    pub fn new(set: Intake) -> Self {
        let rule = set.when_full;
        Self {
            set,
            waiting: VecDeque::new(),
            outside: None,
            rule,
            in_vain: 0,
            gave_in: Time::default(),
            events: VecDeque::new(),
        }
    }

    /// One more came. Not to be called while one [waits](Self::is_blocked) for room.
    pub fn put(&mut self, now: Time, item: T) {
        self.recover(now);
        if self.waiting.len() < self.set.size {
            return self.enter(item);
        }
        self.events.push_back(QueueEvent::Full);
        match self.rule {
            WhenFull::Block if self.outside.is_none() => {
                self.outside = Some((now + self.set.patience, item));
            }
            WhenFull::DropOldest => {
                self.waiting.pop_front();
                self.let_go(Dropped::QueueFullAfterDrop);
                self.enter(item);
            }
            WhenFull::Block | WhenFull::Reject => self.let_go(Dropped::QueueFull),
        }
    }

    /// The first of them, for its reader.
    pub fn take(&mut self, now: Time) -> Option<T> {
        let item = self.waiting.pop_front()?;
        self.events.push_back(QueueEvent::Taken);
        if let Some((_, outside)) = self.outside.take() {
            self.enter(outside);
        }
        self.recover(now);
        Some(item)
    }

    /// Time has passed: who waited for room long enough waits no more.
    pub fn pass_time(&mut self, now: Time) {
        if self.outside.as_ref().is_none_or(|(until, _)| *until > now) {
            return;
        }
        let Some((_, item)) = self.outside.take() else { return };
        self.in_vain += 1;
        if self.in_vain < self.set.give_in_after {
            return self.let_go(Dropped::Timeout);
        }
        self.gave_in = now;
        self.change(WhenFull::DropOldest);
        self.waiting.pop_front();
        self.let_go(Dropped::QueueFullAfterDrop);
        self.enter(item);
    }

    /// One waits for room: bring no more.
    pub fn is_blocked(&self) -> bool {
        self.outside.is_some()
    }

    /// When to [look again](Self::pass_time).
    pub fn wake_at(&self) -> Option<Time> {
        self.outside.as_ref().map(|(until, _)| *until)
    }

    /// How many wait to be read.
    pub fn depth(&self) -> usize {
        self.waiting.len()
    }

    /// What happened, one thing after the other.
    pub fn poll_event(&mut self) -> Option<QueueEvent> {
        self.events.pop_front()
    }

    fn enter(&mut self, item: T) {
        self.waiting.push_back(item);
        self.in_vain = 0;
        self.events.push_back(QueueEvent::Put);
    }

    fn let_go(&mut self, why: Dropped) {
        self.events.push_back(QueueEvent::Dropped { why });
    }

    /// Its reader is back: as it was set, so it is again.
    fn recover(&mut self, now: Time) {
        let later = now - self.gave_in >= self.set.give_in_for;
        if self.rule != self.set.when_full && later && self.depth() * 2 < self.set.size {
            self.change(self.set.when_full);
        }
    }

    fn change(&mut self, to: WhenFull) {
        let from = std::mem::replace(&mut self.rule, to);
        self.in_vain = 0;
        self.events.push_back(QueueEvent::Changed { from, to });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }
    fn queue(raw: RawIntake) -> Queue<u32> {
        Queue::new(Intake::new(raw).unwrap())
    }
    fn of(size: usize, when_full: WhenFull) -> RawIntake {
        RawIntake { size, when_full, ..RawIntake::default() }
    }
    fn rest(queue: &mut Queue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.take(at(0))).collect()
    }
    fn dropped(queue: &mut Queue<u32>) -> Vec<Dropped> {
        let why = |event| match event {
            QueueEvent::Dropped { why } => Some(why),
            QueueEvent::Put | QueueEvent::Taken | QueueEvent::Full | QueueEvent::Changed { .. } => {
                None
            }
        };
        std::iter::from_fn(|| queue.poll_event()).filter_map(why).collect()
    }
    fn changes(queue: &mut Queue<u32>) -> Vec<WhenFull> {
        let to = |event| match event {
            QueueEvent::Changed { to, .. } => Some(to),
            QueueEvent::Put | QueueEvent::Taken | QueueEvent::Full | QueueEvent::Dropped { .. } => {
                None
            }
        };
        std::iter::from_fn(|| queue.poll_event()).filter_map(to).collect()
    }
    /// A reader that never reads, for so many waits; the time then.
    fn starve(queue: &mut Queue<u32>, waits: u32) -> u64 {
        let mut now = 0;
        for item in 0..waits {
            queue.put(at(now), 100 + item);
            now += 10_000;
            queue.pass_time(at(now));
        }
        now
    }

    #[test]
    fn each_rule_keeps_what_it_says() {
        use WhenFull::*;
        let rows = [
            (Block, vec![1, 2, 3], vec![]),
            (DropOldest, vec![2, 3], vec![Dropped::QueueFullAfterDrop]),
            (Reject, vec![1, 2], vec![Dropped::QueueFull]),
        ];
        for (rule, kept, lost) in rows {
            let mut queue = queue(of(2, rule));
            (1..=3).for_each(|item| queue.put(at(0), item));
            assert_eq!(queue.is_blocked(), rule == Block, "{rule}");
            assert_eq!((dropped(&mut queue), rest(&mut queue)), (lost, kept), "{rule}");
        }
    }

    #[test]
    fn there_is_room_for_as_many_as_it_says() {
        for size in [2, 5] {
            let mut queue = queue(of(size, WhenFull::Reject));
            (0..10).for_each(|item| queue.put(at(0), item));
            assert_eq!(queue.depth(), size);
        }
    }

    #[test]
    fn one_waits_for_room_as_long_as_it_says() {
        for ms in [50, 10_000] {
            let mut queue =
                queue(RawIntake { patience: Span::millis(ms), ..of(1, WhenFull::Block) });
            queue.put(at(0), 1);
            queue.put(at(0), 2);
            assert_eq!(queue.wake_at(), Some(at(ms)));
            queue.pass_time(at(ms - 1));
            assert!(queue.is_blocked());
            queue.pass_time(at(ms));
            assert_eq!((queue.is_blocked(), dropped(&mut queue)), (false, vec![Dropped::Timeout]));
        }
    }

    #[test]
    fn so_many_waits_in_vain_and_the_oldest_make_room() {
        for after in [3, 10] {
            let mut queue = queue(RawIntake { give_in_after: after, ..of(2, WhenFull::Block) });
            (1..=2).for_each(|item| queue.put(at(0), item));
            starve(&mut queue, after - 1);
            assert_eq!(changes(&mut queue), []);
            starve(&mut queue, 1);
            assert_eq!(changes(&mut queue), [WhenFull::DropOldest]);
            queue.put(at(0), 7);
            assert_eq!((queue.is_blocked(), queue.depth()), (false, 2));
        }
    }

    #[test]
    fn one_that_gets_in_begins_the_count_anew() {
        let mut queue = queue(RawIntake { give_in_after: 3, ..of(1, WhenFull::Block) });
        queue.put(at(0), 1);
        for _ in 0..5 {
            starve(&mut queue, 2);
            queue.put(at(0), 2);
            assert!(queue.take(at(0)).is_some());
        }
        assert_eq!(changes(&mut queue), []);
    }

    #[test]
    fn it_heals_after_a_while_and_only_when_less_than_half_full() {
        for seconds in [60, 5] {
            let give_in_for = Span::millis(seconds * 1000);
            let raw = RawIntake { give_in_after: 1, give_in_for, ..of(4, WhenFull::Block) };
            let mut queue = queue(raw);
            (1..=4).for_each(|item| queue.put(at(0), item));
            let gave_in = starve(&mut queue, 1);
            assert_eq!(changes(&mut queue), [WhenFull::DropOldest]);
            let healed = at(gave_in + seconds * 1000);
            queue.take(healed);
            queue.take(healed);
            assert_eq!(changes(&mut queue), [], "half full");
            queue.put(at(gave_in + seconds * 1000 - 1), 9);
            queue.take(at(gave_in + seconds * 1000 - 1));
            queue.take(at(gave_in + seconds * 1000 - 1));
            assert_eq!(changes(&mut queue), [], "too soon");
            queue.take(healed);
            assert_eq!(changes(&mut queue), [WhenFull::Block]);
        }
    }
}
