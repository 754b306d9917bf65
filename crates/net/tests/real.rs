//! What only real sockets, or more than one thread, can show.
#[cfg(target_os = "linux")]
use std::{
    future::poll_fn,
    io::{self, Read},
    task::Poll,
};
use std::{net::SocketAddr, sync::Arc};

use net::{Env, Event, Host, Net, Recorder, Role, TcpOptions};
use proto::toggle::Lamp;

fn env() -> Env {
    let recorder = Recorder::new(Recorder::DEFAULT_LIMIT);
    Env::new(Net::Tcp(TcpOptions::default()), recorder, 1).node("device", Role::Device)
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// On several threads a connection may still be closing when its host has already gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_that_has_stopped_has_closed_every_connection() {
    for _ in 0..20 {
        let env = env();
        let host = Host::start(env.clone(), any_port(), Arc::new(Lamp::default())).unwrap();
        let mut peers = Vec::new();
        for _ in 0..50 {
            peers.push(env.net.connect(&[host.addr()]).await.unwrap());
        }
        let mut left = peers.len();
        let opened = |r: &net::Record| {
            left -= usize::from(matches!(r.event, Event::Opened { .. }));
            (left == 0).then_some(())
        };
        env.recorder.until(opened).await;
        host.stop().await;
        let records = env.recorder.records();
        let closed = records.iter().filter(|r| matches!(r.event, Event::Closed { .. })).count();
        assert_eq!(closed, peers.len());
    }
}

/// A peer that reads nothing leaves its kernel no room to acknowledge all of it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_the_peers_kernel_does_not_have_is_not_acknowledged() {
    let listener = std::net::TcpListener::bind(any_port()).unwrap();
    let net = Net::Tcp(TcpOptions::default());
    let stream = net.connect(&[listener.local_addr().unwrap()]).await.unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    assert_eq!(stream.unacked(), Some(0));
    let chunk = vec![7; 64 * 1024];
    let mut written = 0;
    let full = poll_fn(|cx| {
        while let Poll::Ready(wrote) = stream.poll_write(cx, &[io::IoSlice::new(&chunk)]) {
            written += wrote.unwrap();
        }
        Poll::Ready(stream.unacked())
    });
    let unacked = full.await.expect("Linux knows");
    assert!((1..written).contains(&unacked), "{unacked} of {written}");
    let reading = std::thread::spawn(move || {
        peer.read_exact(&mut vec![0; written]).unwrap();
        peer
    });
    let _peer = reading.join().unwrap();
    // All of it was read, so all of it arrived; the acknowledgement is on its way at most.
    while stream.unacked() != Some(0) {
        tokio::task::yield_now().await;
    }
}

/// Dials a free port until the kernel happens to dial from that very port. Linux dials from even
/// ports first, going through all of them, so an even one is met before long.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn dialling_a_free_port_never_connects_to_itself() {
    let net = Net::Tcp(TcpOptions::default());
    let free = std::net::TcpListener::bind(any_port()).unwrap().local_addr().unwrap();
    let addr = SocketAddr::new(free.ip(), free.port() & !1);
    for _ in 0..100_000 {
        let refused = net.connect(&[addr]).await.err().expect("nobody listens there");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "{refused}");
        if refused.to_string().contains("itself") {
            return;
        }
    }
    panic!("it never happened, so nothing was tested");
}
