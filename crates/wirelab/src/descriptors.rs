//! File descriptors, of which every connection takes one: more of them, where the system gives more.
use crate::exit::Failure;

/// What a program has open besides its connections.
const OTHERS: u64 = 64;

/// Sees to it that so many connections can be open at once.
///
/// # Errors
/// This user may not have so many files open.
pub(crate) fn make_room(connections: u32) -> Result<(), Failure> {
    let wanted = u64::from(connections) + OTHERS;
    let have = raise(wanted);
    if have >= wanted {
        return Ok(());
    }
    Err(Failure::environment(format!(
        "{connections} connections need {wanted} open files, and {have} are allowed; raise the hard limit \
         (ulimit -Hn, LimitNOFILE= of a systemd unit) or take fewer"
    )))
}

/// As many as this user may have, for whoever cannot know how many will come.
pub(crate) fn make_all_room() {
    raise(u64::MAX);
}

/// Raises the limit, as far as that is allowed, unless it is high enough. What it is then.
#[cfg(unix)]
fn raise(wanted: u64) -> u64 {
    let Ok((soft, _)) = rlimit::Resource::NOFILE.get() else { return u64::MAX };
    if soft >= wanted { soft } else { rlimit::increase_nofile_limit(wanted).unwrap_or(soft) }
}

/// Elsewhere sockets are not counted among files.
#[cfg(not(unix))]
fn raise(_: u64) -> u64 {
    u64::MAX
}
