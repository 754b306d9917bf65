//! `wirelab run`.
use std::path::PathBuf;

use clap::Args;
use net::proxy::Rule;

use super::HsmsServer;

const EXAMPLES: &str = "\
Examples:
  wirelab run
  wirelab run scenarios/toggle/happy-path.toml --seed 7
  wirelab run --sim --seeds 100 my-scenario.toml
  wirelab run happy-path --sim --fault 'wire: close byte=17 lane=up'
  wirelab run scenarios/hsms/*.toml --target 192.0.2.7:5000
  wirelab run --html report.html
  wirelab run --json --out /tmp/reports | jq '.cases[] | select(.outcome != \"pass\")'

Exit codes: 0 every verdict is a pass, 1 any is a fail, 2 a scenario makes no sense,
3 none failed but one is inconclusive, or the reports cannot be written.";

/// Plays scenarios and judges them by what was on the wire.
///
/// Without files: the scenarios that come with the program. Without --sim or --tcp: over real loopback
/// sockets, except scenarios that name only the simulated world.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// Scenario files, or names of scenarios that come with the program.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Plays in the simulated world only: virtual time, and the seed decides everything.
    #[arg(long, conflicts_with = "tcp")]
    pub(crate) sim: bool,
    /// Plays on real sockets only.
    #[arg(long)]
    pub(crate) tcp: bool,
    /// Where all chance comes from.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Plays every scenario under this many seeds, from --seed on.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) seeds: u64,
    /// Where performance-report.json, integration-junit.xml, report.json and run.jsonl go.
    #[arg(long, value_name = "DIR", default_value = "test-reports")]
    pub(crate) out: PathBuf,
    /// Also writes the report as one HTML file: the matrix of cases, and of each its sequence,
    /// latencies, findings and record. `wirelab report` writes more kinds from run.jsonl.
    #[arg(long, value_name = "PATH")]
    pub(crate) html: Option<PathBuf>,
    /// Adds this fault to a proxy and judges by the laws alone, as sweeps and swarms do; where a
    /// scenario has no proxy, its first client goes through `wire`.
    #[arg(long = "fault", value_name = "PROXY: FAULT", value_parser = harm)]
    pub(crate) faults: Vec<(String, Rule)>,
    /// Plays against this device, which somebody else runs, and starts none. What needs a device of
    /// ours is SKIPPED; what only the device's record would tell is passed over. For hsms,
    /// HSMS_SERVER_HOST and HSMS_SERVER_PORT say the same.
    #[arg(long, value_name = "HOST[:PORT]", env = "WIRELAB_TARGET", hide_env_values = true)]
    pub(crate) target: Option<String>,
    #[command(flatten)]
    pub(crate) hsms: HsmsServer,
    /// Prints the verdicts as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn harm(text: &str) -> Result<(String, Rule), String> {
    let parts = text.split_once(": ").ok_or("name the proxy first, as in `wire: close byte=17`")?;
    let rule = parts.1.parse().map_err(|e: proto::ConfigError| e.problem)?;
    Ok((parts.0.trim().to_owned(), rule))
}
