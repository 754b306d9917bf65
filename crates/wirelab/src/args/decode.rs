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
  wirelab decode tazcom --binary <line.txt
  wirelab decode hsms capture.pcapng --port 5000
  tcpdump -i any -w - -U port 5000 | wirelab decode hsms --json -

Exit codes: 0 all is sound, 1 something is wrong with the bytes or missing, 2 it is neither hex nor a
capture.";

/// Explains every byte, and what is wrong with it.
///
/// A frame is hex digits in pairs, with or without spaces between them, or a line of a packet log, of
/// which it takes raw_packet_hex. Lines of a packet log without a packet are passed over.
///
/// Of a capture, pcap or pcapng, it puts every TCP connection together and prints a line a message:
/// when, from whom to whom, what; and where bytes are wrong or missing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DecodeArgs {
    /// Whose bytes they are: toggle, vkb, hsms, cync or tazcom.
    pub(crate) protocol: String,
    /// The bytes in hex, or a file: a capture, or a frame a line; `-` reads stdin.
    #[arg(value_name = "HEX|FILE", required_unless_present = "binary", conflicts_with = "binary")]
    pub(crate) hex: Vec<String>,
    /// Takes the bytes raw, from stdin.
    #[arg(long)]
    pub(crate) binary: bool,
    /// Of a capture, only connections with this port at either end.
    #[arg(long, conflicts_with = "binary")]
    pub(crate) port: Option<u16>,
    /// Shows login keys, which are covered otherwise.
    #[arg(long)]
    pub(crate) show_secrets: bool,
    /// Prints a JSON object for each frame.
    #[arg(long)]
    pub(crate) json: bool,
}
