//! Answers as wrong as a toggle device was told to make them.
use std::time::Duration;

use bytes::Bytes;

use super::{
    Mode, Spelling,
    codec::{self, HEADER},
    device::{Command, Device},
};
use crate::{
    CloseReason, Frame, Output, Ticket, Time,
    quirk::{Mode as _, Number, One},
};

/// The id of a command that nobody sends.
pub(super) const NOBODY: &str = "nobody";
/// Between the pieces of an answer sent in pieces.
const PIECE_GAP: Duration = Duration::from_millis(5);
const NOISE: &[u8; 32] = b"\x00\xff\x1b[31mnoise\r\n\x07\x80\xfe<html>\xf0\x0e\x01\0\0\0\0\0\0";

impl Mode {
    /// The command has its effect all the same.
    pub(super) fn applies(self) -> bool {
        !matches!(
            self,
            Self::Disconnect
                | Self::Reject
                | Self::ResetBefore
                | Self::ResetAfter
                | Self::OneConnection(One::Kick)
                | Self::Nack
                | Self::Lie
        )
    }
}

impl Device {
    /// Answers a command, or does what is to be done instead.
    pub(super) fn answer(&mut self, now: Time, command: &Command, mode: Mode) {
        let ack = self.ack(command);
        let framed = codec::encode_ack(&command.msg_id);
        let spoilt = |bytes| command.frame(mode.name(), bytes);
        match mode {
            Mode::Success
            | Mode::Refuse
            | Mode::Lie
            | Mode::Stale
            | Mode::Unasked
            | Mode::OneConnection(One::Close | One::Refuse) => self.send(ack),
            Mode::Timeout | Mode::SilentAfter(_) => {}
            Mode::Disconnect | Mode::Reject | Mode::OneConnection(One::Kick) => {
                self.close(CloseReason::Local);
            }
            Mode::ResetAfter | Mode::ResetBefore => self.close(CloseReason::Abort),
            Mode::HalfClose => self.out.push_back(Output::Finish),
            Mode::Delay(d) | Mode::Late(d) | Mode::SlowFirst(d) => self.hold(now + d, ack),
            Mode::Reorder(Number(n)) => self.keep(ack, n as usize),
            Mode::Duplicate => self.repeat(&ack, 2),
            Mode::Flood(Number(n)) => self.repeat(&ack, n),
            Mode::Partial => {
                self.send(command.frame("part", half(&ack.bytes)));
                self.close(CloseReason::Local);
            }
            Mode::Truncated => {
                self.send(command.frame("part", half(&ack.bytes)));
                self.send(ack);
            }
            Mode::Split => {
                let at = ack.bytes.len() / 2;
                self.send_pieces(now, command, [half(&ack.bytes), ack.bytes.slice(at..)]);
            }
            Mode::Dribble => {
                let bytes = (0..ack.bytes.len()).map(|i| ack.bytes.slice(i..=i));
                self.send_pieces(now, command, bytes);
            }
            Mode::Garbage => self.send(spoilt(Bytes::from_static(NOISE))),
            Mode::GarbageBefore => {
                self.send(spoilt(Bytes::from_static(NOISE)));
                self.send(ack);
            }
            Mode::Nack => {
                self.send(
                    command.frame("nack", codec::encode_nack(&command.msg_id, "told to refuse")),
                );
            }
            Mode::WrongId => {
                let other = Ticket(!command.ticket.0).to_string();
                self.send(spoilt(codec::encode_ack(&other)));
            }
            Mode::Corrupt(Number(at)) => {
                let at = (at as usize).min(ack.bytes.len() - 1);
                self.send(spoilt(with(&ack.bytes, at, &[ack.bytes[at] ^ 1])));
            }
            Mode::Length(Number(n)) => self.send(spoilt(with(&framed, 3, &n.to_be_bytes()))),
            Mode::Magic => self.send(spoilt(with(&framed, 0, b"\xd0\x0f"))),
            Mode::Version(n) => self.send(spoilt(with(&framed, 2, &[n]))),
            Mode::Opcode => {
                let done = format!(r#"{{"opcode": "done", "msg_id": "{}"}}"#, command.ticket);
                self.send(spoilt(codec::enframe(done.as_bytes())));
            }
            Mode::Spelling(spelling) => self.send(spoilt(spelt(spelling, command, &framed))),
        }
    }

    /// An answer that belongs to nothing asked on this connection.
    pub(super) fn answer_nobody(&mut self, msg_id: &str) {
        let (bytes, ticket) = (codec::encode_ack(msg_id), Some(Ticket::from_wire(msg_id)));
        let frame = Frame { bytes, kind: "unasked", ticket, msg_id: None, device_id: None };
        self.send(frame);
    }

    fn repeat(&mut self, frame: &Frame, times: u32) {
        for _ in 0..times {
            self.send(frame.clone());
        }
    }

    fn send_pieces(
        &mut self,
        now: Time,
        command: &Command,
        pieces: impl IntoIterator<Item = Bytes>,
    ) {
        let mut at = now;
        for piece in pieces {
            self.hold(at, command.frame("part", piece));
            at = at + PIECE_GAP;
        }
    }
}

fn half(whole: &Bytes) -> Bytes {
    whole.slice(..whole.len() / 2)
}

/// The same bytes, but for these.
fn with(bytes: &Bytes, at: usize, other: &[u8]) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at..at + other.len()].copy_from_slice(other);
    bytes.into()
}

/// A framed answer, written in another way.
fn spelt(spelling: Spelling, command: &Command, framed: &Bytes) -> Bytes {
    let json = &framed[HEADER..];
    match spelling {
        Spelling::Bom => codec::enframe(&[b"\xef\xbb\xbf", json].concat()),
        Spelling::Crlf => codec::enframe(&[json, b"\r\n"].concat()),
        Spelling::Pretty => {
            let object: serde_json::Value = serde_json::from_slice(json).expect("we wrote it");
            codec::enframe(format!("{object:#}").as_bytes())
        }
        Spelling::Escaped => {
            let json = String::from_utf8_lossy(json).replacen("\"ack\"", r#""\u0061ck""#, 1);
            codec::enframe(json.as_bytes())
        }
        Spelling::Upper => codec::encode_ack(&command.msg_id.to_uppercase()),
    }
}
