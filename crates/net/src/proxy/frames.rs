//! Where frames begin and end on a lane, and what they are called: all a proxy knows of protocols.
use bytes::{Bytes, BytesMut};
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

/// Cuts a stream into frames.
pub(super) struct Cutter {
    speech: Speech,
    partial: BytesMut,
    /// Bytes of an overlong frame that pass as they come.
    passing: u64,
}

impl Cutter {
    /// A cutter that starts where a frame does, as far as anybody knows.
    pub(super) fn new(speech: Speech) -> Self {
        Self { speech, partial: BytesMut::new(), passing: 0 }
    }
    /// Whole frames with their kinds, and bytes that belong to none.
    pub(super) fn push(&mut self, bytes: Bytes) -> Vec<(Bytes, Option<&'static str>)> {
        self.partial.extend_from_slice(&bytes);
        let mut cut = Vec::new();
        while !self.partial.is_empty() {
            if self.passing > 0 {
                let n = self.passing.min(self.partial.len() as u64);
                self.passing -= n;
                cut.push((self.partial.split_to(n as usize).freeze(), None));
                continue;
            }
            match (self.speech.extent)(&self.partial) {
                Some(n) if n > LONGEST => self.passing = n,
                Some(n) if n <= self.partial.len() as u64 => {
                    let frame = self.partial.split_to((n as usize).max(1)).freeze();
                    let kind = (self.speech.kind)(&frame);
                    cut.push((frame, Some(kind)));
                }
                // Nothing that may become a frame takes this long to say how long it is.
                None if self.partial.len() as u64 > LONGEST => {
                    cut.push((self.partial.split().freeze(), None));
                }
                Some(_) | None => break,
            }
        }
        cut
    }
    /// What is no whole frame yet.
    pub(super) fn rest(&mut self) -> Bytes {
        self.partial.split().freeze()
    }
    /// How much that is.
    pub(super) fn len(&self) -> usize {
        self.partial.len()
    }
}
