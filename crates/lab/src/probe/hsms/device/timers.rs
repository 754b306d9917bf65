//! Group 7: T7 and T8.
use super::*;

const T7_RULE: &str = "E37 9.2.2: whoever is NOT SELECTED for T7 is disconnected";
const T8_RULE: &str = "E37 9.2.3: a message whose next byte does not come within T8 is a \
                       communications failure, which closes";

pub(super) const CASES: &[Case] = &[
    Case::new("hsms/7.1", "nothing at all is sent", T7_RULE, &[Connect, Watch(Past(T7))])
        .both(&[closes_at(&[], T7)]),
    Case::new(
        "hsms/7.2",
        "linktests and no Select",
        "E37 9.2.2: whoever is NOT SELECTED for T7 is disconnected, and linktests do not change \
         that; E37.1 7.4: they are not even allowed",
        &[Connect, Poke { ask: LINKTEST, answer: LINKTEST_RSP, every: Part(30, "t7"), past: T7 }],
    )
    .first(&[closes_at(&[], T7)])
    .second(&[closes(&[])]),
    Case::new(
        "hsms/7.3",
        "nothing after Deselect",
        "E37 7.7, 9.2.2: after Deselect it is NOT SELECTED, and T7 runs",
        selected![
            Send(Hex("0000000a ffff 0000 0003 00000002")),
            Hope(
                pattern("Deselect.rsp 0", "0000000a .... 0000 0004 00000002"),
                "E37.1 has no Deselect"
            ),
            Watch(Past(T7))
        ],
    )
    .first(&[closes_at(&[], T7)])
    .acceptable(&[closes(&[])]),
    Case::new(
        "hsms/7.4",
        "Select after half of T7, then silence for longer than T7",
        "E37 9.2.2: T7 ends with Select; time between messages is unlimited",
        &[
            Connect,
            Wait(Part(50, "t7")),
            Send(SELECT),
            Expect(SELECTED),
            Watch(Past(Part(130, "t7"))),
            ALIVE,
        ],
    )
    .both(&[stays(&[])]),
    Case::new(
        "hsms/7.5",
        "silence for two T8 when selected",
        "E37 9.2.3: T8 runs inside a message only",
        selected![Watch(Past(Part(200, "t8"))), ALIVE],
    )
    .both(&[stays(&[])]),
    Case::new(
        "hsms/7.6",
        "two bytes of a length, then nothing",
        T8_RULE,
        selected![Send(Hex("0000")), Watch(Past(T8))],
    )
    .both(&[closes_at(&[], T8)]),
    Case::new(
        "hsms/7.7",
        "a length and half a header, then nothing",
        T8_RULE,
        selected![Send(Hex("0000000a ssss 8101")), Watch(Past(T8))],
    )
    .both(&[closes_at(&[], T8)]),
    Case::new(
        "hsms/7.8",
        "a header and half a text, then nothing",
        T8_RULE,
        selected![Send(Hex("00000014 ssss 8219 0000 00000002 2108 5a5a")), Watch(Past(T8))],
    )
    .both(&[closes_at(&[], T8)]),
    Case::new(
        "hsms/7.9",
        "half a Select.req, then nothing",
        T8_RULE,
        &[Connect, Send(Hex("0000000a ffff 0000")), Watch(Past(T8))],
    )
    .both(&[closes_at(&[], T8)]),
    Case::new(
        "hsms/7.10",
        "a Linktest.req whose last bytes come half a T8 apart",
        "E37 9.2.3: T8 begins again with every byte",
        selected![
            Send(Hex("0000000a ffff 0000 0005")),
            Wait(Part(50, "t8")),
            SendSlowly(Hex("00000002"), Part(50, "t8")),
            Watch(Frames(1)),
            ALIVE
        ],
    )
    .both(&[stays(&[pattern("Linktest.rsp", "0000000a .... 0000 0006 00000002")])]),
];
