//! Where two runs part: the first thing on the wire that differs. Times, ports and record numbers may
//! differ as they please, and how bytes were cut into pieces; who did what on which connection in
//! which order may not.
use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use bytes::BytesMut;
use net::{Event, Record, Role, record::Run};
use proto::session::hex;
use serde::Serialize;

use super::shown;

/// Events before the one that differs, shown of both.
const BEFORE: usize = 3;
/// Bytes shown from a little before the first that differs.
const BYTES: usize = 16;

/// What comparing two evidence files came to.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    schema: u32,
    /// Nothing differs.
    pub same: bool,
    /// Each case that is in either.
    pub cases: Vec<Case>,
}

/// One case in both files.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// The scenario.
    pub scenario: String,
    /// Things on the wire that are the same.
    pub same_events: usize,
    /// Where it parts; none if it does not.
    pub differs: Option<Difference>,
}

/// The first thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Difference {
    /// Only one of the files holds such a run.
    OnlyIn {
        /// `A` or `B`.
        file: char,
    },
    /// They part here.
    Event {
        /// Whose connection it is.
        node: String,
        /// What part that node plays.
        role: Role,
        /// The node's number for the connection.
        conn: u32,
        /// Place among the events of that connection, from 1.
        event: usize,
        /// The first byte of the event that differs, if it is about bytes.
        byte: Option<usize>,
        /// What is the same just before.
        before: Vec<String>,
        /// In the first file; none if its connection is over.
        a: Option<Seen>,
        /// In the second file.
        b: Option<Seen>,
    },
}

/// One thing on the wire, as one of the files has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// The record; of bytes in pieces, the first.
    pub record: u64,
    /// In words.
    pub text: String,
}

/// Compares the runs of two files, the same scenario's with each other, in their order.
pub fn compare(a: &[Run], b: &[Run]) -> Compared {
    let (named_a, named_b) = (named(a), named(b));
    let mut cases = Vec::new();
    // One of each can only be meant for each other.
    if let ([a], [b]) = (&named_a[..], &named_b[..]) {
        cases.push(case(&a.0, a.1, b.1));
    } else {
        for (name, a) in &named_a {
            let b = named_b.iter().find(|(other, _)| other == name);
            cases.push(match b {
                Some((_, b)) => case(name, a, b),
                None => only_in('A', name),
            });
        }
        let more =
            named_b.iter().filter(|(name, _)| named_a.iter().all(|(other, _)| other != name));
        cases.extend(more.map(|(name, _)| only_in('B', name)));
    }
    let same = cases.iter().all(|case| case.differs.is_none());
    Compared { schema: 1, same, cases }
}

/// The runs by scenario; of several of one the later ones are told apart by a number.
fn named(runs: &[Run]) -> Vec<(String, &[Record])> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let named = runs.iter().map(|(header, records)| {
        let name = header.scenario.as_deref().unwrap_or("unnamed");
        let nth = times.entry(name).or_default();
        *nth += 1;
        let name = if *nth == 1 { name.to_owned() } else { format!("{name} ({nth})") };
        (name, &records[..])
    });
    named.collect()
}

fn only_in(file: char, name: &str) -> Case {
    let differs = Some(Difference::OnlyIn { file });
    Case { scenario: name.into(), same_events: 0, differs }
}

fn case(name: &str, a: &[Record], b: &[Record]) -> Case {
    let (a, b) = (connections(a), connections(b));
    let mut same_events = 0;
    let mut first: Option<(u64, Difference)> = None;
    let nothing = Vec::new();
    let keys: std::collections::BTreeSet<&Key> = a.keys().chain(b.keys()).collect();
    for key in keys {
        let (a, b) = (a.get(key).unwrap_or(&nothing), b.get(key).unwrap_or(&nothing));
        let same = a.iter().zip(b).take_while(|(a, b)| a.did == b.did).count();
        same_events += same;
        let (left, right) = (a.get(same), b.get(same));
        // Which of several is the first, the record tells.
        let Some(at) = left.or(right).map(|did| did.seq) else { continue };
        if first.as_ref().is_none_or(|(earlier, _)| at < *earlier) {
            first = Some((at, difference(key, same, &a[..same], left, right)));
        }
    }
    Case { scenario: name.into(), same_events, differs: first.map(|(_, difference)| difference) }
}

/// A node's connection: its number, and how often the node had begun to count anew.
type Key = (Arc<str>, u32, u32);

/// What one end did or saw.
struct Seq {
    seq: u64,
    role: Role,
    did: Did,
}

#[derive(PartialEq)]
enum Did {
    Dialled,
    Failed(String),
    Opened,
    Sent(BytesMut),
    Received(BytesMut),
    Eof,
    Closed(String),
}

fn connections(records: &[Record]) -> BTreeMap<Key, Vec<Seq>> {
    let mut all: BTreeMap<Key, Vec<Seq>> = BTreeMap::new();
    let mut lives: BTreeMap<(Arc<str>, u32), u32> = BTreeMap::new();
    for Record { seq, node, role, event, .. } in records {
        let (conn, did) = match event {
            Event::Connecting { conn, .. } => (*conn, Did::Dialled),
            Event::ConnectFailed { conn, stage, .. } => (*conn, Did::Failed(stage.to_string())),
            Event::Opened { conn, .. } => (*conn, Did::Opened),
            Event::Sent { conn, bytes } => (*conn, Did::Sent(bytes[..].into())),
            Event::Received { conn, bytes } => (*conn, Did::Received(bytes[..].into())),
            Event::Eof { conn } => (*conn, Did::Eof),
            Event::Closed { conn, reason } => (*conn, Did::Closed(reason.to_string())),
            Event::Listening { .. }
            | Event::Deaf
            | Event::Submitted { .. }
            | Event::Attempt { .. }
            | Event::Frame { .. }
            | Event::Ready { .. }
            | Event::Fact { .. }
            | Event::Push { .. }
            | Event::AttemptFailed { .. }
            | Event::Proved { .. }
            | Event::Lost { .. }
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
            | Event::Lifted { .. }
            | Event::ListenFailed { .. }
            | Event::Struck { .. }
            | Event::Ended { .. } => continue,
        };
        let life = lives.entry((node.clone(), conn)).or_default();
        let key = |life: u32| (node.clone(), conn, life);
        let begun = all.get(&key(*life)).is_some_and(|events| {
            let dialled = events.len() == 1 && events[0].did == Did::Dialled;
            !(dialled && did == Did::Opened)
        });
        if begun && matches!(did, Did::Dialled | Did::Opened) {
            *life += 1;
        }
        let events = all.entry(key(*life)).or_default();
        match (events.last_mut().map(|last| &mut last.did), did) {
            (Some(Did::Sent(before)), Did::Sent(more))
            | (Some(Did::Received(before)), Did::Received(more)) => before.extend_from_slice(&more),
            (_, did) => events.push(Seq { seq: *seq, role: *role, did }),
        }
    }
    all
}

fn difference(
    (node, conn, _): &Key,
    same: usize,
    before: &[Seq],
    a: Option<&Seq>,
    b: Option<&Seq>,
) -> Difference {
    let byte = match (a.map(|a| &a.did), b.map(|b| &b.did)) {
        (Some(Did::Sent(a)), Some(Did::Sent(b)))
        | (Some(Did::Received(a)), Some(Did::Received(b))) => {
            Some(a.iter().zip(b.iter()).take_while(|(a, b)| a == b).count())
        }
        _ => None,
    };
    let seen = |seen: &Seq| Seen { record: seen.seq, text: seen.did.in_words(byte) };
    let before = before[before.len().saturating_sub(BEFORE)..].iter();
    Difference::Event {
        node: node.to_string(),
        role: a.or(b).map_or(Role::Lab, |seen| seen.role),
        conn: *conn,
        event: same + 1,
        byte,
        before: before.map(|seq| seq.did.in_words(None)).collect(),
        a: a.map(seen),
        b: b.map(seen),
    }
}

impl Did {
    /// Of bytes, those around this one.
    fn in_words(&self, byte: Option<usize>) -> String {
        let bytes = |what: &str, bytes: &[u8]| {
            let from = byte.unwrap_or_default().saturating_sub(4);
            let some = &bytes[from.min(bytes.len())..bytes.len().min(from + BYTES)];
            let place = if from > 0 { format!(" from byte {from}") } else { String::new() };
            let more = if from + some.len() < bytes.len() { " …" } else { "" };
            format!("{what} {} bytes{place}: {}{more}", bytes.len(), hex::encode(some))
        };
        match self {
            Self::Dialled => "dials".into(),
            Self::Failed(stage) => format!("fails to connect: {stage}"),
            Self::Opened => "opens".into(),
            Self::Sent(sent) => bytes("sends", sent),
            Self::Received(received) => bytes("receives", received),
            Self::Eof => "reads the end".into(),
            Self::Closed(reason) => format!("closes: {reason}"),
        }
    }
}

/// The comparison for a person.
pub fn text(compared: &Compared) -> String {
    let mut out = String::new();
    for case in compared.cases.iter().filter(|case| case.differs.is_some()) {
        lines(&mut out, case).expect("writing to a string");
    }
    let events: usize = compared.cases.iter().map(|case| case.same_events).sum();
    let differ = compared.cases.iter().filter(|case| case.differs.is_some()).count();
    let cases = compared.cases.len();
    let _ = match differ {
        0 => writeln!(out, "the same on the wire: {cases} cases, {events} events"),
        _ => writeln!(out, "{differ} of {cases} cases differ"),
    };
    out
}

fn lines(out: &mut String, Case { scenario, same_events, differs }: &Case) -> std::fmt::Result {
    let name = shown(scenario, 200);
    let Some(Difference::Event { node, role, conn, event, byte, before, a, b }) = differs else {
        let Some(Difference::OnlyIn { file }) = differs else { return Ok(()) };
        return writeln!(out, "{name}: only in {file}");
    };
    let role = format!("{role:?}").to_lowercase();
    let node = shown(node, 60);
    write!(out, "{name}: parts at event {event} of {role} {node}, connection {conn}")?;
    match byte {
        Some(byte) => writeln!(out, ", at byte {byte}; {same_events} events are the same")?,
        None => writeln!(out, "; {same_events} events are the same")?,
    }
    for text in before {
        writeln!(out, "    {}", shown(text, 200))?;
    }
    for (file, seen) in [('A', a), ('B', b)] {
        match seen {
            Some(Seen { record, text }) => {
                writeln!(out, "  {file} {} [#{record}]", shown(text, 200))?
            }
            None => writeln!(out, "  {file} nothing more")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::late;
    use bytes::Bytes;
    use net::record::Header;
    use proto::Time;

    fn run(records: Vec<Record>) -> Vec<Run> {
        let header = Header {
            wirelab_evidence: Header::FORMAT,
            scenario: Some("toggle/late-answer".into()),
            seed: 1,
            world: "sim".into(),
            version: "0".into(),
            commit: None,
            started: jiff::Timestamp::UNIX_EPOCH,
        };
        vec![(header, records)]
    }
    fn told(a: Vec<Record>, b: Vec<Record>) -> String {
        text(&compare(&run(a), &run(b)))
    }

    #[test]
    fn times_ports_and_numbers_do_not_matter() {
        let mut other = late();
        for record in &mut other {
            record.seq += 100;
            record.at = Time::from_micros(record.at.as_micros() * 3 + 7);
            if let Event::Opened { local, peer, .. } = &mut record.event {
                local.set_port(local.port() ^ 1);
                peer.set_port(peer.port() ^ 1);
            }
        }
        assert_eq!(told(late(), other), "the same on the wire: 1 cases, 17 events\n");
    }

    #[test]
    fn how_bytes_are_cut_does_not_matter() {
        let mut other = late();
        let at = other.iter().position(|r| matches!(r.event, Event::Received { .. })).unwrap();
        let mut rest = other[at].clone();
        if let (Event::Received { bytes: first, .. }, Event::Received { bytes: second, .. }) =
            (&mut other[at].event, &mut rest.event)
        {
            *second = first.split_off(10);
        }
        other.insert(at + 1, rest);
        assert!(told(late(), other).starts_with("the same"));
    }

    #[test]
    fn a_byte_that_differs_is_named_with_its_place_and_both_records() {
        let mut other = late();
        for record in &mut other {
            if let Event::Received { bytes, .. } = &mut record.event
                && bytes.len() == 3
            {
                *bytes = Bytes::from_static(b"ACX");
            }
        }
        insta::assert_snapshot!(told(late(), other));
    }

    #[test]
    fn the_earliest_difference_is_told_not_the_first_node_s() {
        let mut other = late();
        other.retain(|r| !matches!(r.event, Event::Eof { .. } | Event::Sent { .. }));
        let told = told(late(), other);
        assert!(told.contains("of client toggler, connection 1"), "{told}");
        assert!(told.contains("A sends 91 bytes") && told.contains("B closes"), "{told}");
    }

    #[test]
    fn a_case_that_only_one_file_holds_differs() {
        let mut two = run(late());
        two.extend(run(late()));
        let compared = compare(&run(late()), &two);
        assert!(!compared.same);
        assert!(text(&compared).contains("toggle/late-answer (2): only in B"), "{compared:?}");
    }
}
