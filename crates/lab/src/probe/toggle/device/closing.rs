//! Group 4: clients that go. The device must serve the next one each time.
use super::*;

const NEXT: &str = "a client that goes takes nobody with it: the next is served";
const HALF: &str = "whoever has finished sending may still read: the answer is owed";

/// Steps of a second client.
macro_rules! and_the_next {
    ($($step:expr),* $(,)?) => { &[Connect, $($step,)* Connect, Send(COMMAND), Watch(Frames(1))] };
}

pub(super) const CASES: &[Case] = &[
    answered("toggle/4.1", "closed without a word", NEXT, and_the_next![Close]),
    answered("toggle/4.2", "reset without a word", NEXT, and_the_next![Reset]),
    answered(
        "toggle/4.3",
        "closed in the middle of a header",
        NEXT,
        and_the_next![Send(Hex("f00d0100")), Close],
    ),
    answered(
        "toggle/4.4",
        "reset in the middle of a payload",
        NEXT,
        and_the_next![Send(Head(&OTHER, 40)), Reset],
    ),
    answered("toggle/4.5", "closed before the answer", NEXT, and_the_next![Send(OTHER), Close]),
    answered("toggle/4.6", "reset before the answer", NEXT, and_the_next![Send(OTHER), Reset]),
    answered(
        "toggle/4.7",
        "half-closed after the command",
        HALF,
        &[Connect, Send(COMMAND), HalfClose, Watch(Frames(1))],
    ),
    Case::new(
        "toggle/4.8",
        "half-closed without a word",
        "nothing more can come: the device may go, and should",
        &[Connect, HalfClose, Watch(Past(Millis(300)))],
    )
    .both(&[closes(&[])])
    .acceptable(&[stays(&[])]),
    Case::new(
        "toggle/4.9",
        "half-closed in the middle of a command",
        "what is not whole is no command",
        &[Connect, Send(Head(&COMMAND, 40)), HalfClose, Watch(Past(Millis(300)))],
    )
    .both(NO)
    .acceptable(SILENCE),
    answered("toggle/4.10", "the first stays, silent", NEXT, and_the_next![]),
    answered(
        "toggle/4.11",
        "the first stays, in the middle of a command",
        NEXT,
        and_the_next![Send(Head(&OTHER, 40))],
    ),
    answered(
        "toggle/4.12",
        "the first stays, and a command waits in between",
        NEXT,
        &[
            Connect,
            Send(Head(&COMMAND, 40)),
            Connect,
            Send(OTHER),
            Expect(ANY_ANSWER),
            Switch(0),
            Send(Tail(&COMMAND, 40)),
            Watch(Frames(1)),
        ],
    ),
];
