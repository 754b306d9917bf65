//! What a link begins with, and what it has to tell.
use bytes::Bytes;
use serde::Serialize;

use super::{NodeId, codec::Message, hello::Role};
use crate::Frame;

/// What a connection begins with, at the end that opened it.
#[derive(Clone, Debug)]
pub enum Opening {
    /// A greeting, with 32 random bytes for one that can be proven.
    Greet([u8; 32]),
    /// One message, and no greeting.
    Say(Message),
    /// One line, whatever it is.
    Line(Bytes),
}

/// What a link has to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// Somebody is there.
    Greeted(Peer),
    /// Both have proven themselves, and from now on the connection is to be encrypted. It is open once
    /// [`Link::secured`] was called and the other end agrees.
    Proven(#[serde(skip)] Secure),
    /// One that claims an id and cannot prove it. The connection is closed.
    Impostor {
        /// The id of somebody else.
        claimed: NodeId,
    },
    /// A message for us.
    Heard(#[serde(skip)] Message),
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// Its id, if it said one.
    pub id: Option<NodeId>,
    /// It has proven it, on this connection.
    pub verified: bool,
}

/// How a connection goes on encrypted: TLS 1.3, in which both ends show their raw public keys, and the
/// dialer is the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secure {
    /// Which end we are.
    pub role: Role,
    /// Whose key the other end must show, and no other.
    pub peer: NodeId,
    /// Goes out before it begins, in plain.
    pub last: Option<Frame>,
    /// Has come in already, and belongs to TLS.
    pub first: Bytes,
}
