//! The toggler against its device.
use std::sync::Arc;

use lab::on_both;
use net::{Dir, Event};
use proto::{
    Delivery, Fact, Protocol, RawPolicy, Span, Stage, resilience::Connection, toggle::Lamp,
};

use crate::support::{count, ends, on, quick};

#[test]
fn a_connection_given_up_is_not_said_to_have_timed_out() {
    for (deadline, stage) in
        [(None, Stage::Cancelled), (Some(Span::millis(1)), Stage::ConnectTimeout)]
    {
        lab::World::sim(1, async |w| {
            // Opening a connection takes two milliseconds there.
            let host = w.device(Lamp::default());
            let policy = RawPolicy { deadline, ..quick() };
            let client = Arc::new(w.client(host.addr(), Lamp::default(), policy));
            let asking = tokio::spawn({
                let client = client.clone();
                async move { client.request(on()).await }
            });
            let dialling = |r: &net::Record| matches!(r.event, Event::Connecting { .. });
            w.recorder().until(|r| dialling(r).then_some(())).await;
            if deadline.is_some() {
                assert_eq!(asking.await.unwrap().unwrap_err().error.stage, Stage::Deadline);
            } else {
                asking.abort();
                assert!(asking.await.unwrap_err().is_cancelled());
            }
            Arc::into_inner(client).unwrap().close().await;
            let failed =
                |e: &Event| matches!(e, Event::ConnectFailed { stage: s, .. } if *s == stage);
            assert_eq!(count(&w.recorder().records(), "client", failed), 1);
        });
    }
}

on_both! {
    async fn a_toggle_is_applied_at_the_device(w: World) {
        let host = w.device(Lamp::default());
        let client = w.client(host.addr(), Lamp::default(), quick());
        let receipt = client.request(on()).await.unwrap();
        assert_eq!(receipt.delivery, Delivery::Replied);
        assert_eq!(host.device().snapshot().devices["D1"].applied, 1);
    }

    async fn delivery_resumes_on_the_same_port_after_a_restart(w: World) {
        let lamp = Arc::new(Lamp::default());
        let first = w.device_at(lab::World::any_port(), lamp.clone());
        let addr = first.addr();
        let policy = RawPolicy { connection: Connection::Kept, ..quick() };
        let client = w.client(addr, Lamp::default(), policy);
        client.request(on()).await.unwrap();
        first.stop().await;
        let second = w.device_at(addr, Arc::new(Lamp::default()));
        client.request(on()).await.unwrap();
        assert_eq!(second.device().snapshot().devices["D1"].applied, 1);
        assert_eq!(lamp.snapshot().devices["D1"].applied, 1);
    }

    async fn every_attempt_carries_the_same_bytes(w: World) {
        let host = w.device(Lamp::default());
        host.misbehave("timeout x1".parse().unwrap()).await.unwrap();
        let client = w.client(host.addr(), Lamp::default(), quick());
        assert_eq!(client.request(on()).await.unwrap().attempts, 2);
        let records = w.recorder().records();
        let arrived: Vec<_> = records.iter().filter_map(|r| match &r.event {
            Event::Frame { dir: Dir::In, bytes, .. } if &*r.node == "device" => Some(bytes.clone()),
            _ => None,
        }).collect();
        assert_eq!(arrived.len(), 2);
        assert_eq!(arrived[0], arrived[1]);
        assert_eq!(host.device().snapshot().devices["D1"].applied, 1);
    }

    async fn a_refusing_device_has_no_listener(w: World) {
        let host = w.device(Lamp::default());
        host.misbehave("refuse".parse().unwrap()).await.unwrap();
        let client = w.client(host.addr(), Lamp::default(), quick());
        let failure = client.request(on()).await.unwrap_err();
        assert_eq!(failure.error.stage, Stage::Refused);
        assert_eq!(count(&w.recorder().records(), "device", |e| matches!(e, Event::Opened { .. })), 0);
        host.misbehave("success".parse().unwrap()).await.unwrap();
        client.request(on()).await.unwrap();
    }

    async fn what_a_device_is_told_is_in_the_record_before_it_shows(w: World) {
        let host = w.device(Lamp::default());
        host.misbehave("nack x1".parse().unwrap()).await.unwrap();
        let client = w.client(host.addr(), Lamp::default(), quick());
        assert_eq!(client.request(on()).await.unwrap_err().error.stage, Stage::Nack);
        let records = w.recorder().records();
        let seq = |is: &dyn Fn(&Event) -> bool| records.iter().find(|r| is(&r.event)).map(|r| r.seq);
        let armed = seq(&|e| matches!(e, Event::Armed { device, quirk } if &**device == "device" && quirk == "nack x1"));
        let fired = seq(&|e| matches!(e, Event::Fact { fact: Fact::Quirk { name, .. }, .. } if name == "nack"));
        assert!(armed.is_some() && armed < fired, "{records:#?}");
    }

    async fn a_task_that_outlives_the_run_is_told_of(w: World) {
        let task = tokio::spawn(std::future::pending::<()>());
        w.end().await;
        assert_eq!(w.recorder().records().last().unwrap().event, Event::Ended { tasks_left: 1 });
        task.abort();
    }

    async fn closing_a_client_answers_what_is_open(w: World) {
        let host = w.device(Lamp::default());
        host.misbehave("timeout".parse().unwrap()).await.unwrap();
        let client = Arc::new(w.client(host.addr(), Lamp::default(), quick()));
        let asking = tokio::spawn({
            let client = client.clone();
            async move { client.request(on()).await }
        });
        w.recorder().until(|r| matches!(&r.event, Event::Frame { dir: Dir::In, .. }).then_some(())).await;
        asking.abort();
        let _ = asking.await;
        Arc::into_inner(client).unwrap().close().await;
        host.stop().await;
        w.end().await;
        let records = w.recorder().records();
        assert_eq!(ends(&records).len(), 1);
        assert_eq!(records.last().unwrap().event, Event::Ended { tasks_left: 0 });
    }
}
