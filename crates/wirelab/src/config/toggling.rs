//! What `wirelab toggle` is to do: whom to ask, how patiently, and what to tell of it.
use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use net::record::Level;
use proto::{Policy, RawPolicy, toggle::Lamp, toggle::Toggle};

use super::entropy;
use crate::{
    args::{Addressed, LingerArg, Retry, ToggleArgs},
    exit::Failure,
};

/// A name of a host has no more characters.
const LONGEST_HOST: usize = 253;
/// Devices asked at once: each takes a socket, and a process has 1024 of them where nobody says else.
const MOST_DEVICES: usize = 512;
/// How long `--linger scraped` waits unless told otherwise.
const LINGER_LIMIT: Duration = Duration::from_secs(5 * 60);

/// What `wirelab toggle` is to do.
#[derive(Clone, Debug)]
pub(crate) struct Toggling {
    pub(crate) asking: Asking,
    pub(crate) seed: u64,
    pub(crate) dry_run: bool,
    pub(crate) report: Report,
    pub(crate) metrics: Scraping,
}

/// Who is asked.
#[derive(Clone, Debug)]
pub(crate) enum Asking {
    /// One device, for one thing after the other.
    One(Commands, Box<Way>),
    /// Several at once, each for one thing.
    Group(Group),
}

/// What to ask one device for.
#[derive(Clone, Debug)]
pub(crate) enum Commands {
    /// This.
    One(Toggle),
    /// What this file says; `-` is stdin.
    From(PathBuf),
}

/// How to reach the device, and how patiently.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) host: String,
    pub(crate) port: u16,
    policy: RawPolicy,
}

/// Devices that are asked at once.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// At least one, and no two the same.
    pub(crate) members: Vec<(Toggle, Way)>,
    /// If one fails, the others are told the other state.
    pub(crate) rollback: bool,
}

/// What to tell, and where.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) json: bool,
    pub(crate) stage_exit_codes: bool,
    pub(crate) log_level: Level,
    pub(crate) log_file: Option<PathBuf>,
}

/// Who may read the metrics.
#[derive(Clone, Debug)]
pub(crate) struct Scraping {
    pub(crate) port: Option<u16>,
    pub(crate) textfile: Option<PathBuf>,
    pub(crate) linger: Option<Linger>,
}

/// How long to stay after the command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Linger {
    /// This long.
    For(Duration),
    /// Until somebody read the metrics, but no longer than this.
    Scraped(Duration),
}

impl Way {
    /// Where it leads.
    pub(crate) fn place(&self) -> String {
        let Self { host, port, policy: _ } = self;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }
    /// A device at its end, told from all others.
    pub(crate) fn name(&self, command: &Toggle) -> String {
        format!("{}@{}", command.device_id(), self.place())
    }
    /// The time for the whole command, if it is limited.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.policy.deadline.map(|span| span.0)
    }
    /// The policy for a command that has used up this much of its time.
    pub(crate) fn policy_after(&self, spent: Duration) -> Policy {
        let mut raw = self.policy.clone();
        if let Some(deadline) = &mut raw.deadline {
            deadline.0 = deadline.0.saturating_sub(spent).max(Duration::from_micros(1));
        }
        Policy::new::<Lamp>(raw).expect("it differs from a sound one by a shorter deadline")
    }
}

/// # Errors
/// What makes no sense, by the name of its flag.
pub(crate) fn toggling(args: ToggleArgs) -> Result<Toggling, Failure> {
    let ToggleArgs {
        devices,
        rollback,
        device_id,
        device_host,
        device_port,
        state,
        from,
        max_attempts,
        connect_timeout,
        send_timeout,
        recv_timeout,
        timeout,
        deadline,
        confirm,
        retry_on,
        retry_ambiguous,
        seed,
        log_level,
        log_file,
        json,
        stage_exit_codes,
        dry_run,
        metrics_port,
        no_metrics,
        metrics_textfile: textfile,
        linger,
        linger_limit,
    } = args;
    let mut policy = RawPolicy {
        connect_timeout,
        send_timeout,
        recv_timeout,
        timeout: timeout.into(),
        deadline,
        max_attempts,
        confirm,
        retry_ambiguous: retry_ambiguous == Retry::Always,
        ..RawPolicy::default()
    };
    policy.retry_on.extend(retry_on);
    Policy::new::<Lamp>(policy.clone())?;
    let one = |command: Commands| {
        let host = device_host.map_or(Ok(String::new()), |text| host("--device-host", &text))?;
        let way = Way { host, port: device_port, policy: policy.clone() };
        Ok::<_, Failure>(Asking::One(command, Box::new(way)))
    };
    let asking = match from {
        Some(file) => one(Commands::From(file))?,
        None if devices.is_empty() => {
            one(Commands::One(Toggle::new(device_id.unwrap_or_default(), state.0)?))?
        }
        None => {
            let whole = |Addressed { id, host: place, port }: Addressed| {
                let id = id.or_else(|| device_id.clone()).ok_or_else(|| {
                    Failure::usage(format!("{place}: which device? ID@{place} or --device-id says"))
                })?;
                let port = port.unwrap_or(device_port);
                let way = Way { host: host("DEVICE", &place)?, port, policy: policy.clone() };
                Ok((Toggle::new(id, state.0)?, way))
            };
            let members = devices.into_iter().map(whole).collect::<Result<Vec<_>, Failure>>()?;
            Asking::Group(group(members, rollback)?)
        }
    };
    let linger = lingering(linger, linger_limit.map(|span| span.0))?;
    Ok(Toggling {
        asking,
        seed: seed.map_or_else(entropy, Ok)?,
        dry_run,
        report: Report { json, stage_exit_codes, log_level, log_file },
        metrics: Scraping { port: (!no_metrics).then_some(metrics_port), textfile, linger },
    })
}

fn lingering(
    linger: Option<LingerArg>,
    limit: Option<Duration>,
) -> Result<Option<Linger>, Failure> {
    match (linger, limit) {
        (Some(LingerArg::For(span)), None) if span.0 > Duration::ZERO => {
            Ok(Some(Linger::For(span.0)))
        }
        (Some(LingerArg::Scraped), None) => Ok(Some(Linger::Scraped(LINGER_LIMIT))),
        (Some(LingerArg::Scraped), Some(limit)) if limit > Duration::ZERO => {
            Ok(Some(Linger::Scraped(limit)))
        }
        (Some(LingerArg::For(_)), None) => Err(Failure::usage("--linger must be longer than 0")),
        (Some(LingerArg::Scraped), Some(_)) => {
            Err(Failure::usage("--linger-limit must be longer than 0"))
        }
        (Some(LingerArg::For(_)) | None, Some(_)) => {
            Err(Failure::usage("--linger-limit has an effect only with --linger scraped"))
        }
        (None, None) => Ok(None),
    }
}

/// Devices that can be told apart, and no more than there are sockets for.
fn group(members: Vec<(Toggle, Way)>, rollback: bool) -> Result<Group, Failure> {
    if members.len() > MOST_DEVICES {
        let count = members.len();
        let problem = format!("{count} devices; no more than {MOST_DEVICES} are asked at once");
        return Err(Failure::usage(problem));
    }
    if rollback && members.len() == 1 {
        return Err(Failure::usage("--rollback has an effect only with several devices"));
    }
    let mut known = BTreeSet::new();
    for (command, way) in &members {
        let name = way.name(command);
        if !known.insert(name.clone()) {
            return Err(Failure::usage(format!("{name} is named twice; once is enough")));
        }
    }
    Ok(Group { members, rollback })
}

/// A name or an address; `[::1]` is `::1`.
fn host(flag: &str, text: &str) -> Result<String, Failure> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let is_address = bare.parse::<std::net::IpAddr>().is_ok();
    let strange =
        |c: char| c.is_control() || c.is_whitespace() || matches!(c, ':' | '/' | '[' | ']' | '@');
    if !is_address && (bare.is_empty() || bare.len() > LONGEST_HOST || bare.contains(strange)) {
        return Err(Failure::usage(format!(
            "{flag}: `{text}` is neither a name nor an address; the port goes into --device-port"
        )));
    }
    Ok(bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        let good = |text: &str| host("DEVICE", text).unwrap();
        assert_eq!(good("lamp.local"), "lamp.local");
        assert_eq!(good("[::1]"), "::1");
        for bad in ["", "lamp:9000", "http://lamp", "a b", "lamp\n", &"x".repeat(300)] {
            assert!(host("DEVICE", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_belongs_to_waiting_for_a_scrape() {
        let second = Duration::from_secs(1);
        assert!(lingering(None, Some(second)).is_err());
        assert!(lingering(Some(LingerArg::For(proto::Span(second))), Some(second)).is_err());
        assert!(lingering(Some(LingerArg::For(proto::Span(Duration::ZERO))), None).is_err());
        let limited = lingering(Some(LingerArg::Scraped), Some(second));
        assert!(matches!(limited, Ok(Some(Linger::Scraped(d))) if d == second));
        let plain = lingering(Some(LingerArg::Scraped), None);
        assert!(matches!(plain, Ok(Some(Linger::Scraped(LINGER_LIMIT)))));
    }
}
