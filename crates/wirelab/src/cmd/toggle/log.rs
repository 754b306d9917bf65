//! The packet log, and where it goes.
use std::{fs::File, io, io::Write, path::Path};

use net::{
    Env,
    record::{Level, PacketLog, Written},
};

use crate::{config::Report, exit::Failure, text};

/// A packet log, and where it goes.
pub(crate) struct Log {
    written: Written,
    output: String,
}

impl Log {
    /// Opens it, and has it told everything from now on.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn open(report: &Report, env: &Env) -> Result<Self, Failure> {
        let Report { json, log_level, log_file, stage_exit_codes: _ } = report;
        match log_file {
            Some(path) => Self::to_file(path, *log_level, env),
            None if *json => Ok(Self::to(io::stderr(), "stderr".into(), *log_level, env)),
            None => Ok(Self::to(io::stdout(), "stdout".into(), *log_level, env)),
        }
    }
    /// The same, in a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn to_file(path: &Path, level: Level, env: &Env) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let file = File::create(path);
        let file = file.map_err(|e| text::unwritable(&format!("the packet log to {name}"), &e))?;
        Ok(Self::to(file, name, level, env))
    }
    fn to(out: impl Write + Send + 'static, name: String, level: Level, env: &Env) -> Self {
        let log = PacketLog::new(env.started(), level, out);
        let written = log.written();
        env.recorder.attach(log);
        Self { written, output: format!("the packet log to {name}") }
    }
    /// Whether every line got out. That nobody wants to read it is no failure.
    ///
    /// # Errors
    /// What kept a line from getting out.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.written.check().map_err(|e| text::unwritable(&self.output, &e)) {
            Err(Failure::Unheard) | Ok(()) => Ok(()),
            Err(told) => Err(told),
        }
    }
}
