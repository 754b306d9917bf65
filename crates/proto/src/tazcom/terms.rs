//! What can be set of a node's connections, checked once.
use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Span};

/// Which of the published protocols a node speaks; each knows those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub enum Version {
    /// HELLO and ACK.
    #[default]
    #[serde(rename = "0.1")]
    V01,
    /// And CHAT.
    #[serde(rename = "0.2")]
    V02,
    /// And proven ids, links that stay open, signed messages.
    #[serde(rename = "0.3")]
    V03,
}

/// A version as people write it: in quotes, or as the number it looks like.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Number(f64),
}

impl TryFrom<Written> for Version {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Text(text) => text.parse(),
            Written::Number(number) => number.to_string().parse(),
        }
    }
}

impl FromStr for Version {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "0.1" => Ok(Self::V01),
            "0.2" => Ok(Self::V02),
            "0.3" => Ok(Self::V03),
            other => Err(format!("no version `{other}`; there are 0.1, 0.2, 0.3")),
        }
    }
}

/// What a file or flag may set of connections, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTerms {
    /// The protocol spoken.
    pub version: Version,
    /// Links of 0.3 are encrypted once both ends have proven themselves; one that will not be is closed.
    pub encrypt: bool,
    /// Longest line, in bytes with its newline, of those that greet.
    pub message_size_limit: usize,
    /// Longest line of a CHAT, and of anything between nodes that have proven themselves.
    pub envelope_size_limit: usize,
    /// How long a greeting may take.
    pub patience: Span,
    /// A link that was silent for so long says that it is there.
    pub heartbeat: Span,
    /// A link that heard nothing for so long is closed.
    pub idle: Span,
}

impl Default for RawTerms {
    fn default() -> Self {
        Self {
            version: Version::V01,
            encrypt: true,
            message_size_limit: 1024,
            envelope_size_limit: 64 * 1024,
            patience: Span::millis(5000),
            heartbeat: Span::millis(30_000),
            idle: Span::millis(90_000),
        }
    }
}

/// Checked settings of connections.
#[derive(Clone, Debug)]
pub struct Terms {
    pub(super) version: Version,
    pub(super) encrypt: bool,
    pub(super) short: usize,
    pub(super) long: usize,
    pub(super) patience: Duration,
    pub(super) heartbeat: Duration,
    pub(super) idle: Duration,
}

impl Terms {
    /// Checks the settings.
    ///
    /// # Errors
    /// A limit that no HELLO fits in, or that is over a megabyte; an idle time that a peer which says
    /// that it is there would exceed.
    pub fn new(raw: RawTerms) -> Result<Self, ConfigError> {
        let RawTerms {
            version,
            encrypt,
            message_size_limit,
            envelope_size_limit,
            patience,
            heartbeat,
            idle,
        } = raw;
        let (short, long) = (message_size_limit, envelope_size_limit);
        // The longest line of a greeting is a CHALLENGE.
        if !(256..=1 << 20).contains(&short) {
            return Err(ConfigError::new("message_size_limit", "must be from 256 to 1048576"));
        }
        if !(short..=1 << 20).contains(&long) {
            let problem = "must be from message_size_limit to 1048576";
            return Err(ConfigError::new("envelope_size_limit", problem));
        }
        if heartbeat.0.is_zero() || idle.0 < heartbeat.0 * 2 {
            return Err(ConfigError::new("idle", "must be at least twice the heartbeat"));
        }
        if patience.0.is_zero() {
            return Err(ConfigError::new("patience", "must be more than nothing"));
        }
        let (patience, heartbeat, idle) = (patience.0, heartbeat.0, idle.0);
        Ok(Self { version, encrypt, short, long, patience, heartbeat, idle })
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self::new(RawTerms::default()).expect("the defaults are valid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_may_be_written_as_a_number() {
        let read = serde_json::from_str::<Version>;
        assert_eq!(read("0.3").unwrap(), Version::V03);
        assert_eq!(read("\"0.2\"").unwrap(), Version::V02);
        assert_eq!(serde_json::to_string(&Version::V01).unwrap(), "\"0.1\"");
        for none in ["0.4", "3", "\"0.30\"", "null"] {
            assert!(read(none).is_err(), "{none}");
        }
    }

    #[test]
    fn senseless_settings_are_refused() {
        let key = |raw| Terms::new(raw).unwrap_err().key;
        let raw = RawTerms::default;
        assert_eq!(key(RawTerms { message_size_limit: 255, ..raw() }), "message_size_limit");
        assert_eq!(key(RawTerms { envelope_size_limit: 1023, ..raw() }), "envelope_size_limit");
        assert_eq!(key(RawTerms { idle: Span::millis(59_999), ..raw() }), "idle");
        assert_eq!(key(RawTerms { patience: Span::millis(0), ..raw() }), "patience");
    }
}
