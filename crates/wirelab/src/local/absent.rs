//! Systems without sockets in the file system, or on which nobody has tried them.
use std::{io, path::Path, time::Duration};

use super::Call;
use crate::exit::Failure;

const PROBLEM: &str = "needs a system with Unix sockets";

/// A socket that hears orders. There is none.
pub(crate) struct Ear(std::convert::Infallible);

impl Ear {
    /// # Errors
    /// Always.
    pub(crate) fn open(_: &Path) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, PROBLEM))
    }
    pub(crate) async fn next(&mut self) -> Call {
        match self.0 {}
    }
    pub(crate) async fn close(self) {
        match self.0 {}
    }
}

/// # Errors
/// Always.
pub(crate) fn ask(path: &Path, _: &str) -> Result<Lines, Failure> {
    Err(Failure::environment(format!("{}: {PROBLEM}", path.display())))
}

/// The lines of an answer. There are none.
pub(crate) struct Lines(std::convert::Infallible);

impl Lines {
    pub(crate) fn within(self, _: Option<Duration>) -> Self {
        self
    }
    /// # Errors
    /// Never.
    pub(crate) fn one(self) -> Result<String, Failure> {
        match self.0 {}
    }
}

impl Iterator for Lines {
    type Item = Result<String, Failure>;
    fn next(&mut self) -> Option<Self::Item> {
        match self.0 {}
    }
}
