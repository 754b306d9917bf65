//! `wirelab bench`.
use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use proto::Span;
use serde::Serialize;

const EXAMPLES: &str = "\
Examples:
  wirelab bench toggle
  wirelab bench toggle --rounds 9 --json > bench.json
  wirelab bench toggle --reference 127.0.0.1:9000
  wirelab bench vkb
  wirelab bench vkb --restart --rounds 20
  taskset -c 0 wirelab bench hsms
  wirelab bench proxy
  wirelab bench cync --devices 1000 --rate 100 --for 60s

Compare ratios, not microseconds: they hold although the machine's speed drifts.";

/// Measures client and device against bare sockets.
///
/// A closed loop over loopback: a new connection for each command and kept connections, 1, 10 and 100
/// at a time. In turn with every round of ours the floor is measured: the same bytes over blocking
/// sockets and nothing else.
///
/// cync is another thing: an open loop of commands to many bridges at once, every confirmation held against
/// what the bridge says of itself. It fails, with exit code 1, if one was false or a command was not observed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// What to speak: toggle, vkb (frames a second through one link), hsms (round trips on one
    /// connection), proxy (what carrying costs, and how exact faults are), or cync (many bridges on one
    /// controller).
    pub(crate) protocol: String,
    /// Measures against this device, for instance 127.0.0.1:9000, instead of our own.
    #[arg(long, value_name = "ADDR")]
    pub(crate) reference: Option<SocketAddr>,
    /// Rounds of every load; the figures are medians over them. [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rounds: Option<u16>,
    /// Commands per round, one at a time; four times as many at 10 and 100 at a time. For vkb, hundreds
    /// of frames; for hsms, fours of messages; for proxy, twos of round trips. [default: 5000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) commands: Option<u32>,
    /// For vkb: measures how soon a server's end is noticed, and how soon it is told the state again.
    #[arg(long, conflicts_with_all = ["commands", "reference"])]
    pub(crate) restart: bool,
    /// For cync: so many bridges, with a lamp each. [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) devices: Option<u32>,
    /// For cync: commands a second, to all of them together. [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: Option<u32>,
    /// For cync: how long commands go out. [default: 60s]
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) length: Option<Span>,
    /// For cync: how long bridges take for each of their three words. [default: home]
    #[arg(long)]
    pub(crate) pace: Option<Pace>,
    /// For cync: decides which bridge is told when. [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Prints the figures as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How long a bridge takes for a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pace {
    /// 30 ms, always.
    Steady,
    /// As unevenly as in a home of which there are captures: 86 ms as a median, and up to 1.8 s.
    #[default]
    Home,
}
