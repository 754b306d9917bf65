//! Group 3: data messages.
use super::*;

const S9F1: Pattern = pattern("S9F1", "........ .... 0901 0000*");
const S9F3: Pattern = pattern("S9F3", "........ .... 0903 0000*");
const S9F5: Pattern = pattern("S9F5", "........ .... 0905 0000*");

pub(super) const CASES: &[Case] = &[
    Case::new(
        "hsms/3.1",
        "S1F1 before Select",
        "E37 7.10: Reject with reason 4, entity not selected; E37.1: in NOT SELECTED anything but \
         Select.req closes",
        &[Connect, Send(S1F1), Watch(Frames(1)), ALIVE_UNSELECTED],
    )
    .first(&[stays(&[REJECT_NOT_SELECTED])])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/3.2",
        "S1F1 W",
        "E5: S1F2 with the same system bytes, session and stream",
        selected![Send(S1F1), Watch(Frames(1)), ALIVE],
    )
    .both(&[stays(&[S1F2])]),
    Case::new(
        "hsms/3.3",
        "S1F1 that wants no answer",
        "E37 8.3.3.2: without the W-bit no answer is sent",
        selected![Send(Hex("0000000a ssss 0101 0000 00000002")), Watch(Frames(1)), ALIVE],
    )
    .both(&[stays(&[])]),
    Case::new(
        "hsms/3.4",
        "an S1F2 nobody asked for",
        "E37 7.5, E5: a reply without an open transaction is dropped",
        selected![Send(Hex("0000000c ssss 0102 0000 00000002 0100")), Watch(Frames(1)), ALIVE],
    )
    .both(&[stays(&[])])
    .acceptable(&[stays(&[pattern("S9F5", "........ .... 0905 0000*")])]),
    Case::new(
        "hsms/3.5",
        "an S1F0 nobody asked for",
        "E37 7.5, E5: an abort without an open transaction is dropped",
        selected![Send(Hex("0000000a ssss 0100 0000 00000002")), Watch(Frames(1)), ALIVE],
    )
    .both(&[stays(&[])])
    .acceptable(&[stays(&[pattern("S9F5", "........ .... 0905 0000*")])]),
    Case::new(
        "hsms/3.6",
        "S1F1 W to another device id",
        "E5 S9F1: equipment that does not know the device id says so",
        selected![Send(Hex("0000000a wwww 8101 0000 00000002")), Watch(Frames(1)), ALIVE],
    )
    .both(&[stays(&[S9F1])])
    .acceptable(&[stays(&[]), stays(&[pattern("S1F2", "........ .... 0102 0000 00000002*")])]),
    Case::new(
        "hsms/3.7",
        "S1F1 W with the top bit of the device id set",
        "E37.1 8.1: the bit is 0 in a data message; what to do with a 1 is not said",
        selected![Send(Hex("0000000a 8000 8101 0000 00000002")), Watch(Frames(1)), ALIVE],
    ),
    Case::new(
        "hsms/3.8",
        "S99F1 W, a stream nobody knows",
        "E5 S9F3: equipment that does not know the stream says so, and aborts the transaction",
        selected![Send(Hex("0000000a ssss e301 0000 00000002")), Watch(Frames(1)), ALIVE],
    )
    .both(&[
        stays(&[S9F3]),
        stays(&[S9F3, pattern("S99F0", "0000000a ssss 6300 0000 00000002")]),
        stays(&[pattern("S99F0", "0000000a ssss 6300 0000 00000002"), S9F3]),
    ])
    .acceptable(&[
        stays(&[]),
        stays(&[S9F5]),
        stays(&[pattern("S99F0", "0000000a ssss 6300 0000 00000002")]),
        stays(&[pattern("S99F0", "0000000a ssss 6300 0000 00000002"), S9F5]),
    ]),
    Case::new(
        "hsms/3.9",
        "S1F99 W, a function nobody knows",
        "E5 S9F5: equipment that does not know the function says so, and aborts the transaction",
        selected![Send(Hex("0000000a ssss 8163 0000 00000002")), Watch(Frames(1)), ALIVE],
    )
    .both(&[
        stays(&[S9F5]),
        stays(&[S9F5, pattern("S1F0", "0000000a ssss 0100 0000 00000002")]),
        stays(&[pattern("S1F0", "0000000a ssss 0100 0000 00000002"), S9F5]),
    ])
    .acceptable(&[stays(&[]), stays(&[pattern("S1F0", "0000000a ssss 0100 0000 00000002")])]),
    Case::new(
        "hsms/3.10",
        "S1F1 W, a byte every 20 ms",
        "E37 8.1: a message is its bytes, however TCP delivers them",
        selected![SendSlowly(S1F1, Millis(20)), Watch(Frames(1)), ALIVE],
    )
    .both(&[stays(&[S1F2])]),
    Case::new(
        "hsms/3.11",
        "200 S1F1 W in one write",
        "E37 7.5: each transaction is answered",
        selected![
            Send(Many { each: "0000000a ssss 8101 0000 nnnnnnnn", times: 200 }),
            Watch(Frames(200)),
            ALIVE
        ],
    )
    .both(&[stays(&[Pattern {
        name: "200 x S1F2 in order",
        bytes: Many { each: "........ ssss 0102 0000 nnnnnnnn*", times: 200 },
    }])]),
    Case::new(
        "hsms/3.12",
        "two S1F1 W in flight with the same system bytes",
        "E37 8.3.3.6: system bytes are unique among open transactions; what a receiver does about \
         it is not said",
        selected![
            Send(Hex("0000000a ssss 8101 0000 00000002 0000000a ssss 8101 0000 00000002")),
            Watch(Frames(2)),
            ALIVE
        ],
    ),
    Case::new(
        "hsms/3.13",
        "S1F1 W with system bytes FFFFFFFF, then 0",
        "E37 8.3.3.6: system bytes are any number, and the answer has the request's",
        selected![
            Send(Hex("0000000a ssss 8101 0000 ffffffff 0000000a ssss 8101 0000 00000000")),
            Watch(Frames(2)),
            ALIVE
        ],
    )
    .both(&[stays(&[
        pattern("S1F2", "........ ssss 0102 0000 ffffffff*"),
        pattern("S1F2", "........ ssss 0102 0000 00000000*"),
    ])]),
    Case::new(
        "hsms/3.14",
        "S1F1 W, then we finish sending (FIN)",
        "E37 7.3: the end of the stream ends the connection; what was asked before may be answered",
        selected![Send(S1F1), HalfClose, Watch(Past(Millis(1000)))],
    )
    .both(&[
        closes(&[S1F2]),
        closes(&[S1F2, pattern("Separate.req", "0000000a .... 0000 0009 ........")]),
        closes(&[]),
    ]),
    Case::new(
        "hsms/3.15",
        "S2F25 W with three million bytes",
        "E5 S2F25: the same bytes come back; E37 10: a device may have a limit",
        selected![
            Send(Filled {
                head: "002dc6ce ssss 8219 0000 00000002 23 2dc6c0",
                unit: "5a",
                times: 3_000_000,
                tail: "",
            }),
            Watch(Within(1, LONG))
        ],
    )
    .both(&[stays(&[Pattern {
        name: "S2F26 with the same bytes",
        bytes: Filled {
            head: "002dc6ce ssss 021a 0000 00000002 23 2dc6c0",
            unit: "5a",
            times: 3_000_000,
            tail: "",
        },
    }])])
    .acceptable(&[
        closes(&[]),
        stays(&[]),
        stays(&[S9F5]),
        stays(&[S9F3]),
        stays(&[pattern("S9F11", "........ .... 090b 0000*")]),
        stays(&[pattern("S2F0", "0000000a ssss 0200 0000 00000002")]),
        stays(&[pattern("S2F0", "0000000a ssss 0200 0000 00000002"), S9F5]),
    ]),
    Case::new(
        "hsms/3.16",
        "S9F1 from us",
        "E5: only equipment sends stream 9; what it does with one is not said",
        selected![
            Send(Hex("00000016 ssss 0901 0000 00000002 210a 00008101000000000002")),
            Watch(Frames(1)),
            ALIVE
        ],
    ),
    Case::new(
        "hsms/3.17",
        "S0F0, a data message of zeros",
        "E5: streams count from 1; what to do with 0 is not said",
        selected![Send(Hex("0000000a ssss 0000 0000 00000002")), Watch(Frames(1)), ALIVE],
    ),
];
