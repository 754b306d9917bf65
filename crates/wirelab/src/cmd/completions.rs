//! `wirelab completions`: the script that lets a shell complete our commands and flags.
use clap::CommandFactory;

use crate::{
    args::{Cli, CompletionsArgs},
    exit::{Exit, Failure},
    text,
};

/// # Errors
/// The output is not writable.
pub(crate) fn run(CompletionsArgs { shell }: CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wirelab", &mut script);
    text::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
