//! What somebody at the equipment can do, and how people spell it.
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Id;
use crate::{
    ConfigError,
    secs2::sml::{Message, SmlError},
};

/// Something somebody does at the equipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Prompt {
    /// An event happens: `event 50`.
    Event {
        /// CEID.
        id: Id,
    },
    /// An alarm goes on or off: `alarm 3001 set`, `alarm 3001 clear`.
    Alarm {
        /// ALID.
        id: Id,
        /// On.
        set: bool,
    },
    /// A variable or constant changes: `set 1001 25.5`.
    Set {
        /// VID or ECID.
        id: Id,
        /// Its value, in the format it has, or as SML, `<U1 1 2>`.
        value: String,
    },
    /// The operator wants it online.
    Online,
    /// The operator takes it offline.
    Offline,
    /// From now on, the operator commands when it is online.
    Local,
    /// From now on, the host does.
    Remote,
    /// It has no time for what asks for some.
    Busy,
    /// It has.
    Idle,
    /// Communications are switched on.
    Enable,
    /// Communications are switched off.
    Disable,
    /// The operator has a message for the host: `terminal hello`.
    Terminal {
        /// The message.
        text: String,
    },
    /// A message of any kind, as SML: `send S6F25 W <L>`.
    Send(Message),
}

const KNOWN: &str = "event ID, alarm ID set|clear, set ID VALUE, online, offline, local, remote, \
                     busy, idle, enable, disable, terminal TEXT, send SML";

impl FromStr for Prompt {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        read(text.trim()).map_err(|problem| ConfigError::new("prompt", problem))
    }
}

fn read(text: &str) -> Result<Prompt, String> {
    let (verb, rest) = split(text);
    let (first, then) = split(rest);
    let plain = |prompt| match rest {
        "" => Ok(prompt),
        _ => Err(format!("`{verb}` takes no `{rest}`")),
    };
    match verb {
        "event" if then.is_empty() => Ok(Prompt::Event { id: first.parse()? }),
        "alarm" => match then {
            "set" => Ok(Prompt::Alarm { id: first.parse()?, set: true }),
            "clear" => Ok(Prompt::Alarm { id: first.parse()?, set: false }),
            _ => Err(format!("`{text}` should be like `alarm 3001 set` or `alarm 3001 clear`")),
        },
        "set" => Ok(Prompt::Set { id: first.parse()?, value: then.into() }),
        "online" => plain(Prompt::Online),
        "offline" => plain(Prompt::Offline),
        "local" => plain(Prompt::Local),
        "remote" => plain(Prompt::Remote),
        "busy" => plain(Prompt::Busy),
        "idle" => plain(Prompt::Idle),
        "enable" => plain(Prompt::Enable),
        "disable" => plain(Prompt::Disable),
        "terminal" => Ok(Prompt::Terminal { text: rest.into() }),
        "send" => send(rest),
        _ => Err(format!("`{text}` is nothing the equipment can be told; there are {KNOWN}")),
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_once(' ').map_or((text, ""), |(first, rest)| (first, rest.trim_start()))
}

fn send(text: &str) -> Result<Prompt, String> {
    let message: Message = text.parse().map_err(|problem: SmlError| problem.to_string())?;
    if message.function.is_multiple_of(2) {
        let Message { stream, function, .. } = message;
        return Err(format!("S{stream}F{function} is a reply; only odd functions can be sent"));
    }
    Ok(Prompt::Send(message))
}

impl fmt::Display for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { id } => write!(f, "event {id}"),
            Self::Alarm { id, set: true } => write!(f, "alarm {id} set"),
            Self::Alarm { id, set: false } => write!(f, "alarm {id} clear"),
            Self::Set { id, value } => write!(f, "set {id} {value}"),
            Self::Online => f.write_str("online"),
            Self::Offline => f.write_str("offline"),
            Self::Local => f.write_str("local"),
            Self::Remote => f.write_str("remote"),
            Self::Busy => f.write_str("busy"),
            Self::Idle => f.write_str("idle"),
            Self::Enable => f.write_str("enable"),
            Self::Disable => f.write_str("disable"),
            Self::Terminal { text } => write!(f, "terminal {text}"),
            Self::Send(message) => write!(f, "send {message}"),
        }
    }
}

impl TryFrom<String> for Prompt {
    type Error = ConfigError;
    fn try_from(text: String) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl From<Prompt> for String {
    fn from(prompt: Prompt) -> Self {
        prompt.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_reads_back_as_it_is_written() {
        for text in [
            "event 50",
            "alarm 3001 set",
            "alarm hot clear",
            "set 1001 25.5",
            "set 1002 two words",
            "online",
            "offline",
            "local",
            "remote",
            "busy",
            "idle",
            "enable",
            "disable",
            "terminal hello there",
            "send S6F25.",
            "send S6F25 W.",
            "send Odd: S6F25 W <L [1] <A \"x\">>.",
        ] {
            assert_eq!(text.parse::<Prompt>().unwrap().to_string(), text);
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(serde_json::from_str::<Prompt>(&json).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_misspelt_prompt_says_what_there_is() {
        let problem = |text: &str| text.parse::<Prompt>().unwrap_err().to_string();
        assert!(problem("explode").contains("terminal TEXT"));
        assert!(problem("alarm 3001").contains("alarm 3001 set"));
        assert!(problem("online now").contains("takes no `now`"));
        assert!(problem("event").contains("no name"));
        assert!(problem("event 50 51").contains("event ID"));
        assert!(problem("send S6F12").contains("is a reply"));
        assert!(problem("send S200F1").contains("a stream and a function"));
    }
}
