//! Lines for stdout, written by a thread of their own: a reader that stalls holds up that thread and
//! nothing else. What there is no room for meanwhile is counted, and the count is written in its place.
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{exit::Failure, text};

/// Bytes that wait to be written, at most.
const WAITING: usize = 1 << 20;

/// Where lines are put. Dropping it ends the thread once everything is written.
pub(crate) struct Out(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Something was put there, or has been written.
    changed: Condvar,
    /// Writing failed, and why.
    lost: OnceLock<Failure>,
    noticed: Notify,
    /// The line that says how many lines are missing.
    missing: fn(u64) -> String,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<String>,
    bytes: usize,
    /// Lines that came after these and are missing.
    missing: u64,
    writing: bool,
    ended: bool,
}

impl Out {
    /// Writes to stdout.
    pub(crate) fn start(missing: fn(u64) -> String) -> Self {
        Self::onto(text::print, missing)
    }

    fn onto(
        mut write: impl FnMut(&str) -> Result<(), Failure> + Send + 'static,
        missing: fn(u64) -> String,
    ) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            lost: OnceLock::new(),
            noticed: Notify::new(),
            missing,
        });
        let writer = shared.clone();
        std::thread::spawn(move || {
            while let Some(line) = writer.next() {
                if let Err(failure) = write(&line) {
                    return writer.fail(failure);
                }
            }
        });
        Self(shared)
    }
    /// Writes a line, its line feed included, when its turn comes. It waits for nobody.
    pub(crate) fn line(&self, line: String) {
        let mut queue = self.0.queue();
        if queue.missing > 0 && queue.bytes < WAITING {
            let missing = (self.0.missing)(std::mem::take(&mut queue.missing));
            queue.put(missing);
        }
        if queue.missing > 0 || queue.bytes + line.len() > WAITING {
            queue.missing += 1;
        } else {
            queue.put(line);
        }
        self.0.changed.notify_all();
    }
    /// So many lines more are missing here.
    pub(crate) fn missing(&self, lines: u64) {
        self.0.queue().missing += lines;
        self.0.changed.notify_all();
    }
    /// Returns once nothing can be written any more, and why. Cancel safe.
    pub(crate) async fn lost(&self) -> Failure {
        loop {
            if let Some(failure) = self.0.lost.get() {
                return failure.clone();
            }
            self.0.noticed.notified().await;
        }
    }
    /// Waits until everything is written, but no longer than this; how many lines are not.
    pub(crate) fn finish(self, patience: Duration) -> u64 {
        let lost = || self.0.lost.get().is_some();
        let waiting = |queue: &mut Queue| !queue.is_idle() && !lost();
        let waited = self.0.changed.wait_timeout_while(self.0.queue(), patience, waiting);
        let (queue, _) = waited.expect(SOUND);
        match lost() {
            true => 0,
            false => queue.lines.len() as u64 + u64::from(queue.writing) + queue.missing,
        }
    }
}

/// Nothing is done under the lock that could panic.
const SOUND: &str = "no thread that holds the queue panics";

impl Drop for Out {
    fn drop(&mut self) {
        self.0.queue().ended = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect(SOUND)
    }
    /// The next line to be written, once there is one; none at the end.
    fn next(&self) -> Option<String> {
        let mut queue = self.queue();
        queue.writing = false;
        self.changed.notify_all();
        loop {
            if let Some(line) = queue.take() {
                queue.writing = true;
                return Some(line);
            }
            if queue.missing > 0 {
                queue.writing = true;
                return Some((self.missing)(std::mem::take(&mut queue.missing)));
            }
            if queue.ended {
                return None;
            }
            queue = self.changed.wait(queue).expect(SOUND);
        }
    }
    fn fail(&self, failure: Failure) {
        // Whatever comes now has no reader. Whoever waits looks under the lock.
        let queue = self.queue();
        self.lost.get_or_init(|| failure);
        drop(queue);
        self.changed.notify_all();
        self.noticed.notify_one();
    }
}

impl Queue {
    fn put(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }
    fn take(&mut self) -> Option<String> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }
    fn is_idle(&self) -> bool {
        self.lines.is_empty() && self.missing == 0 && !self.writing
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LINE: usize = 32 << 10;
    const LONG: Duration = Duration::from_secs(60);

    /// An output whose reader takes a line for each permission, and what it has read.
    fn slow() -> (Out, mpsc::Sender<()>, mpsc::Receiver<String>) {
        let (permit, permitted) = mpsc::channel();
        let (read, reads) = mpsc::channel();
        let write = move |line: &str| {
            read.send(line.to_owned()).map_err(|_| Failure::Unheard)?;
            permitted.recv().map_err(|_| Failure::Unheard)
        };
        (Out::onto(write, |missing| format!("{missing} missing")), permit, reads)
    }

    fn line(n: usize) -> String {
        format!("{n:<LINE$}")
    }

    #[test]
    fn a_reader_that_stalls_holds_nobody_up_and_learns_what_it_missed() {
        let (out, permit, reads) = slow();
        out.line(line(0));
        assert_eq!(reads.recv().unwrap(), line(0), "and now it stalls");
        let fit = WAITING / LINE;
        (1..=fit + 10).for_each(|n| out.line(line(n)));
        permit.send(()).unwrap();
        for n in 1..=fit {
            assert_eq!(reads.recv().unwrap(), line(n));
            permit.send(()).unwrap();
        }
        assert_eq!(reads.recv().unwrap(), "10 missing");
        out.line("and on".into());
        permit.send(()).unwrap();
        assert_eq!(reads.recv().unwrap(), "and on");
    }

    #[test]
    fn what_is_missing_is_said_where_it_is_missing() {
        let (out, permit, reads) = slow();
        let fit = WAITING / LINE;
        // One is being written, and the queue is full.
        out.line(line(0));
        assert_eq!(reads.recv().unwrap(), line(0));
        (1..=fit + 3).for_each(|n| out.line(line(n)));
        permit.send(()).unwrap();
        // There is room for one that comes later.
        assert_eq!(reads.recv().unwrap(), line(1));
        out.line("late".into());
        for n in 2..=fit {
            permit.send(()).unwrap();
            assert_eq!(reads.recv().unwrap(), line(n));
        }
        for wanted in ["3 missing", "late"] {
            permit.send(()).unwrap();
            assert_eq!(reads.recv().unwrap(), wanted);
        }
    }

    #[test]
    fn the_end_waits_for_a_reader_that_reads_and_not_for_one_that_stalls() {
        let (out, permit, reads) = slow();
        (0..3).for_each(|n| out.line(line(n)));
        reads.recv().unwrap();
        assert_eq!(out.finish(Duration::from_millis(1)), 3, "one of them is being written");
        drop((permit, reads));
        let (out, permit, reads) = slow();
        (0..3).for_each(|n| out.line(line(n)));
        (0..3).for_each(|_| permit.send(()).unwrap());
        assert_eq!(out.finish(LONG), 0);
        assert_eq!(reads.iter().count(), 3);
    }

    #[tokio::test]
    async fn a_reader_that_leaves_is_noticed() {
        let (out, permit, reads) = slow();
        drop((permit, reads));
        out.line("anybody?".into());
        assert_eq!(out.lost().await, Failure::Unheard);
        assert_eq!(out.finish(LONG), 0, "nobody is waited for");
    }
}
