//! `wirelab decode`.
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  wirelab decode toggle 41 43 4b
  wirelab decode toggle f00d01000000027b7d
  wirelab toggle … | wirelab decode toggle -
  wirelab decode toggle --json - <packets.jsonl
  wirelab decode toggle --binary <capture.bin
  wirelab decode vkb a50d000401000000

Exit codes: 0 all is sound, 1 something is wrong with the bytes, 2 it is not hex.";

/// Explains every byte, and what is wrong with it.
///
/// A frame is hex digits in pairs, with or without spaces between them, or a line of a packet log, of
/// which it takes raw_packet_hex. Lines of a packet log without a packet are passed over.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DecodeArgs {
    /// Whose bytes they are, toggle or vkb.
    pub(crate) protocol: String,
    /// The bytes in hex; `-` reads a frame a line from stdin.
    #[arg(value_name = "HEX", required_unless_present = "binary", conflicts_with = "binary")]
    pub(crate) hex: Vec<String>,
    /// Takes the bytes raw, from stdin.
    #[arg(long)]
    pub(crate) binary: bool,
    /// Prints a JSON object for each frame.
    #[arg(long)]
    pub(crate) json: bool,
}
