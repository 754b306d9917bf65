//! `wirelab judge`.
use std::path::PathBuf;

use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  wirelab judge run scenarios/toggle/happy-path.toml test-reports/run.jsonl
  wirelab judge run happy-path test-reports/run.jsonl --json

Exit codes: 0 pass, 1 fail, 2 the scenario makes no sense or is not in the evidence,
3 inconclusive, or the evidence cannot be read.";

/// Judges what was recorded, last week's as well as today's.
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
}
