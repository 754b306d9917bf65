//! The commands, a file each.
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod decode;
pub(crate) mod device;
pub(crate) mod diff;
pub(crate) mod evidence;
pub(crate) mod hsms;
pub(crate) mod judge;
pub(crate) mod man;
pub(crate) mod probe;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod scenarios;
pub(crate) mod toggle;
pub(crate) mod vkb;
