//! Finds TAZCOM nodes on the local network and is found there: DNS-SD over multicast DNS, on every
//! interface that is up. What others announce is passed on as they wrote it; what it is worth is for the
//! roster to say ([`proto::tazcom::roster`]).
mod own;
mod reach;
mod words;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use mdns_sd::{DaemonEvent, IfKind, IfPredicate, Receiver, ServiceDaemon, ServiceEvent};
use proto::{
    Time,
    tazcom::{NodeId, Version, roster::Announcement},
};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{Env, Net};
use own::Own;
pub use reach::{Interface, Lack, Reach};
use words::{SERVICE, announced, announcement, full, short};

/// News that wait for whoever reads them; more stay with the daemon.
const QUEUE: usize = 256;
/// How often the daemon looks for new interfaces and addresses, in seconds.
const LOOK: u32 = 2;
/// How long an announcement in doubt may go unanswered. RFC 6762 §10.4 asks for two queries, a second
/// apart, and allows ten seconds; after five the roster gives up by itself.
const VERIFY: Duration = Duration::from_secs(4);
/// The daemon repeats a goodbye after 120 ms, since packets get lost.
const SECOND_GOODBYE: Duration = Duration::from_millis(160);
/// How long the daemon may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Who is announced, and where.
#[derive(Clone, Copy, Debug)]
pub struct Presence {
    /// Whose node it is.
    pub id: NodeId,
    /// Where it listens. If that is one address, no other is announced, and others are looked for
    /// there alone; so it is with IPv4 if that is all it listens on.
    pub listen: SocketAddr,
    /// What it speaks.
    pub version: Version,
    /// Looks for others, and is not announced itself.
    pub silent: bool,
}

/// What is heard of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Somebody is announced, for the first time or otherwise than before.
    Here(Announcement),
    /// The announcement of this name was taken back, has run out, or was found to be false.
    Gone(String),
    /// An address of ours has come or gone.
    NetworkChanged,
    /// Our own announcement came back, under this name. So multicast gets out of here and in again.
    Ours(String),
}

/// Why there is no discovery.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The simulated network has no multicast.
    #[error("the simulated network has no multicast; say who is there instead")]
    Simulated,
    /// The operating system gives no thread or no socket.
    #[error("announce this node and look for others: {0}")]
    Daemon(#[from] mdns_sd::Error),
}

/// A node that is announced, and looks for others. Dropping it takes the announcement back; `stop` also
/// waits until that is done.
pub struct Discovery {
    env: Env,
    daemon: ServiceDaemon,
    /// The name that is announced, if nobody else has it; none if nothing is, or not any more.
    fullname: Option<String>,
    /// By then the goodbye was repeated.
    goodbye_again: Option<Time>,
    again: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Discovery {
    /// Announces a node, unless it is silent, and looks for others. If its name is taken, it gets
    /// another.
    ///
    /// # Errors
    /// The network is simulated, or the operating system refuses.
    pub fn start(env: Env, presence: Presence) -> Result<(Self, mpsc::Receiver<Seen>), Error> {
        match env.net {
            Net::Tcp(_) => {}
            Net::Sim(_) => return Err(Error::Simulated),
        }
        let Presence { id, listen, version, silent } = presence;
        let ours = if silent { None } else { Some(announced(id, listen.port(), version)?) };
        let fullname = ours.as_ref().map(|ours| ours.get_fullname().to_owned());
        let daemon = ServiceDaemon::new()?;
        let stop = CancellationToken::new();
        // From here on, whatever goes wrong ends the daemon.
        let ends = daemon.clone();
        let started = || -> Result<_, Error> {
            daemon.set_ip_check_interval(LOOK)?;
            let needless = move |interface: &_| !reach::is_wanted(listen.ip(), interface);
            daemon.disable_interface(IfKind::Predicate(IfPredicate::new(needless)))?;
            let (changes, found) = (daemon.monitor()?, daemon.browse(SERVICE)?);
            if let Some(ours) = ours {
                daemon.register(ours)?;
            }
            Ok((changes, found))
        };
        let (changes, found) = started().inspect_err(|_| _ = ends.shutdown())?;
        let ((tell, seen), again) = (mpsc::channel(QUEUE), Arc::<Notify>::default());
        let own = Own::new(id, listen.port());
        let watch = Watch { daemon: daemon.clone(), changes, own, again: again.clone(), tell };
        let task = tokio::spawn({
            let stop = stop.clone();
            async move { _ = stop.run_until_cancelled(watch.run(found)).await }
        });
        Ok((Self { env, daemon, fullname, goodbye_again: None, again, stop, task }, seen))
    }
    /// The name by which it is announced, if it is and nobody else has it.
    pub fn name(&self) -> Option<&str> {
        self.fullname.as_deref().map(short)
    }
    /// Asks whether the announcement of this name is still true. If nobody says so, [`Seen::Gone`]
    /// follows.
    pub fn reverify(&self, name: &str) {
        // Refused while the daemon has more to do than it can; whoever doubts will doubt again.
        let _ = self.daemon.verify(full(name), VERIFY);
    }
    /// Asks now who is there, and again with growing pauses, as at the beginning. Who is known is told
    /// again.
    pub fn look_again(&self) {
        self.again.notify_one();
    }
    /// Takes the announcement back, and returns once that was said. Others are still heard of.
    pub async fn take_back(&mut self) {
        let Some(fullname) = self.fullname.take() else { return };
        if let Ok(said) = self.daemon.unregister(&fullname) {
            self.patiently(said.recv_async()).await;
            self.goodbye_again = Some(self.env.now() + SECOND_GOODBYE);
        }
    }
    /// Takes the announcement back, if that was not done, says so twice, and ends.
    pub async fn stop(mut self) {
        self.take_back().await;
        self.stop.cancel();
        (&mut self.task).await.expect("the watching task does not panic");
        if let Some(again) = self.goodbye_again {
            self.env.sleep_until(again).await;
        }
        if let Ok(ended) = self.daemon.shutdown() {
            self.patiently(ended.recv_async()).await;
        }
    }

    /// Ends without another word, as one whose plug was pulled: what was announced is not taken back.
    pub fn fall_silent(self) {
        // The last thing it is told before it is dropped. Too busy to obey, it says goodbye.
        let _ = self.daemon.disable_interface(IfKind::All);
    }

    async fn patiently<T>(&self, what: impl Future<Output = T>) {
        tokio::select! {
            biased;
            _ = what => {}
            () = self.env.sleep_until(self.env.now() + LAST_WORDS) => {}
        }
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.stop.cancel();
        // After `stop` there is no daemon any more.
        let _ = self.daemon.shutdown();
    }
}

/// Passes on what the daemon finds.
struct Watch {
    daemon: ServiceDaemon,
    changes: Receiver<DaemonEvent>,
    own: Own,
    again: Arc<Notify>,
    tell: mpsc::Sender<Seen>,
}

impl Watch {
    async fn run(mut self, mut found: Receiver<ServiceEvent>) {
        loop {
            let seen = tokio::select! {
                biased;
                Ok(change) = self.changes.recv_async() => self.changed(&change),
                // Asked again the daemon tells all it knows.
                () = self.again.notified() => match self.daemon.browse(SERVICE) {
                    Ok(browsing) => {
                        found = browsing;
                        None
                    }
                    Err(_) => return,
                },
                event = found.recv_async() => match event {
                    Ok(event) => self.found(event),
                    // The daemon gives up on who reads too slowly.
                    Err(_) => {
                        self.again.notify_one();
                        None
                    }
                },
            };
            if let Some(seen) = seen
                && self.tell.send(seen).await.is_err()
            {
                return;
            }
        }
    }

    fn changed(&mut self, change: &DaemonEvent) -> Option<Seen> {
        match change {
            DaemonEvent::IpAdd(addr) => {
                self.own.is_at(*addr);
                Some(Seen::NetworkChanged)
            }
            DaemonEvent::IpDel(_) => Some(Seen::NetworkChanged),
            // The daemon's own affairs, of which it may get more kinds.
            _ => None,
        }
    }

    fn found(&mut self, event: ServiceEvent) -> Option<Seen> {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                let announced = announcement(&service);
                Some(match self.own.is_ours(&announced, service.port) {
                    true => Seen::Ours(announced.name),
                    false => Seen::Here(announced),
                })
            }
            ServiceEvent::ServiceRemoved(_, fullname) => {
                let name = short(&fullname);
                (!self.own.forgets(name)).then(|| Seen::Gone(name.to_owned()))
            }
            // A name without its address yet, and the daemon's own affairs.
            _ => None,
        }
    }
}
