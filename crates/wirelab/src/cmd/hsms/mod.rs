//! `wirelab hsms`: a host that knows when it is really connected.
mod link;
mod listen;
mod monitor;
mod send;

use crate::{
    args::{HsmsArgs, HsmsWhat},
    exit::{Exit, Failure},
};

/// # Errors
/// What was typed makes no sense, the address is not known or taken, or the output not writable.
pub(crate) fn run(HsmsArgs { what }: HsmsArgs) -> Result<Exit, Failure> {
    match what {
        HsmsWhat::Send { words, link } => crate::block_on(send::send(words, link)),
        HsmsWhat::Linktest { addr, count, link } => {
            crate::block_on(send::linktest(addr, count, link))
        }
        HsmsWhat::Select { addr, link } => crate::block_on(send::select(addr, link)),
        HsmsWhat::Monitor { addr, link } => crate::block_on(monitor::monitor(addr, link)),
        HsmsWhat::Listen { addr, tool, link } => crate::block_on(listen::listen(addr, &tool, link)),
    }
}
