//! Who is at the other end of each client: in which state its connection is, how agreeing to talk went,
//! whether heartbeats were answered, and how often it came back and after what.
//!
//! A peer is called what it calls itself when it begins, as bridges of Cync do; else by the device for whose
//! sake it was dialled, as connections are counted; else by the client's own name.
use std::{collections::BTreeMap, sync::Arc};

use proto::{
    CloseReason, Fact,
    beat::{self, Beat},
};

use super::{
    Dir, Event, Record,
    exposition::{Family, Kind, LONGEST_ID, OTHER},
    links::{Value, family},
};

/// What went as it should.
const SUCCESS: &str = "success";
/// What was waited for in vain.
const TIMEOUT: &str = "timeout";

/// The peers of all clients.
#[derive(Debug)]
pub(super) struct Peers {
    /// Told apart at most.
    limit: usize,
    lines: BTreeMap<Arc<str>, Line>,
    peers: BTreeMap<Arc<str>, Peer>,
}

/// The last connection of a client.
#[derive(Debug, Default)]
struct Line {
    conn: u32,
    /// What its peer is called, once that is known.
    name: Option<Arc<str>>,
    /// It dialled, and the client is there for this connection alone.
    guest: bool,
    /// Something was said before it was ready, so that being ready was agreed on.
    words: bool,
    ready: bool,
    /// A heartbeat without an answer yet, and which way it went.
    asked: Option<Dir>,
}

#[derive(Debug, Default)]
struct Peer {
    /// None where one name stands for many, or for nobody.
    link: Option<Link>,
    handshakes: Counts,
    heartbeats: Counts,
    reconnections: Counts,
}

/// Whether it is there.
#[derive(Debug, Default)]
struct Link {
    /// The client that has it now, or had it last.
    on: Arc<str>,
    /// A connection is being opened, or is to be.
    trying: bool,
    up: bool,
    proved_once: bool,
    /// It was up, and has been lost since, by this.
    lost: bool,
    ended: &'static str,
}

/// How often, by how it went.
type Counts = BTreeMap<&'static str, u64>;

/// The states of a connection, as they are exported.
const STATES: [&str; 4] = ["disconnected", "connecting", "connected", "reconnecting"];

impl Peers {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, lines: BTreeMap::new(), peers: BTreeMap::new() }
    }

    /// Takes one record of a client in. What it dials is dialled for the sake of the device `wanted`.
    pub(super) fn count(&mut self, record: &Record, wanted: Option<&Arc<str>>) {
        let Record { node, event, .. } = record;
        match event {
            Event::Connecting { conn, .. } => {
                self.lines.insert(node.clone(), Line { conn: *conn, ..Line::default() });
                self.call(node, wanted.unwrap_or(node), false);
            }
            Event::Opened { conn, peer, .. } => {
                if self.line(node, *conn).is_none() {
                    // A lobby calls its guests by where they dial from.
                    let guest = **node == *peer.to_string();
                    let line = Line { conn: *conn, guest, ..Line::default() };
                    self.lines.insert(node.clone(), line);
                }
            }
            Event::ConnectFailed { .. } => {
                if let Some(link) = self.link(node) {
                    link.trying = false;
                }
            }
            Event::Frame { conn, dir, kind, device_id, .. } => {
                self.frame(node, *conn, *dir, kind, device_id.as_ref());
            }
            Event::Ready { conn, .. } => self.ready(node, *conn),
            Event::Proved { .. } => self.prove(node),
            Event::Fact { conn, fact: Fact::Odd { what, .. } } if what == "linktest_unanswered" => {
                self.beat(node, *conn, TIMEOUT);
            }
            Event::Closed { conn, reason } => self.close(node, *conn, reason),
            Event::Lost { .. } => {
                if let Some(link) = self.link(node) {
                    (link.trying, link.lost) = (true, link.proved_once);
                }
            }
            Event::Fact { .. }
            | Event::Listening { .. }
            | Event::Deaf
            | Event::ListenFailed { .. }
            | Event::Submitted { .. }
            | Event::Attempt { .. }
            | Event::Sent { .. }
            | Event::Received { .. }
            | Event::Push { .. }
            | Event::Eof { .. }
            | Event::AttemptFailed { .. }
            | Event::Reached { .. }
            | Event::Pulse { .. }
            | Event::Intake { .. }
            | Event::Resent { .. }
            | Event::Breaker { .. }
            | Event::Told { .. }
            | Event::Done { .. }
            | Event::Step { .. }
            | Event::StepFailed { .. }
            | Event::Armed { .. }
            | Event::Joined { .. }
            | Event::Struck { .. }
            | Event::Lifted { .. }
            | Event::Ended { .. } => {}
        }
    }

    fn frame(&mut self, node: &Arc<str>, conn: u32, dir: Dir, kind: &str, id: Option<&Arc<str>>) {
        let Some(line) = self.line(node, conn) else { return };
        let (ready, asked) = (line.ready, line.asked);
        line.words |= !ready;
        match (Beat::of(kind), asked) {
            (Some(Beat::Asks), _) => line.asked = Some(dir),
            (Some(Beat::Answers), Some(asked)) if asked != dir => self.beat(node, conn, SUCCESS),
            (Some(Beat::Answers), _) | (None, _) => {}
        }
        if let (Dir::In, false, Some(id)) = (dir, ready, id) {
            self.call(node, id, true);
        }
    }

    fn ready(&mut self, node: &Arc<str>, conn: u32) {
        let Some(line) = self.line(node, conn) else { return };
        let (words, named) = (line.words, line.name.is_some());
        line.ready = true;
        if !named {
            self.call(node, node, false);
        }
        if words && let Some(peer) = self.peer(node) {
            add(&mut peer.handshakes, SUCCESS);
        }
    }

    fn prove(&mut self, node: &Arc<str>) {
        let Some(peer) = self.peer(node) else { return };
        let Some(link) = peer.link.as_mut().filter(|link| link.on == *node) else { return };
        if std::mem::take(&mut link.lost) {
            *peer.reconnections.entry(link.ended).or_default() += 1;
        }
        (link.up, link.proved_once) = (true, true);
    }

    fn close(&mut self, node: &Arc<str>, conn: u32, reason: &CloseReason) {
        let Some(line) = self.line(node, conn) else { return };
        let (guest, ready, asked) = (line.guest, line.ready, line.asked.take());
        let missed = asked == Some(Dir::Out) && matches!(reason, CloseReason::Timer(_));
        if missed || beat::is_missed(reason) {
            self.beat(node, conn, TIMEOUT);
        }
        let how = how_it_ended(reason);
        if !ready {
            add(&mut self.unready(node).handshakes, how);
        }
        if let Some(link) = self.link(node) {
            let left_us = !matches!(reason, CloseReason::Local | CloseReason::Abort);
            // A guest who comes back has another client; any other client says itself that it was lost.
            link.lost |= guest && left_us && link.up;
            (link.up, link.trying, link.ended) = (false, false, how);
        }
        if guest {
            self.lines.remove(node);
        }
    }

    /// A connection ended before it was ready: whose it was, or who was waiting, or nobody's.
    fn unready(&mut self, node: &Arc<str>) -> &mut Peer {
        let line = self.lines.get(node);
        let named = line.and_then(|line| line.name.clone());
        let guest = line.is_some_and(|line| line.guest);
        let name = named.unwrap_or_else(|| if guest { "".into() } else { self.label(node) });
        self.peers.entry(name).or_default()
    }

    /// The peer of this client is called so from now on, perhaps by itself.
    fn call(&mut self, node: &Arc<str>, name: &Arc<str>, by_itself: bool) {
        let label = self.label(name);
        let Some(line) = self.lines.get_mut(node) else { return };
        line.name = Some(label.clone());
        let one = !matches!(&*label, "" | OTHER);
        let peer = self.peers.entry(label).or_default();
        if !one {
            return;
        }
        let link = peer.link.get_or_insert_default();
        match (link.on == *node, link.up) {
            // Several may dial one device; the one that is there says how it is.
            (false, true) if !by_itself => return,
            // It is here, so it is not at the end of what seemed to be open.
            (false, true) => (link.up, link.lost, link.ended) = (false, true, "superseded"),
            (true, _) | (false, false) => {}
        }
        link.on = node.clone();
        link.trying = true;
    }

    /// Names from the wire are told apart up to a limit.
    fn label(&self, name: &Arc<str>) -> Arc<str> {
        let known = self.peers.contains_key(name);
        let full = self.peers.len() >= self.limit || name.len() > LONGEST_ID;
        if known || !full { name.clone() } else { OTHER.into() }
    }

    fn beat(&mut self, node: &Arc<str>, conn: u32, how: &'static str) {
        let Some(line) = self.line(node, conn) else { return };
        line.asked = None;
        if let Some(peer) = self.peer(node) {
            add(&mut peer.heartbeats, how);
        }
    }

    fn line(&mut self, node: &str, conn: u32) -> Option<&mut Line> {
        self.lines.get_mut(node).filter(|line| line.conn == conn)
    }
    fn peer(&mut self, node: &str) -> Option<&mut Peer> {
        self.peers.get_mut(self.lines.get(node)?.name.as_ref()?)
    }
    /// That of this client's peer, unless another client has it by now.
    fn link(&mut self, node: &Arc<str>) -> Option<&mut Link> {
        self.peer(node)?.link.as_mut().filter(|link| link.on == *node)
    }

    /// Those that have a value.
    pub(super) fn families(&self) -> impl Iterator<Item = Family> {
        let counts = |of: fn(&Peer) -> &Counts, label| {
            self.peers.iter().flat_map(move |(name, peer)| {
                let value = move |(how, n): (&&'static str, &u64)| -> Value {
                    let labels = vec![("device_id", name.to_string()), (label, (*how).into())];
                    (labels, *n as f64)
                };
                of(peer).iter().map(value)
            })
        };
        let counter = |name, help, values| family(Kind::Counter, name, help, values);
        let all = [
            family(
                Kind::Gauge,
                "tcp_comm_connection_state",
                "The state the connection is in has 1, the others 0",
                self.states(),
            ),
            counter(
                "tcp_comm_handshake_total",
                "Total connections on which both ends had to agree to talk, by whether they did",
                counts(|peer| &peer.handshakes, "outcome"),
            ),
            counter(
                "tcp_comm_reconnection_total",
                "Total returns of a peer that was lost, by how it was lost",
                counts(|peer| &peer.reconnections, "reason"),
            ),
            counter(
                "tcp_comm_heartbeat_total",
                "Total heartbeats, by whether they were answered",
                counts(|peer| &peer.heartbeats, "outcome"),
            ),
        ];
        all.into_iter().filter(|family| !family.samples.is_empty())
    }

    fn states(&self) -> impl Iterator<Item = Value> {
        let known = self.peers.iter().filter_map(|(name, peer)| Some((name, peer.link.as_ref()?)));
        known.flat_map(|(name, link)| {
            STATES.into_iter().map(move |state| {
                let labels = vec![("device_id", name.to_string()), ("state", state.to_owned())];
                (labels, f64::from(u8::from(state == link.state())))
            })
        })
    }
}

impl Link {
    fn state(&self) -> &'static str {
        let [disconnected, connecting, connected, reconnecting] = STATES;
        match (self.up, self.trying, self.lost) {
            (true, ..) => connected,
            (false, true, true) => reconnecting,
            (false, true, false) => connecting,
            (false, false, _) => disconnected,
        }
    }
}

/// Counts it; what went well is counted from zero on, so that there is a rate.
fn add(counts: &mut Counts, how: &'static str) {
    counts.entry(SUCCESS).or_default();
    *counts.entry(how).or_default() += 1;
}

/// In the words that packets fare by.
fn how_it_ended(reason: &CloseReason) -> &'static str {
    match reason {
        CloseReason::Peer | CloseReason::Left(_) => "closed",
        CloseReason::Reset | CloseReason::Failed(_) => "reset",
        CloseReason::TimedOut(_) | CloseReason::Timer(_) => TIMEOUT,
        CloseReason::Refused(_) => "nack",
        CloseReason::Misbehaved(_) => "malformed",
        CloseReason::Local | CloseReason::Abort => "cancelled",
    }
}

#[cfg(test)]
mod tests;
