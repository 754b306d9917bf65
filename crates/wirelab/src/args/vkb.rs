//! `wirelab vkb`.
use std::path::PathBuf;

use clap::{Args, Subcommand};
use proto::vkb::rules::Numbering;

const EXAMPLES: &str = "\
Examples:
  wirelab vkb check-rules rules.json
  wirelab vkb check-rules rules.json --explain Journal.2025-01-02T030405.01.log
  tail -n 1 Status.json | wirelab vkb check-rules rules.json --explain - --json

Exit codes: 0 every rule makes sense, 2 a rule or an event does not.";

/// Everything about VKB-Link.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VkbArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: VkbWhat,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum VkbWhat {
    /// Says what is wrong with rules, and what they make of events.
    CheckRules(CheckRulesArgs),
}

/// Says what is wrong with rules, and what they make of events.
///
/// Rules turn what Elite Dangerous writes about itself into shifts. Both published formats are read;
/// which one a file is in shows.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
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
