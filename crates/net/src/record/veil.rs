//! Keeps secrets out of the record. Whatever a node writes down of a connection goes through here first;
//! what is sent and received does not.
//!
//! A protocol's [`Cover`](proto::cover::Cover) finds a secret where it belongs. What it found is known to
//! all nodes of a run from then on, and covered wherever else it turns up: in part, moved, or without
//! what came before it.
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use proto::{
    Fact, Frame,
    cover::{Cover, CoverOne, NewCover},
};

use crate::Env;

/// So many bytes of a secret in a row are not shown.
const RUN: usize = 4;
/// Runs remembered at most: those of some 5000 keys.
const MOST: usize = 1 << 16;
/// What stands in the place of a secret.
const COVER: u8 = b'*';

type Run = [u8; RUN];

/// What is known to be secret in a run.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Mutex<BTreeSet<Run>>);

impl Secrets {
    fn known(&self) -> MutexGuard<'_, BTreeSet<Run>> {
        self.0.lock().expect("held for a few lines that do not panic")
    }
}

/// Covers what is written down of connections of one protocol, at one node.
#[derive(Clone, Default)]
pub(crate) struct Veil(Option<(CoverOne, Arc<Secrets>)>);

impl Veil {
    /// None, where the protocol has no secrets or they are to be shown.
    pub(crate) fn of(env: &Env, cover: NewCover) -> Self {
        Self(cover.zip(env.secrets.clone()))
    }
    /// Covers one direction of a connection, from its beginning.
    pub(crate) fn stream(&self) -> Shade {
        Shade(self.0.as_ref().map(|(new, secrets)| {
            let (cover, secrets) = (new(), secrets.clone());
            Box::new(Shading { cover, secrets, tail: Tail::default(), secret: Vec::new() })
        }))
    }
    /// Bytes that were said there, in whole or in part.
    pub(crate) fn bytes(&self, bytes: Bytes) -> Bytes {
        let Some((new, secrets)) = &self.0 else { return bytes };
        let shown = new().pass(&bytes);
        let shown = Tail::default().cover(&secrets.known(), &bytes, shown);
        shown.unwrap_or(bytes)
    }
    /// A message that was.
    pub(crate) fn frame(&self, frame: Frame) -> Frame {
        let Frame { bytes, kind, ticket, msg_id, device_id } = frame;
        Frame { bytes: self.bytes(bytes), kind, ticket, msg_id, device_id }
    }
    /// What is known of what was.
    pub(crate) fn fact(&self, fact: Fact) -> Fact {
        match fact {
            Fact::Malformed { reason, detail, bytes } => {
                Fact::Malformed { reason, detail, bytes: self.bytes(bytes) }
            }
            other @ (Fact::Applied { .. }
            | Fact::Duplicate { .. }
            | Fact::Forgot { .. }
            | Fact::Quirk { .. }
            | Fact::Orphan { .. }
            | Fact::Odd { .. }) => other,
        }
    }
}

/// One direction of a connection, covered as it comes.
#[derive(Default)]
pub(crate) struct Shade(Option<Box<Shading>>);

struct Shading {
    cover: Box<dyn Cover>,
    secrets: Arc<Secrets>,
    tail: Tail,
    /// What was covered last, up to the byte before.
    secret: Vec<u8>,
}

impl Shade {
    /// The next bytes as they may be shown; nothing if as they are.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Option<Bytes> {
        let Shading { cover, secrets, tail, secret } = &mut **self.0.as_mut()?;
        let shown = cover.pass(bytes);
        let mut known = secrets.known();
        match &shown {
            Some(shown) => learn(&mut known, secret, bytes, shown),
            None => secret.clear(),
        }
        tail.cover(&known, bytes, shown)
    }
}

/// Remembers what a cover has covered.
fn learn(known: &mut BTreeSet<Run>, secret: &mut Vec<u8>, bytes: &[u8], shown: &[u8]) {
    for (byte, shown) in bytes.iter().zip(shown) {
        if byte == shown {
            secret.clear();
            continue;
        }
        if secret.len() == RUN {
            secret.remove(0);
        }
        secret.push(*byte);
        if let Ok(run) = Run::try_from(&secret[..])
            && known.len() < MOST
        {
            known.insert(run);
        }
    }
}

/// The bytes before the next ones.
#[derive(Default)]
struct Tail {
    last: Run,
    seen: usize,
}

impl Tail {
    /// Covers every byte that would make a run of a known secret.
    fn cover(
        &mut self,
        known: &BTreeSet<Run>,
        bytes: &[u8],
        mut shown: Option<Bytes>,
    ) -> Option<Bytes> {
        let mut found = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            self.last.rotate_left(1);
            self.last[RUN - 1] = *byte;
            self.seen = (self.seen + 1).min(RUN);
            if self.seen == RUN && !known.is_empty() && known.contains(&self.last) {
                found.push(at);
            }
        }
        if !found.is_empty() {
            let mut covered = shown.as_deref().unwrap_or(bytes).to_vec();
            found.into_iter().for_each(|at| covered[at] = COVER);
            shown = Some(covered.into());
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use proto::{Protocol, cync::Cync};

    use super::*;
    use crate::{Net, Recorder, Sim};

    const KEY: &[u8] = b"c0ffee5ec4e7b105";

    fn login() -> Vec<u8> {
        [b"\x23\0\0\0\x1a\x03\x64\x57\xe7\xf2\0\x10", KEY, b"\0\0\x3c"].concat()
    }

    fn env() -> Env {
        Env::new(Net::Sim(Sim::new(std::time::Duration::ZERO)), Recorder::new(0), 1)
    }

    fn leaks(shown: &[u8]) -> bool {
        KEY.windows(RUN).any(|run| shown.windows(RUN).any(|w| w == run))
    }

    #[test]
    fn a_secret_seen_once_is_covered_wherever_it_turns_up() {
        let env = env();
        let veil = Veil::of(&env, Cync::COVER);
        let elsewhere = Veil::of(&env.node("other", crate::Role::Device), Cync::COVER);
        let stray = Bytes::from([b"\x73\0", &KEY[3..]].concat());
        assert!(leaks(&elsewhere.bytes(stray.clone())), "nobody knows it yet");
        for piece in [1, 3, 31] {
            let mut shade = veil.stream();
            let shown = |piece: &[u8]| shade.pass(piece).unwrap_or(piece.to_vec().into());
            let shown: Vec<u8> = login().chunks(piece).flat_map(shown).collect();
            assert!(shown.len() == 31 && !leaks(&shown), "in pieces of {piece}");
        }
        let shown = elsewhere.bytes(stray.clone());
        assert!(!leaks(&shown) && shown.len() == stray.len(), "{shown:?}");
        let mut shade = elsewhere.stream();
        let shown: Vec<u8> = stray
            .chunks(2)
            .flat_map(|piece| shade.pass(piece).unwrap_or(piece.to_vec().into()))
            .collect();
        assert!(!leaks(&shown), "{shown:?}");
    }

    #[test]
    fn secrets_are_shown_where_that_is_wanted() {
        let (covered, open) = (env(), env().showing_secrets());
        let bytes = |env: &Env| Veil::of(env, Cync::COVER).bytes(login().into());
        assert!(!leaks(&bytes(&covered)) && leaks(&bytes(&open)));
        let mut shade = Veil::of(&open, Cync::COVER).stream();
        assert_eq!(shade.pass(&login()), None);
    }

    #[test]
    fn a_protocol_without_secrets_is_not_looked_at() {
        let veil = Veil::of(&env(), proto::toggle::Lamp::COVER);
        assert_eq!(veil.stream().pass(&login()), None);
        assert_eq!(veil.bytes(login().into()), login());
    }
}
