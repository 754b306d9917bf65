//! Links that survive: kept connections, circuit breakers, and what was never sent. The second
//! device's own memory is the judge.
use std::sync::Arc;

use lab::{World, on_both};
use net::{Event, Order};
use proto::{
    Proof, Protocol, RawPolicy, Span, Stage,
    resilience::{
        BreakerConfig, BreakerEvent, BreakerState, Connection, Queueing, RawBreaker, RawReconnect,
    },
    toggle::{AnswerForm, Lamp, Settings, Toggle},
};

use crate::support::{count, on, quick};

fn framed() -> Lamp {
    Lamp::new(Settings { answer: AnswerForm::Framed, ..Settings::default() }).unwrap()
}

fn kept() -> RawPolicy {
    let reconnect = Some(RawReconnect { min: Span::millis(10), ..RawReconnect::default() });
    RawPolicy { connection: Connection::Kept, reconnect, ..quick() }
}

/// Waits for the `n`th record of this kind at the client.
async fn nth(w: &World, n: usize, is: impl Fn(&Event) -> bool) {
    let mut left = n;
    w.recorder()
        .until(|r| {
            left -= usize::from(&*r.node == "client" && is(&r.event));
            (left == 0).then_some(())
        })
        .await;
}

fn proved(event: &Event) -> bool {
    matches!(event, Event::Proved { .. })
}

on_both! {
    async fn an_idle_client_is_back_by_itself_after_a_restart(w: World) {
        let lamp = Arc::new(framed());
        let first = w.device_at(World::any_port(), lamp.clone());
        let addr = first.addr();
        let client = w.client(addr, framed(), kept());
        client.request(on()).await.unwrap();
        first.stop().await;
        nth(&w, 1, |e| matches!(e, Event::Lost { .. })).await;
        let second = Arc::new(framed());
        let _host = w.device_at(addr, second.clone());
        nth(&w, 2, proved).await;
        client.request(on()).await.unwrap();
        assert_eq!(second.snapshot().devices["D1"].applied, 1);
        assert_eq!(lamp.snapshot().devices["D1"].applied, 1);
    }

    async fn the_last_state_is_the_first_thing_a_new_connection_carries(w: World) {
        let first = w.device(framed());
        let addr = first.addr();
        let client = w.client(addr, framed(), RawPolicy { queueing: Queueing::Latest, ..kept() });
        client.request(Toggle::new("D1", false).unwrap()).await.unwrap();
        client.request(on()).await.unwrap();
        first.stop().await;
        let second = Arc::new(framed());
        let _host = w.device_at(addr, second.clone());
        nth(&w, 1, |e| matches!(e, Event::Resent { .. })).await;
        nth(&w, 2, |e| matches!(e, Event::Proved { proof: Proof::RoundTrip, .. })).await;
        assert!(second.snapshot().devices["D1"].state, "nobody asked, and it knows");
    }

    async fn a_moved_device_is_followed_at_once(w: World) {
        let (first, second) = (w.device(framed()), Arc::new(framed()));
        let client = w.client(first.addr(), framed(), kept());
        client.request(on()).await.unwrap();
        let host = w.device_at(World::any_port(), second.clone());
        client.tell(Order::Move(vec![host.addr()])).await;
        client.request(on()).await.unwrap();
        assert_eq!(second.snapshot().devices["D1"].applied, 1);
        assert_eq!(first.device().snapshot().devices["D1"].applied, 1);
    }

    async fn a_paused_client_sends_nothing_and_hands_back_what_it_never_sent(w: World) {
        let host = w.device(framed());
        let client = Arc::new(w.client(host.addr(), framed(), kept()));
        client.tell(Order::Pause).await;
        let asking = tokio::spawn({
            let client = client.clone();
            async move { client.request(on()).await }
        });
        nth(&w, 1, |e| matches!(e, Event::Submitted { .. })).await;
        asking.abort();
        let _ = asking.await;
        let unsent = Arc::into_inner(client).unwrap().close().await;
        assert_eq!(unsent.iter().map(|(_, r)| r.clone()).collect::<Vec<_>>(), [on()]);
        assert_eq!(count(&w.recorder().records(), "device", |e| matches!(e, Event::Opened { .. })), 0);
    }

    async fn a_resumed_client_sends_what_waited(w: World) {
        let host = w.device(framed());
        let client = w.client(host.addr(), framed(), kept());
        client.tell(Order::Pause).await;
        let (answer, ()) = tokio::join!(client.request(on()), async {
            nth(&w, 1, |e| matches!(e, Event::Submitted { .. })).await;
            client.tell(Order::Resume).await;
        });
        answer.unwrap();
        assert_eq!(host.device().snapshot().devices["D1"].applied, 1);
    }

    /// The setting that once had no effect: 2 opens after 2 failed dials, 3 after 3.
    async fn the_breaker_opens_at_its_threshold(w: World) {
        for threshold in [2, 3] {
            let host = w.device(framed());
            host.misbehave("refuse".parse().unwrap()).await.unwrap();
            let breaker = Some(RawBreaker { threshold, ..RawBreaker::default() });
            let client = w.client(host.addr(), framed(), RawPolicy { breaker, max_attempts: 1, ..quick() });
            let mut refused = 0;
            let last = loop {
                match client.request(on()).await.unwrap_err().error.stage {
                    Stage::Refused => refused += 1,
                    other => break other,
                }
            };
            assert_eq!((refused, last), (threshold, Stage::BreakerOpen));
            client.close().await;
            host.stop().await;
        }
    }

    async fn an_open_breaker_lets_a_probe_through_and_closes(w: World) {
        let host = w.device(framed());
        host.misbehave("refuse".parse().unwrap()).await.unwrap();
        let breaker = RawBreaker { threshold: 1, open_for: Span::millis(50), jitter: 0.0, ..RawBreaker::default() };
        let client = w.client(host.addr(), framed(), RawPolicy { breaker: Some(breaker), max_attempts: 1, ..quick() });
        assert_eq!(client.request(on()).await.unwrap_err().error.stage, Stage::Refused);
        assert_eq!(client.request(on()).await.unwrap_err().error.stage, Stage::BreakerOpen);
        host.misbehave("success".parse().unwrap()).await.unwrap();
        let env = w.env();
        env.sleep_until(env.now() + std::time::Duration::from_millis(60)).await;
        client.request(on()).await.unwrap();
        let path: Vec<BreakerState> = w.recorder().records().iter().filter_map(|r| match r.event {
            Event::Breaker { what: BreakerEvent::Changed { to, .. } } => Some(to),
            _ => None,
        }).collect();
        assert_eq!(path, [BreakerState::Open, BreakerState::HalfOpen, BreakerState::Closed]);
    }

    async fn isolation_and_other_settings_act_at_once(w: World) {
        let host = w.device(framed());
        let breaker = Some(RawBreaker::default());
        let client = w.client(host.addr(), framed(), RawPolicy { breaker, max_attempts: 1, ..quick() });
        client.tell(Order::Isolate).await;
        assert_eq!(client.request(on()).await.unwrap_err().error.stage, Stage::BreakerOpen);
        client.tell(Order::Reset).await;
        client.request(on()).await.unwrap();
        host.misbehave("refuse".parse().unwrap()).await.unwrap();
        client.request(on()).await.unwrap_err();
        let strict = BreakerConfig::new(RawBreaker { threshold: 1, ..RawBreaker::default() }).unwrap();
        client.tell(Order::Reconfigure(strict)).await;
        assert_eq!(client.request(on()).await.unwrap_err().error.stage, Stage::BreakerOpen);
    }
}
