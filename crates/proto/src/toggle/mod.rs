//! The framed-JSON toggler: one command, `toggle`, to one device, answered by `ACK`.
//!
//! A frame is `F0 0D`, version `01`, the payload's length as u32 big-endian, and UTF-8 JSON.
//! See `docs/protocols/toggle.md` for every byte.
mod client;
mod codec;
mod device;
mod memory;
mod quirk;
mod wrong;

use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use crate::{
    Answer, ConfigError, Delivery, Never, Protocol, Span, Time,
    explain::Explanation,
    resilience::{REMEMBERED, REMEMBERED_FOR},
    session::Answers,
};
pub use client::Client;
pub use codec::{DecodeError, MAX_PAYLOAD, encode_toggle};
pub use device::Device;
pub use memory::{Memory, Snapshot, Switch};
pub use quirk::{Mode, Quirk, Spelling};

/// Switch this device on or off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawToggle")]
pub struct Toggle {
    device_id: Arc<str>,
    state: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawToggle {
    device_id: Arc<str>,
    state: bool,
}

impl TryFrom<RawToggle> for Toggle {
    type Error = ConfigError;
    fn try_from(RawToggle { device_id, state }: RawToggle) -> Result<Self, ConfigError> {
        Self::new(device_id, state)
    }
}

impl Toggle {
    /// Longest device id, in bytes.
    pub const MAX_DEVICE_ID: usize = 1024;

    /// A command that sets `device_id` to `state`.
    ///
    /// # Errors
    /// An empty id, or one over [`Toggle::MAX_DEVICE_ID`] bytes.
    pub fn new(device_id: impl Into<Arc<str>>, state: bool) -> Result<Self, ConfigError> {
        let device_id = device_id.into();
        if device_id.is_empty() || device_id.len() > Self::MAX_DEVICE_ID {
            let problem = format!("must have 1 to {} bytes", Self::MAX_DEVICE_ID);
            return Err(ConfigError::new("device_id", problem));
        }
        Ok(Self { device_id, state })
    }
    /// The device it is for.
    pub fn device_id(&self) -> &Arc<str> {
        &self.device_id
    }
    /// On or off.
    pub fn state(&self) -> bool {
        self.state
    }
    /// The command that takes this one back, as far as anything does: the other state.
    pub fn opposite(&self) -> Self {
        Self { device_id: self.device_id.clone(), state: !self.state }
    }
}

/// What a device answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    /// The three bytes `ACK`: something was received, it does not say what.
    Ack,
    /// A framed `ack` with our id: this very command was done.
    Applied,
    /// A framed `nack` with our id.
    Nack {
        /// The device's words.
        reason: String,
    },
}

/// How the device acknowledges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerForm {
    /// The three bytes `ACK`, as the reference does.
    #[default]
    Ack,
    /// A frame that names the command.
    Framed,
}

/// What a file or flag may set about a toggle node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Device: how it acknowledges.
    pub answer: AnswerForm,
    /// Device: commands remembered for de-duplication.
    pub applied_limit: usize,
    /// Device: how long a command is remembered.
    pub applied_ttl: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self { answer: AnswerForm::Ack, applied_limit: REMEMBERED, applied_ttl: REMEMBERED_FOR }
    }
}

/// A toggle node: a client of such devices, or the device itself with its memory.
#[derive(Clone, Debug)]
pub struct Lamp {
    answer: AnswerForm,
    memory: Arc<Mutex<Memory>>,
}

impl Lamp {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("held for a few lines that do not panic")
    }
}

impl Default for Lamp {
    fn default() -> Self {
        Self::new(Settings::default()).expect("the defaults are valid")
    }
}

impl Protocol for Lamp {
    const NAME: &'static str = "toggle";
    const PORT: u16 = 9000;
    const ANSWERS: Answers = Answers::Unnamed;
    const CONFIRM: Delivery = Delivery::Replied;
    const HIGHEST: Delivery = Delivery::Applied;
    type Settings = Settings;
    type Request = Toggle;
    type Reply = Reply;
    type Prompt = Never;
    type Quirk = Quirk;
    type Snapshot = Snapshot;
    type Client = Client;
    type Device = Device;

    fn new(settings: Settings) -> Result<Self, ConfigError> {
        let Settings { answer, applied_limit, applied_ttl } = settings;
        let memory = Memory::new(applied_limit, applied_ttl.0)?;
        Ok(Self { answer, memory: Arc::new(Mutex::new(memory)) })
    }
    fn client(&self, _: Time) -> Client {
        Client::new()
    }
    fn device(&self, _: Time) -> Device {
        Device::new(self.clone())
    }
    fn answer(reply: &Reply) -> Answer {
        match reply {
            Reply::Ack => Answer::Accepted(Delivery::Replied),
            Reply::Applied => Answer::Accepted(Delivery::Applied),
            Reply::Nack { reason } => Answer::Rejected(format!("the device says no: {reason}")),
        }
    }
    fn device_id(request: &Toggle) -> Option<Arc<str>> {
        Some(request.device_id.clone())
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
    fn snapshot(&self) -> Snapshot {
        self.memory().snapshot()
    }
    fn explain(bytes: &[u8]) -> Explanation {
        codec::explain(bytes)
    }
    fn extent(bytes: &[u8]) -> Option<u64> {
        codec::extent(bytes)
    }
    fn kind(message: &[u8]) -> &'static str {
        codec::kind(message)
    }
    fn kinds() -> Vec<&'static str> {
        codec::KINDS.to_vec()
    }
}
