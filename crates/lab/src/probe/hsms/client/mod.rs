//! The cases for a host that dials, a file for most groups. It is asked to select, to send one message that wants an answer
//! (S1F1 W, say) and to wait for it; whatever else it does is its own affair.
mod again;
mod control;
mod select;

use super::{LINKTEST, LINKTEST_RSP};
use crate::probe::{
    Case, Group,
    bytes::{
        Bytes::{self, Hex},
        Pattern, pattern,
    },
    outcome::{End, Want, again, closes, closes_at, stays},
    steps::{
        Length::{self, Millis, Part, Timer},
        Step::{self, *},
        Until::{Frames, Past},
    },
};

pub(super) const GROUPS: &[Group] = &[
    Group { name: "select", cases: select::CASES },
    Group { name: "data", cases: DATA },
    Group { name: "control", cases: control::CASES },
    Group { name: "framing", cases: FRAMING },
    Group { name: "restart", cases: again::CASES },
];

const T3: Length = Timer("t3");
const T5: Length = Timer("t5");
const T6: Length = Timer("t6");
const T7: Length = Timer("t7");
const T8: Length = Timer("t8");

/// Learns its session and its system bytes.
const SELECT_REQ: Pattern = pattern("Select.req", "0000000a xxxx 0000 0001 yyyyyyyy");
const SELECT_RSP: Bytes = Hex("0000000a xxxx 0000 0002 yyyyyyyy");
const QUESTION: Pattern =
    pattern("a message that wants an answer", "........ .... 8... 0000 zzzzzzzz*");
const NO_QUESTION: &str = "it asks nothing once selected";
const SEPARATE_REQ: Pattern = pattern("Separate.req", "0000000a .... 0000 0009 ........");
const ALIVE: Step = Ping(LINKTEST, LINKTEST_RSP);

const CLOSES: &[Want] = &[closes(&[]), closes(&[SEPARATE_REQ])];
const CLOSES_AT_T6: &[Want] = &[closes_at(&[], T6), closes_at(&[SEPARATE_REQ], T6)];
const ANY_REJECT: Pattern = pattern("any Reject", "0000000a .... .... 0007 00000002");

/// Steps from the client's Select.req on.
macro_rules! dialled {
    ($($step:expr),* $(,)?) => { &[Accept, Expect(SELECT_REQ), $($step),*] };
}
/// Steps from SELECTED on.
macro_rules! selected {
    ($($step:expr),* $(,)?) => {
        &[Accept, Expect(SELECT_REQ), Send(SELECT_RSP), Wait(Millis(20)), $($step),*]
    };
}
use {dialled, selected};

const DATA: &[Case] = &[
    Case::new(
        "hsms/c2.1",
        "its question is never answered",
        "E37 9.2.1, E37.1: T3 ends the transaction and never the connection",
        selected![Hope(QUESTION, NO_QUESTION), Watch(Past(T3)), ALIVE],
    )
    .both(&[stays(&[])])
    .acceptable(&[
        Want { frames: &[], end: End::ClosesAfter(T3), again: None, story: None },
        Want { frames: &[SEPARATE_REQ], end: End::ClosesAfter(T3), again: None, story: None },
    ]),
    Case::new(
        "hsms/c2.2",
        "its question is answered with other system bytes",
        "E37 7.5: system bytes tell which question is answered; the answer is dropped",
        selected![
            Hope(QUESTION, NO_QUESTION),
            Send(Hex("0000000c ssss 0102 0000 7fffff01 0100")),
            Watch(Frames(1)),
            ALIVE
        ],
    )
    .both(&[stays(&[])]),
    Case::new(
        "hsms/c2.3",
        "its question is answered with another function",
        "E5: a reply's function is the question's and one; what to do with another is not said",
        selected![
            Hope(QUESTION, NO_QUESTION),
            Send(Hex("0000000c ssss 0106 0000 zzzzzzzz 0100")),
            Watch(Frames(1)),
            ALIVE
        ],
    ),
    Case::new(
        "hsms/c2.4",
        "its question is rejected",
        "E37 7.10: a Reject ends the transaction and not the connection; a program may then end",
        selected![
            Hope(QUESTION, NO_QUESTION),
            Send(Hex("0000000a ssss 0004 0007 zzzzzzzz")),
            Watch(Frames(1)),
            ALIVE
        ],
    )
    .both(&[stays(&[]), closes(&[SEPARATE_REQ])])
    .acceptable(&[closes(&[])]),
    Case::new(
        "hsms/c2.5",
        "S1F1 W from us",
        "E5: S1F2 with the same system bytes",
        selected![Send(Hex("0000000a ssss 8101 0000 00000002")), Watch(Frames(1)), ALIVE],
    )
    .both(&[stays(&[pattern("S1F2", "........ ssss 0102 0000 00000002*")])])
    .acceptable(&[stays(&[]), stays(&[pattern("S1F0", "0000000a ssss 0100 0000 00000002")])]),
];

const FRAMING: &[Case] = &[
    Case::new(
        "hsms/c4.1",
        "length 0",
        "E37 8.2, 9.1.1: a length is at least 10; less is a communications failure, which closes",
        selected![Send(Hex("00000000")), Watch(Past(Millis(700))), ALIVE],
    )
    .both(CLOSES),
    Case::new(
        "hsms/c4.2",
        "length 4294967295, then nothing",
        "E37 8.2, 9.1.1, 9.2.3: a length above its own maximum closes, or T8 does",
        selected![Send(Hex("ffffffff")), Watch(Past(T8))],
    )
    .both(CLOSES),
    Case::new(
        "hsms/c4.3",
        "a length and half a header, then nothing",
        "E37 9.2.3: a message whose next byte does not come within T8 is a communications failure",
        selected![Send(Hex("0000000a ssss 8101")), Watch(Past(T8))],
    )
    .both(&[closes_at(&[], T8), closes_at(&[SEPARATE_REQ], T8)]),
];
