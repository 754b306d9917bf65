//! Bytes to bitmaps and back. Frames carry no checksum, so a reader that lost its place goes by all
//! six bytes that never vary.
use bytes::Bytes;

use super::Bitmaps;
use crate::{explain::Explanation, inbox::Inbox, session::hex};

/// Every frame has this many bytes.
pub const FRAME: usize = 8;
pub(super) const HEADER: u8 = 0xa5;
pub(super) const COMMAND: u8 = 13;
const PAYLOAD: u8 = 4;
/// The only answer ever heard of, and that from a stand-in. What the real thing says is not known.
pub(super) const ANSWER: &[u8] = &[0, 1];

/// The two bytes that installations may change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codec {
    pub(super) header: u8,
    pub(super) command: u8,
}

/// What is at the front of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole frame.
    Frame(Bitmaps, Bytes),
    /// Bytes that begin no frame.
    Junk(Bytes),
}

impl Codec {
    pub(super) fn encode(self, Bitmaps { shift, subshift }: Bitmaps) -> Bytes {
        let Self { header, command } = self;
        Bytes::copy_from_slice(&[header, command, 0, PAYLOAD, shift, subshift, 0, 0])
    }

    /// Takes a frame, or what stands before the next one; `None` while more bytes are needed.
    pub(super) fn decode(self, inbox: &mut Inbox) -> Option<Found> {
        let bytes = inbox.peek();
        if bytes.is_empty() {
            return None;
        }
        if !self.may_begin(bytes) {
            let junk = (1..bytes.len()).find(|at| self.may_begin(&bytes[*at..]));
            let junk = junk.unwrap_or(bytes.len());
            return Some(Found::Junk(inbox.take(junk)));
        }
        let &[_, _, _, _, shift, subshift, ..] = bytes.get(..FRAME)? else { return None };
        Some(Found::Frame(Bitmaps { shift, subshift }, inbox.take(FRAME)))
    }

    /// These bytes are a frame, or could become one.
    fn may_begin(self, bytes: &[u8]) -> bool {
        bytes.iter().zip(self.fixed()).all(|(is, must)| must.is_none_or(|must| *is == must))
    }

    /// What each byte must be; nothing where it is a bitmap.
    fn fixed(self) -> [Option<u8>; FRAME] {
        let Self { header, command } = self;
        [Some(header), Some(command), Some(0), Some(PAYLOAD), None, None, Some(0), Some(0)]
    }
}

impl Default for Codec {
    fn default() -> Self {
        Self { header: HEADER, command: COMMAND }
    }
}

/// Names every byte of a captured exchange, either direction, with the usual header and command.
pub(super) fn explain(bytes: &[u8]) -> Explanation {
    let mut said = Explanation::default();
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        let taken = if rest.starts_with(ANSWER) {
            said.part(ANSWER.len(), "answer", "received something; it does not say what");
            ANSWER.len()
        } else if *first == HEADER {
            explain_frame(&rest[..rest.len().min(FRAME)], &mut said)
        } else {
            let junk = rest.iter().position(|b| *b == HEADER).unwrap_or(rest.len());
            said.part(junk, "junk", String::from_utf8_lossy(&rest[..junk]));
            said.wrong("a frame begins with a5 (and the only answer known is 00 01)");
            junk
        };
        rest = &rest[taken..];
    }
    if bytes.is_empty() {
        said.problem = Some("no bytes".into());
    }
    said
}

/// Everything that evidence calls a message.
pub(super) const KINDS: [&str; 3] = ["bitmaps", "reply", "junk"];

/// What evidence calls it.
pub(super) fn kind(message: &[u8]) -> &'static str {
    match message {
        [HEADER, ..] if message.len() == FRAME => "bitmaps",
        ANSWER => "reply",
        _ => "junk",
    }
}

/// How many bytes the first message has; junk goes on to the next that may be one.
pub(super) fn extent(bytes: &[u8]) -> Option<u64> {
    match bytes {
        [] | [0] => None,
        [HEADER, ..] => Some(FRAME as u64),
        _ if bytes.starts_with(ANSWER) => Some(ANSWER.len() as u64),
        _ => {
            let junk = bytes.iter().position(|b| *b == HEADER).unwrap_or(bytes.len());
            Some(junk as u64)
        }
    }
}

fn explain_frame(frame: &[u8], said: &mut Explanation) -> usize {
    let names = ["header", "command", "reserved", "length", "shift", "subshift", "reserved"];
    for (at, name) in names.into_iter().enumerate().take(frame.len()) {
        let field = &frame[at..if at == 6 { frame.len() } else { at + 1 }];
        let must = Codec::default().fixed()[at];
        said.part(
            field.len(),
            name,
            if must.is_none() { bits(field[0]) } else { hex::encode(field) },
        );
        if let Some(must) = must.filter(|must| field.iter().any(|is| is != must)) {
            said.wrong(format!("must be {}", hex::encode(&vec![must; field.len()])));
        }
    }
    if frame.len() < FRAME {
        said.problem = Some(format!("{} of {FRAME} bytes", frame.len()));
    }
    frame.len()
}

/// A bitmap for reading: `0x05: bits 0, 2`.
fn bits(bitmap: u8) -> String {
    let set: Vec<_> = (0..8).filter(|n| bitmap >> n & 1 == 1).map(|n| n.to_string()).collect();
    match set.len() {
        0 => "0x00: clear".into(),
        1 => format!("{bitmap:#04x}: bit {}", set[0]),
        _ => format!("{bitmap:#04x}: bits {}", set.join(", ")),
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
