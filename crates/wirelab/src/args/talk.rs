//! `wirelab node peers`, `send` and `alert`: what is asked of a node that runs.
use std::path::PathBuf;

use clap::Args;
use proto::{
    Span,
    tazcom::{AlertState, MessageId, Need, NodeId, gossip::MAIN_CHANNEL},
};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};

/// Examples, and how it ends.
pub(super) const EXAMPLES: &str = "\
Examples:
  wirelab node peers
  wirelab node send 'water at the north door' --channel '#water'
  wirelab node send 'for your eyes' --to ID
  wirelab node alert 'a burn' --need medical --wait 30s
  wirelab node alert --progress MESSAGE --state taken

They talk to a node of the same user that runs: `wirelab node`, with --tui or without.

Exit codes: 0 done, and with --wait somebody has it; 1 the node refused; 2 a flag makes no sense;
3 no node runs there; 124 nobody had it in time.";

/// Which node.
#[derive(Debug, Args)]
pub(crate) struct WhereArgs {
    /// The node's key file; its socket is beside it. If left out, node.key in the user's state
    /// directory.
    #[arg(long, value_name = "PATH", conflicts_with = "socket")]
    pub(crate) key: Option<PathBuf>,
    /// The node's socket.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

/// Who is there.
#[derive(Debug, Args)]
pub(crate) struct PeersArgs {
    #[command(flatten)]
    pub(crate) at: WhereArgs,
    /// Prints what the node says, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What becomes of a message.
#[derive(Debug, Args)]
pub(crate) struct OutcomeArgs {
    #[command(flatten)]
    pub(crate) at: WhereArgs,
    /// Waits so long until somebody has it: of a message, a peer it was sent to; of an alert, one who
    /// has seen it.
    #[arg(long, value_name = "TIME")]
    pub(crate) wait: Option<Span>,
    /// Prints what the node says, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is said.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The words.
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// Where.
    #[arg(long, value_name = "CHANNEL", default_value = MAIN_CHANNEL)]
    pub(crate) channel: String,
    /// For this node's eyes alone.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) to: Option<NodeId>,
    #[command(flatten)]
    pub(crate) outcome: OutcomeArgs,
}

/// What help is needed, or what became of a call for it.
#[derive(Debug, Args)]
pub(crate) struct AlertArgs {
    /// What is the matter.
    #[arg(value_name = "TEXT", required_unless_present = "progress")]
    pub(crate) text: Option<String>,
    /// Whose help: medical, water, technical, legal or other.
    #[arg(long, value_name = "NEED", default_value = "other", value_parser = word::<Need>)]
    pub(crate) need: Need,
    /// An alert of which there is news.
    #[arg(long, value_name = "MESSAGE", requires = "state", conflicts_with_all = ["text", "need"])]
    #[arg(allow_hyphen_values = true)]
    pub(crate) progress: Option<MessageId>,
    /// The news: taken or resolved.
    #[arg(long, value_name = "STATE", requires = "progress", value_parser = word::<AlertState>)]
    pub(crate) state: Option<AlertState>,
    #[command(flatten)]
    pub(crate) outcome: OutcomeArgs,
}

/// One of a few words, as JSON spells them too.
pub(crate) fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(text.into_deserializer()).map_err(|e: Error| e.to_string())
}
