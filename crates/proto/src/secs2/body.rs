//! Message texts passed on as they came.
use std::fmt;

use bytes::Bytes;

use super::{DecodeError, Item, Limits, Reader, encode};

/// A message text that was checked and is kept byte for byte: length bytes nobody needed and odd ways
/// to say TRUE included. It may be empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Body(Bytes);

impl Body {
    /// Checks a text, and keeps it.
    pub fn new(text: Bytes, limits: &Limits) -> Result<Self, DecodeError> {
        Reader::new(&text, limits).try_for_each(|view| view.map(drop))?;
        Ok(Self(text))
    }

    /// The text.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// What it says, unless it is empty.
    pub fn item(&self) -> Option<Item> {
        Item::decode(&self.0, &Limits::ANY).expect("checked when it was made")
    }
}

impl From<&Item> for Body {
    fn from(item: &Item) -> Self {
        Self(encode(item))
    }
}

impl From<Option<&Item>> for Body {
    fn from(item: Option<&Item>) -> Self {
        item.map(Self::from).unwrap_or_default()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}
