//! The cases for a client: a program that is started with an address, switches one device, and ends
//! with code 0 if that worked and another if not. What it claims is held against what the device read
//! and did. Each case says how every connection is treated; the last treatment goes on for ever.
mod answers;
mod command;
mod loss;
mod patience;
mod restart;
mod wrong;

use super::{ACK, BARE_ACK, FRAMED_ACK, is_command};
use crate::probe::{
    Case, Group,
    bytes::{
        Bytes::{self, Framed, Head, Hex, Joined, Tail, Words},
        Pattern, like,
    },
    outcome::{Want, told},
    steps::{
        Length::{Millis, Part, Timer},
        Step::{self, *},
        Until::{Frames, Past},
    },
    story::{
        Times::{Never, Once},
        Tries::{All, More, One},
        ends, fails, succeeds,
    },
};

pub(super) const GROUPS: &[Group] = &[
    Group { name: "command", cases: command::CASES },
    Group { name: "answers", cases: answers::CASES },
    Group { name: "wrong", cases: wrong::CASES },
    Group { name: "loss", cases: loss::CASES },
    Group { name: "patience", cases: patience::CASES },
    Group { name: "restart", cases: restart::CASES },
];

/// Learns its id.
const A_COMMAND: Pattern = like("a command", is_command);

/// The command is read, done and acknowledged.
const SERVES: &[Step] = &[Expect(A_COMMAND), Act, Send(ACK)];

/// It worked at the first attempt.
const DONE_AT_ONCE: &[Want] = &[told(succeeds().done(Once).tries(One))];
/// It worked, but not at the first attempt; the device saw that it was the same command.
const DONE_AGAIN: &[Want] = &[told(succeeds().done(Once).tries(More).same().paced())];
/// The same with a new id each time, so that the device does twice what was asked once.
const DONE_TWICE: &[Want] = &[told(succeeds().tries(More))];
/// It says that it did not work, after as many attempts as it is set to.
const GIVES_UP: &[Want] = &[told(fails().tries(All).same().paced())];
/// It says so, sooner or later or at another pace than it might.
const FAILS: &[Want] = &[told(fails())];
/// It says so after a single attempt: nothing is won by asking again.
const FAILS_AT_ONCE: &[Want] = &[told(fails().tries(One))];
