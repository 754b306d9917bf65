//! SECS-II (SEMI E5 §9): items, their bytes, and how people write them. It knows nothing of the
//! connections they travel on, nor of what any message means.

mod body;
mod build;
mod decode;
mod encode;
mod format;
mod item;
mod json;
mod limits;
mod read;
mod reader;
pub mod sml;
mod tree;
mod word;

pub use body::Body;
pub use decode::{DecodeError, Problem, Stream9};
pub use encode::{encode, encode_into};
pub use format::Format;
pub use item::{BuildError, Item, MAX_LEN};
pub use limits::{LimitError, Limits, MAX_DEPTH, RawLimits};
pub use read::Number;
pub use reader::{Reader, View};
