//! A port on which any number of devices may dial: every connection gets a client of its own.
use std::{io, net::SocketAddr, sync::Arc};

use proto::{CloseReason, Protocol, Supervisor};
use tokio::sync::mpsc;

use crate::{
    Client, Env, Event, Record, Role, Sink,
    door::{Door, Way},
    net::Listener,
};

/// A listening socket, and how clients are made for those who dial it. It is closed when this is
/// dropped; the clients are not.
pub struct Lobby<P: Protocol> {
    env: Env,
    addr: SocketAddr,
    listener: Listener,
    make: Make<P>,
    ended: mpsc::UnboundedReceiver<End>,
}

type End = (Arc<str>, CloseReason);

type Make<P> = Box<dyn Fn(&Env) -> Supervisor<P> + Send>;

/// Who comes and goes.
pub enum News<P: Protocol> {
    /// Somebody dialled.
    Came(Guest<P>),
    /// The connection of this guest has ended.
    Left {
        /// His name.
        name: Arc<str>,
        /// Why.
        reason: CloseReason,
    },
}

/// Somebody who dialled, and the client that waits for what he has to say.
pub struct Guest<P: Protocol> {
    /// What the record calls this client: the address that was dialled from.
    pub name: Arc<str>,
    /// That address.
    pub peer: SocketAddr,
    /// The client. It listens once it is told to [start](crate::Order::Start), and has no other
    /// connection than this.
    pub client: Arc<Client<P>>,
}

impl<P: Protocol> Lobby<P> {
    /// Listens at `addr`, port 0 being any free one. `make` gives the supervisor of each client, which
    /// runs in the surroundings it is given.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken.
    pub fn open(
        env: &Env,
        addr: SocketAddr,
        make: impl Fn(&Env) -> Supervisor<P> + Send + 'static,
    ) -> io::Result<Self> {
        let listener = env.net.listen(addr)?;
        let addr = listener.local_addr()?;
        env.record(Event::Listening { addr });
        // No more of them wait than there are files to open.
        let (tell, ended) = mpsc::unbounded_channel();
        env.recorder.attach(Ends(tell));
        Ok(Self { env: env.clone(), addr, listener, make: Box::new(make), ended })
    }
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
    /// Who comes or goes next. Cancel safe.
    pub async fn next(&mut self) -> News<P> {
        loop {
            let stream = tokio::select! {
                biased;
                Some((name, reason)) = self.ended.recv() => return News::Left { name, reason },
                stream = self.listener.next(&self.env) => stream,
            };
            // Who is gone again before he could be looked at was never here.
            let Ok((_, peer)) = stream.addrs() else { continue };
            let env = self.env.node(&peer.to_string(), Role::Client);
            let way = Way::Wait(Door::onto(stream));
            let client = Arc::new(Client::by(env.clone(), way, (self.make)(&env)));
            return News::Came(Guest { name: env.recorder.name(), peer, client });
        }
    }
}

/// Tells of every connection that ends.
struct Ends(mpsc::UnboundedSender<End>);

impl Sink for Ends {
    fn take(&mut self, record: &Record) {
        let reason = match &record.event {
            Event::Closed { reason, .. } => reason.clone(),
            // It never was one: encryption came to nothing.
            Event::ConnectFailed { detail, .. } => CloseReason::Failed(detail.clone()),
            _ => return,
        };
        // Nobody waiting is the end of the lobby.
        let _ = self.0.send((record.node.clone(), reason));
    }
    fn hears_bytes(&self) -> bool {
        false
    }
}
