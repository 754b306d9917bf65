//! `wirelab device`.
use std::{path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};
use proto::Span;
use serde_json::Value;

const MORE: &str = "\
Modes of a toggle device:
  success       applies and answers
  delay, late   applies, answers after --delay (1 s and 2 s if not given)
  slow_first    the same, the first command of a connection only
  timeout       applies, never answers; silent_after N once it has answered N
  disconnect    reads the command, then closes; reset_after resets
  reject        accepts and closes before reading; reset_before resets
  refuse        has no listener at all
  one_connection WAY  of two, kick: closes the older; close, refuse: the newer
  half_close    applies, finishes its side without an answer
  partial       applies, sends half an answer, closes; truncated, then all of it
  split         applies, answers in two pieces; dribble byte by byte
  duplicate     applies once, answers twice; flood N so often
  reorder N     applies, keeps N answers, sends the last first
  wrong_id      applies, answers for another command
  stale         answers for an earlier connection, as one opens; unasked for nobody
  garbage       applies, answers noise; garbage_before, then answers
  corrupt N     applies, answers with a bit turned in byte N
  length N, magic, version N, opcode
                applies, answers in a frame that has this wrong
  spelling WAY  applies, answers in bom, crlf, pretty, escaped, upper
  nack          says no
  lie           answers without applying

Modes of a vkb device:
  success           reads everything; answers only with --set replies=true
  frozen [D]        accepts and does not read, for D or for good
  reply             answers although it is set not to; mute does not although it is
  silent_after N    does not once a connection has carried N frames
  lie               answers, and does not take the state
  junk_reply        answers noise; delay_reply D answers after D
  truncated         answers with half an answer, then all of it
  duplicate         answers twice; flood N so often; unasked as a connection opens
  reject            accepts and closes before reading; reset_before resets
  refuse            has no listener at all
  one_connection WAY  of two, kick: closes the older; close, refuse: the newer
  reset_after       reads a frame, then resets
  disconnect_after  closes when a connection has carried so many frames: mode disconnect_after 3
  half_close        finishes its side after a frame, goes on reading

Settings of a vkb device, for --set:
  replies           true or false: answers 00 01 to every chunk in which a frame ended
  header_byte       165; command_byte 13

Modes of a hsms device (those of its personality apart):
  mute_select, select_status N, wrong_select, late_select D, reject_select,
  duplicate_select
  mute_linktest
  silent, delay D, wrong_system, stale_system, duplicate, reject_primary N, stream9 N, abort
  same_system, stale, unasked, reorder N, lie, separate
  stall N           so many bytes of the reply, and no more
  truncated, garbage_before, corrupt N, padded
  length N, ptype N, stype N, control_text, deep N, oversized N, interleave N
  second WAY        a second connection: close, status, refuse, accept or kick
  disconnect, reset_after, half_close, reject, reset_before, refuse, spool_flood N

Settings of a hsms device, for --set, besides its flags:
  conformance       lenient, e37 or e37.1; check_session true: S9F1 for another device id
  linktest_threshold, max_message, max_open

Modes of a cync device:
  mute              obeys nothing; no_ack, no_result, no_report leave out one of its words
  lie               says that it was done; nack N refuses the frame, fail N says no
  stale_checksum    reports with one, bad_checksum answers with one
  wrong_seq         answers another command; wrong_id acknowledges another
  duplicate, coalesce, reorder, late D, flood N
  garbage, length N on the acknowledgement, corrupt N on the result
  unasked           answers nobody, once it is in
  no_login, late_login D, no_probe, no_ping
  reject, disconnect, reset_after, half_close

Settings of a cync device, for --set:
  id, key           of its login; latency, seed; pace steady or home
  ping, keep_alive, redial, patience

Modes of a tazcom device:
  mute              reads, and never answers; late D answers after D
  error             answers ERROR; unknown_type with a type that nobody knows
  hang_up           reads, then closes; reset_after resets; half_close finishes its side
  reject            accepts and closes before reading; reset_before resets
  refuse            has no listener at all
  impostor          has its id and another key, so that its proof does not hold (0.3)
  stale             proves itself with what an earlier connection was told (0.3)
  lie               answers, and remembers nothing
  oversized         answers a line over the limit; unended one without its newline
  truncated         answers with half an answer, then all of it
  corrupt N         answers with a bit turned in byte N
  spelling WAY      answers in crlf, padded, bom, compact, escaped
  garbage           answers noise; garbage_before, then answers
  twice             answers twice; flood N so often; unasked as a connection opens
  port_change       leaves its port and listens at another; what is open stays
  vanish            resets every connection, and listens no more

Settings of a tazcom device, for --set:
  version           0.1, 0.2 or 0.3: what it speaks; key: a number its key comes from
  message_size_limit, envelope_size_limit, patience

Lines it takes on stdin while it runs:
  mode delay 2     from now on it does this
  next 3 timeout   only the next three times
  reject-next 1    the same as next 1 reject
  tell event 50    has a hsms device say something: event ID, alarm ID set|clear, set ID VALUE,
                   online, offline, local, remote, terminal TEXT
  show             what it remembers, as {\"event\":\"snapshot\",…} on stdout
  help, quit

The same over HTTP, with --http-port:
  POST /tell       the words of a tell line, as event 50
  POST /mode       a mode, next or reject-next line
  POST /heal       behaves from now on, as mode success
  GET /mode        the mode in force, and those for a few times before it
  GET /snapshot    what it remembers
  GET /record?from=SEQ   records from that number on, a line each
  answered with {\"ok\":…}, the snapshot, or 400 and {\"error\":…}; 64 KiB at most

Examples:
  wirelab device toggle
  wirelab device toggle --port 0 --mode delay --delay 0.2
  wirelab device toggle --answer framed --reject-next 1
  wirelab device toggle --port 9000 </dev/null >device.jsonl &
  wirelab device hsms --port 5000 --as secsgem --t7 3s
  wirelab device hsms --http-port 8080 & curl -d 'event 50' http://127.0.0.1:8080/tell
  wirelab device hsms --active --port 5001 --tool etcher.toml
  wirelab device cync --devices 50 --to 192.0.2.4:23779 --set pace=home --set latency=86ms
  wirelab device vkb --port 0 --set replies=true --mode delay_reply --delay 0.2
  wirelab device tazcom --host 0.0.0.0 --announce --set version=0.3 --mode impostor

Exit codes: 0 told to stop, 2 usage, 3 environment (a port taken, a name not known).";

/// What only equipment has.
#[derive(Clone, Debug, Args)]
pub(crate) struct EquipmentArgs {
    /// hsms: whose ways it has: wirelab, e37, e37.1, go-secs, secs4java8, secs4js, secsgem, xstatenet.
    #[arg(long = "as", value_name = "WHO")]
    pub(crate) personality: Option<String>,
    /// hsms: dials instead of listening.
    #[arg(long)]
    pub(crate) active: bool,
    /// hsms: device id.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<u16>,
    /// hsms: what it is and can do, as a TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) tool: Option<PathBuf>,
    /// hsms: reply timeout.
    #[arg(long, value_name = "TIME")]
    pub(crate) t3: Option<Span>,
    /// hsms: connect separation.
    #[arg(long, value_name = "TIME")]
    pub(crate) t5: Option<Span>,
    /// hsms: control transaction timeout.
    #[arg(long, value_name = "TIME")]
    pub(crate) t6: Option<Span>,
    /// hsms: NOT SELECTED timeout.
    #[arg(long, value_name = "TIME")]
    pub(crate) t7: Option<Span>,
    /// hsms: intercharacter timeout.
    #[arg(long, value_name = "TIME")]
    pub(crate) t8: Option<Span>,
    /// hsms: sends Linktest.req after so long without traffic.
    #[arg(long, value_name = "TIME")]
    pub(crate) linktest: Option<Span>,
}

/// Plays a device, well behaved or not.
///
/// The first line on stdout says where it listens; then every frame, every fact and every connection
/// follows as a JSON object a line. It runs until `quit`, Ctrl+C or SIGTERM, which it obeys cleanly.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct DeviceArgs {
    /// Which kind of device: toggle, vkb, hsms, cync or tazcom.
    pub(crate) protocol: String,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// Port to listen on; 0 is any free one. The default is the protocol's own: 9000 for toggle,
    /// 50995 for vkb, 5000 for hsms, 23779 for cync, 5252 for tazcom. One that dials dials
    /// there.
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Where it dials, instead of --host and --port; for devices that dial.
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["host", "port"])]
    pub(crate) to: Option<String>,
    /// Plays so many, each with an id, lamps and latencies of its own; for devices that dial.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) devices: u32,
    /// Speaks TLS with whom it dials, whoever that is; for devices that dial.
    #[arg(long)]
    pub(crate) tls: bool,
    /// With --tls, dials nobody but who shows a certificate of this file, or one that those signed; PEM.
    #[arg(long, value_name = "PATH", requires = "tls")]
    pub(crate) ca: Option<PathBuf>,
    /// What it does with connections and commands; see below.
    #[arg(long, default_value = "success")]
    pub(crate) mode: String,
    /// How long modes wait that wait, in seconds (or `200ms`).
    #[arg(long, value_name = "SECONDS")]
    pub(crate) delay: Option<Span>,
    /// Closes the next N connections before reading.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) reject_next: Option<u32>,
    /// Timers, device id and ways of a hsms device.
    #[command(flatten)]
    pub(crate) equipment: EquipmentArgs,
    /// A setting of its protocol; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<Setting>,
    /// How it acknowledges: with three bytes, or with a frame that names the command.
    #[arg(long, value_name = "FORM")]
    pub(crate) answer: Option<Form>,
    /// Commands it remembers, to apply each once; the default is 1000.
    #[arg(long, value_name = "N")]
    pub(crate) applied_limit: Option<usize>,
    /// How long it remembers them; the default is 300s.
    #[arg(long, value_name = "TIME")]
    pub(crate) applied_ttl: Option<Span>,
    /// Serves metrics of what it saw on http://127.0.0.1:PORT/metrics; 0 is any free port, printed.
    #[arg(long, value_name = "PORT")]
    pub(crate) metrics_port: Option<u16>,
    /// tazcom: is announced by multicast DNS, so that nodes find it; needs a --host that they can reach.
    #[arg(long)]
    pub(crate) announce: bool,
    /// Takes orders over HTTP on this port of 127.0.0.1; 0 is any free one, which is printed.
    #[arg(long, value_name = "PORT")]
    pub(crate) http_port: Option<u16>,
    /// Prints the raw chunks as well, as the kernel took and gave them.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Writes login keys down as they are; otherwise they are covered, wherever they turn up.
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

/// A setting by its name. Its value is JSON where it reads as that, else text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: Value,
}

impl FromStr for Setting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) = parts.ok_or("write it as KEY=VALUE")?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        Ok(Self { key: key.into(), value })
    }
}

/// How a device acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// The three bytes ACK.
    Ack,
    /// A frame that names the command.
    Framed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settings_value_is_json_or_text() {
        let read = |text: &str| text.parse::<Setting>().map(|s| (s.key, s.value));
        assert_eq!(read("replies=true"), Ok(("replies".into(), true.into())));
        assert_eq!(read("header_byte=90"), Ok(("header_byte".into(), 90.into())));
        assert_eq!(read("applied_ttl=1s=2"), Ok(("applied_ttl".into(), "1s=2".into())));
        assert!(read("replies").is_err());
        assert!(read("=true").is_err());
    }
}
