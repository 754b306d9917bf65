//! The frame inside a pipe: `7e`, sequence, kind, command, length, body, checksum, `7e`. It is read by
//! its length: devices send `7e` unescaped, so looking for one finds the wrong place.
use std::borrow::Cow;

const MARK: u8 = 0x7e;
/// Everything but the body: marks, sequence, kind, command, length, checksum.
const AROUND: usize = 11;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `f8`: do this.
    Request,
    /// `f9`: it was done, or not.
    Response,
    /// `fa`: something happened.
    Event,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            0xf8 => Some(Self::Request),
            0xf9 => Some(Self::Response),
            0xfa => Some(Self::Event),
            _ => None,
        }
    }
    /// As it is on the wire.
    pub fn byte(self) -> u8 {
        match self {
            Self::Request => 0xf8,
            Self::Response => 0xf9,
            Self::Event => 0xfa,
        }
    }
}

/// An inner frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inner<'a> {
    /// Counts the frames of whoever began; an answer repeats it. On the wire little-endian.
    pub seq: u32,
    /// Who speaks.
    pub kind: Kind,
    /// What about.
    pub command: u8,
    /// Its particulars, escapes undone.
    pub body: Cow<'a, [u8]>,
    /// The checksum it carries, which may be another than it should.
    pub checksum: u8,
    /// `7e` between the marks is written `7d 5e`.
    pub escaped: bool,
}

/// Why bytes are no inner frame: where, counted from the first byte of the frame, and what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InnerError {
    /// It should begin with the mark.
    #[error("begins with {0:02x}, not with 7e")]
    Opening(u8),
    /// There is nothing, or less than the least.
    #[error("{0} bytes; an inner frame has at least 11")]
    TooShort(usize),
    /// Neither as it is nor without escapes does its length lead to its end.
    #[error("its length says {says}, its end is after {has}")]
    Length {
        /// Bytes of body by its own account.
        says: usize,
        /// Bytes of body up to its end.
        has: usize,
    },
    /// It should end with the mark.
    #[error("ends with {0:02x}, not with 7e")]
    Closing(u8),
    /// None of the three kinds.
    #[error("kind {0:02x} is none of f8, f9, fa")]
    Kind(u8),
}

impl InnerError {
    /// The byte to blame, counted from the beginning of a frame of `len` bytes.
    pub fn offset(self, len: usize) -> usize {
        match self {
            Self::Opening(_) | Self::TooShort(_) => 0,
            Self::Kind(_) => 5,
            Self::Length { .. } => 7,
            Self::Closing(_) => len.saturating_sub(1),
        }
    }
}

impl<'a> Inner<'a> {
    /// A frame with the checksum it should have.
    pub fn new(seq: u32, kind: Kind, command: u8, body: impl Into<Cow<'a, [u8]>>) -> Self {
        let body = body.into();
        let checksum = sum(command, &body);
        Self { seq, kind, command, body, checksum, escaped: false }
    }

    /// Reads a frame: by its length as it is, and if that does not lead to its end, without escapes.
    ///
    /// # Errors
    /// It is none.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, InnerError> {
        match bytes {
            [] => return Err(InnerError::TooShort(0)),
            [MARK, ..] => {}
            [other, ..] => return Err(InnerError::Opening(*other)),
        }
        let raw = Self::plain(bytes);
        if raw.is_ok() || !bytes.contains(&0x7d) {
            return raw;
        }
        let plain = unescape(bytes);
        match Inner::plain(&plain) {
            Ok(Inner { seq, kind, command, body, checksum, escaped: _ }) => {
                let body = Cow::Owned(body.into_owned());
                Ok(Self { seq, kind, command, body, checksum, escaped: true })
            }
            Err(_) => raw,
        }
    }

    fn plain(bytes: &'a [u8]) -> Result<Self, InnerError> {
        let &[_, s0, s1, s2, s3, kind, command, l0, l1, ref rest @ ..] = bytes else {
            return Err(InnerError::TooShort(bytes.len()));
        };
        let [body @ .., checksum, last] = rest else {
            return Err(InnerError::TooShort(bytes.len()));
        };
        let says = usize::from(u16::from_le_bytes([l0, l1]));
        let kind = Kind::of(kind).ok_or(InnerError::Kind(kind))?;
        if *last != MARK {
            return Err(InnerError::Closing(*last));
        }
        if says != body.len() {
            return Err(InnerError::Length { says, has: body.len() });
        }
        let seq = u32::from_le_bytes([s0, s1, s2, s3]);
        let body = Cow::Borrowed(body);
        Ok(Self { seq, kind, command, body, checksum: *checksum, escaped: false })
    }

    /// Writes it, as it is or with escapes.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let start = to.len() + 1;
        to.push(MARK);
        to.extend_from_slice(&self.seq.to_le_bytes());
        to.extend_from_slice(&[self.kind.byte(), self.command]);
        let length = u16::try_from(self.body.len()).expect("a packet is shorter than that");
        to.extend_from_slice(&length.to_le_bytes());
        to.extend_from_slice(&self.body);
        to.push(self.checksum);
        if self.escaped {
            escape(to, start);
        }
        to.push(MARK);
    }

    /// How many bytes it takes at most.
    pub(super) fn size(&self) -> usize {
        let plain = AROUND + self.body.len();
        if self.escaped { 2 * plain } else { plain }
    }

    /// The checksum it should have: command, length and body, added up.
    pub fn sum(&self) -> u8 {
        sum(self.command, &self.body)
    }
    /// It has the checksum it should have.
    pub fn is_right(&self) -> bool {
        self.checksum == self.sum()
    }
}

fn sum(command: u8, body: &[u8]) -> u8 {
    let length = (body.len() as u16).to_le_bytes();
    let all = length.iter().chain(body);
    all.fold(command, |sum, byte| sum.wrapping_add(*byte))
}

/// Undoes escapes. A `7d` before anything else stays what it is: nobody was seen to escape it, so a
/// body with both `7e` and `7d 5e` in it has no escaped form.
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        let escaped = rest.starts_with(&[0x7d, 0x5e]);
        plain.push(if escaped { MARK } else { *byte });
        rest = if escaped { &rest[2..] } else { after };
    }
    plain
}

fn escape(bytes: &mut Vec<u8>, from: usize) {
    let mut at = from;
    while at < bytes.len() {
        if bytes[at] == MARK {
            bytes[at] = 0x7d;
            at += 1;
            bytes.insert(at, 0x5e);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_body_comes_back_as_it_is_and_with_escapes() {
        for byte in 0..=255_u8 {
            for escaped in [false, true] {
                let body = vec![byte, 1, 0x7e, byte];
                let mut inner = Inner::new(0x7e00_7e7e, Kind::Request, byte, body);
                inner.escaped = escaped;
                let mut bytes = Vec::new();
                inner.write(&mut bytes);
                assert!(bytes.len() <= inner.size());
                let marks = bytes.iter().filter(|b| **b == 0x7e).count();
                assert!(!escaped || marks == 2, "{bytes:02x?}");
                assert_eq!(Inner::decode(&bytes), Ok(inner));
            }
        }
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let right = b"\x7e\x03\0\0\0\xf9\xd0\x01\0\0\xd1\x7e";
        let with = |at: usize, byte: u8| {
            let mut bytes = right.to_vec();
            bytes[at] = byte;
            let wrong = Inner::decode(&bytes).unwrap_err();
            wrong.offset(bytes.len())
        };
        assert!(Inner::decode(right).unwrap().is_right());
        assert_eq!(
            (with(0, 0), with(5, 0xf7), with(7, 2), with(8, 1), with(11, 0)),
            (0, 5, 7, 7, 11)
        );
        assert_eq!(Inner::decode(&right[..11]), Err(InnerError::Closing(0xd1)));
        assert_eq!(Inner::decode(&right[..5]), Err(InnerError::TooShort(5)));
        assert_eq!(Inner::decode(&[]), Err(InnerError::TooShort(0)));
    }
}
