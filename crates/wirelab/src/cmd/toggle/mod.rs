//! `wirelab toggle`: one command to one device, or many from a file, or one to many devices; what became of
//! each, and why.
mod dry;
mod group;
pub(super) mod log;
mod outcome;
mod resolve;
mod serve;
mod source;
mod tally;
mod watch;

use std::path::Path;

use net::{
    Client, Env, Net, Recorder, Role, TcpOptions,
    record::{Metrics, textfile},
};
use proto::{
    Supervisor,
    toggle::{Lamp, Toggle},
};

use crate::{
    args::ToggleArgs,
    config::{self, Asking, Report, Scraping, Toggling, Way},
    exit::{Exit, Failure},
    signals::Signals,
    text,
};
use log::Log;
use outcome::Outcome;
use source::Source;
use tally::Tally;
use watch::Watch;

/// # Errors
/// What was typed makes no sense, or an output is not writable. That the command failed is no error
/// here: it was told, and is the exit.
pub(crate) fn run(args: ToggleArgs) -> Result<Exit, Failure> {
    let toggling = config::toggling(args)?;
    crate::block_on(async {
        match toggling.dry_run {
            true => dry::run(toggling).await,
            false => toggle(toggling).await,
        }
    })
}

async fn toggle(toggling: Toggling) -> Result<Exit, Failure> {
    let Toggling { asking, seed, dry_run: _, report, metrics: scraping } = toggling;
    let mut signals = Signals::new().map_err(|e| Failure::environment(e.to_string()))?;
    let env = surroundings(seed);
    let log = Log::open(&report, &env)?;
    let metrics = Metrics::new();
    env.recorder.attach(metrics.clone());
    let Scraping { port, textfile, linger } = scraping;
    if let Some(path) = &textfile {
        // Before the device is touched: a switched lamp and an error would be hard to explain.
        accumulate(path, &Metrics::new())?;
    }
    let exporter = port.and_then(|port| serve::export(port, &metrics));
    let ended = match asking {
        Asking::One(commands, way) => {
            let mut source = Source::open(commands)?;
            command_all(&mut source, &way, &report, &env, &mut signals).await
        }
        Asking::Group(group) => group::command(group, &report, &env, &mut signals).await,
    };
    let kept = textfile.map_or(Ok(()), |path| accumulate(&path, &metrics));
    if let (Some(exporter), Some(linger)) = (exporter, linger) {
        serve::stay(exporter, linger, &env, &mut signals).await;
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

/// Those of one of several devices: what is drawn for it is drawn for no other.
fn surroundings_of(env: &Env, name: &str) -> Env {
    env.node(name, Role::Client)
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
            // First, so that a command which was there has an outcome even if we are told to stop.
            next = source.next() => next,
            () = signals.stop() => break Exit::Interrupted,
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

/// Adds the counts to a file.
///
/// # Errors
/// It cannot be written, or is not one of ours.
pub(super) fn accumulate(path: &Path, metrics: &Metrics) -> Result<(), Failure> {
    textfile::accumulate(path, metrics).map_err(|e| text::unwritable("the metrics textfile", &e))
}
