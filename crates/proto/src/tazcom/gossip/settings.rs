//! What can be set of gossip, checked once.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Span};

/// What a file or flag may set of gossip, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawGossip {
    /// Copies of a message that a node sends on while it spreads, at most.
    pub copies: u8,
    /// Of these, so many at once and unasked; the others go to those who ask.
    pub eager: u8,
    /// Hops a message may make, at most.
    pub max_hops: u8,
    /// Messages kept for those who come late, at most.
    pub kept: usize,
    /// Bytes of them, at most.
    pub kept_bytes: usize,
    /// Ids remembered, at most, so that nothing is shown twice.
    pub remembered: usize,
    /// A message that is to be kept longer than this is refused.
    pub lifetime: Span,
    /// A message from further in the future than this is refused.
    pub skew: Span,
    /// A node that joins asks for what was said in this time.
    pub catch_up: Span,
    /// Messages a peer may send unasked at once; one more each hundredth of a second.
    pub peer_burst: u32,
    /// Messages an author may write in a minute.
    pub author_rate: u32,
    /// Forgeries a peer may pass on before nothing is taken from it any more.
    pub forgeries: u32,
    /// Receipts counted and passed on for an alert, at most.
    pub receipts: usize,
}

impl Default for RawGossip {
    fn default() -> Self {
        Self {
            copies: 6,
            eager: 3,
            max_hops: 64,
            kept: 2000,
            kept_bytes: 1 << 20,
            remembered: 16_384,
            lifetime: Span::millis(86_400_000),
            skew: Span::millis(60_000),
            catch_up: Span::millis(600_000),
            peer_burst: 400,
            author_rate: 600,
            forgeries: 3,
            receipts: 32,
        }
    }
}

/// Checked settings of gossip.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) copies: u8,
    pub(super) eager: u8,
    pub(super) max_hops: u8,
    pub(super) kept: usize,
    pub(super) kept_bytes: usize,
    pub(super) remembered: usize,
    pub(super) lifetime: Duration,
    pub(super) skew: Duration,
    pub(super) catch_up: Duration,
    pub(super) peer_burst: u32,
    pub(super) author_rate: u32,
    pub(super) forgeries: u32,
    pub(super) receipts: usize,
}

impl Settings {
    /// Checks the settings.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn new(raw: RawGossip) -> Result<Self, ConfigError> {
        #[rustfmt::skip]
        let RawGossip {
            copies, eager, max_hops, kept, kept_bytes, remembered, lifetime, skew, catch_up,
            peer_burst, author_rate, forgeries, receipts,
        } = raw;
        let within = |key: &str, value: usize, least: usize, most: usize| {
            let problem = || format!("must be from {least} to {most}");
            let sound = (least..=most).contains(&value);
            sound.then_some(()).ok_or_else(|| ConfigError::new(key, problem()))
        };
        within("copies", copies.into(), 1, 64)?;
        within("eager", eager.into(), 1, copies.into())?;
        within("max_hops", max_hops.into(), 1, 255)?;
        within("kept", kept, 1, 100_000)?;
        within("kept_bytes", kept_bytes, 1 << 16, 1 << 30)?;
        within("remembered", remembered, kept, 10_000_000)?;
        within("peer_burst", peer_burst as usize, 1, 1_000_000)?;
        within("author_rate", author_rate as usize, 1, 1_000_000)?;
        within("forgeries", forgeries as usize, 1, 1_000_000)?;
        within("receipts", receipts, 0, 10_000)?;
        let (lifetime, skew, catch_up) = (lifetime.0, skew.0, catch_up.0);
        Ok(Self {
            copies,
            eager,
            max_hops,
            kept,
            kept_bytes,
            remembered,
            lifetime,
            skew,
            catch_up,
            peer_burst,
            author_rate,
            forgeries,
            receipts,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(RawGossip::default()).expect("the defaults are valid")
    }
}
