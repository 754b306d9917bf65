//! Group 1: sound commands.
use super::*;

const RULE: &str = "a command is answered by ACK, or by a frame with opcode ack and its msg_id";
const REPEAT: &str = "a command whose msg_id is known is answered again, and not done again";
const KEPT: &str = "a connection carries commands one after the other";

const OFF: Bytes = Framed(
    "f00d01",
    &Words(r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "<u>", "state": false}"#),
);
const SHORT_ID: Bytes = Framed(
    "f00d01",
    &Words(r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "3fe16b614334", "state": true}"#),
);
const UUID: Bytes = Framed(
    "f00d01",
    &Words(
        r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "0b5e7ad2-65f1-4e0e-9d0c-9f4f0c6f1a11", "state": true}"#,
    ),
);
const A_FRAMED_ACK: Pattern =
    like("a framed ack", |frame, _| super::super::opcode(frame).as_deref() == Some("ack"));

const ANY_FRAMED: &[Want] = &[stays(&[A_FRAMED_ACK]).then_anything()];

/// A sound command whose id is not `u`.
const fn other_id(id: &'static str, title: &'static str, steps: &'static [Step]) -> Case {
    Case::new(id, title, "a device takes any text as msg_id: 12 or 16 hex digits, a UUID", steps)
        .first(ONE_BARE)
        .second(ANY_FRAMED)
}

pub(super) const CASES: &[Case] = &[
    answered("toggle/1.1", "on", RULE, asks![COMMAND]),
    answered("toggle/1.2", "off", RULE, asks![OFF]),
    Case::new(
        "toggle/1.3",
        "two commands, one after the other",
        KEPT,
        &[Connect, Send(COMMAND), Expect(ANY_ANSWER), Send(OTHER), Watch(Frames(1))],
    )
    .first(ONE_BARE)
    .second(&[stays(&[FRAMED_OTHER]).then_anything()])
    .acceptable(&[closes(&[])]),
    Case::new(
        "toggle/1.4",
        "two commands in one segment",
        KEPT,
        &[Connect, Send(Joined(&[COMMAND, OTHER])), Watch(Frames(2))],
    )
    .first(TWO_BARE)
    .second(TWO_FRAMED)
    .acceptable(&[closes(&[BARE]), closes(&[FRAMED])]),
    Case::new(
        "toggle/1.5",
        "one command and half of another, then the rest",
        KEPT,
        &[
            Connect,
            Send(Joined(&[COMMAND, Head(&OTHER, 20)])),
            Wait(Millis(60)),
            Send(Tail(&OTHER, 20)),
            Watch(Frames(2)),
        ],
    )
    .first(TWO_BARE)
    .second(TWO_FRAMED)
    .acceptable(&[closes(&[BARE]), closes(&[FRAMED])]),
    Case::new(
        "toggle/1.6",
        "the same command again",
        REPEAT,
        &[Connect, Send(COMMAND), Expect(ANY_ANSWER), Send(COMMAND), Watch(Frames(1))],
    )
    .first(ONE_BARE)
    .second(ONE_FRAMED)
    .acceptable(&[closes(&[])]),
    answered(
        "toggle/1.7",
        "the same command again on a new connection",
        REPEAT,
        &[
            Connect,
            Send(COMMAND),
            Expect(ANY_ANSWER),
            Close,
            Connect,
            Send(COMMAND),
            Watch(Frames(1)),
        ],
    ),
    answered(
        "toggle/1.8",
        "the same command again, the first answer unread",
        REPEAT,
        &[Connect, Send(COMMAND), Reset, Connect, Send(COMMAND), Watch(Frames(1))],
    ),
    other_id("toggle/1.9", "an id of 12 hex digits", asks![SHORT_ID]),
    other_id("toggle/1.10", "a UUID as id", asks![UUID]),
    Case::new(
        "toggle/1.11",
        "what becomes of the connection after the answer",
        "not said: the reference closes nothing, and its client does",
        &[Connect, Send(COMMAND), Expect(ANY_ANSWER), Watch(Past(Millis(300)))],
    ),
    answered(
        "toggle/1.12",
        "a command half a second after the connection was opened",
        RULE,
        &[Connect, Wait(Millis(500)), Send(COMMAND), Watch(Frames(1))],
    ),
];
