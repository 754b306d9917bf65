//! A file whose content matters, not its growth.
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use super::MAX_LINE;

/// A small file that is read whole whenever it says something else.
#[derive(Debug)]
pub struct Watched {
    path: Arc<Path>,
    last: Option<Result<String, String>>,
}

impl Watched {
    /// Nothing is read yet.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().into(), last: None }
    }
    /// Where it is.
    pub fn path(&self) -> &Arc<Path> {
        &self.path
    }
    /// What it says, or why that cannot be known; none if that is the same as the last time. A file
    /// that was never there says nothing.
    pub fn poll(&mut self) -> Option<Result<String, String>> {
        let now = match whole(&self.path) {
            Ok(text) => Ok(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.last.is_none() => return None,
            Err(e) => Err(format!("cannot be read: {e}")),
        };
        if self.last.as_ref() == Some(&now) {
            return None;
        }
        self.last = Some(now.clone());
        Some(now)
    }
}

fn whole(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_LINE as u64 + 1).read_to_string(&mut text)?;
    if text.len() > MAX_LINE {
        return Err(io::Error::other(format!("longer than {MAX_LINE} bytes")));
    }
    Ok(text)
}
