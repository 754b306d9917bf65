//! `wirelab proxy` and `wirelab record`.
use std::{fmt::Write, path::PathBuf};

use clap::Args;
use net::proxy::fault::{ABOUT, Class};

use super::TlsArgs;

const MORE: &str = "\
Where and when a fault strikes; what is not said is no restriction:
  lane=up|down      only bytes to whoever listens, or to whoever dials
  conn=N, every=N   only the nth connection, every nth
  share=0.3         only this share of the connections, drawn once for each
  client=IP         only connections from there
  byte=N            where the stream has had so many bytes
  more=N            where so many more have come since the fault is in force
  frame=KIND        at frames of this kind; needs --protocol
  nth=N             at the nth frame, or the nth of the kind; offset=N so far into it
  after=TIME        not before the connection is so old
  in=TIME           not before the fault is in force so long
  since=KIND        not before a frame of this kind has passed, either way
  chance=0.1        each time with this probability
  times=N           at most so often
  name=NAME         what to call it; without it, fault1, fault2 and so on

Lines it takes on stdin while it runs:
  fault RULE       puts a fault in force, on open connections too
  lift NAME        takes it out of force; what waited for it goes on
  cut              nothing passes any more, and neither end is told
  heal             takes everything out of force
  list             what is in force, as {\"event\":\"faults\",…} on stdout
  help, quit

The same over HTTP, with --http-port or --api:
  GET /faults      what is in force, and how often each struck
  POST /faults     a rule, as one line or as a table: {\"fault\":\"latency\",\"delay\":\"20ms\"}
  PUT /faults/NAME, PATCH /faults/NAME, DELETE /faults/NAME
  POST /cut, POST /heal
  GET /record?from=SEQ   records from that number on, a line each
  GET /metrics, GET /healthz
  and all requests of toxiproxy's API: /proxies, /proxies/NAME/toxics, /populate, /reset, /version
  Where there are several proxies, ?proxy=NAME says which; --listen makes the one called proxy.

With --tls it ends TLS towards whoever dials, with --to-tls it begins TLS towards the target; either will do
alone. Then faults, frames, records and metrics are about what is said, not about what it is encrypted to:
  - a change to a byte is encrypted anew, so TLS does not notice; every slice is a TLS record of its own
  - a reset stays a reset; the end that TLS announces (close_notify) and a FIN stand for each other, and a
    FIN that TLS did not announce is passed on as one; of its own, closing announces and resetting does not
  - handshakes are not carried: each side has its own version, cipher, certificate and names, a client's
    certificate and ALPN are not passed on, and no fault strikes in them. Another proxy without --tls before
    or behind this one harms what is encrypted, handshakes too
  - who is not encrypted within 10s, or will not be, is closed, and the record says whose fault it was

Examples:
  wirelab proxy --listen 127.0.0.1:9001 --to 127.0.0.1:9000
  wirelab proxy --listen 127.0.0.1:0 --to lamp.local:9000 --fault 'latency delay=20ms jitter=5ms'
  wirelab proxy --listen 127.0.0.1:5001 --to 127.0.0.1:5000 --protocol hsms \\
      --fault 'drop frame=Linktest.rsp bytes=14 times=1'
  wirelab proxy --listen 127.0.0.1:23778 --to lamp.local:23778 --protocol cync --http-port 8080
  curl -d 'insert hex=d800000000 lane=down conn=1 times=1' 127.0.0.1:8080/faults
  wirelab proxy --listen 0.0.0.0:23779 --tls --to cm.gelighting.com:23779 --to-tls --protocol cync \\
      --http-port 8080
  curl -d 'insert lane=down conn=1 times=1 \
      hex=730000001f6457e7f20000007e04000000f8d00d000400000000ce00d01102010000937e' 127.0.0.1:8080/faults
  wirelab proxy --api
  wirelab proxy --list-faults

Exit codes: 0 told to stop, 2 usage, 3 environment (a port taken, a name not known).";

const RECORD_MORE: &str = "\
Examples:
  wirelab record --listen 127.0.0.1:9001 --to 127.0.0.1:9000 --out lamp.jsonl
  wirelab replay lamp.jsonl --as device --listen 127.0.0.1:9000

Exit codes: 0 told to stop, 2 usage, 3 environment (a port taken, the file not writable).";

/// Every fault and how it is spelled.
fn faults() -> String {
    let mut text = String::from("Faults, with all they take:\n");
    for about in ABOUT {
        let place = if about.class == Class::Spot { " byte=N" } else { "" };
        let _ = writeln!(text, "  {:<46} {}", format!("{}{place}", about.example), about.does);
    }
    text + "\n" + MORE
}

/// Carries connections to a target, unharmed until told otherwise.
///
/// What happens at one end happens at the other: bytes, ends, resets, refusals. The first line on
/// stdout says where it listens; then every connection and every fault that strikes follows as a JSON
/// object a line. It runs until `quit`, Ctrl+C or SIGTERM.
#[derive(Debug, Args)]
#[command(after_help = faults())]
pub(crate) struct ProxyArgs {
    /// Address to listen on; port 0 is any free one.
    #[arg(long, value_name = "ADDR", requires = "to")]
    pub(crate) listen: Option<String>,
    /// Where to carry to.
    #[arg(long, value_name = "HOST:PORT", requires = "listen")]
    pub(crate) to: Option<String>,
    /// What is spoken, for faults that are about frames, and so that secrets are covered: toggle, vkb,
    /// hsms, cync or tazcom.
    #[arg(long, requires = "listen")]
    pub(crate) protocol: Option<String>,
    /// Where TLS ends.
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    /// A fault in force from the start; may be given several times.
    #[arg(long, value_name = "RULE", requires = "listen")]
    pub(crate) fault: Vec<String>,
    /// Where all chance comes from; any, if not given.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Takes orders over HTTP on this port of 127.0.0.1; 0 is any free one, which is printed.
    #[arg(long, value_name = "PORT")]
    pub(crate) http_port: Option<u16>,
    /// The same at this address, where toxiproxy's clients look for it.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:8474")]
    pub(crate) api: Option<String>,
    /// Writes every record, bytes included, to this file.
    #[arg(long, value_name = "PATH")]
    pub(crate) evidence: Option<PathBuf>,
    /// Prints the bytes as well, as the kernel took and gave them.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Writes login keys down as they are; otherwise they are covered, wherever they turn up.
    #[arg(long)]
    pub(crate) show_secrets: bool,
    /// Prints every fault there is, and nothing else is done.
    #[arg(long, exclusive = true)]
    pub(crate) list_faults: bool,
}

/// Carries connections to a target unharmed, and writes down every byte and every end of them.
///
/// The file is what `wirelab replay` plays. It runs until `quit`, Ctrl+C or SIGTERM.
#[derive(Debug, Args)]
#[command(after_help = RECORD_MORE)]
pub(crate) struct RecordArgs {
    /// Address to listen on; port 0 is any free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: String,
    /// Where to carry to.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) to: String,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// What is spoken: its secrets are covered in the file. Without it nobody knows which bytes are.
    #[arg(long)]
    pub(crate) protocol: Option<String>,
    /// Where TLS ends.
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    /// Writes login keys down as they are; otherwise they are covered, wherever they turn up.
    #[arg(long)]
    pub(crate) show_secrets: bool,
}
