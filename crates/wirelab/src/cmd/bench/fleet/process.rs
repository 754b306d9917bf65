//! What a process takes of this machine, where the system tells it (Linux).
use std::{fs, time::Duration};

/// What Linux counts processor time in, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);
const PAGE: u64 = 4096;

/// Resident bytes of this process.
pub(super) fn resident(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    Some(statm.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE)
}

/// The processor's time that it took so far, in user and kernel mode.
pub(super) fn cpu(pid: u32) -> Option<Duration> {
    cpu_of(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn cpu_of(stat: &str) -> Option<Duration> {
    // The second field is a name, which may hold anything; what follows its last bracket is numbers.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11).map(|n| n.parse::<u32>().ok());
    Some(TICK * (times.next()?? + times.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_hides_nothing() {
        let stat = "7 (a) b 9 (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 99";
        assert_eq!(cpu_of(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu_of("7 (a) S 1"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_takes_some() {
        let me = std::process::id();
        assert!(resident(me).unwrap() > 0 && cpu(me).is_some());
        assert_eq!(resident(u32::MAX), None);
    }
}
