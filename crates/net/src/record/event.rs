//! The facts, one variant each. Evidence files hold exactly these.
use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use proto::{
    CloseReason, Delivery, Fact, Proof, Stage, Ticket, Time,
    resilience::{BreakerEvent, Pulse, QueueEvent},
    session::hex,
};
use serde::{Deserialize, Serialize};

/// One fact: who saw what, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Place in the one sequence all nodes share, from 0.
    pub seq: u64,
    /// Microseconds since the run began.
    pub at: Time,
    /// The node that saw it.
    pub node: Arc<str>,
    /// What part that node plays.
    pub role: Role,
    /// Source line that recorded it.
    pub line: u32,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What part a node plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It asks.
    Client,
    /// It is asked.
    Device,
    /// It carries, and may do harm.
    Proxy,
    /// It directs the others.
    Lab,
}

/// Which way bytes went, seen from the node that recorded them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dir {
    /// It sent them.
    Out,
    /// It received them.
    In,
}

/// Which way bytes go through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// From whoever dials to whoever listens.
    Up,
    /// From whoever listens to whoever dials.
    Down,
}

/// What happened. `conn` counts a node's connections, or attempts at one, from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A device takes connections here.
    Listening {
        /// The address.
        addr: SocketAddr,
    },
    /// A device takes no more connections.
    Deaf,
    /// A device that should take connections again cannot: somebody has its port, most often.
    ListenFailed {
        /// The address.
        addr: SocketAddr,
        /// The operating system's words.
        detail: String,
    },
    /// A request was taken on.
    Submitted {
        /// The request.
        ticket: Ticket,
        /// The device it is for.
        device_id: Option<Arc<str>>,
    },
    /// A request's next attempt begins, connecting included.
    Attempt {
        /// The request.
        ticket: Ticket,
        /// Counted from 1.
        attempt: u32,
    },
    /// A connection is being opened.
    Connecting {
        /// The connection.
        conn: u32,
        /// Where to.
        addr: SocketAddr,
    },
    /// A connection could not be opened.
    ConnectFailed {
        /// The connection.
        conn: u32,
        /// In what way.
        stage: Stage,
        /// The operating system's words.
        detail: String,
    },
    /// A connection opened, or was accepted.
    Opened {
        /// The connection.
        conn: u32,
        /// Our end.
        local: SocketAddr,
        /// Their end.
        peer: SocketAddr,
    },
    /// Bytes the kernel took, whatever a codec thinks of them.
    Sent {
        /// The connection.
        conn: u32,
        /// The bytes.
        #[serde(with = "hex")]
        bytes: Bytes,
    },
    /// Bytes the kernel gave.
    Received {
        /// The connection.
        conn: u32,
        /// The bytes.
        #[serde(with = "hex")]
        bytes: Bytes,
    },
    /// A whole frame: outbound when its last byte was taken by the kernel, inbound when understood.
    Frame {
        /// The connection.
        conn: u32,
        /// Which way.
        dir: Dir,
        /// What the protocol calls it.
        kind: Cow<'static, str>,
        /// The request it belongs to.
        ticket: Option<Ticket>,
        /// The wire's own id, where it is not simply the ticket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        msg_id: Option<Arc<str>>,
        /// The device it names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device_id: Option<Arc<str>>,
        /// The whole frame.
        #[serde(with = "hex")]
        bytes: Bytes,
        /// Microseconds from when it was handed over to when the kernel had it all; 0 for inbound.
        took_us: u64,
    },
    /// The peer will now take requests.
    Ready {
        /// The connection.
        conn: u32,
        /// Why we believe it.
        proof: Proof,
    },
    /// Something a session knew.
    Fact {
        /// The connection.
        conn: u32,
        /// What it knew.
        #[serde(flatten)]
        fact: Fact,
    },
    /// The peer said something unasked.
    Push {
        /// The connection.
        conn: u32,
        /// What.
        said: String,
    },
    /// The peer finished sending (FIN).
    Eof {
        /// The connection.
        conn: u32,
    },
    /// A connection ended at this node.
    Closed {
        /// The connection.
        conn: u32,
        /// Why.
        reason: CloseReason,
    },
    /// An attempt failed.
    AttemptFailed {
        /// The request.
        ticket: Ticket,
        /// Which attempt.
        attempt: u32,
        /// Where.
        stage: Stage,
        /// The particulars.
        detail: String,
        /// Microseconds until the next attempt; none if there is none.
        retry_in_us: Option<u64>,
    },
    /// The peer is really there: only now is a connection a success.
    Proved {
        /// The connection.
        conn: u32,
        /// Why we believe it.
        proof: Proof,
    },
    /// A kept connection is gone, or did not come.
    Lost {
        /// The connection.
        conn: u32,
        /// Why.
        reason: String,
        /// Microseconds until it is dialled again, breaker permitting.
        redial_in_us: u64,
    },
    /// A request got this far, and is to get further.
    Reached {
        /// The request.
        ticket: Ticket,
        /// How far.
        level: Delivery,
    },
    /// How long answers take and are waited for has changed.
    Pulse {
        /// By how much.
        #[serde(flatten)]
        pulse: Pulse,
    },
    /// Something happened to what the peer said unasked and somebody is to read.
    Intake {
        /// What.
        #[serde(flatten)]
        what: QueueEvent,
        /// How many wait to be read now.
        depth: usize,
    },
    /// The last state was sent again, first thing on a new connection.
    Resent {
        /// The connection.
        conn: u32,
        /// The request that set it.
        ticket: Ticket,
    },
    /// The circuit breaker counted a failure or changed its state.
    Breaker {
        /// Which of the two.
        #[serde(flatten)]
        what: BreakerEvent,
    },
    /// A client was told something besides requests.
    Told {
        /// What.
        order: String,
    },
    /// A request's one end.
    Done {
        /// The request.
        ticket: Ticket,
        /// How it went.
        #[serde(flatten)]
        end: End,
        /// Attempts made.
        attempts: u32,
        /// Microseconds since it was submitted.
        elapsed_us: u64,
    },
    /// The lab did this step of its scenario.
    Step {
        /// Place in the scenario, from 1.
        step: usize,
        /// In words.
        text: String,
    },
    /// A step could not be done; what follows shows little.
    StepFailed {
        /// Place in the scenario, from 1.
        step: usize,
        /// Why.
        problem: String,
    },
    /// A device, or a proxy, was told to do this wrong.
    Armed {
        /// The device, or the proxy.
        device: Arc<str>,
        /// The quirk or the fault, as scenario files spell it.
        quirk: Cow<'static, str>,
    },
    /// A proxy joined two of its connections: what comes in on one goes out on the other.
    Joined {
        /// The one that somebody opened to it.
        conn: u32,
        /// The one it opened itself.
        onto: u32,
    },
    /// A fault on a proxy struck.
    Struck {
        /// The connection that somebody opened to it.
        conn: u32,
        /// Which way the harmed bytes went.
        flow: Flow,
        /// The fault, as scenario files spell it.
        fault: Arc<str>,
        /// Place in the stream, in bytes as their sender counts them. (`at` is when.)
        #[serde(rename = "offset")]
        at: u64,
        /// What it measurably did.
        did: String,
    },
    /// A fault was taken off a proxy.
    Lifted {
        /// The proxy.
        device: Arc<str>,
        /// The fault.
        fault: Arc<str>,
    },
    /// The run is over.
    Ended {
        /// Tasks that should have ended and had not.
        tasks_left: usize,
    },
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// It got at least as far as was asked.
    Ok {
        /// How far.
        delivery: Delivery,
        /// The device's words, if it had any.
        reply: Option<String>,
    },
    /// It did not.
    Failed {
        /// Where it ended.
        stage: Stage,
        /// The particulars.
        detail: String,
    },
}
