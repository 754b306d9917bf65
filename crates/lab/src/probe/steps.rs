//! What a case does, as data.
use std::{fmt, time::Duration};

use super::{
    Setup,
    bytes::{Bytes, Pattern},
};

/// One step of a case. All but `Connect` and `Accept` are about the newest connection.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Dials the device.
    Connect,
    /// Waits to be dialled by the client, for the first time.
    Accept,
    /// Waits to be dialled again for this long, and notes after how long it was. A client that does
    /// not come again ends the case: nobody demands that it does.
    AcceptAgain(Length),
    /// Turns to an earlier connection, counted from 0.
    Switch(usize),
    /// Writes this in one go.
    Send(Bytes),
    /// Writes this byte by byte, and waits in between.
    SendSlowly(Bytes, Length),
    /// Waits for this. Anything else, and the case cannot go on: it shows nothing.
    Expect(Pattern),
    /// The same for what a peer need not do; without it the case does not apply, for this reason.
    Hope(Pattern, &'static str),
    /// Only if the peer wants to be greeted: writes the first, and waits for the second.
    Greet(Bytes, Pattern),
    /// Lets the peer say what it has to say unasked, so that it is not taken for an answer.
    Lull,
    /// Takes note of all that comes, and of a close.
    Watch(Until),
    /// The same until `past` is over, asking again and again; good answers are passed over.
    Poke {
        /// What is asked.
        ask: Bytes,
        /// A good answer.
        answer: Pattern,
        /// The time between two.
        every: Length,
        /// The time in all.
        past: Length,
    },
    /// If it is still open, asks this to see whether anybody is there.
    Ping(Bytes, Pattern),
    /// Waits, whatever comes.
    Wait(Length),
    /// Finishes sending (FIN), and goes on reading.
    HalfClose,
    /// Closes (FIN).
    Close,
    /// Closes with a reset (RST).
    Reset,
    /// Until the client's program ends: the first connection it opens is treated by the first of
    /// these, and so on, the last by the last of them. Without any, connections are not even taken.
    Serve(&'static [&'static [Step]]),
    /// In `Serve`: does what the last command asks, once for each id.
    Act,
    /// In `Serve`: forgets which commands were done.
    Forget,
    /// In `Serve`, last: shuts the port, finishes (FIN), and listens again after this.
    Leave(Length),
    /// In `Serve`, last: the same with a reset (RST).
    Crash(Length),
    /// Listens, after this, at the port that a case began without.
    Open(Length),
    /// Waits until somebody has dialled, without taking the connection.
    Dialled,
    /// Waits until the peer's program has read all we wrote, so that what follows comes apart from it;
    /// if that cannot be known or does not happen, for this long.
    Apart(Length),
    /// Has the listener go with whoever waits in it, and come back after this.
    Reopen(Length),
}

/// Until when to watch.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// Until so many frames have come and nothing follows, or nothing has come for a while.
    Frames(usize),
    /// The same, but it may take this long: there is much to do.
    Within(usize, Length),
    /// Until this has passed since the last thing we did, and a little more.
    Past(Length),
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// A timer of the protocol.
    Timer(&'static str),
    /// Percent of a timer.
    Part(u32, &'static str),
    /// Milliseconds.
    Millis(u64),
}

impl Length {
    /// How long that is. A timer that is off lasts no time; cases that need one say so.
    pub fn of(self, setup: &Setup) -> Duration {
        match self {
            Self::Timer(name) => setup.timer(name).unwrap_or_default(),
            Self::Part(percent, name) => setup.timer(name).unwrap_or_default() * percent / 100,
            Self::Millis(ms) => Duration::from_millis(ms),
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timer(name) => f.write_str(&name.to_uppercase()),
            Self::Part(percent, name) => write!(f, "{percent} % of {}", name.to_uppercase()),
            Self::Millis(ms) => write!(f, "{ms} ms"),
        }
    }
}
