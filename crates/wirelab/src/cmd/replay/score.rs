//! What the other side said, held against what it said when it was recorded.
use std::{collections::BTreeMap, ops::Range};

use lab::registry::AnyProtocol;
use proto::session::hex;
use serde::Serialize;

use super::{
    pairs,
    tape::{Beat, End, Scene},
};

/// Differences told of one connection; after that they are only more of the same.
const MOST: usize = 1000;
/// Bytes of each that are shown.
const SHOWN: usize = 8;

/// A place where it was not as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// Which connection, from 1.
    pub(super) connection: usize,
    /// Which of its messages, from 1: frames where the protocol is known, else what was said in one go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<usize>,
    /// Where in the recorded stream.
    pub(super) offset: usize,
    /// What differs.
    pub(super) what: &'static str,
    pub(super) expected: String,
    pub(super) got: String,
}

/// A stream cut into messages as far as it is whole.
pub(super) struct Frames {
    protocol: Option<&'static dyn AnyProtocol>,
    ends: Vec<usize>,
}

impl Frames {
    pub(super) fn new(protocol: Option<&'static dyn AnyProtocol>) -> Self {
        Self { protocol, ends: Vec::new() }
    }
    /// Those of the whole of `all`.
    pub(super) fn of(protocol: &'static dyn AnyProtocol, all: &[u8]) -> Self {
        let mut frames = Self::new(Some(protocol));
        frames.grow(all);
        frames
    }
    /// Goes on cutting: `all` begins as it did.
    pub(super) fn grow(&mut self, all: &[u8]) {
        let Some(protocol) = self.protocol else { return };
        loop {
            let at = self.end();
            let whole = protocol.extent(&all[at..]).and_then(|n| usize::try_from(n.max(1)).ok());
            match whole {
                Some(n) if n <= all.len() - at => self.ends.push(at + n),
                Some(_) | None => return,
            }
        }
    }
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
    /// How many end before there.
    pub(super) fn before(&self, upto: usize) -> usize {
        self.ends.partition_point(|end| *end <= upto)
    }
    /// Where the nth is, from 0.
    pub(super) fn range(&self, n: usize) -> Range<usize> {
        let start = n.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[n]
    }
    /// Where the last whole one ends.
    pub(super) fn end(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }
}

/// Everything that differs in what was heard.
pub(super) fn compare(
    connection: usize,
    scene: &Scene,
    heard: &[u8],
    protocol: Option<&'static dyn AnyProtocol>,
) -> Vec<Difference> {
    let mut found = match protocol {
        Some(protocol) => pairs::by_frame(connection, &scene.theirs, heard, protocol),
        None => by_byte(connection, scene, heard),
    };
    found.truncate(MOST);
    found
}

fn by_byte(connection: usize, scene: &Scene, heard: &[u8]) -> Vec<Difference> {
    let ends = scene.beats.iter().filter_map(|beat| match beat {
        Beat::Heard(upto) => Some(*upto),
        Beat::Said(_) | Beat::TheyEnded(_) | Beat::WeEnded(_) => None,
    });
    let mut found = Vec::new();
    let mut start = 0;
    let theirs = &scene.theirs;
    for (n, end) in ends.enumerate() {
        let there = end.min(heard.len());
        let differs = (start..there).find(|at| theirs[*at] != heard[*at]);
        if let Some(at) = differs {
            let (expected, got) = (show(&theirs[at..end]), show(&heard[at..there]));
            let message = Some(n + 1);
            found.push(Difference {
                connection,
                message,
                offset: at,
                what: "bytes",
                expected,
                got,
            });
        }
        start = there;
    }
    found.extend(rest(connection, heard.len().min(theirs.len()), theirs, heard));
    found
}

/// What is missing at the end, or too much.
fn rest(connection: usize, common: usize, theirs: &[u8], heard: &[u8]) -> Option<Difference> {
    let (missing, more) = (&theirs[common.min(theirs.len())..], &heard[common.min(heard.len())..]);
    let what = match (missing, more) {
        ([], []) => return None,
        ([], _) => "more",
        (_, []) => "missing",
        (_, _) => "rest",
    };
    let (expected, got) = (show(missing), show(more));
    Some(Difference { connection, message: None, offset: common, what, expected, got })
}

/// An end that was another, or none.
pub(super) fn ended(
    connection: usize,
    offset: usize,
    expected: Option<End>,
    got: Option<End>,
) -> Difference {
    let word = |end: Option<End>| end.map_or("nothing", End::name).to_owned();
    let (expected, got) = (word(expected), word(got));
    Difference { connection, message: None, offset, what: "end", expected, got }
}

pub(super) fn show(bytes: &[u8]) -> String {
    let more = if bytes.len() > SHOWN { " …" } else { "" };
    format!("{}{more}", hex::encode(&bytes[..bytes.len().min(SHOWN)]))
}

/// Ids that came other than recorded, for the answers that name them.
#[derive(Default)]
pub(super) struct Ids {
    now: BTreeMap<Id, Vec<u8>>,
    recorded: Asked,
    live: Asked,
}

/// An id, and in exchanges of which kind.
type Id = (&'static str, Vec<u8>);

/// Ids asked for so far, in their order, by kind of exchange.
#[derive(Default)]
struct Asked {
    frames: usize,
    ids: BTreeMap<&'static str, Vec<Vec<u8>>>,
}

impl Asked {
    fn grow(&mut self, all: &[u8], frames: &Frames) {
        let Some(protocol) = frames.protocol else { return };
        while self.frames < frames.len() {
            let frame = &all[frames.range(self.frames)];
            for (exchange, at) in ids(protocol, frame, false) {
                self.ids.entry(exchange).or_default().push(frame[at].to_vec());
            }
            self.frames += 1;
        }
    }
}

impl Ids {
    /// Learns from all frames that are there by now: the nth question of a kind is the nth recorded.
    pub(super) fn learn(&mut self, scene: &Scene, wanted: &Frames, heard: &[u8], came: &Frames) {
        let known: BTreeMap<_, _> =
            self.live.ids.iter().map(|(exchange, ids)| (*exchange, ids.len())).collect();
        self.recorded.grow(&scene.theirs, wanted);
        self.live.grow(heard, came);
        for (exchange, live) in &self.live.ids {
            let Some(recorded) = self.recorded.ids.get(exchange) else { continue };
            let pairs = recorded.iter().zip(live).skip(known.get(exchange).copied().unwrap_or(0));
            for (old, new) in pairs {
                self.now.insert((exchange, old.clone()), new.clone());
            }
        }
    }
    /// Puts them into the answers that begin in this stretch.
    pub(super) fn put(&self, ours: &mut [u8], frames: &Frames, stretch: Range<usize>) {
        let Some(protocol) = frames.protocol else { return };
        for n in frames.before(stretch.start)..frames.len() {
            let range = frames.range(n);
            if range.start >= stretch.end {
                return;
            }
            let frame = &mut ours[range];
            for (exchange, at) in ids(protocol, frame, true) {
                let new = self.now.get(&(exchange, frame[at.clone()].to_vec()));
                if let Some(new) = new.filter(|new| new.len() == at.len()) {
                    frame[at].copy_from_slice(new);
                }
            }
        }
    }
}

/// Where in a frame the ids are by which it asks, or answers.
fn ids(
    protocol: &dyn AnyProtocol,
    frame: &[u8],
    answers: bool,
) -> Vec<(&'static str, Range<usize>)> {
    let turns = protocol.turns(frame).into_iter().filter(|turn| turn.answers == answers);
    let placed = turns.filter_map(|turn| Some((turn.exchange, turn.id?)));
    placed.filter(|(_, at)| at.end <= frame.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(theirs: &[&[u8]]) -> Scene {
        let mut scene = Scene::default();
        for (n, bytes) in theirs.iter().enumerate() {
            scene.theirs.extend_from_slice(bytes);
            scene.beats.push(Beat::Heard(scene.theirs.len()));
            scene.beats.push(Beat::Said(n + 1));
        }
        scene
    }

    #[test]
    fn bytes_differ_once_for_each_thing_said() {
        let scene = scene(&[b"hello", b"world"]);
        assert_eq!(compare(1, &scene, b"helloworld", None), []);
        let found = compare(1, &scene, b"hExxoworlx", None);
        let places: Vec<_> = found.iter().map(|d| (d.message, d.offset, d.what)).collect();
        assert_eq!(places, [(Some(1), 1, "bytes"), (Some(2), 9, "bytes")]);
        assert_eq!((&*found[1].expected, &*found[1].got), ("64", "78"));
        let what = |heard: &[u8]| compare(1, &scene, heard, None)[0].clone();
        assert_eq!((what(b"hello").what, what(b"hello").offset), ("missing", 5));
        assert_eq!((what(b"helloworld!").what, &*what(b"helloworld!").got), ("more", "21"));
    }

    #[test]
    fn frames_differ_in_kind_or_length_and_not_in_content() {
        let hsms = lab::registry::find("hsms").unwrap();
        let linktest = |system: u8| [0, 0, 0, 10, 255, 255, 0, 0, 0, 5, 0, 0, 0, system];
        let separate = [0, 0, 0, 10, 255, 255, 0, 0, 0, 9, 0, 0, 0, 3];
        let scene = scene(&[&linktest(1), &linktest(2)]);
        let compared = |heard: &[u8]| {
            let found = compare(1, &scene, heard, Some(hsms));
            found.into_iter().map(|d| (d.message, d.what)).collect::<Vec<_>>()
        };
        assert_eq!(compared(&[linktest(8), linktest(9)].concat()), []);
        assert_eq!(compared(&[linktest(8), separate].concat()), [(Some(2), "kind")]);
        let long = [0, 0, 0, 11, 255, 255, 0, 0, 0, 5, 0, 0, 0, 2, 0];
        assert_eq!(compared(&[&linktest(8)[..], &long].concat()), [(Some(2), "length")]);
        assert_eq!(compared(&linktest(8)), [(Some(2), "missing")]);
        assert_eq!(compared(&[linktest(1), linktest(2), separate].concat()), [(Some(3), "more")]);
        let cut = [&linktest(1)[..], &linktest(2), b"\0\0"].concat();
        assert_eq!(compared(&cut), [(None, "rest")]);
    }

    #[test]
    fn an_answer_names_the_id_that_came() {
        let hsms = lab::registry::find("hsms").unwrap();
        let message =
            |stype: u8, system: u8| [0, 0, 0, 10, 255, 255, 0, 0, 0, stype, 0, 0, 0, system];
        let scene = scene(&[&message(5, 1)]);
        let heard = message(5, 77);
        let mut ids = Ids::default();
        ids.learn(&scene, &Frames::of(hsms, &scene.theirs), &heard, &Frames::of(hsms, &heard));
        // The answer; a question of ours that happens to have the same number; an answer to another.
        let mut ours = [message(6, 1), message(5, 1), message(6, 2)].concat();
        let frames = Frames::of(hsms, &ours);
        let all = 0..ours.len();
        ids.put(&mut ours, &frames, all);
        assert_eq!(ours, [message(6, 77), message(5, 1), message(6, 2)].concat());
    }

    #[test]
    fn a_bridges_answers_name_the_ids_of_the_commands_that_came() {
        let cync = lab::registry::find("cync").unwrap();
        let command = |id: u8, seq: u8| {
            let head = [0x73, 0, 0, 0, 31, 1, 2, 3, 4, 0, id, 0, 0x7e, seq, 0, 0, 0, 0xf8, 0xd0];
            let body = [13, 0, seq, 0, 0, 0, 0, 206, 0, 0xd0, 0x11, 2, 1, 0, 0, 0, 0x7e];
            [&head[..], &body[..]].concat()
        };
        let took = |id: u8| [0x7b, 0, 0, 0, 7, 1, 2, 3, 4, 0, id, 0];
        let done = |seq: u8| {
            let head = [0x73, 0, 0, 0, 19, 1, 2, 3, 4, 0, 99, 0, 0x7e, seq, 0, 0, 0];
            [&head[..], &[0xf9, 0xd0, 1, 0, 0, 0xd1, 0x7e]].concat()
        };
        let pong = [0xd8, 0, 0, 0, 0];
        let scene = scene(&[&command(1, 4), &pong, &command(2, 5)]);
        // A pong that comes later than it did is no command.
        let heard = [&command(7, 40)[..], &command(8, 50), &pong].concat();
        let mut ids = Ids::default();
        ids.learn(&scene, &Frames::of(cync, &scene.theirs), &heard, &Frames::of(cync, &heard));
        let mut ours = [&took(1)[..], &done(4), &took(2), &done(5)].concat();
        let frames = Frames::of(cync, &ours);
        let all = 0..ours.len();
        ids.put(&mut ours, &frames, all);
        assert_eq!(ours, [&took(7)[..], &done(40), &took(8), &done(50)].concat());
    }
}
