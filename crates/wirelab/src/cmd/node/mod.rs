//! `wirelab node`: a TAZCOM node as a process. Stdout tells what it hears, stdin says what to say.
mod alone;
mod classic;
mod client;
mod desk;
mod finding;
mod front;
mod key;
mod live;
mod order;
mod simulate;
mod tell;
mod tui;
mod voice;

use crate::{
    args::{IdArgs, NodeArgs, NodeWhat},
    exit::{Exit, Failure},
    text,
};

/// # Errors
/// The settings or the key file make no sense, a port is taken, or the output is not writable.
pub(crate) fn run(args: NodeArgs) -> Result<Exit, Failure> {
    let NodeArgs { what, live } = args;
    match what {
        None => crate::block_on(live::live(live)),
        Some(NodeWhat::Id(args)) => id(args),
        Some(NodeWhat::Peers(args)) => client::peers(args),
        Some(NodeWhat::Send(args)) => client::send(args),
        Some(NodeWhat::Alert(args)) => client::alert(args),
        Some(NodeWhat::Simulate(args)) => simulate::simulate(args),
    }
}

fn id(args: IdArgs) -> Result<Exit, Failure> {
    let IdArgs { key, create } = args;
    let path = key::main_path(key.key)?;
    let identity = if create { key::read_or_make(&path)? } else { key::read(&path)? };
    text::print(&format!("{}\n", identity.id()))?;
    Ok(Exit::Done)
}
