//! The record sorted by what the laws ask about, in one pass.
use std::collections::BTreeMap;

use net::{Dir, Event, Record, record::End, record::Role};
use proto::{Delivery, Fact, Stage, Ticket};

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
    /// When clients were refused.
    pub refused: Vec<u64>,
    /// A device wrote down what it saw.
    pub has_device: bool,
    /// Steps of the scenario that could not be done, and why.
    pub failed_steps: Vec<(u64, usize, &'a str)>,
    /// The end of the run, and the tasks it left.
    pub ended: Option<(u64, usize)>,
    open: BTreeMap<(&'a str, u32), usize>,
}

/// One request as both ends saw it.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub submitted: Vec<u64>,
    pub done: Vec<Done<'a>>,
    /// Its frames left a client: on which connection, and when.
    pub sent: Vec<(usize, u64)>,
    /// Its frames reached a device.
    pub arrived: Vec<u64>,
    /// Its answer reached this client.
    pub answered: Vec<(&'a str, u64)>,
    /// This device did it.
    pub applied: Vec<(&'a str, u64)>,
}

/// A request's end.
pub(super) struct Done<'a> {
    pub seq: u64,
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
    /// Whenever bytes came in on it.
    pub received: Vec<u64>,
}

/// A quirk the lab armed.
pub(super) struct Armed<'a> {
    pub seq: u64,
    pub device: &'a str,
    pub quirk: &'a str,
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
                self.request(*ticket).done.push(Done { seq, client: node, ok });
            }
            Event::Opened { conn, .. } => {
                self.open.remove(&(node, *conn));
                self.conn(record, *conn).1.opened = Some(seq);
            }
            Event::Ready { conn, .. } => _ = self.conn(record, *conn).1.ready.get_or_insert(seq),
            Event::Received { conn, .. } => self.conn(record, *conn).1.received.push(seq),
            Event::Closed { conn, .. } => self.conn(record, *conn).1.closed = Some(seq),
            Event::Frame { conn, dir, ticket: Some(ticket), .. } => match (role, dir) {
                (Role::Client, Dir::Out) => {
                    let (at, conn) = self.conn(record, *conn);
                    conn.spoke.get_or_insert(seq);
                    self.request(*ticket).sent.push((at, seq));
                }
                (Role::Client, Dir::In) => self.request(*ticket).answered.push((node, seq)),
                (Role::Device, Dir::In) => self.request(*ticket).arrived.push(seq),
                (Role::Device, Dir::Out) | (Role::Proxy | Role::Lab, _) => {}
            },
            Event::Fact { fact: Fact::Applied { ticket, .. }, .. } if role == Role::Device => {
                self.request(*ticket).applied.push((node, seq));
            }
            Event::Fact { fact: Fact::Quirk { name, .. }, .. } => {
                self.fired.entry((node, name)).or_default().push(seq);
            }
            Event::StepFailed { step, problem } => self.failed_steps.push((seq, *step, problem)),
            Event::Armed { device, quirk } => self.armed.push(Armed { seq, device, quirk }),
            Event::ConnectFailed { stage: Stage::Refused, .. } => self.refused.push(seq),
            Event::Ended { tasks_left } => self.ended = Some((seq, *tasks_left)),
            Event::Frame { ticket: None, .. }
            | Event::Listening { .. }
            | Event::Deaf
            | Event::Attempt { .. }
            | Event::Connecting { .. }
            | Event::ConnectFailed { .. }
            | Event::Sent { .. }
            | Event::Fact { .. }
            | Event::Push { .. }
            | Event::Eof { .. }
            | Event::AttemptFailed { .. }
            | Event::Step { .. } => {}
        }
    }

    fn request(&mut self, ticket: Ticket) -> &mut Request<'a> {
        self.requests.entry(ticket).or_default()
    }

    /// The connection now known by this number at the record's node, and its place.
    fn conn(&mut self, record: &'a Record, number: u32) -> (usize, &mut Conn<'a>) {
        let at = *self.open.entry((&record.node, number)).or_insert_with(|| {
            let (node, role) = (&*record.node, record.role);
            let (opened, ready, closed, spoke) = (None, None, None, None);
            let received = Vec::new();
            self.conns.push(Conn { node, role, number, opened, ready, closed, spoke, received });
            self.conns.len() - 1
        });
        (at, &mut self.conns[at])
    }
}
