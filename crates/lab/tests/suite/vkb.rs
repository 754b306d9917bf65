//! The VKB-Link client against its device.
use std::{net::SocketAddr, sync::Arc, time::Duration};

use lab::{
    Kind, World,
    judge::{Finding, Outcome, judge},
    on_both,
    run::play,
    scenario::Scenario,
};
use net::{Client, Event, record::End};
use proto::{
    Delivery, Protocol, RawPolicy, Span, Stage,
    resilience::{Connection, RawReconnect},
    vkb::{Bitmaps, Settings, Vkb},
};
use tokio::time::timeout;

use crate::support::{count, ends, quick};

fn kept() -> RawPolicy {
    RawPolicy { connection: Connection::Kept, survive: Span::millis(50), ..quick() }
}

fn answering() -> Vkb {
    Vkb::new(Settings { replies: true, ..Settings::default() }).unwrap()
}

/// State number `n` of a sender that counts.
fn counted(n: u16) -> Bitmaps {
    let [shift, subshift] = n.to_le_bytes();
    Bitmaps { shift, subshift }
}

on_both! {
    async fn each_incarnation_has_its_own_bytes(w: World) {
        let vkb = Arc::new(answering());
        let first = w.device_at(World::any_port(), vkb.clone());
        let addr = first.addr();
        let client = w.client(addr, answering(), RawPolicy { confirm: Some(Delivery::Replied), ..kept() });
        for n in 1..=300 {
            client.request(counted(n)).await.unwrap();
        }
        first.stop().await;
        let _second = w.device_at(addr, vkb.clone());
        for n in 301..=400 {
            assert_eq!(client.request(counted(n)).await.unwrap().delivery, Delivery::Replied);
        }
        let memory = vkb.snapshot();
        let range = |c: &proto::vkb::Connection| (c.numbers.first, c.numbers.last, c.total);
        let logs: Vec<_> = memory.connections.iter().map(range).collect();
        assert_eq!(logs.first(), Some(&(Some(1), Some(300), 2400)));
        assert_eq!(logs.last(), Some(&(Some(301), Some(400), 800)));
        assert_eq!((memory.numbers.missing, memory.numbers.frames), (0, 400));
    }

    async fn a_silent_device_is_believed_by_its_staying(w: World) {
        let host = w.device(Vkb::default());
        let client = w.client(host.addr(), Vkb::default(), kept());
        let receipt = client.request(counted(258)).await.unwrap();
        assert_eq!((receipt.delivery, receipt.reply.is_none()), (Delivery::Survived, true));
        assert!(receipt.elapsed >= Duration::from_millis(50));
        assert_eq!(host.device().snapshot().state, counted(258));
    }

    async fn states_in_flight_do_not_wait_for_each_other(w: World) {
        let host = w.device(Vkb::default());
        let client = Arc::new(w.client(host.addr(), Vkb::default(), kept()));
        let began = w.env().now();
        all_survive(&client, 1..=100).await;
        assert!(w.env().now() - began < Duration::from_secs(2), "100 times 50 ms are 5 s");
        let memory = host.device().snapshot();
        let sent = (1..=100).flat_map(|n| [0xa5, 0x0d, 0, 4, n, 0, 0, 0]);
        assert_eq!(memory.connections[0].bytes, sent.collect::<Vec<u8>>());
    }

    async fn states_in_flight_at_a_restart_all_arrive_and_the_last_one_is_last(w: World) {
        let vkb = Arc::new(Vkb::default());
        vkb.misbehave("disconnect_after 40 x1".parse().unwrap());
        let host = w.device_at(World::any_port(), vkb.clone());
        let reconnect = Some(RawReconnect { min: Span::millis(10), ..RawReconnect::default() });
        let client = Arc::new(w.client(host.addr(), Vkb::default(), RawPolicy { reconnect, ..kept() }));
        all_survive(&client, 1..=100).await;
        let memory = vkb.snapshot();
        assert_eq!((memory.opened, memory.state), (2, counted(100)));
        assert_eq!((memory.numbers.first, memory.numbers.missing), (Some(1), 0));
        assert_eq!(memory.connections[0].numbers.frames, 40);
    }

    async fn a_client_stopped_while_it_retries_connects_no_more(w: World) {
        let host = w.device(Vkb::default());
        host.misbehave("refuse".parse().unwrap()).await.unwrap();
        let policy = RawPolicy { max_attempts: 1000, ..kept() };
        let client = Arc::new(w.client(host.addr(), Vkb::default(), policy));
        let asking = tokio::spawn({
            let client = client.clone();
            async move { client.request(counted(1)).await }
        });
        w.recorder().until(|r| matches!(&r.event, Event::AttemptFailed { attempt: 3, .. }).then_some(())).await;
        asking.abort();
        let _ = asking.await;
        Arc::into_inner(client).unwrap().close().await;
        host.misbehave("success".parse().unwrap()).await.unwrap();
        host.stop().await;
        w.end().await;
        let records = w.recorder().records();
        assert!(matches!(ends(&records)[..], [End::Failed { stage: Stage::Cancelled, .. }]));
        assert_eq!(count(&records, "device", |e| matches!(e, Event::Opened { .. })), 0);
        assert_eq!(records.last().unwrap().event, Event::Ended { tasks_left: 0 });
    }
}

/// Asserts all these states at once, in order, and waits until each has survived.
async fn all_survive(client: &Arc<Client<Vkb>>, all: std::ops::RangeInclusive<u16>) {
    let asking = all.map(|n| {
        let client = client.clone();
        tokio::spawn(async move { client.request(counted(n)).await })
    });
    for asked in asking.collect::<Vec<_>>() {
        assert_eq!(asked.await.unwrap().unwrap().delivery, Delivery::Survived);
    }
}

/// In the simulated world alone: loopback acknowledges before the next state is written.
#[test]
fn an_acknowledgement_does_not_wait_for_those_of_later_states() {
    World::sim(1, async |w| {
        let host = w.device(Vkb::default());
        let policy = RawPolicy { confirm: Some(Delivery::TcpAcked), ..kept() };
        let client = w.client(host.addr(), Vkb::default(), policy);
        let began = client.request(counted(0)).await.unwrap().elapsed;
        let mut asked = Vec::new();
        for n in 1..=100 {
            w.env().sleep_until(w.env().now() + Duration::from_millis(1)).await;
            asked.push(client.submit(counted(n)).await);
        }
        for asked in asked {
            let elapsed = asked.outcome().await.unwrap().elapsed;
            assert!(elapsed <= began, "there and back takes 2 ms, not {elapsed:?}");
        }
    });
}

/// A frozen program's kernel takes bytes and stays connected, so the client cannot know better.
#[test]
fn a_survival_that_no_device_read_is_convicted() {
    const FROZEN: &str = r#"
        name = "frozen"
        title = "A state survives at a device that never reads it"
        protocol = "vkb"
        device = [{ name = "joystick", quirks = ["frozen"] }]
        client = [{ name = "plugin", device = "joystick", policy = { survive = "50ms" } }]
        step = [{ request = { client = "plugin", send = { shift = 1, subshift = 0 } } }]
        expect = [{ outcome = { client = "plugin", is = "ok", delivery = "survived" } }]
    "#;
    for (text, outcome) in [
        (FROZEN.to_owned(), Outcome::Fail),
        (FROZEN.replace("[\"frozen\"]", "[\"frozen 20ms\"]"), Outcome::Pass),
    ] {
        let scenario = Scenario::parse("frozen.toml", &text).unwrap();
        for kind in [Kind::Sim, Kind::Tcp] {
            let played = play(&scenario, kind, 1).unwrap();
            let verdict = judge(&scenario, kind.name(), &played.records);
            assert_eq!(verdict.outcome, outcome, "{verdict:#?}");
            let law = |f: &Finding| f.rule.starts_with("law 2");
            assert!(verdict.findings.iter().all(law), "{verdict:#?}");
        }
    }
}

#[test]
fn a_listener_that_never_accepts_is_a_connect_timeout_in_sim() {
    World::sim(1, async |w| {
        let listener = w.env().net.listen(World::any_port()).unwrap();
        times_out_connecting(&w, listener.local_addr().unwrap()).await;
    });
}

/// Here it is the kernel that drops what there is no room for.
#[cfg(target_os = "linux")]
#[test]
fn a_listener_that_never_accepts_is_a_connect_timeout_on_tcp() {
    World::tcp(1, async |w| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(World::any_port()).unwrap();
        let listener = socket.listen(1).unwrap();
        times_out_connecting(&w, listener.local_addr().unwrap()).await;
    });
}

async fn times_out_connecting(w: &World, addr: SocketAddr) {
    let mut waiting = Vec::new();
    let room = Duration::from_millis(300);
    while let Ok(opened) = timeout(room, w.env().net.connect(&[addr])).await {
        waiting.push(opened.unwrap());
    }
    let policy = RawPolicy { connect_timeout: Span::millis(200), max_attempts: 1, ..kept() };
    let client = w.client(addr, Vkb::default(), policy);
    let failure = client.request(counted(1)).await.unwrap_err();
    assert_eq!(failure.error.stage, Stage::ConnectTimeout);
    assert!(failure.elapsed >= Duration::from_millis(200));
    let records = w.recorder().records();
    assert_eq!(count(&records, "client", |e| matches!(e, Event::Opened { .. })), 0);
    drop(waiting);
}
