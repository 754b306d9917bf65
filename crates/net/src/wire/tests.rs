use std::{net::SocketAddr, time::Duration};

use super::*;
use crate::{Net, Recorder, sim::Sim};

/// A wire in a simulated network, and the bare far end of it.
async fn wire() -> (Wire, Stream, Env) {
    let net = Net::Sim(Sim::new(Duration::from_millis(1)));
    let env = Env::new(net.clone(), Recorder::new(0), 1);
    let mut listener = net.listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let near = net.connect(&[listener.local_addr().unwrap()]).await.unwrap();
    (Wire::new(near, 1), listener.accept().await.unwrap(), env)
}

fn frame(len: usize) -> Frame {
    let bytes = vec![7; len].into();
    Frame { bytes, kind: "test", ticket: None, msg_id: None, device_id: None }
}

async fn say(far: &mut Stream, bytes: &[u8]) {
    let wrote = poll_fn(|cx| far.poll_write(cx, &[IoSlice::new(bytes)])).await;
    assert_eq!(wrote.unwrap(), bytes.len());
}

/// What the wire does within a second, in a word.
async fn next(wire: &mut Wire, env: &Env) -> &'static str {
    let happened = tokio::select! {
        // Time first: looking once more would find what nobody was woken for.
        biased;
        () = env.sleep_until(env.now() + Duration::from_secs(1)) => return "nothing",
        happened = wire.next(env) => happened,
    };
    match happened {
        Happened::Received(_) => "received",
        Happened::Eof => "eof",
        Happened::Secured => "secured",
        Happened::Wrote(_) => "wrote",
        Happened::Ended(_) => "ended",
    }
}

#[tokio::test(start_paused = true)]
async fn room_made_by_half_a_frame_is_room_to_read() {
    let (mut wire, mut far, env) = wire().await;
    // Over the limit, until the network takes all but ten bytes of it and no more.
    wire.send(frame(FULL + 10), env.now());
    say(&mut far, b"hello").await;
    assert_eq!(next(&mut wire, &env).await, "received");
    assert_eq!(next(&mut wire, &env).await, "nothing");
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_listen_is_not_heard() {
    for (len, count) in [(FULL, 1), (FULL / 2, 2), (3, FULL_FRAMES)] {
        let (mut wire, mut far, env) = wire().await;
        wire.send(frame(FULL), env.now());
        assert_eq!(next(&mut wire, &env).await, "wrote", "the network's own room");
        (0..count).for_each(|_| wire.send(frame(len), env.now()));
        say(&mut far, b"hello").await;
        assert_eq!(next(&mut wire, &env).await, "nothing", "{count} of {len}");
        // Until it listens.
        let mut buf = vec![0; FULL];
        let read = poll_fn(|cx| far.poll_read(cx, &mut buf)).await.unwrap();
        assert!(read > 0);
        while next(&mut wire, &env).await != "received" {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_stops_talking_is_answered() {
    let (mut wire, mut far, env) = wire().await;
    say(&mut far, &[1; 4 * READ]).await;
    assert_eq!(next(&mut wire, &env).await, "received");
    wire.send(frame(3), env.now());
    assert_eq!(next(&mut wire, &env).await, "wrote", "before the rest is read");
    for _ in 0..3 {
        assert_eq!(next(&mut wire, &env).await, "received");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_is_noticed_before_more_is_written_into_it() {
    let (mut wire, far, env) = wire().await;
    drop(far);
    env.sleep_until(env.now() + Duration::from_millis(5)).await;
    wire.send(frame(3), env.now());
    assert_eq!(next(&mut wire, &env).await, "eof");
}

#[tokio::test(start_paused = true)]
async fn answers_are_said_in_parting_and_requests_are_not() {
    let asked = |len, ticket| Frame { ticket: Some(proto::Ticket(ticket)), ..frame(len) };
    for (first, said) in [(3, 3 + 5), (FULL + 10, FULL)] {
        let (mut wire, far, env) = wire().await;
        wire.send(asked(first, 1), env.now());
        // The network takes all of the short one, and all but ten bytes of the long one.
        let wrote = if first == 3 { "wrote" } else { "nothing" };
        assert_eq!(next(&mut wire, &env).await, wrote);
        wire.send(asked(4, 2), env.now());
        wire.send(frame(5), env.now());
        wire.drop_requests();
        wire.last_words(&env);
        wire.close(CloseReason::Local, &env);
        let (mut buf, mut heard) = (vec![0; FULL], 0);
        while let Ok(read @ 1..) = poll_fn(|cx| far.poll_read(cx, &mut buf)).await {
            heard += read;
        }
        assert_eq!(heard, said);
    }
}

/// A reset has the kernel drop what a FIN would have it hand over, for as long as it takes.
#[tokio::test(start_paused = true)]
async fn bytes_that_were_given_up_are_taken_back() {
    for (wait, end) in [(0, Err(io::ErrorKind::ConnectionReset)), (2, Ok(0))] {
        let (mut wire, far, env) = wire().await;
        wire.send(frame(8), env.now());
        assert_eq!(next(&mut wire, &env).await, "wrote");
        env.sleep_until(env.now() + Duration::from_millis(wait)).await;
        wire.close(CloseReason::TimedOut("acknowledgement".into()), &env);
        let mut buf = [0; 16];
        let mut reads = Vec::new();
        for _ in 0..2 {
            let read = poll_fn(|cx| far.poll_read(cx, &mut buf)).await;
            reads.push(read.map_err(|e| e.kind()));
        }
        assert_eq!(reads, [Ok(8), end], "acknowledged after 2 ms, given up after {wait}");
    }
}
