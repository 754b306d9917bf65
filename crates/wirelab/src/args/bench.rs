//! `wirelab bench`.
use std::net::SocketAddr;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  wirelab bench toggle
  wirelab bench toggle --rounds 9 --json > bench.json
  wirelab bench toggle --reference 127.0.0.1:9000
  wirelab bench vkb
  wirelab bench vkb --restart --rounds 20
  taskset -c 0 wirelab bench hsms
  wirelab bench proxy

Compare ratios, not microseconds: they hold although the machine's speed drifts.";

/// Measures client and device against bare sockets.
///
/// A closed loop over loopback: a new connection for each command and kept connections, 1, 10 and 100
/// at a time. In turn with every round of ours the floor is measured: the same bytes over blocking
/// sockets and nothing else.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// What to speak: toggle, vkb (frames a second through one link), hsms (round trips on one
    /// connection), or proxy (what carrying costs, and how exact faults are).
    pub(crate) protocol: String,
    /// Measures against this device, for instance 127.0.0.1:9000, instead of our own.
    #[arg(long, value_name = "ADDR")]
    pub(crate) reference: Option<SocketAddr>,
    /// Rounds of every load; the figures are medians over them.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rounds: u16,
    /// Commands per round, one at a time; four times as many at 10 and 100 at a time. For vkb, hundreds
    /// of frames; for hsms, fours of messages; for proxy, twos of round trips.
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) commands: u32,
    /// For vkb: measures how soon a server's end is noticed, and how soon it is told the state again.
    #[arg(long, conflicts_with_all = ["commands", "reference"])]
    pub(crate) restart: bool,
    /// Prints the figures as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
