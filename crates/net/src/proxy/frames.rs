//! Where frames begin and end on a lane, and what they are called: all a proxy knows of protocols.
use bytes::{Buf as _, Bytes, BytesMut};
use proto::{Protocol, cover::NewCover};

/// A protocol, as far as a proxy must understand it.
#[derive(Clone, Copy, Debug)]
pub struct Speech {
    /// Its name.
    pub name: &'static str,
    /// [`Protocol::extent`].
    pub extent: fn(&[u8]) -> Option<u64>,
    /// [`Protocol::kind`].
    pub kind: fn(&[u8]) -> &'static str,
    /// [`Protocol::COVER`].
    pub cover: NewCover,
}

impl Speech {
    /// That of `P`.
    pub fn of<P: Protocol>() -> Self {
        Self { name: P::NAME, extent: P::extent, kind: P::kind, cover: P::COVER }
    }
}

/// The longest frame that is kept back until it is whole; a longer one passes as mere bytes.
const LONGEST: u64 = 1 << 20;

/// Cuts a stream into frames, or just follows where they begin while the bytes pass as they come.
pub(super) struct Cutter {
    speech: Speech,
    /// A frame that is not whole yet.
    partial: BytesMut,
    /// So many bytes of it have passed already.
    gone: usize,
    /// Bytes that pass as they come: of an overlong frame, or of one whose beginning has passed.
    passing: u64,
}

impl Cutter {
    /// A cutter that starts where a frame does.
    pub(super) fn new(speech: Speech) -> Self {
        Self { speech, partial: BytesMut::new(), gone: 0, passing: 0 }
    }
    /// Whole frames with their kinds, and bytes that belong to none.
    pub(super) fn push(&mut self, bytes: Bytes) -> Vec<(Bytes, Option<&'static str>)> {
        self.partial.extend_from_slice(&bytes);
        let mut cut = Vec::new();
        while self.partial.len() > self.gone {
            if self.passing > 0 {
                let n = self.passing.min(self.partial.len() as u64);
                self.passing -= n;
                cut.push((self.partial.split_to(n as usize).freeze(), None));
                continue;
            }
            match self.extent(&self.partial) {
                // The rest of it goes the way its beginning went.
                Some(n) if self.gone > 0 => self.let_go(n),
                Some(n) if n > LONGEST => self.passing = n,
                Some(n) if n <= self.partial.len() as u64 => {
                    let frame = self.partial.split_to(n as usize).freeze();
                    let kind = (self.speech.kind)(&frame);
                    cut.push((frame, Some(kind)));
                }
                // Nothing that may become a frame takes this long to say how long it is.
                None if self.partial.len() as u64 > LONGEST => cut.push((self.give_up(), None)),
                Some(_) | None => break,
            }
        }
        cut
    }
    /// These pass as they come.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.passing == 0 {
                let known = match self.gone {
                    0 => self.extent(bytes),
                    _ => {
                        self.partial.extend_from_slice(bytes);
                        self.extent(&self.partial)
                    }
                };
                let Some(n) = known else {
                    if self.gone == 0 {
                        self.partial.extend_from_slice(bytes);
                    }
                    self.gone = self.partial.len();
                    if self.gone as u64 > LONGEST {
                        self.give_up();
                    }
                    return;
                };
                let gone = std::mem::take(&mut self.gone);
                self.partial.clear();
                self.passing = n.saturating_sub(gone as u64);
            }
            let n = self.passing.min(bytes.len() as u64);
            self.passing -= n;
            bytes = &bytes[n as usize..];
        }
    }
    /// What is no whole frame yet. It passes now.
    pub(super) fn rest(&mut self) -> Bytes {
        let rest = Bytes::copy_from_slice(&self.partial[self.gone..]);
        self.gone = self.partial.len();
        rest
    }
    /// How much is kept back.
    pub(super) fn len(&self) -> usize {
        self.partial.len() - self.gone
    }
    /// The last byte that passed is not the last of its frame.
    pub(super) fn is_amid(&self) -> bool {
        self.passing > 0 || self.gone > 0
    }

    fn extent(&self, bytes: &[u8]) -> Option<u64> {
        (self.speech.extent)(bytes).map(|n| n.max(1))
    }
    fn let_go(&mut self, len: u64) {
        let gone = std::mem::take(&mut self.gone);
        self.partial.advance(gone);
        self.passing = len.saturating_sub(gone as u64);
    }
    fn give_up(&mut self) -> Bytes {
        let gone = std::mem::take(&mut self.gone);
        self.partial.split().freeze().slice(gone..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As HSMS and Cync have it: a length, here of one byte, then so many; of zeros nobody knows.
    fn cutter() -> Cutter {
        let extent = |bytes: &[u8]| match bytes {
            [0, 0, ..] => None,
            [0] | [] => None,
            [0, len, ..] | [len, ..] => Some(1 + u64::from(*len)),
        };
        Cutter::new(Speech { name: "test", extent, kind: |_| "frame", cover: None })
    }

    #[test]
    fn a_cutter_that_followed_cuts_where_frames_begin() {
        let stream = [3, 1, 2, 3, 1, 9, 0, 4, 5, 5, 5, 2, 7, 7];
        let begins = [0, 4, 6, 11];
        for at in 0..stream.len() {
            for step in 1..=at.max(1) {
                let mut cutter = cutter();
                stream[..at].chunks(step).for_each(|piece| cutter.follow(piece));
                assert_eq!(cutter.is_amid(), !begins.contains(&at), "{at}");
                assert_eq!(cutter.len(), 0);
                let cut = cutter.push(Bytes::copy_from_slice(&stream[at..]));
                let mut place = at;
                for (bytes, kind) in cut {
                    assert_eq!(kind.is_some(), begins.contains(&place), "{at} {place}");
                    place += bytes.len();
                }
                assert_eq!(place, stream.len(), "nothing is kept back of whole frames");
                assert!(!cutter.is_amid());
            }
        }
    }

    #[test]
    fn what_was_kept_back_passes_and_is_followed() {
        let mut cutter = cutter();
        assert!(cutter.push(Bytes::from_static(&[3, 1])).is_empty());
        assert_eq!((cutter.len(), cutter.is_amid()), (2, false));
        assert_eq!(cutter.rest(), [3, 1][..]);
        assert_eq!((cutter.len(), cutter.is_amid()), (0, true));
        cutter.follow(&[2]);
        assert!(cutter.is_amid());
        let cut = cutter.push(Bytes::from_static(&[3, 1, 9]));
        let cut: Vec<_> = cut.iter().map(|(bytes, kind)| (&bytes[..], *kind)).collect();
        assert_eq!(cut, [(&[3][..], None), (&[1, 9], Some("frame"))]);
    }
}
