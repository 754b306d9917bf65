//! What became known of the command on its way: needed when it is interrupted and has no answer.
use std::sync::{Arc, Mutex, MutexGuard};

use net::{Event, Record, Recorder};
use proto::Ticket;

/// Sees the request go out.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Seen>>);

/// What was seen of the newest request.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) ticket: Option<Ticket>,
    pub(crate) attempts: u32,
}

impl Watch {
    /// Watches from now on.
    pub(crate) fn attach(recorder: &Recorder) -> Self {
        let watch = Self::default();
        let eye = watch.clone();
        recorder.attach(move |record: &Record| {
            if let Event::Submitted { ticket, .. } = record.event {
                *eye.lock() = Seen { ticket: Some(ticket), attempts: 0 };
            } else if let Event::Attempt { attempt, .. } = record.event {
                eye.lock().attempts = attempt;
            }
        });
        watch
    }
    /// The next command begins.
    pub(crate) fn forget(&self) {
        *self.lock() = Seen::default();
    }
    /// What was seen since.
    pub(crate) fn seen(&self) -> Seen {
        *self.lock()
    }
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("held for a line that does not panic")
    }
}
