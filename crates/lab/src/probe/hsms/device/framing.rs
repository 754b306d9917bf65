//! Group 6: lengths, and bytes that are no HSMS.
use super::*;

const SHORT: &str = "E37 8.2, 9.1.1: a length is at least 10; less is a communications failure, \
                     which closes";
const HUGE: &str = "E37 8.2, 9.1.1, 9.2.3: a length above the receiver's own maximum closes, or T8 \
                    does";

pub(super) const CASES: &[Case] = &[
    Case::new(
        "hsms/6.1",
        "length 0",
        SHORT,
        selected![Send(Hex("00000000")), Watch(Past(Millis(700))), ALIVE],
    )
    .both(&[closes(&[])]),
    Case::new(
        "hsms/6.2",
        "length 9, and nine bytes",
        SHORT,
        selected![Send(Hex("00000009 ffff 0000 0005 000000")), Watch(Past(Millis(700))), ALIVE],
    )
    .both(&[closes(&[])]),
    Case::new(
        "hsms/6.3",
        "length 0 before Select",
        SHORT,
        &[Connect, Send(Hex("00000000")), Watch(Past(Millis(700))), ALIVE_UNSELECTED],
    )
    .both(&[closes(&[])]),
    Case::new(
        "hsms/6.4",
        "length 2147483647, then a header and no more",
        HUGE,
        selected![Send(Hex("7fffffff ssss 8101 0000 00000002")), Watch(Past(T8))],
    )
    .both(&[closes(&[]), closes(&[pattern("S9F11", "........ .... 090b 0000*")])]),
    Case::new(
        "hsms/6.5",
        "length 4294967295, then nothing",
        HUGE,
        selected![Send(Hex("ffffffff")), Watch(Past(T8))],
    )
    .both(&[closes(&[])]),
    Case::new(
        "hsms/6.6",
        "a request for a web page",
        HUGE,
        &[Connect, Send(Hex("47455420 2f204854 54502f31 2e310d0a 0d0a")), Watch(Past(T8))],
    )
    .both(&[closes(&[])]),
    Case::new(
        "hsms/6.7",
        "S1F1 W in pieces: inside the length, inside the header",
        "E37 8.1: a message is its bytes, however TCP delivers them",
        selected![
            Send(Hex("0000")),
            Wait(Millis(30)),
            Send(Hex("000a ssss 81")),
            Wait(Millis(30)),
            Send(Hex("01 0000 00000002")),
            Watch(Frames(1)),
            ALIVE
        ],
    )
    .both(&[stays(&[S1F2])]),
    Case::new(
        "hsms/6.8",
        "one message and a half, then the other half",
        "E37 8.1: a message is its bytes, however TCP delivers them",
        selected![
            Send(Hex("0000000a ssss 8101 0000 00000002 0000000a ssss")),
            Wait(Millis(30)),
            Send(Hex("8101 0000 00000003")),
            Watch(Frames(2)),
            ALIVE
        ],
    )
    .both(&[stays(&[S1F2, pattern("S1F2", "........ ssss 0102 0000 00000003*")])]),
];
