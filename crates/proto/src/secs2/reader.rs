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
    at: usize,
    /// Items that still must come, in all.
    owed: usize,
    /// The same for each open list, the innermost last.
    open: Vec<u32>,
    /// How many more may come.
    spare: usize,
    limits: Limits,
}

impl<'a> Reader<'a> {
    /// Starts at the front of a message text: one item, or nothing at all.
    pub fn new(text: &'a [u8], limits: &Limits) -> Self {
        let limits = limits.clone();
        let owed = usize::from(!text.is_empty());
        Self { text, at: 0, owed, open: Vec::new(), spare: limits.items, limits }
    }

    fn read(&mut self) -> Result<View<'a>, DecodeError> {
        let offset = self.at;
        let wrong = |problem| DecodeError { offset, problem };
        let (size, limit) = (self.text.len(), self.limits.size);
        if size > limit {
            return Err(DecodeError { offset: limit, problem: Problem::Size { len: size, limit } });
        }
        let (format, len, body) = header(self.text, offset)?;
        self.spare = self
            .spare
            .checked_sub(1)
            .ok_or_else(|| wrong(Problem::Items { limit: self.limits.items }))?;
        self.owed -= 1;
        let depth = self.open.len();
        if let Some(left) = self.open.last_mut() {
            *left -= 1;
        }
        self.at = body;
        let mut view = View { offset, depth, format, payload: &[], items: 0 };
        if format == Format::List {
            self.open_list(offset, len)?;
            view.items = len;
        } else {
            view.payload = self.payload(offset, format, len)?;
        }
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
        Ok(view)
    }

    /// Each item takes two bytes at least, those other lists still wait for as well.
    fn open_list(&mut self, offset: usize, count: usize) -> Result<(), DecodeError> {
        let left = self.text.len() - self.at;
        let limit = self.limits.depth;
        self.owed += count;
        if self.owed > left / 2 {
            return Err(DecodeError { offset, problem: Problem::Count { count, left } });
        }
        if self.open.len() >= limit {
            return Err(DecodeError { offset, problem: Problem::Depth { limit } });
        }
        self.open.push(count as u32);
        Ok(())
    }

    fn payload(
        &mut self,
        offset: usize,
        format: Format,
        len: usize,
    ) -> Result<&'a [u8], DecodeError> {
        let rest = &self.text[self.at..];
        let Some(payload) = rest.get(..len) else {
            let problem = Problem::Overrun { format, len, left: rest.len() };
            return Err(DecodeError { offset, problem });
        };
        if !format.fits(len) {
            return Err(DecodeError { offset, problem: Problem::Ragged { format, len } });
        }
        self.at += len;
        Ok(payload)
    }
}

/// Format, length and where the body begins.
fn header(text: &[u8], offset: usize) -> Result<(Format, usize, usize), DecodeError> {
    let wrong = |problem| DecodeError { offset, problem };
    let rest = &text[offset..];
    let Some(&head) = rest.first() else { return Err(wrong(Problem::Missing)) };
    let format = Format::from_code(head >> 2).ok_or_else(|| wrong(Problem::Format(head >> 2)))?;
    let (len, size) = match (head & 3, &rest[1..]) {
        (0, _) => return Err(wrong(Problem::NoLength)),
        (1, [a, ..]) => (usize::from(*a), 2),
        (2, [a, b, ..]) => (usize::from(*a) << 8 | usize::from(*b), 3),
        (3, [a, b, c, ..]) => (usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c), 4),
        (wanted, had) => return Err(wrong(Problem::Length { wanted, had: had.len() })),
    };
    Ok((format, len, offset + size))
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<View<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.owed == 0 {
            let (offset, extra) = (self.at, self.text.len() - self.at);
            self.at = self.text.len();
            let problem = Problem::Trailing(extra);
            return (extra > 0).then_some(Err(DecodeError { offset, problem }));
        }
        let read = self.read();
        if read.is_err() {
            self.owed = 0;
            self.at = self.text.len();
        }
        Some(read)
    }
}
