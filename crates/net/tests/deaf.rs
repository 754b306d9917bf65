//! Peers that take nobody, take little, or are gone, and what the near end sees of it.
use std::{future::poll_fn, io, net::SocketAddr, task::Poll, time::Duration};

use net::{
    Env, Listens, Net, Recorder, Sim, TcpOptions,
    net::{Listener, Stream},
};

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn sim() -> Env {
    env(Net::Sim(Sim::new(Duration::from_millis(5))))
}

fn tcp() -> Env {
    env(Net::Tcp(TcpOptions::default()))
}

fn env(net: Net) -> Env {
    Env::new(net, Recorder::new(Recorder::DEFAULT_LIMIT), 1)
}

async fn a_while(env: &Env, millis: u64) {
    env.sleep_until(env.now() + Duration::from_millis(millis)).await;
}

/// Both ends of a connection through this listener.
async fn pair(net: &Net, mut listener: Listener) -> (Stream, Stream) {
    let dialled = [listener.local_addr().unwrap()];
    let (near, far) = tokio::join!(net.connect(&dialled), listener.accept());
    (near.unwrap(), far.unwrap())
}

async fn read(stream: &mut Stream) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_read(cx, &mut [0; 64])).await
}

async fn write(stream: &mut Stream, bytes: &[u8]) {
    let n = poll_fn(|cx| stream.poll_write(cx, &[io::IoSlice::new(bytes)])).await.unwrap();
    assert_eq!(n, bytes.len());
}

/// Writes until nobody takes more. How much that was.
async fn fill(stream: &mut Stream) -> usize {
    let mut written = 0;
    poll_fn(|cx| {
        while let Poll::Ready(n) = stream.poll_write(cx, &[io::IoSlice::new(&[7; 1000])]) {
            written += n.unwrap();
        }
        Poll::Ready(())
    })
    .await;
    written
}

async fn dialling_a_full_listener_gets_no_answer_until_it_is_gone(env: Env) {
    let full = env.net.listen_full(any_port()).unwrap();
    let addr = full.local_addr().unwrap();
    assert_ne!(addr.port(), 0);
    if cfg!(target_os = "linux") {
        assert_eq!(env.net.listens(addr), Some(Listens::Full));
    }
    let dialled = [addr];
    let gone = async {
        a_while(&env, 50).await;
        drop(full);
    };
    let (refused, ()) = tokio::join!(biased; env.net.connect(&dialled), gone);
    // Had there been room, it would be connected. The SYN is repeated after a second.
    assert_eq!(refused.err().map(|e| e.kind()), Some(io::ErrorKind::ConnectionRefused));
}

#[tokio::test(start_paused = true)]
async fn dialling_a_full_listener_gets_no_answer_until_it_is_gone_sim() {
    dialling_a_full_listener_gets_no_answer_until_it_is_gone(sim()).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dialling_a_full_listener_gets_no_answer_until_it_is_gone_tcp() {
    dialling_a_full_listener_gets_no_answer_until_it_is_gone(tcp()).await;
}

async fn whoever_found_no_room_gets_in_when_there_is(env: Env) {
    let full = env.net.listen_full(any_port()).unwrap();
    let addr = full.local_addr().unwrap();
    let dialled = [addr];
    let room = async {
        a_while(&env, 50).await;
        drop(full);
        let mut listener = env.net.listen(addr).unwrap();
        listener.accept().await.unwrap()
    };
    let (near, _far) = tokio::join!(biased; env.net.connect(&dialled), room);
    near.unwrap();
    assert!(env.now().since_start() > Duration::from_millis(500), "not with its first SYN");
}

#[tokio::test(start_paused = true)]
async fn whoever_found_no_room_gets_in_when_there_is_sim() {
    whoever_found_no_room_gets_in_when_there_is(sim()).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn whoever_found_no_room_gets_in_when_there_is_tcp() {
    whoever_found_no_room_gets_in_when_there_is(tcp()).await;
}

/// It can be full from its first moment on, every time.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_listener_is_full_at_once_everywhere() {
    let net = tcp().net;
    for at in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"].repeat(25) {
        let full = net.listen_full(at.parse().unwrap()).unwrap();
        assert_eq!(net.listens(full.local_addr().unwrap()), Some(Listens::Full), "{at}");
    }
}

async fn a_deaf_listener_takes_bytes_and_resets_when_dropped(env: Env) {
    let deaf = env.net.listen_deaf(any_port()).unwrap();
    let mut near = env.net.connect(&[deaf.local_addr().unwrap()]).await.unwrap();
    write(&mut near, b"anybody?").await;
    a_while(&env, 20).await;
    assert!(!near.is_broken());
    drop(deaf);
    assert_eq!(read(&mut near).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_deaf_listener_takes_bytes_and_resets_when_dropped_sim() {
    a_deaf_listener_takes_bytes_and_resets_when_dropped(sim()).await;
}

#[tokio::test]
async fn a_deaf_listener_takes_bytes_and_resets_when_dropped_tcp() {
    a_deaf_listener_takes_bytes_and_resets_when_dropped(tcp()).await;
}

async fn a_reset_is_noticed_without_a_read_and_reported_by_the_next(env: Env) {
    let (mut near, mut far) = pair(&env.net, env.net.listen(any_port()).unwrap()).await;
    write(&mut far, b"unread").await;
    a_while(&env, 20).await;
    assert!(!near.is_broken());
    far.reset();
    while !near.is_broken() {
        a_while(&env, 1).await;
    }
    assert!(near.is_broken(), "asking takes nothing away");
    assert_eq!(read(&mut near).await.unwrap(), 6);
    assert!(near.is_broken());
    assert_eq!(read(&mut near).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_noticed_without_a_read_and_reported_by_the_next_sim() {
    a_reset_is_noticed_without_a_read_and_reported_by_the_next(sim()).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_reset_is_noticed_without_a_read_and_reported_by_the_next_tcp() {
    a_reset_is_noticed_without_a_read_and_reported_by_the_next(tcp()).await;
}

async fn a_connection_that_both_have_finished_is_not_broken(env: Env) {
    let (mut near, mut far) = pair(&env.net, env.net.listen(any_port()).unwrap()).await;
    far.finish().unwrap();
    assert_eq!(read(&mut near).await.unwrap(), 0);
    assert!(!near.is_broken());
    near.finish().unwrap();
    assert_eq!(read(&mut far).await.unwrap(), 0);
    a_while(&env, 20).await;
    assert!(!near.is_broken() && !far.is_broken());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_both_have_finished_is_not_broken_sim() {
    a_connection_that_both_have_finished_is_not_broken(sim()).await;
}

#[tokio::test]
async fn a_connection_that_both_have_finished_is_not_broken_tcp() {
    a_connection_that_both_have_finished_is_not_broken(tcp()).await;
}

#[tokio::test(start_paused = true)]
async fn a_receive_buffer_decides_when_writers_wait_sim() {
    let net = sim().net;
    let (mut near, mut far) = pair(&net, net.listen(any_port()).unwrap()).await;
    assert_eq!(fill(&mut near).await, 256 * 1024);
    far.set_receive_buffer(256 * 1024 + 10).unwrap();
    assert_eq!(fill(&mut near).await, 10, "a writer is let on");
    near.set_receive_buffer(100).unwrap();
    assert_eq!(fill(&mut far).await, 100);
    let small = net.listen_with_buffer(any_port(), 4000).unwrap();
    let (mut near, mut far) = pair(&net, small).await;
    assert_eq!(fill(&mut near).await, 4000);
    assert_eq!(fill(&mut far).await, 256 * 1024, "the dialling end has the usual one");
}

/// What the far kernel took of all that was written.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_receive_buffer_decides_when_writers_wait_tcp() {
    let net = tcp().net;
    let usual = net.listen(any_port()).unwrap();
    let (mut near, _far) = pair(&net, usual).await;
    let written = fill(&mut near).await;
    while written - near.unacked().unwrap() < 50_000 {
        tokio::task::yield_now().await;
    }
    let small = net.listen_with_buffer(any_port(), 4000).unwrap();
    let (mut near, _far) = pair(&net, small).await;
    let took = fill(&mut near).await - near.unacked().unwrap();
    assert!(took < 10_000, "{took}");
    let (mut near, far) = pair(&net, net.listen(any_port()).unwrap()).await;
    far.set_receive_buffer(4000).unwrap();
    let took = fill(&mut near).await - near.unacked().unwrap();
    assert!(took < 50_000, "{took}");
}
