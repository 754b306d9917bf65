//! VKB-Link: bitmaps of shift states for a joystick's LEDs and layers, written to it and never
//! acknowledged.
//!
//! A frame is `A5 0D 00 04`, the SHIFT bitmap, the SUBSHIFT bitmap, `00 00`. It holds the whole
//! state, so the last frame wins and repeats do no harm. See `docs/protocols/vkb.md`.
mod client;
mod codec;
mod device;
mod memory;
mod quirk;
pub mod rules;

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    Answer, ConfigError, Delivery, Never, Protocol, Time,
    explain::Explanation,
    session::{Answers, hex},
};
pub use client::Client;
use codec::Codec;
pub use codec::FRAME;
pub use device::Device;
pub use memory::{Connection, Memory, Numbers, Snapshot};
pub use quirk::{Mode, Quirk};

/// Assert exactly this state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawBitmaps")]
pub struct Bitmaps {
    /// A bit each for SHIFT states.
    pub shift: u8,
    /// A bit each for SUBSHIFT states.
    pub subshift: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBitmaps {
    shift: i64,
    subshift: i64,
}

impl TryFrom<RawBitmaps> for Bitmaps {
    type Error = ConfigError;
    fn try_from(RawBitmaps { shift, subshift }: RawBitmaps) -> Result<Self, ConfigError> {
        let bitmap = |key: &str, value: i64| {
            let problem = || format!("{value} is no bitmap of eight bits; 0 to 255 are");
            u8::try_from(value).map_err(|_| ConfigError::new(key, problem()))
        };
        Ok(Self { shift: bitmap("shift", shift)?, subshift: bitmap("subshift", subshift)? })
    }
}

/// What a device answers, if it answers at all: something, of which the meaning is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replied {
    /// What came, at most the first 64 bytes of it.
    #[serde(with = "hex")]
    pub bytes: Bytes,
}

/// What a file or flag may set about a VKB-Link node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Byte 0 of every frame.
    pub header_byte: u8,
    /// Byte 1 of every frame.
    pub command_byte: u8,
    /// Device: answers `00 01` to every chunk in which a frame ended.
    pub replies: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { header_byte: codec::HEADER, command_byte: codec::COMMAND, replies: false }
    }
}

/// A VKB-Link node: a client of such devices, or the device itself with its memory.
#[derive(Clone, Debug)]
pub struct Vkb {
    codec: Codec,
    replies: bool,
    memory: Arc<Mutex<Memory>>,
}

impl Vkb {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("held for a few lines that do not panic")
    }
}

impl Default for Vkb {
    fn default() -> Self {
        Self::new(Settings::default()).expect("the defaults are valid")
    }
}

impl Protocol for Vkb {
    const NAME: &'static str = "vkb";
    const PORT: u16 = 50995;
    // What does come back is counted in order by the client; nothing waits for it.
    const ANSWERS: Answers = Answers::None;
    const CONFIRM: Delivery = Delivery::Survived;
    const HIGHEST: Delivery = Delivery::Replied;
    type Settings = Settings;
    type Request = Bitmaps;
    type Reply = Replied;
    type Prompt = Never;
    type Quirk = Quirk;
    type Snapshot = Snapshot;
    type Client = Client;
    type Device = Device;

    fn new(settings: Settings) -> Result<Self, ConfigError> {
        let Settings { header_byte: header, command_byte: command, replies } = settings;
        let codec = Codec { header, command };
        Ok(Self { codec, replies, memory: Arc::default() })
    }
    fn client(&self, _: Time) -> Client {
        Client::new(self.codec)
    }
    fn device(&self, now: Time) -> Device {
        Device::new(self.clone(), now)
    }
    fn answer(_: &Replied) -> Answer {
        Answer::Accepted(Delivery::Replied)
    }
    fn device_id(_: &Bitmaps) -> Option<Arc<str>> {
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
