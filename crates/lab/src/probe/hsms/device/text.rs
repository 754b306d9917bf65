//! Group 8: texts that are no SECS-II, and texts that are too much of it.
use super::*;

const RULE: &str = "E5 S9F7: equipment that cannot read the data says so; HSMS itself carries any \
                    text";
const S9F7: Pattern = pattern("S9F7", "........ .... 0907 0000*");
const S2F0: Pattern = pattern("S2F0", "0000000a ssss 0200 0000 00000002");
const S2F26: Pattern = pattern("S2F26", "........ ssss 021a 0000 00000002*");
const S9F5: Pattern = pattern("S9F5", "........ .... 0905 0000*");

const SAYS_SO: &[Want] = &[stays(&[S9F7]), stays(&[S9F7, S2F0]), stays(&[S2F0, S9F7])];
const LIVES: &[Want] = &[
    stays(&[]),
    stays(&[S2F0]),
    stays(&[S9F5]),
    stays(&[S2F0, S9F5]),
    closes(&[]),
    closes(&[S9F7]),
];
/// Some of the text is sound, and comes back.
const READS_PART: &[Want] = &[
    stays(&[]),
    stays(&[S2F0]),
    stays(&[S9F5]),
    stays(&[S2F0, S9F5]),
    closes(&[]),
    stays(&[S2F26]),
];

/// A text nobody can read, in S2F25 W.
const fn unreadable(id: &'static str, title: &'static str, steps: &'static [Step]) -> Case {
    Case::new(id, title, RULE, steps).both(SAYS_SO).acceptable(LIVES)
}

pub(super) const CASES: &[Case] = &[
    unreadable(
        "hsms/8.1",
        "an item longer than the message",
        selected![Send(Hex("0000000c ssss 8219 0000 00000002 b105")), Watch(Frames(1)), ALIVE],
    ),
    unreadable(
        "hsms/8.2",
        "an item of format 63",
        selected![Send(Hex("0000000d ssss 8219 0000 00000002 fd0100")), Watch(Frames(1)), ALIVE],
    ),
    unreadable(
        "hsms/8.3",
        "an item without length bytes",
        selected![Send(Hex("0000000c ssss 8219 0000 00000002 2001")), Watch(Frames(1)), ALIVE],
    ),
    unreadable(
        "hsms/8.4",
        "a U4 of three bytes",
        selected![
            Send(Hex("0000000f ssss 8219 0000 00000002 b103 0102ff")),
            Watch(Frames(1)),
            ALIVE
        ],
    )
    .acceptable(READS_PART),
    unreadable(
        "hsms/8.5",
        "a list of sixteen million items that are not there",
        selected![Send(Hex("0000000e ssss 8219 0000 00000002 03ffffff")), Watch(Frames(1)), ALIVE],
    ),
    unreadable(
        "hsms/8.6",
        "a byte after the item",
        selected![Send(Hex("0000000e ssss 8219 0000 00000002 21015a ff")), Watch(Frames(1)), ALIVE],
    )
    .acceptable(READS_PART),
    Case::new(
        "hsms/8.7",
        "a list 20000 deep",
        "E5 sets no depth, and a device may have its limit; but it must go on",
        selected![
            Send(Filled {
                head: "00009c4c ssss 8219 0000 00000002",
                unit: "0101",
                times: 20_000,
                tail: "0100",
            }),
            Watch(Frames(1)),
            ALIVE
        ],
    ),
    Case::new(
        "hsms/8.8",
        "a list 200000 deep",
        "E5 sets no depth, and a device may have its limit; but it must go on",
        selected![
            Send(Filled {
                head: "00061a8c ssss 8219 0000 00000002",
                unit: "0101",
                times: 200_000,
                tail: "0100",
            }),
            Watch(Frames(1)),
            ALIVE
        ],
    ),
    Case::new(
        "hsms/8.9",
        "S1F1 W with a text it should not have",
        "E5: S1F1 is a header only; what to do with more is not said",
        selected![Send(Hex("0000000e ssss 8101 0000 00000002 0100 0100")), Watch(Frames(1)), ALIVE],
    ),
];
