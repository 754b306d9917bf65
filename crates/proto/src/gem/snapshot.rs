//! What the equipment would say of itself.
use serde::Serialize;

/// Everything the equipment remembers, as people read it: values in SML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its model.
    pub mdln: String,
}
