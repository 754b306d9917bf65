//! Bytes to messages and back. It never allocates for a length it has not checked.
use std::{borrow::Cow, io};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Toggle;
use crate::{Ticket, explain::Explanation, inbox::Inbox};

const MAGIC: [u8; 2] = [0xf0, 0x0d];
const VERSION: u8 = 1;
/// Bytes before the payload.
pub(super) const HEADER: usize = 7;
/// What a device without anything to add answers.
pub(super) const BARE_ACK: &[u8] = b"ACK";
/// Longest payload accepted, in bytes.
pub const MAX_PAYLOAD: usize = 64 * 1024;
/// Longest `msg_id` accepted, in bytes. The documents show 12 and 16 hex digits and UUIDs.
const MAX_MSG_ID: usize = 128;

/// A framed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Toggle { device_id: String, msg_id: String, state: bool },
    Ack { msg_id: String },
    Nack { msg_id: String, reason: String },
}

/// Why bytes are no frame. [`reason`](DecodeError::reason) is its short name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not our protocol at all.
    #[error("starts with {0:02x?}, not with f0 0d")]
    Magic(Vec<u8>),
    /// A version we do not speak.
    #[error("version {0}, not 1")]
    Version(u8),
    /// More than we would ever hold.
    #[error("a payload of {0} bytes is over the limit of {MAX_PAYLOAD}")]
    TooLong(u32),
    /// The payload is not the JSON object it should be.
    #[error("the payload is not a message: {0}")]
    Json(String),
    /// An opcode we do not know, or not from this side.
    #[error("opcode `{0}` has no business here")]
    Opcode(String),
    /// A field is missing or out of range.
    #[error("{0}")]
    Field(&'static str),
}

impl DecodeError {
    /// A short name from a closed list, fit for a metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Magic(_) => "magic",
            Self::Version(_) => "version",
            Self::TooLong(_) => "too_long",
            Self::Json(_) => "json",
            Self::Opcode(_) => "opcode",
            Self::Field(_) => "field",
        }
    }
}

/// The keys in the order the reference writes them; absent ones are left out.
#[derive(Default, Serialize, Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    opcode: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    device_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    msg_id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<bool>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
}

/// The frame of a command: the same bytes for the same ticket, on every attempt.
pub fn encode_toggle(ticket: Ticket, toggle: &Toggle) -> Bytes {
    encode(&Payload {
        opcode: "toggle".into(),
        device_id: Some(Cow::Borrowed(toggle.device_id())),
        msg_id: Some(ticket.to_string().into()),
        state: Some(toggle.state()),
        reason: None,
    })
}

pub(super) fn encode_ack(msg_id: &str) -> Bytes {
    encode(&Payload { opcode: "ack".into(), msg_id: Some(msg_id.into()), ..Payload::default() })
}

pub(super) fn encode_nack(msg_id: &str, reason: &str) -> Bytes {
    encode(&Payload {
        opcode: "nack".into(),
        msg_id: Some(msg_id.into()),
        reason: Some(reason.into()),
        ..Payload::default()
    })
}

fn encode(payload: &Payload<'_>) -> Bytes {
    let mut frame = Vec::with_capacity(160);
    frame.extend_from_slice(&MAGIC);
    frame.push(VERSION);
    frame.extend_from_slice(&[0; 4]);
    let mut json = serde_json::Serializer::with_formatter(&mut frame, AsPython);
    payload.serialize(&mut json).expect("strings and a flag always serialize");
    let len = u32::try_from(frame.len() - HEADER).expect("ids are capped");
    frame[3..HEADER].copy_from_slice(&len.to_be_bytes());
    frame.into()
}

/// A frame around any payload, JSON or not.
pub(super) fn enframe(payload: &[u8]) -> Bytes {
    let len = u32::try_from(payload.len()).expect("what is made up is short");
    [&MAGIC[..], &[VERSION], &len.to_be_bytes(), payload].concat().into()
}

/// Takes one whole frame off the front, if it is all there. Fails as soon as it cannot become one.
pub(super) fn decode(inbox: &mut Inbox) -> Result<Option<(Message, Bytes)>, DecodeError> {
    let Some(len) = frame_len(inbox.peek())? else { return Ok(None) };
    let message = parse(&inbox.peek()[HEADER..len])?;
    Ok(Some((message, inbox.take(len))))
}

/// The length of the frame at the front; `None` while more bytes are needed.
fn frame_len(bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
    let head = &bytes[..bytes.len().min(MAGIC.len())];
    if head != &MAGIC[..head.len()] {
        return Err(DecodeError::Magic(head.to_vec()));
    }
    if let Some(&version) = bytes.get(2)
        && version != VERSION
    {
        return Err(DecodeError::Version(version));
    }
    let Some(len) = bytes.get(3..HEADER) else { return Ok(None) };
    let len = u32::from_be_bytes(len.try_into().expect("four bytes"));
    if len as usize > MAX_PAYLOAD {
        return Err(DecodeError::TooLong(len));
    }
    let whole = HEADER + len as usize;
    Ok((bytes.len() >= whole).then_some(whole))
}

fn parse(json: &[u8]) -> Result<Message, DecodeError> {
    // A list of values would do for an object otherwise, as far as the decoder is concerned.
    if json.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(DecodeError::Json("it is no object".into()));
    }
    let payload: Payload<'_> =
        serde_json::from_slice(json).map_err(|e| DecodeError::Json(e.to_string()))?;
    let Payload { opcode, device_id, msg_id, state, reason } = payload;
    let msg_id = msg_id.ok_or(DecodeError::Field("msg_id is missing"))?.into_owned();
    if msg_id.is_empty() || msg_id.len() > MAX_MSG_ID {
        return Err(DecodeError::Field("msg_id must have 1 to 128 bytes"));
    }
    match &*opcode {
        "toggle" => {
            let device_id = device_id.ok_or(DecodeError::Field("device_id is missing"))?;
            if device_id.is_empty() || device_id.len() > Toggle::MAX_DEVICE_ID {
                return Err(DecodeError::Field("device_id must have 1 to 1024 bytes"));
            }
            let state = state.ok_or(DecodeError::Field("state is missing"))?;
            Ok(Message::Toggle { device_id: device_id.into_owned(), msg_id, state })
        }
        "ack" => Ok(Message::Ack { msg_id }),
        "nack" => Ok(Message::Nack { msg_id, reason: reason.unwrap_or_default().into_owned() }),
        other => Err(DecodeError::Opcode(other.chars().take(32).collect())),
    }
}

/// Everything that evidence calls a message.
pub(super) const KINDS: [&str; 4] = ["toggle", "ack", "nack", "junk"];

/// What evidence calls it.
pub(super) fn kind(message: &[u8]) -> &'static str {
    if message == BARE_ACK {
        return "ack";
    }
    match message.get(HEADER..).map(parse) {
        Some(Ok(Message::Toggle { .. })) if message.starts_with(&MAGIC) => "toggle",
        Some(Ok(Message::Ack { .. })) if message.starts_with(&MAGIC) => "ack",
        Some(Ok(Message::Nack { .. })) if message.starts_with(&MAGIC) => "nack",
        _ => "junk",
    }
}

/// Names every byte of a captured exchange, either direction.
pub(super) fn explain(bytes: &[u8]) -> Explanation {
    let mut said = Explanation::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(BARE_ACK) {
            said.part(3, "answer", "ACK, which names no command");
            rest = after;
        } else if rest.len() < BARE_ACK.len() && BARE_ACK.starts_with(rest) {
            said.part(rest.len(), "answer", "the beginning of ACK").wrong("cut short");
            break;
        } else {
            let taken = explain_frame(rest, &mut said);
            rest = &rest[taken..];
        }
    }
    if bytes.is_empty() {
        said.problem = Some("no bytes".into());
    }
    said
}

/// How many bytes the first message has; what is none of ours goes on to the next that may be.
pub(super) fn extent(bytes: &[u8]) -> Option<u64> {
    let may_begin = |bytes: &[u8]| {
        let starts = |with: &[u8]| bytes.starts_with(with) || with.starts_with(bytes);
        !bytes.is_empty() && (starts(BARE_ACK) || starts(&MAGIC))
    };
    if bytes.starts_with(BARE_ACK) {
        return Some(BARE_ACK.len() as u64);
    }
    if bytes.is_empty() || !may_begin(bytes) {
        let next = (1..bytes.len()).find(|at| may_begin(&bytes[*at..])).unwrap_or(bytes.len());
        return (next > 0).then_some(next as u64);
    }
    let length = bytes.get(3..HEADER)?.try_into().expect("four");
    Some(HEADER as u64 + u64::from(u32::from_be_bytes(length)))
}

fn explain_frame(bytes: &[u8], said: &mut Explanation) -> usize {
    let take = |from: usize, to: usize| &bytes[from.min(bytes.len())..to.min(bytes.len())];
    let magic = take(0, 2);
    said.part(magic.len(), "magic", crate::session::hex::encode(magic));
    if magic != MAGIC {
        said.wrong("a frame begins with f0 0d (and the only other answer is ACK)");
        let rest = bytes.len() - magic.len();
        if rest > 0 {
            said.part(rest, "unknown", format!("{rest} bytes that cannot be placed"));
        }
        return bytes.len();
    }
    if let [version] = take(2, 3) {
        said.part(1, "version", version.to_string());
        if *version != VERSION {
            said.wrong("only version 1 exists");
        }
    }
    let length = take(3, HEADER);
    let Ok(four) = <[u8; 4]>::try_from(length) else {
        if !length.is_empty() {
            said.part(length.len(), "length", "u32 big-endian").wrong("cut short");
        }
        said.problem = Some(format!("{} of 7 header bytes", bytes.len()));
        return bytes.len();
    };
    let len = u32::from_be_bytes(four);
    said.part(4, "length", format!("{len} bytes of payload"));
    if len as usize > MAX_PAYLOAD {
        said.wrong(DecodeError::TooLong(len).to_string());
    }
    let payload = take(HEADER, HEADER.saturating_add(len as usize));
    if !payload.is_empty() || len == 0 {
        said.part(payload.len(), "payload", String::from_utf8_lossy(payload));
        match parse(payload) {
            _ if payload.len() < len as usize => {
                said.wrong(format!("cut short: {} of {len} bytes", payload.len()));
            }
            Err(problem) => {
                said.wrong(problem.to_string());
            }
            Ok(_) => {}
        }
    } else {
        said.problem = Some(format!("the payload of {len} bytes is missing"));
    }
    HEADER + payload.len()
}

/// JSON as Python's `json.dumps` writes it: `", "` and `": "`, and non-ASCII as `\uXXXX`.
struct AsPython;

impl serde_json::ser::Formatter for AsPython {
    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }
    fn write_string_fragment<W>(&mut self, w: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut utf16 = [0; 2];
        for c in fragment.chars() {
            // 0x7f is ASCII to Python, and printed as it is.
            if c.is_ascii() {
                w.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut utf16) {
                write!(w, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
