//! `wirelab cync`.
use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use proto::{
    Delivery, Span,
    cync::{Hundred, Target},
};

use super::toggle::TimeoutArg;

const EXAMPLES: &str = "\
Examples:
  wirelab cync serve --listen 0.0.0.0:23779
  wirelab cync on 206 --confirm observed
  wirelab cync off 206 207 208 --json
  wirelab cync set 206 --brightness 64 --temperature 30
  wirelab cync set group:18 --rgb ff8000 --bridge 6457e7f2
  wirelab cync list
  wirelab cync watch

A LAMP is its id in the mesh; group:ID is a group of them, all is every lamp heard of. A command goes to
the bridge that has told of the lamp; to a group it goes through every bridge.

Exit codes: 0 the level asked for was reached by all, 1 one did not reach it or refused, 2 usage,
3 no controller runs or a port is taken, 124 the deadline passed, 130 interrupted.";

/// Is a Cync controller, and talks to one that runs.
///
/// Bridges dial in, so there is one controller that they dial: `serve`. The other commands tell it what
/// to do, through a socket that only its user can open.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CyncArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: CyncWhat,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum CyncWhat {
    /// Is a controller: lets bridges in, tells them the time, and does what the other commands say.
    ///
    /// Stdout is a JSON object a line: listening, joined, state, left, refused, command.
    #[command(after_help = EXAMPLES)]
    Serve(ServeArgs),
    /// Switches lamps on.
    #[command(after_help = EXAMPLES)]
    On(SwitchArgs),
    /// Switches lamps off.
    #[command(after_help = EXAMPLES)]
    Off(SwitchArgs),
    /// Sets several things at once; what is left out stays as it is.
    #[command(after_help = EXAMPLES)]
    Set(SetArgs),
    /// Shows who is there: bridges, and what their lamps are like.
    #[command(after_help = EXAMPLES)]
    List {
        /// Asks the bridges first; otherwise it is what they told last.
        #[arg(long)]
        query: bool,
        #[command(flatten)]
        to: ToArgs,
    },
    /// Shows what happens, as it does, until told to stop.
    #[command(after_help = EXAMPLES)]
    Watch {
        #[command(flatten)]
        to: ToArgs,
    },
}

/// A controller.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where bridges dial; port 0 is any free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:23779")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) socket: SocketArg,
    /// How long a bridge may take for an answer, each time.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(crate) recv_timeout: Span,
    /// Whether that stays so, or follows how long each bridge takes, between 100ms and 5s.
    #[arg(long, value_name = "WHICH", default_value = "adaptive")]
    pub(crate) timeout: TimeoutArg,
    /// How often a command is sent before it is given up; each time with the same bytes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_attempts: u32,
    /// Minutes that the time bridges are told is ahead of UTC; this system's, if left out.
    #[arg(long, value_name = "MINUTES", allow_hyphen_values = true)]
    pub(crate) utc_offset: Option<i16>,
    /// Speaks TLS, as real bridges do; with a certificate made now, unless --cert says which.
    #[arg(long)]
    pub(crate) tls: bool,
    /// The certificate to show, PEM.
    #[arg(long, value_name = "PATH", requires = "tls", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The key that belongs to it, PEM.
    #[arg(long, value_name = "PATH", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Writes the certificate made now to this file, PEM, for bridges that are to trust it.
    #[arg(long, value_name = "PATH", requires = "tls", conflicts_with = "cert")]
    pub(crate) cert_out: Option<PathBuf>,
    /// Writes 7e inside frames as 7d 5e.
    #[arg(long)]
    pub(crate) escape: bool,
    /// Serves metrics on http://127.0.0.1:PORT/metrics; 0 is any free port, printed.
    #[arg(long, value_name = "PORT")]
    pub(crate) metrics_port: Option<u16>,
    /// Writes every record, bytes included, to this file.
    #[arg(long, value_name = "PATH")]
    pub(crate) evidence: Option<PathBuf>,
    /// Writes login keys down as they are; otherwise they are covered, wherever they turn up.
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

/// Where a controller hears orders.
#[derive(Debug, Args)]
pub(crate) struct SocketArg {
    /// The socket of the controller; cync.sock in the user's runtime directory, if left out.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

/// Which controller, and how to show what it says.
#[derive(Debug, Args)]
pub(crate) struct ToArgs {
    #[command(flatten)]
    pub(crate) socket: SocketArg,
    /// As JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whom to switch.
#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    #[command(flatten)]
    pub(crate) whom: WhomArgs,
    #[command(flatten)]
    pub(crate) to: ToArgs,
}

/// Whom to tell, and how far it must get.
#[derive(Debug, Args)]
pub(crate) struct WhomArgs {
    /// Lamps by their ids, group:ID, or all.
    #[arg(required = true, value_name = "LAMP", value_parser = whom)]
    pub(crate) lamps: Vec<Whom>,
    /// Only through this bridge: its id, eight hex digits.
    #[arg(long, value_name = "ID")]
    pub(crate) bridge: Option<String>,
    /// The level to reach: written, tcp_acked, replied, applied or observed.
    #[arg(long, value_name = "LEVEL", default_value = "applied")]
    pub(crate) confirm: Delivery,
    /// For the whole command.
    #[arg(long, value_name = "TIME", default_value = "15s")]
    pub(crate) deadline: Span,
    /// If one lamp did not get there, those that did are told to be as they were before.
    #[arg(long)]
    pub(crate) rollback: bool,
}

/// What lamps are to be like.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    pub(crate) whom: WhomArgs,
    /// On.
    #[arg(long, conflicts_with = "off")]
    pub(crate) on: bool,
    /// Off.
    #[arg(long)]
    pub(crate) off: bool,
    /// How bright, 0 to 100.
    #[arg(long, value_name = "PERCENT", value_parser = hundred)]
    pub(crate) brightness: Option<Hundred>,
    /// Which white, 0 to 100.
    #[arg(long, value_name = "PERCENT", value_parser = hundred, conflicts_with = "rgb")]
    pub(crate) temperature: Option<Hundred>,
    /// Which colour, as RRGGBB.
    #[arg(long, value_name = "RRGGBB", value_parser = colour)]
    pub(crate) rgb: Option<[u8; 3]>,
    #[command(flatten)]
    pub(crate) to: ToArgs,
}

/// Somebody to tell something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// A lamp or a group.
    One(Target),
    /// Every lamp heard of.
    All,
}

fn whom(text: &str) -> Result<Whom, String> {
    if text == "all" {
        return Ok(Whom::All);
    }
    let target = text.replacen("group:", "group ", 1).parse::<Target>();
    target.map(Whom::One).map_err(|_| "a lamp is an id like 206, a group is like group:18".into())
}

fn hundred(text: &str) -> Result<Hundred, String> {
    let number = text.parse::<u8>().map_err(|_| "it is a number from 0 to 100".to_owned())?;
    Hundred::try_from(number).map_err(|e| e.problem)
}

fn colour(text: &str) -> Result<[u8; 3], String> {
    let bytes = proto::session::hex::decode(text.trim_start_matches('#')).ok();
    let rgb = bytes.and_then(|bytes| <[u8; 3]>::try_from(&bytes[..]).ok());
    rgb.ok_or_else(|| "a colour is six hex digits, like ff8000".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lamps_groups_and_colours_read_as_people_type_them() {
        assert_eq!(whom("206"), Ok(Whom::One(Target::Lamp(206))));
        assert_eq!(whom("group:18"), Ok(Whom::One(Target::Group(18))));
        assert_eq!(whom("all"), Ok(Whom::All));
        assert_eq!(colour("#ff8000"), Ok([0xff, 0x80, 0]));
        for wrong in ["", "lamp", "group:", "32768", "-1"] {
            assert!(whom(wrong).is_err(), "{wrong}");
        }
        assert!(colour("ff80").is_err() && colour("red").is_err() && hundred("101").is_err());
    }
}
