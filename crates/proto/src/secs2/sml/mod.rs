//! SML, the way people write SECS-II: any dialect is read, and one that all of them read is written.
//!
//! ```
//! use proto::secs2::{Item, sml::Message};
//! let message: Message = "Hello: S1F13 W <L[2] <A 'SIM'> <A \"1.0\">> .".parse()?;
//! assert_eq!((message.stream, message.function, message.wait), (1, 13, true));
//! assert_eq!(message.item, Some(Item::list([Item::ascii("SIM"), Item::ascii("1.0")])));
//! assert_eq!(message.to_string(), r#"Hello: S1F13 W <L [2] <A "SIM"> <A "1.0">>."#);
//! # Ok::<(), proto::secs2::sml::SmlError>(())
//! ```

mod cursor;
mod parse;
mod print;

use super::Item;

pub use cursor::{MAX_TEXT, SmlError};
pub(super) use parse::{FORMATS, format};
pub use parse::{parse, parse_item, parse_message};

/// One message as people write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What somebody called it: one word.
    pub name: Option<String>,
    /// 0 to 127.
    pub stream: u8,
    /// Odd if it asks or tells, even if it answers.
    pub function: u8,
    /// Whether an answer is wanted.
    pub wait: bool,
    /// What it says, if anything.
    pub item: Option<Item>,
}
