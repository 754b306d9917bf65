//! A node's patience and limits: flags and the environment, and a file in the same words.
use clap::{Args, ValueEnum};
use proto::Span;
use serde::Deserialize;

/// What a node does not wait for, and what it does not take.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// For a connection to open, 5 s by default.
    #[arg(long, value_name = "TIME", env = "TAZCOM_CONNECT_TIMEOUT", hide_env_values = true)]
    pub(crate) connect_timeout: Option<Span>,
    /// For a greeting, or whatever one line a connection is for, 5 s by default.
    #[arg(long, value_name = "TIME", env = "TAZCOM_READ_TIMEOUT", hide_env_values = true)]
    pub(crate) read_timeout: Option<Span>,
    /// A link that hears nothing for so long is closed, 90 s by default. Peers speak each 30 s.
    #[arg(long, value_name = "TIME", env = "TAZCOM_IDLE_TIMEOUT", hide_env_values = true)]
    pub(crate) idle_timeout: Option<Span>,
    /// Says that it is there on a link that was silent for so long, a third of the idle timeout by
    /// default.
    #[arg(long, value_name = "TIME", env = "TAZCOM_HEARTBEAT", hide_env_values = true)]
    pub(crate) heartbeat: Option<Span>,
    /// Longest line of a greeting, in bytes with its newline, 1024 by default.
    #[arg(long, value_name = "BYTES", env = "TAZCOM_MESSAGE_SIZE_LIMIT", hide_env_values = true)]
    pub(crate) message_size_limit: Option<usize>,
    /// Connections that others have opened, 256 by default.
    #[arg(long, value_name = "N", env = "TAZCOM_MAX_CONNECTIONS", hide_env_values = true)]
    pub(crate) max_connections: Option<usize>,
    /// Of these, from one address, 16 by default.
    #[arg(long, value_name = "N", env = "TAZCOM_MAX_CONNECTIONS_EACH", hide_env_values = true)]
    pub(crate) max_connections_each: Option<usize>,
    /// Connections that one address may open at once, 40 by default; four more each second.
    #[arg(long, value_name = "N", env = "TAZCOM_CONNECTION_BURST", hide_env_values = true)]
    pub(crate) connection_burst: Option<u32>,
    /// Messages that a peer may send unasked at once, 400 by default; a hundred more each second.
    #[arg(long, value_name = "N", env = "TAZCOM_PEER_BURST", hide_env_values = true)]
    pub(crate) peer_burst: Option<u32>,
    /// Messages of one author that are taken in a minute, 600 by default.
    #[arg(long, value_name = "N", env = "TAZCOM_AUTHOR_RATE", hide_env_values = true)]
    pub(crate) author_rate: Option<u32>,
    /// Says what may be wrong when nobody was there for so long, 10 s by default; 0 is never.
    #[arg(long, value_name = "TIME", env = "TAZCOM_ALONE_AFTER", hide_env_values = true)]
    pub(crate) alone_after: Option<Span>,
    /// What stderr tells: in json, warnings alone, since stdout tells everything as JSON; in classic,
    /// besides, each step in the words of TAZCOM 0.1.
    #[arg(long, value_name = "json|classic", env = "TAZCOM_LOG_FORMAT", hide_env_values = true)]
    pub(crate) log_format: Option<LogFormat>,
}

/// What stderr tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// Warnings.
    #[default]
    Json,
    /// What a published node logs.
    Classic,
}
