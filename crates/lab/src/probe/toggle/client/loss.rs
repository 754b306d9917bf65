//! Group c4: connections that are lost, once and always.
use super::*;

const ONCE: &str = "a lost connection is tried again: 250 ms later and up to 100 ms more, with the \
                    same command";
const ALWAYS: &str = "a lost connection is tried again as often as is set, 250 ms, 500 ms, 1 s … \
                      later and up to 100 ms more; then the command has failed";

/// Lost once, served the second time.
const fn once(id: &'static str, title: &'static str, steps: &'static [Step]) -> Case {
    Case::new(id, title, ONCE, steps).both(DONE_AGAIN).acceptable(DONE_TWICE)
}

/// Lost each time.
const fn always(id: &'static str, title: &'static str, steps: &'static [Step]) -> Case {
    Case::new(id, title, ALWAYS, steps).both(GIVES_UP).acceptable(FAILS)
}

const CLOSES: &[Step] = &[Close];
const RESETS: &[Step] = &[Reset];
/// What is in the receive queue when it closes makes the kernel reset.
const LEAVES_UNREAD: &[Step] = &[Wait(Millis(100)), Close];
const READS_AND_CLOSES: &[Step] = &[Expect(A_COMMAND), Close];
const READS_AND_RESETS: &[Step] = &[Expect(A_COMMAND), Reset];
const DOES_AND_CLOSES: &[Step] = &[Expect(A_COMMAND), Act, Close];
const DOES_AND_RESETS: &[Step] = &[Expect(A_COMMAND), Act, Reset];
const FINISHES: &[Step] = &[Expect(A_COMMAND), HalfClose];
const HALF_BARE: &[Step] = &[Expect(A_COMMAND), Act, Send(Head(&BARE_ACK, 2)), Close];
const HALF_FRAMED: &[Step] = &[Expect(A_COMMAND), Act, Send(Head(&FRAMED_ACK, 20)), Close];
const HALF_AND_RESET: &[Step] =
    &[Expect(A_COMMAND), Act, Send(Head(&BARE_ACK, 2)), Wait(Millis(30)), Reset];

pub(super) const CASES: &[Case] = &[
    once("toggle/c4.1", "closed as soon as it is taken, once", &[Serve(&[CLOSES, SERVES])]),
    always("toggle/c4.2", "closed as soon as it is taken, always", &[Serve(&[CLOSES])]),
    once("toggle/c4.3", "reset as soon as it is taken, once", &[Serve(&[RESETS, SERVES])]),
    always("toggle/c4.4", "reset as soon as it is taken, always", &[Serve(&[RESETS])]),
    once("toggle/c4.5", "closed with the command unread, once", &[Serve(&[LEAVES_UNREAD, SERVES])]),
    always("toggle/c4.6", "closed with the command unread, always", &[Serve(&[LEAVES_UNREAD])]),
    once("toggle/c4.7", "closed after the command, once", &[Serve(&[READS_AND_CLOSES, SERVES])]),
    always("toggle/c4.8", "closed after the command, always", &[Serve(&[READS_AND_CLOSES])]),
    once("toggle/c4.9", "reset after the command, once", &[Serve(&[READS_AND_RESETS, SERVES])]),
    always("toggle/c4.10", "reset after the command, always", &[Serve(&[READS_AND_RESETS])]),
    once("toggle/c4.11", "done and closed unanswered, once", &[Serve(&[DOES_AND_CLOSES, SERVES])]),
    once("toggle/c4.12", "done and reset unanswered, once", &[Serve(&[DOES_AND_RESETS, SERVES])]),
    once("toggle/c4.13", "half-closed after the command, once", &[Serve(&[FINISHES, SERVES])]),
    always("toggle/c4.14", "half-closed after the command, always", &[Serve(&[FINISHES])]),
    once("toggle/c4.15", "AC and a FIN, once", &[Serve(&[HALF_BARE, SERVES])]),
    always("toggle/c4.16", "AC and a FIN, always", &[Serve(&[HALF_BARE])]),
    once("toggle/c4.17", "half a framed ack and a FIN, once", &[Serve(&[HALF_FRAMED, SERVES])]),
    always("toggle/c4.18", "half a framed ack and a FIN, always", &[Serve(&[HALF_FRAMED])]),
    once("toggle/c4.19", "AC and a reset, once", &[Serve(&[HALF_AND_RESET, SERVES])]),
    always("toggle/c4.20", "AC and a reset, always", &[Serve(&[HALF_AND_RESET])]),
];
