//! Group c3: answers that are none. Nothing of the kind may be called success, and nothing is won by
//! asking again.
use super::*;

const NO_ANSWER: &str = "an answer is ACK, or a frame with opcode ack or nack and the command's id; \
                         anything else is malformed, is no success and is not tried again";
const REFUSED: &str = "a nack is a refusal: a failure, and not tried again";
const SILENT: &str = "the documents do not say what follows an acknowledgement";

/// The device answers so, and has done nothing.
const fn wrong(id: &'static str, title: &'static str, steps: &'static [Step]) -> Case {
    Case::new(id, title, NO_ANSWER, steps).both(FAILS_AT_ONCE).acceptable(FAILS)
}

/// Steps that answer with this, nothing being done.
macro_rules! says {
    ($answer:expr) => {
        &[Serve(&[&[Expect(A_COMMAND), Send($answer)]])]
    };
}
/// Steps that do what was asked, and answer with this.
macro_rules! does {
    ($answer:expr) => {
        &[Serve(&[&[Expect(A_COMMAND), Act, Send($answer)]])]
    };
}

const PAYLOAD: Bytes = Words(r#"{"opcode": "ack", "msg_id": "<m>"}"#);
const NACK: Bytes =
    Framed("f00d01", &Words(r#"{"opcode": "nack", "msg_id": "<m>", "reason": "busy"}"#));
const NO_REASON: Bytes = Framed("f00d01", &Words(r#"{"opcode": "nack", "msg_id": "<m>"}"#));
const OTHER_ID: Bytes = Framed("f00d01", &Words(r#"{"opcode": "ack", "msg_id": "ffffffff<u>"}"#));
/// `k` is the id of the first attempt.
const FIRST_ID: Bytes = Framed("f00d01", &Words(r#"{"opcode": "ack", "msg_id": "<k>"}"#));
const NO_ID: Bytes = Framed("f00d01", &Words(r#"{"opcode": "ack"}"#));
const NUMBER_ID: Bytes = Framed("f00d01", &Words(r#"{"opcode": "ack", "msg_id": 7}"#));
const NO_OPCODE: Bytes = Framed("f00d01", &Words(r#"{"msg_id": "<m>"}"#));
const STRANGE: Bytes = Framed("f00d01", &Words(r#"{"opcode": "ok", "msg_id": "<m>"}"#));
const OTHER_DEVICE: Bytes =
    Framed("f00d01", &Words(r#"{"opcode": "ack", "device_id": "somebody else", "msg_id": "<m>"}"#));
const PAGE: Bytes = Words(
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\
     <html><body>Bad Request</body></html>",
);
const ARRAY: Bytes = Framed("f00d01", &Words(r#"["ack", "<m>"]"#));
const NOISE: Bytes = Hex("00ff1b5b33316d6e6f6973650d0a0780fef00e0100000000");
const FLOOD: Bytes = Bytes::Filled { head: "00", unit: "deadbeef", times: 50_000, tail: "00" };

pub(super) const CASES: &[Case] = &[
    Case::new("toggle/c3.1", "nack", REFUSED, says!(NACK)).both(FAILS_AT_ONCE).acceptable(FAILS),
    Case::new("toggle/c3.2", "nack without a reason", REFUSED, says!(NO_REASON))
        .both(FAILS_AT_ONCE)
        .acceptable(FAILS),
    wrong("toggle/c3.3", "NAK", says!(Words("NAK"))),
    wrong("toggle/c3.4", "ack, in small letters", says!(Words("ack"))),
    wrong("toggle/c3.5", "an error page of a web server", says!(PAGE)),
    wrong("toggle/c3.6", "24 bytes of noise", says!(NOISE)),
    wrong("toggle/c3.7", "200 KB of noise", says!(FLOOD)),
    wrong("toggle/c3.8", "a framed ack with another magic", says!(Framed("f00e01", &PAYLOAD))),
    wrong("toggle/c3.9", "a framed ack of version 2", says!(Framed("f00d02", &PAYLOAD))),
    wrong("toggle/c3.10", "a length of 0", says!(Joined(&[Hex("f00d0100000000"), PAYLOAD]))),
    wrong(
        "toggle/c3.11",
        "a length that is too small",
        says!(Joined(&[Hex("f00d0100000010"), PAYLOAD])),
    ),
    Case::new(
        "toggle/c3.12",
        "a length that is too big, and then silence",
        "what is not whole is no answer, and is waited for no longer than the receive timeout",
        says!(Joined(&[Hex("f00d0100000400"), PAYLOAD])),
    )
    .both(FAILS),
    wrong(
        "toggle/c3.13",
        "a length of 4294967295",
        says!(Joined(&[Hex("f00d01ffffffff"), PAYLOAD])),
    ),
    wrong("toggle/c3.14", "a frame without JSON", says!(Framed("f00d01", &Words("acknowledged")))),
    wrong(
        "toggle/c3.15",
        "a frame with half a JSON object",
        says!(Framed("f00d01", &Head(&PAYLOAD, -4))),
    ),
    wrong("toggle/c3.16", "a frame with an array", says!(ARRAY)),
    wrong("toggle/c3.17", "a framed ack with another id", says!(OTHER_ID)),
    wrong("toggle/c3.18", "a framed ack without an id", says!(NO_ID)),
    wrong("toggle/c3.19", "a framed ack whose id is a number", says!(NUMBER_ID)),
    wrong("toggle/c3.20", "a frame without an opcode", says!(NO_OPCODE)),
    wrong("toggle/c3.21", "a frame with another opcode", says!(STRANGE)),
    wrong(
        "toggle/c3.22",
        "its own command, sent back",
        says!(Framed(
            "f00d01",
            &Words(r#"{"opcode": "toggle", "device_id": "D1", "msg_id": "<m>", "state": true}"#)
        )),
    ),
    wrong("toggle/c3.23", "an empty frame", says!(Hex("f00d0100000000"))),
    Case::new("toggle/c3.24", "ACK and a line end", SILENT, does!(Words("ACK\r\n"))),
    Case::new("toggle/c3.25", "ACK twice in one segment", SILENT, does!(Words("ACKACK"))),
    Case::new(
        "toggle/c3.26",
        "a framed ack twice in one segment",
        "a second answer to the same command changes nothing",
        does!(Joined(&[FRAMED_ACK, FRAMED_ACK])),
    )
    .first(&[told(succeeds().done(Once).tries(One)), told(fails())])
    .second(DONE_AT_ONCE),
    Case::new(
        "toggle/c3.27",
        "a framed ack and noise in one segment",
        SILENT,
        does!(Joined(&[FRAMED_ACK, NOISE])),
    ),
    Case::new(
        "toggle/c3.28",
        "a framed ack, then a nack for the same command",
        SILENT,
        does!(Joined(&[FRAMED_ACK, NACK])),
    ),
    Case::new(
        "toggle/c3.29",
        "a framed ack for another command, then the right one",
        "an answer to a command never sent is malformed; whoever waits on may find the right one",
        does!(Joined(&[OTHER_ID, FRAMED_ACK])),
    ),
    Case::new("toggle/c3.30", "a framed ack with another device id", SILENT, does!(OTHER_DEVICE)),
    Case::new(
        "toggle/c3.31",
        "ACK before anything was asked, and nothing after it",
        "an ACK while no command is open answers nothing; a client that writes first cannot tell",
        &[Serve(&[&[Send(BARE_ACK), Expect(A_COMMAND), Act]])],
    ),
    Case::new(
        "toggle/c3.32",
        "a framed ack for another command before anything was asked, then the right one",
        "an answer to a command never sent is malformed; whoever waits on may find the right one",
        &[Serve(&[&[Send(OTHER_ID), Expect(A_COMMAND), Act, Send(FRAMED_ACK)]])],
    ),
    Case::new(
        "toggle/c3.33",
        "done and closed unanswered, and the next connection answers the first attempt",
        "with the same id in every attempt this is the answer; with a new one it is of the past",
        &[Serve(&[&[Expect(A_COMMAND), Act, Close], &[Expect(A_COMMAND), Send(FIRST_ID)]])],
    ),
];
