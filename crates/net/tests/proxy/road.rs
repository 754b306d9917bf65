//! The way from a client to a device, with a proxy on it or without: plain blocking sockets at both
//! ends, and what is heard there put into a word or two.
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use net::{
    Env, Event, Net, Record, Recorder, Role, TcpOptions,
    proxy::{Armed, Proxy},
};
use socket2::SockRef;
use tokio::runtime::Runtime;

/// Nothing here takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Road {
    /// Where clients dial.
    pub(crate) addr: SocketAddr,
    device: Option<TcpListener>,
    at: SocketAddr,
    pub(crate) proxied: Option<Proxied>,
}

pub(crate) struct Proxied {
    pub(crate) proxy: Proxy,
    pub(crate) env: Env,
    pub(crate) runtime: Runtime,
}

impl Road {
    pub(crate) fn direct() -> Self {
        let device = listen("127.0.0.1:0".parse().unwrap());
        let at = device.local_addr().unwrap();
        Self { addr: at, device: Some(device), at, proxied: None }
    }
    pub(crate) fn proxied() -> Self {
        let direct = Self::direct();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let recorder = Recorder::new(Recorder::DEFAULT_LIMIT);
        let env = Env::new(Net::Tcp(TcpOptions::default()), recorder, 1).node("p", Role::Proxy);
        let _inside = runtime.enter();
        let any = "127.0.0.1:0".parse().unwrap();
        let proxy = Proxy::start(env.clone(), any, vec![direct.at], None).unwrap();
        let addr = proxy.addr();
        drop(_inside);
        Self { addr, proxied: Some(Proxied { proxy, env, runtime }), ..direct }
    }
    /// With these faults.
    pub(crate) fn with(rules: &[&str]) -> Self {
        let road = Self::proxied();
        rules.iter().for_each(|rule| drop(road.add(rule)));
        road
    }
    pub(crate) fn add(&self, rule: &str) -> std::sync::Arc<Armed> {
        self.proxy().add(rule.parse().unwrap()).unwrap()
    }
    pub(crate) fn proxy(&self) -> &Proxy {
        &self.proxied.as_ref().expect("there is a proxy").proxy
    }
    /// The first record, past or future, that fits. Without a proxy there is nothing to wait for.
    pub(crate) fn until(&self, mut fits: impl FnMut(&Record) -> bool) {
        let Some(Proxied { env, runtime, .. }) = &self.proxied else { return };
        let found = env.recorder.until(|record| fits(record).then_some(()));
        let waited = runtime.block_on(async { tokio::time::timeout(PATIENCE, found).await });
        waited.unwrap_or_else(|_| panic!("it never happened: {:#?}", env.recorder.records()));
    }
    /// Lets time pass, where time is what is tested.
    pub(crate) fn pass(&self, time: Duration) {
        let Some(Proxied { env, runtime, .. }) = &self.proxied else { return };
        runtime.block_on(env.sleep_until(env.now() + time));
    }
    /// The nth record, past or future, of this kind.
    pub(crate) fn until_nth(&self, nth: usize, fits: impl Fn(&Event) -> bool) {
        let mut seen = 0;
        self.until(|record| {
            seen += usize::from(fits(&record.event));
            seen >= nth
        });
    }
    pub(crate) fn records(&self) -> Vec<Record> {
        self.proxied.as_ref().map(|p| p.env.recorder.records()).unwrap_or_default()
    }
    pub(crate) fn count(&self, fits: impl Fn(&Event) -> bool) -> usize {
        self.records().iter().filter(|record| fits(&record.event)).count()
    }
    /// What the faults did so far.
    pub(crate) fn struck(&self) -> Vec<String> {
        let did = |record: Record| match record.event {
            Event::Struck { fault, did, .. } => Some(format!("{fault}: {did}")),
            _ => None,
        };
        self.records().into_iter().filter_map(did).collect()
    }
    pub(crate) fn dial(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.addr, PATIENCE)?;
        dressed(&stream);
        Ok(stream)
    }
    pub(crate) fn accept(&self) -> TcpStream {
        let (stream, _) =
            self.device.as_ref().expect("it listens").accept().expect("somebody dials");
        dressed(&stream);
        stream
    }
    /// Both ends of a new connection.
    pub(crate) fn pair(&self) -> (TcpStream, TcpStream) {
        let client = self.dial().unwrap();
        (client, self.accept())
    }
    /// The device goes away, connections excepted.
    pub(crate) fn down(&mut self) {
        self.device = None;
    }
    /// It comes back at the same place.
    pub(crate) fn up(&mut self) {
        self.device = Some(listen(self.at));
    }
    /// It comes back, and its backlog is full for as long as what is returned lives.
    pub(crate) fn jam(&mut self) -> (socket2::Socket, TcpStream) {
        self.down();
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&self.at.into()).unwrap();
        socket.listen(0).unwrap();
        let parked = TcpStream::connect(self.at).unwrap();
        (socket, parked)
    }
    /// Ends the proxy; nothing of it may be left.
    pub(crate) fn stop(self) {
        if let Some(Proxied { proxy, runtime, .. }) = self.proxied {
            let stopped = async {
                proxy.stop().await;
                // A task is joined a moment before it is gone.
                let tasks = tokio::runtime::Handle::current().metrics();
                while tasks.num_alive_tasks() > 0 {
                    tokio::task::yield_now().await;
                }
            };
            let stopped = runtime.block_on(async { tokio::time::timeout(PATIENCE, stopped).await });
            assert!(stopped.is_ok(), "it never stopped, or tasks are left");
        }
    }
}

fn listen(at: SocketAddr) -> TcpListener {
    let listener = TcpListener::bind(at).unwrap();
    SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).unwrap();
    listener
}

fn dressed(stream: &TcpStream) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
}

/// Closes with a reset.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Reads until the end, and says how that was.
pub(crate) fn heard(stream: &mut TcpStream) -> String {
    let (bytes, end) = all(stream);
    match bytes.len() {
        0 => end,
        n => format!("{n} B, {end}"),
    }
}

/// All that comes, and the end.
pub(crate) fn all(stream: &mut TcpStream) -> (Vec<u8>, String) {
    let mut bytes = Vec::new();
    let end = match stream.read_to_end(&mut bytes) {
        Ok(_) => "EOF".to_owned(),
        Err(e) => named(&e),
    };
    (bytes, end)
}

pub(crate) fn named(error: &io::Error) -> String {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::ConnectionReset, _) => "ECONNRESET".into(),
        (io::ErrorKind::ConnectionRefused, _) => "ECONNREFUSED".into(),
        (io::ErrorKind::BrokenPipe, _) => "EPIPE".into(),
        (io::ErrorKind::WouldBlock, _) => "hangs".into(),
        (io::ErrorKind::TimedOut, None) => "connect times out".into(),
        _ => error.to_string(),
    }
}

/// Writes until nobody takes more for a while. How much that was.
pub(crate) fn fill(stream: &mut TcpStream) -> usize {
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut written = 0;
    while let Ok(n) = stream.write(&[7; 16 * 1024]) {
        written += n;
    }
    written
}
