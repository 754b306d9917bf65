//! Judges somebody else's device or client by probes: bytes on a bare connection, and what came of
//! them. No codec of ours takes part, so that it cannot excuse its own mistakes. The cases are data;
//! this folder plays them, and one folder a protocol holds them.
pub mod backoff;
pub mod bytes;
pub mod clients;
pub mod devices;
mod gate;
pub mod hsms;
mod line;
pub mod outcome;
pub mod pick;
mod play;
pub mod program;
pub mod report;
pub mod setup;
pub mod steps;
pub mod story;
pub mod toggle;
pub mod verdict;

use proto::ConfigError;

use outcome::Want;
pub use setup::Setup;
use steps::Step;
pub use verdict::{CaseResult, Verdict};

/// Which end is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It listens, and is asked.
    Device,
    /// It dials, and asks.
    Client,
}

/// All that is asked of one end of one protocol.
#[derive(Debug)]
pub struct Suite {
    /// The protocol.
    pub protocol: &'static str,
    /// Which end.
    pub side: Side,
    /// The port its devices usually listen on.
    pub port: u16,
    /// Its timers, by name, with the values the standard suggests in milliseconds; 0 is off.
    pub timers: &'static [(&'static str, u64)],
    /// The readings of the standard, by name, the usual first. The first is `Case::first`'s.
    pub levels: [&'static str; 2],
    /// How bytes become frames.
    pub cut: fn(&[u8]) -> Cut,
    /// What a frame is called.
    pub name: fn(&[u8]) -> String,
    /// The id of the command that a frame is, where commands have one.
    pub command: fn(&[u8]) -> Option<String>,
    /// What is done about a frame no case waits for.
    pub reflex: fn(&[u8]) -> Reflex,
    /// Shows that a peer serves: played on a connection of its own.
    pub health: &'static [Step],
    /// The cases, group by group.
    pub groups: &'static [Group],
}

/// Cases that are about the same thing.
#[derive(Debug)]
pub struct Group {
    /// Its name: a suite of its own, for whoever wants only that.
    pub name: &'static str,
    /// They, in their order.
    pub cases: &'static [Case],
}

/// How much of the bytes received so far is a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The first so many.
    Frame(usize),
    /// More must come.
    More,
    /// None, and none will be.
    Never,
}

/// What a prober does about a frame unasked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reflex {
    /// It counts as seen.
    Keep,
    /// It is passed over.
    Drop,
    /// It is passed over, and answered with this.
    Answer(Vec<u8>),
}

/// One thing asked, and what may come of it.
#[derive(Debug)]
pub struct Case {
    /// `protocol/group.number`; never given to another case.
    pub id: &'static str,
    /// What is tried.
    pub title: &'static str,
    /// What the standard says of it, and where.
    pub rule: &'static str,
    /// A timer that must be set, or the case cannot be played.
    pub needs: Option<&'static str>,
    /// Whether frames unasked for go unanswered, because they are what the case is about.
    pub mute: bool,
    /// How a client finds its port when it starts.
    pub port: Port,
    /// What is done.
    pub steps: &'static [Step],
    /// What the first reading of the standard demands; empty where it is silent.
    pub first: &'static [Want],
    /// What the second demands.
    pub second: &'static [Want],
    /// What neither demands and both can live with.
    pub acceptable: &'static [Want],
}

/// How a client finds its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Somebody listens.
    Open,
    /// Nobody does.
    Shut,
    /// Somebody does, and whoever dials gets no answer.
    Full,
}

impl Case {
    /// A case about which no standard says anything.
    pub const fn new(
        id: &'static str,
        title: &'static str,
        rule: &'static str,
        steps: &'static [Step],
    ) -> Self {
        Self {
            id,
            title,
            rule,
            needs: None,
            mute: false,
            port: Port::Open,
            steps,
            first: &[],
            second: &[],
            acceptable: &[],
        }
    }
    /// The first reading demands one of these.
    pub const fn first(self, first: &'static [Want]) -> Self {
        Self { first, ..self }
    }
    /// The second reading demands one of these.
    pub const fn second(self, second: &'static [Want]) -> Self {
        Self { second, ..self }
    }
    /// Both readings demand one of these.
    pub const fn both(self, wants: &'static [Want]) -> Self {
        Self { first: wants, second: wants, ..self }
    }
    /// These are no fault either.
    pub const fn acceptable(self, acceptable: &'static [Want]) -> Self {
        Self { acceptable, ..self }
    }
    /// Only with this timer set.
    pub const fn needs(self, timer: &'static str) -> Self {
        Self { needs: Some(timer), ..self }
    }
    /// Nobody listens yet when the client starts.
    pub const fn shut(self) -> Self {
        Self { port: Port::Shut, ..self }
    }
    /// Somebody listens and has no room for the client: it gets no answer at all.
    pub const fn full(self) -> Self {
        Self { port: Port::Full, ..self }
    }
    /// Frames unasked for go unanswered.
    pub const fn mute(self) -> Self {
        Self { mute: true, ..self }
    }
}

/// Every suite there is.
pub const SUITES: &[&Suite] = &[&hsms::DEVICE, &hsms::CLIENT, &toggle::DEVICE, &toggle::CLIENT];

/// The suite for this end of this protocol.
///
/// # Errors
/// There is none; the message says for which protocols there is.
pub fn find(protocol: &str, side: Side) -> Result<&'static Suite, ConfigError> {
    let of_side = || SUITES.iter().copied().filter(move |suite| suite.side == side);
    of_side().find(|suite| suite.protocol == protocol).ok_or_else(|| {
        let all: Vec<_> = of_side().map(|suite| suite.protocol).collect();
        let problem = format!("no cases for `{protocol}`; there are some for {}", all.join(", "));
        ConfigError::new("protocol", problem)
    })
}

impl Suite {
    /// Its cases, in their order.
    pub fn cases(&self) -> impl Iterator<Item = &'static Case> {
        self.groups.iter().flat_map(|group| group.cases.iter())
    }
    /// The name of the group a case is in.
    pub fn group(&self, case: &Case) -> &'static str {
        let of = |group: &&Group| group.cases.iter().any(|other| other.id == case.id);
        self.groups.iter().find(of).map_or("", |group| group.name)
    }
    /// The number of the reading called `name`.
    ///
    /// # Errors
    /// There is none; the message says which there are.
    pub fn level(&self, name: &str) -> Result<usize, ConfigError> {
        self.levels.iter().position(|level| *level == name).ok_or_else(|| {
            let all = self.levels.join(" or ");
            ConfigError::new("as", format!("no reading `{name}`; it is {all}"))
        })
    }
}

#[cfg(test)]
mod tests;
