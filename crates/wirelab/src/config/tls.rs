//! Whether what was typed about TLS makes sense: certificates from files, or one made now.
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use net::{Tls, TlsClient, TlsServer, Trust};

use crate::{args::TlsArgs, exit::Failure, text};

/// Where a proxy that listens here and carries to there ends TLS.
///
/// # Errors
/// A file that cannot be read or written, or that holds something else.
pub(crate) fn ended(args: TlsArgs, listen: SocketAddr, to: &str) -> Result<Tls, Failure> {
    let TlsArgs { tls, cert, key, cert_out, to_tls, ca, server_name } = args;
    let name = server_name.as_deref().unwrap_or(host_of(to));
    let here = listen.ip().to_string();
    let listening = match (tls, cert.zip(key)) {
        (false, _) => None,
        (true, Some((cert, key))) => Some(read(&cert, &key)?),
        // In the name of whom it stands in for, and of where it does.
        (true, None) => Some(made(&[name, &here, "localhost"], cert_out.as_deref())?),
    };
    let dialling = to_tls.then(|| trusting(ca, name)).transpose()?;
    Ok(Tls { dialling, listening })
}

/// The certificate in these files.
///
/// # Errors
/// They cannot be read, or do not hold it.
pub(crate) fn read(cert: &Path, key: &Path) -> Result<TlsServer, Failure> {
    let read = |flag: &str, path: &Path| {
        let unreadable = |e| Failure::usage(format!("{flag}: {}: {e}", path.display()));
        std::fs::read_to_string(path).map_err(unreadable)
    };
    Ok(TlsServer::new(&read("--cert", cert)?, &read("--key", key)?)?)
}

/// A certificate made now for these names, which is written to `out`.
///
/// # Errors
/// A name that cannot be one, or the file is not writable.
pub(crate) fn made(names: &[&str], out: Option<&Path>) -> Result<TlsServer, Failure> {
    let server = TlsServer::self_signed(names)?;
    if let Some(path) = out {
        let unwritable = |e| text::unwritable(&path.display().to_string(), &e);
        std::fs::write(path, server.certificates()).map_err(unwritable)?;
    }
    Ok(server)
}

/// TLS with whoever has a certificate of this file; with anybody, if there is none.
///
/// # Errors
/// The file cannot be read, or holds no certificate; or the name cannot be one.
pub(crate) fn trusting(ca: Option<PathBuf>, name: &str) -> Result<TlsClient, Failure> {
    let trust = match ca {
        None => Trust::Anybody,
        Some(path) => {
            let unreadable = |e| Failure::usage(format!("--ca: {}: {e}", path.display()));
            Trust::Certificates(std::fs::read_to_string(&path).map_err(unreadable)?)
        }
    };
    Ok(TlsClient::new(trust, name)?)
}

/// The host in `host:port`, or in what has no port.
pub(crate) fn host_of(addr: &str) -> &str {
    addr.rsplit_once(':').map_or(addr, |(host, _)| host).trim_matches(['[', ']'])
}
