//! Finds TAZCOM nodes on the local network and is found there: DNS-SD over multicast DNS, on every
//! interface that is up. What others announce is passed on as they wrote it; what it is worth is for the
//! roster to say ([`proto::tazcom::roster`]).
mod words;

use std::{
    collections::BTreeSet,
    future::Future,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use mdns_sd::{DaemonEvent, IfKind, IfPredicate, Receiver, ServiceDaemon, ServiceEvent};
use proto::tazcom::{NodeId, Version, roster::Announcement};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{Env, Net};
use words::{SERVICE, announced, announcement, full, short};

/// News that wait for whoever reads them; more stay with the daemon.
const QUEUE: usize = 256;
/// Addresses and names that are remembered as our own, at most.
const MAX_OURS: usize = 256;
/// How often the daemon looks for new interfaces and addresses, in seconds.
const LOOK: u32 = 2;
/// How long an announcement in doubt may go unanswered. RFC 6762 §10.4 asks for two queries, a second
/// apart, and allows ten seconds; after five the roster gives up by itself.
const VERIFY: Duration = Duration::from_secs(4);
/// The daemon repeats a goodbye after 120 ms, since packets get lost.
const SECOND_GOODBYE: Duration = Duration::from_millis(160);
/// How long the daemon may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What is heard of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Somebody is announced, for the first time or otherwise than before.
    Here(Announcement),
    /// The announcement of this name was taken back, has run out, or was found to be false.
    Gone(String),
    /// An address of ours has come or gone.
    NetworkChanged,
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
    /// The name that is announced, if nobody else has it.
    fullname: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Discovery {
    /// Announces the node called `id`, which listens at `port` on every interface, and looks for others.
    /// If its name is taken, it gets another.
    ///
    /// # Errors
    /// The network is simulated, or the operating system refuses.
    pub fn start(
        env: Env,
        id: NodeId,
        port: u16,
        version: Version,
    ) -> Result<(Self, mpsc::Receiver<Seen>), Error> {
        match env.net {
            Net::Tcp(_) => {}
            Net::Sim(_) => return Err(Error::Simulated),
        }
        let ours = announced(id, port, version)?;
        let fullname = ours.get_fullname().to_owned();
        let daemon = ServiceDaemon::new()?;
        let stop = CancellationToken::new();
        // From here on, whatever goes wrong ends the daemon.
        let ends = daemon.clone();
        let started = || -> Result<_, Error> {
            daemon.set_ip_check_interval(LOOK)?;
            let needless = |interface: &_| is_loopback(interface) && is_on_a_network();
            daemon.disable_interface(IfKind::Predicate(IfPredicate::new(needless)))?;
            let (changes, found) = (daemon.monitor()?, daemon.browse(SERVICE)?);
            daemon.register(ours)?;
            Ok((changes, found))
        };
        let (changes, found) = started().inspect_err(|_| _ = ends.shutdown())?;
        let (tell, seen) = mpsc::channel(QUEUE);
        let own = Own { id: id.to_string(), port, addrs: own_addrs(), names: BTreeSet::new() };
        let watch = Watch { daemon: daemon.clone(), changes, own, tell };
        let task = tokio::spawn({
            let stop = stop.clone();
            async move { _ = stop.run_until_cancelled(watch.run(found)).await }
        });
        Ok((Self { env, daemon, fullname, stop, task }, seen))
    }
    /// Asks whether the announcement of this name is still true. If nobody says so, [`Seen::Gone`]
    /// follows.
    pub fn reverify(&self, name: &str) {
        // Refused while the daemon has more to do than it can; whoever doubts will doubt again.
        let _ = self.daemon.verify(full(name), VERIFY);
    }
    /// Takes the announcement back, and waits until that is said.
    pub async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.expect("the watching task does not panic");
        if let Ok(said) = self.daemon.unregister(&self.fullname) {
            self.patiently(said.recv_async()).await;
            self.env.sleep_until(self.env.now() + SECOND_GOODBYE).await;
        }
        if let Ok(ended) = self.daemon.shutdown() {
            self.patiently(ended.recv_async()).await;
        }
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
    tell: mpsc::Sender<Seen>,
}

/// How our own announcement, which comes back to us, is told from one of somebody who has our key.
struct Own {
    id: String,
    port: u16,
    /// Where we are or were.
    addrs: BTreeSet<IpAddr>,
    /// Names that turned out to be ours.
    names: BTreeSet<String>,
}

impl Watch {
    async fn run(mut self, mut found: Receiver<ServiceEvent>) {
        loop {
            let seen = tokio::select! {
                biased;
                Ok(change) = self.changes.recv_async() => self.changed(&change),
                event = found.recv_async() => match event {
                    Ok(event) => self.found(event),
                    // The daemon gives up on who reads too slowly. Asked again it tells all it knows.
                    Err(_) => match self.daemon.browse(SERVICE) {
                        Ok(again) => {
                            found = again;
                            None
                        }
                        Err(_) => return,
                    },
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
                keep(&mut self.own.addrs, *addr);
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
                if !self.own.is_ours(&announced, service.port) {
                    self.own.names.remove(&announced.name);
                    return Some(Seen::Here(announced));
                }
                keep(&mut self.own.names, announced.name);
                None
            }
            ServiceEvent::ServiceRemoved(_, fullname) => {
                let name = short(&fullname);
                (!self.own.names.remove(name)).then(|| Seen::Gone(name.to_owned()))
            }
            // A name without its address yet, and the daemon's own affairs.
            _ => None,
        }
    }
}

impl Own {
    fn is_ours(&self, announced: &Announcement, port: u16) -> bool {
        let here = |addr: &SocketAddr| self.addrs.contains(&addr.ip());
        let ours = announced.id.as_ref() == Some(&self.id) && port == self.port;
        ours && announced.addrs.iter().any(here)
    }
}

fn keep<T: Ord>(ours: &mut BTreeSet<T>, what: T) {
    if ours.len() < MAX_OURS {
        ours.insert(what);
    }
}

fn own_addrs() -> BTreeSet<IpAddr> {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    all.iter().map(if_addrs::Interface::ip).take(MAX_OURS).collect()
}

fn is_loopback(interface: &if_addrs::Interface) -> bool {
    interface.is_loopback()
}

/// Others can be reached, so there is no need to speak on loopback, where addresses mean nothing to them.
fn is_on_a_network() -> bool {
    let useful = |i: &if_addrs::Interface| i.is_oper_up() && !i.is_p2p() && !i.is_loopback();
    if_addrs::get_if_addrs().unwrap_or_default().iter().any(useful)
}
