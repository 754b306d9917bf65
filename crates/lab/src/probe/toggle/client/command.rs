//! Group c1: what it sends, and that it ends.
use super::*;

/// As the reference writes it, byte for byte.
const AS_WRITTEN: Pattern = like("a command as written", |frame, vars| {
    let text = frame.get(7..).unwrap_or_default();
    let ends = [&br#""state": true}"#[..], br#""state": false}"#];
    let middle = br#"", "msg_id": ""#;
    is_command(frame, vars)
        && text.starts_with(br#"{"opcode": "toggle", "device_id": ""#)
        && text.windows(middle.len()).any(|window| window == middle)
        && ends.iter().any(|end| text.ends_with(end))
        && text.is_ascii()
});
const ID: Pattern = like("a command with 16 hex digits", |frame, vars| {
    let is_command = is_command(frame, vars);
    let id = vars.bytes('m').unwrap_or_default();
    is_command && id.len() == 16 && id.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
});

const FRAME: &str = "f0 0d, version 01, the length of the payload as u32 big-endian, and a JSON \
                     object with opcode, device_id, msg_id and state in this order";

pub(super) const CASES: &[Case] = &[
    Case::new(
        "toggle/c1.1",
        "the command, acknowledged at once",
        "an acknowledged command worked: one attempt, and a claim of success",
        &[Serve(&[SERVES])],
    )
    .both(DONE_AT_ONCE),
    Case::new(
        "toggle/c1.2",
        "how the command is written",
        FRAME,
        &[Serve(&[&[Watch(Frames(1)), Act, Send(BARE_ACK)]])],
    )
    .both(&[Want { frames: &[AS_WRITTEN], ..told(ends()) }])
    .acceptable(&[Want { frames: &[A_COMMAND], ..told(ends()) }]),
    Case::new(
        "toggle/c1.3",
        "the command's id",
        "msg_id is 16 hex digits; documents also show 12 and UUIDs, and receivers take any text",
        &[Serve(&[&[Watch(Frames(1)), Act, Send(BARE_ACK)]])],
    )
    .both(&[Want { frames: &[ID], ..told(ends()) }])
    .acceptable(&[Want { frames: &[A_COMMAND], ..told(ends()) }]),
    Case::new(
        "toggle/c1.4",
        "what it does after the acknowledgement",
        "one command is one frame; whether the connection is kept open is not said",
        &[Serve(&[&[Expect(A_COMMAND), Act, Send(ACK), Watch(Past(Millis(300)))]])],
    )
    .both(DONE_AT_ONCE),
    Case::new(
        "toggle/c1.5",
        "the device takes the connection and reads only after a while",
        "the kernel takes connection and command; an answer within the patience is in time",
        &[Serve(&[&[Wait(Part(30, "recv")), Expect(A_COMMAND), Act, Send(ACK)]])],
    )
    .both(DONE_AT_ONCE),
    Case::new(
        "toggle/c1.6",
        "the same command in every attempt",
        "every attempt of a command carries the same bytes, so that a device knows a repeat; the \
         reference makes a new id each time",
        &[Serve(&[&[Expect(A_COMMAND), Close]])],
    )
    .both(&[told(fails().tries(All).same())])
    .acceptable(FAILS),
];
