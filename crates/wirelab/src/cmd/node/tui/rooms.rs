//! Channels and private talks, and what was said there, as far as it is remembered.
use std::{collections::VecDeque, sync::Arc};

use proto::tazcom::{MessageId, NodeId, gossip::MAIN_CHANNEL};

use crate::text;

/// Rooms; what is said in others is shown in the first.
const MOST: usize = 64;
/// Entries of a room.
const REMEMBERED: usize = 500;

/// Where something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Channel(Arc<str>),
    Private(NodeId),
}

impl Place {
    /// As it is shown.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Channel(name) => text::plain(name),
            Self::Private(id) => format!("@{}", id.short()),
        }
    }
}

/// Something in a room. Its text is safe to show.
#[derive(Debug)]
pub(super) enum Entry {
    Said(Said),
    /// Something that happened.
    Note(String),
}

/// What somebody said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) id: MessageId,
    pub(super) author: NodeId,
    /// In milliseconds since 1970; none if only its author's clock knows.
    pub(super) at: Option<u64>,
    pub(super) text: String,
    pub(super) verified: bool,
    /// Of what we said: peers it was sent to, and those who say that they have it.
    pub(super) mark: Option<(usize, usize)>,
}

#[derive(Debug)]
pub(super) struct Room {
    pub(super) place: Place,
    pub(super) entries: VecDeque<Entry>,
    /// What came while another was shown.
    pub(super) unread: usize,
    /// The newest entries that are not shown, since older ones are.
    pub(super) back: usize,
}

/// All of them, of which one is shown.
#[derive(Debug)]
pub(super) struct Rooms {
    rooms: Vec<Room>,
    shown: usize,
}

impl Rooms {
    pub(super) fn new() -> Self {
        Self { rooms: vec![Room::new(Place::Channel(MAIN_CHANNEL.into()))], shown: 0 }
    }
    pub(super) fn shown(&self) -> &Room {
        &self.rooms[self.shown]
    }
    /// Each, and whether it is the one that is shown.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Room, bool)> {
        self.rooms.iter().enumerate().map(|(at, room)| (room, at == self.shown))
    }
    /// Shows this one, which is made if there is none and room for it.
    pub(super) fn show(&mut self, place: Place) {
        if let Some(at) = self.find_or_make(place) {
            self.turn_to(at);
        }
    }
    /// Shows the next one, or the one before.
    pub(super) fn turn(&mut self, forward: bool) {
        let rooms = self.rooms.len();
        let step = if forward { 1 } else { rooms - 1 };
        self.turn_to((self.shown + step) % rooms);
    }
    /// Something was said.
    pub(super) fn said(&mut self, place: Place, mut said: Said) {
        let at = self.find_or_make(place.clone()).unwrap_or_else(|| {
            said.text = format!("{}: {}", place.name(), said.text);
            0
        });
        self.add(at, Entry::Said(said));
    }
    /// Something happened, which is shown wherever we are.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.add(self.shown, Entry::Note(note.into()));
    }
    /// Something of ours has come so far.
    pub(super) fn mark(&mut self, id: &MessageId, given: usize, held: usize) {
        let entries = self.rooms.iter_mut().flat_map(|room| room.entries.iter_mut().rev());
        let ours = entries.filter_map(|entry| match entry {
            Entry::Said(said) => Some(said),
            Entry::Note(_) => None,
        });
        for said in ours.filter(|said| said.id == *id && said.mark.is_some()) {
            said.mark = Some((given, held));
        }
    }
    /// Shows what is older, or newer, by so many entries.
    pub(super) fn scroll(&mut self, older: bool, entries: usize) {
        let room = &mut self.rooms[self.shown];
        let oldest = room.entries.len().saturating_sub(1);
        room.back = match older {
            true => (room.back + entries).min(oldest),
            false => room.back.saturating_sub(entries),
        };
    }

    fn turn_to(&mut self, at: usize) {
        self.shown = at;
        self.rooms[at].unread = 0;
    }

    /// Which one it is; none if there are too many.
    fn find_or_make(&mut self, place: Place) -> Option<usize> {
        let found = self.rooms.iter().position(|room| room.place == place);
        found.or_else(|| {
            (self.rooms.len() < MOST).then(|| {
                self.rooms.push(Room::new(place));
                self.rooms.len() - 1
            })
        })
    }

    fn add(&mut self, at: usize, entry: Entry) {
        let (room, elsewhere) = (&mut self.rooms[at], at != self.shown);
        room.entries.push_back(entry);
        if room.entries.len() > REMEMBERED {
            room.entries.pop_front();
        }
        if room.back > 0 {
            // Who reads what is older goes on to see it.
            room.back = (room.back + 1).min(room.entries.len() - 1);
        }
        room.unread += usize::from(elsewhere);
    }
}

impl Room {
    fn new(place: Place) -> Self {
        Self { place, entries: VecDeque::new(), unread: 0, back: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(n: usize) -> Said {
        let (id, author) = (MessageId::of(&n.to_string()), NodeId::from_bytes([1; 32]));
        Said { id, author, at: None, text: n.to_string(), verified: true, mark: None }
    }

    fn channel(name: &str) -> Place {
        Place::Channel(name.into())
    }

    #[test]
    fn neither_rooms_nor_what_is_said_in_them_grow_without_end() {
        let mut rooms = Rooms::new();
        for n in 0..2 * REMEMBERED {
            rooms.said(channel(&format!("#{n}")), said(n));
        }
        assert_eq!(rooms.all().count(), MOST);
        let Some(Entry::Said(last)) = rooms.shown().entries.back() else { panic!("{rooms:?}") };
        assert_eq!(last.text, "#999: 999");
        (0..2 * REMEMBERED).for_each(|_| rooms.note("it happens"));
        assert_eq!(rooms.shown().entries.len(), REMEMBERED);
    }

    #[test]
    fn what_comes_elsewhere_is_counted_until_it_is_looked_at() {
        let mut rooms = Rooms::new();
        rooms.said(channel("#water"), said(1));
        rooms.said(channel("#water"), said(2));
        let unread = |rooms: &Rooms| rooms.all().map(|(room, _)| room.unread).collect::<Vec<_>>();
        assert_eq!(unread(&rooms), [0, 2]);
        rooms.turn(true);
        assert_eq!((unread(&rooms), rooms.shown().place.name()), (vec![0, 0], "#water".into()));
        rooms.turn(true);
        rooms.turn(false);
        rooms.show(channel(MAIN_CHANNEL));
        assert_eq!(rooms.shown().place.name(), MAIN_CHANNEL);
        assert_eq!(rooms.all().count(), 2);
    }

    #[test]
    fn who_reads_what_is_older_is_not_moved_by_what_is_new() {
        let mut rooms = Rooms::new();
        (0..30).for_each(|n| rooms.said(channel(MAIN_CHANNEL), said(n)));
        rooms.scroll(true, 10);
        assert_eq!(rooms.shown().back, 10);
        rooms.said(channel(MAIN_CHANNEL), said(30));
        assert_eq!(rooms.shown().back, 11);
        rooms.scroll(true, 100);
        assert_eq!(rooms.shown().back, 30, "the oldest stays");
        rooms.scroll(false, 100);
        assert_eq!(rooms.shown().back, 0);
    }
}
