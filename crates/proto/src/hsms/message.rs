//! HSMS messages (SEMI E37): ten bytes of header, then perhaps a text.
//!
//! ```text
//! offset  0        4         6       7       8      9      10       14
//!         length   session   byte 2  byte 3  PType  SType  system   text
//! ```
//! All numbers are big-endian. The length counts header and text, so it is at least 10.
use std::{fmt, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Frame, Ticket};

/// Bytes of the length field.
pub(super) const LENGTH: usize = 4;
/// Bytes of the header, and so the shortest length there is.
pub(super) const HEADER: usize = 10;
/// Session id of control messages in HSMS-SS (E37.1).
pub(super) const NO_SESSION: u16 = 0xFFFF;

/// What a message is for (the SType byte).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SType {
    /// 0: it carries SECS-II.
    Data,
    /// 1.
    SelectReq,
    /// 2.
    SelectRsp,
    /// 3.
    DeselectReq,
    /// 4.
    DeselectRsp,
    /// 5.
    LinktestReq,
    /// 6.
    LinktestRsp,
    /// 7.
    RejectReq,
    /// 9.
    SeparateReq,
    /// Not used or reserved.
    Other(u8),
}

impl SType {
    /// Those that mean something, with their numbers and the standard's names.
    pub const ALL: [(Self, u8, &'static str); 9] = [
        (Self::Data, 0, "data"),
        (Self::SelectReq, 1, "Select.req"),
        (Self::SelectRsp, 2, "Select.rsp"),
        (Self::DeselectReq, 3, "Deselect.req"),
        (Self::DeselectRsp, 4, "Deselect.rsp"),
        (Self::LinktestReq, 5, "Linktest.req"),
        (Self::LinktestRsp, 6, "Linktest.rsp"),
        (Self::RejectReq, 7, "Reject.req"),
        (Self::SeparateReq, 9, "Separate.req"),
    ];
    /// The SType of this byte.
    pub fn of(byte: u8) -> Self {
        let known = Self::ALL.iter().find(|(_, number, _)| *number == byte);
        known.map_or(Self::Other(byte), |(stype, ..)| *stype)
    }
    /// Its byte.
    pub fn number(self) -> u8 {
        match self {
            Self::Other(byte) => byte,
            known => Self::ALL.iter().find(|(stype, ..)| *stype == known).map_or(0, |(_, n, _)| *n),
        }
    }
    /// The standard's name for it.
    pub fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(stype, ..)| *stype == self);
        known.map_or("unknown SType", |(.., name)| name)
    }
    /// Whether it answers something.
    pub fn is_response(self) -> bool {
        matches!(self, Self::SelectRsp | Self::DeselectRsp | Self::LinktestRsp)
    }
}

/// The ten bytes, taken apart. What bytes 2 and 3 mean depends on the SType.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The device id of data, `FFFF` for control messages.
    pub session: u16,
    /// W-bit and stream of data; of a Reject.req, what was rejected.
    pub byte2: u8,
    /// Function of data; status or reason of control messages.
    pub byte3: u8,
    /// 0 is SECS-II; there is no other in use.
    pub ptype: u8,
    /// What it is for.
    pub stype: SType,
    /// Joins an answer to its request.
    pub system: u32,
}

impl Header {
    /// Reads the ten bytes.
    pub fn read(bytes: &[u8; HEADER]) -> Self {
        let [s0, s1, byte2, byte3, ptype, stype, y0, y1, y2, y3] = *bytes;
        Self {
            session: u16::from_be_bytes([s0, s1]),
            byte2,
            byte3,
            ptype,
            stype: SType::of(stype),
            system: u32::from_be_bytes([y0, y1, y2, y3]),
        }
    }
    /// The ten bytes.
    pub fn bytes(&self) -> [u8; HEADER] {
        let [s0, s1] = self.session.to_be_bytes();
        let [y0, y1, y2, y3] = self.system.to_be_bytes();
        [s0, s1, self.byte2, self.byte3, self.ptype, self.stype.number(), y0, y1, y2, y3]
    }
    /// A control message's header.
    pub fn control(stype: SType, session: u16, byte2: u8, byte3: u8, system: u32) -> Self {
        Self { session, byte2, byte3, ptype: 0, stype, system }
    }
    /// A data message's header.
    pub fn data(session: u16, stream: u8, function: u8, wait: bool, system: u32) -> Self {
        let byte2 = (stream & 0x7F) | if wait { 0x80 } else { 0 };
        Self { session, byte2, byte3: function, ptype: 0, stype: SType::Data, system }
    }
    /// Stream of a data message, 0 to 127.
    pub fn stream(&self) -> u8 {
        self.byte2 & 0x7F
    }
    /// Function of a data message; odd for primaries.
    pub fn function(&self) -> u8 {
        self.byte3
    }
    /// The W-bit: the sender expects a reply.
    pub fn wait(&self) -> bool {
        self.byte2 & 0x80 != 0
    }
    /// A data message that asks or tells; an even function answers.
    pub fn is_primary(&self) -> bool {
        self.stype == SType::Data && self.byte3 % 2 == 1
    }
}

impl fmt::Display for Header {
    /// As a person would name it: `S1F13 W`, `Select.rsp status 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stype {
            SType::Data if self.ptype != 0 => write!(f, "message of PType {}", self.ptype),
            SType::Data => {
                let wait = if self.wait() { " W" } else { "" };
                write!(f, "S{}F{}{wait}", self.stream(), self.function())
            }
            SType::SelectRsp | SType::DeselectRsp => {
                write!(f, "{} status {}", self.stype.name(), self.byte3)
            }
            SType::RejectReq => write!(f, "Reject.req reason {}", self.byte3),
            SType::Other(byte) => write!(f, "message of SType {byte}"),
            SType::SelectReq
            | SType::DeselectReq
            | SType::LinktestReq
            | SType::LinktestRsp
            | SType::SeparateReq => f.write_str(self.stype.name()),
        }
    }
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its header.
    pub header: Header,
    /// The bytes after the header: SECS-II, or nothing.
    pub text: Bytes,
}

impl Message {
    /// A message without a text.
    pub fn bare(header: Header) -> Self {
        Self { header, text: Bytes::new() }
    }
    /// The message in these bytes, which are a whole one, its length included.
    pub fn of_frame(frame: &Bytes) -> Option<Self> {
        let header = frame.get(LENGTH..LENGTH + HEADER)?.try_into().ok()?;
        Some(Self { header: Header::read(header), text: frame.slice(LENGTH + HEADER..) })
    }
    /// Its bytes, the length first.
    ///
    /// # Panics
    /// With a text of 4 GiB, which no limit here allows.
    pub fn encode(&self) -> Bytes {
        let length = u32::try_from(HEADER + self.text.len()).expect("texts are limited");
        let mut bytes = BytesMut::with_capacity(LENGTH + HEADER + self.text.len());
        bytes.put_u32(length);
        bytes.put_slice(&self.header.bytes());
        bytes.put_slice(&self.text);
        bytes.freeze()
    }
    /// The message on its way out, belonging to this request.
    pub(super) fn into_frame(self, ticket: Option<Ticket>) -> Frame {
        let bytes = self.encode();
        self.frame(bytes, ticket)
    }
    /// The message, which is these bytes, as evidence.
    pub(super) fn frame(&self, bytes: Bytes, ticket: Option<Ticket>) -> Frame {
        let Header { session, stype, system, .. } = self.header;
        let device_id = (stype == SType::Data).then(|| session.to_string().into());
        let msg_id = Some(Arc::from(format!("{system:08x}")));
        Frame { bytes, kind: kind(&self.header), ticket, msg_id, device_id }
    }
}

/// What evidence calls the message in these bytes, if it is one.
pub(super) fn kind_of(bytes: &[u8]) -> &'static str {
    let header = bytes.get(LENGTH..).and_then(|rest| rest.first_chunk());
    header.map_or("junk", |header| kind(&Header::read(header)))
}

/// Everything that evidence calls a message.
pub(super) fn kinds() -> Vec<&'static str> {
    let control = SType::ALL.iter().filter(|(stype, ..)| *stype != SType::Data);
    let control = control.map(|(stype, ..)| stype.name());
    let others = ["primary", "reply", "junk", "unknown SType"];
    super::names::kinds().chain(control).chain(others).collect()
}

/// What evidence calls it: `S1F13` for the messages of everyday, or what sort it is.
fn kind(header: &Header) -> &'static str {
    match header.stype {
        SType::Data => super::names::of(header.stream(), header.function())
            .map_or(if header.is_primary() { "primary" } else { "reply" }, |known| known.kind),
        stype => stype.name(),
    }
}

/// What a Select.rsp's status says.
pub(super) fn select_status(status: u8) -> &'static str {
    match status {
        0 => "communication established",
        1 => "already active",
        2 => "connection not ready",
        3 => "connect exhausted: it serves another connection",
        4 => "no such entity",
        5 => "entity in use",
        6 => "entity already selected",
        7..=127 => "reserved",
        128..=255 => "of the peer's own making",
    }
}

/// What a Deselect.rsp's status says.
pub(super) fn deselect_status(status: u8) -> &'static str {
    match status {
        0 => "communication ended",
        1 => "communication not established",
        2 => "communication busy",
        3..=127 => "reserved",
        128..=255 => "of the peer's own making",
    }
}

/// What a Reject.req's reason says.
pub(super) fn reject_reason(reason: u8) -> &'static str {
    match reason {
        1 => "SType not supported",
        2 => "PType not supported",
        3 => "transaction not open",
        4 => "entity not selected",
        0 | 5..=127 => "reserved",
        128..=255 => "of the peer's own making",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::hex;

    /// Rows of go-secs 2.1, byte-identical from three other stacks.
    const GOLDEN: &[(&str, &str, u32)] = &[
        ("0000000a ffff 0000 0001 0000002a", "Select.req", 42),
        ("0000000a ffff 0000 0002 0000002a", "Select.rsp status 0", 42),
        ("0000000a ffff 0003 0002 0000002a", "Select.rsp status 3", 42),
        ("0000000a ffff 0001 0004 00000027", "Deselect.rsp status 1", 39),
        ("0000000a ffff 0000 0005 0000002a", "Linktest.req", 42),
        ("0000000a ffff 0000 0006 0000002a", "Linktest.rsp", 42),
        ("0000000a ffff 0000 0009 0000002a", "Separate.req", 42),
        ("0000000a ffff 0801 0007 0000002a", "Reject.req reason 1", 42),
        ("0000000a 0000 0102 0007 0000002a", "Reject.req reason 2", 42),
        ("0000000a 0000 8101 0000 00000001", "S1F1 W", 1),
        ("00000016 0000 0905 0000 00000019 210a 0000 e301 0000 0000002f", "S9F5", 25),
    ];

    #[test]
    fn golden_messages_read_and_write_the_same_bytes() {
        for (bytes, name, system) in GOLDEN {
            let bytes = hex::decode(bytes).unwrap();
            let message = Message::of_frame(&bytes).unwrap();
            assert_eq!(message.header.to_string(), *name);
            assert_eq!(message.header.system, *system);
            assert_eq!(message.encode(), bytes, "{name}");
        }
    }

    /// The byte order of the published reference: the type in PType, 0 in SType.
    #[test]
    fn the_type_in_the_wrong_byte_is_no_select() {
        let bytes = hex::decode("0000000a 0000 0000 0100 00003039").unwrap();
        let message = Message::of_frame(&bytes).unwrap();
        assert_eq!(message.header.to_string(), "message of PType 1");
    }

    #[test]
    fn every_byte_is_some_stype_and_back() {
        for byte in 0..=255 {
            assert_eq!(SType::of(byte).number(), byte);
        }
    }
}
