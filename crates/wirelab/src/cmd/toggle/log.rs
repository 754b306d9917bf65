//! The packet log, and where it goes.
use std::{fs::File, io, io::Write};

use net::{
    Env,
    record::{PacketLog, Written},
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
        let (out, output): (Box<dyn Write + Send>, _) = match log_file {
            Some(path) => {
                let output = format!("the packet log to {}", path.display());
                let file = File::create(path).map_err(|e| text::unwritable(&output, &e))?;
                (Box::new(file), output)
            }
            None if *json => (Box::new(io::stderr()), "the packet log to stderr".into()),
            None => (Box::new(io::stdout()), "the packet log to stdout".into()),
        };
        let log = PacketLog::new(env.started(), *log_level, out);
        let written = log.written();
        env.recorder.attach(log);
        Ok(Self { written, output })
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
