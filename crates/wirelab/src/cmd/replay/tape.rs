//! What was said on each recorded connection, in which order, and how it ended.
use std::collections::BTreeMap;

use net::{Event, Record};
use proto::CloseReason;

use crate::args::Side;

/// A recorded connection, seen from the side that is played.
#[derive(Debug, Default)]
pub(super) struct Scene {
    /// What happened, in order.
    pub(super) beats: Vec<Beat>,
    /// All the other side said.
    pub(super) theirs: Vec<u8>,
    /// All we said.
    pub(super) ours: Vec<u8>,
    /// Earlier ones that were still open when it began; all others were over.
    pub(super) beside: Vec<usize>,
}

/// Something that happened on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// The other side had said so much.
    Heard(usize),
    /// We had.
    Said(usize),
    /// The other side ended.
    TheyEnded(End),
    /// We did.
    WeEnded(End),
}

/// How a side ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Fin,
    Rst,
}

impl End {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fin => "FIN",
            Self::Rst => "RST",
        }
    }
}

/// All connections that a proxy carried.
pub(super) fn scenes(records: &[Record], side: Side) -> Vec<Scene> {
    let mut scenes: Vec<Scene> = Vec::new();
    // Which connection of which node is which side of which scene.
    let mut legs: BTreeMap<(&str, u32), (usize, Side)> = BTreeMap::new();
    let mut open: Vec<usize> = Vec::new();
    for Record { node, event, .. } in records {
        let leg = |conn: u32| legs.get(&(&**node, conn)).copied();
        match event {
            Event::Joined { conn, onto } => {
                let n = scenes.len();
                legs.insert((node, *conn), (n, Side::Client));
                legs.insert((node, *onto), (n, Side::Device));
                scenes.push(Scene { beside: open.clone(), ..Scene::default() });
                open.push(n);
            }
            Event::Received { conn, bytes } => {
                if let Some((n, who)) = leg(*conn) {
                    scenes[n].speech(who == side, bytes);
                }
            }
            Event::Eof { conn } => {
                if let Some((n, who)) = leg(*conn) {
                    scenes[n].end(who == side, End::Fin);
                }
            }
            Event::Closed { conn, reason } => {
                if let Some((n, who)) = leg(*conn) {
                    if *reason == CloseReason::Reset {
                        scenes[n].end(who == side, End::Rst);
                    }
                    open.retain(|other| *other != n);
                }
            }
            _ => {}
        }
    }
    scenes
}

impl Scene {
    fn speech(&mut self, we: bool, bytes: &[u8]) {
        let said = if we { &mut self.ours } else { &mut self.theirs };
        said.extend_from_slice(bytes);
        let upto = said.len();
        let (beat, same) = match (we, self.beats.last()) {
            (true, last) => (Beat::Said(upto), matches!(last, Some(Beat::Said(_)))),
            (false, last) => (Beat::Heard(upto), matches!(last, Some(Beat::Heard(_)))),
        };
        if same {
            self.beats.pop();
        }
        self.beats.push(beat);
    }
    fn end(&mut self, we: bool, end: End) {
        self.beats.push(if we { Beat::WeEnded(end) } else { Beat::TheyEnded(end) });
    }
}

#[cfg(test)]
mod tests {
    use net::{Recorder, Role};
    use proto::Time;

    use super::*;

    #[test]
    fn each_side_has_its_words_in_order() {
        let recorder = Recorder::new(1 << 20).named("proxy", Role::Proxy);
        let received = |conn, bytes: &'static [u8]| Event::Received { conn, bytes: bytes.into() };
        for event in [
            Event::Joined { conn: 1, onto: 2 },
            received(1, b"he"),
            received(1, b"llo"),
            received(2, b"hi"),
            Event::Joined { conn: 3, onto: 4 },
            Event::Eof { conn: 1 },
            Event::Closed { conn: 1, reason: CloseReason::Peer },
            Event::Closed { conn: 2, reason: CloseReason::Peer },
            Event::Joined { conn: 5, onto: 6 },
            Event::Closed { conn: 6, reason: CloseReason::Reset },
        ] {
            recorder.record(Time::default(), event);
        }
        let device = scenes(&recorder.records(), Side::Device);
        let ended = Beat::TheyEnded(End::Fin);
        assert_eq!(device[0].beats, [Beat::Heard(5), Beat::Said(2), ended]);
        assert_eq!((&device[0].theirs[..], &device[0].ours[..]), (&b"hello"[..], &b"hi"[..]));
        assert_eq!((&device[1].beside, &device[2].beside), (&vec![0], &vec![1]));
        assert_eq!(device[2].beats, [Beat::WeEnded(End::Rst)]);
        let client = scenes(&recorder.records(), Side::Client);
        assert_eq!(client[0].beats, [Beat::Said(5), Beat::Heard(2), Beat::WeEnded(End::Fin)]);
    }
}
