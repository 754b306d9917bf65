//! A proxy that ends TLS, between simulated ends. What they are is asked of them; what the proxy made of
//! it, of the record.
mod ends;
mod handshakes;

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

/// What a client, a proxy and a device have, for TLS on these sides of the proxy.
fn sides(near: bool, far: bool) -> [Tls; 3] {
    let (ours, theirs) = (server(), server());
    let proxied =
        Tls { listening: near.then(|| ours.clone()), dialling: far.then(|| trusting(&theirs)) };
    let client = Tls { dialling: near.then(|| trusting(&ours)), ..NOTHING };
    [client, proxied, Tls { listening: far.then_some(theirs), ..NOTHING }]
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
        Self::of(sides(near, far))
    }
    fn of(sides: [Tls; 3]) -> Self {
        Self::on(Net::Sim(Sim::new(Duration::from_millis(1))), sides)
    }
    fn on(net: Net, [client, proxied, device]: [Tls; 3]) -> Self {
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
            let idle = if matches!(self.env.net, Net::Sim(_)) { 1 } else { 20 };
            let until = self.env.now() + Duration::from_secs(idle);
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

/// Lets the first work until the second has heard its end.
async fn to_the_end(from: &mut End, to: &mut End) -> (Vec<u8>, &'static str) {
    let working = async {
        while !matches!(from.wire.next(&from.env).await, Happened::Eof | Happened::Ended(_)) {}
        std::future::pending().await
    };
    tokio::select! {
        biased;
        heard = to.hears() => heard,
        () = working => unreachable!("it works on"),
    }
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
    let much: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
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

/// Lengths of the TLS records that are on this wire.
async fn records(stream: &Stream, bytes: usize) -> Vec<usize> {
    let (mut seen, mut room) = (Vec::new(), [0; 1024]);
    while seen.len() < bytes {
        let n = poll_fn(|cx| stream.poll_read(cx, &mut room)).await.unwrap();
        assert_ne!(n, 0, "there is more");
        seen.extend_from_slice(&room[..n]);
    }
    let (mut rest, mut lens) = (&seen[..], Vec::new());
    while let [_, _, _, high, low, more @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        lens.push(len);
        rest = &more[len..];
    }
    lens
}

#[tokio::test(start_paused = true)]
async fn every_piece_is_a_record_of_its_own() {
    let mut road = Road::new(true, true);
    road.add("slice size=2 lane=up");
    let (mut client, device) = road.pair().await;
    client.say(b"abcdef");
    assert_eq!(client.hears().await.1, "");
    let (stream, _layer) = device.wire.into_parts();
    // Two bytes, their kind, and what proves them; and five before all that.
    assert_eq!(records(&stream, 3 * (5 + 19)).await, [19, 19, 19]);
    road.proxy.stop().await;
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
