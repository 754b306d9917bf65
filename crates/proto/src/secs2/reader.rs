//! Message texts read item by item where they lie: no recursion, no copy, nothing allocated for a
//! count that the bytes left cannot keep.
use super::{DecodeError, Format, Limits, Problem};

/// One item where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Where its format byte is in the text.
    pub offset: usize,
    /// How many lists it lies in.
    pub depth: usize,
    /// What it holds.
    pub format: Format,
    /// The bytes of its values; none for a list.
    pub payload: &'a [u8],
    /// How many items follow that belong to it; 0 if it is no list.
    pub items: usize,
    /// Where its bytes begin in the text.
    pub(super) body: usize,
}

/// Walks a message text in order, a list before what it holds. It ends after the last byte or at
/// the first mistake, and has then checked all before it.
///
/// ```
/// use proto::secs2::{Limits, Reader};
/// let text = [0x01, 2, 0xa5, 1, 7, 0x41, 2, b'o', b'k'];
/// let seen: Vec<_> = Reader::new(&text, &Limits::default())
///     .map(|view| view.map(|view| (view.depth, view.format.sml(), view.payload)))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(seen, [(0, "L", &[][..]), (1, "U1", &[7]), (1, "A", b"ok")]);
/// # Ok::<(), proto::secs2::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a [u8],
    rest: &'a [u8],
    limits: Limits,
    /// Items there were, or must still come.
    promised: usize,
    /// Items that must still come.
    owed: usize,
    /// The same for each open list, the innermost last.
    open: Vec<u32>,
}

impl<'a> Reader<'a> {
    /// Starts at the front of a message text: one item, or nothing at all.
    pub fn new(text: &'a [u8], limits: &Limits) -> Self {
        let owed = usize::from(!text.is_empty());
        Self { text, rest: text, limits: limits.clone(), promised: owed, owed, open: Vec::new() }
    }

    // Runs for every item, and faster within the caller's loop.
    #[inline(always)]
    fn read(&mut self) -> Result<View<'a>, Problem> {
        let offset = self.at();
        if offset == 0 {
            self.check_size()?;
        }
        let (format, len, rest) = header(self.rest)?;
        let depth = self.open.len();
        self.rest = rest;
        self.owed -= 1;
        if let Some(left) = self.open.last_mut() {
            *left -= 1;
        }
        let mut view = View { offset, depth, format, payload: &[], items: 0, body: self.at() };
        if format == Format::List {
            self.open_list(len)?;
            view.items = len;
        } else {
            view.payload = self.payload(format, len)?;
        }
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
        Ok(view)
    }

    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn check_size(&self) -> Result<(), Problem> {
        let (len, limit) = (self.text.len(), self.limits.size);
        if len > limit { Err(Problem::Size { len, limit }) } else { Ok(()) }
    }

    #[inline]
    fn open_list(&mut self, count: usize) -> Result<(), Problem> {
        let (depth, left, limit) = (self.open.len(), self.rest.len(), self.limits.items);
        self.owed += count;
        self.promised += count;
        // An item takes two bytes at least, and so does each that other lists wait for.
        if self.owed > left / 2 {
            return Err(Problem::Count { count, left });
        }
        if self.promised > limit {
            return Err(Problem::Items { limit });
        }
        if depth >= self.limits.depth {
            return Err(Problem::Depth { limit: self.limits.depth });
        }
        self.open.push(count as u32);
        Ok(())
    }

    #[inline]
    fn payload(&mut self, format: Format, len: usize) -> Result<&'a [u8], Problem> {
        let left = self.rest.len();
        let (payload, rest) =
            self.rest.split_at_checked(len).ok_or(Problem::Overrun { format, len, left })?;
        if !format.fits(len) {
            return Err(Problem::Ragged { format, len });
        }
        self.rest = rest;
        Ok(payload)
    }
}

/// Format, length and what comes after.
#[inline]
fn header(rest: &[u8]) -> Result<(Format, usize, &[u8]), Problem> {
    let Some((&head, rest)) = rest.split_first() else { return Err(Problem::Missing) };
    let format = Format::from_code(head >> 2).ok_or(Problem::Format(head >> 2))?;
    match (head & 3, rest) {
        (0, _) => Err(Problem::NoLength),
        (1, [a, rest @ ..]) => Ok((format, (*a).into(), rest)),
        (2, [a, b, rest @ ..]) => Ok((format, u16::from_be_bytes([*a, *b]).into(), rest)),
        (3, [a, b, c, rest @ ..]) => {
            Ok((format, u32::from_be_bytes([0, *a, *b, *c]) as usize, rest))
        }
        (wanted, _) => Err(Problem::Length { wanted, had: rest.len() }),
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<View<'a>, DecodeError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.at();
        let read = match (self.owed, self.rest.len()) {
            (0, 0) => return None,
            (0, extra) => Err(Problem::Trailing(extra)),
            _ => self.read(),
        };
        Some(read.map_err(|problem| {
            (self.owed, self.rest) = (0, &[]);
            DecodeError { offset, problem }
        }))
    }
}
