//! A network in this process: latency, backpressure, and the ways TCP ends. It simulates streams,
//! not segments, and is meant to run under paused time.
use std::{
    collections::{BTreeMap, VecDeque},
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, Sleep},
};

use crate::net::Listens;

const BACKLOG: usize = 128;
/// When a SYN that was dropped is sent again.
const SYN_AGAIN: Duration = Duration::from_secs(1);
/// Bytes on their way in one direction before a writer has to wait.
const WINDOW: usize = 256 * 1024;

/// The network.
#[derive(Clone)]
pub struct Sim {
    latency: Duration,
    ports: Arc<Mutex<Ports>>,
}

struct Ports {
    listeners: BTreeMap<SocketAddr, Backlog>,
    next: u16,
}

/// Where a listener is reached.
#[derive(Clone)]
struct Backlog {
    queue: mpsc::Sender<Stream>,
    /// Of what it accepts.
    window: usize,
}

impl Sim {
    /// A network in which every byte takes `latency` one way.
    pub fn new(latency: Duration) -> Self {
        let ports = Ports { listeners: BTreeMap::new(), next: 40_000 };
        Self { latency, ports: Arc::new(Mutex::new(ports)) }
    }
    pub(crate) fn listen(&self, addr: SocketAddr, window: Option<usize>) -> io::Result<Listener> {
        self.listen_for(addr, BACKLOG, window.unwrap_or(WINDOW))
    }
    /// A listener whose backlog is full, with what fills it.
    pub(crate) fn listen_full(&self, addr: SocketAddr) -> io::Result<(Listener, Stream)> {
        let listener = self.listen_for(addr, 1, WINDOW)?;
        let mut ports = self.ports();
        let local = SocketAddr::new(listener.addr.ip(), ports.ephemeral());
        let (near, far) = pair(self.latency, local, listener.addr, WINDOW);
        let queue = ports.listeners.get(&listener.addr).map(|backlog| backlog.queue.clone());
        queue.and_then(|queue| queue.try_send(far).ok()).expect("it was made with room for one");
        Ok((listener, near))
    }
    fn listen_for(
        &self,
        mut addr: SocketAddr,
        backlog: usize,
        window: usize,
    ) -> io::Result<Listener> {
        let mut ports = self.ports();
        if addr.port() == 0 {
            addr.set_port(ports.ephemeral());
        }
        if ports.listeners.get(&addr).is_some_and(|taken| !taken.queue.is_closed()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (queue, backlog) = mpsc::channel(backlog);
        ports.listeners.insert(addr, Backlog { queue, window });
        Ok(Listener { addr, backlog })
    }
    pub(crate) async fn connect(&self, addr: SocketAddr) -> io::Result<Stream> {
        tokio::time::sleep_until(now() + self.latency * 2).await;
        let local = SocketAddr::new(addr.ip(), self.ports().ephemeral());
        loop {
            let there = self.ports().listeners.get(&addr).cloned();
            let Backlog { queue, window } = there.ok_or(io::ErrorKind::ConnectionRefused)?;
            let (near, far) = pair(self.latency, local, addr, window);
            match queue.try_send(far) {
                Ok(()) => return Ok(near),
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                // A full backlog drops the SYN, and nothing comes back.
                Err(mpsc::error::TrySendError::Full(_)) => {
                    tokio::time::sleep_until(now() + SYN_AGAIN).await;
                }
            }
        }
    }
    pub(crate) fn listens(&self, addr: SocketAddr) -> Listens {
        match self.ports().listeners.get(&addr) {
            Some(there) if there.queue.is_closed() => Listens::No,
            Some(there) if there.queue.capacity() == 0 => Listens::Full,
            Some(_) => Listens::Yes,
            None => Listens::No,
        }
    }
    fn ports(&self) -> MutexGuard<'_, Ports> {
        self.ports.lock().expect("held for a few lines that do not panic")
    }
}

impl Ports {
    fn ephemeral(&mut self) -> u16 {
        self.next = self.next.checked_add(1).unwrap_or(40_001);
        self.next
    }
}

/// A listening end. Dropping it resets whoever still waits in the backlog.
pub struct Listener {
    addr: SocketAddr,
    backlog: mpsc::Receiver<Stream>,
}

impl Listener {
    pub(crate) async fn accept(&mut self) -> io::Result<Stream> {
        self.backlog.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.backlog.close();
        while let Ok(waiting) = self.backlog.try_recv() {
            waiting.reset();
        }
    }
}

/// One direction of a connection.
#[derive(Default)]
struct Pipe {
    /// How much may be queued.
    window: usize,
    queue: VecDeque<(Instant, Vec<u8>)>,
    queued: usize,
    /// What arrives when, until word of that has come back.
    unacked: VecDeque<(Instant, usize)>,
    fin: Option<Instant>,
    reset: Option<Instant>,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Waits for a reset.
    watcher: Option<Waker>,
}

impl Pipe {
    fn wake(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
        if let Some(waker) = self.watcher.take() {
            waker.wake();
        }
    }
    fn acknowledge(&mut self, latency: Duration) {
        let now = now();
        while self.unacked.front().is_some_and(|(at, _)| *at + latency <= now) {
            self.unacked.pop_front();
        }
    }
    fn is_reset(&self) -> bool {
        self.reset.is_some_and(|at| at <= now())
    }
}

/// One end of a connection. Dropping it closes it as Linux does: with a reset if bytes are unread.
pub struct Stream {
    rx: Arc<Mutex<Pipe>>,
    tx: Arc<Mutex<Pipe>>,
    latency: Duration,
    local: SocketAddr,
    peer: SocketAddr,
    sleep: Mutex<Option<Pin<Box<Sleep>>>>,
}

fn pair(latency: Duration, local: SocketAddr, peer: SocketAddr, window: usize) -> (Stream, Stream) {
    let pipe =
        |window: usize| Arc::new(Mutex::new(Pipe { window: window.max(1), ..Pipe::default() }));
    let (x, y) = (pipe(WINDOW), pipe(window));
    let sleep = Mutex::default;
    let near = Stream { rx: x.clone(), tx: y.clone(), latency, local, peer, sleep: sleep() };
    let far = Stream { rx: y, tx: x, latency, local: peer, peer: local, sleep: sleep() };
    (near, far)
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().expect("held for a few lines that do not panic")
}

#[allow(clippy::disallowed_methods)] // The network's own clock: when bytes arrive.
fn now() -> Instant {
    Instant::now()
}

impl Stream {
    pub(crate) fn addrs(&self) -> (SocketAddr, SocketAddr) {
        (self.local, self.peer)
    }
    pub(crate) fn unacked(&self) -> usize {
        let mut tx = lock(&self.tx);
        tx.acknowledge(self.latency);
        tx.unacked.iter().map(|(_, n)| n).sum()
    }
    /// What is on its way counts as unread; of an end that was dropped nothing is known.
    pub(crate) fn drained(&self) -> Option<bool> {
        let tx = lock(&self.tx);
        (!tx.reader_gone).then(|| tx.queue.is_empty())
    }
    pub(crate) fn is_broken(&self) -> bool {
        lock(&self.rx).is_reset()
    }
    /// A window of nothing would be for ever.
    pub(crate) fn set_receive_buffer(&self, bytes: usize) {
        let mut rx = lock(&self.rx);
        rx.window = bytes.max(1);
        if let Some(waker) = rx.writer.take() {
            waker.wake();
        }
    }
    pub(crate) fn finish(&self) {
        let mut tx = lock(&self.tx);
        tx.fin.get_or_insert(now() + self.latency);
        tx.wake();
    }
    pub(crate) fn reset(self) {
        self.send_reset();
    }
    fn send_reset(&self) {
        let mut tx = lock(&self.tx);
        tx.reset.get_or_insert(now() + self.latency);
        tx.wake();
    }
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut rx = lock(&self.rx);
        let now = now();
        let arrived = rx.queue.front().is_some_and(|(at, _)| *at <= now);
        if arrived && let Some((_, bytes)) = rx.queue.front_mut() {
            let n = bytes.len().min(buf.len());
            buf[..n].copy_from_slice(&bytes[..n]);
            bytes.drain(..n);
            if bytes.is_empty() {
                rx.queue.pop_front();
            }
            rx.queued -= n;
            if let Some(waker) = rx.writer.take() {
                waker.wake();
            }
            return Poll::Ready(Ok(n));
        }
        // What arrived before a reset stays readable; what had not arrived is lost with it.
        if rx.is_reset() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if rx.queue.is_empty() && rx.fin.is_some_and(|at| at <= now) {
            return Poll::Ready(Ok(0));
        }
        let next = rx.queue.front().map(|(at, _)| *at).or(rx.fin);
        let due = [next, rx.reset].into_iter().flatten().min();
        rx.reader = Some(cx.waker().clone());
        drop(rx);
        if let Some(at) = due {
            let mut sleep = self.sleep.lock().expect("held for a few lines that do not panic");
            let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            sleep.as_mut().reset(at);
            if sleep.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
    /// Returns once a reset has arrived.
    pub(crate) async fn broken(&self) {
        let at = poll_fn(|cx| {
            let mut rx = lock(&self.rx);
            rx.watcher = Some(cx.waker().clone());
            rx.reset.map_or(Poll::Pending, Poll::Ready)
        });
        tokio::time::sleep_until(at.await).await;
    }
    /// Looks once a round trip; whoever waits for this is in no hurry.
    pub(crate) async fn readable(&self) {
        let is_there = |pipe: &Pipe| {
            pipe.is_reset()
                || pipe.queue.front().is_some_and(|(at, _)| *at <= now())
                || pipe.fin.is_some_and(|at| at <= now())
        };
        while !is_there(&lock(&self.rx)) {
            let pause = (self.latency * 2).max(Duration::from_millis(1));
            tokio::time::sleep_until(now() + pause).await;
        }
    }
    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if lock(&self.rx).is_reset() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut tx = lock(&self.tx);
        if tx.fin.is_some() || tx.reset.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if tx.reader_gone {
            // The local kernel takes the bytes; a reset comes back a round trip later.
            drop(tx);
            let mut rx = lock(&self.rx);
            rx.reset.get_or_insert(now() + self.latency * 2);
            rx.wake();
            return Poll::Ready(Ok(bufs.iter().map(|b| b.len()).sum()));
        }
        let room = tx.window.saturating_sub(tx.queued);
        if room == 0 {
            tx.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut bytes: Vec<u8> = bufs.iter().flat_map(|b| b.iter().copied()).collect();
        bytes.truncate(room);
        let n = bytes.len();
        tx.queued += n;
        let at = now() + self.latency;
        tx.queue.push_back((at, bytes));
        tx.acknowledge(self.latency);
        tx.unacked.push_back((at, n));
        if let Some(waker) = tx.reader.take() {
            waker.wake();
        }
        Poll::Ready(Ok(n))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let (unread, on_its_way) = {
            let mut rx = lock(&self.rx);
            rx.reader_gone = true;
            if let Some(waker) = rx.writer.take() {
                waker.wake();
            }
            let unread = rx.queue.front().is_some_and(|(at, _)| *at <= now());
            (unread, rx.queue.back().map(|(at, _)| *at))
        };
        if unread {
            return self.send_reset();
        }
        self.finish();
        if let Some(at) = on_its_way {
            // It will find nobody here, and be answered by a reset.
            let mut tx = lock(&self.tx);
            tx.reset.get_or_insert(at + self.latency);
            tx.wake();
        }
    }
}
