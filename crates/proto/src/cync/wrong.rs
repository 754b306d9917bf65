//! What a bridge says to a command, right or as wrong as it was told.
use bytes::Bytes;

use super::{
    Mode,
    command::code,
    device::{Asked, Device},
    inner::{Inner, Kind},
    lamp::Lamp,
    message::Message,
};
use crate::{CloseReason, Output, Time, quirk::Number};

/// The serial of reports whose checksums real bridges get wrong.
const STALE: [u8; 3] = [0x11; 3];
const NOISE: &[u8] = b"\xff\x00\x7e\x7e\xd3\x00\xff";

/// What there is to say, in order: the frame arrived, the command was done, this is so now.
struct Words {
    ack: Option<Bytes>,
    result: Option<Bytes>,
    more: Vec<Bytes>,
}

impl Device {
    /// Says it, a pause before each.
    pub(super) fn answer(&mut self, now: Time, mode: Mode, asked: &Asked, lamps: &[u16]) {
        match mode {
            Mode::Disconnect => return self.close(CloseReason::Local),
            Mode::ResetAfter => return self.close(CloseReason::Abort),
            Mode::HalfClose => return self.out.push_back(Output::Finish),
            Mode::Mute => return,
            // The others have words, if other ones.
            _ => {}
        }
        let words = self.words(mode, asked, lamps);
        self.say(now, mode, words);
    }

    fn words(&mut self, mode: Mode, asked: &Asked, lamps: &[u16]) -> Words {
        let Asked { device, id, seq, code, .. } = *asked;
        let ack =
            |id, code, of_device| Some(Message::PipeAck { of_device, device, id, code }.encode());
        let done = |bridge: &mut Self| {
            let result = Some(bridge.result(seq, code, 0));
            let more = bridge.more(asked, lamps, false);
            Words { ack: ack(id, 0, true), result, more }
        };
        match mode {
            Mode::NoAck => Words { ack: None, ..done(self) },
            Mode::NoResult => Words { result: None, ..done(self) },
            Mode::NoReport | Mode::Lie => Words { more: Vec::new(), ..done(self) },
            Mode::Nack(code) => Words { ack: ack(id, code, false), result: None, more: Vec::new() },
            Mode::Fail(result) => {
                let result = Some(self.result(seq, code, result));
                Words { ack: ack(id, 0, true), result, more: Vec::new() }
            }
            Mode::StaleChecksum => {
                let Words { ack, result, more: _ } = done(self);
                Words { ack, result, more: self.more(asked, lamps, true) }
            }
            Mode::BadChecksum => {
                let mut inner = Inner::new(seq, Kind::Response, code, &[0][..]);
                inner.checksum = inner.checksum.wrapping_add(1);
                let result = Some(self.pipe(inner));
                Words { result, ..done(self) }
            }
            Mode::WrongSeq => {
                let result = Some(self.result(seq.wrapping_add(1000), code, 0));
                Words { result, ..done(self) }
            }
            Mode::WrongId => Words { ack: ack(id.wrapping_add(1000), 0, true), ..done(self) },
            Mode::Garbage => {
                let Words { ack, result, more } = done(self);
                let ack = ack.map(|ack| [NOISE, &ack].concat().into());
                Words { ack, result, more }
            }
            Mode::Length(Number(length)) => {
                let Words { ack, result, more } = done(self);
                let ack = ack.map(|ack| {
                    let mut bytes = ack.to_vec();
                    bytes[1..5].copy_from_slice(&length.to_be_bytes());
                    bytes.into()
                });
                Words { ack, result, more }
            }
            Mode::Corrupt(Number(at)) => {
                let Words { ack, result, more } = done(self);
                let result = result.map(|result| {
                    let mut bytes = result.to_vec();
                    if let Some(byte) = bytes.get_mut(at as usize) {
                        *byte ^= 0xff;
                    }
                    bytes.into()
                });
                Words { ack, result, more }
            }
            Mode::Flood(Number(n)) => {
                let mut words = done(self);
                for _ in 0..n {
                    let more = self.more(asked, lamps, false);
                    words.more.extend(more);
                }
                words
            }
            Mode::Success
            | Mode::Mute
            | Mode::Duplicate
            | Mode::Coalesce
            | Mode::Reorder
            | Mode::Late(_)
            | Mode::Unasked
            | Mode::NoPing
            | Mode::NoLogin
            | Mode::LateLogin(_)
            | Mode::NoProbe
            | Mode::Reject
            | Mode::Disconnect
            | Mode::ResetAfter
            | Mode::HalfClose => done(self),
        }
    }

    fn say(&mut self, now: Time, mode: Mode, Words { ack, result, more }: Words) {
        let arrived = now + self.pause();
        let mut done = arrived + self.pause();
        if let Mode::Late(after) = mode {
            done = now + after;
        }
        let seen = done + self.pause();
        let mut words: Vec<(Time, Bytes)> = ack.into_iter().map(|ack| (arrived, ack)).collect();
        words.extend(result.map(|result| (done, result)));
        words.extend(more.into_iter().map(|more| (seen, more)));
        let times: Vec<Time> = words.iter().map(|(at, _)| *at).collect();
        match mode {
            Mode::Coalesce => words.iter_mut().for_each(|(at, _)| *at = seen),
            Mode::Reorder => {
                words.reverse();
                words.iter_mut().zip(times).for_each(|((at, _), time)| *at = time);
            }
            // The others keep their order.
            _ => {}
        }
        for (at, bytes) in words {
            if mode == Mode::Duplicate {
                self.hold(at, bytes.clone());
            }
            self.hold(at, bytes);
        }
    }

    pub(super) fn result(&mut self, seq: u32, code: u8, result: u8) -> Bytes {
        self.pipe(Inner::new(seq, Kind::Response, code, &[result][..]))
    }

    fn pipe(&mut self, inner: Inner) -> Bytes {
        let id = self.next_pipe();
        Message::pipe(false, self.cync.bridge.id, id, inner).encode()
    }

    /// What follows the result: what the lamps are like, told to who asked or to everybody.
    fn more(&mut self, asked: &Asked, meant: &[u16], stale: bool) -> Vec<Bytes> {
        let lamps: Vec<(u16, Lamp)> =
            self.cync.memory().lamps().iter().map(|(id, lamp)| (*id, *lamp)).collect();
        if asked.to.is_none() {
            return vec![self.page(asked.seq, &lamps)];
        }
        let meant = lamps.iter().filter(|(id, _)| meant.contains(id));
        meant.map(|(id, lamp)| self.report(*id, lamp, stale)).collect()
    }

    fn page(&mut self, seq: u32, lamps: &[(u16, Lamp)]) -> Bytes {
        let count = u16::try_from(lamps.len()).expect("settings allow 160 lamps");
        let mut body = u32::from(count).to_le_bytes().to_vec();
        body.extend(count.to_le_bytes());
        lamps.iter().for_each(|(id, lamp)| body.extend(lamp.entry(*id)));
        self.pipe(Inner::new(seq, Kind::Response, code::QUERY, body))
    }

    fn report(&mut self, mesh: u16, lamp: &Lamp, stale: bool) -> Bytes {
        let id = self.next_report();
        let [high, low] = id.to_be_bytes();
        let serial = if stale { STALE } else { [low, high, 0] };
        let body = lamp.report(serial, mesh);
        let mut inner = Inner::new(id.into(), Kind::Event, code::STATUS, &body[..]);
        if stale {
            inner.checksum = inner.checksum.wrapping_sub(0x14);
        }
        Message::pipe(true, self.cync.bridge.id, id, inner).encode()
    }
}
