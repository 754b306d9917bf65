//! Carries connections and does them harm on purpose, on any network. Without faults it is as
//! transparent as a program can be: refused stays refused, a reset a reset, a half-close a half-close.
pub mod armed;
pub mod fault;
pub mod frames;
pub mod lane;
pub mod rule;
