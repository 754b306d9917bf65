//! Whose certificates count.
use std::sync::Arc;

use proto::ConfigError;
use rustls::{
    DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{PROVIDER, read_certificates, wrong};

/// Whose certificates count.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Each of these, PEM, whatever name it says; and those that one of these has signed, for the name
    /// that is expected.
    Certificates(String),
    /// Anybody's. What is said is encrypted, and nobody knows with whom.
    Anybody,
}

impl Trust {
    pub(super) fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, ConfigError> {
        let pem = match self {
            Self::Anybody => return Ok(Arc::new(Judge { pinned: Vec::new(), signed: None })),
            Self::Certificates(pem) => pem,
        };
        let pinned = read_certificates("tls.trust", pem)?;
        let unusable = |e: &dyn std::fmt::Display| {
            wrong("tls.trust", &format!("holds a certificate that cannot be used: {e}"))
        };
        let mut roots = RootCertStore::empty();
        for certificate in &pinned {
            roots.add(certificate.clone()).map_err(|e| unusable(&e))?;
        }
        let signed = WebPkiServerVerifier::builder_with_provider(roots.into(), PROVIDER.clone());
        let signed = Some(signed.build().map_err(|e| unusable(&e))?);
        Ok(Arc::new(Judge { pinned, signed }))
    }
}

/// Decides; with no signers, for everybody.
#[derive(Debug)]
struct Judge {
    /// A certificate that signs itself often says that it may sign others, and then rustls takes it for
    /// no server's. But whoever gives it to us means it.
    pinned: Vec<CertificateDer<'static>>,
    signed: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.signed {
            None => Ok(ServerCertVerified::assertion()),
            Some(_) if self.pinned.iter().any(|pinned| **pinned == **end_entity) => {
                Ok(ServerCertVerified::assertion())
            }
            Some(signed) => signed.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
        }
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &PROVIDER.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &PROVIDER.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}
