//! Bytes that arrived and are not yet a whole frame. It holds what a codec must see, never more.
use bytes::{Bytes, BytesMut};

/// A receive buffer; codecs look at the front and take whole frames off it.
#[derive(Debug, Default)]
pub struct Inbox(BytesMut);

impl Inbox {
    /// Adds what just arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    /// Everything not yet taken.
    pub fn peek(&self) -> &[u8] {
        &self.0
    }
    /// Takes the first `n` bytes, which the caller has seen with `peek`.
    pub fn take(&mut self, n: usize) -> Bytes {
        self.0.split_to(n).freeze()
    }
    /// Takes everything.
    pub fn take_all(&mut self) -> Bytes {
        self.0.split().freeze()
    }
    /// Nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
