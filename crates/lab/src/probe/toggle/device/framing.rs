//! Group 3: frames cut anywhere, and bytes that are no frames.
use super::*;

const PIECES: &str = "a command is its bytes, however TCP delivers them";
const HEADER: &str = "a frame begins with f0 0d and version 01; anything else is none, and must not \
                      be acknowledged";
const LENGTH: &str = "the payload is as long as the header says; what is longer than a device holds \
                      is refused";
const WAITING: &str = "a frame that is not whole is waited for; how long is not said";

const PAYLOAD: Bytes =
    Words(r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "<u>", "state": true}"#);

/// A command in two pieces.
macro_rules! pieces {
    ($at:expr) => {
        &[
            Connect,
            Send(Head(&COMMAND, $at)),
            Apart(Millis(200)),
            Send(Tail(&COMMAND, $at)),
            Watch(Frames(1)),
        ]
    };
}

pub(super) const CASES: &[Case] = &[
    answered("toggle/3.1", "cut in the magic", PIECES, pieces!(1)),
    answered("toggle/3.2", "cut after the version", PIECES, pieces!(3)),
    answered("toggle/3.3", "cut in the length", PIECES, pieces!(5)),
    answered("toggle/3.4", "cut after the header", PIECES, pieces!(7)),
    answered("toggle/3.5", "cut in the payload", PIECES, pieces!(40)),
    answered("toggle/3.6", "all but a byte", PIECES, pieces!(-1)),
    answered(
        "toggle/3.7",
        "a byte every 5 ms",
        PIECES,
        &[Connect, SendSlowly(COMMAND, Millis(5)), Watch(Frames(1))],
    ),
    refused("toggle/3.8", "another magic", HEADER, asks![Framed("f00e01", &PAYLOAD)]),
    refused("toggle/3.9", "version 2", HEADER, asks![Framed("f00d02", &PAYLOAD)]),
    refused("toggle/3.10", "version 0", HEADER, asks![Framed("f00d00", &PAYLOAD)]),
    refused("toggle/3.11", "the payload without a header", HEADER, asks![PAYLOAD]),
    refused(
        "toggle/3.12",
        "a request for a web page",
        HEADER,
        asks![Words("GET / HTTP/1.1\r\nHost: D1\r\n\r\n")],
    ),
    Case::new(
        "toggle/3.13",
        "noise, and then a command",
        "whether a device looks for the next frame in noise is not said",
        asks![Joined(&[Hex("00ff1b5b33316d6e6f697365"), COMMAND])],
    ),
    refused("toggle/3.14", "a length of 0", LENGTH, asks![Hex("f00d0100000000")]),
    refused(
        "toggle/3.15",
        "a length that is too small",
        LENGTH,
        asks![Joined(&[Hex("f00d0100000010"), PAYLOAD])],
    ),
    refused(
        "toggle/3.16",
        "a length of 4294967295",
        LENGTH,
        asks![Joined(&[Hex("f00d01ffffffff"), PAYLOAD])],
    ),
    refused(
        "toggle/3.17",
        "a length of 2147483648, which is negative to some",
        LENGTH,
        asks![Joined(&[Hex("f00d0180000000"), PAYLOAD])],
    ),
    Case::new(
        "toggle/3.18",
        "a length that is too big, and then nothing",
        WAITING,
        asks![Joined(&[Hex("f00d0100000400"), PAYLOAD])],
    )
    .both(SILENCE)
    .acceptable(NO),
    Case::new(
        "toggle/3.19",
        "a command, and half a header after it",
        PIECES,
        asks![Joined(&[COMMAND, Hex("f00d")])],
    )
    .first(ONE_BARE)
    .second(ONE_FRAMED),
];
