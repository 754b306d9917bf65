//! One exchange, broken at every byte in every way: the scenario is played once as it is, to learn
//! how long its streams are, and then once for each offset and way of breaking.
use std::{collections::BTreeMap, fmt, str::FromStr};

use net::{
    Event, Record,
    proxy::{Lanes, Rule},
};
use proto::ConfigError;
use serde::Serialize;

use crate::{
    Kind,
    judge::{Outcome, Verdict, judge_by_laws},
    run::play,
    scenario::{Scenario, ScenarioError},
    trial::Trial,
};

/// Trials of one sweep; a longer exchange needs fewer cases or one lane.
const MOST: usize = 100_000;

/// A way of breaking a stream at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// In two pieces, and nothing lost: the second comes when the first was read.
    Whole,
    /// So many bytes at a time; one by one is proved like `whole`.
    Dribble,
    /// So many bytes gathered into one write.
    Coalesced,
    /// Closed after so many bytes.
    Cut,
    /// Reset after so many bytes.
    Reset,
    /// All bits of this byte flipped.
    Corrupt,
}

impl Case {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Whole, Self::Dribble, Self::Coalesced, Self::Cut, Self::Reset, Self::Corrupt];
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Dribble => "dribble",
            Self::Coalesced => "coalesced",
            Self::Cut => "cut",
            Self::Reset => "reset",
            Self::Corrupt => "corrupt",
        }
    }
    /// The offsets at which it means something, in a stream of so many bytes that came in writes of
    /// at most so many: what comes in one need not be gathered.
    fn offsets(self, Stream { length, longest }: Stream) -> std::ops::Range<u64> {
        if length == 0 {
            return 0..0;
        }
        match self {
            Self::Whole | Self::Dribble => 1..length,
            Self::Coalesced => longest + 1..length + 2,
            Self::Cut | Self::Reset => 0..length + 1,
            Self::Corrupt => 0..length,
        }
    }
    fn rule(self, lane: Lane, conn: u64, byte: u64) -> Result<Rule, ConfigError> {
        let fault = match self {
            Self::Whole => format!("split byte={byte}"),
            Self::Dribble if byte == 1 => "dribble".into(),
            Self::Dribble => format!("slice size={byte} gap=1ms"),
            Self::Coalesced => format!("coalesce bytes={byte} wait=20ms"),
            Self::Cut => format!("close byte={byte}"),
            Self::Reset => format!("reset byte={byte}"),
            Self::Corrupt => format!("corrupt byte={byte}"),
        };
        format!("{fault} lane={lane} conn={conn}").parse()
    }
}

impl FromStr for Case {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|case| case.name() == name).ok_or_else(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            format!("no case `{name}`; there is {all}")
        })
    }
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// To whoever listens.
    Up,
    /// To whoever dials.
    Down,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Up, Self::Down];
    /// Which of them a fault of this lane's is about.
    pub const fn lanes(self) -> Lanes {
        match self {
            Self::Up => Lanes::Up,
            Self::Down => Lanes::Down,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

impl FromStr for Lane {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            other => Err(format!("no lane `{other}`; there is up, down")),
        }
    }
}

/// Where a stream is broken, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Break {
    /// Which way.
    pub lane: Lane,
    /// How.
    pub case: Case,
    /// The nth connection through the proxy, from 1.
    pub conn: u64,
    /// After so many bytes.
    pub byte: u64,
}

/// A sweep that can be played.
#[derive(Debug)]
pub struct Sweep {
    /// How many bytes each connection carries each way, from the first connection on.
    pub lengths: Vec<(u64, u64)>,
    /// Everything to be tried: by lane, case, connection and offset, so the first is the smallest.
    pub trials: Vec<(Break, Trial)>,
}

/// Why there is nothing to sweep.
#[derive(Debug)]
pub enum Unswept {
    /// The scenario makes no sense.
    Mistakes(Vec<ScenarioError>),
    /// It makes no sense to break it.
    Senseless(ConfigError),
    /// It does not pass unbroken.
    Broken(Box<Verdict>),
}

/// Plays `scenario` unbroken, and says what can be broken.
///
/// # Errors
/// See [`Unswept`].
pub fn plan(
    scenario: &Scenario,
    cases: &[Case],
    lanes: &[Lane],
    kind: Kind,
    seed: u64,
) -> Result<Sweep, Unswept> {
    let senseless = Unswept::Senseless;
    let whole = Trial::new(scenario, Vec::new(), kind, seed).map_err(senseless)?;
    let records = play(whole.scenario(), kind, seed).map_err(Unswept::Mistakes)?.records;
    let verdict = judge_by_laws(&records);
    if verdict.outcome != Outcome::Pass {
        return Err(Unswept::Broken(Box::new(verdict)));
    }
    let streams = streams(whole.proxy(), &records);
    let mut breaks = Vec::new();
    for (lane, case) in lanes.iter().flat_map(|lane| cases.iter().map(|case| (*lane, *case))) {
        for (conn, (up, down)) in (1..).zip(&streams) {
            let offsets = case.offsets(if lane == Lane::Up { *up } else { *down });
            if breaks.len() as u64 + offsets.end.saturating_sub(offsets.start) > MOST as u64 {
                let problem = format!("more than {MOST} trials; name one --lane or fewer cases");
                return Err(Unswept::Senseless(ConfigError::new("case", problem)));
            }
            breaks.extend(offsets.map(|byte| Break { lane, case, conn, byte }));
        }
    }
    breaks.sort_unstable();
    breaks.dedup();
    let trial = |at: Break| {
        let rule = at.case.rule(at.lane, at.conn, at.byte)?;
        Ok((at, Trial::new(scenario, vec![rule], kind, seed)?))
    };
    let trials = breaks.into_iter().map(trial).collect::<Result<_, _>>();
    let lengths = streams.iter().map(|(up, down)| (up.length, down.length)).collect();
    Ok(Sweep { lengths, trials: trials.map_err(Unswept::Senseless)? })
}

/// What one end of a connection sent.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// Bytes in all.
    length: u64,
    /// Bytes that came at once, at most.
    longest: u64,
}

/// What went up and down on each connection through this proxy, in the order they came.
fn streams(proxy: &str, records: &[Record]) -> Vec<(Stream, Stream)> {
    let mut read: BTreeMap<u32, Stream> = BTreeMap::new();
    let mut joined = Vec::new();
    for record in records.iter().filter(|r| &*r.node == proxy) {
        match &record.event {
            Event::Joined { conn, onto } => joined.push((*conn, *onto)),
            Event::Received { conn, bytes } => {
                let stream = read.entry(*conn).or_default();
                stream.length += bytes.len() as u64;
                stream.longest = stream.longest.max(bytes.len() as u64);
            }
            _ => {}
        }
    }
    let read = |conn: u32| read.get(&conn).copied().unwrap_or_default();
    joined.into_iter().map(|(near, far)| (read(near), read(far))).collect()
}
