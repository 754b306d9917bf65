//! Encrypted connections: TLS 1.3 and 1.2 by rustls, which never sees a socket. A [`crate::Env`] says which
//! of its connections are encrypted from their first byte; links between TAZCOM nodes become so later.
//!
//! The record has what is said, not what it was encrypted to: `Sent` and `Received` hold plaintext, and
//! handshakes leave only how they ended. What counts as written or acknowledged is on the wire.
mod layer;
mod raw_key;
mod trust;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use proto::{CloseReason, ConfigError};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, Connection, Error, InvalidMessage,
    ServerConfig, ServerConnection,
    client::Resumption,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    server::NoServerSessionStorage,
    time_provider::TimeProvider,
};

pub(crate) use layer::{Layer, News};
pub(crate) use raw_key::between;
pub use trust::Trust;

/// Which connections are encrypted from their first byte. None of them, unless said so.
#[derive(Clone, Default)]
pub struct Tls {
    /// Those that are dialled.
    pub dialling: Option<TlsClient>,
    /// Those that are accepted.
    pub listening: Option<TlsServer>,
}

/// How an end that is dialled shows who it is.
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    certificates: Arc<str>,
}

impl TlsServer {
    /// With these certificates, its own first, and the key to that, all of them PEM.
    ///
    /// # Errors
    /// They are none, or do not belong together.
    pub fn new(certificates: &str, key: &str) -> Result<Self, ConfigError> {
        Self::in_versions(rustls::ALL_VERSIONS, certificates, key)
    }
    /// With a new key, and a certificate for these names and addresses that it signs itself. Whoever is to
    /// trust it needs [`TlsServer::certificates`].
    ///
    /// # Errors
    /// A name that cannot be one, or no chance to be had for a key.
    pub fn self_signed(names: &[&str]) -> Result<Self, ConfigError> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names);
        let rcgen::CertifiedKey { cert, signing_key } = made.map_err(|e| {
            wrong("tls.names", &format!("no certificate can be made for these: {e}"))
        })?;
        Self::new(&cert.pem(), &signing_key.serialize_pem())
    }
    /// Its certificates, PEM.
    pub fn certificates(&self) -> &str {
        &self.certificates
    }
    pub(crate) fn begin(&self) -> Result<Connection, CloseReason> {
        begun(ServerConnection::new(self.config.clone()).map(Connection::Server))
    }
    fn in_versions(
        versions: &[&'static rustls::SupportedProtocolVersion],
        certificates: &str,
        key: &str,
    ) -> Result<Self, ConfigError> {
        let chain = read_certificates("tls.certificate", certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| {
            wrong(
                "tls.key",
                &format!("is no private key in PEM, as -----BEGIN PRIVATE KEY-----: {e}"),
            )
        })?;
        let mut config = ServerConfig::builder_with_details(PROVIDER.clone(), Arc::new(Calendar))
            .with_protocol_versions(versions)
            .expect("every version has its cipher suites")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|e| wrong("tls.key", &format!("does not go with the certificate: {e}")))?;
        // Each connection starts from nothing.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), certificates: certificates.into() })
    }
}

/// Whom an end that dials takes for the right one.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsClient {
    /// One that trusts so, and expects somebody of this name; an address is a name as well.
    ///
    /// # Errors
    /// No certificates to trust, or a name that cannot be one.
    pub fn new(trust: Trust, name: &str) -> Result<Self, ConfigError> {
        Self::in_versions(rustls::ALL_VERSIONS, trust, name)
    }
    pub(crate) fn begin(&self) -> Result<Connection, CloseReason> {
        let tls = ClientConnection::new(self.config.clone(), self.name.clone());
        begun(tls.map(Connection::Client))
    }
    fn in_versions(
        versions: &[&'static rustls::SupportedProtocolVersion],
        trust: Trust,
        name: &str,
    ) -> Result<Self, ConfigError> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| wrong("tls.name", "is neither a host name nor an address"))?;
        let mut config = ClientConfig::builder_with_details(PROVIDER.clone(), Arc::new(Calendar))
            .with_protocol_versions(versions)
            .expect("every version has its cipher suites")
            .dangerous()
            .with_custom_certificate_verifier(trust.verifier()?)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), name })
    }
}

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(ring::default_provider()));

/// Certificates are good for a while of real time, also where time is virtual.
#[derive(Debug)]
struct Calendar;

impl TimeProvider for Calendar {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(crate::env::today().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

fn wrong(key: &str, problem: &str) -> ConfigError {
    ConfigError::new(key, problem)
}

fn read_certificates(key: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(read) if !read.is_empty() => Ok(read),
        Ok(_) => Err(wrong(key, "holds no certificate in PEM, as -----BEGIN CERTIFICATE-----")),
        Err(e) => Err(wrong(key, &format!("is no certificate in PEM: {e}"))),
    }
}

fn begun(tls: Result<Connection, Error>) -> Result<Connection, CloseReason> {
    tls.map_err(|e| CloseReason::Failed(format!("TLS could not begin: {e}")))
}

/// What a failure is to the connection, and whose fault it is. `open` is after the handshake.
fn reason(error: &Error, open: bool) -> CloseReason {
    match error {
        Error::AlertReceived(alert) if open => {
            CloseReason::Refused(format!("the peer ended it with the TLS alert {alert:?}"))
        }
        Error::AlertReceived(alert) => CloseReason::Refused(format!(
            "the peer refused the TLS handshake with the alert {alert:?}; see there, and what it was shown"
        )),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) if !open => {
            CloseReason::Misbehaved("it speaks no TLS where TLS must begin".into())
        }
        // rustls has no words for what our own judges say.
        Error::InvalidCertificate(CertificateError::Other(e)) => {
            CloseReason::Misbehaved(e.to_string())
        }
        Error::InvalidCertificate(e) => CloseReason::Misbehaved(format!(
            "its certificate is not taken: {e}; it is somebody else, or what is trusted here is wrong"
        )),
        Error::DecryptError if open => {
            CloseReason::Misbehaved("bytes that were changed, or encrypted with other keys".into())
        }
        e if open => CloseReason::Misbehaved(format!("TLS: {e}")),
        e => CloseReason::Misbehaved(format!("in the TLS handshake: {e}")),
    }
}

#[cfg(test)]
mod tests;
