//! A run as a sequence: who is in it, what went from whom to whom, and what each made of it. It
//! knows no drawing; pictures and texts are folds over it.
use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use net::{Event, Record, Role};
use proto::{CloseReason, Stage, Time};

use super::{
    marks::{Mark, mark},
    wires::{Chunk, End, Stamp, Wire, wires},
};

/// A run, in the order in which it happened.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Who is in it: clients, then what is between, then devices.
    pub lanes: Vec<Lane>,
    /// What happened.
    pub moments: Vec<Moment>,
}

/// Who something happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The node's name, or the address of one that kept no record.
    pub name: String,
    /// What part it plays; none if it kept no record.
    pub role: Option<Role>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When, by the first record of it.
    pub stamp: Stamp,
    /// What the connections were about just then.
    pub phase: Phase,
    /// The records that say so.
    pub records: Vec<u64>,
    /// What.
    pub what: What,
}

/// What a stretch of a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Listening, dialling.
    SetUp,
    /// Bytes towards the device.
    Transmission,
    /// Bytes towards the client.
    Response,
    /// Ends of connections.
    Teardown,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// Something went from one lane to another.
    Arrow(Arrow),
    /// Something happened at one lane, or to all of them.
    Mark {
        /// Where; none for the run as a whole.
        lane: Option<usize>,
        /// What.
        mark: Mark,
    },
}

/// Something that went from one lane to another.
#[derive(Clone, Debug)]
pub struct Arrow {
    /// The lane it left.
    pub from: usize,
    /// The lane it was for.
    pub to: usize,
    /// What it is.
    pub kind: ArrowKind,
    /// In a few words.
    pub text: String,
    /// When it was there; none if nobody saw it come.
    pub came: Option<Stamp>,
    /// Whether it is known not to have come.
    pub lost: bool,
    /// The bytes, if it is bytes.
    pub bytes: Bytes,
}

/// What can go from one lane to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrowKind {
    /// A connection.
    Dial,
    /// Bytes.
    Bytes,
    /// No more bytes.
    Fin,
    /// The end of it, at once.
    Reset,
}

impl Phase {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SetUp => "set-up",
            Self::Transmission => "transmission",
            Self::Response => "response",
            Self::Teardown => "teardown",
        }
    }
}

impl Sequence {
    /// What this record tells.
    pub fn of(records: &[Record]) -> Self {
        let wires = wires(records);
        let lanes = Lanes::of(records, &wires);
        let mut moments = Vec::new();
        for wire in &wires {
            lanes.dial(wire, &mut moments);
            for (near, far) in wire.ways() {
                let at = (lanes.of_end(near), lanes.of_end(far));
                bytes(near, far, at, &mut moments);
                ends(near, far, at, &mut moments);
            }
        }
        for record in records {
            if let Some(mark) = mark(record) {
                let stamp = Stamp { at: record.at, seq: record.seq };
                let lane = lanes.at(&record.node);
                let mut moment = moment(stamp, [record.seq], What::Mark { lane, mark });
                if let Event::Closed { .. } = record.event {
                    moment.phase = Phase::Teardown;
                }
                moments.push(moment);
            }
        }
        moments.sort_by_key(|moment| moment.stamp);
        set_phases(&mut moments);
        Self { lanes: lanes.0, moments }
    }
}

/// Lanes of one drawing; who comes later shares one.
const MOST: usize = 40;
const OTHERS: &str = "others";

struct Lanes(Vec<Lane>);

impl Lanes {
    fn of(records: &[Record], wires: &[Wire]) -> Self {
        let mut lanes = Vec::new();
        let mut add = |lane: Lane| {
            if lanes.len() < MOST && !lanes.contains(&lane) {
                let is_last = lanes.len() + 1 == MOST;
                lanes.push(if is_last { Lane { name: OTHERS.into(), role: None } } else { lane });
            }
        };
        let ends = wires.iter().flat_map(|wire| [&wire.dialler, &wire.dialled]);
        // The lab has a lane where it takes part itself.
        let connected = |node: &Arc<str>| ends.clone().any(|end| end.node.as_ref() == Some(node));
        for Record { node, role, .. } in records {
            match role {
                Role::Client | Role::Proxy | Role::Device => {}
                Role::Lab if connected(node) => {}
                Role::Lab => continue,
            }
            add(Lane { name: node.to_string(), role: Some(*role) });
        }
        for wire in wires {
            for end in [&wire.dialler, &wire.dialled].iter().filter(|end| end.node.is_none()) {
                add(Lane { name: unseen(end, wire), role: None });
            }
        }
        let dialled_unseen = |lane: &Lane| {
            let is = |wire: &Wire| {
                wire.dialled.node.is_none() && unseen(&wire.dialled, wire) == lane.name
            };
            wires.iter().any(is)
        };
        lanes.sort_by_key(|lane| match lane.role {
            None if !dialled_unseen(lane) => 0,
            Some(Role::Lab) => 1,
            Some(Role::Client) => 2,
            Some(Role::Proxy) => 3,
            Some(Role::Device) => 4,
            None => 5,
        });
        Self(lanes)
    }
    fn at(&self, node: &str) -> Option<usize> {
        self.0.iter().position(|lane| lane.role.is_some() && lane.name == node)
    }
    fn of_end(&self, end: &End) -> usize {
        let named = end.node.as_ref().and_then(|node| self.at(node));
        let place = |name: &str| self.0.iter().position(|l| l.role.is_none() && l.name == name);
        named
            .or_else(|| place(&address(end.addr)))
            .or_else(|| place(&somewhere_at(end.addr)))
            .or_else(|| place(OTHERS))
            .unwrap_or_default()
    }
    fn dial(&self, wire: &Wire, moments: &mut Vec<Moment>) {
        let Wire { dialler, dialled } = wire;
        let (from, to) = (self.of_end(dialler), self.of_end(dialled));
        let stamps = [dialler.connecting, dialler.opened, dialled.opened];
        let Some(left) = stamps.into_iter().flatten().min() else { return };
        let records = stamps.into_iter().flatten().map(|stamp| stamp.seq);
        let failed = dialler.failed.as_ref().map(|(stamp, ..)| stamp.seq);
        let text = match (&dialler.failed, dialler.conn.max(dialled.conn)) {
            (Some((_, Stage::Refused, _)), _) => "connect: refused".into(),
            (Some((_, stage, _)), _) => format!("connect: {stage}"),
            (None, 0) => "connect".into(),
            (None, conn) => format!("connect #{conn}"),
        };
        let arrow = Arrow {
            from,
            to,
            kind: ArrowKind::Dial,
            text,
            came: dialled.opened.filter(|came| *came >= left),
            lost: dialler.failed.is_some(),
            bytes: Bytes::new(),
        };
        moments.push(moment(left, records.chain(failed), What::Arrow(arrow)));
    }
}

/// What went from one end to the other.
fn bytes(near: &End, far: &End, (from, to): (usize, usize), moments: &mut Vec<Moment>) {
    let arrow = |chunk: &Chunk, text, came, lost| {
        let bytes = chunk.bytes.clone();
        What::Arrow(Arrow { from, to, kind: ArrowKind::Bytes, text, came, lost, bytes })
    };
    for chunk in &near.sent {
        let came = far.had(chunk.end());
        // The far end may be quicker to write down what it read than we what we wrote.
        let left = came.map_or(chunk.stamp, |came| came.min(chunk.stamp));
        let lost = came.is_none() && far.closed.is_some();
        let what = arrow(chunk, text(chunk), came.filter(|came| *came > left), lost);
        let frames = chunk.frames.iter().map(|framed| framed.seq);
        let records = [chunk.stamp.seq].into_iter().chain(frames).chain(came.map(|c| c.seq));
        moments.push(moment(left, records, what));
    }
    // What nobody wrote down as sent was sent all the same.
    let known = near.sent.last().map_or(0, Chunk::end);
    for chunk in far.received.iter().filter(|chunk| chunk.start >= known) {
        let frames = chunk.frames.iter().map(|framed| framed.seq);
        let what = arrow(chunk, text(chunk), None, false);
        moments.push(moment(chunk.stamp, [chunk.stamp.seq].into_iter().chain(frames), what));
    }
}

/// `S1F1 W`, or how many bytes it is.
fn text(chunk: &Chunk) -> String {
    let kinds: Vec<&str> = chunk.frames.iter().take(3).map(|f| &*f.kind).collect();
    let more = if chunk.frames.len() > kinds.len() { ", …" } else { "" };
    let unit = if chunk.bytes.len() == 1 { "byte" } else { "bytes" };
    match kinds.as_slice() {
        [] => format!("{} {unit}", chunk.bytes.len()),
        kinds => format!("{}{more} ({} {unit})", kinds.join(", "), chunk.bytes.len()),
    }
}

/// How this end was seen to end: its FIN, its reset.
fn ends(near: &End, far: &End, (from, to): (usize, usize), moments: &mut Vec<Moment>) {
    let mut push = |kind, text: &str, left: Stamp, came: Option<Stamp>| {
        let arrow = Arrow {
            from,
            to,
            kind,
            text: text.into(),
            came: came.filter(|came| *came > left),
            lost: false,
            bytes: Bytes::new(),
        };
        let records = [left.seq].into_iter().chain(came.map(|c| c.seq));
        moments.push(moment(left, records, What::Arrow(arrow)));
    };
    let ours = near.closed.as_ref().map(|(stamp, _)| *stamp);
    if let Some(came) = far.eof {
        push(ArrowKind::Fin, "FIN", ours.unwrap_or(came).min(came), Some(came));
    }
    match (&near.closed, &far.closed) {
        (_, Some((came, CloseReason::Reset))) => {
            push(ArrowKind::Reset, "RST", ours.unwrap_or(*came).min(*came), Some(*came));
        }
        (Some((left, CloseReason::Abort)), _) => push(ArrowKind::Reset, "RST", *left, None),
        _ => {}
    }
}

fn moment(stamp: Stamp, records: impl IntoIterator<Item = u64>, what: What) -> Moment {
    let mut records: Vec<u64> = records.into_iter().collect();
    records.sort_unstable();
    records.dedup();
    Moment { stamp, phase: Phase::SetUp, records, what }
}

/// What is sent says what it is about; what else happens belongs to it.
fn set_phases(moments: &mut [Moment]) {
    let mut now = Phase::SetUp;
    for moment in moments {
        match &moment.what {
            What::Arrow(Arrow { from, to, kind, .. }) => {
                now = match kind {
                    ArrowKind::Dial => Phase::SetUp,
                    ArrowKind::Bytes if from < to => Phase::Transmission,
                    ArrowKind::Bytes => Phase::Response,
                    ArrowKind::Fin | ArrowKind::Reset => Phase::Teardown,
                };
            }
            What::Mark { .. } if moment.phase == Phase::Teardown => now = Phase::Teardown,
            What::Mark { .. } => {}
        }
        moment.phase = now;
    }
}

/// What to call an end of which there is no record.
fn unseen(end: &End, wire: &Wire) -> String {
    // Whoever dials has a new port each time.
    if std::ptr::eq(end, &wire.dialler) { somewhere_at(end.addr) } else { address(end.addr) }
}

fn address(addr: Option<SocketAddr>) -> String {
    addr.map_or_else(|| "somebody".into(), |addr| addr.to_string())
}

fn somewhere_at(addr: Option<SocketAddr>) -> String {
    addr.map_or_else(|| "somebody".into(), |addr| addr.ip().to_string())
}

/// Milliseconds, as every report writes an instant of a run.
pub(super) fn ms(at: Time) -> String {
    let us = at.as_micros();
    format!("{}.{:03}", us / 1000, us % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{late, played};

    fn arrows(sequence: &Sequence) -> Vec<&Arrow> {
        let arrows = sequence.moments.iter().filter_map(|moment| match &moment.what {
            What::Arrow(arrow) => Some(arrow),
            What::Mark { .. } => None,
        });
        arrows.collect()
    }

    #[test]
    fn bytes_are_one_arrow_however_many_ends_wrote_them_down() {
        let sequence = Sequence::of(&late());
        let texts: Vec<_> = arrows(&sequence).iter().map(|a| a.text.as_str()).collect();
        let expected = [
            "connect #1",
            "toggle (91 bytes)",
            "FIN",
            "connect #2",
            "toggle (91 bytes)",
            "ack (3 bytes)",
        ];
        assert_eq!(texts, expected);
        assert!(arrows(&sequence).iter().all(|a| !a.lost && a.from != a.to));
    }

    #[test]
    fn a_record_without_the_device_still_shows_what_the_client_saw() {
        let mut records = late();
        records.retain(|r| r.role != Role::Device);
        let sequence = Sequence::of(&records);
        let names: Vec<_> = sequence.lanes.iter().map(|lane| lane.name.as_str()).collect();
        assert_eq!(names, ["toggler", "127.0.0.1:40001"]);
        assert_eq!(arrows(&sequence).last().unwrap().text, "ack (3 bytes)");
    }

    #[test]
    fn the_phases_of_a_command_follow_each_other() {
        let sequence = Sequence::of(&played("happy-path"));
        let mut phases: Vec<_> = sequence.moments.iter().map(|m| m.phase).collect();
        phases.dedup();
        use Phase::*;
        assert_eq!(phases, [SetUp, Transmission, Response, Teardown]);
    }

    #[test]
    fn a_refused_connection_is_an_arrow_that_never_came() {
        let sequence = Sequence::of(&played("connection-refused"));
        let first = arrows(&sequence)[0].clone();
        assert_eq!((first.text.as_str(), first.lost, first.came), ("connect: refused", true, None));
    }

    #[test]
    fn a_reset_is_told_from_a_close() {
        let kinds = |name| {
            let sequence = Sequence::of(&played(name));
            arrows(&sequence).iter().map(|a| a.kind).collect::<Vec<_>>()
        };
        assert!(kinds("reset-after-reading").contains(&ArrowKind::Reset));
        assert!(!kinds("happy-path").contains(&ArrowKind::Reset));
    }

    /// A byte through a proxy that loses every other one: what came in is not what went out.
    fn through_a_proxy() -> Vec<Record> {
        let addr = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (local, peer) = (addr(1), addr(2));
        let opened = |conn, local, peer| Event::Opened { conn, local, peer };
        let did = "1 byte lost".to_owned();
        let (conn, flow, fault, at) = (1, net::record::Flow::Up, "lose".into(), 0);
        let steps = [
            ("wire", Role::Proxy, Event::Listening { addr: peer }),
            ("lamp", Role::Device, Event::Listening { addr: addr(4) }),
            ("host", Role::Client, Event::Connecting { conn, addr: peer }),
            ("host", Role::Client, opened(1, local, peer)),
            ("wire", Role::Proxy, opened(1, peer, local)),
            ("wire", Role::Proxy, Event::Connecting { conn: 2, addr: addr(4) }),
            ("wire", Role::Proxy, opened(2, addr(3), addr(4))),
            ("lamp", Role::Device, opened(1, addr(4), addr(3))),
            ("wire", Role::Proxy, Event::Joined { conn: 1, onto: 2 }),
            ("host", Role::Client, Event::Sent { conn, bytes: Bytes::from_static(b"ab") }),
            ("wire", Role::Proxy, Event::Received { conn, bytes: Bytes::from_static(b"ab") }),
            ("wire", Role::Proxy, Event::Struck { conn, flow, fault, at, did }),
            ("wire", Role::Proxy, Event::Sent { conn: 2, bytes: Bytes::from_static(b"b") }),
            ("lamp", Role::Device, Event::Received { conn, bytes: Bytes::from_static(b"b") }),
        ];
        let record = |(seq, (node, role, event)): (u64, (&str, Role, Event))| Record {
            seq,
            at: Time::from_millis(seq),
            node: node.into(),
            role,
            line: 0,
            event,
        };
        (0..).zip(steps).map(record).collect()
    }

    #[test]
    fn a_proxy_stands_between_and_what_struck_there_is_marked() {
        let sequence = Sequence::of(&through_a_proxy());
        let names: Vec<_> = sequence.lanes.iter().map(|lane| lane.name.as_str()).collect();
        assert_eq!(names, ["host", "wire", "lamp"]);
        let told: Vec<_> =
            arrows(&sequence).iter().map(|a| (a.from, a.to, a.text.clone())).collect();
        let expected = [
            (0, 1, "connect #1".to_owned()),
            (1, 2, "connect #2".to_owned()),
            (0, 1, "2 bytes".to_owned()),
            (1, 2, "1 byte".to_owned()),
        ];
        assert_eq!(told, expected);
        let marks = sequence.moments.iter().filter_map(|moment| match &moment.what {
            What::Mark { lane: Some(1), mark } => Some(mark.text.as_str()),
            What::Mark { .. } | What::Arrow(_) => None,
        });
        let marks: Vec<_> = marks.collect();
        assert!(marks.contains(&"#1 joined to #2"), "{marks:?}");
        assert!(marks.contains(&"fault lose, #1 up, byte 0: 1 byte lost"), "{marks:?}");
    }

    #[test]
    fn more_than_can_be_drawn_share_a_lane() {
        let mut records = late();
        let template = records[0].clone();
        for n in 0..100 {
            let addr = SocketAddr::from(([192, 0, 2, n], 9));
            let event = Event::Connecting { conn: 100 + u32::from(n), addr };
            let (node, role) = ("toggler".into(), Role::Client);
            records.push(Record { seq: 100 + u64::from(n), node, role, event, ..template.clone() });
        }
        let sequence = Sequence::of(&records);
        assert_eq!(sequence.lanes.len(), MOST);
        let others = sequence.lanes.iter().position(|lane| lane.name == OTHERS).unwrap();
        assert!(arrows(&sequence).iter().filter(|arrow| arrow.to == others).count() > 50);
    }
}
