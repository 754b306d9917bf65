//! What a capture says, as the records of a proxy that carried it: each connection opened and joined,
//! what came from one end and went to the other, and how it ended.
//!
//! A capture may not say who the ends were; then they have addresses of documentation (RFC 5737), as the
//! place of the capture always has. A connection whose end it does not show is closed by us, where the
//! capture ends.
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use jiff::Timestamp;
use net::{Event, Flow, Record, Role, Sink};
use proto::{CloseReason, Time, cover::Cover};

use super::{MOST_CONNECTIONS, Said, What};
use crate::registry::AnyProtocol;

/// The node that carried.
pub const NODE: &str = "capture";
const DIALLER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const LISTENER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 3);
const FIRST_PORT: u16 = 20_000;

/// Writes the records.
pub struct Carried<S> {
    sink: S,
    protocol: &'static dyn AnyProtocol,
    covers: bool,
    started: Timestamp,
    seq: u64,
    last: Time,
    links: BTreeMap<u64, Link>,
    account: Account,
}

/// What was carried, and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Connections.
    pub connections: u64,
    /// Bytes, both ways.
    pub bytes: u64,
    /// Of those, how many were covered because they are secret.
    pub covered: u64,
    /// Things that had an earlier time than what stood before them; they got the same.
    pub backwards: u64,
    /// Things without a time.
    pub timeless: u64,
    /// Things on connections beyond [`MOST_CONNECTIONS`], which were not taken.
    pub left_out: u64,
}

/// A connection: the two it would be at a proxy.
struct Link {
    near: u32,
    far: u32,
    up: Way,
    down: Way,
    over: bool,
}

#[derive(Default)]
struct Way {
    cover: Option<Box<dyn Cover>>,
    finished: bool,
}

impl Way {
    /// A secret is found where the stream of its direction is read from its beginning.
    fn new(protocol: &dyn AnyProtocol, covers: bool) -> Self {
        let cover = protocol.cover().filter(|_| covers);
        Self { cover: cover.map(|new| new()), finished: false }
    }
}

impl<S: Sink> Carried<S> {
    /// Records from `started` on go to `sink`. With `covers`, secrets of the protocol are not among them.
    pub fn new(
        sink: S,
        started: Timestamp,
        protocol: &'static dyn AnyProtocol,
        covers: bool,
    ) -> Self {
        let (links, account) = (BTreeMap::new(), Account::default());
        let mut carried =
            Self { sink, protocol, covers, started, seq: 0, last: Time::default(), links, account };
        carried.record(Event::Listening { addr: carried.here() });
        carried
    }
    /// A connection began, between these.
    pub fn open(
        &mut self,
        at: Option<Timestamp>,
        conn: u64,
        ends: Option<(SocketAddr, SocketAddr)>,
    ) {
        self.clock(at);
        if let Some(link) = self.link(conn, ends) {
            self.links.insert(conn, link);
        }
    }
    /// Something happened.
    pub fn take(&mut self, said: Said) {
        let Said { at, conn, flow, what } = said;
        self.clock(at);
        let Some(mut link) = self.link(conn, None) else {
            self.account.left_out += 1;
            return;
        };
        if !link.over {
            self.happens(&mut link, flow, what);
        }
        self.links.insert(conn, link);
    }
    /// The capture is over. The sink, and what was carried to it.
    pub fn end(mut self) -> (S, Account) {
        for link in std::mem::take(&mut self.links).into_values().filter(|link| !link.over) {
            self.close(&link, CloseReason::Local, CloseReason::Local);
        }
        self.record(Event::Ended { tasks_left: 0 });
        (self.sink, self.account)
    }

    fn happens(&mut self, link: &mut Link, flow: Flow, what: What) {
        let Link { near, far, .. } = *link;
        let (way, (from, onto)) = match flow {
            Flow::Up => (&mut link.up, (near, far)),
            Flow::Down => (&mut link.down, (far, near)),
        };
        match what {
            What::Bytes(bytes) => {
                let bytes = self.shown(way, bytes);
                self.record(Event::Received { conn: from, bytes: bytes.clone() });
                self.record(Event::Sent { conn: onto, bytes });
            }
            What::Fin if way.finished => {}
            What::Fin => {
                way.finished = true;
                self.record(Event::Eof { conn: from });
                if link.up.finished && link.down.finished {
                    link.over = true;
                    self.close(link, CloseReason::Peer, CloseReason::Peer);
                }
            }
            What::Reset => {
                link.over = true;
                match flow {
                    Flow::Up => self.close(link, CloseReason::Reset, CloseReason::Abort),
                    Flow::Down => self.close(link, CloseReason::Abort, CloseReason::Reset),
                }
            }
        }
    }

    fn shown(&mut self, way: &mut Way, bytes: Bytes) -> Bytes {
        self.account.bytes += bytes.len() as u64;
        let Some(shown) = way.cover.as_mut().and_then(|cover| cover.pass(&bytes)) else {
            return bytes;
        };
        let covered = shown.iter().zip(&bytes).filter(|(shown, byte)| shown != byte).count();
        self.account.covered += covered as u64;
        shown
    }

    /// The connection, opened if it is new; none, if there are too many.
    fn link(&mut self, conn: u64, ends: Option<(SocketAddr, SocketAddr)>) -> Option<Link> {
        if let Some(link) = self.links.remove(&conn) {
            return Some(link);
        }
        if self.account.connections as usize >= MOST_CONNECTIONS {
            return None;
        }
        self.account.connections += 1;
        let nth = u32::try_from(self.account.connections).expect("it is no more than the most");
        let port = FIRST_PORT + u16::try_from(nth % 40_000).expect("it is below");
        let theirs = (SocketAddr::from((DIALLER, port)), (LISTENER, self.protocol.port()).into());
        let (dialler, listener) = ends.unwrap_or(theirs);
        let (near, far) = (2 * nth - 1, 2 * nth);
        let here = self.here();
        let going = SocketAddr::from((HERE, port));
        self.record(Event::Opened { conn: near, local: here, peer: dialler });
        self.record(Event::Connecting { conn: far, addr: listener });
        self.record(Event::Opened { conn: far, local: going, peer: listener });
        self.record(Event::Joined { conn: near, onto: far });
        let way = || Way::new(self.protocol, self.covers);
        Some(Link { near, far, up: way(), down: way(), over: false })
    }

    fn close(&mut self, link: &Link, near: CloseReason, far: CloseReason) {
        self.record(Event::Closed { conn: link.near, reason: near });
        self.record(Event::Closed { conn: link.far, reason: far });
    }

    fn here(&self) -> SocketAddr {
        (HERE, self.protocol.port()).into()
    }

    /// Time does not go back in a record, whatever a capture says.
    fn clock(&mut self, at: Option<Timestamp>) {
        let Some(at) = at else {
            self.account.timeless += 1;
            return;
        };
        let micros = at.duration_since(self.started).as_micros();
        let now = Time::from_micros(u64::try_from(micros).unwrap_or(0));
        if micros < 0 || now < self.last {
            self.account.backwards += 1;
        }
        self.last = self.last.max(now);
    }

    fn record(&mut self, event: Event) {
        let node: Arc<str> = NODE.into();
        let (seq, at) = (self.seq, self.last);
        self.sink.take(&Record { seq, at, node, role: Role::Proxy, line: line!(), event });
        self.seq += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        judge::{Outcome, judge_by_laws},
        registry::find,
    };

    fn carried(saids: Vec<Said>, covers: bool) -> (Vec<Record>, Account) {
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = records.clone();
        let sink = move |record: &Record| kept.lock().unwrap().push(record.clone());
        let cync = find("cync").unwrap();
        let mut carried = Carried::new(sink, Timestamp::UNIX_EPOCH, cync, covers);
        saids.into_iter().for_each(|said| carried.take(said));
        let (_, account) = carried.end();
        (records.lock().unwrap().clone(), account)
    }

    fn said(ms: i64, conn: u64, flow: Flow, what: What) -> Said {
        Said { at: Timestamp::from_millisecond(ms).ok(), conn, flow, what }
    }

    fn bytes(bytes: &'static [u8]) -> What {
        What::Bytes(bytes.into())
    }

    #[test]
    fn what_came_in_at_one_end_went_out_at_the_other_and_no_law_is_broken() {
        let (records, account) = carried(
            vec![
                said(0, 7, Flow::Up, bytes(b"\xd3\0\0\0\0")),
                said(20, 7, Flow::Down, bytes(b"\xd8\0\0\0\0")),
                said(30, 8, Flow::Up, bytes(b"\xd3")),
                said(40, 7, Flow::Up, What::Fin),
                said(41, 7, Flow::Down, What::Fin),
                said(50, 8, Flow::Down, What::Reset),
                said(60, 8, Flow::Up, bytes(b"late")),
                said(70, 9, Flow::Up, bytes(b"\xd3\0\0\0\0")),
            ],
            true,
        );
        assert_eq!((account.connections, account.bytes, account.covered), (3, 16, 0));
        let told: Vec<_> = records
            .iter()
            .filter_map(|record| match &record.event {
                Event::Received { conn, bytes } => Some(format!("{conn} got {}", bytes.len())),
                Event::Sent { conn, bytes } => Some(format!("{conn} sent {}", bytes.len())),
                Event::Eof { conn } => Some(format!("{conn} fin")),
                Event::Closed { conn, reason } => Some(format!("{conn} {reason}")),
                _ => None,
            })
            .collect();
        let expected = [
            "1 got 5",
            "2 sent 5",
            "2 got 5",
            "1 sent 5",
            "3 got 1",
            "4 sent 1",
            "1 fin",
            "2 fin",
            "1 peer closed the connection",
            "2 peer closed the connection",
            "3 reset by us",
            "4 connection reset",
            "5 got 5",
            "6 sent 5",
            "5 closed by us",
            "6 closed by us",
        ];
        assert_eq!(told, expected);
        assert!(records.iter().map(|record| record.seq).eq(0..records.len() as u64));
        assert_eq!(judge_by_laws(&records).outcome, Outcome::Pass);
    }

    #[test]
    fn time_does_not_go_back_and_what_has_none_is_counted() {
        let none = Said { at: None, conn: 1, flow: Flow::Up, what: bytes(b"b") };
        let (records, account) = carried(
            vec![said(20, 1, Flow::Up, bytes(b"a")), none, said(10, 1, Flow::Up, bytes(b"c"))],
            true,
        );
        assert_eq!((account.backwards, account.timeless), (1, 1));
        assert!(records.iter().all(|record| record.at <= Time::from_millis(20)));
    }

    #[test]
    fn a_login_key_is_covered_in_each_direction_unless_it_is_to_be_shown() {
        const LOGIN: &[u8] = b"\x23\0\0\0\x1a\x03\0\0\0\x01\0\x10c0ffee5ec4e7b105\0\0\x3c";
        let (head, tail) = LOGIN.split_at(20);
        let saids = || {
            vec![
                said(0, 1, Flow::Up, What::Bytes(head.into())),
                said(1, 1, Flow::Down, bytes(b"\xd8\0\0\0\0")),
                said(2, 1, Flow::Up, What::Bytes(tail.into())),
            ]
        };
        let all = |records: &[Record]| format!("{records:?}");
        let (covered, account) = carried(saids(), true);
        assert_eq!(account.covered, 16);
        assert!(!all(&covered).contains("c0ffee5e") && !all(&covered).contains("c4e7b105"));
        let (shown, account) = carried(saids(), false);
        assert_eq!(account.covered, 0);
        assert!(all(&shown).contains("c0ffee5e"));
    }
}
