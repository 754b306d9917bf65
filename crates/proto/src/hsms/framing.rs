//! Cuts the stream into messages, and says at once when a length cannot be right.
use bytes::Bytes;

use super::message::{HEADER, LENGTH};
use crate::inbox::Inbox;

/// Bytes on their way to being messages.
#[derive(Debug)]
pub(super) struct Framing {
    inbox: Inbox,
    /// The longest length taken.
    max: u32,
    /// A length was refused. There is no finding one's place after that.
    lost: bool,
}

/// What the bytes turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// A whole message, its length included.
    Whole(Bytes),
    /// A length below 10.
    TooShort(u32),
    /// A length over the limit, with the header if it is there already.
    TooLong(u32),
}

impl Framing {
    pub(super) fn new(max: u32) -> Self {
        Self { inbox: Inbox::default(), max, lost: false }
    }
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !self.lost {
            self.inbox.push(bytes);
        }
    }
    /// The next message, or what is wrong with the length that should have led to it: once, and
    /// nothing after it.
    pub(super) fn next(&mut self) -> Option<Framed> {
        let front = self.inbox.peek();
        let length = u32::from_be_bytes(front.get(..LENGTH)?.try_into().ok()?);
        if (length as usize) < HEADER || length > self.max {
            self.lost = true;
            self.inbox.take_all();
            return Some(match length > self.max {
                true => Framed::TooLong(length),
                false => Framed::TooShort(length),
            });
        }
        let whole = LENGTH + length as usize;
        (front.len() >= whole).then(|| Framed::Whole(self.inbox.take(whole)))
    }
    /// How many bytes of an unfinished message are here.
    pub(super) fn partial(&self) -> usize {
        self.inbox.peek().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKTEST: &[u8] = b"\x00\x00\x00\x0a\xff\xff\x00\x00\x00\x05\x00\x00\x00\x2a";

    #[test]
    fn any_cut_gives_the_same_messages() {
        for piece in 1..30 {
            let mut framing = Framing::new(100);
            let mut whole = 0;
            for bytes in LINKTEST.repeat(3).chunks(piece) {
                framing.push(bytes);
                while let Some(framed) = framing.next() {
                    assert_eq!(framed, Framed::Whole(Bytes::from_static(LINKTEST)));
                    whole += 1;
                }
            }
            assert_eq!((whole, framing.partial()), (3, 0), "in pieces of {piece}");
        }
    }

    #[test]
    fn a_length_that_cannot_be_right_is_told_from_its_four_bytes() {
        let told = |bytes: &[u8]| {
            let mut framing = Framing::new(20);
            framing.push(bytes);
            (framing.next(), framing.next())
        };
        assert_eq!(told(b"\0\0\0\x09"), (Some(Framed::TooShort(9)), None));
        assert_eq!(told(b"\0\0\0\x15"), (Some(Framed::TooLong(21)), None));
        assert_eq!(told(b"\xff\xff\xff\xff"), (Some(Framed::TooLong(u32::MAX)), None));
        assert_eq!(told(b"\0\0\0"), (None, None));
        assert_eq!(told(b"\0\0\0\x14"), (None, None));
    }
}
