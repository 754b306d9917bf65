//! How much of a message we are willing to hold.
use serde::Deserialize;

/// The deepest nesting an [`Item`](super::Item) can have, whoever makes it. It keeps what recurses
/// over items (comparing, cloning, dropping) within any thread's stack, and JSON of them within
/// what serde_json reads.
pub const MAX_DEPTH: usize = 100;

/// Limits as a file or flag may set them, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLimits {
    /// Lists within lists, 1 to 100.
    pub depth: usize,
    /// Bytes of one message text, up to 4 294 967 295.
    pub size: usize,
    /// Items of one message, lists included, at least 1.
    pub items: usize,
}

impl Default for RawLimits {
    fn default() -> Self {
        // E5 sets no depth and E37 allows 4 GiB. An item costs us up to 24 bytes beside its text.
        Self { depth: 64, size: 16_777_216, items: 4_194_304 }
    }
}

/// How much of one message is decoded at most.
#[derive(Clone, Debug)]
pub struct Limits {
    pub(super) depth: usize,
    pub(super) size: usize,
    pub(super) items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let RawLimits { depth, size, items } = RawLimits::default();
        Self { depth, size, items }
    }
}

/// A limit that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be 1 to {most}, not {value}")]
pub struct LimitError {
    name: &'static str,
    most: usize,
    value: usize,
}

impl Limits {
    /// As much as there can be.
    pub(super) const ANY: Self =
        Self { depth: MAX_DEPTH, size: u32::MAX as usize, items: u32::MAX as usize };

    /// Checks them.
    pub fn new(RawLimits { depth, size, items }: RawLimits) -> Result<Self, LimitError> {
        let within = |name, value, most| {
            let fits = (1..=most).contains(&value);
            fits.then_some(value).ok_or(LimitError { name, most, value })
        };
        Ok(Self {
            depth: within("depth", depth, Self::ANY.depth)?,
            size: within("size", size, Self::ANY.size)?,
            items: within("items", items, Self::ANY.items)?,
        })
    }
}
