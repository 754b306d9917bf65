//! What can be known of the other end of a connection, or of a place, without its help.
use std::{future::poll_fn, io, net::SocketAddr, time::Duration};

use net::{
    Listens, Net, Sim, TcpOptions,
    net::{Listener, Stream},
};

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn sim() -> Net {
    Net::Sim(Sim::new(Duration::from_millis(5)))
}

fn tcp() -> Net {
    Net::Tcp(TcpOptions::default())
}

/// Both ends of a connection, and the listener it came through.
async fn pair(net: &Net) -> (Stream, Stream, Listener) {
    let mut listener = net.listen(any_port()).unwrap();
    let addr = listener.local_addr().unwrap();
    let dialled = [addr];
    let (near, far) = tokio::join!(net.connect(&dialled), listener.accept());
    (near.unwrap(), far.unwrap(), listener)
}

async fn write(stream: &mut Stream, bytes: &[u8]) {
    let n = poll_fn(|cx| stream.poll_write(cx, &[io::IoSlice::new(bytes)])).await.unwrap();
    assert_eq!(n, bytes.len());
}

async fn read(stream: &mut Stream, upto: usize) -> usize {
    let mut buf = vec![0; upto];
    poll_fn(|cx| stream.poll_read(cx, &mut buf)).await.unwrap()
}

async fn only_a_program_that_has_read_all_has_drained(net: Net) {
    let (mut near, mut far, _listener) = pair(&net).await;
    assert_eq!(near.drained(), Some(true), "nothing was written");
    write(&mut near, b"twelve bytes").await;
    assert_eq!(near.drained(), Some(false), "nobody has read");
    assert_eq!(read(&mut far, 11).await, 11);
    assert_eq!(near.drained(), Some(false), "one is left");
    assert_eq!(far.drained(), Some(true), "the other direction is another matter");
    assert_eq!(read(&mut far, 11).await, 1);
    // Over loopback the last acknowledgement may be a moment behind.
    while near.drained() != Some(true) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_program_that_has_read_all_has_drained_sim() {
    only_a_program_that_has_read_all_has_drained(sim()).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn only_a_program_that_has_read_all_has_drained_tcp() {
    only_a_program_that_has_read_all_has_drained(tcp()).await;
}

async fn nobody_knows_what_a_closed_end_has_read(net: Net) {
    let (mut near, far, _listener) = pair(&net).await;
    write(&mut near, b"lost").await;
    far.reset();
    while near.drained().is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_knows_what_a_closed_end_has_read_sim() {
    nobody_knows_what_a_closed_end_has_read(sim()).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nobody_knows_what_a_closed_end_has_read_tcp() {
    nobody_knows_what_a_closed_end_has_read(tcp()).await;
}

async fn whether_anybody_listens_is_known_without_dialling(net: Net) {
    let mut listener = net.listen(any_port()).unwrap();
    let addr = listener.local_addr().unwrap();
    assert_eq!(net.listens(addr), Some(Listens::Yes));
    let dialled = [addr];
    let _ends = tokio::join!(net.connect(&dialled), listener.accept());
    assert_eq!(net.listens(addr), Some(Listens::Yes));
    drop(listener);
    assert_eq!(net.listens(addr), Some(Listens::No));
}

#[tokio::test(start_paused = true)]
async fn whether_anybody_listens_is_known_without_dialling_sim() {
    whether_anybody_listens_is_known_without_dialling(sim()).await;
    let nobody = "192.0.2.1:80".parse().unwrap();
    assert_eq!(sim().listens(nobody), Some(Listens::No), "it knows all of its hosts");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn whether_anybody_listens_is_known_without_dialling_tcp() {
    whether_anybody_listens_is_known_without_dialling(tcp()).await;
    assert_eq!(tcp().listens("192.0.2.1:80".parse().unwrap()), None, "another host");
}
