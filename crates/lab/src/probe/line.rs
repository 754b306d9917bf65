//! One bare connection: writes given bytes, cuts what comes into frames, and records every byte. It
//! reads while it writes, since a peer that is not read does not read either.
use std::{
    future::poll_fn,
    io::{self, IoSlice},
    net::SocketAddr,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use net::{Env, Event, net::Stream};
use proto::{CloseReason, Time};

use super::{Cut, outcome::How};

/// A peer that says more than this in one case is not listened to any further.
const ENOUGH: usize = 64 << 20;
const READ: usize = 64 << 10;

pub(super) struct Line {
    stream: Option<Stream>,
    conn: u32,
    inbox: BytesMut,
    heard: usize,
    /// What we have sent of a frame that is not whole yet.
    begun: Vec<u8>,
    cut: fn(&[u8]) -> Cut,
    /// How and when the peer closed.
    pub(super) closed: Option<(How, Time)>,
    /// When we last did something.
    pub(super) mark: Time,
}

/// What a line brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    Frame(Vec<u8>),
    /// Bytes that are no frame yet.
    Part,
    Closed,
    /// More than anybody wants to hear.
    TooMuch,
}

impl Line {
    pub(super) fn new(
        stream: Stream,
        conn: u32,
        cut: fn(&[u8]) -> Cut,
        env: &Env,
    ) -> io::Result<Self> {
        let (local, peer) = stream.addrs()?;
        env.record(Event::Opened { conn, local, peer });
        let stream = Some(stream);
        Ok(Self {
            stream,
            conn,
            inbox: BytesMut::new(),
            heard: 0,
            begun: Vec::new(),
            cut,
            closed: None,
            mark: env.now(),
        })
    }
    /// One that never came about.
    pub(super) fn refused(conn: u32, cut: fn(&[u8]) -> Cut, env: &Env) -> Self {
        let now = env.now();
        let closed = Some((How::Refused, now));
        Self {
            stream: None,
            conn,
            inbox: BytesMut::new(),
            heard: 0,
            begun: Vec::new(),
            cut,
            closed,
            mark: now,
        }
    }
    pub(super) async fn dial(
        env: &Env,
        conn: u32,
        addr: SocketAddr,
        cut: fn(&[u8]) -> Cut,
    ) -> io::Result<Self> {
        env.record(Event::Connecting { conn, addr });
        match env.net.connect(&[addr]).await {
            Ok(stream) => Self::new(stream, conn, cut, env),
            Err(e) => {
                let stage = net::net::connect_stage(&e);
                env.record(Event::ConnectFailed { conn, stage, detail: e.to_string() });
                Err(e)
            }
        }
    }
    /// Writes all of it, as far as the peer lets us.
    pub(super) async fn send(&mut self, bytes: Vec<u8>, env: &Env) {
        self.begun.extend_from_slice(&bytes);
        let mut done = 0;
        while let Cut::Frame(len @ 1..) = (self.cut)(&self.begun[done..]) {
            done += len;
        }
        self.begun.drain(..done);
        let mut rest = Bytes::from(bytes);
        poll_fn(|cx| self.poll_send(cx, &mut rest, env)).await;
        self.mark = env.now();
    }
    /// The next thing that comes. Cancel safe.
    pub(super) async fn next(&mut self, env: &Env) -> Came {
        loop {
            match (self.cut)(&self.inbox) {
                Cut::Frame(len) if len > 0 && len <= self.inbox.len() => {
                    return Came::Frame(self.inbox.split_to(len).into());
                }
                // What is no frame counts as one, so that it is seen.
                Cut::Never if !self.inbox.is_empty() => {
                    return Came::Frame(self.inbox.split().into());
                }
                Cut::Frame(_) | Cut::More | Cut::Never => {}
            }
            if self.heard > ENOUGH {
                return Came::TooMuch;
            }
            if self.closed.is_some() {
                return Came::Closed;
            }
            if poll_fn(|cx| self.poll_read(cx, env)).await {
                return Came::Part;
            }
        }
    }
    pub(super) fn half_close(&mut self, env: &Env) {
        if let Some(stream) = &mut self.stream {
            // If it is gone already, the next read says so.
            let _ = stream.finish();
        }
        self.mark = env.now();
    }
    pub(super) fn close(&mut self, reason: CloseReason, env: &Env) {
        self.mark = env.now();
        let Some(stream) = self.stream.take() else { return };
        if reason == CloseReason::Abort {
            stream.reset();
        } else {
            drop(stream);
        }
        env.record(Event::Closed { conn: self.conn, reason });
    }
    /// Whether a frame sent now would be one to the peer, and not the rest of another.
    pub(super) fn is_between_frames(&self) -> bool {
        self.begun.is_empty()
    }
    /// Whether the peer's program has read all we wrote, if that can be known.
    pub(super) fn is_read(&self) -> Option<bool> {
        self.stream.as_ref()?.drained()
    }
    /// Whether it was us who closed.
    pub(super) fn is_ours(&self) -> bool {
        self.stream.is_none() && self.closed.is_none()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, rest: &mut Bytes, env: &Env) -> Poll<()> {
        loop {
            while self.closed.is_none()
                && self.heard <= ENOUGH
                && self.poll_read(cx, env).is_ready()
            {}
            let Some(stream) = &mut self.stream else { return Poll::Ready(()) };
            if rest.is_empty() {
                return Poll::Ready(());
            }
            match stream.poll_write(cx, &[IoSlice::new(rest)]) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(n)) => {
                    let bytes = rest.split_to(n);
                    env.record(Event::Sent { conn: self.conn, bytes });
                }
                // What the peer said before it closed can still be read, and then how it closed.
                Poll::Ready(Err(_)) => return Poll::Ready(()),
            }
        }
    }
    /// Whether bytes came, once something did.
    fn poll_read(&mut self, cx: &mut Context<'_>, env: &Env) -> Poll<bool> {
        let conn = self.conn;
        let Some(stream) = &mut self.stream else { return Poll::Pending };
        let mut buf = vec![0; READ];
        let Poll::Ready(read) = stream.poll_read(cx, &mut buf) else { return Poll::Pending };
        let how = match read {
            Ok(0) => {
                env.record(Event::Eof { conn });
                How::Fin
            }
            Ok(n) => {
                buf.truncate(n);
                self.inbox.extend_from_slice(&buf);
                self.heard += n;
                env.record(Event::Received { conn, bytes: buf.into() });
                return Poll::Ready(true);
            }
            Err(e) => {
                let reason = match e.kind() {
                    io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                        CloseReason::Reset
                    }
                    _ => CloseReason::Failed(e.to_string()),
                };
                env.record(Event::Closed { conn, reason });
                self.stream = None;
                How::Rst
            }
        };
        self.closed = Some((how, env.now()));
        Poll::Ready(false)
    }
}
