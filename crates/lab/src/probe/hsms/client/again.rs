//! Group c5: how soon it dials again.
use super::*;

const T5_RULE: &str = "E37 9.2.1: between two attempts to connect T5 should pass; nobody demands \
                       another attempt";

pub(super) const CASES: &[Case] = &[
    Case::new(
        "hsms/c5.1",
        "four connections are closed right after Select",
        T5_RULE,
        selected![
            Close,
            AcceptAgain(T5),
            Expect(SELECT_REQ),
            Send(SELECT_RSP),
            Wait(Millis(20)),
            Close,
            AcceptAgain(T5),
            Expect(SELECT_REQ),
            Send(SELECT_RSP),
            Wait(Millis(20)),
            Close,
            AcceptAgain(T5),
            Expect(SELECT_REQ),
            Send(SELECT_RSP),
            Wait(Millis(20)),
            Close,
            AcceptAgain(T5)
        ],
    )
    .both(&[again(T5)])
    .acceptable(&[again(Millis(20))]),
    Case::new(
        "hsms/c5.2",
        "four connections are closed as soon as they are taken",
        T5_RULE,
        &[
            Accept,
            Close,
            AcceptAgain(T5),
            Close,
            AcceptAgain(T5),
            Close,
            AcceptAgain(T5),
            Close,
            AcceptAgain(T5),
        ],
    )
    .both(&[again(T5)])
    .acceptable(&[again(Millis(20))]),
    Case::new(
        "hsms/c5.3",
        "four connections are reset right after Select",
        T5_RULE,
        selected![
            Reset,
            AcceptAgain(T5),
            Expect(SELECT_REQ),
            Send(SELECT_RSP),
            Wait(Millis(20)),
            Reset,
            AcceptAgain(T5),
            Expect(SELECT_REQ),
            Send(SELECT_RSP),
            Wait(Millis(20)),
            Reset,
            AcceptAgain(T5),
            Expect(SELECT_REQ),
            Send(SELECT_RSP),
            Wait(Millis(20)),
            Reset,
            AcceptAgain(T5)
        ],
    )
    .both(&[again(T5)])
    .acceptable(&[again(Millis(20))]),
    Case::new(
        "hsms/c5.4",
        "after a Separate from us, selected again",
        "E37 7.9, 9.2.1: a closed connection may be opened again, and then selects anew",
        selected![
            Send(Hex("0000000a ffff 0000 0009 00000002")),
            Wait(Millis(100)),
            Close,
            AcceptAgain(T5),
            Expect(SELECT_REQ),
            Send(SELECT_RSP),
            Wait(Millis(20)),
            ALIVE
        ],
    )
    .both(&[again(T5)])
    .acceptable(&[again(Millis(20))]),
];
