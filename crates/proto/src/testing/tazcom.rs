//! What TAZCOM owes, whatever comes. Fuzzers call this; tests call it with what is known to be bad.
use std::sync::Arc;

use super::{client_takes, device_takes, explains};
use crate::{
    Protocol, Time,
    tazcom::{
        Gossip, Identity, Lines, Message, Request, Settings, Tazcom, Version,
        gossip::{self, Input, Output},
    },
};

/// However they are cut, both ends of every version make the same of these bytes and come to rest; each
/// line is explained; what is a message reads back as it is written, and gossip takes it without harm.
///
/// # Panics
/// When it does not hold.
pub fn any_bytes(bytes: &[u8]) {
    for version in [Version::V01, Version::V02, Version::V03] {
        let node = || {
            let settings = Settings { version, ..Settings::default() };
            Tazcom::new(settings).expect("it is valid")
        };
        device_takes(node, bytes);
        client_takes(&node(), &Request::Hello {}, bytes);
    }
    explains::<Tazcom>(bytes);
    gossip_takes(bytes);
}

fn gossip_takes(bytes: &[u8]) {
    let [me, peer] = [1, 2].map(|n| Identity::from_seed([n; 32]));
    let peer = peer.id();
    let mut gossip = Gossip::new(Arc::new(me), gossip::Settings::default(), 1, 1_767_225_600_000);
    gossip.handle_input(Time::default(), Input::Up(peer));
    gossip.handle_input(Time::default(), Input::OldUp(peer));
    let mut lines = Lines::default();
    lines.push(bytes);
    while let Ok(Some(line)) = lines.take(64 * 1024) {
        let Ok(message) = Message::decode(&line) else { continue };
        assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(&message));
        let input = match message {
            Message::Chat(chat) => Input::HeardOld(chat),
            other => Input::Heard(peer, other),
        };
        gossip.handle_input(Time::default(), input);
        rests(&mut gossip);
    }
    for second in 1..20 {
        gossip.handle_input(Time::from_millis(second * 1000), Input::Timeout);
        rests(&mut gossip);
    }
}

fn rests(gossip: &mut Gossip) {
    for _ in 0..100_000 {
        match gossip.poll_output() {
            Output::Wait(_) => return,
            Output::Show(shown) => assert!(!shown.verified || shown.created.is_some()),
            Output::Send(..)
            | Output::Tell(..)
            | Output::Alert(..)
            | Output::Refused(_)
            | Output::Distrust(_)
            | Output::Unsaid(_) => {}
        }
    }
    panic!("it never came to rest");
}
