//! Group c2: good answers, in whatever pieces they come.
use super::*;

const ANY_JSON: &str = "a frame with opcode ack and the command's id says that it was done; any \
                        valid JSON is taken. A client that only knows the bare ACK must not call it \
                        success";
const PIECES: &str = "an answer is its bytes, however TCP delivers them";

const COMPACT: Bytes = Framed("f00d01", &Words(r#"{"msg_id":"<m>","opcode":"ack"}"#));
const SPACED: Bytes =
    Framed("f00d01", &Words("{ \"opcode\" : \"ack\" ,\n  \"msg_id\" : \"<m>\"\r\n}\n"));
const MORE_KEYS: Bytes =
    Framed("f00d01", &Words(r#"{"opcode": "ack", "msg_id": "<m>", "took_ms": 3, "x": [null]}"#));
const ESCAPED: Bytes = Framed("f00d01", &Words(r#"{"opcode": "\u0061ck", "msg_id": "<m>"}"#));

const DONE_OR_NOT: &[Want] = &[told(succeeds().done(Once).tries(One)), told(fails())];

/// A bare ACK in two pieces.
const fn bare(id: &'static str, title: &'static str, steps: &'static [Step]) -> Case {
    Case::new(id, title, PIECES, steps).both(DONE_AT_ONCE)
}

/// A framed answer: whoever knows it must believe it, whoever does not must not.
const fn framed(
    id: &'static str,
    title: &'static str,
    rule: &'static str,
    steps: &'static [Step],
) -> Case {
    Case::new(id, title, rule, steps).first(DONE_OR_NOT).second(DONE_AT_ONCE)
}

/// Steps that answer in two pieces.
macro_rules! pieces {
    ($whole:expr, $at:expr) => {
        &[Serve(&[&[
            Expect(A_COMMAND),
            Act,
            Send(Head(&$whole, $at)),
            Apart(Millis(200)),
            Send(Tail(&$whole, $at)),
        ]])]
    };
}
/// Steps that answer with this.
macro_rules! says {
    ($answer:expr) => {
        &[Serve(&[&[Expect(A_COMMAND), Act, Send($answer)]])]
    };
}

pub(super) const CASES: &[Case] = &[
    bare("toggle/c2.1", "ACK", says!(BARE_ACK)),
    bare("toggle/c2.2", "ACK, cut after 1 byte", pieces!(BARE_ACK, 1)),
    bare("toggle/c2.3", "ACK, cut after 2 bytes", pieces!(BARE_ACK, 2)),
    bare(
        "toggle/c2.4",
        "ACK, a byte every 30 ms",
        &[Serve(&[&[Expect(A_COMMAND), Act, SendSlowly(BARE_ACK, Millis(30))]])],
    ),
    framed("toggle/c2.5", "a framed ack", ANY_JSON, says!(FRAMED_ACK)),
    framed("toggle/c2.6", "a framed ack, other order, no spaces", ANY_JSON, says!(COMPACT)),
    framed("toggle/c2.7", "a framed ack with spaces and line ends", ANY_JSON, says!(SPACED)),
    framed("toggle/c2.8", "a framed ack with keys of its own", ANY_JSON, says!(MORE_KEYS)),
    framed("toggle/c2.9", "a framed ack with an escaped letter", ANY_JSON, says!(ESCAPED)),
    framed("toggle/c2.10", "a framed ack, cut in the magic", PIECES, pieces!(FRAMED_ACK, 1)),
    framed("toggle/c2.11", "a framed ack, cut after the magic", PIECES, pieces!(FRAMED_ACK, 2)),
    framed("toggle/c2.12", "a framed ack, cut after the version", PIECES, pieces!(FRAMED_ACK, 3)),
    framed("toggle/c2.13", "a framed ack, cut in the length", PIECES, pieces!(FRAMED_ACK, 5)),
    framed("toggle/c2.14", "a framed ack, cut after the header", PIECES, pieces!(FRAMED_ACK, 7)),
    framed("toggle/c2.15", "a framed ack, cut in the payload", PIECES, pieces!(FRAMED_ACK, 20)),
    framed("toggle/c2.16", "a framed ack, all but a byte", PIECES, pieces!(FRAMED_ACK, -1)),
    framed(
        "toggle/c2.17",
        "a framed ack, a byte every 5 ms",
        PIECES,
        &[Serve(&[&[Expect(A_COMMAND), Act, SendSlowly(FRAMED_ACK, Millis(5))]])],
    ),
    Case::new(
        "toggle/c2.18",
        "the answer after 70 % of its patience",
        "an answer within the patience is in time",
        &[Serve(&[&[Expect(A_COMMAND), Act, Wait(Part(70, "recv")), Send(ACK)]])],
    )
    .both(DONE_AT_ONCE),
    Case::new(
        "toggle/c2.19",
        "the answer and a FIN at once",
        "what was said before the end is to be read",
        &[Serve(&[&[Expect(A_COMMAND), Act, Send(ACK), Close]])],
    )
    .both(DONE_AT_ONCE),
    Case::new(
        "toggle/c2.20",
        "the answer, a half-close, and on it reads",
        "what was said before the end is to be read",
        &[Serve(&[&[Expect(A_COMMAND), Act, Send(ACK), HalfClose]])],
    )
    .both(DONE_AT_ONCE),
    Case::new(
        "toggle/c2.21",
        "the answer and then a reset",
        "bytes that came before a reset can be read; whoever asks again instead asks for the same",
        &[Serve(&[&[Expect(A_COMMAND), Act, Send(ACK), Wait(Millis(30)), Reset], SERVES])],
    )
    .both(DONE_AT_ONCE)
    .acceptable(&[told(succeeds().done(Once).same())]),
];
