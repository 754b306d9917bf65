//! The record sorted by what the laws ask about, in one pass.
use std::{collections::BTreeMap, net::SocketAddr};

use net::{Dir, Event, Record, record::End, record::Role};
use proto::{Delivery, Fact, Stage, Ticket, Time};

use super::wire::Doors;

/// What a proxy says of a cut that the receiver may not have noticed.
const UNPROVED: &str = "unproved";

/// What happened, by request, by connection and by quirk. Numbers are record numbers.
#[derive(Default)]
pub(super) struct Index<'a> {
    /// Records let go before the first one kept.
    pub lost: u64,
    /// Neighbours in the record that were not neighbours when it was written.
    pub torn: Vec<(u64, u64)>,
    pub requests: BTreeMap<Ticket, Request<'a>>,
    pub conns: Vec<Conn<'a>>,
    /// Quirks the lab armed, in order.
    pub armed: Vec<Armed<'a>>,
    /// When each device's each quirk fired.
    pub fired: BTreeMap<(&'a str, &'a str), Vec<u64>>,
    /// When each proxy's each fault was lifted.
    pub lifted: BTreeMap<(&'a str, &'a str), Vec<u64>>,
    pub doors: Doors<'a>,
    /// When clients were refused.
    pub refused: Vec<u64>,
    /// A device wrote down what it saw.
    pub has_device: bool,
    /// Steps of the scenario that could not be done, and why.
    pub failed_steps: Vec<(u64, usize, &'a str)>,
    /// Devices that could not take connections again: where, and why.
    pub deafened: Vec<(u64, &'a str, SocketAddr, &'a str)>,
    /// The end of the run, and the tasks it left.
    pub ended: Option<(u64, usize)>,
    open: BTreeMap<(&'a str, u32), usize>,
    /// Ends that have not met their other end yet, by their own address and the other's.
    single: BTreeMap<(SocketAddr, SocketAddr), usize>,
}

/// One request as both ends saw it.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub submitted: Vec<u64>,
    pub done: Vec<Done<'a>>,
    /// Its frames left a client.
    pub sent: Vec<Sent<'a>>,
    /// Its frames reached a device.
    pub arrived: Vec<u64>,
    /// Its answer reached this client.
    pub answered: Vec<(&'a str, u64)>,
    /// This device did it.
    pub applied: Vec<(&'a str, u64)>,
}

/// A request's frame that left a client.
pub(super) struct Sent<'a> {
    pub seq: u64,
    pub at: Time,
    /// On which connection.
    pub conn: usize,
    /// Bytes that had left on it by then, the frame's included.
    pub end: u64,
    /// The frame.
    pub bytes: &'a [u8],
    /// The wire's own id of it.
    pub name: Option<&'a str>,
}

/// A request's end.
pub(super) struct Done<'a> {
    pub seq: u64,
    pub at: Time,
    pub client: &'a str,
    /// How far it got, if it was a success.
    pub ok: Option<Delivery>,
}

/// One connection as one node saw it.
pub(super) struct Conn<'a> {
    pub node: &'a str,
    pub role: Role,
    pub number: u32,
    pub opened: Option<u64>,
    pub ready: Option<u64>,
    pub closed: Option<u64>,
    /// The first request's frame that left on it.
    pub spoke: Option<u64>,
    /// Whenever bytes came in on it, and how many had by then.
    pub received: Vec<(u64, u64)>,
    /// The bytes of each time, where faults may have moved them.
    pub parts: Vec<&'a [u8]>,
    /// Bytes of the frames that left on it.
    framed: u64,
    /// A frame came in that names its request.
    pub names_requests: bool,
    /// The wire's own ids of frames that came in, where that is all that names them.
    pub names: Vec<(u64, &'a str)>,
    /// Whom it was opened to, or by.
    pub peer: Option<SocketAddr>,
    /// The other end of it, where both wrote down that it opened.
    pub other_end: Option<usize>,
    /// Of a proxy: the connection it is joined to.
    pub joined: Option<usize>,
    /// Of a proxy: the faults that struck on it.
    pub struck: Vec<&'a str>,
}

/// A quirk the lab armed.
pub(super) struct Armed<'a> {
    pub seq: u64,
    pub device: &'a str,
    pub quirk: &'a str,
}

impl Armed<'_> {
    /// What it is, without how.
    pub(super) fn mode(&self) -> &str {
        self.quirk.split_whitespace().next().unwrap_or_default()
    }
}

impl<'a> Index<'a> {
    pub(super) fn new(records: &'a [Record]) -> Self {
        let lost = records.first().map_or(0, |r| r.seq);
        let torn = records.windows(2).filter(|two| two[1].seq != two[0].seq + 1);
        let torn = torn.map(|two| (two[0].seq, two[1].seq)).collect();
        let mut index = Self { lost, torn, ..Self::default() };
        for record in records {
            index.take(record);
        }
        index
    }

    fn take(&mut self, record: &'a Record) {
        let Record { seq, node, role, event, .. } = record;
        let (seq, node, role) = (*seq, &**node, *role);
        self.has_device |= role == Role::Device;
        match event {
            Event::Submitted { ticket, .. } => self.request(*ticket).submitted.push(seq),
            Event::Done { ticket, end, .. } => {
                let ok = match end {
                    End::Ok { delivery, .. } => Some(*delivery),
                    End::Failed { .. } => None,
                };
                self.request(*ticket).done.push(Done { seq, at: record.at, client: node, ok });
            }
            Event::Opened { conn, local, peer } => {
                self.open.remove(&(node, *conn));
                let (at, conn) = self.conn(record, *conn);
                conn.opened = Some(seq);
                conn.peer = Some(*peer);
                self.pair(at, node, *local, *peer);
            }
            Event::Ready { conn, .. } => _ = self.conn(record, *conn).1.ready.get_or_insert(seq),
            Event::Received { conn, bytes } => {
                let conn = self.conn(record, *conn).1;
                let before = conn.received.last().map_or(0, |(_, total)| *total);
                conn.received.push((seq, before + bytes.len() as u64));
                conn.parts.push(bytes);
            }
            Event::Closed { conn, .. } => self.conn(record, *conn).1.closed = Some(seq),
            Event::Frame { conn, dir, ticket, msg_id, bytes, .. } => match (role, dir, ticket) {
                (Role::Client, Dir::Out, ticket) => {
                    let (at, conn) = self.conn(record, *conn);
                    conn.framed += bytes.len() as u64;
                    let Some(ticket) = ticket else { return };
                    conn.spoke.get_or_insert(seq);
                    let sent = Sent {
                        seq,
                        at: record.at,
                        conn: at,
                        end: conn.framed,
                        bytes,
                        name: msg_id.as_deref(),
                    };
                    self.request(*ticket).sent.push(sent);
                }
                (Role::Client, Dir::In, Some(ticket)) => {
                    self.request(*ticket).answered.push((node, seq));
                }
                (Role::Device, Dir::In, Some(ticket)) => {
                    self.conn(record, *conn).1.names_requests = true;
                    self.request(*ticket).arrived.push(seq);
                }
                (Role::Device, Dir::In, None) => {
                    let name = msg_id.as_deref().map(|name| (seq, name));
                    self.conn(record, *conn).1.names.extend(name);
                }
                (Role::Client, Dir::In, None)
                | (Role::Device, Dir::Out, _)
                | (Role::Proxy | Role::Lab, _, _) => {}
            },
            Event::Fact { fact: Fact::Applied { ticket, .. }, .. } if role == Role::Device => {
                self.request(*ticket).applied.push((node, seq));
            }
            Event::Fact { fact: Fact::Quirk { name, .. }, .. } => {
                self.fired.entry((node, name)).or_default().push(seq);
            }
            Event::Struck { conn: 0, fault, .. } => {
                self.doors.changed.entry((node, fault)).or_default().push(seq);
            }
            Event::Struck { conn, fault, did, .. } => {
                self.conn(record, *conn).1.struck.push(fault);
                // A cut that may have arrived as one piece cut nothing.
                if !did.contains(UNPROVED) {
                    self.fired.entry((node, fault)).or_default().push(seq);
                }
            }
            Event::Joined { conn, onto } => {
                let (near, far) = (self.conn(record, *conn).0, self.conn(record, *onto).0);
                self.conns[near].joined = Some(far);
                self.conns[far].joined = Some(near);
            }
            Event::Lifted { device, fault } => {
                self.lifted.entry((device, fault)).or_default().push(seq);
            }
            Event::Listening { addr } if role == Role::Proxy => {
                self.doors.at.insert(node, *addr);
            }
            Event::Connecting { addr, .. } => {
                self.doors.knocks.entry(*addr).or_default().push(seq);
            }
            Event::StepFailed { step, problem } => self.failed_steps.push((seq, *step, problem)),
            Event::ListenFailed { addr, detail } => {
                self.deafened.push((seq, node, *addr, detail));
            }
            Event::Armed { device, quirk } => self.armed.push(Armed { seq, device, quirk }),
            Event::ConnectFailed { stage: Stage::Refused, .. } => self.refused.push(seq),
            Event::Ended { tasks_left } => self.ended = Some((seq, *tasks_left)),
            Event::Listening { .. }
            | Event::Deaf
            | Event::Attempt { .. }
            | Event::ConnectFailed { .. }
            | Event::Sent { .. }
            | Event::Fact { .. }
            | Event::Push { .. }
            | Event::Eof { .. }
            | Event::AttemptFailed { .. }
            | Event::Proved { .. }
            | Event::Lost { .. }
            | Event::Reached { .. }
            | Event::Pulse { .. }
            | Event::Intake { .. }
            | Event::Resent { .. }
            | Event::Breaker { .. }
            | Event::Told { .. }
            | Event::Step { .. } => {}
        }
    }

    /// Finds the other end of a connection, which wrote down the same addresses the other way round.
    fn pair(&mut self, at: usize, node: &str, local: SocketAddr, peer: SocketAddr) {
        match self.single.remove(&(peer, local)) {
            Some(other) if self.conns[other].node != node => {
                self.conns[at].other_end = Some(other);
                self.conns[other].other_end = Some(at);
            }
            // Addresses are used again; an older end that waited in vain was never accepted.
            Some(_) | None => _ = self.single.insert((local, peer), at),
        }
    }

    fn request(&mut self, ticket: Ticket) -> &mut Request<'a> {
        self.requests.entry(ticket).or_default()
    }

    /// The connection now known by this number at the record's node, and its place.
    fn conn(&mut self, record: &'a Record, number: u32) -> (usize, &mut Conn<'a>) {
        let at = *self.open.entry((&record.node, number)).or_insert_with(|| {
            self.conns.push(Conn {
                node: &record.node,
                role: record.role,
                number,
                opened: None,
                ready: None,
                closed: None,
                spoke: None,
                received: Vec::new(),
                framed: 0,
                parts: Vec::new(),
                names_requests: false,
                names: Vec::new(),
                peer: None,
                other_end: None,
                joined: None,
                struck: Vec::new(),
            });
            self.conns.len() - 1
        });
        (at, &mut self.conns[at])
    }
}
