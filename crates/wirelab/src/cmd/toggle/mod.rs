//! `wirelab toggle`: one command to one device, or many from a file; what became of each, and why.
mod outcome;
mod resolve;
mod source;
mod watch;

use std::{fs::File, io, io::Write, path::Path};

use net::{
    Client, Env, Net, Recorder, Role, TcpOptions, Tickets,
    record::{Metrics, PacketLog, Written, textfile},
};
use proto::{
    Supervisor,
    session::hex,
    toggle::{Lamp, Toggle, encode_toggle},
};
use serde::Serialize;

use crate::{
    args::ToggleArgs,
    config::{self, Linger, Report, Scraping, Toggling, Way},
    exit::{Exit, Failure},
    http::Exporter,
    signals::Signals,
    text,
};
use outcome::Outcome;
use source::Source;
use watch::Watch;

/// # Errors
/// What was typed makes no sense, or an output is not writable. That the command failed is no error
/// here: it was told, and is the exit.
pub(crate) fn run(args: ToggleArgs) -> Result<Exit, Failure> {
    let toggling = config::toggling(args)?;
    crate::block_on(async {
        match toggling.dry_run {
            true => dry_run(toggling).await,
            false => toggle(toggling).await,
        }
    })
}

async fn toggle(toggling: Toggling) -> Result<Exit, Failure> {
    let Toggling { commands, seed, dry_run: _, way, report, metrics: scraping } = toggling;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let env = surroundings(seed);
    let log = open_log(&report, &env)?;
    let metrics = Metrics::new();
    env.recorder.attach(metrics.clone());
    let Scraping { port, textfile, linger } = scraping;
    if let Some(path) = &textfile {
        // Before the device is touched: a switched lamp and an error would be hard to explain.
        accumulate(path, &Metrics::new())?;
    }
    let exporter = port.and_then(|port| export(port, &metrics));
    let mut source = Source::open(commands)?;

    let ended = command_all(&mut source, &way, &report, &env, &mut signals).await;
    let kept = textfile.map_or(Ok(()), |path| accumulate(&path, &metrics));
    if let (Some(exporter), Some(linger)) = (exporter, linger) {
        stay(exporter, linger, &env, &mut signals).await;
    }
    let exit = ended?;
    if exit == Exit::Done {
        kept.and(log.check())?;
    } else if let Err(failure) = kept.and(log.check()) {
        // The command's own failure says more.
        failure.tell();
    }
    Ok(exit)
}

fn surroundings(seed: u64) -> Env {
    let env = Env::new(Net::Tcp(TcpOptions::default()), Recorder::new(0), seed);
    env.node("toggler", Role::Client)
}

/// Sends every command, tells what became of each, and sums up.
async fn command_all(
    source: &mut Source,
    way: &Way,
    report: &Report,
    env: &Env,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let watch = Watch::attach(&env.recorder);
    let mut tally = Tally::default();
    let mut client = None;
    let exit = loop {
        let next = tokio::select! {
            biased;
            () = signals.stop() => break Exit::Interrupted,
            next = source.next() => next,
        };
        let command = match next {
            None => break tally.exit(source.is_one()),
            Some(Err(problem)) => {
                text::talk(&format!("error: {problem}"));
                tally.failed += 1;
                continue;
            }
            Some(Ok(command)) => command,
        };
        let outcome = request(&mut client, &command, way, env, &watch, signals).await;
        outcome.tell(report.json, source.is_one())?;
        tally.count(&outcome, report);
        if outcome.is_interrupted() {
            break Exit::Interrupted;
        }
    };
    if let Some(client) = client {
        client.close().await;
    }
    if !source.is_one() {
        text::talk(&tally.in_words(exit));
    }
    Ok(exit)
}

/// Sends one command, unless told to stop. The first one also finds the way.
async fn request(
    client: &mut Option<Client<Lamp>>,
    command: &Toggle,
    way: &Way,
    env: &Env,
    watch: &Watch,
    signals: &mut Signals,
) -> Outcome {
    let began = env.now();
    watch.forget();
    let talking = match client.take() {
        Some(client) => client,
        None => {
            let found = tokio::select! {
                biased;
                () = signals.stop() => return Outcome::interrupted(command, watch, env.now() - began),
                found = resolve::resolve(way, env) => found,
            };
            match found {
                Ok(addrs) => {
                    let policy = way.policy_after(env.now() - began);
                    let supervisor = Supervisor::new(Lamp::default(), policy, env.seed);
                    Client::spawn(env.clone(), addrs, supervisor)
                }
                Err(lost) => {
                    resolve::record(env, command, &lost, began);
                    return Outcome::unresolved(command, watch, lost, env.now() - began);
                }
            }
        }
    };
    let answer = tokio::select! {
        biased;
        () = signals.stop() => None,
        answer = talking.request(command.clone()) => Some(answer),
    };
    match answer {
        Some(answer) => {
            *client = Some(talking);
            Outcome::answered(command, answer)
        }
        None => {
            talking.close().await;
            Outcome::interrupted(command, watch, env.now() - began)
        }
    }
}

/// How the commands went.
#[derive(Default)]
struct Tally {
    done: usize,
    failed: usize,
    /// How the program would end if the last one to fail were all there is.
    last: Option<Exit>,
}

impl Tally {
    fn count(&mut self, outcome: &Outcome, report: &Report) {
        match outcome.exit(report.stage_exit_codes) {
            Exit::Done => self.done += 1,
            exit => {
                self.failed += 1;
                self.last = Some(exit);
            }
        }
    }
    fn exit(&self, is_one: bool) -> Exit {
        match self.last.filter(|_| is_one) {
            Some(exit) => exit,
            None if self.failed > 0 => Exit::Failed,
            None => Exit::Done,
        }
    }
    fn in_words(&self, exit: Exit) -> String {
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

/// A packet log, and where it goes.
struct Log {
    written: Written,
    output: String,
}

impl Log {
    fn check(&self) -> Result<(), Failure> {
        match self.written.check().map_err(|e| text::unwritable(&self.output, &e)) {
            Err(Failure::Unheard) | Ok(()) => Ok(()),
            Err(told) => Err(told),
        }
    }
}

fn open_log(report: &Report, env: &Env) -> Result<Log, Failure> {
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
    Ok(Log { written, output })
}

fn accumulate(path: &Path, metrics: &Metrics) -> Result<(), Failure> {
    textfile::accumulate(path, metrics).map_err(|e| text::unwritable("the metrics textfile", &e))
}

/// A toggle never fails for its metrics.
fn export(port: u16, metrics: &Metrics) -> Option<Exporter> {
    match Exporter::start(port, metrics.clone()) {
        Ok(exporter) => {
            if port == 0 {
                text::talk(&format!("metrics on {}", exporter.url()));
            }
            Some(exporter)
        }
        Err(e) => {
            text::talk(&format!(
                "warning: no metrics on 127.0.0.1:{port}: {e}; going on without \
                 (--metrics-port 0 is any free one, --no-metrics none)"
            ));
            None
        }
    }
}

/// Goes on serving metrics. The command is over, so being told to stop is no interruption.
async fn stay(exporter: Exporter, linger: Linger, env: &Env, signals: &mut Signals) {
    let (until_scraped, time) = match linger {
        Linger::For(time) => (false, time),
        Linger::Scraped(limit) => (true, limit),
    };
    let words = if until_scraped { "until scraped, at most" } else { "for" };
    text::talk(&format!("metrics stay on {} {words} {time:?}; Ctrl+C ends that", exporter.url()));
    let scraped = async {
        match until_scraped {
            true => exporter.scraped().await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = signals.stop() => return,
        () = scraped => {}
        () = env.sleep_until(env.now() + time) => if until_scraped {
            text::talk(&format!("warning: nobody scraped the metrics within {time:?}"));
        },
    }
    tokio::select! {
        biased;
        () = signals.stop() => {}
        () = exporter.finish() => {}
    }
}

/// The bytes that would be sent.
#[derive(Serialize)]
struct Dry<'a> {
    device_id: &'a str,
    state: &'static str,
    msg_id: String,
    raw_packet_hex: String,
    schema: u32,
}

async fn dry_run(toggling: Toggling) -> Result<Exit, Failure> {
    let Toggling { commands, seed, dry_run: _, way: _, report, metrics: _ } = toggling;
    let mut tickets = Tickets::of(&surroundings(seed));
    let mut source = Source::open(commands)?;
    let mut exit = Exit::Done;
    while let Some(command) = source.next().await {
        match command {
            Ok(command) => {
                let ticket = tickets.draw();
                let raw_packet_hex = hex::encode(&encode_toggle(ticket, &command));
                let (device_id, state) = (&**command.device_id(), outcome::state(command.state()));
                let msg_id = ticket.to_string();
                text::print(&match report.json {
                    true => text::json_line(&Dry {
                        device_id,
                        state,
                        msg_id,
                        raw_packet_hex,
                        schema: 1,
                    }),
                    false => raw_packet_hex + "\n",
                })?;
            }
            Err(problem) => {
                text::talk(&format!("error: {problem}"));
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}
