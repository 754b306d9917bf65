//! `wirelab sweep` and `wirelab swarm`.
use clap::Args;
use lab::{
    Kind,
    sweep::{Case, Lane},
};

const SWEEP: &str = "\
Examples:
  wirelab sweep --protocol toggle
  wirelab sweep my-exchange.toml --case cut,reset --lane down
  wirelab sweep --protocol hsms --world tcp --case whole

Cases: whole (in two pieces), dribble (so many bytes at a time), coalesced (so many in one write),
cut (closed after so many), reset, corrupt (this byte's bits flipped).
Exit codes: 0 every verdict is a pass, 1 any is a fail, 2 the scenario makes no sense,
3 none failed but one is inconclusive.";

const SWARM: &str = "\
Examples:
  wirelab swarm --seeds 100
  wirelab swarm scenarios/hsms/*.toml --seeds 1000 --seed 5000

Exit codes: 0 no law was broken, 1 one was, 2 a scenario makes no sense.
A fault that never struck, and a step that waited in vain, are inconclusive and counted apart.";

/// Breaks one exchange at every byte, in every way, and judges each by the laws.
///
/// The scenario is played once as it is, which tells how long its streams are. If it has no proxy, it
/// gets one.
#[derive(Debug, Args)]
#[command(after_help = SWEEP)]
pub(crate) struct SweepArgs {
    /// A scenario file, or the name of a scenario that comes with the program.
    #[arg(value_name = "FILE", required_unless_present = "protocol", conflicts_with = "protocol")]
    pub(crate) file: Option<String>,
    /// The exchange of this protocol that comes with the program.
    #[arg(long, value_name = "NAME")]
    pub(crate) protocol: Option<String>,
    /// Only these ways of breaking, with commas between them.
    #[arg(long = "case", value_name = "CASE", value_delimiter = ',')]
    pub(crate) cases: Vec<Case>,
    /// Only this way: up is to whoever listens, down to whoever dials.
    #[arg(long, value_name = "LANE")]
    pub(crate) lane: Option<Lane>,
    /// Where it is played: sim, or tcp for real sockets.
    #[arg(long, value_name = "WORLD", default_value = "sim", value_parser = world)]
    pub(crate) world: Kind,
    /// Where all chance comes from.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Plays so many at a time; as many as there are processors if left out.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Prints the counts as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Plays scenarios on wires as bad as chance makes them, and judges each by the laws.
///
/// Under every seed a scenario gets one to three faults, drawn from the seed.
#[derive(Debug, Args)]
#[command(after_help = SWARM)]
pub(crate) struct SwarmArgs {
    /// Scenario files, or names of scenarios that come with the program; all of those if left out.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// So many seeds for each.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) seeds: u64,
    /// The first of them.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where they are played: sim, or tcp for real sockets.
    #[arg(long, value_name = "WORLD", default_value = "sim", value_parser = world)]
    pub(crate) world: Kind,
    /// Plays so many at a time; as many as there are processors if left out.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Prints the counts as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn world(name: &str) -> Result<Kind, String> {
    [Kind::Sim, Kind::Tcp]
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| "there is sim, tcp".to_owned())
}
