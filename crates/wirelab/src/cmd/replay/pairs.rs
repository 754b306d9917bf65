//! Which message of a replay is which of the recording: an answer is known by the id that it carries,
//! others by their order among their like. So what comes in another order is no difference, and what does
//! not come is one.
use std::collections::{BTreeMap, VecDeque};

use lab::registry::AnyProtocol;

use super::score::{Difference, Frames, show};

/// By what a message is known, besides its order among those with the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// It answers a question with this id, which we asked as it was recorded.
    Answer(&'static str, Vec<u8>),
    /// It asks, with an id that may be another each time, or asks or answers without any.
    Turn(&'static str, bool),
    /// It belongs to no exchange.
    Alone,
}

impl Known {
    fn of(protocol: &dyn AnyProtocol, frame: &[u8]) -> Self {
        let turns = protocol.turns(frame);
        let answer = turns.iter().filter(|turn| turn.answers).find_map(|turn| {
            let id = frame.get(turn.id.clone()?)?;
            Some(Self::Answer(turn.exchange, id.to_vec()))
        });
        let turn = || turns.first().map(|turn| Self::Turn(turn.exchange, turn.answers));
        answer.or_else(turn).unwrap_or(Self::Alone)
    }
}

/// Everything that differs in what was heard, message by message.
pub(super) fn by_frame(
    connection: usize,
    theirs: &[u8],
    heard: &[u8],
    protocol: &'static dyn AnyProtocol,
) -> Vec<Difference> {
    let (wanted, came) = (Frames::of(protocol, theirs), Frames::of(protocol, heard));
    let mut found = Vec::new();
    for (old, new) in paired(protocol, (&wanted, theirs), (&came, heard)) {
        let frame = |n: Option<usize>, frames: &Frames, all: &[u8]| {
            n.map(|n| all[frames.range(n)].to_vec()).unwrap_or_default()
        };
        let (expected, got) = (frame(old, &wanted, theirs), frame(new, &came, heard));
        let Some(what) = differs(protocol, &expected, &got) else { continue };
        let kind = protocol.speech().kind;
        let words = |frame: &[u8]| match frame {
            [] => String::new(),
            frame => format!("{}, {} bytes: {}", kind(frame), frame.len(), show(frame)),
        };
        let offset = old.map_or(theirs.len(), |n| wanted.range(n).start);
        let message = old.or(new).map(|n| n + 1);
        let (expected, got) = (words(&expected), words(&got));
        found.push(Difference { connection, message, offset, what, expected, got });
    }
    found.sort_by_key(|difference| (difference.offset, difference.message));
    let (cut, more) = (&theirs[wanted.end()..], &heard[came.end()..]);
    if cut.len() != more.len() {
        let (offset, what) = (wanted.end(), "rest");
        let (expected, got) = (show(cut), show(more));
        found.push(Difference { connection, message: None, offset, what, expected, got });
    }
    found
}

/// In what two messages differ that stand for each other, if they do.
fn differs(protocol: &dyn AnyProtocol, expected: &[u8], got: &[u8]) -> Option<&'static str> {
    let kind = protocol.speech().kind;
    let id = |frame: &[u8]| match Known::of(protocol, frame) {
        Known::Answer(_, id) => Some(id),
        Known::Turn(..) | Known::Alone => None,
    };
    match (expected, got) {
        ([], _) => Some("more"),
        (_, []) => Some("missing"),
        (expected, got) if kind(expected) != kind(got) => Some("kind"),
        (expected, got) if expected.len() != got.len() => Some("length"),
        (expected, got) if id(expected) != id(got) => Some("id"),
        (_, _) => None,
    }
}

/// Which recorded message stands for which that came, by their numbers. What is left of both stands for
/// each other in its order, since something came in its place.
fn paired(
    protocol: &dyn AnyProtocol,
    (wanted, theirs): (&Frames, &[u8]),
    (came, heard): (&Frames, &[u8]),
) -> Vec<(Option<usize>, Option<usize>)> {
    let mut there: BTreeMap<Known, VecDeque<usize>> = BTreeMap::new();
    for n in 0..came.len() {
        let known = Known::of(protocol, &heard[came.range(n)]);
        there.entry(known).or_default().push_back(n);
    }
    let (mut pairs, mut missing) = (Vec::new(), Vec::new());
    for n in 0..wanted.len() {
        let known = Known::of(protocol, &theirs[wanted.range(n)]);
        match there.get_mut(&known).and_then(VecDeque::pop_front) {
            Some(found) => pairs.push((Some(n), Some(found))),
            None => missing.push(n),
        }
    }
    let mut more: Vec<usize> = there.into_values().flatten().collect();
    more.sort_unstable();
    for at in 0..missing.len().max(more.len()) {
        pairs.push((missing.get(at).copied(), more.get(at).copied()));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(stype: u8, system: u8) -> [u8; 14] {
        [0, 0, 0, 10, 255, 255, 0, 0, 0, stype, 0, 0, 0, system]
    }

    /// Which message differs, and how.
    fn differences(
        theirs: &[&[u8]],
        heard: &[&[u8]],
        protocol: &str,
    ) -> Vec<(usize, &'static str)> {
        let protocol = lab::registry::find(protocol).unwrap();
        let found = by_frame(1, &theirs.concat(), &heard.concat(), protocol);
        found.into_iter().map(|d| (d.message.unwrap_or(0), d.what)).collect()
    }

    #[test]
    fn answers_in_another_order_are_no_difference() {
        let (one, two, three) = (message(6, 1), message(2, 2), message(6, 3));
        let same = |heard: &[&[u8]]| differences(&[&one, &two, &three], heard, "hsms");
        assert_eq!(same(&[&three, &one, &two]), []);
        assert_eq!(same(&[&one, &three]), [(2, "missing")], "the others are who they were");
        assert_eq!(same(&[&three, &two, &message(6, 9)]), [(1, "id")], "nobody asked for the 9");
        assert_eq!(same(&[&one, &two, &three, &three]), [(4, "more")], "once is enough");
    }

    #[test]
    fn an_answer_is_held_against_the_one_with_its_id() {
        let long = [&[0, 0, 0, 12, 0, 0, 1, 2, 0, 0, 0, 0, 0, 1][..], &[0x21, 0]].concat();
        let short = [0, 0, 0, 10, 0, 0, 1, 2, 0, 0, 0, 0, 0, 2];
        assert_eq!(differences(&[&long, &short], &[&short, &long], "hsms"), []);
        let grown = [&[0, 0, 0, 12, 0, 0, 1, 2, 0, 0, 0, 0, 0, 2][..], &[0x21, 0]].concat();
        assert_eq!(differences(&[&long, &short], &[&grown, &long], "hsms"), [(2, "length")]);
    }

    #[test]
    fn questions_go_by_their_order_and_so_does_what_has_no_id() {
        assert_eq!(differences(&[&message(5, 1)], &[&message(5, 77)], "hsms"), []);
        let (ping, pong) = ([0xd3, 0, 0, 0, 0], [0xd8, 0, 0, 0, 0]);
        let took = |id: u8| [0x7b, 0, 0, 0, 7, 1, 2, 3, 4, 0, id, 0];
        let theirs: &[&[u8]] = &[&took(1), &ping, &pong];
        assert_eq!(differences(theirs, &[&pong, &took(1), &ping], "cync"), []);
        assert_eq!(differences(theirs, &[&took(1), &ping], "cync"), [(3, "missing")]);
    }
}
