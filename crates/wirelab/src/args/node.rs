//! `wirelab node`.
mod limits;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use proto::tazcom::simulate::Topology;

use super::talk::{self, AlertArgs, PeersArgs, SendArgs};
pub(crate) use limits::{LimitArgs, LogFormat};

const EXAMPLES: &str = "\
Examples:
  wirelab node
  wirelab node --no-mdns --listen 0.0.0.0:5252
  wirelab node --no-mdns --peer 192.0.2.7:5252 --peer 192.0.2.8:5252
  wirelab node --tui
  wirelab node send 'water at the north door'
  wirelab node id --create
  wirelab node simulate 1000 --topology random --loss 0.05

Stdout is a JSON object a line: started, joined, left, message, alert, refused and more.
A line of stdin is said to everybody; `peers` shows who is there, `quit` ends the node. As JSON:
  {\"say\": \"hi\", \"channel\": \"#water\"}     {\"say\": \"for your eyes\", \"to\": ID}
  {\"alert\": \"a burn\", \"need\": \"medical\"}   {\"progress\": MESSAGE, \"state\": \"taken\"}

Exit codes: 0 told to stop, 2 a flag or the key file makes no sense, 3 a port taken, a key in use.";

const SIMULATE: &str = "\
Examples:
  wirelab node simulate 1000 --topology random --loss 0.05
  wirelab node simulate 20 --topology line --json
  wirelab node simulate 500 --loss 0.1 --plot spread.svg";

/// Is a TAZCOM node: greets its peers, hears and tells.
///
/// Who it is, is its key. Peers that prove theirs are verified, old ones are heard and marked as not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct NodeArgs {
    /// What to do instead of being a node.
    #[command(subcommand)]
    pub(crate) what: Option<NodeWhat>,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
}

/// What else can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeWhat {
    /// Prints the id that belongs to the key.
    #[command(after_help = EXAMPLES)]
    Id(IdArgs),
    /// Asks a node that runs who is there.
    #[command(after_help = talk::EXAMPLES)]
    Peers(PeersArgs),
    /// Has a node that runs say something.
    #[command(after_help = talk::EXAMPLES)]
    Send(SendArgs),
    /// Has a node that runs call for help, or say what became of a call.
    #[command(after_help = talk::EXAMPLES)]
    Alert(AlertArgs),
    /// Lets many nodes talk in a simulated world, and says how far their messages got.
    #[command(after_help = SIMULATE)]
    Simulate(SimulateArgs),
}

/// A node that runs.
#[derive(Debug, Args)]
pub(crate) struct LiveArgs {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Where it listens for peers, send and alert of the same user. If left out, beside the key:
    /// node.sock for node.key.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Shows a screen to chat on instead of reading and writing lines.
    #[arg(long)]
    pub(crate) tui: bool,
    /// Where it listens; port 0 is any free one. If left out, at every address and any free port.
    ///
    /// With one address, it is announced and looks for others there alone.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Somebody to greet; may be given many times.
    #[arg(long = "peer", value_name = "HOST:PORT")]
    pub(crate) peers: Vec<String>,
    /// Neither announces itself nor looks for others (multicast DNS); --peer says who is there.
    #[arg(long)]
    pub(crate) no_mdns: bool,
    /// Looks for others and is not announced itself: whom it greets learns of it, nobody else.
    #[arg(long)]
    pub(crate) listen_only: bool,
    /// Leaves links in plain, also those with nodes that have proven themselves: anybody on the way can read
    /// and change what is said. Nodes that encrypt refuse such a link.
    #[arg(long)]
    pub(crate) insecure_plain: bool,
    /// Sets limits from this file of TOML, in the words of their flags: idle_timeout = "60s".
    #[arg(long, value_name = "FILE", env = "TAZCOM_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Which key.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The key file. If left out, node.key in the user's state directory or, while another node uses
    /// that, node-2.key and so on.
    #[arg(long, value_name = "PATH")]
    pub(crate) key: Option<PathBuf>,
}

/// Whose id.
#[derive(Debug, Args)]
pub(crate) struct IdArgs {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Makes the key if there is none.
    #[arg(long)]
    pub(crate) create: bool,
}

/// What is simulated.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// How many nodes.
    #[arg(value_name = "N")]
    pub(crate) nodes: usize,
    /// Who is linked to whom: mesh, line or random.
    #[arg(long, value_name = "TOPOLOGY", default_value = "random")]
    pub(crate) topology: Topology,
    /// Links of each node, on average, where they are random.
    #[arg(long, value_name = "LINKS", default_value_t = 8)]
    pub(crate) degree: usize,
    /// The chance that a line between two nodes is lost.
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    pub(crate) loss: f64,
    /// How many messages are said.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub(crate) messages: usize,
    /// Where all chance comes from.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Prints the plan and what came of it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes a drawing, SVG: who had heard by when, hops, copies.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}
