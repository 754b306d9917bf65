//! Group 4: Deselect, Separate, Reject, and responses nobody asked for.
use super::*;

const DESELECT: Bytes = Hex("0000000a ffff 0000 0003 00000002");
const DESELECTED: Pattern = pattern("Deselect.rsp 0", "0000000a .... 0000 0004 00000002");
const NO_DESELECT: &str = "E37.1 has no Deselect";
const DATA_AFTER: Bytes = Hex("0000000a ssss 8101 0000 00000003");
const DATA_REJECTED: Pattern = pattern("Reject 4", "0000000a .... 0004 0007 00000003");
const NOT_SUPPORTED: Pattern = pattern("Reject 1", "0000000a .... 0301 0007 00000002");

pub(super) const CASES: &[Case] = &[
    Case::new(
        "hsms/4.1",
        "Deselect.req when selected",
        "E37 7.7: Deselect.rsp 0, and NOT SELECTED; E37.1: Deselect is not used",
        selected![Send(DESELECT), Watch(Frames(1))],
    )
    .first(&[stays(&[DESELECTED])])
    .second(&[closes(&[]), closes(&[ANY_REJECT]), stays(&[NOT_SUPPORTED])])
    .acceptable(&[stays(&[ANY_REJECT]), closes(&[DESELECTED])]),
    Case::new(
        "hsms/4.2",
        "S1F1 after Deselect",
        "E37 7.7, 7.10: in NOT SELECTED data is rejected with reason 4",
        selected![
            Send(DESELECT),
            Hope(DESELECTED, NO_DESELECT),
            Send(DATA_AFTER),
            Watch(Frames(1))
        ],
    )
    .first(&[stays(&[DATA_REJECTED])])
    .acceptable(&[closes(&[]), closes(&[DATA_REJECTED])]),
    Case::new(
        "hsms/4.3",
        "Select.req after Deselect",
        "E37 7.4: in NOT SELECTED a Select.req is answered with 0",
        selected![Send(DESELECT), Hope(DESELECTED, NO_DESELECT), ALIVE_UNSELECTED],
    )
    .first(&[stays(&[])])
    .acceptable(&[closes(&[])]),
    Case::new(
        "hsms/4.4",
        "Deselect.req when not selected",
        "E37 7.7: Deselect.rsp 1, not established; E37.1: in NOT SELECTED anything but Select.req \
         closes",
        &[Connect, Send(DESELECT), Watch(Frames(1)), ALIVE_UNSELECTED],
    )
    .first(&[stays(&[pattern("Deselect.rsp 1", "0000000a .... 0001 0004 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/4.5",
        "Separate.req when selected",
        "E37 7.9: it is no longer SELECTED, and the connection is closed; E37.1 7.6: it is closed \
         at once",
        selected![
            Send(Hex("0000000a ffff 0000 0009 00000002")),
            Wait(Millis(100)),
            Send(DATA_AFTER),
            Watch(Frames(1))
        ],
    )
    .both(&[closes(&[])])
    .acceptable(&[stays(&[DATA_REJECTED])]),
    Case::new(
        "hsms/4.6",
        "Separate.req when not selected",
        "E37 7.9.2: ignored; E37.1 7.6: closes in every state",
        &[
            Connect,
            Send(Hex("0000000a ffff 0000 0009 00000002")),
            Watch(Frames(1)),
            ALIVE_UNSELECTED,
        ],
    )
    .first(&[stays(&[])])
    .second(&[closes(&[])]),
    Case::new(
        "hsms/4.7",
        "a Linktest.rsp nobody asked for",
        "E37 7.10: Reject with reason 3, transaction not open; E37.1: Reject is optional, else a \
         communications failure",
        selected![Send(Hex("0000000a ffff 0000 0006 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 3", "0000000a .... 0603 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT]), stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/4.8",
        "a Select.rsp nobody asked for",
        "E37 7.10: Reject with reason 3, transaction not open; E37.1: Reject is optional, else a \
         communications failure",
        selected![Send(Hex("0000000a ffff 0000 0002 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 3", "0000000a .... 0203 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT]), stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/4.9",
        "a Deselect.rsp nobody asked for",
        "E37 7.10: Reject with reason 3, transaction not open; E37.1: Reject is optional, else a \
         communications failure",
        selected![Send(Hex("0000000a ffff 0000 0004 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 3", "0000000a .... 0403 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT]), stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/4.10",
        "a Linktest.rsp nobody asked for, before Select",
        "E37 7.10: Reject with reason 3; E37.1: in NOT SELECTED anything but Select.req closes",
        &[
            Connect,
            Send(Hex("0000000a ffff 0000 0006 00000002")),
            Watch(Frames(1)),
            ALIVE_UNSELECTED,
        ],
    )
    .first(&[stays(&[pattern("Reject 3", "0000000a .... 0603 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])]),
    Case::new(
        "hsms/4.11",
        "a Reject nobody caused",
        "E37 7.10: a Reject is never answered, and does not end the connection; E37.1: it may",
        selected![Send(Hex("0000000a ffff 0501 0007 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[])])
    .second(&[stays(&[]), closes(&[])]),
    Case::new(
        "hsms/4.12",
        "a Reject with a reason nobody knows",
        "E37 7.10, 8.3.21: reasons from 128 are local; a Reject is never answered",
        selected![Send(Hex("0000000a ffff 05c8 0007 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[])])
    .second(&[stays(&[]), closes(&[])]),
];
