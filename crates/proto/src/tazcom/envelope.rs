//! What is gossiped: a payload that nobody can change under way, since its author signed its very bytes
//! and its id is their hash. How far it has come is no part of it.
use std::{fmt, str::FromStr, sync::Arc};

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Identity, NodeId};
use crate::python_json;

/// What is signed begins with this, so that no signature means something elsewhere.
const DOMAIN: &[u8] = b"tazcom 0.3 message\0";

/// A message's id: the SHA-256 of its payload, written as 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 32]);

impl MessageId {
    /// The id of this payload.
    pub fn of(payload: &str) -> Self {
        Self(Sha256::digest(payload).into())
    }
    /// The id under which a message of version 0.2 is known here: over all it says but its hop count.
    pub(super) fn of_legacy(msg_id: &str, from: NodeId, timestamp: &str, content: &str) -> Self {
        let mut hash = Sha256::new_with_prefix(b"tazcom 0.2 chat\0");
        hash.update(from.as_bytes());
        for text in [msg_id, timestamp, content] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok().and_then(|b| b.try_into().ok());
        bytes.map(Self).ok_or_else(|| "a message id is 32 bytes in base64url".into())
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a message says, and who says it when to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Who signed it.
    pub author: NodeId,
    /// The channel it belongs to.
    pub channel: Arc<str>,
    /// When it was written, in milliseconds since 1970.
    pub created: u64,
    /// When it is to be forgotten, in milliseconds since 1970.
    pub expires: u64,
    /// The rest, by kind.
    #[serde(flatten)]
    pub body: Body,
}

/// The kinds of messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// For everybody on the channel.
    Chat {
        /// The words.
        text: Arc<str>,
    },
    /// For one node's eyes. What it says is sealed, that it was sent is not.
    Private {
        /// Who can open it.
        to: NodeId,
        /// What [`seal`](super::private::seal) made of it.
        sealed: Arc<str>,
    },
    /// Help is needed. It is open until somebody says otherwise.
    Alert {
        /// Whose help.
        need: Need,
        /// The words.
        text: Arc<str>,
    },
    /// Something became of an alert.
    Progress {
        /// Which.
        alert: MessageId,
        /// What.
        state: AlertState,
    },
    /// The author has seen an alert.
    Seen {
        /// Which.
        alert: MessageId,
    },
}

impl Body {
    /// It goes ahead of all chat.
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Alert { .. } | Self::Progress { .. } => true,
            Self::Chat { .. } | Self::Private { .. } | Self::Seen { .. } => false,
        }
    }
}

/// Whose help an alert asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Medical.
    Medical,
    /// Water.
    Water,
    /// Technical.
    Technical,
    /// Legal.
    Legal,
    /// Any other.
    Other,
}

/// What became of an alert. It only ever goes on, from the first to the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody has answered.
    #[default]
    Open,
    /// Somebody is on it.
    Taken,
    /// It is over.
    Resolved,
}

/// A payload as it travels: the bytes its author signed, and the signature, neither of them checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// The payload's JSON, byte for byte.
    pub text: Arc<str>,
    /// The author's signature.
    pub signature: [u8; 64],
}

/// Why a parcel is not believed. [`reason`](Forged::reason) is its short name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// No payload.
    #[error("the payload is none: {0}")]
    Payload(String),
    /// Its author did not sign it.
    #[error("{0} did not sign this")]
    Signature(NodeId),
}

impl Forged {
    /// A short name from a closed list, fit for a metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Payload(_) => "payload",
            Self::Signature(_) => "signature",
        }
    }
}

impl Parcel {
    /// Packs a payload of this author, who is put into it.
    pub fn pack(author: &Identity, payload: &Payload) -> Self {
        let mut text = Vec::with_capacity(256);
        python_json::append(&mut text, &Payload { author: author.id(), ..payload.clone() });
        let signature = author.sign(&[DOMAIN, &text].concat());
        let text = String::from_utf8(text).expect("JSON is text");
        Self { text: text.into(), signature }
    }
    /// The message's id, whether or not it is sound.
    pub fn id(&self) -> MessageId {
        MessageId::of(&self.text)
    }
    /// What it says, if its author says so.
    ///
    /// # Errors
    /// It is no payload, or its author did not sign it.
    pub fn open(&self) -> Result<Payload, Forged> {
        let payload: Payload =
            serde_json::from_str(&self.text).map_err(|e| Forged::Payload(e.to_string()))?;
        let signed = [DOMAIN, self.text.as_bytes()].concat();
        if !payload.author.signed(&signed, &self.signature) {
            return Err(Forged::Signature(payload.author));
        }
        Ok(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat() -> Payload {
        Payload {
            author: NodeId::from_bytes([9; 32]),
            channel: "#mainfloor".into(),
            created: 1_700_000_000_000,
            expires: 1_700_000_600_000,
            body: Body::Chat { text: "ciao ☀".into() },
        }
    }

    #[test]
    fn what_was_packed_is_opened_and_names_who_packed_it() {
        let author = Identity::from_seed([1; 32]);
        let parcel = Parcel::pack(&author, &chat());
        let opened = parcel.open().unwrap();
        assert_eq!(opened, Payload { author: author.id(), ..chat() });
        assert!(parcel.text.is_ascii());
    }

    #[test]
    fn no_byte_of_it_can_be_changed() {
        let parcel = Parcel::pack(&Identity::from_seed([1; 32]), &chat());
        for at in 0..parcel.text.len() {
            let mut text = parcel.text.as_bytes().to_vec();
            text[at] ^= 1;
            let text = String::from_utf8(text).unwrap().into();
            let other = Parcel { text, ..parcel.clone() };
            assert!(other.open().is_err(), "{}", other.text);
            assert_ne!(other.id(), parcel.id());
        }
        for at in 0..64 {
            let mut other = parcel.clone();
            other.signature[at] ^= 1;
            assert!(matches!(other.open(), Err(Forged::Signature(_))));
        }
    }

    #[test]
    fn an_alert_only_goes_on() {
        assert!(AlertState::Open < AlertState::Taken && AlertState::Taken < AlertState::Resolved);
    }
}
