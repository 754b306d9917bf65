//! A connection of nobody in particular: writes given bytes, and takes what comes until the other
//! side answers or closes.
use std::{io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use proto::{CloseReason, Frame, cover::NewCover};

use crate::{
    Env, Event,
    record::veil::Veil,
    wire::{Happened, Wire},
};

/// Opens a connection to `addr`, writes `bytes`, finishes sending if `eof`, and returns what came
/// back before the peer closed, or its first answer, or nothing after `patience`. Secrets that `cover`
/// knows are not written down.
///
/// # Errors
/// The connection could not be opened.
pub async fn exchange(
    env: &Env,
    addr: SocketAddr,
    bytes: Bytes,
    eof: bool,
    patience: Duration,
    cover: NewCover,
) -> io::Result<Bytes> {
    let conn = env.next_conn();
    env.record(Event::Connecting { conn, addr });
    let stream = env.net.connect(&[addr]).await?;
    let (local, peer) = stream.addrs()?;
    env.record(Event::Opened { conn, local, peer });
    let mut wire = Wire::new(stream, conn).veiled(&Veil::of(env, cover));
    wire.send(Frame { bytes, kind: "raw", ticket: None, msg_id: None, device_id: None }, env.now());
    if eof {
        wire.finish();
    }
    let mut answer = BytesMut::new();
    let mut alarm = env.alarm();
    alarm.set(Some(env.now() + patience));
    let reason = loop {
        tokio::select! {
            biased;
            happened = wire.next(env) => match happened {
                Happened::Received(bytes) => {
                    answer.extend_from_slice(&bytes);
                    break CloseReason::Local;
                }
                Happened::Eof => break CloseReason::Peer,
                Happened::Wrote(_) | Happened::Secured => {}
                Happened::Ended(reason) => break reason,
            },
            () = alarm.ring() => break CloseReason::TimedOut("answer".into()),
        }
    };
    wire.close(reason, env);
    Ok(answer.freeze())
}
