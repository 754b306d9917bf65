//! Who a node is: an Ed25519 key pair, and the id that is its public half. Files are somebody else's
//! business, and so is where the 32 random bytes of a new key come from.
use std::{fmt, str::FromStr};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::{ConfigError, python_json};

/// A node's id: its public key, written as 43 characters of base64url. Ids that differ only in case are
/// different nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 32]);

impl NodeId {
    /// Characters of an id.
    pub const LEN: usize = 43;

    /// The id of this public key.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// The public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// The first eight characters, for names and narrow columns. It proves nothing.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
    /// Whether this node signed these bytes. A weak key or a malleable signature is a no.
    pub fn signed(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(bytes, &signature).is_ok())
    }
    /// Its key for agreeing on secrets; none if the id is no point on the curve.
    pub(super) fn agreement_key(&self) -> Option<[u8; 32]> {
        VerifyingKey::from_bytes(&self.0).ok().map(|key| key.to_montgomery().to_bytes())
    }
}

/// Text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 43 characters of A-Z a-z 0-9 - _, and encodes 32 bytes; this is none")]
pub struct NotAnId;

impl FromStr for NodeId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != Self::LEN {
            return Err(NotAnId);
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| NotAnId)?;
        bytes.try_into().map(Self).map_err(|_| NotAnId)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for NodeId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A node's key pair. It is wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
    id: NodeId,
}

impl Identity {
    /// The identity of 32 secret bytes, which must be random and nobody else's.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        let id = NodeId(key.verifying_key().to_bytes());
        Self { key, id }
    }
    /// The same key under an id that is not its own: what an impostor has.
    pub(super) fn claiming(self, id: NodeId) -> Self {
        Self { id, ..self }
    }
    /// The public half.
    pub fn id(&self) -> NodeId {
        self.id
    }
    /// Signs these bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
    /// The secret half of [`NodeId::agreement_key`].
    pub(super) fn agreement_secret(&self) -> [u8; 32] {
        self.key.to_scalar_bytes()
    }
    /// Reads the text of a `node.key`, with the time it says it was made.
    ///
    /// # Errors
    /// It is no such text. The message never quotes it.
    pub fn from_key_file(text: &str) -> Result<(Self, String), ConfigError> {
        let wrong = |problem: &str| ConfigError::new("node.key", problem);
        let file: KeyFile = serde_json::from_str(text).map_err(|e| {
            let place = format!("line {}, column {}", e.line(), e.column());
            wrong(&format!(r#"is not {{"signing_key": …, "created": …}} ({place})"#))
        })?;
        let KeyFile { signing_key, created } = file;
        let seed = BASE64.decode(signing_key.as_bytes()).ok().and_then(|s| s.try_into().ok());
        let seed = seed.ok_or_else(|| wrong("signing_key must be 32 bytes in base64"))?;
        Ok((Self::from_seed(seed), created))
    }
    /// The text of a `node.key`, made at this time, with the secret in it.
    pub fn to_key_file(&self, created: &str) -> String {
        let signing_key = BASE64.encode(self.key.as_bytes());
        let mut text = Vec::new();
        python_json::append(&mut text, &KeyFile { signing_key, created: created.to_owned() });
        String::from_utf8(text).expect("JSON is text")
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.id)
    }
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    signing_key: String,
    created: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, test 1.
    const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn known() -> Identity {
        let file = format!(r#"{{"signing_key": "{SEED}", "created": "2025-07-01T10:00:00"}}"#);
        let (identity, created) = Identity::from_key_file(&file).unwrap();
        assert_eq!(created, "2025-07-01T10:00:00");
        assert_eq!(identity.to_key_file(&created), file);
        identity
    }

    #[test]
    fn the_key_of_the_rfc_has_the_id_and_the_signature_of_the_rfc() {
        let identity = known();
        assert_eq!(identity.id().to_string(), PUBLIC);
        let signature = identity.sign(b"");
        assert_eq!(signature[..4], [0xe5, 0x56, 0x43, 0x00]);
        assert!(identity.id().signed(b"", &signature));
        assert!(!identity.id().signed(b"x", &signature));
    }

    #[test]
    fn ids_are_exact() {
        let id: NodeId = PUBLIC.parse().unwrap();
        assert_eq!(id.to_string(), PUBLIC);
        // Of the last character only four bits count; the other two must be zero.
        let loose = PUBLIC.replace("URo", "URp");
        let short = &PUBLIC[1..];
        let padded = format!("{short}=");
        for wrong in ["", short, &padded, &format!("{PUBLIC}A"), &loose, &PUBLIC.replace('_', "/")]
        {
            assert_eq!(wrong.parse::<NodeId>(), Err(NotAnId), "{wrong}");
        }
    }

    #[test]
    fn ids_that_differ_only_in_case_are_two() {
        let (a, b): (NodeId, NodeId) =
            (PUBLIC.parse().unwrap(), PUBLIC.replace("qYA", "QyA").parse().unwrap());
        assert_ne!(a, b);
    }

    #[test]
    fn an_id_may_begin_with_a_dash() {
        let id = NodeId::from_bytes([0xfb; 32]);
        assert!(id.to_string().starts_with("-_v7"));
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn the_secret_is_never_printed() {
        let (identity, file) = (known(), format!(r#"{{"signing_key": "{SEED}""#));
        assert!(!format!("{identity:?}").contains(&SEED[..8]));
        for text in [&*file, r#"{"signing_key": "nWGx", "created": ""}"#, "", "[]"] {
            let problem = Identity::from_key_file(text).unwrap_err().to_string();
            assert!(problem.contains("signing_key") && !problem.contains("nWGx"), "{problem}");
        }
    }

    /// The point of order 1 would accept signatures over anything.
    #[test]
    fn a_weak_key_signs_nothing() {
        let mut weak = [0; 32];
        weak[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!NodeId::from_bytes(weak).signed(b"anything", &signature));
    }
}
