//! Cync: smart lamps behind bridges that dial in and are commanded through the connection they opened.
//!
//! Packets of a type, a length and a body, and frames inside some of them. See
//! `docs/protocols/cync.md` for every byte.
mod chaos;
mod client;
mod clock;
mod command;
mod device;
mod explain;
mod inner;
mod lamp;
mod latency;
mod login;
mod memory;
mod message;
mod numbers;
mod packet;
mod quirk;
mod redact;
mod request;
mod settings;
mod sync;
mod turns;
mod words;
mod wrong;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    Answer, ConfigError, Delivery, Never, Protocol, RawPolicy, Time, cover::NewCover,
    explain::Explanation, session::Answers,
};
pub use chaos::RawChaos;
pub use client::{Client, KEEP_ALIVE};
pub use clock::Clock;
pub use command::{Body, Command, Target};
pub use device::Device;
pub use inner::{Inner, InnerError, Kind};
pub use lamp::Lamp;
pub use login::{Key, Login};
pub use memory::{Memory, Snapshot};
pub use message::{Message, Wrong};
pub use packet::{HEADER, MAX_PACKET, Packet, Type};
pub use quirk::{Mode, Quirk};
pub use redact::Redactor;
pub use request::{Combo, Hundred, Percent, Power, Query, Reply, Request, Rgb, Seen};
pub use settings::{KnowsAgain, Pace, Secret, Settings};
pub use sync::{Record, Records};

/// A Cync node: a controller that waits for a bridge, or the bridge with its lamps. Clones are the same
/// node: a controller of two bridges has two.
#[derive(Clone, Debug)]
pub struct Cync {
    bridge: Arc<settings::Bridge>,
    controller: settings::Controller,
    memory: Arc<Mutex<Memory>>,
    numbers: Arc<Mutex<numbers::Numbers>>,
}

impl Cync {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("held for a few lines that do not panic")
    }
}

impl Default for Cync {
    fn default() -> Self {
        Self::new(Settings::default()).expect("the defaults are valid")
    }
}

impl Protocol for Cync {
    const NAME: &'static str = "cync";
    const PORT: u16 = 23779;
    const ANSWERS: Answers = Answers::Named;
    const CONFIRM: Delivery = Delivery::Applied;
    const HIGHEST: Delivery = Delivery::Observed;
    const COVER: NewCover = Some(|| Box::new(Redactor::default()));
    type Settings = Settings;
    type Request = Request;
    type Reply = Reply;
    type Prompt = Never;
    type Quirk = Quirk;
    type Snapshot = Snapshot;
    type Client = Client;
    type Device = Device;

    fn new(settings: Settings) -> Result<Self, ConfigError> {
        let (bridge, controller) = settings.check()?;
        let memory = Arc::new(Mutex::new(Memory::new(&bridge)?));
        let numbers = Arc::default();
        Ok(Self { bridge: Arc::new(bridge), controller, memory, numbers })
    }
    fn nth(settings: Settings, n: u32) -> Option<Settings> {
        Some(settings.nth(n))
    }
    fn client(&self, now: Time) -> Client {
        Client::new(self.controller, self.numbers.clone(), now)
    }
    fn device(&self, now: Time) -> Device {
        Device::new(self.clone(), now)
    }
    fn answer(reply: &Reply) -> Answer {
        reply.answer()
    }
    fn highest(request: &Request) -> Delivery {
        request.highest()
    }
    fn policy(&self) -> RawPolicy {
        self.controller.policy()
    }
    fn listens(&self) -> bool {
        true
    }
    fn dials(&self) -> Option<Duration> {
        Some(self.bridge.redial)
    }
    fn device_id(request: &Request) -> Option<Arc<str>> {
        request.command().map(|(to, _)| to.to_string().into())
    }
    fn misbehave(&self, quirk: Quirk) {
        self.memory().misbehave(quirk);
    }
    fn prompt(&self, _: Time, never: Never) -> Result<(), ConfigError> {
        match never {}
    }
    fn snapshot(&self) -> Snapshot {
        self.memory().snapshot()
    }
    fn explain(bytes: &[u8]) -> Explanation {
        explain::explain(bytes)
    }
    fn extent(bytes: &[u8]) -> Option<u64> {
        explain::extent(bytes)
    }
    fn kind(message: &[u8]) -> &'static str {
        message::kind_of(message)
    }
    fn in_words(message: &[u8]) -> String {
        words::in_words(message).unwrap_or_else(|| explain::explain(message).in_words())
    }
    fn turns(message: &[u8]) -> Vec<crate::turn::Turn> {
        turns::turns(message)
    }
}
