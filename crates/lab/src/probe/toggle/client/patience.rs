//! Group c5: devices that keep one waiting.
use super::*;

const RECV: &str = "an answer is waited for no longer than the receive timeout, 1.5 s; then the \
                    command is tried again";
const LATE: &str = "an answer that comes after its time is of the past: it is neither success nor \
                    the answer to what is asked next";

pub(super) const CASES: &[Case] = &[
    Case::new("toggle/c5.1", "silence, once", RECV, &[Serve(&[&[Expect(A_COMMAND)], SERVES])])
        .both(&[told(succeeds().done(Once).tries(More).same())])
        .acceptable(DONE_TWICE),
    Case::new("toggle/c5.2", "silence, always", RECV, &[Serve(&[&[Expect(A_COMMAND)]])])
        .both(&[told(fails().tries(All).same())])
        .acceptable(FAILS),
    Case::new(
        "toggle/c5.3",
        "it listens, and takes no connection",
        "that TCP is up does not make an answer: the kernel takes connection and command, and \
         nobody reads them",
        &[Serve(&[])],
    )
    .both(&[told(fails().done(Never).tries(All))])
    .acceptable(FAILS),
    Case::new(
        "toggle/c5.4",
        "done, and answered after its patience, always",
        LATE,
        &[Serve(&[&[Expect(A_COMMAND), Act, Wait(Part(150, "recv")), Send(BARE_ACK)]])],
    )
    .both(&[told(fails().tries(All).same())])
    .acceptable(FAILS),
    Case::new(
        "toggle/c5.5",
        "the answer comes late, and to the second attempt nothing is said",
        LATE,
        &[Serve(&[
            &[Expect(A_COMMAND), Wait(Part(150, "recv")), Send(BARE_ACK)],
            &[Expect(A_COMMAND)],
        ])],
    )
    .both(FAILS),
    Case::new(
        "toggle/c5.6",
        "the answer comes late, and to the second attempt comes a nack",
        LATE,
        &[Serve(&[
            &[Expect(A_COMMAND), Wait(Part(150, "recv")), Send(BARE_ACK)],
            &[
                Expect(A_COMMAND),
                Send(Framed("f00d01", &Words(r#"{"opcode": "nack", "msg_id": "<m>"}"#))),
            ],
        ])],
    )
    .both(FAILS),
    Case::new(
        "toggle/c5.7",
        "A and then nothing, always",
        RECV,
        &[Serve(&[&[Expect(A_COMMAND), Send(Head(&BARE_ACK, 1))]])],
    )
    .both(&[told(fails().tries(All))])
    .acceptable(FAILS),
    Case::new(
        "toggle/c5.8",
        "a long answer, a byte every 60 % of its patience",
        "bytes that trickle in do not make an answer; whether each restarts the timeout is not \
         said, only that it ends",
        &[Serve(&[&[Expect(A_COMMAND), SendSlowly(FRAMED_ACK, Part(60, "recv"))]])],
    )
    .both(FAILS),
    Case::new(
        "toggle/c5.9",
        "silence, and the port is gone the second time",
        RECV,
        &[Serve(&[&[Expect(A_COMMAND), Watch(Past(Timer("recv"))), Leave(Millis(60_000))]])],
    )
    .both(FAILS),
    Case::new(
        "toggle/c5.10",
        "it listens and has no room: dialling gets no answer",
        "a connection is waited for no longer than the connect timeout, 1 s; a full backlog drops \
         the SYN, and the kernel alone would go on for two minutes",
        &[Serve(&[SERVES])],
    )
    .full()
    .both(&[told(fails().done(Never))]),
];
