//! Who is at the other end, as metrics: handshakes, heartbeats and returns, held against what the bridge
//! remembers and what its own end of the wire saw.
use std::sync::Arc;

use lab::{World, on_both};
use net::{
    Client, Dir, Door, Event, Host, Order, Role, Way,
    record::{Metrics, Record},
};
use proto::{
    Fact, Policy, Protocol, Span, Supervisor,
    cync::{Cync, Request, Settings},
};

use crate::support::count;

/// A controller whose metrics are kept, and the bridge that dials it.
struct Home {
    metrics: Metrics,
    controller: Client<Cync>,
    bridge: Host<Cync>,
}

impl Home {
    /// Its bridge does this wrong from the start.
    async fn new(w: &World, settings: Settings, quirk: Option<&str>) -> Self {
        let ms = Span::millis;
        let settings = Settings { redial: ms(50), latency: ms(5), greeting: ms(10), ..settings };
        let metrics = Metrics::new();
        w.recorder().attach(metrics.clone());
        let cync = Cync::new(settings.clone()).unwrap();
        let policy = Policy::new::<Cync>(cync.policy()).unwrap();
        let env = w.node("controller", Role::Client);
        let door = Door::open(&env, World::any_port()).unwrap();
        let supervisor = Supervisor::new(cync, policy, env.seed);
        let controller = Client::by(env, Way::Wait(door), supervisor);
        controller.tell(Order::Start).await;
        let bridge = Cync::new(settings).unwrap();
        if let Some(quirk) = quirk {
            bridge.misbehave(quirk.parse().unwrap());
        }
        let at = controller.addr().unwrap();
        let bridge = Host::start(w.node("bridge", Role::Device), at, Arc::new(bridge)).unwrap();
        Self { metrics, controller, bridge }
    }
    fn value(&self, series: &str) -> u64 {
        self.metrics.value(&format!("tcp_comm_{series}")).unwrap_or_default() as u64
    }
    async fn end(self) {
        self.controller.close().await;
        self.bridge.stop().await;
    }
}

fn power(on: bool) -> Request {
    serde_json::from_value(serde_json::json!({ "power": { "to": 1, "on": on } })).unwrap()
}

fn is_frame(event: &Event, way: Dir, word: &str) -> bool {
    matches!(event, Event::Frame { dir, kind, .. } if *dir == way && kind == word)
}

fn frames(records: &[Record], node: &str, way: Dir, word: &str) -> u64 {
    count(records, node, |event| is_frame(event, way, word)) as u64
}

const CONNECTED: &str = r#"connection_state{device_id="00000001",state="connected"}"#;
const DISCONNECTED: &str = r#"connection_state{device_id="00000001",state="disconnected"}"#;

on_both! {
    async fn the_bridge_was_let_in_and_came_back_as_often_as_is_counted(w: World) {
        let home = Home::new(&w, Settings::default(), None).await;
        home.controller.request(power(true)).await.unwrap();
        assert_eq!((home.value(CONNECTED), home.value(DISCONNECTED)), (1, 0));
        for (quirk, reason) in [("disconnect x1", "closed"), ("reset_after x1", "reset")] {
            home.bridge.misbehave(quirk.parse().unwrap()).await.unwrap();
            home.controller.request(power(false)).await.unwrap();
            let returns = format!(r#"reconnection_total{{device_id="00000001",reason="{reason}"}}"#);
            assert_eq!(home.value(&returns), 1, "{quirk}");
        }
        let memory = home.bridge.device().snapshot();
        assert_eq!((memory.logins, memory.connections), (3, 3));
        let shakes = r#"handshake_total{device_id="00000001",outcome="success"}"#;
        assert_eq!(home.value(shakes), memory.logins);
        let metrics = home.metrics.clone();
        home.end().await;
        let state = |series: &str| metrics.value(&format!("tcp_comm_{series}"));
        assert_eq!([CONNECTED, DISCONNECTED].map(state), [Some(0.0), Some(1.0)]);
    }

    async fn a_bridge_that_dials_and_says_nothing_is_no_handshake(w: World) {
        let settings = Settings { patience: Span::millis(200), ..Settings::default() };
        let home = Home::new(&w, settings, Some("no_login x1")).await;
        home.controller.request(power(true)).await.unwrap();
        let silent = r#"handshake_total{device_id="controller",outcome="timeout"}"#;
        let shakes = r#"handshake_total{device_id="00000001",outcome="success"}"#;
        assert_eq!((home.value(silent), home.value(shakes)), (1, 1));
        let memory = home.bridge.device().snapshot();
        assert_eq!((memory.connections, memory.logins), (2, 1));
        let struck = |event: &Event| {
            matches!(event, Event::Fact { fact: Fact::Quirk { name, .. }, .. } if name == "no_login")
        };
        assert_eq!(count(&w.recorder().records(), "bridge", struck), 1);
        home.end().await;
    }

    async fn the_bridge_pinged_and_was_answered_as_often_as_is_counted(w: World) {
        let settings = Settings { ping: Span::millis(20), ..Settings::default() };
        let home = Home::new(&w, settings, None).await;
        let mut answered = 0;
        w.recorder().until(|r| {
            answered += usize::from(&*r.node == "bridge" && is_frame(&r.event, Dir::In, "pong"));
            (answered == 3).then_some(())
        }).await;
        let read = frames(&w.recorder().records(), "bridge", Dir::In, "pong");
        let beats = home.value(r#"heartbeat_total{device_id="00000001",outcome="success"}"#);
        let sent = frames(&w.recorder().records(), "bridge", Dir::Out, "ping");
        assert!(read >= 3 && (read..=sent).contains(&beats), "{read} {beats} {sent}");
        home.end().await;
    }
}

/// Takes seconds, so only in virtual time.
#[test]
fn a_bridge_that_stops_pinging_is_missed_and_counted_once() {
    World::sim(1, async |w| {
        let (ping, keep_alive) = (Span::millis(300), Span::millis(1000));
        let settings = Settings { ping, keep_alive, ..Settings::default() };
        let home = Home::new(&w, settings, Some("no_ping")).await;
        let lost = |r: &Record| matches!(r.event, Event::Lost { .. }).then_some(());
        w.recorder().until(lost).await;
        assert_eq!(frames(&w.recorder().records(), "bridge", Dir::Out, "ping"), 0);
        assert_eq!(home.value(r#"heartbeat_total{device_id="00000001",outcome="timeout"}"#), 1);
        home.controller.request(power(true)).await.unwrap();
        let returns = r#"reconnection_total{device_id="00000001",reason="timeout"}"#;
        assert_eq!((home.value(returns), home.bridge.device().snapshot().logins), (1, 2));
        home.end().await;
    });
}
