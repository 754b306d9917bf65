//! Handshakes that come to nothing, and who hears of it.
use super::*;

#[tokio::test(start_paused = true)]
async fn a_device_that_is_not_trusted_is_told_nothing_and_the_client_is_reset() {
    let (ours, theirs) = (server(), server());
    let client = Tls { dialling: Some(trusting(&ours)), ..NOTHING };
    let proxied = Tls { listening: Some(ours), dialling: Some(trusting(&server())) };
    let mut road = Road::of([client, proxied, Tls { listening: Some(theirs), ..NOTHING }]);
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
    let mut road = Road::of([client, proxied, Tls { listening: Some(theirs), ..NOTHING }]);
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
