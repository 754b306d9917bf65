//! The floor: the same bytes over blocking sockets, and nothing else. No record, no retry, no check.
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use net::Stopwatch;

use super::{Load, Measured};

/// Threads that accept, where every command has its own connection.
const ACCEPTORS: usize = 4;

/// A device that answers `ACK` to every `len` bytes.
pub(super) struct Device {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    acceptors: Vec<JoinHandle<()>>,
}

impl Device {
    pub(super) fn start(len: usize, load: Load) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut acceptors = Vec::new();
        for _ in 0..ACCEPTORS.min(load.concurrent) {
            let (listener, stop) = (listener.try_clone()?, stop.clone());
            acceptors.push(thread::spawn(move || {
                while let Ok((stream, _)) = listener.accept() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if load.kept {
                        // Ends with its connection.
                        thread::spawn(move || serve(stream, len));
                    } else {
                        serve(stream, len);
                    }
                }
            }));
        }
        Ok(Self { addr, stop, acceptors })
    }
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for _ in &self.acceptors {
            // Each connection wakes one acceptor, and who is awake leaves.
            drop(TcpStream::connect(self.addr));
        }
        for acceptor in self.acceptors {
            acceptor.join().expect("an acceptor does not panic");
        }
    }
}

fn serve(mut stream: TcpStream, len: usize) {
    let mut frame = vec![0; len];
    let _ = stream.set_nodelay(true);
    while stream.read_exact(&mut frame).is_ok() && stream.write_all(b"ACK").is_ok() {}
}

/// Plays `load` against `addr`, one thread per concurrent command.
pub(super) fn measure(addr: SocketAddr, frame: &[u8], load: Load) -> io::Result<Measured> {
    let watch = Stopwatch::start();
    let each = load.commands / load.concurrent;
    let workers: Vec<io::Result<Measured>> = thread::scope(|scope| {
        let work = || scope.spawn(|| worker(addr, frame, each, load.kept));
        let workers: Vec<_> = (0..load.concurrent).map(|_| work()).collect();
        workers.into_iter().map(|w| w.join().expect("a worker does not panic")).collect()
    });
    let mut all = Measured::default();
    for worker in workers {
        all.add(&worker?);
    }
    all.took = watch.elapsed();
    Ok(all)
}

fn worker(addr: SocketAddr, frame: &[u8], commands: usize, kept: bool) -> io::Result<Measured> {
    let mut measured = Measured::default();
    let mut open = None;
    for _ in 0..commands {
        let watch = Stopwatch::start();
        let mut stream = match open.take() {
            Some(stream) => stream,
            None => connect(addr)?,
        };
        stream.write_all(frame)?;
        let mut answer = [0; 3];
        stream.read_exact(&mut answer)?;
        if kept {
            open = Some(stream);
        } else {
            drop(stream);
        }
        measured.record(watch.elapsed());
    }
    Ok(measured)
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
