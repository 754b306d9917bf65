//! The same transparency between simulated ends, in virtual time, and what only virtual time can show.
use std::{future::poll_fn, io, net::SocketAddr, time::Duration};

use net::{
    Env, Event, Listens, Net, Recorder, Role, Sim,
    net::{Listener, Stream},
    proxy::Proxy,
};

struct Road {
    env: Env,
    proxy: Proxy,
    device: Option<Listener>,
    at: SocketAddr,
}

impl Road {
    fn new() -> Self {
        let net = Net::Sim(Sim::new(Duration::from_millis(1)));
        let env = Env::new(net, Recorder::new(Recorder::DEFAULT_LIMIT), 1).node("p", Role::Proxy);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let device = env.net.listen(any).unwrap();
        let at = device.local_addr().unwrap();
        let proxy = Proxy::start(env.clone(), any, vec![at], None).unwrap();
        Self { env, proxy, device: Some(device), at }
    }
    async fn pair(&mut self) -> (Stream, Stream) {
        let dialled = [self.proxy.addr()];
        let device = self.device.as_mut().expect("it listens");
        let (client, device) = tokio::join!(self.env.net.connect(&dialled), device.accept());
        (client.unwrap(), device.unwrap())
    }
    async fn dial(&self) -> Result<Stream, io::ErrorKind> {
        self.env.net.connect(&[self.proxy.addr()]).await.map_err(|e| e.kind())
    }
    async fn until(&self, wanted: Event) {
        self.env.recorder.until(|record| (record.event == wanted).then_some(())).await;
    }
}

async fn heard(stream: &Stream) -> (Vec<u8>, Result<(), io::ErrorKind>) {
    let (mut all, mut room) = (Vec::new(), [0; 1024]);
    loop {
        match poll_fn(|cx| stream.poll_read(cx, &mut room)).await {
            Ok(0) => return (all, Ok(())),
            Ok(n) => all.extend_from_slice(&room[..n]),
            Err(e) => return (all, Err(e.kind())),
        }
    }
}

async fn write(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_write(cx, &[io::IoSlice::new(bytes)])).await
}

const RESET: Result<(), io::ErrorKind> = Err(io::ErrorKind::ConnectionReset);

#[tokio::test(start_paused = true)]
async fn while_the_device_is_down_the_proxy_refuses() {
    let mut road = Road::new();
    road.device = None;
    road.until(Event::Deaf).await;
    assert_eq!(road.dial().await.err(), Some(io::ErrorKind::ConnectionRefused));
    road.device = Some(road.env.net.listen(road.at).unwrap());
    let again = Event::Listening { addr: road.proxy.addr() };
    let mut seen = 0;
    let back = road.env.recorder.until(|record| {
        seen += u32::from(record.event == again);
        (seen == 2).then_some(())
    });
    back.await;
    let (client, device) = road.pair().await;
    write(&client, b"back").await.unwrap();
    drop(client);
    assert_eq!(heard(&device).await, (b"back".to_vec(), Ok(())));
    road.proxy.stop().await;
}

/// Between the device's end and the proxy's next look.
#[tokio::test(start_paused = true)]
async fn who_comes_too_late_to_be_refused_is_reset() {
    let mut road = Road::new();
    drop(road.pair().await);
    road.device = None;
    let client = road.dial().await.unwrap();
    assert_eq!(heard(&client).await, (vec![], RESET));
    let failed = |record: &net::Record| matches!(record.event, Event::ConnectFailed { .. });
    assert_eq!(road.env.recorder.records().iter().filter(|r| failed(r)).count(), 1);
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_devices_backlog_is_full_the_proxys_is() {
    let mut road = Road::new();
    road.device = None;
    let full = road.env.net.listen_full(road.at).unwrap();
    while road.env.net.listens(road.proxy.addr()) != Some(Listens::Full) {
        road.env.sleep_until(road.env.now() + Duration::from_millis(10)).await;
    }
    drop(full);
    road.until(Event::Deaf).await;
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ends_are_mirrored_both_ways() {
    let mut road = Road::new();
    for up in [true, false] {
        let (client, device) = road.pair().await;
        let (from, to) = if up { (client, device) } else { (device, client) };
        write(&from, b"four").await.unwrap();
        from.finish().unwrap();
        assert_eq!(heard(&to).await, (b"four".to_vec(), Ok(())), "a FIN");
        write(&to, b"answer").await.unwrap();
        drop(to);
        assert_eq!(heard(&from).await, (b"answer".to_vec(), Ok(())), "a half-close leaves a half");

        let (client, device) = road.pair().await;
        let (from, to) = if up { (client, device) } else { (device, client) };
        from.reset();
        assert_eq!(heard(&to).await, (vec![], RESET));

        let (client, device) = road.pair().await;
        let (from, to) = if up { (client, device) } else { (device, client) };
        drop(from);
        assert_eq!(heard(&to).await, (vec![], Ok(())));
        write(&to, b"lost").await.unwrap();
        to.broken().await;
        assert!(write(&to, b"more").await.is_err(), "nobody reads");
    }
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_passes_a_receiver_that_does_not_read() {
    let mut road = Road::new();
    let (client, device) = road.pair().await;
    // Until every buffer on the way is full.
    let stuck = async { while write(&client, &[7; 4096]).await.is_ok() {} };
    assert!(tokio::time::timeout(Duration::from_secs(60), stuck).await.is_err());
    client.reset();
    device.broken().await;
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_the_device_is_dialled_is_no_longer_dialled_for() {
    let mut road = Road::new();
    road.proxy.add("delay_accept delay=1h".parse().unwrap()).unwrap();
    let client = road.dial().await.unwrap();
    client.reset();
    let closed = road.env.recorder.until(|record| match &record.event {
        Event::Closed { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(closed.await, proto::CloseReason::Reset);
    assert!(road.env.now().as_micros() < 60_000_000);
    road.device = None;
    road.proxy.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_record_tells_of_a_connection_in_order() {
    let mut road = Road::new();
    let (client, device) = road.pair().await;
    write(&client, b"x").await.unwrap();
    drop(client);
    assert_eq!(heard(&device).await, (b"x".to_vec(), Ok(())));
    road.proxy.stop().await;
    let words = road.env.recorder.records().into_iter().filter_map(|record| match record.event {
        Event::Opened { conn, .. } => Some(format!("opened {conn}")),
        Event::Connecting { conn, .. } => Some(format!("connecting {conn}")),
        Event::Joined { conn, onto } => Some(format!("joined {conn} {onto}")),
        Event::Received { conn, .. } => Some(format!("received {conn}")),
        Event::Sent { conn, .. } => Some(format!("sent {conn}")),
        _ => None,
    });
    let wanted = ["opened 1", "connecting 2", "opened 2", "joined 1 2", "received 1", "sent 2"];
    assert_eq!(words.collect::<Vec<_>>(), wanted);
}
