//! Bytes to items. What is wrong with bytes is told with its place and the answer it deserves.
use bytes::Bytes;

use super::{Format, Item, Limits, Reader, tree::Tree};

/// Bytes that are no message text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {problem}")]
pub struct DecodeError {
    /// Where the item begins that is wrong, from 0.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a message text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Lists wait for more items.
    #[error("an item is missing")]
    Missing,
    /// The two bits that count the length bytes are zero.
    #[error("an item without a length")]
    NoLength,
    /// No format has this code.
    #[error("format code {0:#o} is unknown")]
    Format(u8),
    /// The text ends within the length.
    #[error("{had} of {wanted} length bytes")]
    Length {
        /// As the format byte says.
        wanted: u8,
        /// What is there.
        had: usize,
    },
    /// The text ends within the payload.
    #[error("{} of {len} bytes with {left} left", .format.sml())]
    Overrun {
        /// What it is.
        format: Format,
        /// The bytes it claims.
        len: usize,
        /// What is there.
        left: usize,
    },
    /// The payload ends within a value.
    #[error("{len} bytes are no whole number of {} values", .format.sml())]
    Ragged {
        /// What it is.
        format: Format,
        /// The bytes it has.
        len: usize,
    },
    /// More items than can follow.
    #[error("a list of {count} items with {left} bytes left")]
    Count {
        /// The items it claims.
        count: usize,
        /// What is there for these, and for those other lists wait for.
        left: usize,
    },
    /// A text is one item.
    #[error("{0} bytes after the end of the item")]
    Trailing(usize),
    /// Nested deeper than we take.
    #[error("more than {limit} lists within each other")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// Longer than we take.
    #[error("{len} bytes are more than the limit of {limit}")]
    Size {
        /// The bytes there are.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// More than we take.
    #[error("more than {limit} items")]
    Items {
        /// The limit.
        limit: usize,
    },
}

/// What equipment answers to a text it cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream9 {
    /// S9F7, illegal data.
    IllegalData,
    /// S9F11, data too long.
    TooLong,
}

impl Stream9 {
    /// The function within stream 9.
    pub const fn function(self) -> u8 {
        match self {
            Self::IllegalData => 7,
            Self::TooLong => 11,
        }
    }
}

impl DecodeError {
    /// The answer it deserves.
    pub fn answer(&self) -> Stream9 {
        match self.problem {
            Problem::Size { .. } | Problem::Items { .. } => Stream9::TooLong,
            Problem::Missing
            | Problem::NoLength
            | Problem::Format(_)
            | Problem::Length { .. }
            | Problem::Overrun { .. }
            | Problem::Ragged { .. }
            | Problem::Count { .. }
            | Problem::Trailing(_)
            | Problem::Depth { .. } => Stream9::IllegalData,
        }
    }
}

impl Item {
    /// The item of a message text, none if the text is empty. Long payloads stay where they are.
    pub fn decode(text: &Bytes, limits: &Limits) -> Result<Option<Self>, DecodeError> {
        let mut tree = Tree::new(text, limits)?;
        for view in Reader::new(text, limits) {
            tree.add(&view?);
        }
        Ok(tree.finish())
    }

    /// The same from bytes of somebody else, which are copied.
    pub fn decode_slice(text: &[u8], limits: &Limits) -> Result<Option<Self>, DecodeError> {
        Self::decode(&Bytes::copy_from_slice(text), limits)
    }
}
