//! `wirelab completions` and `wirelab man`.
use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

const COMPLETIONS: &str = "\
Examples:
  wirelab completions bash > ~/.local/share/bash-completion/completions/wirelab
  wirelab completions zsh > ~/.zfunc/_wirelab
  wirelab completions fish > ~/.config/fish/completions/wirelab.fish";

const MAN: &str = "\
Examples:
  wirelab man | man -l -
  wirelab man --out ~/.local/share/man/man1";

/// Writes the completion script for a shell to stdout.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// Whose.
    pub(crate) shell: Shell,
}

/// Writes the manual page to stdout, or all pages to a directory.
#[derive(Debug, Args)]
#[command(after_help = MAN)]
pub(crate) struct ManArgs {
    /// Writes a page for every command here; the directory is made if there is none.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
