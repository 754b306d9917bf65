//! What the screen shows: peers, rooms, calls for help, and the line that is typed. It knows of no
//! terminal and no clock; whatever peers say is made safe to show here, on its way in.
use std::{collections::BTreeMap, net::SocketAddr};

use proto::tazcom::{
    AlertState, Body, MessageId, NodeId,
    gossip::{MAIN_CHANNEL, Shown},
    roster::{Entry as Known, Gone},
};

use super::{
    calls::{self, Calls},
    command::{Command, HELP},
    input::Input,
    keys::Key,
    rooms::{Place, Rooms, Said},
};
use crate::{
    cmd::node::{
        order::{Order, Say, What},
        tell::Line,
    },
    text,
};

/// Peers remembered.
const MOST_PEERS: usize = 1024;
/// Entries that a key for a page moves by.
const PAGE: usize = 10;

pub(super) struct State {
    pub(super) me: NodeId,
    pub(super) listen: Option<SocketAddr>,
    pub(super) peers: BTreeMap<NodeId, Peer>,
    pub(super) rooms: Rooms,
    pub(super) calls: Calls,
    pub(super) input: Input,
    /// What there is to say to the person right now.
    pub(super) notice: Option<String>,
}

/// Somebody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) verified: bool,
    pub(super) there: bool,
}

impl State {
    pub(super) fn new(me: NodeId) -> Self {
        Self {
            me,
            listen: None,
            peers: BTreeMap::new(),
            rooms: Rooms::new(),
            calls: Calls::default(),
            input: Input::default(),
            notice: Some("type /help for what can be typed".into()),
        }
    }
    /// Takes what the node has to tell.
    pub(super) fn hear(&mut self, line: Line) {
        match line {
            Line::Started { id, listen, key: _ } => {
                self.listen = Some(listen);
                self.note(format!("you are {id}, at {listen}"));
            }
            Line::Discovery { reach: _ } => self.note("looking for others by multicast DNS"),
            Line::Announced { name } => self.note(format!("announced as {}", text::plain(&name))),
            // The same is talked of.
            Line::Alone { diagnosis: _ } => {}
            Line::Joined { id, verified } => self.joined(id, verified),
            Line::Left { id, how } => self.left(id, how),
            Line::Impostor { claimed, at } => {
                let at = text::plain(&at);
                self.note(format!("IMPOSTOR: who is at {at} claims to be {}", claimed.short()));
            }
            Line::Clone { id, at } => {
                let (id, at) = (id.short(), text::plain(&at));
                self.note(format!("CLONE: the key of {id} is in use at {at}, too"));
            }
            Line::Message(shown) => self.shown(shown, None),
            Line::Said { message, given } => self.shown(message, Some((given, 0))),
            Line::Alert { alert, stands } => self.calls.stands(alert, stands),
            Line::Spread { message, spread } => {
                self.rooms.mark(&message, spread.given, spread.held);
            }
            Line::Refused { from, why: _, detail } => {
                let from = from.map_or("somebody".to_owned(), |from| from.short());
                self.notice = Some(format!("refused from {from}: {}", text::plain(&detail)));
            }
            Line::Distrusted { id } => {
                self.note(format!("nothing is taken from {} any more", id.short()));
            }
            Line::Unsaid { problem } => self.say_wrong(&problem),
            Line::Peers { peers } => peers.iter().for_each(|peer| self.note(known(peer))),
            Line::Missing { lines } => self.note(format!("{lines} news are missing here")),
        }
    }
    /// Says something to the person.
    pub(super) fn talk(&mut self, line: &str) {
        self.note(text::plain(line));
    }
    /// Takes a key; what the person wants of the node.
    pub(super) fn press(&mut self, key: Key) -> Option<Order> {
        match key {
            Key::Text(text) => self.input.put(&text),
            Key::Erase => self.input.erase(),
            Key::EraseWord => self.input.erase_word(),
            Key::EraseAll => self.input.clear(),
            Key::Delete => self.input.delete(),
            Key::Left => self.input.left(),
            Key::Right => self.input.right(),
            Key::Home => self.input.home(),
            Key::End => self.input.end(),
            Key::Older => self.input.older(),
            Key::Newer => self.input.newer(),
            Key::PageUp => self.rooms.scroll(true, PAGE),
            Key::PageDown => self.rooms.scroll(false, PAGE),
            Key::NextRoom => self.rooms.turn(true),
            Key::LastRoom => self.rooms.turn(false),
            Key::Enter => return self.enter(),
            Key::Quit => return Some(Order::Quit),
            Key::QuitIfEmpty => return self.input.is_empty().then_some(Order::Quit),
        }
        None
    }
    /// Peers that are there.
    pub(super) fn there(&self) -> usize {
        self.peers.values().filter(|peer| peer.there).count()
    }

    fn enter(&mut self) -> Option<Order> {
        let line = self.input.finish();
        self.notice = None;
        self.rooms.scroll(false, usize::MAX);
        match Command::read(&line).and_then(|command| self.obey(command)) {
            Ok(order) => order,
            Err(problem) => {
                self.say_wrong(&problem);
                None
            }
        }
    }

    fn obey(&mut self, command: Command) -> Result<Option<Order>, String> {
        Ok(match command {
            Command::Nothing => None,
            Command::Say(words) => Some(self.say(&words)),
            Command::Help => {
                HELP.iter().for_each(|line| self.note(*line));
                None
            }
            Command::Peers => Some(Order::Peers),
            Command::Join(channel) => {
                self.rooms.show(Place::Channel(channel.into()));
                None
            }
            Command::To(start, words) => {
                self.rooms.show(Place::Private(self.find(&start)?));
                words.map(|words| self.say(&words))
            }
            Command::Alert(need, words) => Some(said(What::Alert(need, words.into()))),
            Command::Take(start) => Some(self.progress(start.as_deref(), AlertState::Taken)?),
            Command::Resolve(start) => Some(self.progress(start.as_deref(), AlertState::Resolved)?),
            Command::Quit => Some(Order::Quit),
        })
    }

    /// Says it in the room that is shown.
    fn say(&self, words: &str) -> Order {
        match &self.rooms.shown().place {
            Place::Channel(channel) => {
                Order::Say(Say { channel: channel.clone(), what: What::Chat(words.into()) })
            }
            Place::Private(to) => said(What::Private(*to, words.into())),
        }
    }

    fn progress(&self, start: Option<&str>, state: AlertState) -> Result<Order, String> {
        Ok(said(What::Progress(self.calls.find(start)?, state)))
    }

    /// The peer whose id begins like this.
    fn find(&self, start: &str) -> Result<NodeId, String> {
        if let Ok(id) = start.parse() {
            return Ok(id);
        }
        let found: Vec<_> =
            self.peers.keys().filter(|id| id.to_string().starts_with(start)).collect();
        match found[..] {
            [id] => Ok(*id),
            [] => Err(format!("nobody's id begins with {start}")),
            _ => Err(format!("{} ids begin with {start}; write more of it", found.len())),
        }
    }

    fn joined(&mut self, id: NodeId, verified: bool) {
        if self.peers.len() >= MOST_PEERS && !self.peers.contains_key(&id) {
            let gone = self.peers.iter().find(|(_, peer)| !peer.there).map(|(id, _)| *id);
            let Some(gone) = gone else { return };
            self.peers.remove(&gone);
        }
        self.peers.insert(id, Peer { verified, there: true });
        let proof = if verified { "verified" } else { "not verified" };
        self.note(format!("{} is here, {proof}", id.short()));
    }

    fn left(&mut self, id: NodeId, how: Gone) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.there = false;
        }
        let how = match how {
            Gone::Goodbye => "left",
            Gone::Ghost => "cannot be reached any more",
        };
        self.note(format!("{} {how}", id.short()));
    }

    /// Shows a message; of our own, how far it came.
    fn shown(&mut self, shown: Shown, mark: Option<(usize, usize)>) {
        let Shown { id, author, channel, created, body, opened, hops: _, verified } = shown;
        let ours = author == self.me;
        let (place, text) = match body {
            Body::Chat { text } => (Place::Channel(channel), text::plain(&text)),
            Body::Private { to, sealed: _ } => {
                let other = if ours { to } else { author };
                let text = opened
                    .map_or("(words that cannot be opened)".into(), |opened| text::plain(&opened));
                (Place::Private(other), text)
            }
            Body::Alert { need, text } => {
                let text = text::plain(&text);
                self.calls.called(id, author, need, text.clone());
                let text = format!("ALERT {} {}: {text}", short(&id), calls::need(need));
                (Place::Channel(channel), text)
            }
            Body::Progress { alert, state } => {
                let text = format!("ALERT {} is {}", short(&alert), calls::state(state));
                (Place::Channel(channel), text)
            }
            // Of receipts, only their number is shown.
            Body::Seen { .. } => return,
        };
        self.rooms.said(place, Said { id, author, at: created, text, verified, mark });
    }

    fn note(&mut self, note: impl Into<String>) {
        self.rooms.note(note);
    }

    fn say_wrong(&mut self, problem: &str) {
        self.notice = Some(format!("error: {}", text::plain(problem)));
    }
}

/// Enough of a message's id to name it among a few.
pub(super) fn short(id: &MessageId) -> String {
    id.to_string().chars().take(6).collect()
}

fn said(what: What) -> Order {
    Order::Say(Say { channel: MAIN_CHANNEL.into(), what })
}

fn known(peer: &Known) -> String {
    let Known { id, name: _, version, addr, verified, there, linked, failures: _, problem } = peer;
    let id = id.map_or("somebody".to_owned(), |id| id.to_string());
    let version = version.as_deref().map_or("?".into(), text::plain);
    let proof = if *verified { "verified" } else { "not verified" };
    let state = match (linked, there) {
        (true, _) => "linked".to_owned(),
        (false, true) => "here".to_owned(),
        (false, false) => {
            let problem = problem.as_deref().map(text::plain);
            format!("offline: {}", problem.as_deref().unwrap_or("not greeted yet"))
        }
    };
    let at = match addr.port() {
        // It called us from there, and nobody said where it listens.
        0 => format!("from {}", addr.ip()),
        _ => format!("at {addr}"),
    };
    format!("{id} {at}, version {version}, {proof}, {state}")
}
