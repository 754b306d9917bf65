//! Protocols and resilience as pure state machines.
//!
//! Nothing in this crate reads a clock, opens a socket, sleeps, logs or draws entropy: time is an
//! argument, chance is a seed, and everything worth knowing leaves as an output.

pub mod beat;
pub mod cover;
pub mod cync;
pub mod explain;
pub mod gem;
pub mod hsms;
pub mod inbox;
mod python_json;
pub mod quirk;
pub mod resilience;
pub mod rng;
pub mod secs2;
pub mod session;
pub mod tazcom;
pub mod testing;
pub mod time;
pub mod toggle;
pub mod turn;
pub mod vkb;

pub use resilience::{Delivery, Policy, PolicyPatch, RawPolicy, RequestError, Stage, Supervisor};
pub use session::{
    Answer, CloseReason, ConfigError, Fact, Frame, Input, Never, Output, Proof, Protocol, Session,
    Ticket,
};
pub use time::{Span, Time};
