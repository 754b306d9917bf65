//! Keeping one client working: how long to wait, how often to try, when to stop, and what was proved.
mod backoff;
mod breaker;
mod outbox;
mod patch;
mod policy;
mod queue;
mod reconnect;
mod rtt;
mod seen;
mod supervisor;

pub use backoff::{Backoff, RawBackoff};
pub use breaker::{Breaker, BreakerConfig, BreakerEvent, BreakerState, Cause, Permit, RawBreaker};
pub use patch::PolicyPatch;
pub use policy::{
    Connection, Delivery, Policy, Queueing, RawPolicy, RequestError, Stage, Timeout, WhenOpen,
};
pub use queue::{Dropped, Intake, Queue, QueueEvent, RawIntake, WhenFull};
pub use reconnect::{RawReconnect, Reconnect};
pub use rtt::{LONGEST, Pulse, Rtt, SHORTEST};
pub use seen::{Arrival, REMEMBERED, REMEMBERED_FOR, Seen};
pub use supervisor::{Demand, Happening, Note, Outcome, Step, Supervisor};
