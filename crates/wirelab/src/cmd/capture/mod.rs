//! `wirelab capture`: captures of others as evidence, and what is in evidence, packet by packet.
mod import;
mod latency;
mod paper;
mod show;

use lab::{
    capture::talk::{Moment, moments},
    registry::AnyProtocol,
};
use net::record::{Header, Run};

use crate::{
    args::{CaptureArgs, CaptureWhat, RunFileArgs},
    cmd::evidence,
    config,
    exit::{Exit, Failure},
};

/// # Errors
/// What was typed makes no sense, or a file cannot be read or written.
pub(crate) fn run(args: CaptureArgs) -> Result<Exit, Failure> {
    match args.what {
        CaptureWhat::Import(args) => import::run(args),
        CaptureWhat::Show(args) => show::show(args),
        CaptureWhat::Check(args) => show::check(args),
        CaptureWhat::Latency(args) => latency::run(args),
    }
}

/// A recorded run as what was said in it.
struct Told {
    protocol: &'static dyn AnyProtocol,
    header: Header,
    moments: Vec<Moment>,
}

/// The runs of a file that are meant, and how to end if all goes well.
fn told(args: &RunFileArgs) -> Result<(Vec<Told>, Exit), Failure> {
    let RunFileArgs { file, protocol, which, json: _ } = args;
    let (runs, whole) = evidence::read(file)?;
    let runs = evidence::pick(file, runs, which)?;
    let told = runs.into_iter().map(|run| {
        let protocol = spoken(&run, protocol.as_deref())?;
        let (header, records) = run;
        Ok(Told { protocol, moments: moments(&records, protocol), header })
    });
    let told = told.collect::<Result<Vec<_>, Failure>>()?;
    Ok((told, if whole { Exit::Done } else { Exit::Environment }))
}

/// What is spoken in a run: as its name says, unless the caller does.
fn spoken((header, _): &Run, said: Option<&str>) -> Result<&'static dyn AnyProtocol, Failure> {
    let named = header.scenario.as_deref().and_then(|name| name.split_once('/'));
    match said.or(named.map(|(protocol, _)| protocol)) {
        Some(name) => config::find(name),
        None => Err(Failure::usage("the file does not say what is spoken in it; --protocol does")),
    }
}
