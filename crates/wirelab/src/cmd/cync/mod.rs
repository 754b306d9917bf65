//! `wirelab cync`: a controller of Cync bridges, and what talks to one that runs.
mod ask;
mod floor;
mod order;
mod pulse;
mod roster;
mod serve;
mod show;
mod tell;

use crate::{
    args::{CyncArgs, CyncWhat},
    exit::{Exit, Failure},
};
use order::Be;

/// # Errors
/// What was typed makes no sense, a port is taken, no controller runs, or the output is not writable.
pub(crate) fn run(CyncArgs { what }: CyncArgs) -> Result<Exit, Failure> {
    let be = |on| Be { on: Some(on), ..Be::default() };
    match what {
        CyncWhat::Serve(args) => crate::block_on(serve::serve(args)),
        CyncWhat::On(args) => ask::command(args.whom, be(true), args.to),
        CyncWhat::Off(args) => ask::command(args.whom, be(false), args.to),
        CyncWhat::Set(args) => ask::set(args),
        CyncWhat::List { query, to } => ask::list(query, to),
        CyncWhat::Watch { to } => ask::watch(to),
    }
}
