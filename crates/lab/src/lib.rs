//! What should happen, and did it: worlds, scenarios, verdicts and reports.

pub mod registry;
pub mod world;

pub use world::{Kind, World};
