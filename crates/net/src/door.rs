//! Where a client waits that is dialled instead of dialling.
use std::{io, net::SocketAddr};

use tokio::sync::{mpsc, oneshot};

use crate::{Env, Event, net::Stream};

/// How a client comes by its connection.
pub enum Way {
    /// It dials the first of these that takes it.
    Dial(Vec<SocketAddr>),
    /// It waits here to be dialled.
    Wait(Door),
}

/// A place to wait for a connection. Whoever dials while nobody waits is turned away.
pub struct Door {
    ask: mpsc::Sender<oneshot::Sender<Stream>>,
    addr: Option<SocketAddr>,
}

impl Door {
    /// Listens at `addr`; port 0 is any free one. It is closed when the door is dropped.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken.
    pub fn open(env: &Env, addr: SocketAddr) -> io::Result<Self> {
        let mut listener = env.net.listen(addr)?;
        let addr = listener.local_addr()?;
        env.record(Event::Listening { addr });
        let (ask, mut asked) = mpsc::channel(1);
        let env = env.clone();
        tokio::spawn(async move {
            let mut waiting = None;
            loop {
                tokio::select! {
                    biased;
                    next = asked.recv() => match next {
                        Some(next) => waiting = Some(next),
                        None => return,
                    },
                    stream = listener.next(&env) => hand_over(stream, &mut waiting),
                }
            }
        });
        Ok(Self { ask, addr: Some(addr) })
    }

    /// Behind it stands this one connection, and never another.
    pub fn onto(stream: Stream) -> Self {
        let (ask, mut asked) = mpsc::channel::<oneshot::Sender<Stream>>(1);
        tokio::spawn(async move {
            if let Some(first) = asked.recv().await {
                let _ = first.send(stream);
            }
            // Later ones wait until they give up.
            while asked.recv().await.is_some() {}
        });
        Self { ask, addr: None }
    }

    /// Where it listens, if it does.
    pub fn addr(&self) -> Option<SocketAddr> {
        self.addr
    }

    /// Waits for the next connection.
    pub(crate) fn wait(&self) -> impl Future<Output = io::Result<Stream>> + Send + 'static {
        let (give, take) = oneshot::channel();
        let ask = self.ask.clone();
        async move {
            let gone = || io::Error::new(io::ErrorKind::NotConnected, "nobody listens any more");
            ask.send(give).await.map_err(|_| gone())?;
            drop(ask);
            match take.await {
                Ok(stream) => Ok(stream),
                Err(_) => std::future::pending().await,
            }
        }
    }
}

fn hand_over(stream: Stream, waiting: &mut Option<oneshot::Sender<Stream>>) {
    if let Some(waiting) = waiting.take() {
        // Whoever waited may have given up; then this one is turned away like any other.
        let _ = waiting.send(stream);
    }
}
