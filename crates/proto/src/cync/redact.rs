//! Keeps login keys out of whatever is written down: takes the bytes of one direction of a connection as
//! they come, and covers each key with asterisks, however it is cut.
use bytes::Bytes;

use super::packet;
use crate::cover::Cover;

/// Bytes of a login before its key: header, protocol, id, length of the key.
const BEFORE: usize = 12;
/// The key of every login seen has 16 bytes, and so the body 26.
const KEY: usize = 16;
const BODY: u32 = 26;
/// What a login's body has besides its key.
const AROUND: usize = 10;
/// What stands in its place.
const COVER: u8 = b'*';
/// A stream that begins with no packet may have lost the beginning of a login: in so many bytes, no run of
/// hex digits is shown that is longer than this.
const BEGINNING: usize = 64;
const SHOWN: usize = 3;

/// Covers the keys in one direction of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redactor {
    /// The bytes before the next one.
    before: [u8; BEFORE],
    /// So many are still to be covered.
    left: usize,
    /// Bytes passed, up to where the stream is no longer at its beginning.
    passed: usize,
    /// It began with no packet.
    beheaded: bool,
    /// Hex digits in a row.
    digits: usize,
}

impl Cover for Redactor {
    fn pass(&mut self, bytes: &[u8]) -> Option<Bytes> {
        let mut shown: Option<Vec<u8>> = None;
        for (at, &byte) in bytes.iter().enumerate() {
            if self.takes(byte) {
                shown.get_or_insert_with(|| bytes.to_vec())[at] = COVER;
            }
        }
        shown.map(Bytes::from)
    }
}

impl Redactor {
    /// Whether the next byte is part of a key.
    fn takes(&mut self, byte: u8) -> bool {
        if self.left == 0 {
            self.left = key_after(&self.before);
        }
        self.before.rotate_left(1);
        self.before[BEFORE - 1] = byte;
        let headless = self.takes_headless(byte);
        let key = self.left > 0;
        self.left = self.left.saturating_sub(1);
        key || headless
    }
    fn takes_headless(&mut self, byte: u8) -> bool {
        if self.passed == BEGINNING {
            return false;
        }
        if self.passed == 0 {
            self.beheaded = !packet::begins(byte);
        }
        self.passed += 1;
        self.digits = if byte.is_ascii_hexdigit() { self.digits + 1 } else { 0 };
        self.beheaded && self.digits > SHOWN
    }
}

/// How long the key is that begins after these bytes; 0 if none does.
///
/// Packets are not counted, since a link that harms bytes would lead past a key. Instead three of four
/// signs are enough: the type of a login, the length of one, the protocol of all that were seen, the
/// length of a key. One wrong byte leaves three of them.
fn key_after(before: &[u8; BEFORE]) -> usize {
    let &[kind, b0, b1, b2, b3, protocol, _, _, _, _, k0, k1] = before;
    let length = u32::from_be_bytes([b0, b1, b2, b3]);
    let key = usize::from(u16::from_be_bytes([k0, k1]));
    let login = matches!(kind, 0x13 | 0x23);
    let signs = [login, length == BODY, protocol == super::login::PROTOCOL, key == KEY];
    match signs.iter().filter(|sign| **sign).count() {
        3.. => KEY,
        // A login with a key of another length.
        _ if login && length < 64 && usize::try_from(length) == Ok(key + AROUND) => key,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            inner::{Inner, Kind},
            message::Message,
        },
        *,
    };

    const SECRET: &str = "c0ffee5ec4e7b105";

    fn stream() -> Vec<u8> {
        let login = Message::login(0x6457_e7f2, SECRET, 60).encode();
        [b"junk\xd3\0\0\0\0".as_slice(), &login, b"\xd3\0\0\0\0", &login].concat()
    }

    fn passed(bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut redactor = Redactor::default();
        let shown = |piece: &[u8]| redactor.pass(piece).unwrap_or_else(|| piece.to_vec().into());
        bytes.chunks(piece).flat_map(shown).collect()
    }

    fn keys(bytes: &[u8]) -> usize {
        bytes.windows(SECRET.len()).filter(|w| *w == SECRET.as_bytes()).count()
    }

    #[test]
    fn a_key_is_covered_however_it_is_cut_and_nothing_else_is() {
        let bytes = stream();
        assert_eq!(keys(&bytes), 2);
        let covered = passed(&bytes, usize::MAX);
        let differ = bytes.iter().zip(&covered).filter(|(a, b)| a != b).count();
        assert_eq!((keys(&covered), differ), (0, 32));
        for piece in 1..40 {
            assert_eq!(passed(&bytes, piece), covered, "in pieces of {piece}");
        }
    }

    #[test]
    fn one_harmed_byte_uncovers_no_key() {
        let login = Message::login(1, SECRET, 60).encode();
        for at in 0..BEFORE {
            for flip in 1..=255 {
                let mut bytes = login.to_vec();
                bytes[at] ^= flip;
                assert_eq!(keys(&passed(&bytes, 5)), 0, "byte {at} is {:02x}", bytes[at]);
            }
        }
    }

    #[test]
    fn a_login_that_lost_its_beginning_shows_less_than_four_digits_of_its_key() {
        let login = Message::login(0x6457_e7f2, SECRET, 60).encode();
        for lost in 1..=BEFORE {
            let bytes = &login[lost..];
            // What is left may begin like another packet; nobody can know then.
            if packet::begins(bytes[0]) {
                continue;
            }
            for piece in [1, 5, usize::MAX] {
                let shown = passed(bytes, piece);
                let runs = SECRET.as_bytes().windows(SHOWN + 1);
                let leak = runs.into_iter().find(|run| shown.windows(run.len()).any(|w| w == *run));
                assert_eq!(leak, None, "{lost} bytes lost: {shown:02x?}");
            }
        }
    }

    #[test]
    fn keys_of_other_lengths_are_covered() {
        for length in [1, 4, 15, 17, 40] {
            let key = &"c0ffee5ec4e7b105".repeat(3)[..length];
            let shown = passed(&Message::login(1, key, 60).encode(), 3);
            assert_eq!(shown[BEFORE..][..length], vec![COVER; length][..], "{shown:02x?}");
        }
    }

    #[test]
    fn what_is_no_login_is_passed_on_as_it_is() {
        let ping = Message::Ping.encode();
        assert_eq!(Redactor::default().pass(&ping), None);
        // A result has the length of which a login's type is the last byte, and then an id.
        for id in 0..100 {
            let inner = Inner::new(7, Kind::Response, 0xd0, &[0][..]);
            let result = Message::pipe(false, id, 0x0100, inner).encode();
            assert_eq!(Redactor::default().pass(&result), None, "{id}: {result:02x?}");
        }
    }
}
