//! Group c6: devices that are not there yet, go away and come back. A device cannot count attempts
//! that are refused; what is refused is told by the claim alone.
use super::*;

const BACK: &str = "refused is tried again 250 ms later; a device that is back by then is served";
const SURVIVES: &str = "what was lost with a device that went away is sent again to the one that \
                        came back: success is what that one did";
/// Within the first pause.
const SOON: Step = Leave(Millis(120));
/// Longer than all attempts together.
const FOR_GOOD: crate::probe::steps::Length = Millis(600_000);

pub(super) const CASES: &[Case] = &[
    Case::new("toggle/c6.1", "nobody listens", "a refused command has failed", &[Serve(&[SERVES])])
        .shut()
        .both(&[told(fails().done(Never))]),
    Case::new(
        "toggle/c6.2",
        "nobody listens at first, and then somebody does",
        BACK,
        &[Open(Part(40, "backoff")), Serve(&[SERVES])],
    )
    .shut()
    .both(&[told(succeeds().done(Once))])
    .acceptable(FAILS),
    Case::new(
        "toggle/c6.3",
        "read, closed, gone, and back within the pause",
        SURVIVES,
        &[Serve(&[&[Expect(A_COMMAND), SOON], SERVES])],
    )
    .both(DONE_AGAIN)
    .acceptable(DONE_TWICE),
    Case::new(
        "toggle/c6.4",
        "read, reset, gone, and back within the pause",
        SURVIVES,
        &[Serve(&[&[Expect(A_COMMAND), Crash(Millis(120))], SERVES])],
    )
    .both(DONE_AGAIN)
    .acceptable(DONE_TWICE),
    Case::new(
        "toggle/c6.5",
        "closed unread, gone, and back within the pause",
        SURVIVES,
        &[Serve(&[&[Wait(Millis(50)), SOON], SERVES])],
    )
    .both(DONE_AGAIN)
    .acceptable(DONE_TWICE),
    Case::new(
        "toggle/c6.6",
        "done, unanswered, gone, and back within the pause",
        "a device knows a command again by its id: it is done once",
        &[Serve(&[&[Expect(A_COMMAND), Act, SOON], SERVES])],
    )
    .both(DONE_AGAIN)
    .acceptable(DONE_TWICE),
    Case::new(
        "toggle/c6.7",
        "done, unanswered, gone, and back with nothing remembered",
        "a state is absolute, so that it does no harm to set it twice; nobody can prevent it here",
        &[Serve(&[&[Expect(A_COMMAND), Act, Forget, SOON], SERVES])],
    )
    .both(&[told(succeeds().tries(More).same())])
    .acceptable(&[told(ends())]),
    Case::new(
        "toggle/c6.8",
        "read, closed, and gone for good",
        "success is what a device did; this one did nothing",
        &[Serve(&[&[Expect(A_COMMAND), Leave(FOR_GOOD)]])],
    )
    .both(&[told(fails().done(Never).tries(One))]),
    Case::new(
        "toggle/c6.9",
        "done, reset unanswered, and gone for good",
        "what was done and never acknowledged cannot be claimed",
        &[Serve(&[&[Expect(A_COMMAND), Act, Crash(FOR_GOOD)]])],
    )
    .both(&[told(fails().done(Once).tries(One))]),
    Case::new(
        "toggle/c6.10",
        "never taken, reset as the listener goes, and back",
        "what only a kernel has acknowledged is not delivered",
        &[Dialled, Wait(Millis(20)), Reopen(Millis(100)), Serve(&[SERVES])],
    )
    .both(&[told(succeeds().done(Once))])
    .acceptable(FAILS),
    Case::new(
        "toggle/c6.11",
        "never taken, reset as the listener goes, and gone for good",
        "what only a kernel has acknowledged is not delivered",
        &[Dialled, Wait(Millis(20)), Reopen(FOR_GOOD), Serve(&[SERVES])],
    )
    .both(&[told(fails().done(Never))]),
    Case::new(
        "toggle/c6.12",
        "back, and the first connection is reset as soon as it is taken",
        SURVIVES,
        &[Serve(&[&[Expect(A_COMMAND), SOON], &[Reset], SERVES])],
    )
    .both(&[told(succeeds().done(Once).tries(More)), told(fails().done(Never).tries(All))])
    .acceptable(FAILS),
];
