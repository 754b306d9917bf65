//! What should happen, and did it: worlds, scenarios, verdicts and reports.

pub mod account;
pub mod capture;
pub mod follow;
pub mod journal;
pub mod judge;
pub mod probe;
pub mod registry;
pub mod report;
pub mod run;
pub mod scenario;
pub mod shipped;
pub mod swarm;
pub mod sweep;
pub mod testing;
pub mod trial;
pub mod words;
pub mod world;

pub use world::{Kind, World};
