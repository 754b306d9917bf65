//! Clients and devices that speak TLS from the first byte, whoever of them dials.
use std::{net::SocketAddr, sync::Arc};

use lab::{World, on_both};
use net::{
    Client, Door, Event, Host, Role, Tls, TlsClient, TlsServer, Trust, Way,
    proxy::{Proxy, Speech},
};
use proto::{
    Delivery, Policy, PolicyPatch, Protocol, RawPolicy, Span, Stage, Supervisor,
    cync::{self, Cync},
    toggle::Lamp,
};

use crate::support::{count, on};

const NAME: &str = "controller.example";

fn server() -> TlsServer {
    TlsServer::self_signed(&[NAME]).unwrap()
}

fn trusting(server: &TlsServer) -> TlsClient {
    TlsClient::new(Trust::Certificates(server.certificates().to_owned()), NAME).unwrap()
}

/// A device whose connections are encrypted so.
fn device(w: &World, listening: Option<TlsServer>) -> Host<Lamp> {
    let mut env = w.node("device", Role::Device);
    env.tls.listening = listening;
    Host::start(env, World::any_port(), Arc::new(Lamp::default())).unwrap()
}

/// One attempt, for which there is time also on a machine that has little.
fn patient() -> RawPolicy {
    let long = Span::millis(20_000);
    let (connect_timeout, send_timeout, recv_timeout) = (long, long, long);
    RawPolicy {
        connect_timeout,
        send_timeout,
        recv_timeout,
        max_attempts: 1,
        ..RawPolicy::default()
    }
}

/// A client that dials so, and tries once.
fn client(w: &World, addr: SocketAddr, dialling: Option<TlsClient>) -> Client<Lamp> {
    let mut env = w.node("client", Role::Client);
    env.tls.dialling = dialling;
    let policy = Policy::new::<Lamp>(patient()).unwrap();
    let supervisor = Supervisor::new(Lamp::default(), policy, 1);
    Client::spawn(env, vec![addr], supervisor)
}

/// Why the device closed its first connection.
async fn closed(w: &World) -> String {
    let closed = w.recorder().until(|record| match &record.event {
        Event::Closed { reason, .. } if &*record.node == "device" => Some(reason.to_string()),
        _ => None,
    });
    closed.await
}

on_both! {
    async fn a_toggle_under_tls_is_applied_and_recorded_as_it_was_said(w: World) {
        let server = server();
        let host = device(&w, Some(server.clone()));
        let client = client(&w, host.addr(), Some(trusting(&server)));
        let receipt = client.request(on()).await.unwrap();
        assert_eq!(receipt.delivery, Delivery::Replied);
        assert_eq!(host.device().snapshot().devices["D1"].applied, 1);
        client.close().await;
        host.stop().await;
        let records = w.recorder().records();
        let bytes = |node: &str, sent: bool| -> Vec<u8> {
            let of = |event: &Event| match event {
                Event::Sent { bytes, .. } if sent => bytes.to_vec(),
                Event::Received { bytes, .. } if !sent => bytes.to_vec(),
                _ => Vec::new(),
            };
            records.iter().filter(|r| &*r.node == node).flat_map(|r| of(&r.event)).collect()
        };
        assert!(!bytes("client", true).is_empty());
        assert_eq!(bytes("client", true), bytes("device", false));
        assert_eq!(bytes("device", true), bytes("client", false));
        // Both ends said that they had nothing more to say.
        assert_eq!(count(&records, "device", cut_off), 0);
        assert_eq!(count(&records, "client", cut_off), 0);
    }

    async fn a_proxy_that_ends_tls_records_what_both_ends_do(w: World) {
        let (ours, theirs) = (server(), server());
        let host = device(&w, Some(theirs.clone()));
        let mut env = w.node("proxy", Role::Proxy);
        env.tls = Tls { listening: Some(ours.clone()), dialling: Some(trusting(&theirs)) };
        let speech = Some(Speech::of::<Lamp>());
        let proxy = Proxy::start(env, World::any_port(), vec![host.addr()], speech).unwrap();
        let client = client(&w, proxy.addr(), Some(trusting(&ours)));
        assert_eq!(client.request(on()).await.unwrap().delivery, Delivery::Replied);
        assert_eq!(host.device().snapshot().devices["D1"].applied, 1);
        client.close().await;
        // Each end hears of the other's.
        for conn in [1, 2] {
            let closed = w.recorder().until(|record| {
                let is = matches!(record.event, Event::Closed { conn: is, .. } if is == conn);
                (is && &*record.node == "proxy").then_some(())
            });
            closed.await;
        }
        proxy.stop().await;
        host.stop().await;
        let records = w.recorder().records();
        let bytes = |node: &str, sent: bool, conn: u32| -> Vec<u8> {
            let of = |event: &Event| match event {
                Event::Sent { bytes, conn: is } if sent && *is == conn => bytes.to_vec(),
                Event::Received { bytes, conn: is } if !sent && *is == conn => bytes.to_vec(),
                _ => Vec::new(),
            };
            records.iter().filter(|r| &*r.node == node).flat_map(|r| of(&r.event)).collect()
        };
        let (asked, answered) = (bytes("client", true, 1), bytes("device", true, 1));
        assert!(!asked.is_empty() && !answered.is_empty());
        for (node, sent, conn, wanted) in [
            ("proxy", false, 1, &asked),
            ("proxy", true, 2, &asked),
            ("device", false, 1, &asked),
            ("proxy", false, 2, &answered),
            ("proxy", true, 1, &answered),
            ("client", false, 1, &answered),
        ] {
            assert_eq!(&bytes(node, sent, conn), wanted, "{node} {conn}");
        }
        for node in ["client", "proxy", "device"] {
            assert_eq!(count(&records, node, cut_off), 0, "{node}: every end was announced");
        }
    }

    async fn what_the_peers_kernel_has_is_known_under_tls(w: World) {
        let server = server();
        let host = device(&w, Some(server.clone()));
        let mut env = w.node("client", Role::Client);
        env.tls.dialling = Some(trusting(&server));
        let raw = RawPolicy { confirm: Some(Delivery::TcpAcked), ..patient() };
        let policy = Policy::new::<Lamp>(raw).unwrap();
        let client = Client::spawn(env, vec![host.addr()], Supervisor::new(Lamp::default(), policy, 1));
        assert!(client.request(on()).await.unwrap().delivery >= Delivery::TcpAcked);
    }

    async fn a_device_that_is_not_trusted_is_told_nothing(w: World) {
        let host = device(&w, Some(server()));
        let client = client(&w, host.addr(), Some(trusting(&server())));
        let failure = client.request(on()).await.unwrap_err();
        assert!(failure.error.detail.contains("its certificate is not taken"), "{failure}");
        assert!(closed(&w).await.contains("refused the TLS handshake"));
        assert!(host.device().snapshot().devices.is_empty());
        let opened = count(&w.recorder().records(), "client", |e| matches!(e, Event::Opened { .. }));
        assert_eq!(opened, 0, "that is no connection");
    }

    async fn where_one_end_speaks_no_tls_the_other_says_so(w: World) {
        let host = device(&w, Some(server()));
        let client = client(&w, host.addr(), None);
        client.request(on()).await.unwrap_err();
        assert!(closed(&w).await.contains("it speaks no TLS"));
        assert!(host.device().snapshot().devices.is_empty());
    }

    async fn a_device_without_tls_gets_no_word_in_plain(w: World) {
        let host = device(&w, None);
        let client = client(&w, host.addr(), Some(trusting(&server())));
        let failure = client.request(on()).await.unwrap_err();
        // It may answer the handshake, close on it, or wait for more of what it takes for a command.
        let stages = [Stage::Malformed, Stage::Closed, Stage::Reset, Stage::ConnectTimeout];
        assert!(stages.contains(&failure.error.stage), "{failure}");
        assert!(host.device().snapshot().devices.is_empty());
    }

    async fn a_bridge_that_dials_a_controller_under_tls_obeys(w: World) {
        let server = server();
        let mut env = w.node("client", Role::Client);
        env.tls.listening = Some(server.clone());
        let door = Door::open(&env, World::any_port()).unwrap();
        let addr = door.addr().unwrap();
        let controller = Cync::default();
        let policy = Policy::new::<Cync>(PolicyPatch::default().over(controller.policy())).unwrap();
        let client = Client::by(env, Way::Wait(door), Supervisor::new(controller, policy, 1));
        let mut env = w.node("device", Role::Device);
        env.tls.dialling = Some(trusting(&server));
        let bridge: cync::Settings = serde_json::from_value(serde_json::json!({"latency": "1ms"})).unwrap();
        let host = Host::start(env, addr, Arc::new(Cync::new(bridge).unwrap())).unwrap();
        let request: cync::Request =
            serde_json::from_value(serde_json::json!({"power": {"to": 1, "on": true}})).unwrap();
        let receipt = client.request(request).await.unwrap();
        assert_eq!(receipt.delivery, Delivery::Applied);
        client.close().await;
        host.stop().await;
    }
}

/// In virtual time, since it is long.
#[test]
fn who_never_begins_the_handshake_is_given_up_by_either_end() {
    World::sim(1, async |w| {
        let host = device(&w, Some(server()));
        let silent = w.env().net.connect(&[host.addr()]).await.unwrap();
        let began = w.env().now();
        assert_eq!(closed(&w).await, "no TLS handshake in time");
        assert!((9..=10).contains(&(w.env().now() - began).as_secs()));
        drop(silent);
        host.stop().await;
        let mut listener = w.env().net.listen(World::any_port()).unwrap();
        let client = client(&w, listener.local_addr().unwrap(), Some(trusting(&server())));
        let (failed, silent) = tokio::join!(client.request(on()), listener.accept());
        assert_eq!(failed.unwrap_err().error.stage, Stage::ConnectTimeout);
        drop(silent);
    });
}

fn cut_off(event: &Event) -> bool {
    matches!(event, Event::Fact { fact: proto::Fact::Odd { what, .. }, .. } if what == "cut_off")
}
