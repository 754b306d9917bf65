use std::{future::poll_fn, net::SocketAddr, time::Duration};

use proto::{Frame, Ticket};

use super::*;
use crate::{Net, Recorder, Sim, Tls, Trust};

/// Some of it may have come with the last word in plain.
#[tokio::test(start_paused = true)]
async fn what_has_come_already_is_taken_for_encrypted() {
    let env = env();
    let (near, far) = streams(&env).await;
    let mut near = Wire::dialled(near, 1, &env).unwrap();
    let mut far = Wire::new(far, 2);
    assert_eq!(next(&mut near, &env).await.0, "nothing", "it has said hello");
    let Happened::Received(hello) = far.next(&env).await else { panic!("in plain, so far") };
    far.secure(env.tls.listening.as_ref().unwrap().begin().unwrap(), &hello);
    let both = async { tokio::join!(near.handshake(&env), far.handshake(&env)) };
    let both = tokio::time::timeout(Duration::from_secs(60), both).await;
    assert_eq!(both, Ok((Ok(()), Ok(()))), "in time");
}

/// More than the network holds.
const LONG: usize = 300 * 1024;

fn env() -> Env {
    let mut env = Env::new(Net::Sim(Sim::new(Duration::from_millis(1))), Recorder::new(1 << 24), 1);
    let dialling = Some(TlsClient::new(Trust::Anybody, "a.example").unwrap());
    env.tls = Tls { dialling, listening: Some(TlsServer::self_signed(&["a.example"]).unwrap()) };
    env
}

async fn streams(env: &Env) -> (Stream, Stream) {
    let mut listener = env.net.listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let near = env.net.connect(&[listener.local_addr().unwrap()]).await.unwrap();
    (near, listener.accept().await.unwrap())
}

/// Both ends of an encrypted connection; the first has this to say as soon as it can.
async fn wires(env: &Env, first: Vec<Frame>) -> (Wire, Wire) {
    let (near, far) = streams(env).await;
    let (mut near, mut far) =
        (Wire::dialled(near, 1, env).unwrap(), Wire::accepted(far, 2, env).unwrap());
    first.into_iter().for_each(|frame| near.send(frame, env.now()));
    let both = async { tokio::join!(near.handshake(env), far.handshake(env)) };
    let both = tokio::time::timeout(Duration::from_secs(60), both).await;
    assert_eq!(both, Ok((Ok(()), Ok(()))), "in time");
    (near, far)
}

fn frame(len: usize, ticket: Option<u64>) -> Frame {
    let (bytes, ticket) = (vec![7; len].into(), ticket.map(Ticket));
    Frame { bytes, kind: "test", ticket, msg_id: None, device_id: None }
}

/// What the wire does within a second, in a word; how much was said, if something was.
async fn next(wire: &mut Wire, env: &Env) -> (&'static str, usize) {
    let happened = tokio::select! {
        biased;
        () = env.sleep_until(env.now() + Duration::from_secs(1)) => return ("nothing", 0),
        happened = wire.next(env) => happened,
    };
    match happened {
        Happened::Received(bytes) => ("received", bytes.len()),
        Happened::Eof => ("eof", 0),
        Happened::Secured => ("secured", 0),
        Happened::Wrote(frame) => ("wrote", frame.bytes.len()),
        Happened::Ended(_) => ("ended", 0),
    }
}

/// All that comes in until nothing does.
async fn hears(wire: &mut Wire, env: &Env) -> usize {
    let mut heard = 0;
    loop {
        match next(wire, env).await {
            ("nothing" | "eof" | "ended", _) => return heard,
            (_, len) => heard += len,
        }
    }
}

fn cut_off(env: &Env) -> bool {
    let records = env.recorder.records();
    records.iter().any(|record| {
        matches!(&record.event, Event::Fact { fact: Fact::Odd { what, .. }, .. } if what == "cut_off")
    })
}

/// However much it is: the peer's part of a handshake is read all the same.
#[tokio::test(start_paused = true)]
async fn what_is_said_too_early_waits_for_the_handshake() {
    let env = env();
    let (mut near, mut far) = wires(&env, vec![frame(LONG, None), frame(5, None)]).await;
    let (wrote, heard) = tokio::join!(hears(&mut near, &env), hears(&mut far, &env));
    assert_eq!((wrote, heard), (LONG + 5, LONG + 5));
    // On the wire it is more, and that is what counts as written there.
    assert!(near.written() > (LONG + 5 + 18 * 22) as u64);
    assert_eq!(near.acked(), Some(near.written()));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_announced_is_told_from_a_cut() {
    for announced in [true, false] {
        let env = env();
        let (mut near, mut far) = wires(&env, Vec::new()).await;
        if announced {
            near.send(frame(5, None), env.now());
            near.finish();
            assert_eq!(next(&mut near, &env).await, ("wrote", 5));
            assert_eq!(next(&mut near, &env).await.0, "nothing");
            assert_eq!(next(&mut far, &env).await, ("received", 5));
        } else {
            drop(near.stream);
        }
        assert_eq!(next(&mut far, &env).await.0, "eof");
        assert_eq!(cut_off(&env), !announced);
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_finished_still_hears() {
    let env = env();
    let (mut near, mut far) = wires(&env, Vec::new()).await;
    near.finish();
    far.send(frame(5, None), env.now());
    let (_, heard) = tokio::join!(hears(&mut far, &env), hears(&mut near, &env));
    assert_eq!(heard, 5);
    far.close(CloseReason::Local, &env);
    assert_eq!(next(&mut near, &env).await.0, "eof");
    assert!(!cut_off(&env), "closing is announced as well");
}

/// What is encrypted cannot be left out of the stream, so the stream ends with it.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_encrypted_and_not_out_takes_all_else_with_it() {
    // The last one shares a batch with what the network has no room for, and no byte of it is out.
    let behind = vec![frame(262_000, None), frame(4, Some(1))];
    for (first, stays) in
        [(vec![frame(LONG, Some(1))], false), (vec![frame(LONG, None)], true), (behind, false)]
    {
        let env = env();
        let (mut near, mut far) = wires(&env, Vec::new()).await;
        first.into_iter().for_each(|frame| near.send(frame, env.now()));
        assert_eq!(next(&mut near, &env).await.0, "nothing", "the network is full");
        near.send(frame(4, Some(2)), env.now());
        near.send(frame(5, None), env.now());
        near.drop_requests();
        assert_eq!(near.is_flushed(), !stays);
        let (_, heard) = tokio::join!(hears(&mut near, &env), hears(&mut far, &env));
        assert_eq!(heard == LONG + 5, stays, "{heard}");
        near.send(frame(5, None), env.now());
        assert_eq!(next(&mut near, &env).await.0 == "wrote", stays);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_queued_before_goes_out_in_plain() {
    let env = env();
    let (near, far) = streams(&env).await;
    let mut near = Wire::new(near, 1);
    near.send(frame(5, None), env.now());
    near.secure(env.tls.dialling.as_ref().unwrap().begin().unwrap(), &[]);
    near.send(frame(6, None), env.now());
    assert_eq!(next(&mut near, &env).await, ("wrote", 5));
    assert_eq!(next(&mut near, &env).await.0, "nothing");
    let mut buf = [0; 4096];
    let mut seen: Vec<u8> = Vec::new();
    while seen.len() < 100 {
        let n = poll_fn(|cx| far.poll_read(cx, &mut buf)).await.unwrap();
        seen.extend(&buf[..n]);
    }
    // A record of a handshake, by a client of TLS 1.0 as they all begin.
    assert_eq!(seen[..8], [7, 7, 7, 7, 7, 0x16, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_hangs_up_in_the_handshake_is_told_of() {
    let env = env();
    let (near, far) = streams(&env).await;
    let mut near = Wire::dialled(near, 1, &env).unwrap();
    drop(far);
    let why = near.handshake(&env).await.unwrap_err().to_string();
    assert!(why.contains("closed in the TLS handshake") || why.contains("reset"), "{why}");
}
