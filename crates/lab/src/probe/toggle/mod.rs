//! What is asked of toggle clients and devices. Frames are written down as bytes and texts; the little
//! that is known of their shape here is for cutting and naming them, and is no codec of ours.
mod client;
mod device;

use serde_json::{Map, Value};

use super::{
    Cut, Reflex, Side, Suite,
    bytes::{
        Bytes::{self, Framed, Reading, Words},
        Pattern, Vars, like,
    },
    steps::Step,
};

/// Longest frame a prober waits for; a longer one is noise.
const MAX_FRAME: usize = 1 << 20;
const HEADER: usize = 7;
/// Letters shown of a name that a peer made up.
const SHOWN: usize = 20;

/// How a client waits, and between two attempts: `backoff`, twice as long each time, and up to
/// `jitter` more. In milliseconds.
const TIMERS: &[(&str, u64)] =
    &[("connect", 1_000), ("send", 1_500), ("recv", 1_500), ("backoff", 250), ("jitter", 100)];

/// By which form of answer: the three bytes `ACK`, or a frame that names the command.
const LEVELS: [&str; 2] = ["bare", "framed"];

/// What is asked of a device.
pub const DEVICE: Suite = Suite {
    protocol: "toggle",
    side: Side::Device,
    port: 9000,
    timers: TIMERS,
    levels: LEVELS,
    cut,
    name,
    command,
    reflex: |_| Reflex::Keep,
    health: &[Step::Connect, Step::Send(COMMAND), Step::Expect(ANY_ANSWER), Step::Close],
    groups: device::GROUPS,
};

/// What is asked of a client.
pub const CLIENT: Suite = Suite {
    protocol: "toggle",
    side: Side::Client,
    port: 9000,
    timers: TIMERS,
    levels: LEVELS,
    cut,
    name,
    command,
    reflex: |_| Reflex::Keep,
    health: &[],
    groups: client::GROUPS,
};

/// The case's own command, as the reference writes it. `i` is the device in quotation marks.
const COMMAND: Bytes = Framed(
    "f00d01",
    &Words(r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "<u>", "state": true}"#),
);
const BARE_ACK: Bytes = Bytes::Hex("41434b");
/// The answer that names the command last read.
const FRAMED_ACK: Bytes = Framed("f00d01", &Words(r#"{"opcode": "ack", "msg_id": "<m>"}"#));
const ACK: Bytes = Reading(&BARE_ACK, &FRAMED_ACK);

const ANY_ANSWER: Pattern = like("an answer", |frame, _| {
    frame == b"ACK" || opcode(frame).is_some_and(|opcode| opcode == "ack" || opcode == "nack")
});

/// `ACK`, or a header with a length and as many bytes.
fn cut(bytes: &[u8]) -> Cut {
    const BEGIN: &[u8] = &[0xf0, 0x0d, 1];
    let head = &bytes[..bytes.len().min(BEGIN.len())];
    if bytes.starts_with(b"ACK") {
        return Cut::Frame(3);
    }
    if bytes.is_empty() || b"ACK".starts_with(bytes) {
        return Cut::More;
    }
    if !BEGIN.starts_with(head) {
        return Cut::Never;
    }
    let Some(length) = bytes.get(3..HEADER).and_then(|four| four.try_into().ok()) else {
        return Cut::More;
    };
    match usize::try_from(u32::from_be_bytes(length)) {
        Ok(length @ ..=MAX_FRAME) if bytes.len() >= HEADER + length => Cut::Frame(HEADER + length),
        Ok(..=MAX_FRAME) => Cut::More,
        Ok(_) | Err(_) => Cut::Never,
    }
}

fn name(frame: &[u8]) -> String {
    if frame == b"ACK" {
        return "ACK".into();
    }
    match opcode(frame) {
        Some(opcode) if opcode == "toggle" && command(frame).is_none() => {
            "a toggle with wrong fields".into()
        }
        Some(opcode) if matches!(&*opcode, "toggle" | "ack" | "nack") => opcode,
        Some(opcode) => format!("opcode {}", opcode.chars().take(SHOWN).collect::<String>()),
        None if cut(frame) == Cut::Frame(frame.len()) => "a frame that is no message".into(),
        None => format!("{} bytes that are no frame", frame.len()),
    }
}

/// The object in a frame.
fn object(frame: &[u8]) -> Option<Map<String, Value>> {
    if cut(frame) != Cut::Frame(frame.len()) {
        return None;
    }
    match serde_json::from_slice(frame.get(HEADER..)?) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) | Err(_) => None,
    }
}

fn opcode(frame: &[u8]) -> Option<String> {
    object(frame)?.get("opcode")?.as_str().map(str::to_owned)
}

/// The id of a command that lacks nothing.
fn command(frame: &[u8]) -> Option<String> {
    let object = object(frame)?;
    let text = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("device_id").filter(|_| text("opcode") == Some("toggle"))?;
    object.get("state").filter(|state| state.is_boolean())?;
    text("msg_id").map(str::to_owned)
}

/// A command, whose id and whose device are known from now on.
fn is_command(frame: &[u8], vars: &mut Vars) -> bool {
    let Some(id) = command(frame) else { return false };
    vars.learn('m', id.as_bytes());
    true
}

/// An acknowledgement of the command whose id is `u`.
fn is_own_ack(frame: &[u8], vars: &mut Vars) -> bool {
    opcode(frame).as_deref() == Some("ack") && answers(frame, vars, 'u')
}

/// The same of the other one, whose id is `v`.
fn is_other_ack(frame: &[u8], vars: &mut Vars) -> bool {
    opcode(frame).as_deref() == Some("ack") && answers(frame, vars, 'v')
}

/// A refusal, of whatever command: one that cannot be read has no id to be named by.
fn is_nack(frame: &[u8], _: &mut Vars) -> bool {
    opcode(frame).as_deref() == Some("nack")
}

fn answers(frame: &[u8], vars: &Vars, letter: char) -> bool {
    let id = object(frame).and_then(|object| object.get("msg_id")?.as_str().map(str::to_owned));
    id.map(String::into_bytes) == vars.bytes(letter)
}

#[cfg(test)]
mod tests;
