//! Group 2: Linktest.
use super::*;

pub(super) const CASES: &[Case] = &[
    Case::new(
        "hsms/2.1",
        "Linktest.req when selected",
        "E37 7.8.2: Linktest.req is answered by Linktest.rsp with its system bytes",
        selected![Send(Hex("0000000a ffff 0000 0005 00000002")), Watch(Frames(1)), ALIVE],
    )
    .both(&[stays(&[pattern("Linktest.rsp", "0000000a ffff 0000 0006 00000002")])]),
    Case::new(
        "hsms/2.2",
        "Linktest.req before Select",
        "E37 7.8: valid at any time in CONNECTED; E37.1 7.4, 7.7: only in SELECTED, else a \
         communications failure",
        &[
            Connect,
            Send(Hex("0000000a ffff 0000 0005 00000002")),
            Watch(Frames(1)),
            ALIVE_UNSELECTED,
        ],
    )
    .first(&[stays(&[pattern("Linktest.rsp", "0000000a ffff 0000 0006 00000002")])])
    .second(&[closes(&[])])
    .acceptable(&[closes(&[ANY_REJECT])]),
    Case::new(
        "hsms/2.3",
        "Linktest.req with a text of two bytes",
        "E37 8.2: a control message is its header alone; E37.1: any other length closes",
        selected![Send(Hex("0000000c ffff 0000 0005 00000002 0100")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[ANY_REJECT]), closes(&[])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[pattern("Linktest.rsp", "0000000a .... 0000 0006 00000002")])]),
    Case::new(
        "hsms/2.4",
        "fifty Linktest.req in one write",
        "E37 7.8.2: each is answered",
        selected![
            Send(Many { each: "0000000a ffff 0000 0005 nnnnnnnn", times: 50 }),
            Watch(Frames(50)),
            ALIVE
        ],
    )
    .both(&[stays(&[Pattern {
        name: "50 x Linktest.rsp in order",
        bytes: Many { each: "0000000a .... 0000 0006 nnnnnnnn", times: 50 },
    }])]),
    Case::new(
        "hsms/2.5",
        "Linktest.req with the device id as its session",
        "E37 8.3.14: a linktest's session is FFFF; what to do with another is not said",
        selected![Send(Hex("0000000a ssss 0000 0005 00000002")), Watch(Frames(1)), ALIVE],
    ),
    Case::new(
        "hsms/2.6",
        "a linktest of its own that is never answered",
        "E37 7.8, E37.1: no Linktest.rsp within T6 is a communications failure, which closes",
        selected![
            Wait(Part(110, "linktest")),
            Send(Hex("0000000a ssss 0101 0000 00000002")),
            Watch(Past(Timer("t6")))
        ],
    )
    .needs("linktest")
    .mute()
    .both(&[
        closes(&[pattern("Linktest.req", "0000000a ffff 0000 0005 ........")]),
        closes(&[
            pattern("Linktest.req", "0000000a ffff 0000 0005 ........"),
            pattern("Separate.req", "0000000a .... 0000 0009 ........"),
        ]),
    ]),
    Case::new(
        "hsms/2.7",
        "a linktest of its own that is answered, twice over",
        "E37 7.8: an answered linktest changes nothing",
        selected![Wait(Part(110, "linktest")), Watch(Past(Part(250, "linktest"))), ALIVE],
    )
    .needs("linktest")
    .both(&[stays(&[])]),
];
