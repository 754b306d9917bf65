//! Answers as wrong as a fake peer was told to make them.
use bytes::Bytes;

use super::{Device, Message, Mode, link::frame, quirk::Spelling};
use crate::{
    CloseReason, Frame, Output, Time,
    quirk::{Mode as _, Number},
};

const NOISE: &[u8] = b"\x00\xff\x1b[31mnoise\r\x07\x80\xfe<html>\xf0\x0e\x01\n";

impl Device {
    /// Answers a line, or does what is to be done instead.
    pub(super) fn answer(&mut self, now: Time, right: Frame) {
        let name = self.mode.name();
        let wrong = |bytes: Vec<u8>| frame(name, Bytes::from(bytes));
        if right.kind == "challenge" {
            self.peer.memory().challenged(right.bytes.clone());
        }
        match self.mode {
            Mode::Success
            | Mode::Reject
            | Mode::Refuse
            | Mode::ResetBefore
            | Mode::Impostor
            | Mode::Lie
            | Mode::Unasked
            | Mode::PortChange => self.send(right),
            Mode::Mute | Mode::HangUp | Mode::ResetAfter | Mode::HalfClose | Mode::Vanish => {}
            Mode::Late(after) => self.held.push_back((now + after, Output::Transmit(right))),
            Mode::Error => self.send(wrong(Message::Error.encode().to_vec())),
            Mode::UnknownType => self.send(wrong(b"{\"type\": \"WELCOME\"}\n".to_vec())),
            Mode::Oversized => {
                let mut long = vec![b'x'; self.peer.terms.long];
                long.push(b'\n');
                self.send(wrong(long));
            }
            Mode::Unended => {
                self.send(wrong(right.bytes[..right.bytes.len() - 1].to_vec()));
                self.close(CloseReason::Local);
            }
            Mode::Truncated => {
                self.send(wrong(right.bytes[..right.bytes.len() / 2].to_vec()));
                self.send(right);
            }
            Mode::Corrupt(Number(at)) => {
                let mut bytes = right.bytes.to_vec();
                let at = (at as usize).min(bytes.len() - 1);
                bytes[at] ^= 1;
                self.send(wrong(bytes));
            }
            Mode::Spelling(spelling) => self.send(wrong(spelt(spelling, &right.bytes))),
            Mode::Garbage => self.send(wrong(NOISE.to_vec())),
            Mode::GarbageBefore => {
                self.send(wrong(NOISE.to_vec()));
                self.send(right);
            }
            Mode::Twice => self.repeat(&right, 2),
            Mode::Flood(Number(n)) => self.repeat(&right, n),
            Mode::Stale => {
                let before = self.place.before.clone().unwrap_or(right.bytes);
                self.send(wrong(before.to_vec()));
            }
        }
    }

    fn repeat(&mut self, frame: &Frame, times: u32) {
        for _ in 0..times {
            self.send(frame.clone());
        }
    }
}

/// An answer, which ends with its newline, written in another way.
fn spelt(spelling: Spelling, line: &[u8]) -> Vec<u8> {
    let words = line.trim_ascii_end();
    match spelling {
        Spelling::Crlf => [words, b"\r\n"].concat(),
        Spelling::Padded => [b"  ", words, b" \t\n"].concat(),
        Spelling::Bom => [b"\xef\xbb\xbf", line].concat(),
        // Neither ids nor nonces nor proofs have a space.
        Spelling::Compact => line.iter().copied().filter(|byte| *byte != b' ').collect(),
        Spelling::Escaped => {
            String::from_utf8_lossy(line).replacen("\"C", r#""\u0043"#, 1).into_bytes()
        }
    }
}
