//! Drives the state machines of `proto` over a network, real or simulated, and writes down what happens.
//!
//! It moves bytes, keeps time and records facts. It has no opinion on what is right.

pub mod record;

pub use record::{Dir, Event, Record, Recorder, Sink};
