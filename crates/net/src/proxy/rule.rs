//! A fault with its place: which connections, which way, where in the stream, how often. Written on
//! one line as `corrupt mask=01 frame=ack nth=3 conn=2`, in files and over HTTP as a table.
use std::{fmt, net::IpAddr, str::FromStr};

use proto::{ConfigError, Span};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

use super::fault::{Class, Fault};
use crate::record::Flow;

/// A fault and where it strikes. Checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What happens.
    pub fault: Fault,
    /// Where and when.
    pub place: Place,
}

/// Where and when a fault strikes; everything unsaid is no restriction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Place {
    /// What to call it; without it, `faultN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lanes>,
    /// Only the nth connection, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conn: Option<u64>,
    /// Only every nth connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Only this share of the connections, from 0 to 1: drawn once for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Only connections from this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// Where the stream has had so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// Where so many more bytes have come since it is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<u64>,
    /// At frames of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// Only at the nth frame (of the kind, if one is named), from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// So many bytes into the frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Not before the connection is this old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// Not before it is in force so long.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub later: Option<Span>,
    /// Not before a frame of this kind has passed, either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Each time with this probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
    /// At most so often, on all connections together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lanes {
    /// To whoever listens.
    Up,
    /// To whoever dials.
    Down,
    /// Either way.
    Both,
}

const PLACE: &[&str] = &[
    "name", "lane", "conn", "every", "share", "client", "byte", "more", "frame", "nth", "offset",
    "after", "in", "since", "chance", "times",
];

impl Rule {
    /// Checks that fault and place fit together.
    ///
    /// # Errors
    /// What does not, and what would.
    pub fn new(fault: Fault, place: Place) -> Result<Self, ConfigError> {
        fault.check()?;
        place.check(&fault)?;
        Ok(Self { fault, place })
    }
    /// Whether it is about bytes that go this way.
    pub fn goes(&self, flow: Flow) -> bool {
        match self.place.lane.unwrap_or(Lanes::Both) {
            Lanes::Both => true,
            Lanes::Up => flow == Flow::Up,
            Lanes::Down => flow == Flow::Down,
        }
    }
    /// Whether it is about this connection, the nth, from there; its share apart, which is drawn.
    pub fn meets(&self, nth: u64, client: IpAddr) -> bool {
        let Place { conn, every, client: from, .. } = &self.place;
        conn.is_none_or(|n| n == nth)
            && every.is_none_or(|n| nth.is_multiple_of(n))
            && from.is_none_or(|ip| ip == client)
    }
    /// Whether it must know where frames begin.
    pub fn needs_frames(&self) -> bool {
        let Place { frame, nth, since, .. } = &self.place;
        frame.is_some() || nth.is_some() || since.is_some()
    }
    /// It strikes of itself, and between frames if it is known where they begin.
    pub(super) fn comes_by_itself(&self) -> bool {
        self.fault.brings_bytes() && !self.place.is_spot()
    }
}

impl Place {
    /// It names a spot in the stream, or how to find one.
    pub(super) fn is_spot(&self) -> bool {
        let Self { byte, more, frame, nth, chance, .. } = self;
        byte.is_some() || more.is_some() || frame.is_some() || nth.is_some() || chance.is_some()
    }
    fn check(&self, fault: &Fault) -> Result<(), ConfigError> {
        let wrong = |key: &str, problem: &str| Err(ConfigError::new(key, problem));
        let Self {
            name,
            lane,
            conn,
            every,
            share,
            client,
            byte,
            more,
            frame,
            nth,
            offset,
            after,
            later,
            since,
            chance,
            times,
        } = self;
        let at_frame = frame.is_some() || nth.is_some();
        let placed = self.is_spot();
        let scoped = conn.is_some() || every.is_some() || share.is_some() || client.is_some();
        let scoped = scoped || times.is_some();
        let timed = after.is_some() || later.is_some() || since.is_some();
        let plain = |c: char| c.is_ascii_graphic() && c != '/';
        if name.as_ref().is_some_and(|n| n.is_empty() || n.len() > 64 || !n.chars().all(plain)) {
            return wrong("name", "must be 1 to 64 printable characters, without blanks or `/`");
        }
        if conn.is_some() && every.is_some() {
            return wrong("every", "cannot be together with `conn`: say one of them");
        }
        for (key, count) in [("conn", conn), ("every", every), ("nth", nth), ("times", times)] {
            if *count == Some(0) {
                return wrong(key, "counts from 1");
            }
        }
        if [byte.is_some(), more.is_some(), at_frame].iter().filter(|said| **said).count() > 1 {
            let problem = "cannot be together with `more`, `frame` or `nth`: say one of them";
            return wrong("byte", problem);
        }
        if offset.is_some() && !at_frame {
            return wrong("offset", "counts from the start of a frame: say `frame` or `nth`");
        }
        if chance.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
            return wrong("chance", "must be above 0 and at most 1");
        }
        if share.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return wrong("share", "must be from 0 to 1");
        }
        match fault.about().class {
            Class::Spot if !placed && !fault.brings_bytes() => wrong(
                "byte",
                "says where: one of `byte`, `more`, `frame`, `nth`, `chance` is missing",
            ),
            Class::Flow if byte.is_some() || more.is_some() || at_frame || times.is_some() => {
                wrong("byte", "this fault is about all bytes; `since` or `after` say from when")
            }
            Class::Door if lane.is_some() || placed || timed => wrong(
                "lane",
                "this fault is about connecting; `conn`, `every`, `share` and `client` say whose",
            ),
            Class::Door if matches!(fault, Fault::Schedule { .. }) && scoped => {
                wrong("conn", "a schedule is about whoever comes, and counts no strikes")
            }
            Class::Spot | Class::Flow | Class::End | Class::Door => Ok(()),
        }
    }
}

impl FromStr for Rule {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let mut map = Map::from_iter([("fault".into(), Value::from(name))]);
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                let problem = format!("`{word}` should be like delay=20ms");
                return Err(ConfigError::new("fault", problem));
            };
            if map.insert(key.into(), typed(key, value)).is_some() {
                return Err(ConfigError::new("fault", format!("`{key}` stands there twice")));
            }
        }
        Self::of_map(map)
    }
}

/// On one line everything is text; where numbers are wanted, they look like numbers.
fn typed(key: &str, value: &str) -> Value {
    if matches!(key, "hex" | "mask" | "frame" | "since" | "name") {
        return value.into();
    }
    match serde_json::from_str(value) {
        Ok(plain @ (Value::Number(_) | Value::Bool(_))) => plain,
        _ => value.into(),
    }
}

impl Rule {
    fn of_map(mut map: Map<String, Value>) -> Result<Self, ConfigError> {
        let name = map.get("fault").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !super::fault::ABOUT.iter().any(|a| a.example.split(' ').next() == Some(&name)) {
            let all: Vec<_> =
                super::fault::ABOUT.iter().filter_map(|a| a.example.split(' ').next()).collect();
            let problem = format!("no fault `{name}`; there are {}", all.join(", "));
            return Err(ConfigError::new("fault", problem));
        }
        let mut place = Map::new();
        for key in PLACE {
            if let Some(value) = map.remove(*key) {
                place.insert((*key).to_owned(), value);
            }
        }
        let wrong = |e: serde_json::Error| ConfigError::new(name.clone(), e.to_string());
        let fault = serde_json::from_value(Value::Object(map)).map_err(wrong)?;
        let place = serde_json::from_value(Value::Object(place)).map_err(wrong)?;
        Self::new(fault, place)
    }
    fn to_map(&self) -> Map<String, Value> {
        let object = |value| match value {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        };
        let mut map = object(serde_json::to_value(&self.fault));
        map.extend(object(serde_json::to_value(&self.place)));
        map
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.name())?;
        for (key, value) in self.to_map() {
            match value {
                _ if key == "fault" => {}
                Value::String(text) => write!(f, " {key}={text}")?,
                other => write!(f, " {key}={other}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.to_map().serialize(s)
    }
}

impl<'de> Deserialize<'de> for Rule {
    /// A table, or one line.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let rule = match Value::deserialize(d)? {
            Value::String(line) => line.parse(),
            Value::Object(map) => Self::of_map(map),
            _ => return Err(D::Error::custom("a fault is a line or a table")),
        };
        rule.map_err(D::Error::custom)
    }
}
