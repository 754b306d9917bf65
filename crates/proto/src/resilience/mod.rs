//! Keeping one client working: how long to wait, how often to try, when to stop, and what was proved.
mod backoff;
mod policy;
mod supervisor;

pub use backoff::{Backoff, RawBackoff};
pub use policy::{Connection, Delivery, Policy, RawPolicy, RequestError, Stage};
pub use supervisor::{Happening, Note, Outcome, Step, Supervisor};
