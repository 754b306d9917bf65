//! What a host asks, what comes back, and how people write both: SML for messages, a word for what
//! concerns the connection.
use std::{fmt, str::FromStr};

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

use super::{
    data::Primary,
    message::{Header, Message, SType},
};
use crate::{
    ConfigError,
    secs2::{DecodeError, Item, Limits, encode, sml},
    session::hex,
};

/// What a host can be asked to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Request {
    /// A primary, as SML: `S1F1 W`.
    Send(Primary),
    /// The answer to a primary of the equipment's, where the host does not answer by itself.
    Answer {
        /// The primary's system bytes.
        to: u32,
        /// The answer's function; 0 aborts.
        function: u8,
        /// The answer's text.
        text: Bytes,
    },
    /// Linktest.req.
    Linktest,
    /// Deselect.req.
    Deselect,
    /// Separate.req, once everything that is open has ended.
    Separate,
}

/// A request as files and people have it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Answer { to: String, send: String },
}

impl TryFrom<Written> for Request {
    type Error = ConfigError;
    fn try_from(written: Written) -> Result<Self, ConfigError> {
        let wrong = |problem: String| ConfigError::new("request", problem);
        match written {
            Written::Word(text) => match text.trim() {
                "linktest" => Ok(Self::Linktest),
                "deselect" => Ok(Self::Deselect),
                "separate" => Ok(Self::Separate),
                sml => {
                    let sml::Message { stream, function, wait, item, .. } =
                        sml::parse_message(sml).map_err(|e| wrong(e.to_string()))?;
                    if function % 2 == 0 {
                        let problem = "an even function answers; name the primary with `to`";
                        return Err(wrong(problem.into()));
                    }
                    let text = item.as_ref().map(encode).unwrap_or_default();
                    Ok(Self::Send(Primary { stream, function, wait, text }))
                }
            },
            Written::Answer { to, send } => {
                let to = u32::from_str_radix(&to, 16)
                    .map_err(|_| wrong(format!("`{to}` is not four system bytes in hex")))?;
                let sml::Message { function, item, .. } =
                    sml::parse_message(&send).map_err(|e| wrong(e.to_string()))?;
                let text = item.as_ref().map(encode).unwrap_or_default();
                Ok(Self::Answer { to, function, text })
            }
        }
    }
}

impl FromStr for Request {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Written::Word(text.to_owned()).try_into()
    }
}

impl From<Request> for Written {
    fn from(request: Request) -> Self {
        match request {
            Request::Send(Primary { stream, function, wait, text }) => {
                let header = Header::data(0, stream, function, wait, 0);
                Self::Word(sml_of(&Message { header, text }))
            }
            Request::Answer { to, function, text } => {
                let header = Header::data(0, 0, function, false, to);
                Self::Answer { to: format!("{to:08x}"), send: sml_of(&Message { header, text }) }
            }
            Request::Linktest => Self::Word("linktest".into()),
            Request::Deselect => Self::Word("deselect".into()),
            Request::Separate => Self::Word("separate".into()),
        }
    }
}

/// What came back for a request, or unasked.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// A data message.
    Message(Message),
    /// A control message, by its name.
    Control(&'static str),
    /// Nothing will come, and why.
    Failed(String),
    /// T3 or T6 ran out.
    TimedOut(String),
}

impl Reply {
    /// The device id it came under, if it is a message.
    pub fn session(&self) -> Option<u16> {
        match self {
            Self::Message(message) => Some(message.header.session),
            Self::Control(_) | Self::Failed(_) | Self::TimedOut(_) => None,
        }
    }
    /// As SML with a line for each item.
    pub fn pretty(&self) -> String {
        match self {
            Self::Message(message) => match as_sml(message) {
                Ok(sml) => format!("{sml:#}"),
                Err(_) => sml_of(message),
            },
            Self::Control(_) | Self::Failed(_) | Self::TimedOut(_) => format!("{self:?}"),
        }
    }
    /// The message's item, if it is one.
    pub fn item(&self) -> Option<Item> {
        match self {
            Self::Message(message) => {
                Item::decode(&message.text, &Limits::default()).ok().flatten()
            }
            Self::Control(_) | Self::Failed(_) | Self::TimedOut(_) => None,
        }
    }
}

/// On one line, as SML where it is a message.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.write_str(&sml_of(message)),
            Self::Control(name) => f.write_str(name),
            Self::Failed(why) | Self::TimedOut(why) => f.write_str(why),
        }
    }
}

/// A message as SML on one line; its bytes where they are no SECS-II.
pub(super) fn sml_of(message: &Message) -> String {
    match as_sml(message) {
        Ok(sml) => sml.to_string(),
        Err(e) => format!("{} {} ({e})", message.header, hex::encode(&message.text)),
    }
}

fn as_sml(message: &Message) -> Result<sml::Message, DecodeError> {
    let header = &message.header;
    let item = Item::decode(&message.text, &Limits::default())?;
    let (stream, function, wait) = (header.stream(), header.function(), header.wait());
    Ok(sml::Message { name: None, stream, function, wait, item })
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Message(message) if message.header.stype == SType::Data => {
                let Header { session, system, .. } = message.header;
                let mut fields = s.serialize_struct("Reply", 4)?;
                fields.serialize_field("sml", &sml_of(message))?;
                fields.serialize_field("item", &self.item())?;
                fields.serialize_field("session", &session)?;
                fields.serialize_field("system", &format!("{system:08x}"))?;
                fields.end()
            }
            other => s.collect_str(&format_args!("{other:?}")),
        }
    }
}
