//! `wirelab hsms`.
use std::path::PathBuf;

use clap::{Args, Subcommand};
use proto::{Span, hsms::Conformance};

const EXAMPLES: &str = "\
Examples:
  wirelab hsms send 192.0.2.9:5000 'S1F13 W <L>.'
  wirelab hsms send 192.0.2.9 --session 7 --json 'S1F3 W <L <U4 1001>>.' 'S2F17 W'
  wirelab hsms linktest 192.0.2.9 --count 3
  wirelab hsms select 192.0.2.9 --conformance e37.1
  echo 'S1F1 W' | wirelab hsms monitor 192.0.2.9 --establish
  wirelab hsms listen 0.0.0.0:5000 --tool etcher=192.0.2.9 --tool litho=#12

Without an address HSMS_SERVER_HOST and HSMS_SERVER_PORT say where, else 127.0.0.1:5000.

Exit codes: 0 done, 1 not answered, or not as it should be, 2 usage, 3 environment, 124 deadline,
130 interrupted.";

/// Talks to equipment: SECS-II over HSMS (SEMI E5, E37, E37.1).
///
/// A connection counts once it is SELECTED, a message once its reply came. Who dials is not who
/// commands: with --passive the equipment dials and this host still commands.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HsmsArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: HsmsWhat,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum HsmsWhat {
    /// Sends messages, one after the other on one connection, and prints the replies.
    #[command(after_help = EXAMPLES)]
    Send {
        /// HOST, HOST:PORT, and then SML; a - reads SML from stdin.
        #[arg(required = true, value_name = "[ADDR] SML")]
        words: Vec<String>,
        #[command(flatten)]
        link: HostArgs,
    },
    /// Connects, selects, tests the link and separates.
    #[command(after_help = EXAMPLES)]
    Linktest {
        /// HOST or HOST:PORT.
        addr: Option<String>,
        /// How often.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
        #[command(flatten)]
        link: HostArgs,
    },
    /// Connects, selects and separates.
    #[command(after_help = EXAMPLES)]
    Select {
        /// HOST or HOST:PORT.
        addr: Option<String>,
        #[command(flatten)]
        link: HostArgs,
    },
    /// Stays connected, prints what the equipment says, and sends what is typed, until told to stop.
    #[command(after_help = EXAMPLES)]
    Monitor {
        /// HOST or HOST:PORT.
        addr: Option<String>,
        #[command(flatten)]
        link: HostArgs,
    },
    /// Lets any number of tools dial one port. Type `TOOL SML`; TOOL is a name, an address or #ID.
    #[command(after_help = EXAMPLES)]
    Listen {
        /// Where to listen: HOST or HOST:PORT.
        addr: Option<String>,
        /// What to call a tool, by the address it dials from or by its device id.
        #[arg(long, value_name = "NAME=IP|NAME=#ID")]
        tool: Vec<String>,
        #[command(flatten)]
        link: HostArgs,
    },
}

/// Environment variables that say where an HSMS device is, as other tools read them too.
#[derive(Clone, Debug, Args)]
pub(crate) struct HsmsServer {
    #[arg(long = "hsms-server-host", env = "HSMS_SERVER_HOST", hide = true)]
    pub(crate) host: Option<String>,
    #[arg(long = "hsms-server-port", env = "HSMS_SERVER_PORT", hide = true)]
    pub(crate) port: Option<String>,
}

/// The connection, and when to give it up.
#[derive(Clone, Debug, Args)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    pub(crate) server: HsmsServer,
    /// Dial (the default).
    #[arg(long, conflicts_with = "passive")]
    pub(crate) active: bool,
    /// Listen at the address, and wait for the equipment to dial.
    #[arg(long)]
    pub(crate) passive: bool,
    /// Device id, 0 to 32767.
    #[arg(long, value_name = "ID", env = "HSMS_SESSION", hide_env_values = true)]
    pub(crate) session: Option<u16>,
    /// Reply timeout, 45 s by default.
    #[arg(long, value_name = "TIME", env = "HSMS_T3", hide_env_values = true)]
    pub(crate) t3: Option<Span>,
    /// Connect separation, 10 s by default.
    #[arg(long, value_name = "TIME", env = "HSMS_T5", hide_env_values = true)]
    pub(crate) t5: Option<Span>,
    /// Control transaction timeout, 5 s by default.
    #[arg(long, value_name = "TIME", env = "HSMS_T6", hide_env_values = true)]
    pub(crate) t6: Option<Span>,
    /// NOT SELECTED timeout, 10 s by default.
    #[arg(long, value_name = "TIME", env = "HSMS_T7", hide_env_values = true)]
    pub(crate) t7: Option<Span>,
    /// Intercharacter timeout, 5 s by default.
    #[arg(long, value_name = "TIME", env = "HSMS_T8", hide_env_values = true)]
    pub(crate) t8: Option<Span>,
    /// Send Linktest.req after so long without traffic.
    #[arg(long, value_name = "TIME", env = "HSMS_LINKTEST", hide_env_values = true)]
    pub(crate) linktest: Option<Span>,
    /// Linktests in a row without an answer that end the connection.
    #[arg(long, value_name = "N", env = "HSMS_LINKTEST_THRESHOLD", hide_env_values = true)]
    pub(crate) linktest_threshold: Option<u32>,
    /// How strictly to read the standard: lenient, e37 or e37.1.
    #[arg(long, value_name = "HOW", env = "HSMS_CONFORMANCE", hide_env_values = true)]
    pub(crate) conformance: Option<Conformance>,
    /// The longest message taken, in bytes, header included.
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_message: Option<u32>,
    /// A TOML file with any of these, by their names (`t3 = "45s"`); flags and environment go first.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Failed connection cycles in a row that open the circuit breaker.
    #[arg(long, value_name = "N", env = "HSMS_BREAKER_THRESHOLD", hide_env_values = true)]
    pub(crate) breaker_threshold: Option<u32>,
    /// How long the breaker stays open the first time; max(T5, 10 s) by default.
    #[arg(long, value_name = "TIME", env = "HSMS_BREAKER_OPEN", hide_env_values = true)]
    pub(crate) breaker_open: Option<Span>,
    /// Send S1F13 first whenever SELECTED, as equipment that speaks GEM wants.
    #[arg(long)]
    pub(crate) establish: bool,
    /// For each message as a whole, connecting included.
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<Span>,
    /// Results as JSON, one line each.
    #[arg(long)]
    pub(crate) json: bool,
}
