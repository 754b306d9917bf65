//! What is told of a link while it is kept up, and at its end: all of it read off the record.
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use lab::account::{Account, Statement};
use net::{
    Env, Event, Record, Sink,
    record::{Level, Metrics},
};
use proto::resilience::BreakerEvent;
use serde::Serialize;

use crate::{
    args::WatchArgs,
    cmd::toggle::{accumulate, log::Log},
    exit::{Exit, Failure},
    http::Exporter,
    text,
};

/// Those who listen to the record.
pub(super) struct Watching {
    account: Arc<Mutex<Account>>,
    json: bool,
    log: Option<Log>,
    metrics: Metrics,
    textfile: Option<PathBuf>,
    _exporter: Option<Exporter>,
}

/// What `--json` prints at the end.
#[derive(Serialize)]
struct Stated<'a> {
    #[serde(flatten)]
    statement: &'a Statement,
    schema: u32,
}

impl Watching {
    /// Begins to count, to log and to tell whoever waits at the terminal.
    ///
    /// # Errors
    /// A file is not writable, or the port of the metrics is taken.
    pub(super) fn start(env: &Env, json: bool, watch: WatchArgs) -> Result<Self, Failure> {
        let WatchArgs { log_file, metrics_port, metrics_textfile: textfile } = watch;
        let log = log_file.map(|path| Log::to_file(&path, Level::Info, env)).transpose()?;
        let metrics = Metrics::new();
        if let Some(path) = &textfile {
            // Now, not after hours of counting.
            accumulate(path, &metrics)?;
        }
        env.recorder.attach(metrics.clone());
        let exporter =
            metrics_port.map(|port| Exporter::told(port, metrics.clone())).transpose()?;
        let account = Arc::new(Mutex::new(Account::default()));
        env.recorder.attach(Counting(account.clone()));
        if !json {
            env.recorder.attach(tell);
        }
        Ok(Self { account, json, log, metrics, textfile, _exporter: exporter })
    }

    /// Says what became of everything, and how to end.
    ///
    /// # Errors
    /// An output is not writable.
    pub(super) fn settle(self, report: bool) -> Result<Exit, Failure> {
        let statement = self.account.lock().expect("no fold panics").statement();
        if self.json {
            text::print(&text::json_line(&Stated { statement: &statement, schema: 1 }))?;
        } else if report {
            text::print(&format!("{statement}\n"))?;
        }
        self.textfile.map_or(Ok(()), |path| accumulate(&path, &self.metrics))?;
        self.log.map_or(Ok(()), |log| log.check())?;
        Ok(if statement.is_whole() { Exit::Done } else { Exit::Failed })
    }
}

struct Counting(Arc<Mutex<Account>>);

impl Sink for Counting {
    fn take(&mut self, record: &Record) {
        self.0.lock().expect("no fold panics").take(record);
    }
}

/// What a person waiting at the terminal wants to know.
fn tell(record: &Record) {
    match &record.event {
        Event::Proved { proof, .. } => text::talk(&format!("ok: connected ({proof:?})")),
        Event::Lost { reason, redial_in_us, .. } => {
            let ms = redial_in_us / 1000;
            text::talk(&format!("warning: connection lost: {reason}; next try in {ms} ms"));
        }
        Event::Resent { .. } => text::talk("ok: state sent again"),
        Event::Breaker { what: BreakerEvent::Changed { from, to, cause } } => {
            text::talk(&format!("warning: circuit breaker: {from} to {to} ({cause})"));
        }
        Event::Breaker { what: BreakerEvent::Counted { .. } }
        | Event::Reached { .. }
        | Event::Pulse { .. }
        | Event::Intake { .. }
        | Event::Listening { .. }
        | Event::Deaf
        | Event::ListenFailed { .. }
        | Event::Submitted { .. }
        | Event::Attempt { .. }
        | Event::Connecting { .. }
        | Event::ConnectFailed { .. }
        | Event::Opened { .. }
        | Event::Sent { .. }
        | Event::Received { .. }
        | Event::Frame { .. }
        | Event::Ready { .. }
        | Event::Fact { .. }
        | Event::Push { .. }
        | Event::Eof { .. }
        | Event::Closed { .. }
        | Event::AttemptFailed { .. }
        | Event::Told { .. }
        | Event::Done { .. }
        | Event::Step { .. }
        | Event::StepFailed { .. }
        | Event::Armed { .. }
        | Event::Joined { .. }
        | Event::Struck { .. }
        | Event::Lifted { .. }
        | Event::Ended { .. } => {}
    }
}
