//! The controller of a fleet: a port that bridges dial, and a client for each of them.
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use net::{
    Client, Dir, Env, Event, Lobby, Order, Record, Sink,
    lobby::{Guest, News},
};
use proto::{
    Policy, Protocol, RawPolicy, Span, Stage, Supervisor,
    cync::{Cync, Settings},
    resilience::Timeout,
};
use tokio::sync::mpsc;

/// How long they all may take to be there.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one may take to open its connection.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often a command is sent, as by `wirelab cync serve`.
const ATTEMPTS: u32 = 3;

type Name = Arc<str>;

/// The controller.
pub(super) struct Hall {
    env: Env,
    lobby: Lobby<Cync>,
    settled: mpsc::UnboundedReceiver<(Name, Name)>,
    guests: BTreeMap<Name, Arc<Client<Cync>>>,
    bridges: BTreeMap<Name, Arc<Client<Cync>>>,
}

impl Hall {
    /// Listens on a free port of this machine, as patient as `wirelab cync serve` is.
    pub(super) fn open(env: &Env) -> anyhow::Result<Self> {
        let settings = Settings::default();
        let policy = Policy::new::<Cync>(RawPolicy {
            connect_timeout: Span(HANDSHAKE),
            timeout: Timeout::Adaptive,
            max_attempts: ATTEMPTS,
            retry_on: vec![Stage::ReceiveTimeout],
            ..Cync::new(settings.clone())?.policy()
        })?;
        let make = move |env: &Env| {
            let cync = Cync::new(settings.clone()).expect("it was checked");
            Supervisor::new(cync, policy.clone(), env.seed)
        };
        let (tell, settled) = mpsc::unbounded_channel();
        env.recorder.attach(Settling { ids: BTreeMap::new(), tell });
        let lobby = Lobby::open(env, SocketAddr::from(([127, 0, 0, 1], 0)), make)?;
        let (guests, bridges) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { env: env.clone(), lobby, settled, guests, bridges })
    }
    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.lobby.addr()
    }
    /// The client of this bridge, if it is here.
    pub(super) fn bridge(&self, id: &str) -> Option<Arc<Client<Cync>>> {
        self.bridges.get(id).cloned()
    }
    /// Waits until so many are here and have told of their lamps; or, for 0, until all have gone.
    ///
    /// # Errors
    /// They take too long.
    pub(super) async fn until(&mut self, count: usize) -> anyhow::Result<()> {
        let mut alarm = self.env.alarm();
        alarm.set(Some(self.env.now() + PATIENCE));
        while self.bridges.len() != count {
            tokio::select! {
                biased;
                () = alarm.ring() => {
                    let here = self.bridges.len();
                    anyhow::bail!("{here} bridges are here after {PATIENCE:?}, not {count}");
                }
                () = self.turn() => {}
            }
        }
        Ok(())
    }
    /// Whoever comes or goes next, or is let in. Cancel safe.
    pub(super) async fn turn(&mut self) {
        tokio::select! {
            biased;
            Some((name, id)) = self.settled.recv() => {
                if let Some(client) = self.guests.get(&name) {
                    self.bridges.insert(id, client.clone());
                }
            }
            news = self.lobby.next() => match news {
                News::Came(Guest { name, client, .. }) => {
                    client.tell(Order::Start).await;
                    self.guests.insert(name, client);
                }
                News::Left { name, .. } => {
                    if let Some(gone) = self.guests.remove(&name) {
                        self.bridges.retain(|_, client| !Arc::ptr_eq(client, &gone));
                    }
                }
            }
        }
    }
}

/// Tells of every bridge, by connection and id, that has told of its lamps and was answered.
struct Settling {
    ids: BTreeMap<Name, Name>,
    tell: mpsc::UnboundedSender<(Name, Name)>,
}

impl Sink for Settling {
    fn take(&mut self, Record { node, event, .. }: &Record) {
        match event {
            Event::Frame { dir: Dir::In, kind, device_id: Some(id), .. } if kind == "login" => {
                self.ids.insert(node.clone(), id.clone());
            }
            Event::Frame { dir: Dir::Out, kind, .. } if kind == "sync_ack" => {
                if let Some(id) = self.ids.remove(node) {
                    // Nobody waiting is the end of the benchmark.
                    let _ = self.tell.send((node.clone(), id));
                }
            }
            _ => {}
        }
    }
    fn hears_bytes(&self) -> bool {
        false
    }
}
