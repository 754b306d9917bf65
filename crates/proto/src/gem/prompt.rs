//! What somebody at the equipment can do, and how people spell it.
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Id;
use crate::ConfigError;

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
        /// Its value, in the format it has, or as JSON that names one: `{"U1": [1, 2]}`.
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
    /// A message of any kind: `send S6F25 W {"L": []}`.
    Send {
        /// Its stream.
        stream: u8,
        /// Its function.
        function: u8,
        /// Whether a reply is wanted.
        wait: bool,
        /// Its text as JSON that names formats; empty for none.
        value: String,
    },
}

const KNOWN: &str = "event ID, alarm ID set|clear, set ID VALUE, online, offline, local, remote, \
                     busy, idle, enable, disable, terminal TEXT, send SxFy [W] [VALUE]";

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
        "send" => send(first, then),
        _ => Err(format!("`{text}` is nothing the equipment can be told; there are {KNOWN}")),
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_once(' ').map_or((text, ""), |(first, rest)| (first, rest.trim_start()))
}

fn send(name: &str, rest: &str) -> Result<Prompt, String> {
    let numbers = name.strip_prefix('S').and_then(|name| name.split_once('F'));
    let read = |(s, f): (&str, &str)| Some((s.parse().ok()?, f.parse().ok()?));
    let Some((stream @ 0..=127, function)) = numbers.and_then(read) else {
        return Err(format!("`{name}` is no message; write it like S6F11"));
    };
    if function % 2 == 0 {
        return Err(format!("S{stream}F{function} is a reply; only odd functions can be sent"));
    }
    let (wait, value) = match split(rest) {
        ("W", value) => (true, value),
        _ => (false, rest),
    };
    Ok(Prompt::Send { stream, function, wait, value: value.into() })
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
            Self::Send { stream, function, wait, value } => {
                write!(f, "send S{stream}F{function}")?;
                f.write_str(if *wait { " W" } else { "" })?;
                f.write_str(if value.is_empty() { "" } else { " " })?;
                f.write_str(value)
            }
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
            "send S6F25",
            "send S6F25 W",
            "send S6F25 {\"L\": []}",
            "send S6F25 W {\"L\": []}",
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
        assert!(problem("send S200F1").contains("like S6F11"));
        assert!(problem("send 6F1").contains("like S6F11"));
    }
}
