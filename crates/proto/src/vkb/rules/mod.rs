//! Rules that turn what Elite Dangerous writes about itself into the bitmaps of VKB-Link.
//!
//! Nothing here reads files or clocks: texts come in, effects go out.
pub mod signals;
pub mod status;
pub mod tokens;

pub use tokens::{Bits, Numbering};
