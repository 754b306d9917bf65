//! How the commands of one call went, all together.
use super::outcome::Outcome;
use crate::{config::Report, exit::Exit};

/// How the commands went.
#[derive(Default)]
pub(crate) struct Tally {
    done: usize,
    pub(crate) failed: usize,
    /// How the program would end if the last one to fail were all there is.
    last: Option<Exit>,
}

impl Tally {
    /// One more.
    pub(crate) fn count(&mut self, outcome: &Outcome, report: &Report) {
        match outcome.exit(report.stage_exit_codes) {
            Exit::Done => self.done += 1,
            exit => {
                self.failed += 1;
                self.last = Some(exit);
            }
        }
    }
    /// How the program ends.
    pub(crate) fn exit(&self, is_one: bool) -> Exit {
        match self.last.filter(|_| is_one) {
            Some(exit) => exit,
            None if self.failed > 0 => Exit::Failed,
            None => Exit::Done,
        }
    }
    /// The last line, for people.
    pub(crate) fn in_words(&self, exit: Exit) -> String {
        let Self { done, failed, .. } = self;
        match exit {
            Exit::Done => format!("ok: {done} commands done"),
            Exit::Interrupted => {
                format!("error: interrupted: {done} commands done, {failed} failed")
            }
            _ => {
                format!("error: {failed} of {} commands failed; see the lines above", done + failed)
            }
        }
    }
}
