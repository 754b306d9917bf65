//! A client with a planted bug, for the lab to convict: it believes what it sent. It never reads, so
//! it does not hear that the device has left; a write into such a connection succeeds, and it calls
//! that a success. Nobody should use it for anything else.
use std::{future::poll_fn, io, io::IoSlice, net::SocketAddr};

use bytes::Bytes;
use proto::{
    CloseReason, Delivery, Frame, Proof, Protocol, RequestError, Session, Stage, Ticket,
    session::{Input, Output},
};

use crate::{
    Dir, Env, Event, Failure, Reached, Receipt, Tickets,
    net::{Stream, connect_stage},
    record::{End, veil::Veil},
};

/// The client. It has the protocol's own session to put requests into bytes, and drives it badly.
pub struct Careless<P: Protocol> {
    env: Env,
    addrs: Vec<SocketAddr>,
    protocol: P,
    tickets: Tickets,
    open: Option<(u32, Stream)>,
}

impl<P: Protocol> Careless<P> {
    /// A client of the device at `addrs`, not connected yet.
    pub fn new(env: Env, addrs: Vec<SocketAddr>, protocol: P) -> Self {
        let tickets = Tickets::of(&env);
        Self { env, addrs, protocol, tickets, open: None }
    }

    /// Sends, and believes it was received.
    ///
    /// # Errors
    /// Where it failed, as far as it noticed.
    pub async fn request(&mut self, request: P::Request) -> Result<Receipt<P::Reply>, Failure> {
        let (ticket, began) = (self.tickets.draw(), self.env.now());
        self.env.record(Event::Submitted { ticket, device_id: None });
        self.env.record(Event::Attempt { ticket, attempt: 1 });
        let sent = self.send(ticket, request).await;
        let elapsed = self.env.now() - began;
        // The bug: the kernel took the bytes, which says nothing of the device.
        let delivery = Delivery::Survived;
        let end = match &sent {
            Ok(()) => End::Ok { delivery, reply: None },
            Err((stage, e)) => End::Failed { stage: *stage, detail: e.to_string() },
        };
        let elapsed_us = elapsed.as_micros() as u64;
        self.env.record(Event::Done { ticket, end, attempts: 1, elapsed_us });
        if let Err((stage, e)) = sent {
            let error = RequestError { stage, attempts: 1, detail: e.to_string() };
            return Err(Failure { ticket, since: began, elapsed, levels: Vec::new(), error });
        }
        let levels = vec![Reached { level: delivery, after: elapsed }];
        Ok(Receipt { ticket, attempts: 1, since: began, elapsed, delivery, levels, reply: None })
    }

    /// Closes its connection.
    pub fn close(self) {
        if let Some((conn, stream)) = self.open {
            drop(stream);
            self.env.record(Event::Closed { conn, reason: CloseReason::Local });
        }
    }

    async fn send(
        &mut self,
        ticket: Ticket,
        request: P::Request,
    ) -> Result<(), (Stage, io::Error)> {
        if self.open.is_none() {
            self.open = Some(self.connect().await?);
        }
        let Some((conn, stream)) = &mut self.open else { return Ok(()) };
        let now = self.env.now();
        let mut session = self.protocol.client(now);
        session.handle_input(now, Input::Request(ticket, request));
        loop {
            match session.poll_output() {
                Output::Transmit(frame) => {
                    let written = write(stream, &frame.bytes).await;
                    written.map_err(|e| (Stage::SendFailed, e))?;
                    let frame = Veil::of(&self.env, P::COVER).frame(frame);
                    let Frame { bytes, kind, ticket, msg_id, device_id } = frame;
                    let (dir, conn) = (Dir::Out, *conn);
                    self.env.record(Event::Sent { conn, bytes: bytes.clone() });
                    let kind = kind.into();
                    let took_us = 0;
                    self.env.record(Event::Frame {
                        conn,
                        dir,
                        kind,
                        ticket,
                        msg_id,
                        device_id,
                        bytes,
                        took_us,
                    });
                }
                Output::Wait(_) | Output::Close(_) => return Ok(()),
                Output::Received(_)
                | Output::Ready(_)
                | Output::Reply(..)
                | Output::Push(_)
                | Output::Fact(_)
                | Output::Finish => {}
            }
        }
    }

    async fn connect(&self) -> Result<(u32, Stream), (Stage, io::Error)> {
        let conn = self.env.next_conn();
        if let Some(addr) = self.addrs.first() {
            self.env.record(Event::Connecting { conn, addr: *addr });
        }
        let failed = |e: io::Error| (connect_stage(&e), e);
        let stream = match self.env.net.connect(&self.addrs).await.map_err(failed) {
            Ok(stream) => stream,
            Err((stage, e)) => {
                self.env.record(Event::ConnectFailed { conn, stage, detail: e.to_string() });
                return Err((stage, e));
            }
        };
        let (local, peer) = stream.addrs().map_err(failed)?;
        self.env.record(Event::Opened { conn, local, peer });
        self.env.record(Event::Ready { conn, proof: Proof::Connected });
        Ok((conn, stream))
    }
}

async fn write(stream: &mut Stream, bytes: &Bytes) -> io::Result<()> {
    let mut left = &bytes[..];
    while !left.is_empty() {
        let n = poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(left)])).await?;
        left = &left[n..];
    }
    Ok(())
}
