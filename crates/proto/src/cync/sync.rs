//! The records of a sync: an item, a kind and a length in two bytes, data.
/// What the upper four bits of a record's length say it is: the state of a lamp.
pub(super) const STATE: u8 = 0;
/// A text, such as the clock and the strength of the radio.
pub(super) const TEXT: u8 = 9;
/// Item, kind and length.
pub(super) const HEAD: usize = 3;

/// One record, where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Which thing of the device it is about.
    pub item: u8,
    /// What kind of data it has; 0 is the state of a lamp.
    pub kind: u8,
    /// The data.
    pub data: &'a [u8],
}

/// The records of a sync, one after the other, in as many bytes as there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records<'a>(pub &'a [u8]);

impl<'a> Iterator for Records<'a> {
    /// A record, or how many bytes its length says and how many there are.
    type Item = Result<Record<'a>, (usize, usize)>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&[item, high, low], rest) = match self.0.split_first_chunk::<HEAD>() {
            Some(split) => split,
            None if self.0.is_empty() => return None,
            None => {
                let has = std::mem::take(&mut self.0).len();
                return Some(Err((HEAD, has)));
            }
        };
        let says = usize::from(u16::from_be_bytes([high & 0x0f, low]));
        let Some((data, rest)) = rest.split_at_checked(says) else {
            self.0 = &[];
            return Some(Err((says, rest.len())));
        };
        self.0 = rest;
        Some(Ok(Record { item, kind: high >> 4, data }))
    }
}

impl Record<'_> {
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let length = u16::try_from(self.data.len()).expect("records are short");
        let [high, low] = (length & 0x0fff).to_be_bytes();
        to.extend_from_slice(&[self.item, self.kind << 4 | high, low]);
        to.extend_from_slice(self.data);
    }
}
