//! What happens on a node's connections.
use super::{Held, Node, NodeId, Output, Purpose, gossip, roster};
use crate::{
    CloseReason, Session as _, Ticket, Time,
    tazcom::{Link, Message, News, Opening, Peer},
};

/// Links have no tickets of their own.
const NONE: Ticket = Ticket(0);

impl Node {
    pub(super) fn connected(&mut self, now: Time, conn: u64, random: [u8; 32]) {
        let Some(held) = self.links.get_mut(&conn) else { return };
        let opening = match &held.why {
            Purpose::Attempt(_) => Opening::Greet(random),
            Purpose::Errand(chat) => Opening::Say(Message::Chat(chat.clone())),
            Purpose::Call(_) => return,
        };
        held.link = Some(Link::dial(self.me.clone(), self.terms.clone(), opening, now));
        self.hear(now, conn);
    }

    pub(super) fn received(&mut self, now: Time, conn: u64, bytes: &[u8]) {
        let Some(link) = self.links.get_mut(&conn).and_then(|held| held.link.as_mut()) else {
            return;
        };
        link.handle_input(now, crate::Input::Received(bytes));
        self.hear(now, conn);
    }

    pub(super) fn secured(&mut self, now: Time, conn: u64) {
        if let Some(link) = self.links.get_mut(&conn).and_then(|held| held.link.as_mut()) {
            link.secured(now);
        }
        self.hear(now, conn);
    }

    pub(super) fn written(&mut self, now: Time, conn: u64) {
        if let Some(peer) = self.links.get(&conn).and_then(|held| held.peer) {
            self.tell(now, gossip::Input::Sent(peer));
        }
    }

    pub(super) fn ended(&mut self, now: Time, conn: u64, why: String) {
        // Half a line is worth a word.
        if let Some(link) = self.links.get_mut(&conn).and_then(|held| held.link.as_mut()) {
            link.handle_input(now, crate::Input::Eof);
            while let crate::Output::Fact(fact) = link.poll_output() {
                self.out.push_back(Output::Fact(conn, fact));
            }
        }
        if let Some(held) = self.links.remove(&conn) {
            self.left(now, conn, held, why);
        }
    }

    /// Ends a connection of our own accord.
    pub(super) fn drop_link(&mut self, now: Time, conn: u64, reason: CloseReason) {
        let Some(held) = self.links.remove(&conn) else { return };
        let why = reason.to_string();
        self.out.push_back(Output::Close(conn, reason));
        self.left(now, conn, held, why);
    }

    /// A connection is no more. If there is another link to the same peer, that one is used now.
    fn left(&mut self, now: Time, conn: u64, held: Held, why: String) {
        if let Some(peer) = held.peer.filter(|peer| self.linked.get(peer) == Some(&conn)) {
            let other = self.links.iter().find(|(_, held)| held.peer == Some(peer));
            match other.map(|(conn, _)| *conn) {
                Some(other) => drop(self.linked.insert(peer, other)),
                None => {
                    self.linked.remove(&peer);
                    self.tell(now, gossip::Input::Down(peer));
                }
            }
        }
        match held.why {
            Purpose::Attempt(attempt) => self.know(now, roster::Input::Ended(attempt, why)),
            Purpose::Call(from) => self.know(now, roster::Input::CallEnded(conn, from)),
            Purpose::Errand(_) => {}
        }
    }

    pub(super) fn send(&mut self, now: Time, to: NodeId, message: Message) {
        let Some(conn) = self.linked.get(&to).copied() else { return };
        if let Some(link) = self.links.get_mut(&conn).and_then(|held| held.link.as_mut()) {
            link.handle_input(now, crate::Input::Request(NONE, message));
        }
        self.hear(now, conn);
    }

    /// Does what a link wants.
    pub(super) fn hear(&mut self, now: Time, conn: u64) {
        loop {
            let Some(link) = self.links.get_mut(&conn).and_then(|held| held.link.as_mut()) else {
                return;
            };
            match link.poll_output() {
                crate::Output::Wait(_) => return,
                crate::Output::Transmit(frame) => {
                    self.out.push_back(Output::Transmit(conn, frame));
                }
                crate::Output::Received(frame) => {
                    self.out.push_back(Output::Received(conn, frame));
                }
                crate::Output::Fact(fact) => self.out.push_back(Output::Fact(conn, fact)),
                crate::Output::Push(news) => self.news(now, conn, news),
                crate::Output::Close(reason) => return self.drop_link(now, conn, reason),
                crate::Output::Ready(_) | crate::Output::Reply(..) | crate::Output::Finish => {}
            }
        }
    }

    fn news(&mut self, now: Time, conn: u64, news: News) {
        let Some(held) = self.links.get_mut(&conn) else { return };
        let why = held.why.clone();
        match news {
            News::Greeted(peer) => {
                if let Peer { id: Some(id), verified: true } = peer {
                    held.peer = Some(id);
                }
                self.know(
                    now,
                    match why {
                        Purpose::Attempt(attempt) => roster::Input::Greeted(attempt, peer),
                        Purpose::Call(from) => roster::Input::Called(conn, peer, from),
                        Purpose::Errand(_) => return,
                    },
                );
                // The roster may have hung it up: for another link, or since it does not believe it.
                let kept = self.links.get(&conn).and_then(|held| held.peer);
                if let Some(id) = kept.filter(|id| !self.linked.contains_key(id)) {
                    self.linked.insert(id, conn);
                    self.tell(now, gossip::Input::Up(id));
                }
            }
            News::Proven(secure) => self.out.push_back(Output::Secure(conn, secure)),
            News::Impostor { claimed } => match why {
                Purpose::Attempt(attempt) => {
                    self.know(now, roster::Input::Impostor(attempt, claimed));
                }
                Purpose::Call(from) => {
                    self.know(now, roster::Input::CalledImpostor(claimed, from));
                }
                Purpose::Errand(_) => {}
            },
            News::Heard(Message::Chat(chat)) => self.tell(now, gossip::Input::HeardOld(chat)),
            News::Heard(message) => {
                if let Some(peer) = held.peer {
                    self.tell(now, gossip::Input::Heard(peer, message));
                }
            }
        }
    }
}
