//! Whether what was typed makes sense together, and what it comes to. Commands get these values and
//! ask no further.
mod hosting;
mod node;
pub(crate) mod proxy;
pub(crate) mod tls;

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use lab::registry::{self, AnyDevice, AnyProtocol};
use net::{TlsClient, record::Level};
use proto::{Policy, RawPolicy, Span, toggle::Lamp, toggle::Toggle};
use serde_json::{Map, Value, json};

use crate::{
    args::{DeviceArgs, EquipmentArgs, Form, LingerArg, Retry, ToggleArgs},
    descriptors,
    exit::Failure,
};

pub(crate) use hosting::{Hosting, Server, hosting};
pub(crate) use node::{Living, VERSION, living};

/// A name of a host has no more characters.
const LONGEST_HOST: usize = 253;
/// How long `--linger scraped` waits unless told otherwise.
const LINGER_LIMIT: Duration = Duration::from_secs(5 * 60);

/// What `wirelab toggle` is to do.
#[derive(Clone, Debug)]
pub(crate) struct Toggling {
    pub(crate) commands: Commands,
    pub(crate) seed: u64,
    pub(crate) dry_run: bool,
    pub(crate) way: Way,
    pub(crate) report: Report,
    pub(crate) metrics: Scraping,
}

/// What to ask for.
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
    let commands = match from {
        Some(file) => Commands::From(file),
        None => Commands::One(Toggle::new(device_id.unwrap_or_default(), state.0)?),
    };
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
    let host = device_host.map_or(Ok(String::new()), host)?;
    let linger = lingering(linger, linger_limit.map(|span| span.0))?;
    Ok(Toggling {
        commands,
        seed: seed.map_or_else(entropy, Ok)?,
        dry_run,
        way: Way { host, port: device_port, policy },
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

/// A name or an address; `[::1]` is `::1`.
fn host(text: String) -> Result<String, Failure> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(&text);
    let is_address = bare.parse::<std::net::IpAddr>().is_ok();
    let strange =
        |c: char| c.is_control() || c.is_whitespace() || matches!(c, ':' | '/' | '[' | ']' | '@');
    if !is_address && (bare.is_empty() || bare.len() > LONGEST_HOST || bare.contains(strange)) {
        return Err(Failure::usage(format!(
            "--device-host: `{text}` is neither a name nor an address; the port goes into --device-port"
        )));
    }
    Ok(bare.to_owned())
}

pub(crate) fn entropy() -> Result<u64, Failure> {
    getrandom::u64()
        .map_err(|e| Failure::environment(format!("no random seed: {e}; give a --seed")))
}

/// What `wirelab device` is to play.
pub(crate) struct Playing {
    pub(crate) protocol: &'static dyn AnyProtocol,
    /// At least one.
    pub(crate) devices: Vec<Box<dyn AnyDevice>>,
    pub(crate) addr: SocketAddr,
    /// How it behaves from the start, in this order.
    pub(crate) quirks: Vec<String>,
    pub(crate) metrics_port: Option<u16>,
    pub(crate) http_port: Option<u16>,
    /// Nodes are told of it.
    pub(crate) announce: bool,
    pub(crate) raw: bool,
    pub(crate) show_secrets: bool,
    pub(crate) tls: Option<TlsClient>,
}

/// # Errors
/// What makes no sense, by the name of its flag; or the host is not known.
pub(crate) fn playing(args: DeviceArgs) -> Result<Playing, Failure> {
    let DeviceArgs {
        protocol,
        host,
        port,
        to,
        tls,
        ca,
        devices: count,
        mode,
        delay,
        reject_next,
        equipment,
        set,
        answer,
        applied_limit,
        applied_ttl,
        metrics_port,
        announce,
        http_port,
        raw,
        show_secrets,
    } = args;
    let protocol = find(&protocol)?;
    let answer = answer.map(|form| if form == Form::Ack { "ack" } else { "framed" }.into());
    let flags = [
        ("answer", answer),
        ("applied_limit", applied_limit.map(Value::from)),
        ("applied_ttl", applied_ttl.map(|span| json!(span))),
    ];
    let flags = flags.into_iter().chain(equipment_flags(equipment)?);
    let flags = flags.filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let named: Vec<String> = set.iter().map(|s| format!("settings.{}", s.key)).collect();
    let settings = settings(flags.chain(set.into_iter().map(|s| (s.key, s.value))))?;
    let devices = protocol.devices(settings, count).map_err(|e| match named.contains(&e.key) {
        true => Failure::usage(format!("--set {}: {}", &e.key["settings.".len()..], e.problem)),
        false => e.into(),
    })?;
    let mut quirks = vec![quirk(protocol, &mode, delay.map(|span| span.to_string()))?];
    quirks.extend(reject_next.map(|times| format!("reject x{times}")));
    let dials = devices.iter().all(|device| device.dials());
    if !dials && (to.is_some() || tls || count > 1) {
        let flag = match (&to, tls) {
            (Some(_), _) => "--to",
            (None, true) => "--tls",
            (None, false) => "--devices",
        };
        let problem = format!("{flag} is for devices that dial, and this one listens");
        return Err(Failure::usage(problem));
    }
    let tls =
        tls.then(|| tls::trusting(ca, tls::host_of(to.as_deref().unwrap_or(&host)))).transpose()?;
    let addr = match to {
        Some(to) => proxy::address("--to", &to)?,
        None => address(&host, port.unwrap_or(protocol.port()))?,
    };
    if count > 1 {
        descriptors::make_room(count)?;
    }
    Ok(Playing {
        protocol,
        devices,
        addr,
        quirks,
        metrics_port,
        http_port,
        announce,
        raw,
        show_secrets,
        tls,
    })
}

/// The settings of equipment that are given.
///
/// # Errors
/// Its description cannot be read.
fn equipment_flags(args: EquipmentArgs) -> Result<Vec<(&'static str, Option<Value>)>, Failure> {
    let EquipmentArgs { personality, active, session, tool, t3, t5, t6, t7, t8, linktest } = args;
    let tool = tool.map(|file| hosting::from_file(&file));
    let span = |span: Option<Span>| span.map(|span| json!(span));
    Ok(vec![
        ("as", personality.map(Value::from)),
        ("connect", active.then(|| "active".into())),
        ("session", session.map(Value::from)),
        ("tool", tool.transpose()?),
        ("t3", span(t3)),
        ("t5", span(t5)),
        ("t6", span(t6)),
        ("t7", span(t7)),
        ("t8", span(t8)),
        ("linktest", span(linktest)),
    ])
}

/// # Errors
/// Something is set twice.
fn settings(given: impl Iterator<Item = (String, Value)>) -> Result<Value, Failure> {
    let mut settings = Map::new();
    for (path, value) in given {
        let twice = || Failure::usage(format!("{path} is set twice; leave one out"));
        // `chaos.loss` is loss in chaos.
        let (table, key) = path.split_once('.').map_or((None, &*path), |(t, key)| (Some(t), key));
        let table = match table {
            None => &mut settings,
            Some(table) => {
                let inner = settings.entry(table).or_insert_with(|| Map::new().into());
                inner.as_object_mut().ok_or_else(twice)?
            }
        };
        if table.insert(key.to_owned(), value).is_some() {
            return Err(twice());
        }
    }
    Ok(settings.into())
}

/// The protocol of this name.
///
/// # Errors
/// There is none.
pub(crate) fn find(protocol: &str) -> Result<&'static dyn AnyProtocol, Failure> {
    registry::find(protocol).map_err(|e| Failure::usage(e.problem))
}

fn quirk(protocol: &dyn AnyProtocol, mode: &str, delay: Option<String>) -> Result<String, Failure> {
    let named = || Some(mode).filter(|mode| !mode.contains(char::is_whitespace));
    let mode = named().ok_or_else(|| Failure::usage("--mode is one word; see --help for them"))?;
    let wrong = |e: proto::ConfigError| Failure::usage(format!("--mode: {}", e.problem));
    protocol.check_quirk(mode).map_err(wrong)?;
    let Some(delay) = delay else { return Ok(mode.to_owned()) };
    let quirk = format!("{mode} {delay}");
    match protocol.check_quirk(&quirk) {
        Ok(()) => Ok(quirk),
        Err(_) => Err(Failure::usage(format!(
            "--delay has no effect in mode {mode}; choose a mode that waits, or leave it out"
        ))),
    }
}

fn address(host: &str, port: u16) -> Result<SocketAddr, Failure> {
    let unknown = |why: String| {
        Failure::environment(format!("--host: {host} is not known here: {why}; use an address"))
    };
    let mut addrs = (host, port).to_socket_addrs().map_err(|e| unknown(e.to_string()))?;
    addrs.next().ok_or_else(|| unknown("it has no address".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        let good = |text: &str| host(text.into()).unwrap();
        assert_eq!(good("lamp.local"), "lamp.local");
        assert_eq!(good("[::1]"), "::1");
        for bad in ["", "lamp:9000", "http://lamp", "a b", "lamp\n", &"x".repeat(300)] {
            assert!(host(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_delay_belongs_to_a_mode_that_waits() {
        let toggle = find("toggle").unwrap();
        assert_eq!(quirk(toggle, "delay", Some("2s".into())), Ok("delay 2s".into()));
        assert_eq!(quirk(toggle, "nack", None), Ok("nack".into()));
        assert!(quirk(toggle, "success", Some("2s".into())).is_err());
        assert!(quirk(toggle, "delay 1", None).is_err());
        assert!(quirk(toggle, "explode", None).is_err());
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
