//! The commands, a file each.
pub(crate) mod completions;
pub(crate) mod decode;
pub(crate) mod device;
pub(crate) mod man;
pub(crate) mod toggle;
