//! wirelab on the command line: reads what was typed, has it done, and ends with a code that says how
//! it went. Nothing here is reusable; what is lives in the libraries.
mod args;
mod cmd;
mod config;
mod descriptors;
mod exit;
mod fared;
mod http;
mod lines;
mod local;
mod out;
mod signals;
mod text;
mod told;

use std::process::ExitCode;

use args::{Command, Ended};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let done = match args::parse() {
        Ok(command) => run(command),
        Err(Ended::Well(help)) => text::print(&help).map(|()| Exit::Done),
        Err(Ended::Badly(failure)) => Err(failure),
    };
    done.unwrap_or_else(Failure::tell).into()
}

fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Toggle(args) => cmd::toggle::run(*args),
        Command::Vkb(args) => cmd::vkb::run(args),
        Command::Hsms(args) => cmd::hsms::run(*args),
        Command::Cync(args) => cmd::cync::run(args),
        Command::Device(args) => cmd::device::run(args),
        Command::Node(args) => cmd::node::run(args),
        Command::Proxy(args) => cmd::proxy::run(*args),
        Command::Record(args) => cmd::record::run(args),
        Command::Replay(args) => cmd::replay::run(args),
        Command::Run(args) => cmd::run::run(args),
        Command::Sweep(args) => cmd::sweep::run(args),
        Command::Swarm(args) => cmd::swarm::run(args),
        Command::Judge(args) => cmd::judge::run(args),
        Command::Report(args) => cmd::report::run(args),
        Command::Diff(args) => cmd::diff::run(args),
        Command::Capture(args) => cmd::capture::run(args),
        Command::Bench(args) => cmd::bench::run(args),
        Command::Decode(args) => cmd::decode::run(args),
        Command::Completions(args) => cmd::completions::run(args),
        Command::Man(args) => cmd::man::run(args),
    }
}

/// Runs a command that waits for things, on this thread alone: there is not that much to do, and
/// threads cost more than a whole toggle.
fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| {
        Failure::environment(format!(
            "cannot start: {e}; are there file descriptors left (ulimit -n)?"
        ))
    })?;
    let done = runtime.block_on(command);
    // A name that is still being looked up would hold us up for as long as it pleases.
    runtime.shutdown_background();
    done
}
