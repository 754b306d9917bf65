//! Group c1: Select, answered in every way.
use super::*;

const REFUSED: &str = "E37 7.4.2, E37.1 7.1.1: a status other than 0 does not select, and the \
                       connection is closed";

/// A Select.rsp that is no yes.
const fn refused(id: &'static str, title: &'static str, steps: &'static [Step]) -> Case {
    Case::new(id, title, REFUSED, steps).mute().both(CLOSES)
}

pub(super) const CASES: &[Case] = &[
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
