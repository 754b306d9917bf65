//! TLS on the two sides of a proxy.
use std::path::PathBuf;

use clap::Args;

/// Where a proxy ends TLS.
#[derive(Debug, Args)]
pub(crate) struct TlsArgs {
    /// Speaks TLS with whoever dials; with a certificate made now, unless --cert says which.
    #[arg(long, requires = "listen")]
    pub(crate) tls: bool,
    /// The certificate to show, PEM.
    #[arg(long, value_name = "PATH", requires = "tls", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The key that belongs to it, PEM.
    #[arg(long, value_name = "PATH", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Writes the certificate made now to this file, PEM, for those who are to trust it.
    #[arg(long, value_name = "PATH", requires = "tls", conflicts_with = "cert")]
    pub(crate) cert_out: Option<PathBuf>,
    /// Speaks TLS with the target, whoever that is.
    #[arg(long, requires = "to")]
    pub(crate) to_tls: bool,
    /// With --to-tls, nobody but who shows a certificate of this file, or one that those signed; PEM.
    #[arg(long, value_name = "PATH", requires = "to_tls")]
    pub(crate) ca: Option<PathBuf>,
    /// With --to-tls, the name to ask for and to expect; the host of --to, if left out.
    #[arg(long, value_name = "NAME", requires = "to_tls")]
    pub(crate) server_name: Option<String>,
}
