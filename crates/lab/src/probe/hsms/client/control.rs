//! Group c3: control messages nobody asked for, and its own linktests.
use super::*;

pub(super) const CASES: &[Case] = &[
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
