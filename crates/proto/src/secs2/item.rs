//! An item with all it holds, in 24 bytes a node: what is short lies inside, what is long is a window
//! into the text it came from, and a list is one into the items of many lists. Whatever exists can be
//! encoded.
use std::sync::Arc;

use bytes::Bytes;

use super::{Format, MAX_DEPTH, View};

/// The most bytes, or items of a list, that three length bytes can count.
pub const MAX_LEN: usize = 0xff_ffff;
/// The longest payload kept inside a node.
pub(super) const SHORT: usize = WIRE - 2;
pub(super) const WIRE: usize = 23;

/// One item of SECS-II and all it holds.
///
/// Two items are equal if their bytes are: `TRUE` as `01` is not `TRUE` as `ff`, and a NaN equals
/// itself. How many length bytes there once were makes no difference. A clone costs next to nothing;
/// part of a message keeps the message in memory.
///
/// ```
/// use proto::secs2::Item;
/// let reply = Item::list([Item::binary([0]), Item::list([Item::ascii("SIM"), Item::u4(7)])]);
/// let Some([ack, Item { .. }]) = reply.items() else { panic!("two items") };
/// assert_eq!(ack.bytes(), [0]);
/// ```
#[derive(Clone)]
pub struct Item(pub(super) Node);

#[derive(Clone)]
pub(super) enum Node {
    /// A window into the items of many lists.
    List {
        /// Lists within each other, this one included.
        depth: u8,
        start: u32,
        count: u32,
        items: Arc<Vec<Item>>,
    },
    /// As on the wire: format byte, one length byte, payload. What follows has no meaning.
    Short([u8; WIRE]),
    /// A window into a text.
    Long { format: Format, start: u32, len: u32, text: Arc<Bytes> },
}

// The speed of decoding rests on it.
const _: () = assert!(size_of::<Item>() == 24);

/// Why something cannot be an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// More than three length bytes can say.
    #[error("{len} is more than the {MAX_LEN} that one {} can hold", .format.sml())]
    TooLong {
        /// What it was to be.
        format: Format,
        /// Its bytes; a list's items.
        len: usize,
    },
    /// Bytes left over after the last value.
    #[error("{len} bytes are no whole number of {} values", .format.sml())]
    Ragged {
        /// What it was to be.
        format: Format,
        /// Its bytes.
        len: usize,
    },
    /// Lists too deep within each other.
    #[error("more than {MAX_DEPTH} lists within each other")]
    TooDeep,
    /// A list is made of items.
    #[error("a list is made of items, not of bytes")]
    ListOfBytes,
}

impl Item {
    /// An item of any format but a list, from the bytes of its values as they are on the wire.
    pub fn new(format: Format, payload: impl Into<Bytes>) -> Result<Self, BuildError> {
        let payload = payload.into();
        let len = payload.len();
        if format == Format::List {
            return Err(BuildError::ListOfBytes);
        }
        if len > MAX_LEN {
            return Err(BuildError::TooLong { format, len });
        }
        if !format.fits(len) {
            return Err(BuildError::Ragged { format, len });
        }
        Ok(match len {
            0..=SHORT => Self::short(format, &payload),
            _ => Self::window(format, &Arc::new(payload), 0, len),
        })
    }

    /// A list of items that may be too many or too deep.
    pub fn try_list(items: impl IntoIterator<Item = Self>) -> Result<Self, BuildError> {
        let items: Vec<Self> = items.into_iter().collect();
        if items.len() > MAX_LEN {
            return Err(BuildError::TooLong { format: Format::List, len: items.len() });
        }
        if items.iter().any(|item| item.depth() >= MAX_DEPTH) {
            return Err(BuildError::TooDeep);
        }
        let count = items.len();
        Ok(Self::nest(&Arc::new(items), 0, count))
    }

    /// The caller has checked that these are not too many, and not too deep.
    #[inline]
    pub(super) fn nest(items: &Arc<Vec<Self>>, start: usize, count: usize) -> Self {
        let inner = items[start..][..count].iter().map(Self::depth).max().unwrap_or(0);
        let (depth, start, count) = (inner as u8 + 1, start as u32, count as u32);
        Self(Node::List { depth, start, count, items: items.clone() })
    }

    /// The caller has checked that the payload fits its format, and is short.
    pub(super) fn short(format: Format, payload: &[u8]) -> Self {
        let mut wire = [0; WIRE];
        wire[0] = format.code() << 2 | 1;
        wire[1] = payload.len() as u8;
        wire[2..2 + payload.len()].copy_from_slice(payload);
        Self(Node::Short(wire))
    }

    /// Nothing yet, and to be filled at once.
    pub(super) const BLANK: Self = Self(Node::Short([0; WIRE]));

    /// The caller has checked that the payload is short.
    #[inline]
    pub(super) fn fill(&mut self, view: &View<'_>, text: &[u8]) {
        let Node::Short(wire) = &mut self.0 else { return };
        match text[view.offset..].first_chunk() {
            Some(chunk) if chunk[0] & 3 == 1 => *wire = *chunk,
            _ => *self = Self::short(view.format, view.payload),
        }
    }

    /// The caller has checked that the window is within the text and fits its format.
    pub(super) fn window(format: Format, text: &Arc<Bytes>, start: usize, len: usize) -> Self {
        let (start, len) = (start as u32, len as u32);
        Self(Node::Long { format, start, len, text: text.clone() })
    }

    /// What it holds.
    pub fn format(&self) -> Format {
        match &self.0 {
            Node::List { .. } => Format::List,
            Node::Short(wire) => Format::from_code(wire[0] >> 2).expect("made from a format"),
            Node::Long { format, .. } => *format,
        }
    }

    /// The bytes of its values as they are on the wire; none for a list.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Node::List { .. } => &[],
            Node::Short(wire) => &wire[2..2 + usize::from(wire[1])],
            Node::Long { start, len, text, .. } => &text[*start as usize..][..*len as usize],
        }
    }

    /// What a list holds; nothing if it is no list.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.0 {
            Node::List { start, count, items, .. } => {
                Some(&items[*start as usize..][..*count as usize])
            }
            Node::Short(_) | Node::Long { .. } => None,
        }
    }

    /// Lists within each other, itself included; 0 if it is no list.
    pub fn depth(&self) -> usize {
        match &self.0 {
            Node::List { depth, .. } => usize::from(*depth),
            Node::Short(_) | Node::Long { .. } => 0,
        }
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.format() == other.format()
            && self.bytes() == other.bytes()
            && self.items() == other.items()
    }
}

impl Eq for Item {}
