//! Several requests under way on one connection, as where answers name their request.
use std::{net::SocketAddr, sync::Arc, time::Duration};

use net::{Client, Env, Host, Net, Recorder, Role, Sim};
use proto::{
    Delivery, Policy, Protocol, RawPolicy, Supervisor,
    resilience::Connection,
    testing::Named,
    toggle::{Lamp, Toggle},
};

#[tokio::test(start_paused = true)]
async fn every_request_hears_of_its_acknowledgement() {
    let net = Net::Sim(Sim::new(Duration::from_millis(5)));
    let env = Env::new(net, Recorder::new(Recorder::DEFAULT_LIMIT), 1);
    let lamp = Lamp::default();
    lamp.misbehave("timeout".parse().unwrap());
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let host = Host::start(env.node("device", Role::Device), any_port, Arc::new(lamp)).unwrap();
    let policy = RawPolicy {
        connection: Connection::Kept,
        confirm: Some(Delivery::TcpAcked),
        ..RawPolicy::default()
    };
    let policy = Policy::new::<Named<Lamp>>(policy).unwrap();
    let supervisor = Supervisor::new(Named(Lamp::default()), policy, 1);
    let client = Client::spawn(env.node("client", Role::Client), vec![host.addr()], supervisor);
    let ask = || client.request(Toggle::new("D1", true).unwrap());
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    for receipt in [a, b, c] {
        let receipt = receipt.unwrap();
        assert_eq!((receipt.attempts, receipt.delivery), (1, Delivery::TcpAcked));
        // To connect takes a round trip, and to be acknowledged another.
        assert!(receipt.elapsed >= Duration::from_millis(20), "{:?}", receipt.elapsed);
    }
    client.close().await;
    host.stop().await;
}
