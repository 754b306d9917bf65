//! Group 5: headers that say what cannot be.
use super::*;

const STYPE: &str = "E37 7.10: Reject with reason 1, SType not supported, and nothing else; E37.1: \
                     a bad header closes";
const PTYPE: &str = "E37 7.10: Reject with reason 2, PType not supported, and nothing else; E37.1: \
                     a bad header closes";

pub(super) const CASES: &[Case] = &[
    Case::new(
        "hsms/5.1",
        "SType 8, which is not used",
        STYPE,
        selected![Send(Hex("0000000a ffff 0000 0008 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 1", "0000000a .... 0801 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/5.2",
        "SType 10, which is not used",
        STYPE,
        selected![Send(Hex("0000000a ffff 0000 000a 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 1", "0000000a .... 0a01 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/5.3",
        "SType 11, kept for subsidiary standards",
        STYPE,
        selected![Send(Hex("0000000a ffff 0000 000b 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 1", "0000000a .... 0b01 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/5.4",
        "SType 200, reserved",
        STYPE,
        selected![Send(Hex("0000000a ffff 0000 00c8 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 1", "0000000a .... c801 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/5.5",
        "SType 8 before Select",
        STYPE,
        &[
            Connect,
            Send(Hex("0000000a ffff 0000 0008 00000002")),
            Watch(Frames(1)),
            ALIVE_UNSELECTED,
        ],
    )
    .first(&[stays(&[pattern("Reject 1", "0000000a .... 0801 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/5.6",
        "S1F1 W with PType 1",
        PTYPE,
        selected![Send(Hex("0000000a ssss 8101 0100 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 2", "0000000a .... 0102 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/5.7",
        "S1F1 W with PType 200",
        PTYPE,
        selected![Send(Hex("0000000a ssss 8101 c800 00000002")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Reject 2", "0000000a .... c802 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/5.8",
        "Select.req with PType 1",
        PTYPE,
        &[
            Connect,
            Send(Hex("0000000a ffff 0000 0101 00000002")),
            Watch(Frames(1)),
            ALIVE_UNSELECTED,
        ],
    )
    .first(&[stays(&[pattern("Reject 2", "0000000a .... 0102 0007 00000002")])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/5.9",
        "Linktest.req with header bytes 2 and 3 set",
        "E37 8.3.14: they are 0; what to do with another is not said",
        selected![Send(Hex("0000000a ffff 0102 0005 00000002")), Watch(Frames(1)), ALIVE],
    ),
];
