//! What keeps secrets out of whatever is written down.
use std::fmt;

use bytes::Bytes;

/// Covers the secrets in one direction of one connection. What it shows is as long as what it was given,
/// so that places in the stream stay what they are.
pub trait Cover: fmt::Debug + Send {
    /// The next bytes of the stream as they may be shown; nothing if they may be shown as they are.
    fn pass(&mut self, bytes: &[u8]) -> Option<Bytes>;
}

/// How to come by the cover of one direction.
pub type CoverOne = fn() -> Box<dyn Cover>;

/// The same; none where a protocol says no secrets.
pub type NewCover = Option<CoverOne>;

/// Bytes that begin where a message does, as they may be shown.
pub fn covered(cover: NewCover, bytes: &[u8]) -> Option<Bytes> {
    cover?().pass(bytes)
}
