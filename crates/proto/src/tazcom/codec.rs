//! Lines to messages and back, every version's. What it writes is byte for byte what `json.dumps` writes.
use std::borrow::Cow;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    NodeId,
    envelope::{MessageId, Parcel},
};
use crate::python_json;

/// Ids in one `IHAVE` or `IWANT`, at most. So many are 47 kB.
pub const MAX_IDS: usize = 1000;
/// The most hops a message of version 0.2 can be given.
pub const LEGACY_HOPS: u8 = 3;

/// A line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// I am here, and this is my id; with a nonce if I can prove it (0.3).
    Hello {
        /// Who.
        from: NodeId,
        /// What the other is to sign.
        nonce: Option<[u8; 32]>,
    },
    /// So am I, and here is my proof; now prove yours (0.3).
    Challenge {
        /// Who.
        from: NodeId,
        /// What the other is to sign.
        nonce: [u8; 32],
        /// A signature over both nonces and both ids.
        proof: [u8; 64],
    },
    /// The proof that was asked for (0.3).
    Proof([u8; 64]),
    /// Heard.
    Ack,
    /// That was no message.
    Error,
    /// Still here (0.3).
    Ping,
    /// Words for everybody, signed by nobody (0.2).
    Chat(Chat),
    /// A signed message on its way (0.3).
    Signed {
        /// How many nodes it has come through.
        hops: u8,
        /// The message.
        parcel: Parcel,
    },
    /// Messages to be had from me (0.3).
    IHave(Vec<MessageId>),
    /// Messages I want from you (0.3).
    IWant(Vec<MessageId>),
    /// Tell me what you have since then, in milliseconds since 1970 (0.3).
    Since(u64),
}

/// A message of version 0.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// What it is known by.
    pub msg_id: String,
    /// Who it claims to be from.
    pub from: NodeId,
    /// When it was written, by its author's clock and in its zone.
    pub timestamp: String,
    /// The words.
    pub content: String,
    /// How many more hops it may make.
    pub ttl: i64,
}

impl Chat {
    /// A message that is on its first hop, with the id the reference gives it.
    pub fn new(from: NodeId, timestamp: impl Into<String>, content: impl Into<String>) -> Self {
        let (timestamp, content) = (timestamp.into(), content.into());
        let hash: [u8; 32] = Sha256::digest(format!("{content}:{timestamp}:{from}")).into();
        let msg_id = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { msg_id, from, timestamp, content, ttl: LEGACY_HOPS.into() }
    }
    /// What it is known by here.
    pub fn id(&self) -> MessageId {
        MessageId::of_legacy(&self.msg_id, self.from, &self.timestamp, &self.content)
    }
}

/// Why a line is no message. [`reason`](DecodeError::reason) is its short name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No JSON.
    #[error("is no JSON: {0}")]
    Json(String),
    /// JSON, but no object with a type.
    #[error("is no object with a type")]
    Object,
    /// A type nobody knows.
    #[error("is of the type `{0}`, which there is not")]
    Type(String),
    /// Something is missing or out of range.
    #[error("{0}")]
    Field(&'static str),
}

impl DecodeError {
    /// A short name from a closed list, fit for a metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::Object => "object",
            Self::Type(_) => "type",
            Self::Field(_) => "field",
        }
    }
}

/// Every key in the order it is written; absent ones are left out.
#[derive(Default, Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    msg_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    from: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    version: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    nonce: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    proof: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    content: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hops: Option<u8>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    signature: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    payload: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<Cow<'a, str>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
}

impl Message {
    /// What evidence calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Challenge { .. } => "challenge",
            Self::Proof(_) => "proof",
            Self::Ack => "ack",
            Self::Error => "error",
            Self::Ping => "ping",
            Self::Chat(_) => "chat",
            Self::Signed { .. } => "signed",
            Self::IHave(_) => "ihave",
            Self::IWant(_) => "iwant",
            Self::Since(_) => "since",
        }
    }

    /// The line, with its newline.
    pub fn encode(&self) -> Bytes {
        let short = |bytes: &[u8]| Some(Cow::Owned(BASE64URL_NOPAD.encode(bytes)));
        let named = |id: &NodeId| Some(Cow::Owned(id.to_string()));
        let ids = |ids: &[MessageId]| Some(ids.iter().map(|id| id.to_string().into()).collect());
        let kind = self.kind().to_uppercase().into();
        let plain = Wire { kind, ..Wire::default() };
        line(&match self {
            Self::Ack => return Bytes::from_static(b"ACK\n"),
            Self::Error => return Bytes::from_static(b"ERROR\n"),
            Self::Ping => plain,
            Self::Hello { from, nonce: None } => Wire { from: named(from), ..plain },
            Self::Hello { from, nonce: Some(nonce) } => Wire {
                from: named(from),
                version: Some("0.3".into()),
                nonce: short(nonce),
                ..plain
            },
            Self::Challenge { from, nonce, proof } => {
                Wire { from: named(from), nonce: short(nonce), proof: short(proof), ..plain }
            }
            Self::Proof(proof) => Wire { proof: short(proof), ..plain },
            Self::Chat(Chat { msg_id, from, timestamp, content, ttl }) => Wire {
                msg_id: Some(msg_id.into()),
                from: named(from),
                timestamp: Some(timestamp.into()),
                content: Some(content.into()),
                ttl: Some(*ttl),
                ..plain
            },
            Self::Signed { hops, parcel } => Wire {
                hops: Some(*hops),
                signature: short(&parcel.signature),
                payload: Some((&*parcel.text).into()),
                ..plain
            },
            Self::IHave(some) | Self::IWant(some) => Wire { ids: ids(some), ..plain },
            Self::Since(since) => Wire { since: Some(*since), ..plain },
        })
    }

    /// Reads a line; spaces around it, its newline among them, do not count.
    ///
    /// # Errors
    /// It is no message.
    pub fn decode(line: &[u8]) -> Result<Self, DecodeError> {
        match line.trim_ascii() {
            b"ACK" => Ok(Self::Ack),
            b"ERROR" => Ok(Self::Error),
            json => Self::read(json),
        }
    }

    fn read(json: &[u8]) -> Result<Self, DecodeError> {
        // A field of the wrong type is a wrong field; only what is no JSON at all is told so.
        let wire: Wire<'_> = serde_json::from_slice(json).map_err(|problem| {
            match serde_json::from_slice::<serde_json::Value>(json) {
                Err(problem) => DecodeError::Json(problem.to_string()),
                Ok(value) if value.get("type").is_none_or(|kind| !kind.is_string()) => {
                    DecodeError::Object
                }
                Ok(_) if problem.is_data() => DecodeError::Field("a key holds the wrong thing"),
                Ok(_) => DecodeError::Object,
            }
        })?;
        // A list of values in the order of the keys is good enough for serde.
        if !json.starts_with(b"{") {
            return Err(DecodeError::Object);
        }
        let from = || {
            let from = wire.from.as_ref().ok_or(DecodeError::Field("from is missing"))?;
            from.parse().map_err(|_| DecodeError::Field("from is no id of 43 characters"))
        };
        let text = |field: &Option<Cow<'_, str>>, missing| {
            Ok(field.as_ref().ok_or(DecodeError::Field(missing))?.clone().into_owned())
        };
        let proof = || bytes(wire.proof.as_deref(), "proof is missing or is not 64 bytes");
        let nonce = || bytes(wire.nonce.as_deref(), "nonce is missing or is not 32 bytes");
        match &*wire.kind {
            "HELLO" => {
                let provable = wire.nonce.is_some();
                Ok(Self::Hello { from: from()?, nonce: provable.then(nonce).transpose()? })
            }
            "CHALLENGE" => Ok(Self::Challenge { from: from()?, nonce: nonce()?, proof: proof()? }),
            "PROOF" => Ok(Self::Proof(proof()?)),
            "PING" => Ok(Self::Ping),
            "CHAT" => Ok(Self::Chat(Chat {
                msg_id: text(&wire.msg_id, "msg_id is missing")?,
                from: from()?,
                timestamp: text(&wire.timestamp, "timestamp is missing")?,
                content: text(&wire.content, "content is missing")?,
                ttl: wire.ttl.ok_or(DecodeError::Field("ttl is missing"))?,
            })),
            "SIGNED" => {
                let signature = wire.signature.as_deref();
                let parcel = Parcel {
                    text: text(&wire.payload, "payload is missing")?.into(),
                    signature: bytes(signature, "signature is missing or is not 64 bytes")?,
                };
                let hops = wire.hops.ok_or(DecodeError::Field("hops is missing"))?;
                Ok(Self::Signed { hops, parcel })
            }
            "IHAVE" => Ok(Self::IHave(ids(wire.ids)?)),
            "IWANT" => Ok(Self::IWant(ids(wire.ids)?)),
            "SINCE" => Ok(Self::Since(wire.since.ok_or(DecodeError::Field("since is missing"))?)),
            other => Err(DecodeError::Type(other.chars().take(32).collect())),
        }
    }
}

fn line(wire: &Wire<'_>) -> Bytes {
    let mut line = Vec::with_capacity(128);
    python_json::append(&mut line, wire);
    line.push(b'\n');
    line.into()
}

fn bytes<const N: usize>(text: Option<&str>, wrong: &'static str) -> Result<[u8; N], DecodeError> {
    let bytes = text.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(DecodeError::Field(wrong))
}

fn ids(ids: Option<Vec<Cow<'_, str>>>) -> Result<Vec<MessageId>, DecodeError> {
    let ids = ids.ok_or(DecodeError::Field("ids is missing"))?;
    if ids.len() > MAX_IDS {
        return Err(DecodeError::Field("ids are more than 1000"));
    }
    let wrong = |_| DecodeError::Field("ids holds what is no message id");
    ids.iter().map(|id| id.parse().map_err(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn id() -> NodeId {
        ID.parse().unwrap()
    }

    /// The bytes captured from the reference, of which only the id differs.
    #[test]
    fn a_hello_is_the_73_bytes_of_the_reference() {
        let line = Message::Hello { from: id(), nonce: None }.encode();
        assert_eq!(line, format!("{{\"type\": \"HELLO\", \"from\": \"{ID}\"}}\n"));
        assert_eq!(line.len(), 73);
        assert_eq!(Message::Ack.encode(), "ACK\n");
        assert_eq!(Message::Error.encode(), "ERROR\n");
    }

    /// Printed by Python 3.11: `json.dumps` of a dict in this order, and
    /// `hashlib.sha256(f"{content}:{timestamp}:{id}".encode()).hexdigest()[:16]`.
    #[test]
    fn a_chat_is_what_the_reference_prints() {
        let chat = Chat::new(id(), "2025-07-01T10:00:00.123456", "ciao ☀ 😀 \"x\"\\");
        let line = format!(
            "{}{ID}{}",
            r#"{"type": "CHAT", "msg_id": "e41a227b8e5e7c24", "from": ""#,
            concat!(
                r#"", "timestamp": "2025-07-01T10:00:00.123456", "#,
                r#""content": "ciao \u2600 \ud83d\ude00 \"x\"\\", "ttl": 3}"#,
                "\n"
            )
        );
        assert_eq!(Message::Chat(chat).encode(), line);
    }

    #[test]
    fn every_message_reads_back_as_it_is_written() {
        let parcel = Parcel { text: r#"{"a": "\u2600"}"#.into(), signature: [5; 64] };
        let some = vec![MessageId::of("a"), MessageId::of("b")];
        for message in [
            Message::Hello { from: id(), nonce: None },
            Message::Hello { from: id(), nonce: Some([1; 32]) },
            Message::Challenge { from: id(), nonce: [2; 32], proof: [3; 64] },
            Message::Proof([4; 64]),
            Message::Ack,
            Message::Error,
            Message::Ping,
            Message::Chat(Chat::new(id(), "t", "\u{7f}\u{1b}[31m\n")),
            Message::Signed { hops: 255, parcel },
            Message::IHave(some.clone()),
            Message::IWant(some),
            Message::IHave(Vec::new()),
            Message::Since(u64::MAX),
        ] {
            assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn spacing_order_and_unknown_keys_do_not_matter() {
        for text in [
            format!(r#"{{"type":"HELLO","from":"{ID}"}}"#),
            format!("  {{\"from\" : \"{ID}\",\t\"more\": [1], \"type\":\"HE\\u004cLO\"}}\r\n"),
        ] {
            let hello = Message::Hello { from: id(), nonce: None };
            assert_eq!(Message::decode(text.as_bytes()), Ok(hello));
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let reason = |text: &str| Message::decode(text.as_bytes()).unwrap_err().reason();
        for text in ["", "hello", "{", "{'type': 1}", "ACK!", "{} {}"] {
            assert_eq!(reason(text), "json", "{text}");
        }
        let listed = format!(r#"["HELLO", null, "{ID}"]"#);
        for text in ["[]", &listed, "1", "\"HELLO\"", "{}", r#"{"type": 1}"#, "null"] {
            assert_eq!(reason(text), "object", "{text}");
        }
        assert_eq!(reason(r#"{"type": "WELCOME"}"#), "type");
        let short = format!(r#"{{"type": "HELLO", "from": "{}"}}"#, &ID[1..]);
        let id = MessageId::of("").to_string();
        let many = format!(r#"{{"type": "IWANT", "ids": ["{id}"{}]}}"#, r#", """#.repeat(1000));
        for text in [
            r#"{"type": "HELLO"}"#,
            r#"{"type": "HELLO", "from": 7}"#,
            &short,
            r#"{"type": "PROOF", "proof": "AAAA"}"#,
            r#"{"type": "IHAVE", "ids": ["x"]}"#,
            &many,
            r#"{"type": "SIGNED", "hops": 256, "signature": "", "payload": ""}"#,
            r#"{"type": "HELLO", "type": "HELLO"}"#,
        ] {
            assert_eq!(reason(text), "field", "{text}");
        }
    }
}
