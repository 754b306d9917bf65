//! What Cync owes, whatever comes. Fuzzers call this; tests call it with what is known to be bad.
use std::time::Duration;

use super::{client_takes, device_takes, explains};
use crate::{
    Protocol, Span,
    cover::Cover,
    cync::{Cync, Message, Redactor, Request, Settings},
};

const LET_IN: &[u8] = b"\x28\0\0\0\x02\0\0";
const PROBED: &[u8] = b"\xab\0\0\0\x07\0\0\0\x01\0\0\0";

/// However they are cut, both ends make the same of these bytes, before and after the login, and come to
/// rest; each byte is explained; and no key is shown.
///
/// # Panics
/// When it does not hold.
pub fn any_bytes(bytes: &[u8]) {
    let after = |by: &[u8]| [by, bytes].concat();
    device_takes(at_once, bytes);
    device_takes(at_once, &after(LET_IN));
    let ask: Request =
        serde_json::from_str(r#"{ "power": { "to": 1, "on": true } }"#).expect("it is one");
    let login = Message::Login(crate::cync::Login {
        app: false,
        protocol: 3,
        id: 1,
        key: crate::cync::Key(&[b'0'; 16]),
        keep_alive: 0,
    })
    .encode();
    client_takes(&at_once(), &ask, bytes);
    client_takes(&at_once(), &ask, &after(&[&login, PROBED].concat()));
    explains::<Cync>(bytes);
    no_key_is_shown(bytes);
}

/// A login after any bytes but half of a packet's head: its key is covered, and nothing of the bytes is.
fn no_key_is_shown(bytes: &[u8]) {
    const KEY: &[u8] = b"c0ffee5ec4e7b105";
    let key = crate::cync::Key(KEY);
    let login = crate::cync::Login { app: false, protocol: 3, id: 7, key, keep_alive: 60 };
    let stream = [bytes, &Message::Login(login).encode()].concat();
    for piece in [1, 7, usize::MAX] {
        let mut redactor = Redactor::default();
        let shown = |piece: &[u8]| redactor.pass(piece).unwrap_or_else(|| piece.to_vec().into());
        let shown: Vec<u8> = stream.chunks(piece).flat_map(shown).collect();
        let tail = &shown[bytes.len()..];
        assert!(!tail.windows(KEY.len()).any(|w| w == KEY), "{stream:02x?}");
    }
}

/// Without latencies and pings: what is said when does not depend on how bytes are cut.
fn at_once() -> Cync {
    let never = Span(Duration::ZERO);
    let settings = Settings {
        latency: never,
        ping: never,
        keep_alive: never,
        greeting: never,
        ..Settings::default()
    };
    Cync::new(settings).expect("it is valid")
}
