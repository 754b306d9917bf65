//! What can be typed: commands, flags, their environment variables and their help. Values are read
//! here one by one; whether they make sense together is for `config.rs`.
mod bench;
mod capture;
mod cync;
mod decode;
mod device;
mod dirs;
mod hsms;
mod judge;
mod node;
mod papers;
mod proxy;
mod replay;
mod report;
mod run;
mod sweep;
mod talk;
mod tls;
mod toggle;
mod vkb;

use clap::{
    ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

pub(crate) use bench::{BenchArgs, Pace};
pub(crate) use capture::{
    CaptureArgs, CaptureWhat, FormatArg, ImportArgs, LatencyArgs, RunFileArgs, WayArg,
};
pub(crate) use cync::{CyncArgs, CyncWhat, ServeArgs, SetArgs, SocketArg, ToArgs, Whom, WhomArgs};
pub(crate) use decode::DecodeArgs;
pub(crate) use device::{DeviceArgs, EquipmentArgs, Form};
pub(crate) use dirs::{runtime_dir, state_dir};
pub(crate) use hsms::{HostArgs, HsmsArgs, HsmsServer, HsmsWhat};
pub(crate) use judge::{JudgeArgs, JudgeClientArgs, JudgeDeviceArgs, JudgeWhat, ProbeArgs};
pub(crate) use node::{
    IdArgs, KeyArgs, LimitArgs, LiveArgs, LogFormat, NodeArgs, NodeWhat, SimulateArgs,
};
pub(crate) use papers::{CompletionsArgs, ManArgs};
pub(crate) use proxy::{ProxyArgs, RecordArgs};
pub(crate) use replay::{ReplayArgs, Side};
pub(crate) use report::{DiffArgs, ReportArgs, WhichArgs};
pub(crate) use run::RunArgs;
pub(crate) use sweep::{SwarmArgs, SweepArgs};
pub(crate) use talk::{AlertArgs, OutcomeArgs, PeersArgs, SendArgs, WhereArgs, word};
pub(crate) use tls::TlsArgs;
pub(crate) use toggle::{Addressed, LingerArg, Retry, State, ToggleArgs};
pub(crate) use vkb::{
    CheckRulesArgs, FollowArgs, HoldArgs, LinkArgs, StateArgs, VkbArgs, VkbWhat, WatchArgs, WayArgs,
};

use crate::exit::{CODES, Failure};

/// Commands TCP devices, plays them where there are none, and judges by what was on the wire.
///
/// It sends commands with timeouts and retries, stands in for devices that behave well or badly in
/// known ways, and says of any bytes what they mean.
#[derive(Debug, Parser)]
#[command(name = "wirelab", version, after_help = CODES, subcommand_required = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Switches a device on or off.
    Toggle(Box<ToggleArgs>),
    /// Asserts shift states at VKB-Link.
    Vkb(VkbArgs),
    /// Talks to equipment: SECS-II over HSMS.
    Hsms(Box<HsmsArgs>),
    /// Is a Cync controller, and talks to one that runs.
    Cync(CyncArgs),
    /// Plays a device.
    Device(DeviceArgs),
    /// Is a node of TAZCOM.
    Node(NodeArgs),
    /// Carries connections, and harms them on command.
    Proxy(Box<ProxyArgs>),
    /// Records a real session.
    Record(RecordArgs),
    /// Plays one side of a recorded session.
    Replay(ReplayArgs),
    /// Plays scenarios and judges them by what was on the wire.
    Run(RunArgs),
    /// Breaks one exchange at every byte, in every way.
    Sweep(SweepArgs),
    /// Plays scenarios on wires as bad as chance makes them.
    Swarm(SwarmArgs),
    /// Judges what was recorded, and devices and clients of others.
    Judge(JudgeArgs),
    /// Judges recorded runs again and writes reports on them.
    Report(ReportArgs),
    /// Says where two recorded runs part on the wire.
    Diff(DiffArgs),
    /// Explains every byte, and what is wrong with it.
    Decode(DecodeArgs),
    /// Imports captures of others, and tells what is in them.
    Capture(CaptureArgs),
    /// Measures client and device against bare sockets.
    Bench(BenchArgs),
    /// Writes the completion script for a shell.
    Completions(CompletionsArgs),
    /// Writes the manual.
    Man(ManArgs),
}

/// Everything that was typed, and where it came from.
///
/// # Errors
/// It cannot be understood, or a setting could have no effect. Asking for help is such an error too.
pub(crate) fn parse() -> Result<Command, Ended> {
    let mut matches = Cli::command().try_get_matches()?;
    refuse_without_effect(&matches).map_err(Ended::Badly)?;
    Ok(Cli::from_arg_matches_mut(&mut matches)?.command)
}

/// Nothing is to be done.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Help or the version was asked for; here it is.
    Well(String),
    /// What was typed makes no sense.
    Badly(Failure),
}

impl From<clap::Error> for Ended {
    fn from(error: clap::Error) -> Self {
        if error.use_stderr() {
            Self::Badly(error.into())
        } else {
            Self::Well(error.render().ansi().to_string())
        }
    }
}

impl From<clap::Error> for Failure {
    /// In one line; clap takes several.
    fn from(error: clap::Error) -> Self {
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::usage("no command given; wirelab --help lists them");
        }
        let text = error.render().to_string();
        let wanted = text
            .lines()
            .map(str::trim)
            .take_while(|line| !line.starts_with("Usage:"))
            .filter(|line| !line.is_empty() && !line.starts_with("For more information"));
        let line = wanted.collect::<Vec<_>>().join(" ");
        let problem = line.trim_start_matches("error: ").replace(" tip: ", "; ");
        let origin = variable(&error).map(|name| format!(" (from the environment's {name})"));
        Self::usage(format!(
            "{problem}{}; --help shows what is allowed",
            origin.unwrap_or_default()
        ))
    }
}

/// The environment variable a bad value came from, if it did not come from a flag.
fn variable(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = arg.split(' ').next()?;
    let name = flag.strip_prefix("--")?;
    let is_it = |given: String| given.split('=').next() == Some(flag);
    let typed = std::env::args_os().any(|given| is_it(given.to_string_lossy().into_owned()));
    let name = name.replace('-', "_").to_uppercase();
    let mut names = ["", "HSMS_", "TAZCOM_"].into_iter().map(|whose| format!("{whose}{name}"));
    let given = names.find(|name| std::env::var_os(name).is_some());
    given.filter(|_| error.kind() == ErrorKind::ValueValidation && !typed)
}

/// Pairs of which the second makes the first pointless. They are no clap conflicts: what the
/// environment says may be of no use this time.
const POINTLESS: &[(&str, &str, &str)] = &[
    ("toggle", "device_id", "from"),
    ("toggle", "state", "from"),
    ("toggle", "device_host", "devices"),
    ("toggle", "metrics_port", "no_metrics"),
    ("run", "target", "sim"),
    ("replay", "protocol", "exact"),
    ("node", "listen_only", "no_mdns"),
    ("node", "log_format", "tui"),
];

fn refuse_without_effect(matches: &ArgMatches) -> Result<(), Failure> {
    for (command, pointless, with) in POINTLESS {
        let Some(given) = matches.subcommand_matches(command) else { continue };
        let typed = |id| given.value_source(id) == Some(ValueSource::CommandLine);
        if typed(pointless) && typed(with) {
            let (pointless, with) = (called(command, pointless), called(command, with));
            let problem = format!("{pointless} has no effect with {with}; leave one of them out");
            return Err(Failure::usage(problem));
        }
    }
    Ok(())
}

/// What people call an argument of a command: its flag, or what stands in its place.
fn called(command: &str, id: &str) -> String {
    let cli = Cli::command();
    let mut arguments = cli.find_subcommand(command).into_iter().flat_map(|c| c.get_arguments());
    let place = arguments.find(|arg| arg.get_id() == id && arg.is_positional());
    let names = place.and_then(|arg| arg.get_value_names()?.first().map(ToString::to_string));
    names.unwrap_or_else(|| format!("--{}", id.replace('_', "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself_with_examples() {
        for command in Cli::command().get_subcommands_mut() {
            let name = command.get_name().to_owned();
            let help = command.render_long_help().to_string();
            assert!(help.contains("Examples:"), "{name}");
            assert!(help.contains(&format!("wirelab {name}")), "{name}");
        }
    }

    #[test]
    fn the_pairs_name_real_flags() {
        let cli = Cli::command();
        for (command, pointless, with) in POINTLESS {
            let command = cli.find_subcommand(command).unwrap();
            for id in [pointless, with] {
                assert!(command.get_arguments().any(|arg| arg.get_id() == id), "{id}");
            }
        }
    }
}
