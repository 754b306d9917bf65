//! HSMS (SEMI E37, E37.1): SECS-II messages over TCP, between a host and an equipment.
//!
//! Who dials is not who commands: either may be active, and either may speak first once SELECTED.
//! See `docs/protocols/hsms.md`.
mod client;
mod conduct;
mod control;
mod data;
mod device;
mod endpoint;
mod explain;
mod framing;
mod memory;
mod message;
mod names;
mod quirk;
mod request;
mod settings;
mod timers;
mod turns;
mod wrong;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    Answer, ConfigError, Delivery, Protocol, RawPolicy, Time, explain::Explanation, gem,
    session::Answers, turn::Turn,
};
pub use client::Client;
pub use conduct::{Conduct, Conformance, Personality, Reaction};
pub use data::Primary;
pub use device::Device;
pub use explain::to_sml;
pub use memory::{Memory, Snapshot};
pub use message::{Header, Message, SType};
pub use quirk::{Mode, Quirk};
pub use request::{Reply, Request};
use settings::Checked;
pub use settings::{Answering, Connect, Settings};

/// An HSMS node: a host, or the equipment with its memory.
#[derive(Clone)]
pub struct Hsms {
    checked: Arc<Checked>,
    memory: Arc<Mutex<Memory>>,
}

impl Hsms {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("held for a few lines that do not panic")
    }
}

impl Default for Hsms {
    fn default() -> Self {
        Self::new(Settings::default()).expect("the defaults are valid")
    }
}

impl Protocol for Hsms {
    const NAME: &'static str = "hsms";
    const PORT: u16 = 5000;
    const ANSWERS: Answers = Answers::Named;
    const CONFIRM: Delivery = Delivery::Applied;
    const HIGHEST: Delivery = Delivery::Applied;
    type Settings = Settings;
    type Request = Request;
    type Reply = Reply;
    type Prompt = gem::Prompt;
    type Quirk = Quirk;
    type Snapshot = Snapshot;
    type Client = Client;
    type Device = Device;

    fn new(settings: Settings) -> Result<Self, ConfigError> {
        let checked = Arc::new(Checked::new(settings)?);
        Ok(Self { memory: Arc::new(Mutex::new(Memory::new(&checked))), checked })
    }
    fn client(&self, now: Time) -> Client {
        Client::new(self.checked.host(), self.checked.answers, now)
    }
    fn device(&self, now: Time) -> Device {
        Device::new(self.clone(), now)
    }
    fn answer(reply: &Reply) -> Answer {
        match reply {
            Reply::Message(_) | Reply::Control(_) => Answer::Accepted(Delivery::Applied),
            Reply::Failed(why) => Answer::Rejected(why.clone()),
            Reply::TimedOut(why) => Answer::TimedOut(why.clone()),
        }
    }
    fn highest(request: &Request) -> Delivery {
        match request {
            Request::Send(primary) if primary.wait => Delivery::Applied,
            Request::Linktest | Request::Deselect => Delivery::Applied,
            Request::Send(_) | Request::Answer { .. } => Delivery::Survived,
            Request::Separate => Delivery::Written,
        }
    }
    fn policy(&self) -> RawPolicy {
        self.checked.policy()
    }
    fn listens(&self) -> bool {
        self.checked.host_listens()
    }
    fn dials(&self) -> Option<Duration> {
        self.checked.equipment_dials()
    }
    fn device_id(_: &Request) -> Option<Arc<str>> {
        None
    }
    fn misbehave(&self, quirk: Quirk) {
        self.memory().misbehave(quirk);
    }
    fn listening(&self) -> bool {
        self.memory().listening()
    }
    fn prompt(&self, now: Time, prompt: gem::Prompt) -> Result<(), ConfigError> {
        self.memory().gem.prompt(now, prompt)
    }
    fn snapshot(&self) -> Snapshot {
        self.memory().snapshot()
    }
    fn explain(bytes: &[u8]) -> Explanation {
        explain::explain(bytes)
    }
    fn extent(bytes: &[u8]) -> Option<u64> {
        let length = bytes.get(..message::LENGTH)?.try_into().expect("four");
        Some(message::LENGTH as u64 + u64::from(u32::from_be_bytes(length)))
    }
    fn kind(message: &[u8]) -> &'static str {
        message::kind_of(message)
    }
    fn kinds() -> Vec<&'static str> {
        message::kinds()
    }
    fn in_words(message: &[u8]) -> String {
        to_sml(message).join(" ")
    }
    fn turns(message: &[u8]) -> Vec<Turn> {
        turns::turns(message)
    }
}
