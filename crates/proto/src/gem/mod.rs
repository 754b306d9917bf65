//! Equipment as its host sees it (SEMI E30): what it answers, what it says unasked, what it remembers.
//! It speaks in messages of SECS-II and knows nothing of the connections they travel on.
#![allow(dead_code)]

mod example;
mod id;
mod prompt;
mod raw;
mod snapshot;
mod tool;
mod value;

use crate::{
    ConfigError, Time,
    secs2::{DecodeError, Item},
};
pub use id::Id;
pub use prompt::Prompt;
pub use raw::{
    Control, Governs, Occasion, RawAlarm, RawBounds, RawCommand, RawConstant, RawEvent, RawParam,
    RawRecipe, RawReport, RawSet, RawSpool, RawTool, RawVariable, Shows, TimeFormat,
};
pub use snapshot::Snapshot;
pub use tool::Tool;
pub use value::Value;

/// A primary message of the host.
#[derive(Clone, Debug)]
pub struct Said<'a> {
    /// Its stream, 0 to 127.
    pub stream: u8,
    /// Its function; odd, as primaries are.
    pub function: u8,
    /// Whether the host waits for a reply.
    pub wait: bool,
    /// Its text, or why that is none.
    pub item: Result<Option<&'a Item>, &'a DecodeError>,
}

/// What the equipment answers to a primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The reply, in the same stream.
    Reply {
        /// The function of the primary and 1.
        function: u8,
        /// Its text.
        item: Option<Item>,
    },
    /// SxF0: it will not be answered.
    Abort,
    /// This function of stream 9, with the header of the primary.
    Stream9(u8),
    /// No answer is due.
    Nothing,
}

/// A message the equipment wants said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primary {
    /// Its number, under which its end is told to [`Gem::replied`]. No two have the same.
    pub id: u64,
    /// Its stream.
    pub stream: u8,
    /// Its function.
    pub function: u8,
    /// Whether a reply is wanted. Without one its end need not be told.
    pub wait: bool,
    /// Its text.
    pub item: Option<Item>,
}

/// How one of our primaries ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The host answered.
    Reply {
        /// The function of the primary and 1, or 0.
        function: u8,
        /// Its text, if that could be decoded.
        item: Option<Item>,
    },
    /// It could not be sent, or the connection was lost before the answer came.
    Failed,
    /// No answer within T3. Saying so with S9F9 is up to the caller.
    TimedOut,
}

/// The equipment's memory. It outlives connections.
///
/// Tell it what happens, then ask [`Gem::poll`] until it has nothing to say.
#[derive(Debug)]
pub struct Gem {
    tool: Tool,
}

impl Gem {
    /// Equipment that was just switched on.
    pub fn new(tool: Tool) -> Self {
        Self { tool }
    }
    /// The host can be talked to.
    pub fn selected(&mut self, _now: Time) {}
    /// The host cannot be talked to any more. What it has not answered is spooled where it may be.
    pub fn lost(&mut self, _now: Time) {}
    /// What to answer to a primary of the host.
    pub fn primary(&mut self, _now: Time, said: &Said<'_>) -> Answer {
        match said.wait {
            true => Answer::Abort,
            false => Answer::Nothing,
        }
    }
    /// One of our primaries has ended, in one way or another.
    pub fn replied(&mut self, _now: Time, _id: u64, _ended: Ended) {}
    /// Somebody at the equipment does something.
    pub fn prompt(&mut self, _now: Time, _prompt: Prompt) -> Result<(), ConfigError> {
        Ok(())
    }
    /// The next message to say. Ask until there is none, after everything else.
    pub fn poll(&mut self, _now: Time) -> Option<Primary> {
        None
    }
    /// When [`Gem::timeout`] should be called.
    pub fn wake_at(&self) -> Option<Time> {
        None
    }
    /// Time has passed.
    pub fn timeout(&mut self, _now: Time) {}
    /// What it would say of itself when asked.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { mdln: self.tool.mdln().into() }
    }
}
