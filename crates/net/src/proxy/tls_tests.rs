//! A proxy that ends TLS, between simulated ends. What they are is asked of them; what the proxy made of
//! it, of the record.
use std::{future::poll_fn, io::IoSlice, net::SocketAddr, time::Duration};

use bytes::Bytes;
use proto::{CloseReason, Fact, Frame, Protocol as _, cync::Cync};

use super::*;
use crate::{
    Net, Recorder, Role, Sim, Tls, TlsClient, TlsServer, Trust,
    net::{Listener, Stream},
    wire::{Happened, Wire},
};

const NAME: &str = "controller.example";
const NOTHING: Tls = Tls { dialling: None, listening: None };

fn server() -> TlsServer {
    TlsServer::self_signed(&[NAME]).unwrap()
}

fn trusting(server: &TlsServer) -> TlsClient {
    TlsClient::new(Trust::Certificates(server.certificates().to_owned()), NAME).unwrap()
}

/// A client that may dial, a proxy, and a device's listener.
struct Road {
    env: Env,
    client: Env,
    device: Env,
    listener: Listener,
    proxy: Proxy,
}

impl Road {
    /// TLS on these sides of the proxy: towards the client, towards the device.
    fn new(near: bool, far: bool) -> Self {
        let (ours, theirs) = (server(), server());
        let proxied =
            Tls { listening: near.then(|| ours.clone()), dialling: far.then(|| trusting(&theirs)) };
        let client = Tls { dialling: near.then(|| trusting(&ours)), ..NOTHING };
        let device = Tls { listening: far.then_some(theirs), ..NOTHING };
        Self::of(client, proxied, device)
    }
    fn of(client: Tls, proxied: Tls, device: Tls) -> Self {
        let net = Net::Sim(Sim::new(Duration::from_millis(1)));
        let all = Env::new(net, Recorder::new(1 << 26), 1);
        let node = |name, role, tls| {
            let mut env = all.node(name, role);
            env.tls = tls;
            env
        };
        let env = node("p", Role::Proxy, proxied);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = env.net.listen(any).unwrap();
        let at = listener.local_addr().unwrap();
        let proxy = Proxy::start(env.clone(), any, vec![at], Some(Speech::of::<Cync>())).unwrap();
        let client = node("client", Role::Client, client);
        Self { env, client, device: node("device", Role::Device, device), listener, proxy }
    }
    fn add(&self, rule: &str) {
        self.proxy.add(rule.parse().unwrap()).unwrap();
    }
    async fn dial(&self) -> Stream {
        self.env.net.connect(&[self.proxy.addr()]).await.unwrap()
    }
    /// Both ends of a connection through the proxy.
    async fn pair(&mut self) -> (End, End) {
        let near = self.env.net.connect(&[self.proxy.addr()]).await.unwrap();
        let near = Wire::dialled(near, 1, &self.client).unwrap();
        let (mut near, mut far) = (End::new(near, &self.client), None);
        let (secured, ()) = tokio::join!(near.wire.handshake(&self.client), async {
            let stream = self.listener.accept().await.unwrap();
            let mut wire = Wire::accepted(stream, 1, &self.device).unwrap();
            wire.handshake(&self.device).await.unwrap();
            far = Some(End::new(wire, &self.device));
        });
        secured.unwrap();
        self.until(|event| matches!(event, Event::Joined { .. }).then_some(())).await;
        (near, far.expect("it came"))
    }
    /// What the proxy recorded, past or future, and fits.
    async fn until<T>(&self, mut fits: impl FnMut(&Event) -> Option<T>) -> T {
        let found = self
            .env
            .recorder
            .until(|record| if &*record.node == "p" { fits(&record.event) } else { None });
        let found = tokio::time::timeout(Duration::from_secs(600), found).await;
        found.unwrap_or_else(|_| panic!("it never happened: {:#?}", self.env.recorder.records()))
    }
    /// Why the proxy closed this connection.
    async fn closed(&self, conn: u32) -> CloseReason {
        self.until(|event| match event {
            Event::Closed { conn: is, reason } if *is == conn => Some(reason.clone()),
            _ => None,
        })
        .await
    }
    fn events(&self) -> Vec<Event> {
        let records = self.env.recorder.records();
        records.into_iter().filter(|r| &*r.node == "p").map(|record| record.event).collect()
    }
}

/// One end of a connection.
struct End {
    wire: Wire,
    env: Env,
}

impl End {
    fn new(wire: Wire, env: &Env) -> Self {
        Self { wire, env: env.clone() }
    }
    fn say(&mut self, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        let frame = Frame { bytes, kind: "test", ticket: None, msg_id: None, device_id: None };
        self.wire.send(frame, self.env.now());
    }
    /// All that comes until its end, or until nothing does; and how that was.
    async fn hears(&mut self) -> (Vec<u8>, &'static str) {
        let mut heard = Vec::new();
        loop {
            let until = self.env.now() + Duration::from_secs(1);
            let happened = tokio::select! {
                biased;
                happened = self.wire.next(&self.env) => happened,
                () = self.env.sleep_until(until) => return (heard, ""),
            };
            match happened {
                Happened::Received(bytes) => heard.extend_from_slice(&bytes),
                Happened::Eof => return (heard, if self.is_cut_off() { "cut off" } else { "end" }),
                Happened::Ended(CloseReason::Reset) => return (heard, "reset"),
                Happened::Ended(_) => return (heard, "broken"),
                Happened::Secured | Happened::Wrote(_) => {}
            }
        }
    }
    fn is_cut_off(&self) -> bool {
        let (records, name) = (self.env.recorder.records(), self.env.recorder.name());
        let odd = |event: &Event| matches!(event, Event::Fact { fact: Fact::Odd { what, .. }, .. } if what == "cut_off");
        records.iter().any(|record| record.node == name && odd(&record.event))
    }
}

/// Lets both work; what the second heard.
async fn carried(from: &mut End, to: &mut End) -> (Vec<u8>, &'static str) {
    tokio::join!(from.hears(), to.hears()).1
}

const SIDES: [(bool, bool); 3] = [(true, true), (true, false), (false, true)];

#[tokio::test(start_paused = true)]
async fn what_is_said_is_carried_and_recorded_as_it_was_said() {
    for (near, far) in SIDES {
        let mut road = Road::new(near, far);
        let (mut client, mut device) = road.pair().await;
        client.say(b"up");
        assert_eq!(carried(&mut client, &mut device).await, (b"up".to_vec(), ""));
        device.say(b"down");
        assert_eq!(carried(&mut device, &mut client).await, (b"down".to_vec(), ""));
        let told: Vec<_> = road
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Received { conn, bytes } => Some((conn, false, bytes)),
                Event::Sent { conn, bytes } => Some((conn, true, bytes)),
                _ => None,
            })
            .collect();
        let (up, down) = (Bytes::from("up"), Bytes::from("down"));
        let wanted =
            [(1, false, up.clone()), (2, true, up), (2, false, down.clone()), (1, true, down)];
        assert_eq!(told, wanted, "{near} {far}");
        road.proxy.stop().await;
    }
}

/// More than networks and both layers hold, in pieces and late; and both ways at once as much as an end
/// has to say before it stops listening.
#[tokio::test(start_paused = true)]
async fn much_is_carried_in_order_while_faults_are_about() {
    let much: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    for rules in [&[][..], &["slice size=7000 vary=6000"], &["latency delay=20ms", "split byte=9"]]
    {
        let mut road = Road::new(true, true);
        rules.iter().for_each(|rule| road.add(rule));
        let (mut client, mut device) = road.pair().await;
        client.say(&much);
        assert!(carried(&mut client, &mut device).await.0 == much, "{rules:?}");
        let some = &much[..200_000];
        client.say(some);
        device.say(some);
        let (at_client, at_device) = tokio::join!(client.hears(), device.hears());
        assert!(at_client.0 == some && at_device.0 == some, "{rules:?}: {}", at_device.0.len());
        road.proxy.stop().await;
    }
}

/// It is encrypted anew, so nobody sees that it was changed, cut or left out.
#[tokio::test(start_paused = true)]
async fn faults_are_about_what_is_said() {
    for (rule, heard) in [
        ("corrupt mask=20 byte=1 lane=up", &b"aBcdef"[..]),
        ("drop byte=2 bytes=2 lane=up", b"abef"),
        ("slice size=1 lane=up", b"abcdef"),
        ("insert hex=2121 byte=3 lane=up", b"abc!!def"),
    ] {
        let mut road = Road::new(true, true);
        road.add(rule);
        let (mut client, mut device) = road.pair().await;
        client.say(b"abcdef");
        assert_eq!(carried(&mut client, &mut device).await, (heard.to_vec(), ""), "{rule}");
        let struck = |event: &Event| matches!(event, Event::Struck { .. }).then_some(());
        if !rule.starts_with("slice") {
            road.until(struck).await;
        }
        road.proxy.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_is_struck_by_its_kind() {
    let mut road = Road::new(true, true);
    road.add("drop frame=ping bytes=5 lane=up");
    let (mut client, mut device) = road.pair().await;
    client.say(b"\xe3\0\0\0\x01\x03\xd3\0\0\0\0\xe3\0\0\0\x01\x04");
    let heard = carried(&mut client, &mut device).await.0;
    assert_eq!(heard, b"\xe3\0\0\0\x01\x03\xe3\0\0\0\x01\x04");
}

#[tokio::test(start_paused = true)]
async fn what_is_injected_waits_for_the_end_of_a_frame() {
    for up in [true, false] {
        let mut road = Road::new(true, true);
        let (client, device) = road.pair().await;
        let (mut from, mut to) = if up { (client, device) } else { (device, client) };
        from.say(b"\xe3\0\0");
        assert_eq!(carried(&mut from, &mut to).await.0, b"\xe3\0\0");
        let lane = if up { "up" } else { "down" };
        road.add(&format!("insert hex=d300000000 lane={lane} conn=1 times=1"));
        assert_eq!(carried(&mut from, &mut to).await.0, b"");
        from.say(b"\0\x01\x03\xe3");
        let heard = carried(&mut from, &mut to).await.0;
        assert_eq!(heard[..8], *b"\0\x01\x03\xd3\0\0\0\0", "between two frames");
        // Nothing is kept back any more, now that it has struck; but the rest of its frame must come.
        from.say(b"\0\0\0\x01\x03");
        let rest = carried(&mut from, &mut to).await.0;
        assert_eq!([&heard[8..], &rest].concat(), b"\xe3\0\0\0\x01\x03");
        road.proxy.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_announced_is_announced_and_leaves_the_other_way_open() {
    for (near, far) in SIDES {
        for up in [true, false] {
            let mut road = Road::new(near, far);
            let (client, device) = road.pair().await;
            let (mut from, mut to) = if up { (client, device) } else { (device, client) };
            from.say(b"last");
            from.wire.finish();
            assert_eq!(carried(&mut from, &mut to).await, (b"last".to_vec(), "end"));
            to.say(b"answer");
            to.wire.finish();
            assert_eq!(carried(&mut to, &mut from).await, (b"answer".to_vec(), "end"));
            let closed = [road.closed(1).await, road.closed(2).await];
            assert_eq!(closed, [CloseReason::Peer, CloseReason::Peer], "{near} {far} {up}");
            road.proxy.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_without_a_word_ends_without_one() {
    for up in [true, false] {
        let mut road = Road::new(true, true);
        let (client, device) = road.pair().await;
        let (mut from, mut to) = if up { (client, device) } else { (device, client) };
        from.say(b"four");
        assert_eq!(carried(&mut from, &mut to).await.0, b"four");
        let (stream, _layer) = from.wire.into_parts();
        stream.finish().unwrap();
        assert_eq!(to.hears().await, (vec![], "cut off"));
        drop(stream);
        drop(to);
        road.closed(1).await;
        assert!(road.events().iter().any(|event| matches!(event, Event::Fact { .. })));
        road.proxy.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_a_reset_after_what_came_before_it() {
    for (near, far) in SIDES {
        for up in [true, false] {
            let mut road = Road::new(near, far);
            let (client, device) = road.pair().await;
            let (mut from, mut to) = if up { (client, device) } else { (device, client) };
            from.say(b"four");
            assert_eq!(from.hears().await.1, "");
            from.wire.close(CloseReason::Abort, &from.env);
            let (heard, how) = to.hears().await;
            assert!(how == "reset" && (heard.is_empty() || heard == b"four"), "{heard:?} {how}");
            let (was, other) = if up { (1, 2) } else { (2, 1) };
            assert_eq!(road.closed(was).await, CloseReason::Reset);
            assert_eq!(road.closed(other).await, CloseReason::Abort);
            road.proxy.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn faults_that_end_it_say_so_or_do_not() {
    for (rule, how) in
        [("close byte=3", "end"), ("half_close byte=3 lane=up", "end"), ("reset byte=3", "reset")]
    {
        let mut road = Road::new(true, true);
        road.add(rule);
        let (mut client, mut device) = road.pair().await;
        client.say(b"abcdef");
        assert_eq!(carried(&mut client, &mut device).await, (b"abc".to_vec(), how), "{rule}");
        road.proxy.stop().await;
    }
}

/// A record that nobody can decipher is nobody's words.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_deciphered_is_told_and_resets_the_other_end() {
    let mut road = Road::new(true, true);
    let (client, mut device) = road.pair().await;
    let (stream, _layer) = client.wire.into_parts();
    let junk = b"\x17\x03\x03\0\x20and thirty two bytes are in there";
    poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(junk)])).await.unwrap();
    assert_eq!(device.hears().await, (vec![], "reset"));
    let why = road.closed(1).await;
    assert!(matches!(why, CloseReason::Misbehaved(_)), "{why}");
    assert_eq!(road.closed(2).await, CloseReason::Abort);
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_not_trusted_is_told_nothing_and_the_client_is_reset() {
    let (ours, theirs) = (server(), server());
    let client = Tls { dialling: Some(trusting(&ours)), ..NOTHING };
    let proxied = Tls { listening: Some(ours), dialling: Some(trusting(&server())) };
    let mut road = Road::of(client, proxied, Tls { listening: Some(theirs), ..NOTHING });
    let mut near = Wire::dialled(road.dial().await, 1, &road.client).unwrap();
    let stream = road.listener.accept().await.unwrap();
    let mut far = Wire::accepted(stream, 1, &road.device).unwrap();
    let (at_client, at_device) =
        tokio::join!(near.handshake(&road.client), far.handshake(&road.device));
    assert_eq!(at_client, Err(CloseReason::Reset));
    let at_device = at_device.unwrap_err().to_string();
    assert!(at_device.contains("refused the TLS handshake"), "{at_device}");
    let detail = road.until(|event| match event {
        Event::ConnectFailed { conn: 2, detail, .. } => Some(detail.clone()),
        _ => None,
    });
    let detail = detail.await;
    assert!(detail.contains("its certificate is not taken"), "{detail}");
    assert_eq!(road.closed(1).await, CloseReason::Abort);
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_trust_us_is_told_of_and_the_device_is_left() {
    let (ours, theirs) = (server(), server());
    let client = Tls { dialling: Some(trusting(&server())), ..NOTHING };
    let proxied = Tls { listening: Some(ours), dialling: Some(trusting(&theirs)) };
    let mut road = Road::of(client, proxied, Tls { listening: Some(theirs), ..NOTHING });
    let mut near = Wire::dialled(road.dial().await, 1, &road.client).unwrap();
    let stream = road.listener.accept().await.unwrap();
    let mut far = Wire::accepted(stream, 1, &road.device).unwrap();
    let (at_client, at_device) = tokio::join!(
        async {
            let refused = near.handshake(&road.client).await;
            near.take_leave();
            refused
        },
        far.handshake(&road.device)
    );
    assert!(at_client.unwrap_err().to_string().contains("its certificate is not taken"));
    at_device.unwrap();
    assert_eq!(End::new(far, &road.device).hears().await, (vec![], "end"));
    let why = road.closed(1).await;
    assert!(why.to_string().contains("refused the TLS handshake"), "{why}");
    assert_eq!(road.closed(2).await, CloseReason::Local);
    assert!(!road.events().iter().any(|event| matches!(event, Event::Joined { .. })));
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_speaks_no_tls_is_told_of() {
    let road = Road::new(true, false);
    let client = road.dial().await;
    poll_fn(|cx| client.poll_write(cx, &[IoSlice::new(b"GET / HTTP/1.1\r\n")])).await.unwrap();
    let why = road.closed(1).await.to_string();
    assert!(why.contains("it speaks no TLS"), "{why}");
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_never_begins_is_given_up_on_either_side() {
    let mut road = Road::new(true, true);
    let began = road.env.now();
    let client = road.dial().await;
    let silent = road.listener.accept().await.unwrap();
    let stage = road.until(|event| match event {
        Event::ConnectFailed { conn: 2, detail, .. } => Some(detail.clone()),
        _ => None,
    });
    assert_eq!(stage.await, "no TLS handshake in time");
    assert_eq!((road.env.now() - began).as_secs(), 10);
    assert_eq!(road.closed(1).await, CloseReason::Abort);
    drop((client, silent));
    road.proxy.stop().await;

    let road = Road::new(true, false);
    let client = road.dial().await;
    assert_eq!(road.closed(1).await, CloseReason::TimedOut("TLS handshake".into()));
    assert_eq!(road.closed(2).await, CloseReason::Local);
    drop(client);
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_in_their_handshakes_and_others_wait() {
    let mut road = Road::new(true, false);
    let mut silent = Vec::new();
    let began = road.env.now();
    for _ in 0..256 {
        silent.push(road.dial().await);
        drop(road.listener.accept().await.unwrap());
    }
    road.env.sleep_until(began + Duration::from_secs(5)).await;
    let (mut client, mut device) = road.pair().await;
    assert_eq!((road.env.now() - began).as_secs(), 10, "when the first of them is given up");
    client.say(b"through");
    assert_eq!(carried(&mut client, &mut device).await.0, b"through");
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_stops_waits_for_no_handshake() {
    for (near, far) in [(true, false), (true, true)] {
        let mut road = Road::new(near, far);
        let client = road.dial().await;
        let device = road.listener.accept().await.unwrap();
        road.env.sleep_until(road.env.now() + Duration::from_secs(1)).await;
        let began = road.env.now();
        let Road { proxy, env, .. } = road;
        proxy.stop().await;
        assert!((env.now() - began) < Duration::from_millis(10));
        let closed = |record: &crate::Record| {
            matches!(&record.event, Event::Closed { conn: 1, reason: CloseReason::Local })
        };
        assert!(env.recorder.records().iter().any(closed));
        drop((client, device));
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_key_is_covered_though_it_came_encrypted() {
    let mut road = Road::new(true, true);
    let (mut client, mut device) = road.pair().await;
    let login =
        [&[0x23, 0, 0, 0, 26, 3, 0, 0, 0, 1, 0, 16][..], b"credential-of-it", &[0, 0, 60]].concat();
    client.say(&login);
    assert_eq!(carried(&mut client, &mut device).await.0, login);
    let mut seen = 0;
    for event in road.events() {
        if let Event::Sent { bytes, .. } | Event::Received { bytes, .. } = event {
            seen += 1;
            assert!(!bytes.windows(4).any(|four| four == b"cred"), "{bytes:?}");
        }
    }
    assert_eq!(seen, 2);
    assert!(Cync::COVER.is_some());
    road.proxy.stop().await;
}
