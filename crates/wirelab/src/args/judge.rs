//! `wirelab judge`.
use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Subcommand};
use proto::Span;

const EXAMPLES: &str = "\
Examples:
  wirelab judge run scenarios/toggle/happy-path.toml test-reports/run.jsonl
  wirelab judge run happy-path test-reports/run.jsonl --json
  wirelab judge device --protocol hsms 192.0.2.7:5000 --t7 10s
  wirelab judge client --protocol hsms -- ./host --connect {host}:{port}
  wirelab judge client --protocol toggle --suite restart -- ./toggler {host} {port}

Exit codes: 0 pass, 1 fail, 2 the scenario makes no sense or is not in the evidence,
3 inconclusive, or the evidence cannot be read.";

const DEVICE_EXAMPLES: &str = "\
The timers are those the device is set to; a close is in time if it comes within 30 % or 300 ms.

Examples:
  wirelab judge device --protocol hsms 192.0.2.7:5000
  wirelab judge device --protocol hsms 127.0.0.1:5000 --t7 1s --t8 500ms --as e37.1
  wirelab judge device --protocol hsms --case '5.*' --case 1.1 127.0.0.1:5000 --bytes
  wirelab judge device --protocol hsms --list
  wirelab judge device --protocol toggle --device-id LAMP7 192.0.2.7:9000 --as framed

Exit codes: 0 no FAIL, 1 some FAIL, 2 usage, 3 no FAIL and some INCONCLUSIVE, 130 interrupted.";

const CLIENT_EXAMPLES: &str = "\
The program is started once a case. {host}, {port} and {case} in its words are replaced; the same
stand in WIRELAB_HOST, WIRELAB_PORT and WIRELAB_CASE. It is ended after the case, with all that it started.

hsms: it should connect, select, send one message that wants an answer, and wait for it.
toggle: it should switch one device and end: with 0 if that worked, with anything else if not, and if
it likes with a last line on stdout like {\"outcome\": \"ok\"}. What it claims is held against what the
device read and did. Say how patient it is: --timer recv=1.5s, --timer backoff=250ms, --attempts 2.

Examples:
  wirelab judge client --protocol hsms -- ./host {host} {port}
  wirelab judge client --protocol hsms --t6 2s --case 'c1.*' -- java -jar host.jar
  wirelab judge client --protocol hsms --list
  wirelab judge client --protocol toggle --jobs 8 -- \
    wirelab toggle --device-id D1 --device-host {host} --device-port {port} --no-metrics
  wirelab judge client --protocol toggle --suite restart --suite loss -- ./toggler {host} {port}

Exit codes: 0 no FAIL, 1 some FAIL, 2 usage, 3 no FAIL and some INCONCLUSIVE, 130 interrupted.";

/// Judges what was recorded, last week's as well as today's, or somebody else's device or client.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct JudgeArgs {
    /// What to judge.
    #[command(subcommand)]
    pub(crate) what: JudgeWhat,
}

/// What can be judged.
#[derive(Debug, Subcommand)]
pub(crate) enum JudgeWhat {
    /// A run, by its evidence file.
    #[command(after_help = EXAMPLES)]
    Run {
        /// The scenario's file, or the name of one that comes with the program.
        #[arg(value_name = "FILE")]
        scenario: String,
        /// The evidence that `wirelab run` wrote.
        #[arg(value_name = "RUN.JSONL")]
        evidence: PathBuf,
        /// Prints the verdicts as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Somebody else's device, by probes.
    #[command(after_help = DEVICE_EXAMPLES)]
    Device(Box<JudgeDeviceArgs>),
    /// Somebody else's client, which is started once a case.
    #[command(after_help = CLIENT_EXAMPLES)]
    Client(Box<JudgeClientArgs>),
}

/// How to judge a device.
#[derive(Debug, Args)]
pub(crate) struct JudgeDeviceArgs {
    /// Where it listens; without a port, at the protocol's usual one.
    #[arg(value_name = "HOST[:PORT]", env = "WIRELAB_TARGET", required_unless_present = "list")]
    pub(crate) target: Option<String>,
    /// How long a new connection is left alone before the first byte; some devices need 200ms.
    #[arg(long, value_name = "TIME", default_value = "0ms")]
    pub(crate) settle: Span,
    /// hsms: establishes GEM communications (S1F13) before data is asked for; some equipment is mute else.
    #[arg(long)]
    pub(crate) establish: bool,
    /// All else.
    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
}

/// How to judge a client.
#[derive(Debug, Args)]
pub(crate) struct JudgeClientArgs {
    /// The program and its words.
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "list")]
    pub(crate) command: Vec<String>,
    /// Address to wait at.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// How long it may take from its start until it dials.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) start: Span,
    /// toggle: how many attempts it is set to make, the first included.
    #[arg(long, value_name = "N", default_value = "2")]
    pub(crate) attempts: u8,
    /// All else.
    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
}

/// What judging by probes has in common.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// What it speaks: hsms or toggle.
    #[arg(long)]
    pub(crate) protocol: String,
    /// Only the cases of this group, such as restart; may be given several times.
    #[arg(long = "suite", value_name = "NAME")]
    pub(crate) suites: Vec<String>,
    /// Lists the cases, and plays none.
    #[arg(long)]
    pub(crate) list: bool,
    /// Only these cases: `1.3`, `5.*`; may be given several times.
    #[arg(long = "case", value_name = "GLOB")]
    pub(crate) cases: Vec<String>,
    /// Not these cases; may be given several times.
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// By which reading: of hsms e37 (the default) or e37.1; of toggle bare (the default) or framed.
    #[arg(long = "as", value_name = "READING")]
    pub(crate) level: Option<String>,
    /// Cases played at a time; of devices, for those that serve several connections.
    #[arg(long, value_name = "N", default_value = "1",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
    /// Whom a toggle device is to switch.
    #[arg(long, value_name = "ID", default_value = "D1")]
    pub(crate) device_id: String,
    /// How it is set, by name: recv=300ms; of toggle connect, send, recv, backoff, jitter.
    #[arg(long = "timer", value_name = "NAME=TIME", value_parser = timer)]
    pub(crate) timers: Vec<(String, Span)>,
    /// Its device id, of hsms.
    #[arg(long, value_name = "ID", default_value = "0")]
    pub(crate) session: u16,
    /// What T3 it is set to; 45s if left out.
    #[arg(long, value_name = "TIME")]
    pub(crate) t3: Option<Span>,
    /// What T5; 10s if left out.
    #[arg(long, value_name = "TIME")]
    pub(crate) t5: Option<Span>,
    /// What T6; 5s if left out.
    #[arg(long, value_name = "TIME")]
    pub(crate) t6: Option<Span>,
    /// What T7; 10s if left out.
    #[arg(long, value_name = "TIME")]
    pub(crate) t7: Option<Span>,
    /// What T8; 5s if left out.
    #[arg(long, value_name = "TIME")]
    pub(crate) t8: Option<Span>,
    /// How often it sends linktests; if left out, cases about them are skipped.
    #[arg(long, value_name = "TIME")]
    pub(crate) linktest: Option<Span>,
    /// How long an answer may take that no timer bounds.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub(crate) patience: Span,
    /// How long a case may take.
    #[arg(long, value_name = "TIME", default_value = "3m")]
    pub(crate) case_timeout: Span,
    /// Shows the bytes of every case, not only of those that fail.
    #[arg(long, conflicts_with = "json")]
    pub(crate) bytes: bool,
    /// Prints the results as one JSON object, bytes included.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes the results as JUnit XML too.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

/// `recv=300ms`.
fn timer(text: &str) -> Result<(String, Span), String> {
    let (name, time) = text.split_once('=').ok_or("it is written recv=300ms")?;
    Ok((name.to_owned(), time.parse()?))
}
