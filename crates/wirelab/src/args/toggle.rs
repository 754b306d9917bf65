//! `wirelab toggle`.
use std::{path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum, builder::PossibleValuesParser, builder::TypedValueParser};
use net::record::Level;
use proto::{Delivery, Span, Stage, resilience::Timeout};

const EXAMPLES: &str = "\
Examples:
  wirelab toggle --device-id LAMP7 --device-host lamp.local
  wirelab toggle --device-id LAMP7 --device-host 192.0.2.7 --state off --json
  wirelab toggle --device-id LAMP7 --device-host 192.0.2.7 --deadline 3s --confirm applied
  wirelab toggle --device-id LAMP7 --device-host 192.0.2.7 --linger scraped
  wirelab toggle --device-id LAMP7 --dry-run | wirelab decode toggle -
  echo '{\"device_id\": \"LAMP7\", \"state\": \"off\"}' | wirelab toggle --device-host lamp.local --from -
  wirelab toggle LAMP7@lamp.local LAMP8@192.0.2.8:9001 --state off --rollback

Several DEVICEs are told at once. A table on stderr, or with --json a line each on stdout and one in the
end, says how far each got and how far apart they were. The worst of them decides the exit code: a
deadline before any other failure, and with --stage-exit-codes the stage of the one that got least far.

Exit codes:
  0 done, 1 the command failed, 2 usage, 3 environment (an output not writable), 124 deadline,
  130 interrupted. With --stage-exit-codes a failed command ends with its stage instead of 1:
  10 refused, 11 unreachable, 12 connect_timeout, 13 send_failed, 14 receive_timeout, 15 closed,
  16 reset, 17 nack, 18 malformed, 19 not_confirmed.";

/// Switches a device on or off, with timeouts and retries.
///
/// Every attempt sends the very same bytes, id included, so that a device can tell a repeated command
/// from a new one. The packet log goes to stdout, one JSON object a line; talk goes to stderr.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ToggleArgs {
    /// Devices that shall switch, all at once: [ID@]HOST[:PORT].
    ///
    /// --device-id and --device-port stand for what is left out.
    #[arg(value_name = "DEVICE", conflicts_with = "from")]
    pub(crate) devices: Vec<Addressed>,
    /// If one device fails, those that switched are told the other state.
    ///
    /// Toggle has no way to ask a device what it was before. One whose answer is missing may have switched
    /// all the same, and is told nothing.
    #[arg(long, requires = "devices")]
    pub(crate) rollback: bool,
    /// Who shall switch.
    #[arg(
        long,
        env,
        hide_env_values = true,
        value_name = "ID",
        required_unless_present_any = ["from", "devices"]
    )]
    pub(crate) device_id: Option<String>,
    /// Where it is: a name or an address.
    #[arg(
        long,
        env,
        hide_env_values = true,
        value_name = "HOST",
        required_unless_present_any = ["dry_run", "devices"]
    )]
    pub(crate) device_host: Option<String>,
    /// Its port.
    #[arg(long, env, hide_env_values = true, value_name = "PORT", default_value_t = 9000, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) device_port: u16,
    /// What it shall be: on, true or 1; off, false or 0.
    #[arg(long, env, hide_env_values = true, default_value = "on")]
    pub(crate) state: State,
    /// Reads commands from this file, `-` for stdin: {"device_id": …, "state": …}, one a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,

    /// Attempts in all, the first included.
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Patience")]
    pub(crate) max_attempts: u32,
    /// For the connection to open.
    #[arg(long, value_name = "TIME", default_value = "1s", help_heading = "Patience")]
    pub(crate) connect_timeout: Span,
    /// For the command's bytes to be taken.
    #[arg(long, value_name = "TIME", default_value = "1.5s", help_heading = "Patience")]
    pub(crate) send_timeout: Span,
    /// For the answer.
    #[arg(long, value_name = "TIME", default_value = "1.5s", help_heading = "Patience")]
    pub(crate) recv_timeout: Span,
    /// Whether that stays so, or follows how long answers take, between 100ms and 5s.
    #[arg(long, value_name = "WHICH", default_value = "fixed", help_heading = "Patience")]
    pub(crate) timeout: TimeoutArg,
    /// For the whole command, finding the host, all attempts and delays included.
    #[arg(long, value_name = "TIME", help_heading = "Patience")]
    pub(crate) deadline: Option<Span>,
    /// How far it must provably get; the default is replied.
    ///
    /// `applied` needs a device that answers with the command's id.
    #[arg(long, value_name = "LEVEL", value_parser = levels(), help_heading = "Patience")]
    pub(crate) confirm: Option<Delivery>,
    /// Stages to retry besides the usual ones, for instance nack,malformed.
    ///
    /// Refused, unreachable, connect_timeout, send_failed, receive_timeout, closed and reset are
    /// retried anyway.
    #[arg(long, value_name = "STAGES", value_delimiter = ',', value_parser = stages(), help_heading = "Patience")]
    pub(crate) retry_on: Vec<Stage>,
    /// Whether to retry when the command may have arrived.
    #[arg(long, value_name = "WHEN", default_value = "always", help_heading = "Patience")]
    pub(crate) retry_ambiguous: Retry,
    /// Where ids and delays come from; the same seed gives the same ones.
    #[arg(long, value_name = "N", help_heading = "Patience")]
    pub(crate) seed: Option<u64>,

    /// The least important line the packet log shows: DEBUG, INFO, WARNING or ERROR.
    #[arg(
        long,
        env,
        hide_env_values = true,
        value_name = "LEVEL",
        default_value = "INFO",
        help_heading = "Output"
    )]
    pub(crate) log_level: Level,
    /// Writes the packet log here instead of stdout.
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub(crate) log_file: Option<PathBuf>,
    /// Writes the result to stdout as one JSON object; the packet log goes to stderr.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Ends with 10 to 19 instead of 1, by the stage that failed.
    #[arg(long, conflicts_with = "from", help_heading = "Output")]
    pub(crate) stage_exit_codes: bool,
    /// Sends nothing; prints the exact bytes in hex.
    #[arg(long, help_heading = "Output")]
    pub(crate) dry_run: bool,

    /// Port of http://127.0.0.1:PORT/metrics; 0 is any free one, which is printed.
    #[arg(
        long,
        env,
        hide_env_values = true,
        value_name = "PORT",
        default_value_t = 9400,
        help_heading = "Metrics"
    )]
    pub(crate) metrics_port: u16,
    /// Serves no metrics.
    #[arg(long, conflicts_with = "linger", help_heading = "Metrics")]
    pub(crate) no_metrics: bool,
    /// Adds the counts to this file, for node_exporter's textfile collector.
    #[arg(long, value_name = "PATH", help_heading = "Metrics")]
    pub(crate) metrics_textfile: Option<PathBuf>,
    /// Goes on serving metrics for this long, or until they were `scraped`.
    #[arg(long, value_name = "TIME|scraped", help_heading = "Metrics")]
    pub(crate) linger: Option<LingerArg>,
    /// The longest `--linger scraped` waits; the default is 5m.
    #[arg(long, value_name = "TIME", requires = "linger", help_heading = "Metrics")]
    pub(crate) linger_limit: Option<Span>,
}

/// A device among several, as far as it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addressed {
    pub(crate) id: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl FromStr for Addressed {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (id, place) = match text.rsplit_once('@') {
            Some((id, place)) => (Some(id.to_owned()), place),
            None => (None, text),
        };
        // An address with colons is in brackets if a port follows.
        let (host, port) = match (place.rsplit_once("]:"), place.rsplit_once(':')) {
            (Some((host, port)), _) => (format!("{host}]"), Some(port)),
            (None, Some((host, port))) if !host.contains(':') => (host.to_owned(), Some(port)),
            (None, Some(_) | None) => (place.to_owned(), None),
        };
        let number = |port: &str| {
            let number = port.parse::<u16>().ok().filter(|port| *port > 0);
            number.ok_or_else(|| format!("`{port}` is no port; it is a number from 1 to 65535"))
        };
        Ok(Self { id, host, port: port.map(number).transpose()? })
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State(pub(crate) bool);

impl FromStr for State {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "on" | "true" | "1" => Ok(Self(true)),
            "off" | "false" | "0" => Ok(Self(false)),
            _ => Err("it is on, true or 1; or off, false or 0".into()),
        }
    }
}

/// Whether to retry what may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Retry {
    /// Yes: a device that remembers ids applies it once.
    Always,
    /// No: rather fail than risk a second application.
    Never,
}

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeoutArg {
    /// `--recv-timeout`, always.
    Fixed,
    /// `--recv-timeout` at first, then what the answers of earlier commands make likely.
    Adaptive,
}

impl From<TimeoutArg> for Timeout {
    fn from(arg: TimeoutArg) -> Self {
        match arg {
            TimeoutArg::Fixed => Self::Fixed,
            TimeoutArg::Adaptive => Self::Adaptive,
        }
    }
}

/// How long to stay after the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LingerArg {
    /// This long.
    For(Span),
    /// Until somebody read the metrics.
    Scraped,
}

impl FromStr for LingerArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "scraped" => Ok(Self::Scraped),
            time => time.parse().map(Self::For).map_err(|e| format!("{e}, or `scraped`")),
        }
    }
}

fn levels() -> impl TypedValueParser<Value = Delivery> {
    // Nothing proves less than `written`, and no toggle device proves more than `applied`.
    let levels =
        Delivery::ALL.iter().filter(|l| **l > Delivery::Queued && **l < Delivery::Observed);
    PossibleValuesParser::new(levels.map(name)).try_map(|text| text.parse::<Delivery>())
}

fn stages() -> impl TypedValueParser<Value = Stage> {
    // Where a command ends for good there is nothing to retry.
    let stages = Stage::ALL.iter().filter(|stage| **stage <= Stage::NotConfirmed);
    PossibleValuesParser::new(stages.map(name)).try_map(|text| text.parse::<Stage>())
}

fn name(word: &impl ToString) -> &'static str {
    // clap wants names that live as long as the program; there are seventeen of them.
    word.to_string().leak()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_as_people_type_it() {
        let read = |text: &str| {
            let Addressed { id, host, port } = text.parse().unwrap();
            (id.unwrap_or_default(), host, port)
        };
        for (text, id, host, port) in [
            ("A@lamp.local:9001", "A", "lamp.local", Some(9001)),
            ("A@lamp.local", "A", "lamp.local", None),
            ("lamp.local", "", "lamp.local", None),
            ("a@b@192.0.2.7:1", "a@b", "192.0.2.7", Some(1)),
            ("A@[::1]:9001", "A", "[::1]", Some(9001)),
            ("A@[::1]", "A", "[::1]", None),
            ("::1", "", "::1", None),
        ] {
            assert_eq!(read(text), (id.to_owned(), host.to_owned(), port), "{text}");
        }
        for wrong in ["A@lamp:0", "A@lamp:65536", "A@lamp:", "A@lamp:x", "[::1]:"] {
            assert!(wrong.parse::<Addressed>().is_err(), "{wrong}");
        }
    }
}
