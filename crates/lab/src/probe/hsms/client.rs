//! The cases for a host that dials. It is asked to select, to send one message that wants an answer
//! (S1F1 W, say) and to wait for it; whatever else it does is its own affair.
use super::{LINKTEST, LINKTEST_RSP};
use crate::probe::{
    Case,
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

pub(super) const GROUPS: &[&[Case]] = &[SELECT, DATA, CONTROL, FRAMING, AGAIN];

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

const REFUSED: &str = "E37 7.4.2, E37.1 7.1.1: a status other than 0 does not select, and the \
                       connection is closed";

/// A Select.rsp that is no yes.
const fn refused(id: &'static str, title: &'static str, steps: &'static [Step]) -> Case {
    Case::new(id, title, REFUSED, steps).mute().both(CLOSES)
}

const SELECT: &[Case] = &[
    Case::new(
        "hsms/c1.1",
        "the first message",
        "E37 7.4, E37.1 7.1.1: the active end sends Select.req at once; E37.1: with session FFFF",
        &[Accept, Watch(Frames(1))],
    )
    .mute()
    .first(&[stays(&[SELECT_REQ])])
    .second(&[stays(&[pattern("Select.req of FFFF", "0000000a ffff 0000 0001 ........")])]),
    Case::new(
        "hsms/c1.2",
        "Select.rsp 0",
        "E37 7.4.2: it is SELECTED, and answers linktests",
        selected![ALIVE],
    )
    .both(&[stays(&[])]),
    Case::new(
        "hsms/c1.3",
        "no Select.rsp",
        "E37 7.4.2: no answer within T6 is a communications failure, which closes",
        dialled![Watch(Past(T6))],
    )
    .mute()
    .both(CLOSES_AT_T6),
    refused(
        "hsms/c1.4",
        "Select.rsp 1, already active",
        dialled![Send(Hex("0000000a xxxx 0001 0002 yyyyyyyy")), Watch(Past(T7))],
    )
    .acceptable(&[stays(&[]), stays(&[QUESTION])]),
    refused(
        "hsms/c1.5",
        "Select.rsp 2, not ready",
        dialled![Send(Hex("0000000a xxxx 0002 0002 yyyyyyyy")), Watch(Past(T7))],
    ),
    refused(
        "hsms/c1.6",
        "Select.rsp 3, exhausted",
        dialled![Send(Hex("0000000a xxxx 0003 0002 yyyyyyyy")), Watch(Past(T7))],
    ),
    refused(
        "hsms/c1.7",
        "Select.rsp 200, a local status",
        dialled![Send(Hex("0000000a xxxx 00c8 0002 yyyyyyyy")), Watch(Past(T7))],
    ),
    refused(
        "hsms/c1.8",
        "Select.req is rejected",
        dialled![Send(Hex("0000000a xxxx 0101 0007 yyyyyyyy")), Watch(Past(T6))],
    ),
    Case::new(
        "hsms/c1.9",
        "Select.rsp with other system bytes",
        "E37 7.10, 8.3.7.4: it answers no open transaction: Reject 3; and T6 goes on",
        dialled![Send(Hex("0000000a xxxx 0000 0002 00000002")), Watch(Past(T6))],
    )
    .mute()
    .first(&[
        closes_at(&[ANY_REJECT], T6),
        closes_at(&[ANY_REJECT, SEPARATE_REQ], T6),
        closes_at(&[], T6),
        closes_at(&[SEPARATE_REQ], T6),
    ])
    .second(&[closes(&[]), closes(&[ANY_REJECT]), closes(&[SEPARATE_REQ])]),
    Case::new(
        "hsms/c1.10",
        "a Select.req of ours crosses theirs",
        "E37 7.4.3: each is answered with 0; E37.1 7.1: only the active end selects",
        dialled![
            Send(Hex("0000000a ffff 0000 0001 00000002")),
            Send(SELECT_RSP),
            Watch(Frames(1)),
            ALIVE
        ],
    )
    .first(&[stays(&[pattern("Select.rsp 0", "0000000a .... 0000 0002 00000002")])])
    .second(&[
        closes(&[]),
        closes(&[ANY_REJECT]),
        stays(&[ANY_REJECT]),
        closes(&[pattern("Select.rsp", "0000000a .... .... 0002 00000002")]),
    ])
    .acceptable(&[stays(&[pattern("Select.rsp 1", "0000000a .... 0001 0002 00000002")])]),
    Case::new(
        "hsms/c1.11",
        "S1F1 from us before Select.rsp",
        "E37 7.10: Reject with reason 4, entity not selected; E37.1: closes",
        dialled![
            Send(Hex("0000000a ssss 8101 0000 00000002")),
            Watch(Frames(1)),
            Send(SELECT_RSP),
            ALIVE
        ],
    )
    .first(&[stays(&[pattern("Reject 4", "0000000a .... 0004 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[
        stays(&[]),
        stays(&[ANY_REJECT]),
        stays(&[pattern("S1F2", "........ ssss 0102 0000 00000002*")]),
    ]),
    Case::new(
        "hsms/c1.12",
        "Select.rsp 0, a byte every 20 ms",
        "E37 8.1: a message is its bytes, however TCP delivers them",
        dialled![SendSlowly(SELECT_RSP, Millis(20)), Wait(Millis(20)), ALIVE],
    )
    .both(&[stays(&[])]),
];

const DATA: &[Case] = &[
    Case::new(
        "hsms/c2.1",
        "its question is never answered",
        "E37 9.2.1, E37.1: T3 ends the transaction and never the connection",
        selected![Hope(QUESTION, NO_QUESTION), Watch(Past(T3)), ALIVE],
    )
    .both(&[stays(&[])])
    .acceptable(&[
        Want { frames: &[], end: End::ClosesAfter(T3), again: None },
        Want { frames: &[SEPARATE_REQ], end: End::ClosesAfter(T3), again: None },
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

const CONTROL: &[Case] = &[
    Case::new(
        "hsms/c3.1",
        "Deselect.req from us",
        "E37 7.7: Deselect.rsp 0; E37.1: Deselect is not used",
        selected![Send(Hex("0000000a ffff 0000 0003 00000002")), Watch(Frames(1))],
    )
    .first(&[
        stays(&[pattern("Deselect.rsp 0", "0000000a .... 0000 0004 00000002")]),
        closes(&[pattern("Deselect.rsp 0", "0000000a .... 0000 0004 00000002")]),
    ])
    .second(&[
        closes(&[]),
        closes(&[ANY_REJECT]),
        stays(&[ANY_REJECT]),
        closes(&[SEPARATE_REQ]),
    ]),
    Case::new(
        "hsms/c3.2",
        "Separate.req from us",
        "E37 7.9, E37.1 7.6: it is no longer SELECTED, and the connection is closed",
        selected![Send(Hex("0000000a ffff 0000 0009 00000002")), Watch(Frames(1)), ALIVE],
    )
    .both(&[closes(&[])])
    .acceptable(&[closes(&[SEPARATE_REQ])]),
    Case::new(
        "hsms/c3.3",
        "a Linktest.rsp nobody asked for",
        "E37 7.10: Reject with reason 3; E37.1: Reject is optional, else a communications failure",
        selected![Send(Hex("0000000a ffff 0000 0006 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 3", "0000000a .... 0603 0007 00000002")])])
    .second(&[
        closes(&[]),
        closes(&[ANY_REJECT]),
        stays(&[ANY_REJECT]),
        closes(&[SEPARATE_REQ]),
    ]),
    Case::new(
        "hsms/c3.4",
        "a Reject nobody caused",
        "E37 7.10: a Reject is never answered, and does not end the connection; E37.1: it may",
        selected![Send(Hex("0000000a ffff 0501 0007 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[])])
    .second(&[stays(&[]), closes(&[]), closes(&[SEPARATE_REQ])]),
    Case::new(
        "hsms/c3.5",
        "SType 8, which is not used",
        "E37 7.10: Reject with reason 1, SType not supported; E37.1: a bad header closes",
        selected![Send(Hex("0000000a ffff 0000 0008 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 1", "0000000a .... 0801 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT]), closes(&[SEPARATE_REQ])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/c3.6",
        "a data message of PType 1",
        "E37 7.10: Reject with reason 2, PType not supported; E37.1: a bad header closes",
        selected![Send(Hex("0000000a ssss 8101 0100 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 2", "0000000a .... 0102 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT]), closes(&[SEPARATE_REQ])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/c3.7",
        "a linktest of its own that is never answered",
        "E37 7.8, E37.1: no Linktest.rsp within T6 is a communications failure, which closes",
        selected![
            Wait(Part(110, "linktest")),
            Send(Hex("0000000a ssss 0101 0000 00000002")),
            Watch(Past(T6))
        ],
    )
    .needs("linktest")
    .mute()
    .both(&[
        closes(&[pattern("Linktest.req", "0000000a ffff 0000 0005 ........")]),
        closes(&[QUESTION, pattern("Linktest.req", "0000000a ffff 0000 0005 ........")]),
        closes(&[
            QUESTION,
            pattern("Linktest.req", "0000000a ffff 0000 0005 ........"),
            SEPARATE_REQ,
        ]),
    ]),
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

const T5_RULE: &str = "E37 9.2.1: between two attempts to connect T5 should pass; nobody demands \
                       another attempt";

const AGAIN: &[Case] = &[
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
