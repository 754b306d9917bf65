//! Drives a TAZCOM node: opens its sockets, moves its bytes, tells it the time. Who is there and what is
//! said is the node's own affair ([`proto::tazcom::Node`]).
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use proto::{
    CloseReason, Frame, Stage,
    tazcom::{
        MessageId, Node, Secure,
        gossip::{self, Draft, Shown, Spread},
        node::{Input, Output, Snapshot},
        roster::{self, Announcement},
    },
};
use rustls::Connection;
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Env, Event,
    net::{Listener, Stream, connect_stage},
    tls,
    wire::{Happened, Wire, inbound},
};

/// Orders that wait, of a node or of one connection; who has more to say to a peer than that is not heard.
const QUEUE: usize = 256;
/// How long a closing connection may take to hand over its last bytes.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a node has to tell.
#[derive(Clone, Debug)]
pub enum Told {
    /// About who is there.
    Roster(roster::Output),
    /// A message to be shown.
    Show(Shown),
    /// About messages.
    Gossip(gossip::Output),
}

/// A running node. Dropping it ends it; `stop` also waits until its connections are closed.
pub struct Running {
    addr: SocketAddr,
    orders: mpsc::Sender<Order>,
    untold: Arc<AtomicU64>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

enum Order {
    Happened(Input),
    Say(Draft, oneshot::Sender<Result<Shown, String>>),
    Spread(MessageId, oneshot::Sender<Option<Spread>>),
    Look(oneshot::Sender<Snapshot>),
}

impl Running {
    /// Starts `node`, listening at `listen`; port 0 is any free one. `random` gives 32 bytes that nobody
    /// can guess, each time others. What it tells goes to `told`; it waits for nobody who does not listen.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken.
    pub fn start(
        env: Env,
        node: Node,
        listen: SocketAddr,
        random: impl FnMut() -> [u8; 32] + Send + 'static,
        told: mpsc::Sender<Told>,
    ) -> io::Result<Self> {
        let listener = env.net.listen(listen)?;
        let addr = listener.local_addr()?;
        env.record(Event::Listening { addr });
        let (orders, ordered) = mpsc::channel(QUEUE);
        let (heard, hears) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let untold = Arc::new(AtomicU64::new(0));
        let driver = Driver {
            env,
            node,
            random: Box::new(random),
            told,
            untold: untold.clone(),
            heard,
            open: BTreeMap::new(),
            dialling: BTreeMap::new(),
            dials: JoinSet::new(),
            carried: JoinSet::new(),
        };
        let task = tokio::spawn(driver.run(listener, ordered, hears, stop.clone()));
        Ok(Self { addr, orders, untold, stop, task })
    }
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
    /// Somebody is said to listen there.
    pub async fn given(&self, addr: SocketAddr) {
        self.order(Order::Happened(Input::Given(addr))).await;
    }
    /// Somebody was announced.
    pub async fn discovered(&self, announcement: Announcement) {
        self.order(Order::Happened(Input::Discovered(announcement))).await;
    }
    /// An announcement was taken back.
    pub async fn gone(&self, name: String) {
        self.order(Order::Happened(Input::Gone(name))).await;
    }
    /// Other addresses are ours now, or others can be reached.
    pub async fn network_changed(&self) {
        self.order(Order::Happened(Input::NetworkChanged)).await;
    }
    /// Says something, and shows how.
    ///
    /// # Errors
    /// It cannot be said, and why.
    pub async fn say(&self, draft: Draft) -> Result<Shown, String> {
        let (give, take) = oneshot::channel();
        self.order(Order::Say(draft, give)).await;
        take.await.unwrap_or_else(|_| Err("the node has ended".into()))
    }
    /// How far a message has come; none if it is not known, or not any more.
    pub async fn spread_of(&self, message: MessageId) -> Option<Spread> {
        let (give, take) = oneshot::channel();
        self.order(Order::Spread(message, give)).await;
        take.await.ok().flatten()
    }
    /// How much was not told since this was last asked, for whoever is told did not listen.
    pub fn untold(&self) -> u64 {
        self.untold.swap(0, Ordering::Relaxed)
    }
    /// A look inside; none once it has ended.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        let (give, take) = oneshot::channel();
        self.order(Order::Look(give)).await;
        take.await.ok()
    }
    /// Closes the listener and every connection, and waits until they are closed.
    pub async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.expect("the node's task does not panic");
    }

    async fn order(&self, order: Order) {
        // One that has ended obeys nobody.
        let _ = self.orders.send(order).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What is to be done on a connection.
enum Do {
    Send(Frame),
    /// What is said before encryption begins, what has come of it already, and what does it. All at once,
    /// since the answer to the first may be there at once.
    Secure(Option<Frame>, Bytes, Box<Connection>),
    Close(CloseReason),
}

/// What happened on one.
enum Heard {
    Received(Bytes),
    Secured,
    Wrote,
    Ended(String),
}

struct Driver {
    env: Env,
    node: Node,
    random: Box<dyn FnMut() -> [u8; 32] + Send>,
    told: mpsc::Sender<Told>,
    /// What did not fit in there.
    untold: Arc<AtomicU64>,
    heard: mpsc::Sender<(u64, Heard)>,
    /// Open connections, by the node's numbers: ours in the record, and who carries them.
    open: BTreeMap<u64, (u32, mpsc::Sender<Do>)>,
    /// Those that are not open yet, likewise, and who opens them.
    dialling: BTreeMap<u64, (u32, AbortHandle)>,
    dials: JoinSet<(u64, u32, io::Result<Stream>)>,
    carried: JoinSet<()>,
}

impl Driver {
    async fn run(
        mut self,
        mut listener: Listener,
        mut ordered: mpsc::Receiver<Order>,
        mut hears: mpsc::Receiver<(u64, Heard)>,
        stop: CancellationToken,
    ) {
        let env = self.env.clone();
        let mut alarm = env.alarm();
        loop {
            alarm.set(self.obey());
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(order) = ordered.recv() => match order {
                    Order::Happened(input) => self.happens(input),
                    // Who asked may have left.
                    Order::Say(draft, give) => {
                        _ = give.send(self.node.say(self.env.now(), draft));
                    }
                    Order::Spread(id, give) => _ = give.send(self.node.spread_of(&id)),
                    Order::Look(give) => _ = give.send(self.node.snapshot()),
                },
                Some((conn, heard)) = hears.recv() => self.hear(conn, heard),
                Some(dialled) = self.dials.join_next() => {
                    if let Ok((conn, ours, stream)) = dialled {
                        self.dialled(conn, ours, stream);
                    }
                }
                Some(_) = self.carried.join_next() => {}
                stream = listener.next(&env) => self.accept(stream),
                () = alarm.ring() => self.happens(Input::Timeout),
            }
        }
        drop(listener);
        self.dials.abort_all();
        // Whoever carries a connection closes it once nobody tells it anything any more.
        self.open.clear();
        drop(hears);
        while self.carried.join_next().await.is_some() {}
    }

    fn happens(&mut self, input: Input) {
        self.node.handle_input(self.env.now(), input);
    }

    fn hear(&mut self, conn: u64, heard: Heard) {
        match heard {
            Heard::Received(bytes) => self.happens(Input::Received(conn, bytes)),
            Heard::Secured => self.happens(Input::Secured(conn)),
            Heard::Wrote => self.happens(Input::Written(conn)),
            Heard::Ended(why) => {
                self.open.remove(&conn);
                self.happens(Input::Ended(conn, why));
            }
        }
    }

    fn accept(&mut self, stream: Stream) {
        let Ok((local, peer)) = stream.addrs() else { return };
        let (ours, random) = (self.env.next_conn(), (self.random)());
        self.env.record(Event::Opened { conn: ours, local, peer });
        match self.node.accept(self.env.now(), peer.ip(), random) {
            Ok(conn) => self.carry(conn, ours, stream),
            Err((_, why)) => {
                let reason = CloseReason::Refused(why);
                Wire::new(stream, ours).close(reason, &self.env);
            }
        }
    }

    fn dial(&mut self, conn: u64, addr: SocketAddr) {
        let (env, ours) = (self.env.clone(), self.env.next_conn());
        let dial = self.dials.spawn(async move {
            env.record(Event::Connecting { conn: ours, addr });
            (conn, ours, env.net.connect(&[addr]).await)
        });
        self.dialling.insert(conn, (ours, dial));
    }

    fn dialled(&mut self, conn: u64, ours: u32, stream: io::Result<Stream>) {
        if self.dialling.remove(&conn).is_none() {
            return;
        }
        match stream.and_then(|stream| Ok((stream.addrs()?, stream))) {
            Ok(((local, peer), stream)) => {
                self.env.record(Event::Opened { conn: ours, local, peer });
                self.carry(conn, ours, stream);
                let random = (self.random)();
                self.happens(Input::Connected(conn, random));
            }
            Err(e) => {
                let (stage, detail) = (connect_stage(&e), e.to_string());
                self.env.record(Event::ConnectFailed { conn: ours, stage, detail: detail.clone() });
                self.happens(Input::Ended(conn, detail));
            }
        }
    }

    fn carry(&mut self, conn: u64, ours: u32, stream: Stream) {
        let (tell, told) = mpsc::channel(QUEUE);
        self.open.insert(conn, (ours, tell));
        let (env, heard) = (self.env.clone(), self.heard.clone());
        self.carried.spawn(carry(Wire::new(stream, ours), conn, env, told, heard));
    }

    /// Does all that the node wants; when it wants to be woken.
    fn obey(&mut self) -> Option<proto::Time> {
        loop {
            match self.node.poll_output() {
                Output::Connect(conn, addr) => self.dial(conn, addr),
                Output::Transmit(conn, frame) => self.tell(conn, Do::Send(frame)),
                Output::Secure(conn, secure) => self.secure(conn, secure),
                Output::Close(conn, reason) => {
                    if let Some((ours, dial)) = self.dialling.remove(&conn) {
                        dial.abort();
                        let late = matches!(reason, CloseReason::TimedOut(_));
                        let stage = if late { Stage::ConnectTimeout } else { Stage::Cancelled };
                        let detail = reason.to_string();
                        self.env.record(Event::ConnectFailed { conn: ours, stage, detail });
                    }
                    self.tell(conn, Do::Close(reason));
                    self.open.remove(&conn);
                }
                Output::Received(conn, frame) => {
                    if let Some((ours, _)) = self.open.get(&conn) {
                        self.env.record_with(|| inbound(*ours, frame));
                    }
                }
                Output::Fact(conn, fact) => {
                    if let Some((ours, _)) = self.open.get(&conn) {
                        self.env.record(Event::Fact { conn: *ours, fact });
                    }
                }
                Output::Roster(told) => self.told(Told::Roster(told)),
                Output::Show(shown) => self.told(Told::Show(shown)),
                Output::Gossip(told) => self.told(Told::Gossip(told)),
                Output::Wait(at) => return at,
            }
        }
    }

    fn secure(&mut self, conn: u64, secure: Secure) {
        let Secure { role, peer, last, first } = secure;
        match tls::between(self.node.identity(), role, peer) {
            Ok(tls) => self.tell(conn, Do::Secure(last, first, Box::new(tls))),
            Err(reason) => {
                self.happens(Input::Ended(conn, reason.to_string()));
                self.tell(conn, Do::Close(reason));
                self.open.remove(&conn);
            }
        }
    }

    fn told(&self, told: Told) {
        // Whoever does not listen misses it; the node does not wait.
        if let Err(mpsc::error::TrySendError::Full(_)) = self.told.try_send(told) {
            self.untold.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn tell(&mut self, conn: u64, what: Do) {
        let full = match self.open.get(&conn) {
            Some((_, carrier)) => carrier.try_send(what).is_err(),
            None => false,
        };
        if full {
            self.open.remove(&conn);
            self.happens(Input::Ended(conn, "it does not read what it is sent".into()));
        }
    }
}

/// Carries one connection until it ends, or nobody tells it anything any more.
async fn carry(
    mut wire: Wire,
    conn: u64,
    env: Env,
    mut told: mpsc::Receiver<Do>,
    heard: mpsc::Sender<(u64, Heard)>,
) {
    let reason = loop {
        tokio::select! {
            biased;
            what = told.recv() => match what {
                Some(Do::Send(frame)) => wire.send(frame, env.now()),
                Some(Do::Secure(last, first, tls)) => {
                    if let Some(last) = last {
                        wire.send(last, env.now());
                    }
                    wire.secure(*tls, &first);
                }
                Some(Do::Close(reason)) => break last_words(&mut wire, reason, &env).await,
                None => break CloseReason::Local,
            },
            happened = wire.next(&env) => {
                let (said, end) = match happened {
                    Happened::Received(bytes) => (Heard::Received(bytes), None),
                    Happened::Secured => (Heard::Secured, None),
                    Happened::Wrote(_) => (Heard::Wrote, None),
                    Happened::Eof => (Heard::Ended("it closed".into()), Some(CloseReason::Peer)),
                    Happened::Ended(why) => (Heard::Ended(why.to_string()), Some(why)),
                };
                // A node that is ending hears nothing any more.
                let _ = heard.send((conn, said)).await;
                if let Some(end) = end {
                    break end;
                }
            }
        }
    };
    wire.close(reason, &env);
}

/// Hands over what is still queued, for a while.
async fn last_words(wire: &mut Wire, reason: CloseReason, env: &Env) -> CloseReason {
    let mut alarm = env.alarm();
    alarm.set(Some(env.now() + LAST_WORDS));
    while !wire.is_flushed() {
        tokio::select! {
            biased;
            () = alarm.ring() => break,
            happened = wire.next(env) => if let Happened::Ended(_) = happened { break },
        }
    }
    reason
}

#[cfg(test)]
mod tests;
