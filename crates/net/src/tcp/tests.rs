use super::*;

async fn pair(raw: RawTcpOptions) -> (TcpStream, TcpStream) {
    let options = TcpOptions::new(raw).unwrap();
    let listener = listen("127.0.0.1:0".parse().unwrap(), &options, None).unwrap();
    let addr = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(connect(addr, &options), listener.accept());
    (near.unwrap(), far.unwrap())
}

/// The kernel is asked what is in force on both ends of a real connection.
#[tokio::test]
async fn every_option_is_in_force_on_the_socket() {
    let d = RawTcpOptions::default;
    for nodelay in [true, false] {
        let (near, far) = pair(RawTcpOptions { nodelay, ..d() }).await;
        assert_eq!(near.nodelay().unwrap(), nodelay);
        assert_eq!(far.nodelay().unwrap(), nodelay);
    }
    for keepalive in [Some(Span::millis(7000)), None] {
        let (near, _far) = pair(RawTcpOptions { keepalive, ..d() }).await;
        let socket = SockRef::from(&near);
        assert_eq!(socket.keepalive().unwrap(), keepalive.is_some());
        #[cfg(target_os = "linux")]
        if let Some(idle) = keepalive {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), idle.0);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
        }
    }
    for linger in [Some(Span::millis(2000)), None] {
        let (near, _far) = pair(RawTcpOptions { linger, ..d() }).await;
        assert_eq!(SockRef::from(&near).linger().unwrap(), linger.map(|s| s.0));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn linux_options_are_in_force_too() {
    let d = RawTcpOptions::default;
    for seconds in [2000, 5000].map(Span::millis) {
        let raw = RawTcpOptions { keepalive_interval: seconds, ..d() };
        let (near, _far) = pair(raw).await;
        assert_eq!(SockRef::from(&near).tcp_keepalive_interval().unwrap(), seconds.0);
    }
    for user_timeout in [Some(Span::millis(1234)), None] {
        let (near, _far) = pair(RawTcpOptions { user_timeout, ..d() }).await;
        let in_force = SockRef::from(&near).tcp_user_timeout().unwrap();
        assert_eq!(in_force, user_timeout.map(|s| s.0));
    }
}

/// An urgent byte and an end are something left as well: neither shows in how much was read.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_read_says_whether_it_was_the_last() {
    let (near, far) = pair(RawTcpOptions::default()).await;
    let all_came = async |bytes: usize| {
        while unacked(&far) != Some(0) {
            tokio::task::yield_now().await;
        }
        let mut buf = vec![0; bytes + 1];
        while near.peek(&mut buf).await.unwrap() < bytes {}
    };
    let say = |bytes: &[u8]| assert_eq!(far.try_write(bytes).unwrap(), bytes.len());
    let mut buf = [0; 3];
    say(b"hello");
    all_came(5).await;
    assert_eq!(receive(&near, &mut buf).unwrap(), (3, false));
    assert_eq!(receive(&near, &mut buf).unwrap(), (2, true), "though it did not fill the buffer");
    say(b"a");
    SockRef::from(&far).send_out_of_band(b"!").unwrap();
    say(b"b");
    all_came(1).await;
    assert_eq!(receive(&near, &mut buf).unwrap(), (1, false), "cut short by the urgent one");
    assert_eq!(receive(&near, &mut buf).unwrap(), (1, true));
    say(b"c");
    finish(&far).unwrap();
    all_came(1).await;
    assert_eq!(receive(&near, &mut buf).unwrap(), (1, false), "the end is behind it");
    assert_eq!(receive(&near, &mut buf).unwrap().0, 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_stands_between_two_peers_gives_no_connection_up() {
    let options = TcpOptions::default().patient();
    let listener = listen("127.0.0.1:0".parse().unwrap(), &options, None).unwrap();
    let addr = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(connect(addr, &options), listener.accept());
    for stream in [near.unwrap(), far.unwrap()] {
        let socket = SockRef::from(&stream);
        assert!(!socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT);
        assert!(stream.nodelay().unwrap());
    }
}

/// The server closes first, so the port is in TIME_WAIT on its side.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn reuse_address_decides_whether_a_port_can_be_taken_again_at_once() {
    for reuse_address in [true, false] {
        let options =
            TcpOptions::new(RawTcpOptions { reuse_address, ..RawTcpOptions::default() }).unwrap();
        let listener = listen("127.0.0.1:0".parse().unwrap(), &options, None).unwrap();
        let addr = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(connect(addr, &options), listener.accept());
        drop(far.unwrap());
        drop((near.unwrap(), listener));
        assert_eq!(listen(addr, &options, None).is_ok(), reuse_address);
    }
}

/// Dials a free port from that very port: a simultaneous open with itself.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_to_ourselves_is_nobody() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    socket.connect(&addr.into()).unwrap();
    assert_eq!(socket.peer_addr().unwrap().as_socket(), Some(addr), "it does happen");
    socket.set_nonblocking(true).unwrap();
    let stream = TcpStream::from_std(socket.into()).unwrap();
    let refused = not_ourselves(stream, addr).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn subsecond_keepalives_are_refused() {
    let raw = RawTcpOptions { keepalive: Some(Span::millis(200)), ..RawTcpOptions::default() };
    assert_eq!(TcpOptions::new(raw).unwrap_err().key, "keepalive");
}
