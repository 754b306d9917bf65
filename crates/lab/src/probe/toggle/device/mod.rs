//! The cases for a device, a file a group. They switch the device that is named on the command line.
mod closing;
mod command;
mod framing;
mod load;
mod payload;

use super::{ANY_ANSWER, COMMAND, is_nack, is_other_ack, is_own_ack};
use crate::probe::{
    Case, Group,
    bytes::{
        Bytes::{self, Filled, Framed, Head, Hex, Joined, Tail, Words},
        Pattern, like, pattern,
    },
    outcome::{Want, closes, stays},
    steps::{
        Length::Millis,
        Step::{self, *},
        Until::{Frames, Past, Within},
    },
};

pub(super) const GROUPS: &[Group] = &[
    Group { name: "command", cases: command::CASES },
    Group { name: "payload", cases: payload::CASES },
    Group { name: "framing", cases: framing::CASES },
    Group { name: "closing", cases: closing::CASES },
    Group { name: "load", cases: load::CASES },
];

const BARE: Pattern = pattern("ACK", "41434b");
const FRAMED: Pattern = like("ack with its id", is_own_ack);
const FRAMED_OTHER: Pattern = like("ack with the other id", is_other_ack);
const NACK: Pattern = like("a nack", is_nack);

/// A second command, with another id.
const OTHER: Bytes = Framed(
    "f00d01",
    &Words(r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "<v>", "state": true}"#),
);
/// Shows life.
const ALIVE: Step = Ping(OTHER, ANY_ANSWER);

const ONE_BARE: &[Want] = &[stays(&[BARE]).then_anything()];
const ONE_FRAMED: &[Want] = &[stays(&[FRAMED]).then_anything()];
const TWO_BARE: &[Want] = &[stays(&[BARE, BARE]).then_anything()];
const TWO_FRAMED: &[Want] = &[stays(&[FRAMED, FRAMED_OTHER]).then_anything()];

/// What may follow a command that is none: a close, or a no. Silence is no fault.
const NO: &[Want] = &[closes(&[]), closes(&[NACK]), stays(&[NACK])];
const SILENCE: &[Want] = &[stays(&[])];

/// A sound command, and its one answer.
const fn answered(
    id: &'static str,
    title: &'static str,
    rule: &'static str,
    steps: &'static [Step],
) -> Case {
    Case::new(id, title, rule, steps).first(ONE_BARE).second(ONE_FRAMED)
}

/// No command, and no acknowledgement.
const fn refused(
    id: &'static str,
    title: &'static str,
    rule: &'static str,
    steps: &'static [Step],
) -> Case {
    Case::new(id, title, rule, steps).both(NO).acceptable(SILENCE)
}

/// Steps that send this and wait for an answer.
macro_rules! asks {
    ($($bytes:expr),* $(,)?) => { &[Connect, $(Send($bytes),)* Watch(Frames(1))] };
}
/// Steps that send this as the payload of a frame, and then see whether anybody is there.
macro_rules! tells {
    ($text:expr) => {
        &[Connect, Send(Framed("f00d01", &Words($text))), Watch(Frames(1)), ALIVE]
    };
}
use {asks, tells};
