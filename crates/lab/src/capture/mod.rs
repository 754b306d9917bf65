//! Captures that others made, as if a proxy of ours had carried what is in them: [`carried`] makes
//! records of what [`socat`], [`text`] or a caller found in a file, [`talk`] takes the records of any
//! run apart again into what was said, and [`latency`] measures how long answers took.
//!
//! Nothing here opens a file, and nothing believes one: every list has a limit.
pub mod carried;
pub mod latency;
pub mod socat;
pub mod talk;
pub mod text;
mod when;

use bytes::Bytes;
use jiff::Timestamp;
use net::Flow;

/// Connections of a capture that are told apart; more are not taken.
pub const MOST_CONNECTIONS: usize = 1 << 16;

/// Something that happened on a captured connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When, as far as the capture says.
    pub at: Option<Timestamp>,
    /// The connection; the capture's own way to tell them apart.
    pub conn: u64,
    /// Which way: up is from whoever dialled.
    pub flow: Flow,
    /// What.
    pub what: What,
}

/// What can happen to one direction of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Bytes went through.
    Bytes(Bytes),
    /// Its sender finished (FIN).
    Fin,
    /// Its sender reset the connection (RST).
    Reset,
}

/// A capture that is text, read line by line.
pub trait Reading {
    /// The next line, without its end; adds what it tells.
    ///
    /// # Errors
    /// What is wrong with the line. What it tells in spite of that is added.
    fn line(&mut self, line: &str, tells: &mut Vec<Said>) -> Result<(), String>;
    /// There are no more lines.
    ///
    /// # Errors
    /// Something is missing at the end.
    fn end(&mut self, tells: &mut Vec<Said>) -> Result<(), String>;
    /// Lines passed over because they are not about bytes.
    fn passed_over(&self) -> u64;
}
