//! Group 1: Select, and connections.
use super::*;

const S_ONE: Pattern = pattern("Select.rsp 1", "0000000a .... 0001 0002 00000002");
const S_ANY: Pattern = pattern("Select.rsp", "0000000a .... 00.. 0002 00000002");
const SELECT_2: Bytes = Hex("0000000a ffff 0000 0001 00000002");

pub(super) const CASES: &[Case] = &[
    Case::new(
        "hsms/1.1",
        "Select.req with session FFFF",
        "E37 7.4.2, E37.1 7.1.1: Select.req is answered by Select.rsp 0 with its session and system \
         bytes",
        &[Connect, Send(SELECT), Watch(Frames(1)), ALIVE],
    )
    .both(&[stays(&[pattern("Select.rsp 0", "0000000a ffff 0000 0002 00000001")])]),
    Case::new(
        "hsms/1.2",
        "Select.req with the device id as its session",
        "E37 8.3.7.1: the answer's session is the request's; E37.1 8.1: it is always FFFF",
        &[Connect, Send(Hex("0000000a ssss 0000 0001 00000001")), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[pattern("Select.rsp 0", "0000000a ssss 0000 0002 00000001")])])
    .second(&[
        closes(&[]),
        closes(&[pattern("Select.rsp", "0000000a .... 00.. 0002 00000001")]),
    ])
    .acceptable(&[stays(&[pattern("Select.rsp 0", "0000000a ffff 0000 0002 00000001")])]),
    Case::new(
        "hsms/1.3",
        "Select.req when selected already",
        "E37 7.4.2: Select.rsp 1, already active; E37.1 7.1, 7.7: only in NOT SELECTED, else a \
         communications failure",
        selected![Send(SELECT_2), Watch(Frames(1)), ALIVE],
    )
    .first(&[stays(&[S_ONE])])
    .second(&[closes(&[]), closes(&[S_ANY])]),
    Case::new(
        "hsms/1.4",
        "two Select.req in one write",
        "E37 7.4.2: the first is answered with 0, the second with 1",
        &[
            Connect,
            Send(Hex("0000000a ffff 0000 0001 00000001 0000000a ffff 0000 0001 00000002")),
            Watch(Frames(2)),
            ALIVE,
        ],
    )
    .first(&[stays(&[SELECTED, S_ONE])])
    .second(&[closes(&[SELECTED]), closes(&[SELECTED, S_ANY])]),
    Case::new(
        "hsms/1.5",
        "S1F1 right behind Select.req, in one write",
        "E37 7.4.2: it is SELECTED before Select.rsp is on the wire, so the data message is taken",
        &[
            Connect,
            Send(Hex("0000000a ffff 0000 0001 00000001 0000000a ssss 8101 0000 00000002")),
            Watch(Frames(2)),
            ALIVE,
        ],
    )
    .both(&[stays(&[SELECTED, S1F2])]),
    Case::new(
        "hsms/1.6",
        "Select.req with system bytes FFFFFFFF",
        "E37 8.3.7.4: the answer has the request's system bytes, whatever they are",
        &[
            Connect,
            Send(Hex("0000000a ffff 0000 0001 ffffffff")),
            Watch(Frames(1)),
            ALIVE,
        ],
    )
    .both(&[stays(&[pattern("Select.rsp 0", "0000000a .... 0000 0002 ffffffff")])]),
    Case::new(
        "hsms/1.7",
        "Select.req with system bytes 0",
        "E37 8.3.7.4: the answer has the request's system bytes, whatever they are",
        &[
            Connect,
            Send(Hex("0000000a ffff 0000 0001 00000000")),
            Watch(Frames(1)),
            ALIVE,
        ],
    )
    .both(&[stays(&[pattern("Select.rsp 0", "0000000a .... 0000 0002 00000000")])]),
    Case::new(
        "hsms/1.8",
        "a request to select with its type in the PType byte",
        "E37 8.3.1: PType 1 is not SECS-II and SType 0 is no Select.req; it must not select",
        &[
            Connect,
            Send(Hex("0000000a 0000 0000 0100 00000002")),
            Watch(Frames(1)),
            ALIVE_UNSELECTED,
        ],
    )
    .first(&[
        stays(&[pattern("Reject 2", "0000000a .... 0102 0007 00000002")]),
        stays(&[REJECT_NOT_SELECTED]),
    ])
    .second(&[closes(&[]), closes(&[ANY_REJECT])])
    .acceptable(&[stays(&[]), stays(&[ANY_REJECT])]),
    Case::new(
        "hsms/1.9",
        "a second connection while one is selected",
        "E37 9.2.4.1: it is refused: not taken, closed, or told so by a Select.rsp and closed",
        selected![Connect, Send(SELECT_2), Watch(Past(Millis(1000)))],
    )
    .both(&[closes(&[]), closes(&[S_ANY])])
    .acceptable(&[
        stays(&[S_ONE]),
        stays(&[pattern("Select.rsp 3", "0000000a .... 0003 0002 00000002")]),
    ]),
    Case::new(
        "hsms/1.10",
        "the first connection after a second was refused",
        "E37 9.2.4.1: refusing one connection leaves the other alone",
        selected![
            Connect,
            Send(SELECT_2),
            Wait(Millis(300)),
            Close,
            Switch(0),
            Send(S1F1),
            Watch(Frames(1)),
            ALIVE
        ],
    )
    .both(&[stays(&[S1F2])]),
    Case::new(
        "hsms/1.11",
        "three connections one after the other, each ended by Separate",
        "E37 7.9, 9.2: after a Separate the device waits for the next connection",
        &[
            Connect,
            Send(SELECT),
            Expect(SELECTED),
            Send(SEPARATE),
            Wait(Millis(100)),
            Close,
            Connect,
            Send(SELECT),
            Expect(SELECTED),
            Send(SEPARATE),
            Wait(Millis(100)),
            Close,
            Connect,
            Send(SELECT),
            Expect(SELECTED),
            Greet(S1F13, S1F14),
            Send(S1F1),
            Watch(Frames(1)),
            ALIVE,
        ],
    )
    .both(&[stays(&[S1F2])]),
    Case::new(
        "hsms/1.12",
        "a new connection after a reset",
        "E37 9.1.1: a lost connection leaves NOT CONNECTED, where the next is waited for",
        selected![
            Reset,
            Wait(Millis(100)),
            Connect,
            Send(SELECT),
            Expect(SELECTED),
            Greet(S1F13, S1F14),
            Send(S1F1),
            Watch(Frames(1)),
            ALIVE
        ],
    )
    .both(&[stays(&[S1F2])]),
    Case::new(
        "hsms/1.13",
        "a new connection after one that never selected",
        "E37 9.1.1: a lost connection leaves NOT CONNECTED, where the next is waited for",
        &[
            Connect,
            Close,
            Wait(Millis(100)),
            Connect,
            Send(SELECT),
            Watch(Frames(1)),
            ALIVE,
        ],
    )
    .both(&[stays(&[SELECTED])]),
];
