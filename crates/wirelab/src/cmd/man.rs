//! `wirelab man`: the manual, made of the same words as `--help`.
use std::{io, path::Path};

use clap::CommandFactory;
use clap_mangen::Man;

use crate::{
    args::{Cli, ManArgs},
    exit::{Exit, Failure},
    text,
};

/// # Errors
/// The output is not writable.
pub(crate) fn run(ManArgs { out }: ManArgs) -> Result<Exit, Failure> {
    match out {
        Some(dir) => {
            let wrong =
                |e: io::Error| text::unwritable(&format!("the manual to {}", dir.display()), &e);
            write_all(&dir).map_err(wrong)?;
        }
        None => {
            let mut page = Vec::new();
            Man::new(Cli::command()).render(&mut page).expect("a Vec takes all");
            text::print(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Exit::Done)
}

fn write_all(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Cli::command(), dir)?;
    text::talk(&format!(
        "ok: the manual is in {0}; read it with man -l {0}/wirelab.1",
        dir.display()
    ));
    Ok(())
}
