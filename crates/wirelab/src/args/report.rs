//! `wirelab report` and `wirelab diff`.
use std::path::PathBuf;

use clap::Args;

const REPORT_EXAMPLES: &str = "\
Examples:
  wirelab report test-reports/run.jsonl
  wirelab report test-reports/run.jsonl --html report.html --junit junit.xml
  wirelab report run.jsonl --case late-answer --pcapng case.pcapng && wireshark case.pcapng
  wirelab report run.jsonl --case late-answer --world sim --mermaid -
  ssh lab cat run.jsonl | wirelab report - --json -
  wirelab report run.jsonl --scenario my.toml --html -
  wirelab judge device --protocol hsms 192.0.2.7:5000 --json >a.json
  wirelab report a.json b.json --html devices.html

Exit codes: 0 every verdict is a pass, 1 any is a fail, 2 usage, 3 none failed but one is
inconclusive, or the evidence is not sound throughout.";

const DIFF_EXAMPLES: &str = "\
Examples:
  wirelab diff before/run.jsonl after/run.jsonl
  wirelab diff before.jsonl after.jsonl --case late-answer --json

Exit codes: 0 the same on the wire, 1 different, 2 usage, 3 the evidence cannot be read.";

/// Judges recorded runs again and writes reports on them.
///
/// Each run is judged by its scenario, if that comes with the program or is named, else by the laws
/// alone, which the report says. Without any flag the verdicts are printed as text. `-` for a path is
/// stdout. What is sound of a damaged file is still reported.
#[derive(Debug, Args)]
#[command(after_help = REPORT_EXAMPLES)]
pub(crate) struct ReportArgs {
    /// Evidence that `wirelab run` wrote; `-` reads stdin. For --html also what `wirelab judge device
    /// --json` or `judge client --json` wrote: the cases are rows, and each file is a column.
    #[arg(value_name = "RUN.JSONL", required = true)]
    pub(crate) evidence: Vec<String>,
    /// The scenario of a run that does not come with the program; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Vec<String>,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// One HTML file: the matrix of cases, and of each its sequence, latencies, findings and record.
    #[arg(long, value_name = "PATH")]
    pub(crate) html: Option<PathBuf>,
    /// JUnit XML, for build servers.
    #[arg(long, value_name = "PATH")]
    pub(crate) junit: Option<PathBuf>,
    /// The verdicts and latencies as JSON.
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,
    /// A capture of one case, for Wireshark; headers are made up around the bytes of the record.
    #[arg(long, value_name = "PATH")]
    pub(crate) pcapng: Option<PathBuf>,
    /// A Mermaid sequence diagram of one case.
    #[arg(long, value_name = "PATH")]
    pub(crate) mermaid: Option<PathBuf>,
    /// Prints the verdicts, also when something else is written.
    #[arg(long)]
    pub(crate) text: bool,
}

/// Which runs of a file are meant.
#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// Only runs of this scenario: `toggle/late-answer`, or `late-answer`.
    #[arg(long, value_name = "NAME")]
    pub(crate) case: Option<String>,
    /// Only runs in this world: sim, tcp or target.
    #[arg(long)]
    pub(crate) world: Option<String>,
    /// Only runs under this seed.
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
}

/// Says where two recorded runs part on the wire.
///
/// Runs of the same scenario are compared, connection by connection: who dialled, what was sent and
/// received, how it closed. Times, ports, record numbers and how bytes were cut may differ.
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub(crate) struct DiffArgs {
    /// Evidence that `wirelab run` wrote; `-` reads stdin.
    #[arg(value_name = "A.JSONL")]
    pub(crate) a: String,
    /// What it is compared with.
    #[arg(value_name = "B.JSONL")]
    pub(crate) b: String,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
