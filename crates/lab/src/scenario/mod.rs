//! What a scenario file says: a cast, what happens to it, and what must be true of the record.
//!
//! Reading one reports every mistake with its line. What only a protocol can judge (settings,
//! quirks, requests) is kept with its place in the file, for [`Scenario::error_at`].
mod check;
mod expect;
mod foreign;
mod proxy;

use std::{fmt, ops::Range};

use proto::{PolicyPatch, session::hex};
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

pub use check::ScenarioError;
pub use expect::*;
pub use proxy::{Cut, Harm, Heal, Lift, Proxy, WIRE};

use crate::world::Kind;

/// A word in the file that refers to something, with its place.
pub type Name = Spanned<String>;

/// A scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name: the file's, without `.toml`.
    pub name: Name,
    /// What it claims, in one sentence.
    pub title: String,
    /// What its devices and clients speak.
    pub protocol: Name,
    /// Where it can run.
    #[serde(default = "both")]
    pub worlds: Vec<Kind>,
    /// The devices.
    #[serde(default, rename = "device")]
    pub devices: Vec<Device>,
    /// What stands between devices and clients, and may do harm.
    #[serde(default, rename = "proxy")]
    pub proxies: Vec<Proxy>,
    /// The clients.
    #[serde(default, rename = "client")]
    pub clients: Vec<Client>,
    /// What happens, in order.
    #[serde(default, rename = "step")]
    pub steps: Vec<Spanned<Step>>,
    /// Who is guilty, on purpose: the scenario passes if the law convicts.
    pub convicts: Option<Conviction>,
    /// What must be true of the record afterwards, besides the laws.
    #[serde(default, rename = "expect")]
    pub expects: Vec<Spanned<Expect>>,
    #[serde(skip)]
    source: Source,
}

/// A device of the cast.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// What steps and expectations call it.
    pub name: Name,
    /// The protocol's settings.
    #[serde(default = "nothing")]
    pub settings: Spanned<Value>,
    /// What it does wrong from the start.
    #[serde(default)]
    pub quirks: Vec<Name>,
}

/// A client of the cast.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// What steps and expectations call it.
    pub name: Name,
    /// The device it talks to.
    pub device: Name,
    /// The proxy it goes through.
    pub via: Option<Name>,
    /// The protocol's settings.
    #[serde(default = "nothing")]
    pub settings: Spanned<Value>,
    /// What sort of client it is.
    #[serde(default)]
    pub kind: Make,
    /// Its patience, where it is not the protocol's.
    #[serde(default = "patience")]
    pub policy: Spanned<PolicyPatch>,
}

/// What sort of client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Make {
    /// The one that users have.
    #[default]
    Ours,
    /// One with a planted bug: it believes what it sent, see [`net::careless`].
    Careless,
}

/// A client that must be found guilty.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conviction {
    /// The client.
    pub client: Name,
    /// The law by its number, from 1.
    pub law: u8,
}

/// Something that happens to the cast.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A client is asked to send something.
    Request(Request),
    /// A device misbehaves from now on.
    Quirk(Quirk),
    /// A device goes away, its connections with it.
    Stop(Stop),
    /// A stopped device comes back at the same address, its memory kept.
    Start(Start),
    /// Nothing further happens until the record holds this.
    Await(Await),
    /// Nothing further happens until a client's background requests are done.
    Join(Join),
    /// Bytes from nobody in particular, on a connection of their own.
    Raw(Raw),
    /// A proxy does harm from now on.
    Fault(Box<Harm>),
    /// A proxy does one harm less.
    Lift(Lift),
    /// A proxy lets nothing through.
    Cut(Cut),
    /// A proxy does no more harm.
    Heal(Heal),
}

/// Ask a client to send something.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The client.
    pub client: Name,
    /// The protocol's request.
    pub send: Spanned<Value>,
    /// How often, one after the other.
    #[serde(default = "once")]
    pub times: u32,
    /// Go on with the next step meanwhile.
    #[serde(default)]
    pub background: bool,
}

/// Make a device misbehave.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quirk {
    /// The device.
    pub device: Name,
    /// The protocol's quirk.
    pub quirk: Name,
}

/// Take a device away.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The device.
    pub device: Name,
}

/// Bring a device back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The device.
    pub device: Name,
}

/// Wait for the `nth` such event at a node, counted from the start of the run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Await {
    /// The device, client or proxy.
    pub node: Name,
    /// The event, as evidence files call it.
    pub event: Name,
    /// Which one, from 1.
    #[serde(default = "once")]
    pub nth: u32,
}

/// Wait for a client's background requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The client.
    pub client: Name,
}

/// Open a connection, write bytes, and read until the device answers or closes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// The device.
    pub device: Name,
    /// The bytes.
    pub hex: Hex,
    /// Finish sending (FIN) after them.
    #[serde(default)]
    pub eof: bool,
}

/// Bytes, written as hex digits.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Hex(pub Vec<u8>);

/// Where the file's text came from, and where its lines begin.
#[derive(Clone, Debug, Default)]
struct Source {
    file: String,
    lines: Vec<usize>,
}

impl Scenario {
    /// Reads and checks a scenario.
    ///
    /// # Errors
    /// The first mistake in the TOML or its shape; with a sound shape, every mistake in its meaning.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<ScenarioError>> {
        let source = Source::new(file, text);
        let mut scenario = Self::read(&source, text).map_err(|error| vec![error])?;
        scenario.source = source;
        match scenario.mistakes() {
            none if none.is_empty() => Ok(scenario),
            mistakes => Err(mistakes),
        }
    }

    /// An error at this place of the file, for checks that only a protocol can make.
    pub fn error_at(
        &self,
        span: Range<usize>,
        key: impl Into<String>,
        problem: impl Into<String>,
    ) -> ScenarioError {
        self.source.error(span, key, problem)
    }

    /// The device called so.
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|d| d.name.get_ref() == name)
    }

    /// The client called so.
    pub fn client(&self, name: &str) -> Option<&Client> {
        self.clients.iter().find(|c| c.name.get_ref() == name)
    }
}

impl TryFrom<String> for Hex {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        hex::decode(&text).map(|bytes| Self(bytes.to_vec()))
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

fn both() -> Vec<Kind> {
    vec![Kind::Sim, Kind::Tcp]
}

fn nothing() -> Spanned<Value> {
    Spanned::new(0..0, Value::Object(serde_json::Map::new()))
}

fn patience() -> Spanned<PolicyPatch> {
    Spanned::new(0..0, PolicyPatch::default())
}

const fn once() -> u32 {
    1
}

const fn at_least_once() -> usize {
    1
}
