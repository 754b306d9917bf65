//! `wirelab vkb`.
use std::path::PathBuf;

use clap::{Args, Subcommand};
use proto::{Delivery, Span, vkb::rules::Numbering};

const EXAMPLES: &str = "\
Examples:
  wirelab vkb send --shift 1 --subshift 0
  wirelab vkb send --shift 2 --confirm replied --json
  wirelab vkb clear --host 192.0.2.7
  wirelab vkb hold --shift 3 --report
  printf '1 0\\n2 0\\n' | wirelab vkb hold
  wirelab vkb hold --shift 3 --breaker-threshold 5 --metrics-port 9400 --log-file packets.jsonl

Exit codes: 0 done, 1 not confirmed or something was lost, 2 usage, 3 environment, 124 deadline,
130 a send was interrupted. `hold` told to stop ends with 0 if
every state was confirmed, or replaced before it was sent.";

const RULES: &str = "\
Examples:
  wirelab vkb follow --journal \"$HOME/Saved Games/Frontier Developments/Elite Dangerous\" --rules rules.json
  wirelab vkb check-rules rules.json
  wirelab vkb check-rules rules.json --explain Journal.2025-01-02T030405.01.log
  tail -n 1 Status.json | wirelab vkb check-rules rules.json --explain - --json

Exit codes of check-rules: 0 every rule makes sense, 2 a rule or an event does not; of follow:
0 told to stop and nothing lost, 1 something was, 2 no rules to follow, 3 the journal cannot be read.";

/// Asserts shift states at VKB-Link.
///
/// The protocol has no acknowledgement. A state counts as delivered when the connection that carried it
/// is still healthy a while later (`survived`), or when VKB-Link said something back (`replied`).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VkbArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: VkbWhat,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum VkbWhat {
    /// Asserts a state once.
    #[command(after_help = EXAMPLES)]
    Send {
        #[command(flatten)]
        state: StateArgs,
        #[command(flatten)]
        way: WayArgs,
    },
    /// Clears all bits.
    #[command(after_help = EXAMPLES)]
    Clear {
        #[command(flatten)]
        way: WayArgs,
    },
    /// Keeps a state asserted, across restarts of VKB-Link, until told to stop.
    ///
    /// A line `SHIFT SUBSHIFT` on stdin changes it.
    #[command(after_help = EXAMPLES)]
    Hold(HoldArgs),
    /// Keeps the state asserted that rules make of a running game.
    #[command(after_help = RULES)]
    Follow(FollowArgs),
    /// Says what is wrong with rules, and what they make of events.
    CheckRules(CheckRulesArgs),
}

/// Keeps a state asserted, across restarts of VKB-Link, until told to stop.
///
/// A line `SHIFT SUBSHIFT` on stdin changes it.
#[derive(Clone, Debug, Args)]
pub(crate) struct HoldArgs {
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Sends every state, in order, instead of only the latest when there was no connection.
    #[arg(long)]
    pub(crate) ordered: bool,
    /// Says at the end what became of every state.
    #[arg(long)]
    pub(crate) report: bool,
    #[command(flatten)]
    pub(crate) way: WayArgs,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
}

/// Keeps the state asserted that rules make of a running game.
///
/// It reads the journal and status files that Elite Dangerous writes. Rules that change are loaded at
/// once; a wrong rule is told and passed over. When told to stop it clears all bits.
#[derive(Clone, Debug, Args)]
pub(crate) struct FollowArgs {
    /// The directory the game writes its journal to.
    #[arg(long, value_name = "DIR")]
    pub(crate) journal: PathBuf,
    /// The file of rules, in either published format.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// Which bit a token stands for: in current Shift1 is bit 0, in first it is bit 1.
    #[arg(long, value_name = "current|first", default_value_t)]
    pub(crate) numbering: Numbering,
    /// Between two looks at the files.
    #[arg(long, value_name = "TIME", default_value = "100ms")]
    pub(crate) interval: Span,
    #[command(flatten)]
    pub(crate) way: WayArgs,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
}

/// A state.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct StateArgs {
    /// Bits of SHIFT, 0 to 255.
    #[arg(long, value_name = "BITMAP", default_value_t = 0)]
    pub(crate) shift: u8,
    /// Bits of SUBSHIFT, 0 to 255.
    #[arg(long, value_name = "BITMAP", default_value_t = 0)]
    pub(crate) subshift: u8,
}

/// Where VKB-Link is, and what counts as delivered.
#[derive(Clone, Debug, Args)]
pub(crate) struct WayArgs {
    /// Where VKB-Link is: a name or an address.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// Its port.
    #[arg(long, value_name = "PORT", default_value_t = 50995, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// How far a state must provably get: written, tcp_acked, survived or replied.
    #[arg(long, value_name = "LEVEL", default_value_t = Delivery::Survived)]
    pub(crate) confirm: Delivery,
    /// How long a connection must stay healthy to have survived.
    #[arg(long, value_name = "TIME", default_value = "200ms")]
    pub(crate) survive: Span,
    /// For each state, all attempts included.
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<Span>,
    /// Prints the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a link is kept up.
#[derive(Clone, Debug, Args)]
pub(crate) struct LinkArgs {
    /// Shortest delay before a lost connection is dialled again.
    #[arg(long, value_name = "TIME", default_value = "50ms", help_heading = "Link")]
    pub(crate) reconnect_min: Span,
    /// Longest delay at first; each is drawn between the two.
    #[arg(long, value_name = "TIME", default_value = "100ms", help_heading = "Link")]
    pub(crate) reconnect_max: Span,
    /// How long after a loss the delays stay like that.
    #[arg(long, value_name = "TIME", default_value = "10s", help_heading = "Link")]
    pub(crate) reconnect_eager_for: Span,
    /// Later the delay doubles up to this.
    #[arg(long, value_name = "TIME", default_value = "5s", help_heading = "Link")]
    pub(crate) reconnect_cap: Span,
    /// After so many failures in a row nobody dials for a while; without it, there is no breaker.
    #[arg(long, value_name = "N", help_heading = "Link")]
    pub(crate) breaker_threshold: Option<u32>,
    /// How long nobody dials then; doubled each time up to 5m. The default is 10s.
    #[arg(long, value_name = "TIME", requires = "breaker_threshold", help_heading = "Link")]
    pub(crate) breaker_open_for: Option<Span>,
}

/// Who may watch it.
#[derive(Clone, Debug, Args)]
pub(crate) struct WatchArgs {
    /// Writes the packet log here.
    #[arg(long, value_name = "PATH", help_heading = "Watching")]
    pub(crate) log_file: Option<PathBuf>,
    /// Serves http://127.0.0.1:PORT/metrics; 0 is any free one, which is printed.
    #[arg(long, value_name = "PORT", help_heading = "Watching")]
    pub(crate) metrics_port: Option<u16>,
    /// Adds the counts to this file at the end, for node_exporter's textfile collector.
    #[arg(long, value_name = "PATH", help_heading = "Watching")]
    pub(crate) metrics_textfile: Option<PathBuf>,
}

/// Says what is wrong with rules, and what they make of events.
///
/// Rules turn what Elite Dangerous writes about itself into shifts. Both published formats are read;
/// which one a file is in shows.
#[derive(Debug, Args)]
#[command(after_help = RULES)]
pub(crate) struct CheckRulesArgs {
    /// The file of rules.
    #[arg(value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// Shows what the rules make of these events, a JSON object a line; `-` reads them from stdin.
    ///
    /// An event called Status is taken as the game's status, any other as a line of its journal.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) explain: Option<PathBuf>,
    /// Which bit a token stands for: in current Shift1 is bit 0, in first it is bit 1.
    #[arg(long, value_name = "current|first", default_value_t)]
    pub(crate) numbering: Numbering,
    /// Prints JSON objects, a line each.
    #[arg(long)]
    pub(crate) json: bool,
}
