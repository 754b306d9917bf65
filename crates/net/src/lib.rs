//! Drives the state machines of `proto` over a network, real or simulated, and writes down what happens.
//!
//! It moves bytes, keeps time and records facts. It has no opinion on what is right.

pub mod bare;
pub mod careless;
pub mod client;
pub mod deaf;
mod diag;
pub mod discovery;
pub mod door;
pub mod env;
pub mod files;
pub mod group;
pub mod host;
pub mod lobby;
pub mod net;
pub mod node;
pub mod proxy;
pub mod record;
pub mod sim;
pub mod tcp;
pub mod tls;
mod wire;

pub use client::{
    Answer, Asked, Client, Failure, Listener, Order, Reached, Receipt, Tickets, Unsent,
};
pub use deaf::{DeafListener, FullListener};
pub use door::{Door, Way};
pub use env::{Env, Stopwatch};
pub use host::Host;
pub use lobby::{Guest, Lobby};
pub use net::{Listens, Net};
pub use record::{Dir, Event, Flow, Record, Recorder, Role, Sink};
pub use sim::Sim;
pub use tcp::{RawTcpOptions, TcpOptions};
pub use tls::{Tls, TlsClient, TlsServer, Trust};
