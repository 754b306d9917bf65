//! Records on stdout, a line each, while a command runs; and noticing that nobody can read them.
use std::{
    io,
    io::Write,
    sync::{Arc, OnceLock},
};

use net::{Event, Record, Sink};
use tokio::sync::Notify;

use crate::{exit::Failure, text};

/// Prints the records that are of interest.
pub(crate) struct Told<W> {
    pub(crate) out: W,
    /// Bytes are, too.
    pub(crate) raw: bool,
    /// Whether one is, with bytes or without.
    pub(crate) is_told: fn(&Event, bool) -> bool,
    pub(crate) lost: Arc<Lost>,
}

/// The output, when nothing can be written to it any more.
#[derive(Default)]
pub(crate) struct Lost {
    why: OnceLock<io::Error>,
    pub(crate) noticed: Notify,
}

impl Lost {
    /// Why the command ends.
    pub(crate) fn failure(&self) -> Failure {
        self.why.get().map_or(Failure::Unheard, |e| text::unwritable("to stdout", e))
    }
}

impl<W: Write + Send> Sink for Told<W> {
    fn take(&mut self, record: &Record) {
        if self.lost.why.get().is_some() || !(self.is_told)(&record.event, self.raw) {
            return;
        }
        let line = text::json_line(record);
        if let Err(e) = self.out.write_all(line.as_bytes()).and_then(|()| self.out.flush()) {
            self.lost.why.get_or_init(|| e);
            self.lost.noticed.notify_one();
        }
    }
    fn hears_bytes(&self) -> bool {
        self.raw
    }
}
