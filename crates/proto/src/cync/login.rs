//! Who logs in. The key is a credential: it is compared and passed on, and never shown.
use std::fmt;

use super::message::Wrong;

/// Bytes of a login before its key, and after it.
const BEFORE: usize = 7;
const AFTER: usize = 3;
/// The protocol that all logins seen ask for.
pub(super) const PROTOCOL: u8 = 3;

/// A login: of a device, or of an app with a user's id in place of the device's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    /// An app's.
    pub app: bool,
    /// The protocol it asks for, 3.
    pub protocol: u8,
    /// Whose it is.
    pub id: u32,
    /// What proves it.
    pub key: Key<'a>,
    /// Seconds until it wants to be missed.
    pub keep_alive: u16,
}

/// A login key where it lies. It has no form in which people could read it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key<'a>(pub &'a [u8]);

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes, not shown)", self.0.len())
    }
}

impl<'a> Login<'a> {
    pub(super) fn decode(app: bool, body: &'a [u8]) -> Result<Self, Wrong> {
        let &[protocol, i0, i1, i2, i3, k0, k1, ref rest @ ..] = body else {
            return Err(Wrong::short(body.len(), BEFORE + AFTER));
        };
        let length = usize::from(u16::from_be_bytes([k0, k1]));
        let Some((key, &[_, a0, a1])) = rest.split_at_checked(length) else {
            let has = rest.len().saturating_sub(AFTER);
            return Err(Wrong::at(5, format!("a key of {length} bytes, where there are {has}")));
        };
        let id = u32::from_be_bytes([i0, i1, i2, i3]);
        let keep_alive = u16::from_be_bytes([a0, a1]);
        Ok(Self { app, protocol, id, key: Key(key), keep_alive })
    }

    pub(super) fn size(&self) -> usize {
        BEFORE + self.key.0.len() + AFTER
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let Self { app: _, protocol, id, key: Key(key), keep_alive } = self;
        to.push(*protocol);
        to.extend_from_slice(&id.to_be_bytes());
        let length = u16::try_from(key.len()).expect("settings keep keys short");
        to.extend_from_slice(&length.to_be_bytes());
        to.extend_from_slice(key);
        to.push(0);
        to.extend_from_slice(&keep_alive.to_be_bytes());
    }
}
