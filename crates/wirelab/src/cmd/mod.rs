//! The commands, a file each.
pub(crate) mod bench;
pub(crate) mod capture;
pub(crate) mod completions;
pub(crate) mod cync;
pub(crate) mod decode;
pub(crate) mod device;
pub(crate) mod diff;
pub(crate) mod evidence;
pub(crate) mod hsms;
pub(crate) mod judge;
pub(crate) mod man;
pub(crate) mod node;
pub(crate) mod probe;
pub(crate) mod proxy;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod scenarios;
pub(crate) mod swarm;
pub(crate) mod sweep;
pub(crate) mod toggle;
pub(crate) mod vkb;

/// How much can be done at a time.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}
