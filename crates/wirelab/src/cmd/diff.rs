//! `wirelab diff`: where two recorded runs part on the wire.
use lab::report::diff;

use crate::{
    args::DiffArgs,
    cmd::{evidence, run::say},
    exit::{Exit, Failure},
    text,
};

/// # Errors
/// A file cannot be read, or holds no run that is meant.
pub(crate) fn run(DiffArgs { a, b, which, json }: DiffArgs) -> Result<Exit, Failure> {
    if a == "-" && b == "-" {
        return Err(Failure::usage("only one of the two can come from stdin"));
    }
    let read = |path: &str| -> Result<_, Failure> {
        let (runs, whole) = evidence::read(path)?;
        Ok((evidence::pick(path, runs, &which)?, whole))
    };
    let ((a, whole_a), (b, whole_b)) = (read(&a)?, read(&b)?);
    let compared = diff::compare(&a, &b);
    say(&if json { text::json_line(&compared) } else { diff::text(&compared) })?;
    Ok(match (compared.same, whole_a && whole_b) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::Done,
        (true, false) => Exit::Environment,
    })
}
