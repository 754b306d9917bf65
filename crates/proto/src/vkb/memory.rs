//! What a fake VKB-Link remembers over all its connections: the state in force, and every byte it
//! read, by connection.
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde::Serialize;

use super::{
    Bitmaps, Mode, Quirk,
    quirk::{Connected, Moment},
};
use crate::{
    quirk::{Modes, One},
    session::hex,
};

/// Connections remembered; the oldest go first.
const MAX_CONNECTIONS: usize = 64;
/// Bytes remembered of each, its latest.
const MAX_BYTES: usize = 64 * 1024;
/// Gaps told one by one.
const MAX_GAPS: usize = 16;
/// Different states there are.
const STATES: usize = 1 << 16;

/// What a device remembers.
#[derive(Debug, Default)]
pub struct Memory {
    modes: Modes<Mode>,
    state: Bitmaps,
    read: Tally,
    opened: u64,
    live: u32,
    logs: BTreeMap<u64, Log>,
}

/// What was read on one connection.
#[derive(Debug, Default)]
struct Log {
    latest: VecDeque<u8>,
    total: u64,
    read: Tally,
}

/// Frames counted by the number their bitmaps spell.
#[derive(Clone, Debug, Default)]
struct Tally {
    frames: u64,
    first: Option<u16>,
    last: Option<u16>,
    duplicates: u64,
    /// One bit for each number that came.
    seen: Vec<u64>,
}

/// What the device would say of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The mode in force.
    pub mode: String,
    /// Those for a few times that come before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
    /// The state in force.
    #[serde(flatten)]
    pub state: Bitmaps,
    /// Over all connections.
    pub numbers: Numbers,
    /// Connections it accepted.
    pub opened: u64,
    /// The latest of them, oldest first.
    pub connections: Vec<Connection>,
}

/// What was read on one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Its place among all it ever accepted, from 1.
    pub number: u64,
    /// Bytes read.
    pub total: u64,
    /// The latest 65536 of them.
    #[serde(with = "hex")]
    pub bytes: Bytes,
    /// What they spelt.
    pub numbers: Numbers,
}

/// Frames as numbers, `shift | subshift << 8`: a sender that counts can be checked for loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// Frames in all.
    pub frames: u64,
    /// The first to come.
    pub first: Option<u16>,
    /// The last to come.
    pub last: Option<u16>,
    /// Frames whose number had come before.
    pub duplicates: u64,
    /// Numbers between the lowest and the highest that never came.
    pub missing: u64,
    /// Where they are missing, as `300` or `300-301`; the first 16 gaps.
    pub gaps: Vec<String>,
}

impl Memory {
    pub(super) fn misbehave(&mut self, quirk: Quirk) {
        self.modes.misbehave(quirk);
    }
    pub(super) fn listening(&self) -> bool {
        match self.modes.standing() {
            Mode::Refuse => false,
            Mode::OneConnection(One::Refuse) => self.live == 0,
            _ => true,
        }
    }
    /// Numbers a connection that has just opened, and says whether there was one already.
    pub(super) fn open(&mut self) -> (u64, bool) {
        self.opened += 1;
        self.live += 1;
        if self.logs.len() == MAX_CONNECTIONS {
            self.logs.pop_first();
        }
        self.logs.insert(self.opened, Log::default());
        (self.opened, self.live > 1)
    }
    pub(super) fn close(&mut self) {
        self.live -= 1;
    }
    /// There is a newer connection than this.
    pub(super) fn is_outdated(&self, connection: u64) -> bool {
        connection < self.opened
    }
    pub(super) fn read(&mut self, connection: u64, bytes: &[u8]) {
        let Some(log) = self.logs.get_mut(&connection) else { return };
        log.total += bytes.len() as u64;
        log.latest.extend(bytes);
        let excess = log.latest.len().saturating_sub(MAX_BYTES);
        log.latest.drain(..excess);
    }
    pub(super) fn assert(&mut self, connection: u64, state: Bitmaps) {
        self.state = state;
        self.read.count(state);
        if let Some(log) = self.logs.get_mut(&connection) {
            log.read.count(state);
        }
    }
    /// The mode that strikes now, used up if it was for a few times only.
    pub(super) fn strike(&mut self, moment: Moment, on: Connected) -> Mode {
        // The mode was switched while a connection lived: what bars connections bars this one now.
        let late = moment == Moment::Frame && !self.modes.has_next();
        self.modes.strike(|mode| mode.strikes(moment, on) || late && mode.bars())
    }
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            mode: Quirk { mode: self.modes.standing(), times: None }.to_string(),
            next: self.modes.next(),
            state: self.state,
            numbers: self.read.numbers(),
            opened: self.opened,
            connections: self.logs.iter().map(|(number, log)| log.connection(*number)).collect(),
        }
    }
}

impl Log {
    fn connection(&self, number: u64) -> Connection {
        let Self { latest, total, read } = self;
        let bytes = latest.iter().copied().collect();
        Connection { number, total: *total, bytes, numbers: read.numbers() }
    }
}

impl Tally {
    fn count(&mut self, Bitmaps { shift, subshift }: Bitmaps) {
        let number = u16::from_le_bytes([shift, subshift]);
        self.frames += 1;
        self.first.get_or_insert(number);
        self.last = Some(number);
        self.seen.resize(STATES / 64, 0);
        let (word, bit) = (usize::from(number / 64), 1 << (number % 64));
        self.duplicates += u64::from(self.seen[word] & bit != 0);
        self.seen[word] |= bit;
    }

    fn numbers(&self) -> Numbers {
        let came = |n: &usize| self.seen.get(n / 64).is_some_and(|word| word >> (n % 64) & 1 == 1);
        let mut numbers = Numbers {
            frames: self.frames,
            first: self.first,
            last: self.last,
            duplicates: self.duplicates,
            missing: 0,
            gaps: Vec::new(),
        };
        let mut came = (0..STATES).filter(came);
        let Some(mut before) = came.next() else { return numbers };
        for next in came {
            let missing = next - before - 1;
            numbers.missing += missing as u64;
            if missing > 0 && numbers.gaps.len() < MAX_GAPS {
                let (from, to) = (before + 1, next - 1);
                let gap = if from == to { from.to_string() } else { format!("{from}-{to}") };
                numbers.gaps.push(gap);
            }
            before = next;
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(all: impl IntoIterator<Item = u16>) -> Numbers {
        let mut tally = Tally::default();
        for number in all {
            let [shift, subshift] = number.to_le_bytes();
            tally.count(Bitmaps { shift, subshift });
        }
        tally.numbers()
    }

    #[test]
    fn what_a_counting_sender_lost_and_repeated_is_told() {
        let numbers = tally((1..300).chain(302..1000).chain([999, 1001, 999]));
        assert_eq!((numbers.first, numbers.last), (Some(1), Some(999)));
        assert_eq!((numbers.frames, numbers.duplicates), (1000, 2));
        assert_eq!(numbers.missing, 3);
        assert_eq!(numbers.gaps, ["300-301", "1000"]);
    }

    #[test]
    fn nothing_is_missing_where_nothing_was_sent() {
        let numbers = tally([]);
        assert_eq!((numbers.frames, numbers.first, numbers.missing), (0, None, 0));
        assert_eq!(tally(0..=u16::MAX).missing, 0);
        assert_eq!(tally([0, u16::MAX]).gaps, ["1-65534"]);
    }

    #[test]
    fn gaps_without_end_are_counted_and_not_all_told() {
        let numbers = tally((0..1000).map(|n| n * 2));
        assert_eq!((numbers.missing, numbers.gaps.len()), (999, MAX_GAPS));
    }

    #[test]
    fn the_log_keeps_the_latest_bytes_of_the_latest_connections() {
        let mut memory = Memory::default();
        let (first, _) = memory.open();
        memory.read(first, &[1; MAX_BYTES]);
        memory.read(first, &[2; 3]);
        let snapshot = memory.snapshot();
        let log = &snapshot.connections[0];
        assert_eq!((log.total, log.bytes.len()), (MAX_BYTES as u64 + 3, MAX_BYTES));
        assert!(log.bytes.ends_with(&[1, 2, 2, 2]));
        for _ in 0..MAX_CONNECTIONS {
            memory.open();
        }
        memory.read(first, b"late");
        memory.assert(first, Bitmaps { shift: 1, subshift: 0 });
        let snapshot = memory.snapshot();
        assert_eq!(snapshot.connections.len(), MAX_CONNECTIONS);
        assert_eq!((snapshot.connections[0].number, snapshot.opened), (2, 65));
        assert_eq!(snapshot.state.shift, 1);
    }
}
