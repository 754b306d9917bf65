//! TLS between two nodes that have proven themselves: 1.3, and for certificates their bare keys (RFC 7250).
//! Each shows the key that is its id; of the other, exactly one key will do. No names, no authorities.
use std::sync::Arc;

use proto::{
    CloseReason,
    tazcom::{Identity, NodeId, Role},
};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, Connection, DigitallySignedStruct,
    DistinguishedName, Error, OtherError, ServerConfig, ServerConnection, SignatureAlgorithm,
    SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::{
        AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::{CertifiedKey, Signer, SigningKey},
    version::TLS13,
};

use super::{Calendar, PROVIDER, begun};

/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410 §4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// TLS wants a name of whom it dials; it is neither sent nor looked at.
const NOBODY: &str = "node.invalid";

/// The end of this node, with that one at the other end and nobody else.
pub(crate) fn between(
    me: &Arc<Identity>,
    role: Role,
    peer: NodeId,
) -> Result<Connection, CloseReason> {
    showing(me, me.id(), role, peer)
}

/// The same, of one that shows the key of `shown`, whoever it is itself.
pub(super) fn showing(
    me: &Arc<Identity>,
    shown: NodeId,
    role: Role,
    peer: NodeId,
) -> Result<Connection, CloseReason> {
    let certificate = CertificateDer::from(spki(shown));
    let key = Arc::new(CertifiedKey::new(vec![certificate], Arc::new(Key(me.clone()))));
    let only = Arc::new(Only(peer));
    begun(match role {
        Role::Dialer => ClientConnection::new(
            Arc::new(dialling(key, only)),
            ServerName::try_from(NOBODY).expect("it is a name"),
        )
        .map(Connection::Client),
        Role::Listener => {
            ServerConnection::new(Arc::new(listening(key, only))).map(Connection::Server)
        }
    })
}

fn dialling(key: Arc<CertifiedKey>, only: Arc<Only>) -> ClientConfig {
    let mut config = ClientConfig::builder_with_details(PROVIDER.clone(), Arc::new(Calendar))
        .with_protocol_versions(&[&TLS13])
        .expect("1.3 has its cipher suites")
        .dangerous()
        .with_custom_certificate_verifier(only)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(key)));
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    config
}

fn listening(key: Arc<CertifiedKey>, only: Arc<Only>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_details(PROVIDER.clone(), Arc::new(Calendar))
        .with_protocol_versions(&[&TLS13])
        .expect("1.3 has its cipher suites")
        .with_client_cert_verifier(only)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}

fn spki(id: NodeId) -> Vec<u8> {
    [&SPKI[..], id.as_bytes()].concat()
}

/// A node's key, which stays where it is.
#[derive(Clone, Debug)]
struct Key(Arc<Identity>);

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::ED25519).then(|| Box::new(self.clone()) as _)
    }
    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(spki(self.0.id()).into())
    }
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).to_vec())
    }
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// Takes this node's key and no other.
#[derive(Debug)]
struct Only(NodeId);

#[derive(Debug, thiserror::Error)]
#[error("it shows another key than the one it has proven to have")]
struct AnotherKey;

impl Only {
    fn is_shown(&self, key: &CertificateDer<'_>) -> Result<(), Error> {
        if **key == *spki(self.0) {
            return Ok(());
        }
        let another = CertificateError::Other(OtherError(Arc::new(AnotherKey)));
        Err(Error::InvalidCertificate(another))
    }
    fn signed(
        &self,
        message: &[u8],
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let signature = <&[u8; 64]>::try_from(dss.signature()).ok();
        match signature.filter(|_| dss.scheme == SignatureScheme::ED25519) {
            Some(signature) if self.0.signed(message, signature) => {
                Ok(HandshakeSignatureValid::assertion())
            }
            Some(_) | None => Err(Error::InvalidCertificate(CertificateError::BadSignature)),
        }
    }
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.is_shown(end_entity).map(|()| ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("links are TLS 1.3".into()))
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Only {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.is_shown(end_entity).map(|()| ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("links are TLS 1.3".into()))
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        _: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
