//! Evidence files as commands read them: what is sound of them, and which of their runs are meant.
use std::{fs::File, io::BufReader};

use net::record::{Header, Run, Sound, read_sound};

use crate::{args::WhichArgs, exit::Failure, text};

/// Names listed of what a file holds.
const LISTED: usize = 12;

/// The runs of a file, or of stdin for `-`, and whether all of it is sound. What is not is told.
///
/// # Errors
/// It cannot be read, or nothing in it can.
pub(crate) fn read(path: &str) -> Result<(Vec<Run>, bool), Failure> {
    let unreadable = |why: String| Failure::environment(format!("cannot read {path}: {why}"));
    let Sound { runs, wrong } = if path == "-" {
        read_sound(std::io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
        read_sound(BufReader::new(file))
    };
    match wrong {
        None => Ok((runs, true)),
        Some((first, _)) if runs.is_empty() => Err(unreadable(first)),
        Some((first, lines)) => {
            let more =
                if lines > 1 { format!(" (and {} lines more)", lines - 1) } else { String::new() };
            text::talk(&format!("warning: {path}: {first}{more}; what is sound is used"));
            Ok((runs, false))
        }
    }
}

/// Those of the runs that are meant.
///
/// # Errors
/// There are none.
pub(crate) fn pick(path: &str, runs: Vec<Run>, which: &WhichArgs) -> Result<Vec<Run>, Failure> {
    let WhichArgs { case, world, seed } = which;
    let meant = |(header, _): &Run| {
        case.as_ref().is_none_or(|case| is_called(header, case))
            && world.as_ref().is_none_or(|world| *world == header.world)
            && seed.is_none_or(|seed| seed == header.seed)
    };
    let (meant, others): (Vec<_>, Vec<_>) = runs.into_iter().partition(meant);
    if meant.is_empty() {
        let held = list(&others);
        return Err(Failure::usage(format!("{path} holds no such run, but {held}")));
    }
    Ok(meant)
}

/// What a file calls its runs, for choosing among them.
pub(crate) fn list(runs: &[Run]) -> String {
    let names = runs.iter().take(LISTED).map(|(header, _)| {
        let Header { seed, world, .. } = header;
        format!("{} ({world}, seed {seed})", name(header))
    });
    let mut names: Vec<_> = names.collect();
    if let Some(more) = runs.len().checked_sub(LISTED).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// The scenario's name, with its protocol.
pub(crate) fn name(header: &Header) -> &str {
    header.scenario.as_deref().unwrap_or("unnamed/run")
}

fn is_called(header: &Header, case: &str) -> bool {
    let name = name(header);
    name == case || name.split_once('/').is_some_and(|(_, name)| name == case)
}
