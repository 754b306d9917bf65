//! How connections end through a proxy that ends TLS.
use super::*;

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

/// With a kernel in between.
#[tokio::test]
async fn over_real_sockets_each_end_is_what_it_was() {
    for (near, far) in SIDES {
        for up in [true, false] {
            let mut road = Road::on(Net::Tcp(crate::TcpOptions::default()), sides(near, far));
            let turned = |(client, device)| if up { (client, device) } else { (device, client) };
            let (mut from, mut to) = turned(road.pair().await);
            from.say(b"last");
            from.wire.finish();
            assert_eq!(to_the_end(&mut from, &mut to).await, (b"last".to_vec(), "end"));
            to.say(b"answer");
            to.wire.finish();
            assert_eq!(to_the_end(&mut to, &mut from).await, (b"answer".to_vec(), "end"));
            let closed = [road.closed(1).await, road.closed(2).await];
            assert_eq!(closed, [CloseReason::Peer, CloseReason::Peer], "{near} {far} {up}");
            let (from, mut to) = turned(road.pair().await);
            from.wire.close(CloseReason::Abort, &from.env);
            assert_eq!(to.hears().await, (vec![], "reset"), "{near} {far} {up}");
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
