//! Hosts a fake device: accepts connections, runs one device session on each, and owns them all.
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use proto::{CloseReason, ConfigError, Input, Output, Protocol, Session};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Env, Event,
    net::{Listener, Stream, connect_stage},
    record::veil::Veil,
    wire::{Happened, Wire, inbound},
};

/// How long a closing connection may take to hand over its last bytes.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a peer may take to begin encrypting, where it is to.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A running device. Dropping it pulls the plug; `stop` also waits until it is dark.
pub struct Host<P: Protocol> {
    addr: Place,
    env: Env,
    device: Arc<P>,
    prompted: broadcast::Sender<()>,
    relisten: mpsc::Sender<oneshot::Sender<io::Result<()>>>,
    unplug: CancellationToken,
    task: JoinHandle<()>,
}

/// Where a device listens, or would: it may move.
#[derive(Clone)]
struct Place(Arc<Mutex<SocketAddr>>);

impl Place {
    fn new(addr: SocketAddr) -> Self {
        Self(Arc::new(Mutex::new(addr)))
    }
    fn get(&self) -> SocketAddr {
        *self.0.lock().expect("held for a line that does not panic")
    }
    fn set(&self, addr: SocketAddr) {
        *self.0.lock().expect("held for a line that does not panic") = addr;
    }
}

impl<P: Protocol> Host<P> {
    /// Starts `device` at `addr`; port 0 is any free one. A device that dials dials there.
    ///
    /// # Errors
    /// The operating system's: most often, the port is taken.
    pub fn start(env: Env, addr: SocketAddr, device: Arc<P>) -> io::Result<Self> {
        let dials = device.dials();
        // Even a device that starts deaf takes its port first, so that its address is known.
        let listener = if dials.is_none() { Some(env.net.listen(addr)?) } else { None };
        let addr = listener.as_ref().map_or(Ok(addr), Listener::local_addr)?;
        let place = Place::new(addr);
        let (prompted, _) = broadcast::channel(1);
        let (relisten, commands) = mpsc::channel(1);
        let unplug = CancellationToken::new();
        let mut rack = Rack {
            env: env.clone(),
            addr: place.clone(),
            device: device.clone(),
            prompted: prompted.clone(),
            unplug: unplug.clone(),
            listener,
        };
        let task = match dials {
            Some(gap) => tokio::spawn(rack.run_dialling(commands, gap)),
            None => {
                env.record(Event::Listening { addr });
                rack.listen_as_told()?;
                tokio::spawn(rack.run(commands))
            }
        };
        Ok(Self { addr: place, env, device, prompted, relisten, unplug, task })
    }
    /// Where it listens, or would, by now; or where it dials.
    pub fn addr(&self) -> SocketAddr {
        self.addr.get()
    }
    /// The device, to ask what it remembers.
    pub fn device(&self) -> &P {
        &self.device
    }
    /// From now on the device behaves like this. When it returns, it does.
    ///
    /// # Errors
    /// It should listen again and somebody has taken the port.
    pub async fn misbehave(&self, quirk: P::Quirk) -> io::Result<()> {
        let device = self.env.recorder.name();
        self.env.record(Event::Armed { device, quirk: quirk.to_string().into() });
        self.device.misbehave(quirk);
        // Nobody connected is nobody to tell.
        let _ = self.prompted.send(());
        let (tx, rx) = oneshot::channel();
        if self.relisten.send(tx).await.is_err() {
            return Ok(());
        }
        rx.await.unwrap_or(Ok(()))
    }
    /// Has the device say something unasked, now or once somebody is there to hear it.
    ///
    /// # Errors
    /// The device knows nothing of the kind.
    pub fn prompt(&self, prompt: P::Prompt) -> Result<(), ConfigError> {
        let order = format!("{prompt:?}");
        self.device.prompt(self.env.now(), prompt)?;
        self.env.record(Event::Told { order });
        // Nobody connected is nobody to poke.
        let _ = self.prompted.send(());
        Ok(())
    }
    /// Closes the listener and every connection, and waits until they are closed.
    pub async fn stop(mut self) {
        self.unplug.cancel();
        (&mut self.task).await.expect("the host's task does not panic");
    }
}

impl<P: Protocol> Drop for Host<P> {
    fn drop(&mut self) {
        self.unplug.cancel();
    }
}

struct Rack<P: Protocol> {
    env: Env,
    addr: Place,
    device: Arc<P>,
    prompted: broadcast::Sender<()>,
    unplug: CancellationToken,
    listener: Option<Listener>,
}

impl<P: Protocol> Rack<P> {
    async fn run(mut self, mut commands: mpsc::Receiver<oneshot::Sender<io::Result<()>>>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = self.unplug.cancelled() => break,
                Some(done) = commands.recv() => { let _ = done.send(self.listen_as_told()); }
                Some(_) = connections.join_next() => self.listen_again(),
                stream = accept(&mut self.listener, &self.env) => {
                    self.serve(stream, Wire::accepted, &mut connections);
                    self.listen_again();
                }
            }
        }
        self.listener = None;
        while connections.join_next().await.is_some() {}
    }

    /// Dials instead of listening: one connection at a time, and so long between them.
    async fn run_dialling(
        self,
        mut commands: mpsc::Receiver<oneshot::Sender<io::Result<()>>>,
        gap: Duration,
    ) {
        let unplug = self.unplug.clone();
        let mut connections = JoinSet::new();
        let mut dialling = self.dial();
        let mut pause = self.env.alarm();
        loop {
            tokio::select! {
                biased;
                () = unplug.cancelled() => break,
                Some(done) = commands.recv() => { let _ = done.send(Ok(())); }
                Some(_) = connections.join_next() => pause.set(Some(self.env.now() + gap)),
                stream = &mut dialling => {
                    dialling = Box::pin(std::future::pending());
                    match stream {
                        Some(stream) => self.serve(stream, Wire::dialled, &mut connections),
                        None => pause.set(Some(self.env.now() + gap)),
                    }
                }
                () = pause.ring() => {
                    pause.set(None);
                    dialling = self.dial();
                }
            }
        }
        drop(dialling);
        while connections.join_next().await.is_some() {}
    }

    fn dial(&self) -> Dialling {
        let (env, addr, conn) = (self.env.clone(), self.addr.get(), self.env.next_conn());
        Box::pin(async move {
            env.record(Event::Connecting { conn, addr });
            match env.net.connect(&[addr]).await {
                Ok(stream) => Some(stream),
                Err(e) => {
                    let stage = connect_stage(&e);
                    env.record(Event::ConnectFailed { conn, stage, detail: e.to_string() });
                    None
                }
            }
        })
    }

    /// A device that serves one at a time may listen again, or not any more.
    fn listen_again(&mut self) {
        if let Err(e) = self.listen_as_told() {
            let addr = self.addr.get();
            self.env.record(Event::ListenFailed { addr, detail: e.to_string() });
        }
    }

    fn listen_as_told(&mut self) -> io::Result<()> {
        if self.device.leaves() {
            self.leave()?;
        }
        match (self.device.listening(), &self.listener) {
            (true, None) => {
                let addr = self.addr.get();
                self.listener = Some(self.env.net.listen(addr)?);
                self.env.record(Event::Listening { addr });
            }
            (false, Some(_)) => {
                self.listener = None;
                self.env.record(Event::Deaf);
            }
            (true, Some(_)) | (false, None) => {}
        }
        Ok(())
    }

    /// Listens at another port, and not at the old one any more.
    fn leave(&mut self) -> io::Result<()> {
        let mut addr = self.addr.get();
        addr.set_port(0);
        // While the old one is taken, the new one is another.
        let listener = self.env.net.listen(addr)?;
        addr = listener.local_addr()?;
        self.listener = Some(listener);
        self.addr.set(addr);
        self.env.record(Event::Listening { addr });
        Ok(())
    }

    fn serve(
        &self,
        stream: Stream,
        begin: fn(Stream, u32, &Env) -> Result<Wire, CloseReason>,
        connections: &mut JoinSet<()>,
    ) {
        let conn = self.env.next_conn();
        let Ok((local, peer)) = stream.addrs() else { return };
        self.env.record(Event::Opened { conn, local, peer });
        let wire = match begin(stream, conn, &self.env) {
            Ok(wire) => wire,
            Err(reason) => return self.env.record(Event::Closed { conn, reason }),
        };
        let veil = Veil::of(&self.env, P::COVER);
        let plugged = Plugged {
            session: self.device.device(self.env.now()),
            wire: wire.veiled(&veil),
            veil,
            conn,
            env: self.env.clone(),
        };
        connections.spawn(plugged.run(self.prompted.subscribe(), self.unplug.clone()));
    }
}

type Dialling = std::pin::Pin<Box<dyn Future<Output = Option<Stream>> + Send>>;

async fn accept(listener: &mut Option<Listener>, env: &Env) -> Stream {
    match listener {
        Some(listener) => listener.next(env).await,
        None => std::future::pending().await,
    }
}

/// One device session on one connection.
struct Plugged<S> {
    session: S,
    wire: Wire,
    veil: Veil,
    conn: u32,
    env: Env,
}

/// What a session wants after all it had to say.
enum Next {
    Wait(Option<proto::Time>),
    Close(CloseReason),
}

impl<S: Session> Plugged<S> {
    async fn run(mut self, mut prompted: broadcast::Receiver<()>, unplug: CancellationToken) {
        if let Err(reason) = self.handshake(&unplug).await {
            return self.wire.close(reason, &self.env);
        }
        let mut alarm = self.env.alarm();
        let reason = loop {
            let deadline = match self.obey() {
                Next::Wait(at) => at,
                Next::Close(CloseReason::Abort) => break CloseReason::Abort,
                Next::Close(reason) => {
                    tokio::select! {
                        biased;
                        () = unplug.cancelled() => {}
                        () = self.flush() => {}
                    }
                    break reason;
                }
            };
            alarm.set(deadline);
            self.wire.hold(!self.session.reading());
            let now = || self.env.now();
            tokio::select! {
                biased;
                () = unplug.cancelled() => break CloseReason::Local,
                // Having missed some is being told all the same.
                Ok(()) | Err(broadcast::error::RecvError::Lagged(_)) = prompted.recv() => {
                    self.session.handle_input(now(), Input::Prompted);
                }
                happened = self.wire.next(&self.env) => match happened {
                    Happened::Received(bytes) => {
                        self.session.handle_input(now(), Input::Received(&bytes));
                    }
                    Happened::Eof => self.session.handle_input(now(), Input::Eof),
                    // All of what went out in one go is written down before anything that answers it.
                    Happened::Wrote(_) => while self.wire.pop_written(&self.env).is_some() {},
                    Happened::Secured => {}
                    Happened::Ended(reason) => break reason,
                },
                () = alarm.ring() => self.session.handle_input(now(), Input::Timeout),
            }
        };
        if reason == CloseReason::Local {
            self.say_goodbye();
        }
        self.wire.close(reason, &self.env);
    }

    /// Nothing is said before the connection is encrypted, if it is to be.
    async fn handshake(&mut self, unplug: &CancellationToken) -> Result<(), CloseReason> {
        let mut alarm = self.env.alarm();
        alarm.set(Some(self.env.now() + HANDSHAKE));
        tokio::select! {
            biased;
            secured = self.wire.handshake(&self.env) => secured,
            () = unplug.cancelled() => Err(CloseReason::Local),
            () = alarm.ring() => Err(CloseReason::TimedOut("TLS handshake".into())),
        }
    }

    /// Last words, if the protocol has any.
    fn say_goodbye(&mut self) {
        self.session.handle_input(self.env.now(), Input::Leave);
        self.obey();
        self.wire.last_words(&self.env);
    }

    fn obey(&mut self) -> Next {
        let conn = self.conn;
        loop {
            match self.session.poll_output() {
                Output::Transmit(frame) => self.wire.send(frame, self.env.now()),
                Output::Received(frame) => {
                    self.env.record_with(|| inbound(conn, self.veil.frame(frame)));
                }
                Output::Ready(proof) => self.env.record(Event::Ready { conn, proof }),
                Output::Fact(fact) => {
                    self.env.record(Event::Fact { conn, fact: self.veil.fact(fact) });
                }
                Output::Finish => self.wire.finish(),
                // An answer to a prompt, or something said unasked, is in the record as its frame.
                Output::Reply(..) | Output::Push(_) => {}
                Output::Close(reason) => return Next::Close(reason),
                Output::Wait(at) => return Next::Wait(at),
            }
        }
    }

    /// Hands over what is still queued, for a while.
    async fn flush(&mut self) {
        let mut alarm = self.env.alarm();
        alarm.set(Some(self.env.now() + LAST_WORDS));
        while !self.wire.is_flushed() {
            tokio::select! {
                // Time first: a peer that never stops talking does not stop the clock.
                biased;
                () = alarm.ring() => return,
                happened = self.wire.next(&self.env) => {
                    if let Happened::Ended(_) = happened {
                        return;
                    }
                }
            }
        }
    }
}
