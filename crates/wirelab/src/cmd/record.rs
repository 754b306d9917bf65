//! `wirelab record`: a proxy without faults that writes down all it carries.
use super::proxy::carry;
use crate::{
    args::RecordArgs,
    config::proxy::recording,
    exit::{Exit, Failure},
    text,
};

/// # Errors
/// A host is not known, a port is taken, or the file is not writable.
pub(crate) fn run(args: RecordArgs) -> Result<Exit, Failure> {
    let name = args.out.display().to_string();
    let exit = crate::block_on(carry(recording(args)?))?;
    text::talk(&format!("ok: recorded to {name}; wirelab replay {name} plays it"));
    Ok(exit)
}
