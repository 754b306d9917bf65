//! Where equipment is and how to treat it: flags go before the environment, that before the file.
use std::{fs, net::SocketAddr, path::Path};

use proto::{
    Policy, Protocol, RawPolicy,
    hsms::{Connect, Hsms, Settings},
};
use serde::de::DeserializeOwned;

use crate::{
    args::{HostArgs, HsmsServer},
    exit::Failure,
};

/// What any command of `wirelab hsms` is to do it with.
pub(crate) struct Hosting {
    /// HOST:PORT.
    pub(crate) addr: String,
    pub(crate) hsms: Hsms,
    pub(crate) policy: RawPolicy,
    pub(crate) json: bool,
    pub(crate) establish: bool,
}

/// # Errors
/// A setting that cannot be, or a file that cannot be read.
pub(crate) fn hosting(addr: Option<String>, args: HostArgs) -> Result<Hosting, Failure> {
    let HostArgs {
        server,
        active,
        passive,
        session,
        t3,
        t5,
        t6,
        t7,
        t8,
        linktest,
        linktest_threshold,
        conformance,
        max_message,
        config,
        breaker_threshold,
        breaker_open,
        establish,
        deadline,
        json,
    } = args;
    let d = config.as_deref().map_or_else(|| Ok(Settings::default()), from_file::<Settings>)?;
    let hsms = Hsms::new(Settings {
        connect: match (active, passive) {
            (true, _) => Some(Connect::Active),
            (_, true) => Some(Connect::Passive),
            (false, false) => d.connect,
        },
        session: session.unwrap_or(d.session),
        t3: t3.unwrap_or(d.t3),
        t5: t5.unwrap_or(d.t5),
        t6: t6.unwrap_or(d.t6),
        t7: t7.unwrap_or(d.t7),
        t8: t8.unwrap_or(d.t8),
        linktest: linktest.or(d.linktest),
        linktest_threshold: linktest_threshold.unwrap_or(d.linktest_threshold),
        conformance: conformance.unwrap_or(d.conformance),
        max_message: max_message.unwrap_or(d.max_message),
        ..d
    })?;
    let mut policy = RawPolicy { deadline, ..hsms.policy() };
    if let Some(breaker) = &mut policy.breaker {
        breaker.threshold = breaker_threshold.unwrap_or(breaker.threshold);
        breaker.open_for = breaker_open.unwrap_or(breaker.open_for);
        breaker.max_open = breaker.max_open.max(breaker.open_for);
    }
    Policy::new::<Hsms>(policy.clone())?;
    let server = Server::of(server)?;
    Ok(Hosting { addr: server.or_usual(addr), hsms, policy, json, establish })
}

/// What the environment says about where an HSMS device is.
pub(crate) struct Server {
    host: Option<String>,
    port: Option<u16>,
}

impl Server {
    /// # Errors
    /// The port is no number.
    pub(crate) fn of(HsmsServer { host, port }: HsmsServer) -> Result<Self, Failure> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let port = given(port).map(|text| {
            let wrong = |_| Failure::usage(format!("HSMS_SERVER_PORT: `{text}` is no port"));
            text.parse::<u16>().map_err(wrong)
        });
        Ok(Self { host: given(host), port: port.transpose()? })
    }
    /// HOST:PORT, if anything is said.
    pub(crate) fn named(self) -> Option<String> {
        let anything = self.host.is_some() || self.port.is_some();
        anything.then(|| self.or_usual(None))
    }
    /// HOST:PORT: what was typed goes first, then what is said here, then the usual.
    fn or_usual(self, typed: Option<String>) -> String {
        let host = typed.or(self.host).unwrap_or_else(|| "127.0.0.1".into());
        whole(host, self.port.unwrap_or(Hsms::PORT))
    }
}

/// HOST:PORT, with this port if there is none.
fn whole(addr: String, port: u16) -> String {
    let has_port = addr.parse::<SocketAddr>().is_ok()
        || (addr.matches(':').count() == 1 && !addr.ends_with(':'));
    if has_port {
        return addr;
    }
    let bare = addr.trim_start_matches('[').trim_end_matches([']', ':']);
    if bare.contains(':') { format!("[{bare}]:{port}") } else { format!("{bare}:{port}") }
}

/// What a TOML file says.
///
/// # Errors
/// It cannot be read, or says something else.
pub(super) fn from_file<T: DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    let wrong = |e: String| Failure::usage(format!("{}: {e}", file.display()));
    let text = fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
    toml::from_str(&text).map_err(|e| wrong(e.to_string().replace('\n', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, port: &str) -> HsmsServer {
        HsmsServer { host: Some(host.into()), port: Some(port.into()) }
    }

    #[test]
    fn what_was_typed_goes_before_the_environment_and_that_before_the_usual() {
        let where_is = |typed: Option<&str>, host, port| {
            Server::of(server(host, port)).unwrap().or_usual(typed.map(Into::into))
        };
        assert_eq!(where_is(None, "", ""), "127.0.0.1:5000");
        assert_eq!(where_is(None, "etcher", "5001"), "etcher:5001");
        assert_eq!(where_is(None, "::1", ""), "[::1]:5000");
        assert_eq!(where_is(None, "etcher:5002", "5001"), "etcher:5002");
        assert_eq!(where_is(Some("litho"), "etcher", "5001"), "litho:5001");
        assert_eq!(where_is(Some("[::1]:7"), "etcher", "5001"), "[::1]:7");
    }

    #[test]
    fn an_environment_that_says_nothing_names_nobody() {
        assert_eq!(Server::of(server("", "")).unwrap().named(), None);
        assert_eq!(Server::of(server("", "5001")).unwrap().named().unwrap(), "127.0.0.1:5001");
        assert!(Server::of(server("etcher", "many")).is_err());
    }
}
