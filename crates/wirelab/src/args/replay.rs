//! `wirelab replay`.
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use proto::Span;

const MORE: &str = "\
Without --protocol the other side's bytes are compared one by one. With it they are taken frame by
frame, and a frame is as recorded if its kind and length are: ids and times may differ. An answer is
compared with the one that has its id, whatever their order (hsms, cync). A question's id that does
differ is put into the recorded answers to it (hsms: system bytes; cync: message ids, and the
sequences that results repeat). What else names its sender stays as it is recorded, a login key that is
covered stays covered.

Examples:
  wirelab replay lamp.jsonl --as device --listen 127.0.0.1:9000
  wirelab replay lamp.jsonl --as client --to 127.0.0.1:9000 --json
  wirelab replay fab.jsonl --as device --listen 127.0.0.1:5000 --protocol hsms

Exit codes: 0 as recorded, 1 differences, 2 usage, 3 environment (a port taken, a file that is no
recording), 130 interrupted.";

/// Which side to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// The one that was dialled.
    Device,
    /// The one that dialled.
    Client,
}

/// Plays one side of a recorded session to a real other side, and says where that differs.
///
/// Connections come in the recorded order. On each, what the side said is said again, once the other
/// has said as much as it had by then.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct ReplayArgs {
    /// What `wirelab record` or `wirelab capture import` wrote.
    pub(crate) file: PathBuf,
    /// Which side to be.
    #[arg(long = "as", value_name = "SIDE")]
    pub(crate) side: Side,
    /// Where to listen, as the device; port 0 is any free one, which is printed.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Where to dial, as the client.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "listen")]
    pub(crate) to: Option<String>,
    /// What is spoken: toggle, vkb, hsms, cync or tazcom. Frames are compared by kind and length then.
    #[arg(long)]
    pub(crate) protocol: Option<String>,
    /// Compares every byte, which is so without --protocol anyway.
    #[arg(long)]
    pub(crate) exact: bool,
    /// How long to wait for the other side, each time.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) patience: Span,
    /// Prints one JSON object instead of lines.
    #[arg(long)]
    pub(crate) json: bool,
}
