//! Whether what was typed for proxies makes sense: `proxy`, `record` and `replay`.
use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use lab::registry::AnyProtocol;
use net::{
    Tls,
    proxy::{Rule, Speech},
};
use proto::cover::NewCover;

use super::{entropy, find, tls};
use crate::{
    args::{ProxyArgs, RecordArgs, ReplayArgs, Side, TlsArgs},
    exit::Failure,
};

/// What `wirelab proxy` is to carry.
pub(crate) struct Carrying {
    pub(crate) first: Option<First>,
    pub(crate) seed: u64,
    pub(crate) http_port: Option<u16>,
    pub(crate) api: Option<SocketAddr>,
    pub(crate) evidence: Option<PathBuf>,
    pub(crate) raw: bool,
    pub(crate) show_secrets: bool,
}

/// The proxy that is there from the start.
pub(crate) struct First {
    pub(crate) listen: SocketAddr,
    pub(crate) to: String,
    pub(crate) target: Vec<SocketAddr>,
    pub(crate) speech: Option<Speech>,
    /// Where TLS ends.
    pub(crate) tls: Tls,
    pub(crate) faults: Vec<Rule>,
}

/// What `wirelab replay` is to play.
pub(crate) struct Replaying {
    pub(crate) file: PathBuf,
    pub(crate) side: Side,
    /// Where it listens, or dials.
    pub(crate) addrs: Vec<SocketAddr>,
    /// Whose frames are compared; none if it is bytes.
    pub(crate) protocol: Option<&'static dyn AnyProtocol>,
    /// What keeps its secrets out of what is told.
    pub(crate) cover: NewCover,
    pub(crate) patience: Duration,
    pub(crate) json: bool,
}

/// # Errors
/// What makes no sense, by the name of its flag; or a host is not known.
pub(crate) fn carrying(args: ProxyArgs) -> Result<Carrying, Failure> {
    let ProxyArgs {
        listen,
        to,
        protocol,
        tls,
        fault,
        seed,
        http_port,
        api,
        evidence,
        raw,
        show_secrets,
        list_faults: _,
    } = args;
    let api = api.map(|addr| address("--api", &addr)).transpose()?;
    let first = match (listen, to) {
        (Some(listen), Some(to)) => Some(first(&listen, to, protocol, tls, &fault)?),
        _ if http_port.is_none() && api.is_none() => {
            let problem = "nothing to carry: give --listen and --to, or --api to be told later";
            return Err(Failure::usage(problem));
        }
        _ => None,
    };
    let seed = seed.map_or_else(entropy, Ok)?;
    Ok(Carrying { first, seed, http_port, api, evidence, raw, show_secrets })
}

/// # Errors
/// A host is not known.
pub(crate) fn recording(args: RecordArgs) -> Result<Carrying, Failure> {
    let RecordArgs { listen, to, out, protocol, tls, show_secrets } = args;
    let first = Some(first(&listen, to, protocol, tls, &[])?);
    let evidence = Some(out);
    let (http_port, api, raw) = (None, None, false);
    Ok(Carrying { first, seed: 0, http_port, api, evidence, raw, show_secrets })
}

fn first(
    listen: &str,
    to: String,
    protocol: Option<String>,
    tls: TlsArgs,
    faults: &[String],
) -> Result<First, Failure> {
    let speech = protocol.map(|name| find(&name)).transpose()?.map(|protocol| protocol.speech());
    let rule = |text: &String| match text.parse::<Rule>() {
        Ok(rule) if rule.needs_frames() && speech.is_none() => Err(Failure::usage(format!(
            "--fault {text}: which frames? say with --protocol what is spoken"
        ))),
        Ok(rule) => Ok(rule),
        Err(e) => Err(Failure::usage(format!("--fault {text}: {e}"))),
    };
    let faults = faults.iter().map(rule).collect::<Result<_, _>>()?;
    let target = addresses("--to", &to)?;
    let listen = address("--listen", listen)?;
    let tls = tls::ended(tls, listen, &to)?;
    Ok(First { listen, to, target, speech, tls, faults })
}

/// # Errors
/// What makes no sense, by the name of its flag; or a host is not known.
pub(crate) fn replaying(args: ReplayArgs) -> Result<Replaying, Failure> {
    let ReplayArgs { file, side, listen, to, protocol, exact, patience, json } = args;
    let addrs = match (side, listen, to) {
        (Side::Device, Some(listen), None) => addresses("--listen", &listen)?,
        (Side::Client, None, Some(to)) => addresses("--to", &to)?,
        (Side::Device, _, _) => return Err(Failure::usage("as the device, it needs --listen")),
        (Side::Client, _, _) => return Err(Failure::usage("as the client, it needs --to")),
    };
    if patience.0.is_zero() {
        return Err(Failure::usage("--patience must be longer than 0"));
    }
    let protocol = protocol.map(|name| find(&name)).transpose()?;
    let cover = protocol.and_then(|protocol| protocol.cover());
    let protocol = protocol.filter(|_| !exact);
    Ok(Replaying { file, side, addrs, protocol, cover, patience: patience.0, json })
}

pub(super) fn address(flag: &str, text: &str) -> Result<SocketAddr, Failure> {
    addresses(flag, text).map(|addrs| addrs[0])
}

/// At least one.
fn addresses(flag: &str, text: &str) -> Result<Vec<SocketAddr>, Failure> {
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() {
        let problem = format!("{flag}: `{text}` should be like 127.0.0.1:9000");
        return Err(Failure::usage(problem));
    }
    let unknown = |why: String| {
        Failure::environment(format!("{flag}: {text} is not known here: {why}; use an address"))
    };
    let addrs: Vec<_> = text.to_socket_addrs().map_err(|e| unknown(e.to_string()))?.collect();
    if addrs.is_empty() { Err(unknown("it has no address".into())) } else { Ok(addrs) }
}
