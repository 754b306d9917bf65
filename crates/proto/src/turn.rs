//! Which messages of a protocol belong together: one asks, another answers, and often both carry an id
//! by which one finds the other.
use std::ops::Range;

/// The part a message has in an exchange of two. A message may have several: it answers one and asks
/// the next, or two others answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What exchanges of this kind are called, such as `73 -> 7b`.
    pub exchange: &'static str,
    /// It answers; else it asks.
    pub answers: bool,
    /// Where in the message the id is that both carry; none where only their order tells.
    pub id: Option<Range<usize>>,
}

impl Turn {
    /// The message asks.
    pub(crate) fn asks(exchange: &'static str, id: impl Into<Option<Range<usize>>>) -> Self {
        Self { exchange, answers: false, id: id.into() }
    }
    /// It answers.
    pub(crate) fn answers(exchange: &'static str, id: impl Into<Option<Range<usize>>>) -> Self {
        Self { exchange, answers: true, id: id.into() }
    }
}
