//! What should happen, and did it: scenarios, worlds and verdicts.

pub mod scenario;
pub mod words;
