//! Rules that turn what Elite Dangerous writes about itself into the bitmaps of VKB-Link.
//!
//! Two formats have been published, and both are read. Nothing here opens files or looks at clocks:
//! texts come in, effects go out.
mod compare;
mod engine;
mod event;
mod first;
mod place;
mod rule;
pub mod signals;
pub mod status;
mod third;
mod tokens;

pub use engine::{Asked, Effect, Engine, MAX_COMMANDERS, Outcome};
pub use event::{JournalEvent, Reader, Source};
pub use place::RuleProblem;
pub use rule::{Action, Format, MAX_RULES, Parsed, Rules, parse};
pub use tokens::{Bits, Numbering};
