//! How a node speaks to the person at stderr: in plain lines, or as a published node logs.
use jiff::tz::TimeZone;

use super::front::Front;
use crate::{args::LogFormat, text};

/// What a published node calls the weight of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    Warning,
    Error,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Voice(pub(super) LogFormat);

impl Voice {
    /// Something everybody wants to know at the end, when there is no screen any more.
    pub(super) fn says(self, line: &str) {
        match self.0 {
            LogFormat::Json => text::talk(line),
            LogFormat::Classic => log(Level::Info, line),
        }
    }
    /// Something is not as it should be.
    pub(super) fn warns(self, line: &str, front: &Front) {
        match self.0 {
            LogFormat::Json => front.talk(&format!("warning: {line}")),
            LogFormat::Classic => log(Level::Warning, line),
        }
    }
    /// Something published nodes log, and stdout tells already.
    pub(super) fn logs(self, level: Level, line: &str) {
        match self.0 {
            LogFormat::Json => {}
            LogFormat::Classic => log(level, line),
        }
    }
}

fn log(level: Level, line: &str) {
    let time = net::env::today().to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string();
    let level = match level {
        Level::Info => "INFO",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
    };
    text::talk(&format!("[{time}] [{level:<5}] {line}"));
}
