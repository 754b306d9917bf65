//! TAZCOM: nodes that find and greet each other on a local network and pass messages on, without any
//! server. Lines of JSON over TCP; the identity is a key pair.
//!
//! Versions 0.1 (HELLO and ACK) and 0.2 (CHAT) are as published; 0.3 adds what they lack: ids that are
//! proven, links that stay open, messages that are signed. See `docs/protocols/tazcom.md`.
mod bucket;
mod client;
mod codec;
mod device;
mod envelope;
mod explain;
pub mod gossip;
mod hello;
mod identity;
mod line;
mod link;
mod memory;
mod news;
pub mod node;
pub mod private;
mod protocol;
mod quirk;
pub mod roster;
pub mod simulate;
mod terms;
mod wrong;

pub use client::Client;
pub use codec::{Chat, DecodeError, LEGACY_HOPS, MAX_IDS, Message};
pub use device::Device;
pub use envelope::{AlertState, Body, Forged, MessageId, Need, Parcel, Payload};
pub use gossip::Gossip;
pub use hello::{Meeting, Role};
pub use identity::{Identity, NodeId, NotAnId};
pub use line::{LineError, Lines};
pub use link::Link;
pub use memory::{Greeted, Memory, Snapshot};
pub use news::{News, Opening, Peer, Secure};
pub use node::Node;
pub use protocol::{Reply, Request, Settings, Tazcom};
pub use quirk::{Mode, Quirk, Spelling};
pub use roster::Roster;
pub use terms::{RawTerms, Terms, Version};
