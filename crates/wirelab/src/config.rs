//! Whether what was typed makes sense together, and what it comes to. Commands get these values and
//! ask no further.
mod hosting;
mod node;
pub(crate) mod proxy;
pub(crate) mod tls;
mod toggling;

use std::net::{SocketAddr, ToSocketAddrs};

use lab::registry::{self, AnyDevice, AnyProtocol};
use net::TlsClient;
use proto::Span;
use serde_json::{Map, Value, json};

use crate::{
    args::{DeviceArgs, EquipmentArgs, Form},
    descriptors,
    exit::Failure,
};

pub(crate) use hosting::{Hosting, Server, hosting};
pub(crate) use node::{Living, VERSION, living};
pub(crate) use toggling::{
    Asking, Commands, Group, Linger, Report, Scraping, Toggling, Way, toggling,
};

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
    fn a_delay_belongs_to_a_mode_that_waits() {
        let toggle = find("toggle").unwrap();
        assert_eq!(quirk(toggle, "delay", Some("2s".into())), Ok("delay 2s".into()));
        assert_eq!(quirk(toggle, "nack", None), Ok("nack".into()));
        assert!(quirk(toggle, "success", Some("2s".into())).is_err());
        assert!(quirk(toggle, "delay 1", None).is_err());
        assert!(quirk(toggle, "explode", None).is_err());
    }
}
