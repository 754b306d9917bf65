//! What should happen, and did it: scenarios, worlds and verdicts.

pub mod judge;
pub mod report;
pub mod scenario;
pub mod shipped;
pub mod words;
