//! Replies as wrong as a fake equipment was told to make them.
use bytes::{Bytes, BytesMut};

use super::{
    device::Device,
    endpoint::Said,
    message::{Header, Message, NO_SESSION, SType},
    quirk::Mode,
};
use crate::{
    CloseReason, Output, Ticket, Time, gem,
    quirk::Number,
    secs2::{Item, encode},
};

/// No message: read as a length it is over any limit.
const NOISE: &[u8] = b"\xff\x1b[31m\x07<html>\x80";
/// System bytes that no host takes from a ticket.
const NOBODY: u32 = u32::MAX;

/// What an equipment answers that did what it was asked, where the answer says so at all.
pub(super) fn lie(to: &Header) -> Option<gem::Answer> {
    let fine = Item::binary([0]);
    let item = match (to.stream(), to.function()) {
        (2, 15 | 31 | 33 | 35 | 37 | 43) | (5, 3) | (7, 3 | 17) | (10, 3 | 5) => fine,
        (2, 41) => Item::list([fine, Item::list([])]),
        _ => return None,
    };
    Some(gem::Answer::Reply { function: to.function() + 1, item: Some(item) })
}

impl Device {
    /// Sends a reply, as wrong as it is to be.
    pub(super) fn reply(&mut self, now: Time, to: &Header, mut message: Message, mode: Mode) {
        let stale = std::mem::replace(&mut self.stale, to.system);
        self.remember(&message);
        let header = &mut message.header;
        match mode {
            Mode::Silent => return,
            Mode::WrongSystem => header.system = header.system.wrapping_add(1),
            Mode::StaleSystem => header.system = stale,
            Mode::Ptype(ptype) => header.ptype = ptype,
            Mode::Stype(stype) => header.stype = SType::of(stype),
            Mode::Abort => (header.byte3, message.text) = (0, Bytes::new()),
            Mode::Stream9(function) => return self.complain(now, function, to),
            Mode::RejectPrimary(reason) => {
                *header = Header { byte2: 0, byte3: reason, stype: SType::RejectReq, ..*header };
                message.text = Bytes::new();
            }
            Mode::Padded => message.text = padded(&message.text),
            Mode::Deep(Number(depth)) => message.text = [1, 1].repeat(depth as usize).into(),
            Mode::Oversized(Number(size)) => message.text = vec![0; size as usize].into(),
            Mode::Separate => return self.endpoint.separate_now(now),
            Mode::Disconnect => return self.close(CloseReason::Local),
            Mode::ResetAfter => return self.close(CloseReason::Abort),
            Mode::HalfClose => return self.out.push_back(Output::Finish),
            Mode::Interleave(Number(count)) => {
                for n in 0..count {
                    self.say(now, Ticket(u64::from(n)), 1, 1, true, Bytes::new());
                }
            }
            Mode::SameSystem => {
                self.say(now, Ticket(u64::from(to.system)), 1, 1, true, Bytes::new());
            }
            Mode::ControlText => {
                let header = Header::control(SType::LinktestReq, NO_SESSION, 0, 0, u32::MAX);
                let text = Bytes::from_static(&[0, 0]);
                self.endpoint.say(Said::Transmit(Message { header, text }, None));
            }
            _ => {}
        }
        self.send(now, message, mode);
    }

    /// Sends a message, its bytes as wrong as they are to be.
    fn send(&mut self, now: Time, message: Message, mode: Mode) {
        match mode {
            Mode::Delay(late) => self.hold(now + late, self.frame(message)),
            Mode::Reorder(Number(until)) => {
                self.kept.push(message);
                if self.kept.len() < until as usize {
                    return;
                }
            }
            Mode::Stall(Number(bytes)) => {
                self.send_as(message, |whole| first(&whole, bytes as usize))
            }
            Mode::Truncated => {
                self.send_as(message.clone(), |whole| first(&whole, whole.len() / 2));
                self.endpoint.say(Said::Transmit(message, None));
            }
            Mode::GarbageBefore => self.send_as(message, |whole| [NOISE, &whole].concat().into()),
            Mode::Corrupt(Number(at)) => self.send_as(message, |whole| {
                let at = (at as usize).min(whole.len() - 1);
                with(&whole, at, &[whole[at] ^ 1])
            }),
            Mode::Length(Number(n)) => {
                self.send_as(message, |whole| with(&whole, 0, &n.to_be_bytes()))
            }
            Mode::Duplicate => {
                self.endpoint.say(Said::Transmit(message.clone(), None));
                self.endpoint.say(Said::Transmit(message, None));
            }
            _ => self.endpoint.say(Said::Transmit(message, None)),
        }
        for kept in std::mem::take(&mut self.kept).into_iter().rev() {
            self.endpoint.say(Said::Transmit(kept, None));
        }
    }

    fn send_as(&mut self, message: Message, changed: impl FnOnce(Bytes) -> Bytes) {
        let mut frame = self.frame(message);
        frame.bytes = changed(frame.bytes);
        self.out.push_back(Output::Transmit(frame));
    }

    /// So many events at once.
    pub(super) fn flood(&mut self, now: Time, count: u32) {
        for n in 0..count {
            let text = encode(&Item::list([Item::u4(n), Item::u4(n), Item::list([])]));
            self.say(now, Ticket(u64::from(n)), 6, 11, false, text);
        }
    }

    /// S1F2 though nobody said S1F1.
    pub(super) fn answer_nothing(&mut self) {
        let header = Header::data(self.session(), 1, 2, false, NOBODY);
        self.endpoint.say(Said::Transmit(Message::bare(header), None));
    }
}

fn first(whole: &Bytes, bytes: usize) -> Bytes {
    whole.slice(..bytes.min(whole.len()))
}

/// The same bytes, but for these.
fn with(bytes: &Bytes, at: usize, other: &[u8]) -> Bytes {
    let mut bytes = BytesMut::from(&bytes[..]);
    bytes[at..at + other.len()].copy_from_slice(other);
    bytes.freeze()
}

/// The same items with three bytes of length each, which is more than most need and always allowed.
/// What is no SECS-II stays as it is.
fn padded(text: &Bytes) -> Bytes {
    let mut padded = Vec::with_capacity(text.len() * 2);
    let mut rest = &text[..];
    while let Some((&head, after)) = rest.split_first() {
        let Some((length, after)) = after.split_at_checked(usize::from(head & 3)) else { break };
        let length = length.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        // A list's length counts items, and those come next.
        let body = if head >> 2 == 0 { 0 } else { length };
        let Some((body, after)) = after.split_at_checked(body) else { break };
        padded.push(head | 3);
        padded.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
        padded.extend_from_slice(body);
        rest = after;
    }
    padded.extend_from_slice(rest);
    padded.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secs2::Limits;

    #[test]
    fn padding_changes_the_bytes_of_a_text_and_nothing_it_says() {
        let item = Item::list([Item::list([]), Item::u4(7), Item::binary(vec![9; 300])]);
        let text = encode(&item);
        let padded = padded(&text);
        assert!(padded.starts_with(&[3, 0, 0, 3, 3, 0, 0, 0]), "{padded:02x?}");
        assert_eq!(Item::decode(&padded, &Limits::default()).unwrap(), Some(item));
        assert_eq!(super::padded(&Bytes::from_static(&[0x21])), [0x21][..]);
    }
}
