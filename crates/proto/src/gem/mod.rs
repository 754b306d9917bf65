//! Equipment as its host sees it (SEMI E30): what it answers, what it says unasked, what it remembers.
//! It speaks in messages of SECS-II and knows nothing of the connections they travel on.
mod alarms;
mod clock;
mod command;
mod commands;
mod communication;
mod constants;
mod control;
mod dispatch;
mod equipment;
mod events;
mod example;
mod id;
mod keep;
mod outbox;
mod parts;
mod prompt;
mod raw;
mod recipes;
mod reports;
mod snapshot;
mod spool;
mod terminal;
mod text;
mod tool;
mod trace;
mod value;
mod variables;

use crate::secs2::{DecodeError, Item};
pub use commands::Commanded;
pub use communication::Link;
pub use equipment::Gem;
pub use id::Id;
pub use parts::{
    Governs, Occasion, RawAlarm, RawCommand, RawConstant, RawEvent, RawParam, RawRecipe, RawReport,
    RawSet, RawVariable, Shows,
};
pub use prompt::Prompt;
pub use raw::{Control, RawBounds, RawSpool, RawTool, TimeFormat};
pub use snapshot::{Snapshot, Spooled};
pub use terminal::Shown;
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
