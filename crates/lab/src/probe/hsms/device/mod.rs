//! The cases for a device, a file a group. The standard's clauses are those of E37-0413 and
//! E37.1-0702.
mod control;
mod data;
mod framing;
mod header;
mod linktest;
mod select;
mod text;
mod timers;

use super::{
    ANY_REJECT, LINKTEST, LINKTEST_RSP, S1F13, S1F14, SELECT, SELECT_AGAIN, SELECTED,
    SELECTED_AGAIN, SEPARATE,
};
use crate::probe::{
    Case, Group,
    bytes::{
        Bytes::{self, Filled, Hex, Many},
        Pattern, pattern,
    },
    outcome::{Want, closes, closes_at, stays},
    steps::{
        Length::{self, Millis, Part, Timer},
        Step::{self, *},
        Until::{Frames, Past, Within},
    },
};

pub(super) const GROUPS: &[Group] = &[
    Group { name: "select", cases: select::CASES },
    Group { name: "linktest", cases: linktest::CASES },
    Group { name: "data", cases: data::CASES },
    Group { name: "control", cases: control::CASES },
    Group { name: "header", cases: header::CASES },
    Group { name: "framing", cases: framing::CASES },
    Group { name: "timers", cases: timers::CASES },
    Group { name: "text", cases: text::CASES },
];

const T7: Length = Timer("t7");
/// What a slow device may need for a great many bytes.
const LONG: Length = Millis(10_000);
const T8: Length = Timer("t8");

const S1F1: Bytes = Hex("0000000a ssss 8101 0000 00000002");
const S1F2: Pattern = pattern("S1F2", "........ ssss 0102 0000 00000002*");
const REJECT_NOT_SELECTED: Pattern = pattern("Reject 4", "0000000a .... 0004 0007 00000002");

/// What shows life in SELECTED, and what does in NOT SELECTED.
const ALIVE: Step = Ping(LINKTEST, LINKTEST_RSP);
const ALIVE_UNSELECTED: Step = Ping(SELECT_AGAIN, SELECTED_AGAIN);

/// Steps from SELECTED on.
macro_rules! selected {
    ($($step:expr),* $(,)?) => {
        &[Connect, Send(SELECT), Expect(SELECTED), Greet(S1F13, S1F14), Lull, $($step),*]
    };
}
use selected;
