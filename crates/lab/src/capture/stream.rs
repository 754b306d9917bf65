//! One direction of a connection, put together from its segments: each byte once and in order, however
//! often and in whatever order it was captured.
use std::collections::BTreeMap;

use jiff::Timestamp;

/// Bytes held back for those before them. When more wait, those before them were not captured.
const MOST_HELD: usize = 1 << 20;
/// The same, counted in segments.
const MOST_SEGMENTS: usize = 1024;

/// What comes next in the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Option<Timestamp>, Vec<u8>),
    /// So many that were not captured.
    Gap(u64),
}

/// The direction, as far as it is known.
#[derive(Debug)]
pub struct Stream {
    /// Sequence number of the next byte, and its place in the stream.
    next: u32,
    at: u64,
    /// Segments by the place of their first byte, none of them before `at`.
    held: BTreeMap<u64, (Option<Timestamp>, Vec<u8>)>,
    holding: usize,
    /// Where the sender finished.
    end: Option<u64>,
}

impl Stream {
    /// One whose first byte has this sequence number.
    pub fn new(next: u32) -> Self {
        Self { next, at: 0, held: BTreeMap::new(), holding: 0, end: None }
    }
    /// A segment begins with this sequence number, too.
    pub fn begins_with(&self, seq: u32) -> bool {
        self.next.wrapping_sub(self.at as u32) == seq
    }
    /// Nothing has come yet.
    pub fn is_fresh(&self) -> bool {
        self.at == 0 && self.held.is_empty()
    }
    /// Takes a segment; what has been there already is left out.
    pub fn take(&mut self, seq: u32, payload: &[u8], fin: bool, time: Option<Timestamp>) {
        // Half of all numbers lie ahead, the other half behind.
        let ahead = i64::from(seq.wrapping_sub(self.next).cast_signed());
        let known = usize::try_from(-ahead).unwrap_or(0);
        let start = self.at + u64::try_from(ahead).unwrap_or(0);
        if let (true, Some(fresh)) = (fin, payload.len().checked_sub(known)) {
            self.end = Some(start + fresh as u64);
        }
        let Some(fresh) = payload.get(known..).filter(|fresh| !fresh.is_empty()) else { return };
        let longer = self.held.get(&start).is_none_or(|(_, there)| there.len() < fresh.len());
        if longer {
            self.holding += fresh.len();
            let before = self.held.insert(start, (time, fresh.to_vec()));
            self.holding -= before.map_or(0, |(_, bytes)| bytes.len());
        }
    }
    /// What can be said now.
    pub fn piece(&mut self) -> Option<Piece> {
        let full = self.holding > MOST_HELD || self.held.len() > MOST_SEGMENTS;
        self.in_order().or_else(|| if full { self.gap() } else { None })
    }
    /// What can be said when no more segments will come.
    pub fn rest(&mut self) -> Option<Piece> {
        self.in_order().or_else(|| self.gap())
    }
    /// All that its sender had to say has been said.
    pub fn is_over(&self) -> bool {
        self.end.is_some_and(|end| self.at >= end)
    }
    /// Bytes held back.
    pub fn holding(&self) -> usize {
        self.holding
    }

    fn in_order(&mut self) -> Option<Piece> {
        while let Some(first) = self.held.first_entry().filter(|first| *first.key() <= self.at) {
            let (start, (time, mut bytes)) = first.remove_entry();
            self.holding -= bytes.len();
            let known = usize::try_from(self.at - start).unwrap_or(usize::MAX);
            if known < bytes.len() {
                bytes.drain(..known);
                self.advance(bytes.len() as u64);
                return Some(Piece::Bytes(time, bytes));
            }
        }
        None
    }

    fn gap(&mut self) -> Option<Piece> {
        let to = self.held.keys().next().copied().or(self.end).filter(|to| *to > self.at)?;
        let missing = to - self.at;
        self.advance(missing);
        Some(Piece::Gap(missing))
    }

    fn advance(&mut self, by: u64) {
        self.at += by;
        self.next = self.next.wrapping_add(by as u32);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(stream: &mut Stream) -> Vec<Piece> {
        std::iter::from_fn(|| stream.rest()).collect()
    }

    fn bytes(bytes: &[u8]) -> Piece {
        Piece::Bytes(None, bytes.to_vec())
    }

    #[test]
    fn what_is_missing_waits_and_then_is_told() {
        let mut stream = Stream::new(10);
        stream.take(13, b"de", false, None);
        assert_eq!(stream.piece(), None);
        stream.take(10, b"abc", false, None);
        assert_eq!((stream.piece(), stream.piece()), (Some(bytes(b"abc")), Some(bytes(b"de"))));
        stream.take(17, b"h", true, None);
        assert_eq!(all(&mut stream), [Piece::Gap(2), bytes(b"h")]);
        assert!(stream.is_over());
    }

    #[test]
    fn more_than_is_held_back_is_not_waited_for() {
        let mut stream = Stream::new(0);
        let mut pieces = 0;
        for n in 0..200 {
            stream.take(10 + n * 10_000, &[7; 10_000], false, None);
            assert!(stream.holding() <= MOST_HELD + 10_000);
            pieces += std::iter::from_fn(|| stream.piece()).count();
        }
        assert_eq!(pieces, 201);
    }

    proptest! {
        /// Cut anywhere, overlapping, repeated, shuffled, and counted from anywhere.
        #[test]
        fn every_byte_comes_once_and_in_order(
            said in prop::collection::vec(any::<u8>(), 1..300),
            first in any::<u32>(),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 1usize..80), 0..40),
        ) {
            let mut stream = Stream::new(first);
            let mut got = Vec::new();
            let whole = (0..said.len()).step_by(50).map(|at| (at, 50));
            let cuts = cuts.iter().map(|(at, len)| (at.index(said.len()), *len));
            for (at, len) in cuts.chain(whole.rev()) {
                let end = said.len().min(at + len);
                stream.take(first.wrapping_add(at as u32), &said[at..end], end == said.len(), None);
                while let Some(piece) = stream.piece() {
                    match piece {
                        Piece::Bytes(_, bytes) => got.extend(bytes),
                        Piece::Gap(missing) => prop_assert!(false, "{missing} missing"),
                    }
                }
            }
            prop_assert_eq!(got, said);
            prop_assert!(stream.is_over() && stream.holding() == 0);
        }
    }
}
