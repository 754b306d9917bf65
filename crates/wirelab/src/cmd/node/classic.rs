//! What published nodes log, read off the records of connections and off what is heard of others. The
//! words are theirs; what peers said is in them as text, never as anything a terminal obeys.
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use net::{Dir, Event, Record, Sink, discovery::Seen, node::Told};
use proto::{
    CloseReason, Fact, Stage,
    tazcom::roster::{self, Announcement},
};
use serde::Deserialize;

use super::voice::{Level, Voice};

/// Addresses whose ids are remembered, at most.
const MOST: usize = 1024;

type Line = (Level, String);

/// Listens to the records, and is told what else there is.
#[derive(Clone)]
pub(super) struct Classic {
    voice: Voice,
    known: Arc<Mutex<Known>>,
}

/// Whose connection is whose.
#[derive(Default)]
struct Known {
    ids: BTreeMap<SocketAddr, String>,
    conns: BTreeMap<u32, Conn>,
}

struct Conn {
    addr: SocketAddr,
    dialled: bool,
    /// Who is there, if it says so; a claim, like everything here.
    id: Option<String>,
    acked: bool,
}

impl Classic {
    pub(super) fn new(voice: Voice) -> Self {
        Self { voice, known: Arc::default() }
    }
    /// Somebody is announced.
    pub(super) fn sees(&self, seen: &Seen) {
        if let Seen::Here(announced) = seen {
            self.log(self.lock().discovered(announced));
        }
    }
    /// The node tells something.
    pub(super) fn hears(&self, told: &Told) {
        if let Told::Roster(roster::Output::Left(id, _)) = told {
            self.log([(Level::Info, format!("Peer Removed: {id}"))]);
        }
    }

    fn log(&self, lines: impl IntoIterator<Item = Line>) {
        lines.into_iter().for_each(|(level, line)| self.voice.logs(level, &line));
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("nothing panics in here")
    }
}

impl Sink for Classic {
    fn take(&mut self, record: &Record) {
        let line = self.lock().happens(&record.event);
        self.log(line);
    }
    fn hears_bytes(&self) -> bool {
        false
    }
}

impl Known {
    /// A line for each address that is new.
    fn discovered(&mut self, announced: &Announcement) -> Vec<Line> {
        let id = announced.id.as_deref().unwrap_or("unknown");
        let mut lines = Vec::new();
        for addr in &announced.addrs {
            let known = self.ids.get(addr).is_some_and(|known| known == id);
            if !known && (self.ids.len() < MOST || self.ids.contains_key(addr)) {
                self.ids.insert(*addr, id.to_owned());
                lines.push((Level::Info, format!("Peer Discovered: {id} @ {addr}")));
            }
        }
        lines
    }

    fn happens(&mut self, event: &Event) -> Option<Line> {
        match event {
            Event::Connecting { conn, addr } => {
                let id = self.ids.get(addr).cloned();
                let opened = Conn { addr: *addr, dialled: true, id, acked: false };
                self.conns.insert(*conn, opened);
                None
            }
            Event::Opened { conn, peer, .. } => {
                let accepted = || Conn { addr: *peer, dialled: false, id: None, acked: false };
                self.conns.entry(*conn).or_insert_with(accepted);
                None
            }
            Event::ConnectFailed { conn, stage, detail } => {
                let whom = self.conns.remove(conn)?.whom();
                Some(match stage {
                    Stage::Refused => (Level::Warning, format!("Connection refused by {whom}")),
                    Stage::ConnectTimeout => {
                        (Level::Warning, format!("Connection timeout to {whom}"))
                    }
                    // It is connected to in another way.
                    Stage::Cancelled => return None,
                    Stage::Unreachable
                    | Stage::Reset
                    | Stage::SendFailed
                    | Stage::ReceiveTimeout
                    | Stage::Closed
                    | Stage::Nack
                    | Stage::Malformed
                    | Stage::NotConfirmed
                    | Stage::Deadline
                    | Stage::QueueFull
                    | Stage::BreakerOpen
                    | Stage::Superseded
                    | Stage::Expired => {
                        (Level::Error, format!("Error communicating with {whom}: {detail}"))
                    }
                })
            }
            Event::Frame { conn, dir, kind, bytes, .. } => {
                self.conns.get_mut(conn)?.frame(*dir, kind, bytes)
            }
            Event::Fact { conn, fact: Fact::Malformed { reason, bytes, .. } } => {
                let conn = self.conns.get(conn)?;
                Some(match reason.as_ref() {
                    "too_long" => {
                        let line = format!("Message from {} exceeds size limit", conn.python());
                        (Level::Warning, line)
                    }
                    _ => (Level::Info, conn.message(bytes)),
                })
            }
            Event::Closed { conn, reason } => self.conns.remove(conn)?.closed(reason),
            _ => None,
        }
    }
}

impl Conn {
    fn frame(&mut self, dir: Dir, kind: &str, bytes: &[u8]) -> Option<Line> {
        match (dir, self.dialled, kind) {
            (Dir::Out, true, "hello") => {
                Some((Level::Info, format!("Sent HELLO to {}", self.whom())))
            }
            (Dir::In, true, "challenge") => {
                #[derive(Deserialize)]
                struct From {
                    from: String,
                }
                self.id = serde_json::from_slice(bytes).ok().map(|From { from }| from);
                None
            }
            (Dir::In, true, "ack") => {
                // An encrypted link has a second one, once it stands.
                let again = std::mem::replace(&mut self.acked, true);
                let id = self.id.as_deref().unwrap_or("unknown");
                (!again).then(|| (Level::Info, format!("Received ACK from {id}")))
            }
            (Dir::In, false, _) => Some((Level::Info, self.message(bytes))),
            (Dir::In | Dir::Out, _, _) => None,
        }
    }
    fn closed(self, reason: &CloseReason) -> Option<Line> {
        let (whom, failed) = (self.whom(), self.dialled && !self.acked);
        match reason {
            CloseReason::TimedOut(_) if failed => {
                Some((Level::Warning, format!("Connection timeout to {whom}")))
            }
            CloseReason::Peer
            | CloseReason::Reset
            | CloseReason::TimedOut(_)
            | CloseReason::Misbehaved(_)
            | CloseReason::Failed(_)
                if failed =>
            {
                Some((Level::Error, format!("Error communicating with {whom}: {reason}")))
            }
            CloseReason::Peer
            | CloseReason::Reset
            | CloseReason::TimedOut(_)
            | CloseReason::Misbehaved(_)
            | CloseReason::Timer(_)
            | CloseReason::Refused(_)
            | CloseReason::Left(_)
            | CloseReason::Failed(_)
            | CloseReason::Local
            | CloseReason::Abort => None,
        }
    }
    fn whom(&self) -> String {
        format!("{} @ {}", self.id.as_deref().unwrap_or("unknown"), self.addr)
    }
    fn message(&self, bytes: &[u8]) -> String {
        let line = String::from_utf8_lossy(bytes);
        format!("Message from {}: {}", self.python(), line.trim_end_matches('\n'))
    }
    /// Its address as Python prints one.
    fn python(&self) -> String {
        let ip = self.addr.ip().to_canonical();
        match ip.is_ipv4() {
            true => format!("('{ip}', {})", self.addr.port()),
            false => format!("('{ip}', {}, 0, 0)", self.addr.port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    const ID: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn there() -> SocketAddr {
        "192.0.2.7:5252".parse().unwrap()
    }

    fn frame(dir: Dir, kind: &'static str, bytes: &'static [u8]) -> Event {
        let (ticket, msg_id, device_id, kind) = (None, None, None, Cow::Borrowed(kind));
        let bytes = bytes.into();
        Event::Frame { conn: 1, dir, kind, ticket, msg_id, device_id, bytes, took_us: 0 }
    }

    fn logged(events: Vec<Event>) -> Vec<String> {
        let mut known = Known::default();
        let announced = Announcement {
            name: "TAZCOM Node 11qYAYKx".into(),
            id: Some(ID.into()),
            version: None,
            addrs: vec![there()],
        };
        let found = known.discovered(&announced);
        assert_eq!(found, [(Level::Info, format!("Peer Discovered: {ID} @ 192.0.2.7:5252"))]);
        assert_eq!(known.discovered(&announced), []);
        events.iter().filter_map(|event| known.happens(event)).map(|(_, line)| line).collect()
    }

    #[test]
    fn a_greeting_is_logged_in_the_published_words() {
        let dialled = || vec![Event::Connecting { conn: 1, addr: there() }];
        let local = "192.0.2.1:9".parse().unwrap();
        let opened = Event::Opened { conn: 1, local, peer: there() };
        let whom = format!("{ID} @ 192.0.2.7:5252");
        let mut greets = dialled();
        greets.extend([
            opened.clone(),
            frame(Dir::Out, "hello", b""),
            frame(Dir::In, "ack", b"ACK\n"),
            frame(Dir::In, "ack", b"ACK\n"),
        ]);
        greets.push(Event::Closed { conn: 1, reason: CloseReason::Local });
        assert_eq!(
            logged(greets),
            [format!("Sent HELLO to {whom}"), format!("Received ACK from {ID}")]
        );
        for (stage, line) in [
            (Stage::Refused, format!("Connection refused by {whom}")),
            (Stage::ConnectTimeout, format!("Connection timeout to {whom}")),
            (Stage::Unreachable, format!("Error communicating with {whom}: no route")),
        ] {
            let mut fails = dialled();
            fails.push(Event::ConnectFailed { conn: 1, stage, detail: "no route".into() });
            assert_eq!(logged(fails), [line]);
        }
        let mut mute = dialled();
        let reason = CloseReason::TimedOut("greeting".into());
        mute.extend([opened, Event::Closed { conn: 1, reason }]);
        assert_eq!(logged(mute), [format!("Connection timeout to {whom}")]);
    }

    #[test]
    fn what_is_said_to_us_is_logged_as_it_came() {
        let local = "192.0.2.1:9".parse().unwrap();
        let accepted = |peer: &str| Event::Opened { conn: 1, local, peer: peer.parse().unwrap() };
        let said = frame(Dir::In, "hello", b"{\"type\": \"HELLO\"}\n");
        assert_eq!(
            logged(vec![accepted("[::ffff:192.0.2.7]:40000"), said.clone()]),
            ["Message from ('192.0.2.7', 40000): {\"type\": \"HELLO\"}"]
        );
        let (reason, detail, bytes) = ("too_long".into(), String::new(), "xx".into());
        let long = Event::Fact { conn: 1, fact: Fact::Malformed { reason, detail, bytes } };
        assert_eq!(
            logged(vec![accepted("[fd00::7]:40000"), long]),
            ["Message from ('fd00::7', 40000, 0, 0) exceeds size limit"]
        );
    }
}
