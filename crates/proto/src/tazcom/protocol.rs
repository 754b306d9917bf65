//! TAZCOM as a protocol of the lab: somebody who greets, and a peer that is greeted.
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::{
    Identity, NodeId, RawTerms, Terms, Version,
    client::{self, Client},
    device::Device,
    explain,
    memory::{Memory, Snapshot},
    quirk::Quirk,
};
use crate::{
    Answer, ConfigError, Delivery, Never, Protocol, Span, Time, explain::Explanation, rng::Rng,
    session::Answers,
};

/// What evidence calls lines.
const KINDS: [&str; 12] = [
    "hello",
    "challenge",
    "proof",
    "ack",
    "error",
    "ping",
    "chat",
    "signed",
    "ihave",
    "iwant",
    "since",
    "junk",
];

/// What a client asks of a peer. Each takes a connection of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Greet it.
    Hello {},
    /// Say something, as version 0.2 does.
    Chat {
        /// The words.
        content: String,
        /// When it was written, as its author's clock has it.
        timestamp: String,
    },
    /// Send this line, whatever it is.
    Line(String),
}

/// That it was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// The peer's id, if it said so.
    pub id: Option<NodeId>,
    /// It has proven it.
    pub verified: bool,
}

/// What a file or flag may set about a TAZCOM node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The protocol spoken.
    pub version: Version,
    /// Longest line, in bytes with its newline, of those that greet.
    pub message_size_limit: usize,
    /// Longest line of a CHAT.
    pub envelope_size_limit: usize,
    /// How long a greeting may take.
    pub patience: Span,
    /// Its key comes from this number. Anybody can guess it: these nodes are for tests.
    pub key: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let RawTerms { version, message_size_limit, envelope_size_limit, patience, .. } =
            RawTerms::default();
        Self { version, message_size_limit, envelope_size_limit, patience, key: 1 }
    }
}

/// A TAZCOM node: one that greets, or a peer with its memory.
#[derive(Clone, Debug)]
pub struct Tazcom {
    pub(super) me: Arc<Identity>,
    pub(super) terms: Terms,
    key: u64,
    memory: Arc<Mutex<Memory>>,
}

impl Tazcom {
    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("held for a few lines that do not panic")
    }
    /// 32 bytes for a connection, the same in every run with this key.
    pub(super) fn nonce(&self, connection: u64) -> [u8; 32] {
        chance(self.key, connection + 1)
    }
}

impl Default for Tazcom {
    fn default() -> Self {
        Self::new(Settings::default()).expect("the defaults are valid")
    }
}

fn chance(key: u64, purpose: u64) -> [u8; 32] {
    let mut rng = Rng::new(key, &[0x7a2c, purpose]);
    let mut bytes = [0; 32];
    bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&rng.next_u64().to_be_bytes()));
    bytes
}

impl Protocol for Tazcom {
    const NAME: &'static str = "tazcom";
    // Nodes take any port and announce it.
    const PORT: u16 = 5252;
    const ANSWERS: Answers = Answers::Unnamed;
    const CONFIRM: Delivery = Delivery::Replied;
    const HIGHEST: Delivery = Delivery::Replied;
    type Settings = Settings;
    type Request = Request;
    type Reply = Reply;
    type Prompt = Never;
    type Quirk = Quirk;
    type Snapshot = Snapshot;
    type Client = Client;
    type Device = Device;

    fn new(settings: Settings) -> Result<Self, ConfigError> {
        let Settings { version, message_size_limit, envelope_size_limit, patience, key } = settings;
        // A session here has nothing but its connection's bytes, so its links stay plain.
        let others = RawTerms { encrypt: false, ..RawTerms::default() };
        let raw = RawTerms { version, message_size_limit, envelope_size_limit, patience, ..others };
        let me = Arc::new(Identity::from_seed(chance(key, 0)));
        Ok(Self { me, terms: Terms::new(raw)?, key, memory: Arc::default() })
    }
    fn client(&self, now: Time) -> Client {
        // Clients have no memory to count their connections in; the time tells them apart.
        Client::new(self.me.clone(), self.terms.clone(), self.nonce(now.as_micros() | 1 << 63))
    }
    fn device(&self, now: Time) -> Device {
        Device::new(self.clone(), now)
    }
    fn answer(_: &Reply) -> Answer {
        Answer::Accepted(Delivery::Replied)
    }
    fn device_id(_: &Request) -> Option<Arc<str>> {
        None
    }
    fn misbehave(&self, quirk: Quirk) {
        self.memory().misbehave(quirk);
    }
    fn prompt(&self, _: Time, never: Never) -> Result<(), ConfigError> {
        match never {}
    }
    fn listening(&self) -> bool {
        self.memory().listening()
    }
    fn leaves(&self) -> bool {
        self.memory().leaves()
    }
    fn snapshot(&self) -> Snapshot {
        self.memory().snapshot(self.me.id(), self.terms.version)
    }
    fn explain(bytes: &[u8]) -> Explanation {
        explain::explain(bytes)
    }
    fn extent(bytes: &[u8]) -> Option<u64> {
        bytes.iter().position(|byte| *byte == b'\n').map(|at| at as u64 + 1)
    }
    fn kind(message: &[u8]) -> &'static str {
        client::kind(message)
    }
    fn kinds() -> Vec<&'static str> {
        KINDS.to_vec()
    }
    fn in_words(message: &[u8]) -> String {
        String::from_utf8_lossy(message.trim_ascii()).into_owned()
    }
}
