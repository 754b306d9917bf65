//! Replies as wrong as a fake equipment was told to make them.
use bytes::{Bytes, BytesMut};

use super::{
    device::Device,
    endpoint::Said,
    message::{Header, Message, NO_SESSION, SType},
    quirk::Mode,
};
use crate::{CloseReason, Output, Ticket, Time};

impl Device {
    /// Sends a reply, as wrong as it is to be.
    pub(super) fn reply(&mut self, now: Time, to: &Header, mut message: Message, mode: Mode) {
        let stale = std::mem::replace(&mut self.stale, to.system);
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
            Mode::Deep(depth) => message.text = [1, 1].repeat(depth as usize).into(),
            Mode::Oversized(size) => message.text = vec![0; size as usize].into(),
            Mode::Disconnect => return self.close(CloseReason::Local),
            Mode::ResetAfter => return self.close(CloseReason::Abort),
            Mode::HalfClose => return self.out.push_back(Output::Finish),
            Mode::Interleave(count) => {
                for n in 0..count {
                    self.say(now, Ticket(u64::from(n)), 1, 1, true, Bytes::new());
                }
            }
            Mode::ControlText => {
                let header = Header::control(SType::LinktestReq, NO_SESSION, 0, 0, u32::MAX);
                let text = Bytes::from_static(&[0, 0]);
                self.endpoint.say(Said::Transmit(Message { header, text }, None));
            }
            _ => {}
        }
        match mode {
            Mode::Delay(late) => self.hold(now + late, self.frame(message)),
            Mode::Stall(bytes) => self.send_part(message, |whole| {
                let some = (bytes as usize).min(whole.len());
                whole.slice(..some)
            }),
            Mode::Length(length) => self.send_part(message, |whole| {
                let mut lying = BytesMut::from(&whole[..]);
                lying[..4].copy_from_slice(&length.to_be_bytes());
                lying.freeze()
            }),
            Mode::Duplicate => {
                self.endpoint.say(Said::Transmit(message.clone(), None));
                self.endpoint.say(Said::Transmit(message, None));
            }
            _ => self.endpoint.say(Said::Transmit(message, None)),
        }
    }

    fn send_part(&mut self, message: Message, part: impl FnOnce(Bytes) -> Bytes) {
        let mut frame = self.frame(message);
        frame.bytes = part(frame.bytes);
        self.out.push_back(Output::Transmit(frame));
    }
}
