//! A socket in the file system, through which programs of one user talk to one of theirs that runs. An
//! order is a line, and so is each line of its answer, all of them JSON. Nobody else is let in.
#[cfg(not(unix))]
mod absent;
#[cfg(unix)]
mod ask;
#[cfg(unix)]
mod ear;
#[cfg(unix)]
mod lock;
#[cfg(all(test, unix))]
mod tests;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{args, exit::Failure, text};

#[cfg(not(unix))]
pub(crate) use absent::{Ear, Lines, ask};
#[cfg(unix)]
pub(crate) use ask::{Lines, ask};
#[cfg(unix)]
pub(crate) use ear::Ear;

/// A longer order is refused. In bytes, its line feed included.
#[cfg(unix)]
const MAX_ORDER: usize = 64 * 1024;
/// Lines of an answer that wait to be read.
#[cfg(unix)]
const UNREAD: usize = 256;

/// An order, and where its answer goes.
pub(crate) struct Call {
    pub(crate) order: String,
    pub(crate) answer: Answer,
}

/// Lines on their way to whoever gave an order. The answer is whole once this is dropped.
pub(crate) struct Answer {
    lines: mpsc::Sender<String>,
    /// Something is missing at its end.
    short: Arc<AtomicBool>,
}

/// What became of an order that is not obeyed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    error: String,
}

impl Answer {
    /// An answer, its lines, and whether any are missing.
    #[cfg(unix)]
    fn new() -> (Self, mpsc::Receiver<String>, Arc<AtomicBool>) {
        let (lines, read) = mpsc::channel(UNREAD);
        let short = Arc::new(AtomicBool::new(false));
        (Self { lines, short: short.clone() }, read, short)
    }
    /// Adds a line of JSON, and waits for nobody. False if whoever asked has left or reads too slowly:
    /// then nothing more gets there, and the answer is best ended.
    pub(crate) fn line(&self, json: String) -> bool {
        if self.short.load(Ordering::Relaxed) {
            return false;
        }
        let sent = self.lines.try_send(json);
        if let Err(mpsc::error::TrySendError::Full(_)) = sent {
            self.short.store(true, Ordering::Relaxed);
        }
        sent.is_ok()
    }
    /// Ends it with what is wrong; [`ask`] makes a failure of that.
    pub(crate) fn refuse(self, problem: impl Into<String>) {
        // If whoever asked has left, nobody is to be told.
        self.line(refusal(problem));
    }
    /// Whoever asked has left.
    pub(crate) fn is_left(&self) -> bool {
        self.lines.is_closed()
    }
}

/// Where a program of this name listens if nobody says where.
///
/// # Errors
/// The user has no directory for that.
pub(crate) fn default_path(name: &str) -> Result<PathBuf, Failure> {
    let dir = args::runtime_dir().or_else(args::state_dir).ok_or_else(|| {
        let problem =
            "neither XDG_RUNTIME_DIR, XDG_STATE_HOME nor HOME says where sockets are kept";
        Failure::usage(format!("--socket: {problem}; give a path"))
    })?;
    Ok(dir.join(format!("{name}.sock")))
}

fn refusal(problem: impl Into<String>) -> String {
    text::json_line(&Refusal { error: problem.into() })
}
