//! `wirelab capture`.
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use proto::Span;

use super::WhichArgs;

const EXAMPLES: &str = "\
Examples:
  socat -x -v TCP-LISTEN:23778,fork,reuseaddr TCP:192.0.2.7:23778 2>lamp.txt
  wirelab capture import lamp.txt -o lamp.jsonl
  wirelab capture show lamp.jsonl
  wirelab capture check lamp.jsonl
  wirelab capture latency lamp.jsonl --json
  wirelab diff lamp.jsonl another.jsonl
  wirelab report lamp.jsonl --html lamp.html --pcapng lamp.pcapng

Exit codes: 0 done, 1 something is wrong with what was captured, 2 usage, 3 a file cannot be read or
written.";

const IMPORT_MORE: &str = "\
Formats:
  socat   what `socat -x` and `socat -x -v` write; connections are told apart by their byte counts
  text    a packet a line: perhaps a time (2025-11-06T08:20:40.581Z, 2025-11-06 08:20:40.581,
          08:20:40.581, seconds since 1970 with a fraction), a connection (#3, conn=3, [conn:3]), a
          direction (> < -> <- DEV->CLOUD send recv up down), a size (31 bytes, length=31), and hex
          digits with or without spaces or colons; the digits may stand below. A JSON object with hex
          or raw_packet_hex, and perhaps timestamp, direction, conn, is such a line, too
  raw     bytes of one direction, as they are
  pcap    pcap or pcapng

Directions: up is from whoever dialled. `>`, `->` and `send` are up, `<`, `<-` and `recv` down; names
say it themselves, since it is known of a protocol whether its devices dial (cync: they do). --swap
turns them all round. Times without a zone are UTC.

Login keys are covered with asterisks, unless --show-secrets says otherwise.

A line that cannot be understood is told, and the rest is imported. Nothing is made up: a connection
whose end the capture does not show is closed where the capture ends, by us.

Examples:
  wirelab capture import socat.log -o run.jsonl
  wirelab capture import notes.txt --protocol hsms --swap -o run.jsonl
  tcpdump -i any -w - port 23778 | wirelab capture import - --format pcap -o run.jsonl

Exit codes: 0 all of it, 1 all but what is told, 2 usage or nothing in it, 3 it cannot be read or
written.";

const SHOW_MORE: &str = "\
A line a packet: when, on which connection, which way (> is from whoever dialled), what it says, and what
is wrong with it. A packet that was read together with the one before it has + after its direction.

Examples:
  wirelab capture show run.jsonl
  wirelab capture show run.jsonl --json | jq 'select(.problems != [])'
  wirelab capture show fab.jsonl --protocol hsms

Exit codes: 0 shown, 2 usage, 3 it cannot be read, or not all of it.";

const CHECK_MORE: &str = "\
Contradicts: bytes that are no packet, lengths that do not fit, wrong checksums, frames without their mark
(the reports of Cync's bridges about their firmware have none), packets that end too early. The stale
checksums in reports of Cync's bridges are counted as tolerated; `show` marks them. The verdict goes to
stderr; with --json the last object on stdout has its counts.

Examples:
  wirelab capture check run.jsonl

Exit codes: 0 nothing does, 1 something does, 2 usage, 3 it cannot be read, or not all of it.";

const LATENCY_MORE: &str = "\
Of Cync: 23 -> 28, 43 -> 48, 73 -> 7b, 73 -> f9, 73 -> 78, 83 -> 88, a3 -> ab, c3 -> c8, d3 -> d8. Of
HSMS: data, select, linktest. Where the packets carry an id it finds the answer, else their order does.
Both are taken where the capture was made.

Examples:
  wirelab capture latency run.jsonl
  wirelab capture latency run.jsonl --patience 2s --json

Exit codes: 0 measured, 2 usage or nothing to measure, 3 it cannot be read, or not all of it.";

/// Imports captures of others, and tells what is in them.
///
/// An imported capture is evidence, as if a proxy had carried it: report, diff, replay and these commands
/// read it. They read what `wirelab record` and `proxy --evidence` wrote as well.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CaptureArgs {
    #[command(subcommand)]
    pub(crate) what: CaptureWhat,
}

/// What to do with a capture.
#[derive(Debug, Subcommand)]
pub(crate) enum CaptureWhat {
    /// Makes evidence of a capture.
    #[command(after_help = IMPORT_MORE)]
    Import(ImportArgs),
    /// Tells all that was said.
    #[command(after_help = SHOW_MORE)]
    Show(RunFileArgs),
    /// Tells every packet that contradicts the protocol.
    #[command(after_help = CHECK_MORE)]
    Check(RunFileArgs),
    /// Measures how long answers took.
    #[command(after_help = LATENCY_MORE)]
    Latency(LatencyArgs),
}

/// How a capture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Whichever it looks like.
    Auto,
    /// What socat -x writes.
    Socat,
    /// Lines with hex digits.
    Text,
    /// Bytes as they are.
    Raw,
    /// A capture of packets.
    #[value(alias = "pcapng")]
    Pcap,
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WayArg {
    /// From whoever dialled.
    Up,
    /// To whoever dialled.
    Down,
}

/// Makes evidence of a capture.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The capture; `-` reads stdin.
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    /// Where the evidence goes; `-` is stdout.
    #[arg(short, long, value_name = "RUN.JSONL")]
    pub(crate) out: PathBuf,
    /// How the capture is written.
    #[arg(long, default_value = "auto")]
    pub(crate) format: FormatArg,
    /// What is spoken in it: toggle, vkb, hsms or cync.
    #[arg(long, default_value = "cync")]
    pub(crate) protocol: String,
    /// Which way bytes went that name no direction.
    #[arg(long, default_value = "up")]
    pub(crate) way: WayArg,
    /// All directions are the other way round.
    #[arg(long)]
    pub(crate) swap: bool,
    /// Of captured packets, only connections with this port at either end.
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Leaves login keys as they are.
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

/// A recorded run to look at.
#[derive(Debug, Args)]
pub(crate) struct RunFileArgs {
    /// The evidence; `-` reads stdin.
    #[arg(value_name = "RUN.JSONL")]
    pub(crate) file: String,
    /// What is spoken in it, if the file does not say.
    #[arg(long)]
    pub(crate) protocol: Option<String>,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Prints JSON objects instead of lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A recorded run to measure.
#[derive(Debug, Args)]
pub(crate) struct LatencyArgs {
    #[command(flatten)]
    pub(crate) file: RunFileArgs,
    /// An answer that takes longer is none.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) patience: Span,
}
