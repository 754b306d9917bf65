//! What other programs of the user ask of a running node and tell it, over a socket beside its key.
use std::path::{Path, PathBuf};

use net::node::Running;
use proto::tazcom::{MessageId, gossip::Spread};

use super::{front::Front, live, order::Order, tell::Line};
use crate::{
    exit::Failure,
    local::{Answer, Call, Ear},
};

/// Looks at how far what was typed has come.
const LOOKS: u32 = 240;
/// Messages followed at a time.
const MOST: usize = 128;

/// Where they come to, if there is a place for that, and who of them stays.
#[derive(Default)]
pub(super) struct Desk {
    ear: Option<Ear>,
    following: Vec<Following>,
}

/// Somebody who wants to know how far a message comes.
struct Following {
    message: MessageId,
    who: Who,
    last: Option<Spread>,
}

enum Who {
    /// Another program, until it leaves.
    Program(Answer),
    /// The person before the screen, for so many looks.
    Person(u32),
}

/// The socket of the node with this key.
pub(super) fn beside(key: &Path) -> PathBuf {
    key.with_extension("sock")
}

impl Desk {
    /// Opens it. If nobody said where, a node can do without.
    ///
    /// # Errors
    /// It cannot be where it was asked for.
    pub(super) fn open(asked: Option<&Path>, key: &Path, front: &Front) -> Result<Self, Failure> {
        if asked.is_none() && !cfg!(unix) {
            return Ok(Self::default());
        }
        let path = asked.map_or_else(|| beside(key), Path::to_owned);
        match Ear::open(&path) {
            Ok(ear) => Ok(Self { ear: Some(ear), following: Vec::new() }),
            Err(e) => {
                let problem = format!("cannot listen at {}: {e}", path.display());
                if asked.is_some() {
                    return Err(Failure::environment(format!(
                        "{problem}; choose another --socket"
                    )));
                }
                let remedy = "peers, send and alert will not reach this node; choose a --socket";
                front.talk(&format!("warning: {problem}; {remedy}"));
                Ok(Self::default())
            }
        }
    }
    /// The next order. Cancel safe.
    pub(super) async fn next(&mut self) -> Call {
        match &mut self.ear {
            Some(ear) => ear.next().await,
            None => std::future::pending().await,
        }
    }
    /// Does what is asked, and says what came of it. True if the node is to end.
    pub(super) async fn obey(&mut self, call: Call, running: &Running, front: &Front) -> bool {
        let Call { order, answer } = call;
        match Order::read(&order) {
            Err(problem) => answer.refuse(problem),
            Ok(Order::Nothing) => answer.refuse("an empty line is no order"),
            Ok(Order::Quit) => return true,
            Ok(Order::Peers) => match live::peers(running).await {
                Some(line) => _ = answer.line(line.json()),
                None => answer.refuse("the node has ended"),
            },
            Ok(Order::Say(say)) => match live::say(running, say).await {
                Ok(said) => {
                    answer.line(said.json());
                    self.told(said, front);
                }
                Err(problem) => answer.refuse(problem),
            },
            Ok(Order::Follow(message)) => match running.spread_of(message).await {
                Some(spread) => {
                    let who = Who::Program(answer);
                    self.follow(Following { message, who, last: None }, spread, front);
                }
                None => {
                    answer.refuse(format!("no message {message} is known here, or not any more"));
                }
            },
        }
        false
    }
    /// Tells what was said, and has a screen show how far it comes.
    pub(super) fn told(&mut self, said: Line, front: &Front) {
        if let (Line::Said { message, .. }, Front::Screen(_)) = (&said, front) {
            self.watch(message.id);
        }
        front.tell(said);
    }
    /// Somebody wants to know how far messages come.
    pub(super) fn is_followed(&self) -> bool {
        !self.following.is_empty()
    }
    /// From now on the screen shows how far this comes.
    fn watch(&mut self, message: MessageId) {
        self.following.push(Following { message, who: Who::Person(LOOKS), last: None });
        if self.following.len() > MOST {
            self.following.remove(0);
        }
    }
    /// Tells whoever follows a message what is new of it.
    pub(super) async fn look(&mut self, running: &Running, front: &Front) {
        for following in std::mem::take(&mut self.following) {
            // What has expired comes no further.
            if let Some(spread) = running.spread_of(following.message).await {
                self.follow(following, spread, front);
            }
        }
    }
    /// Hears no more, and waits a little until what was answered is read.
    pub(super) async fn close(self) {
        let Self { ear, following } = self;
        drop(following);
        if let Some(ear) = ear {
            ear.close().await;
        }
    }

    fn follow(&mut self, following: Following, spread: Spread, front: &Front) {
        let Following { message, who, last } = following;
        let news = || Line::Spread { message, spread: spread.clone() };
        let is_new = last.as_ref() != Some(&spread);
        let who = match who {
            Who::Program(answer) if answer.is_left() || is_new && !answer.line(news().json()) => {
                return;
            }
            Who::Program(answer) => Who::Program(answer),
            Who::Person(0) => return,
            Who::Person(looks) => {
                if is_new {
                    front.tell(news());
                }
                Who::Person(looks - 1)
            }
        };
        self.following.push(Following { message, who, last: Some(spread) });
    }
}
