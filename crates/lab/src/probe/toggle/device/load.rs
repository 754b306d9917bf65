//! Group 5: much at once.
use super::*;

const LONG: crate::probe::steps::Length = Millis(10_000);
const LIMIT: &str = "how long a payload may be is not said; a device must survive it";

const LONG_ID: Bytes = Framed(
    "f00d01",
    &Joined(&[
        Words(r#"{"opcode": "toggle", "device_id": ""#),
        Filled { head: "", unit: "78", times: 1000, tail: "" },
        Words(r#"", "msg_id": "<u>", "state": true}"#),
    ]),
);
/// A command with so many spaces behind it.
macro_rules! spaced {
    ($times:expr) => {
        Framed(
            "f00d01",
            &Joined(&[
                Words(r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "<u>", "state": true}"#),
                Filled { head: "", unit: "20", times: $times, tail: "" },
            ]),
        )
    };
}

pub(super) const CASES: &[Case] = &[
    Case::new(
        "toggle/5.1",
        "fifty times the same command in one segment",
        "a command whose msg_id is known is answered again, and not done again",
        &[Connect, Send(Joined(&[COMMAND; 50])), Watch(Within(50, LONG))],
    )
    .first(&[stays(&[BARE; 50]).then_anything()])
    .second(&[stays(&[FRAMED; 50]).then_anything()])
    .acceptable(&[closes(&[BARE]), closes(&[FRAMED])]),
    answered(
        "toggle/5.2",
        "sixteen connections, all silent, and one more",
        "a client that says nothing takes nobody with it: the next is served",
        &[
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Connect,
            Send(COMMAND),
            Watch(Frames(1)),
        ],
    ),
    answered(
        "toggle/5.3",
        "eight connections, each reset at once, and one more",
        "a client that goes takes nobody with it: the next is served",
        &[
            Connect,
            Reset,
            Connect,
            Reset,
            Connect,
            Reset,
            Connect,
            Reset,
            Connect,
            Reset,
            Connect,
            Reset,
            Connect,
            Reset,
            Connect,
            Reset,
            Connect,
            Send(COMMAND),
            Watch(Frames(1)),
        ],
    ),
    Case::new("toggle/5.4", "a device_id of 1000 letters", LIMIT, asks![LONG_ID]),
    Case::new(
        "toggle/5.5",
        "a payload of 60 KB",
        LIMIT,
        &[Connect, Send(spaced!(60_000)), Watch(Within(1, LONG))],
    ),
    Case::new(
        "toggle/5.6",
        "a payload of a megabyte",
        LIMIT,
        &[Connect, Send(spaced!(1_000_000)), Watch(Within(1, LONG))],
    ),
];
