//! What a node is to be patient with and to refuse: flags go before the environment, that before the file.
use std::{path::Path, time::Duration};

use proto::{
    ConfigError, Span,
    tazcom::{
        RawTerms, Terms, Version,
        gossip::{self, RawGossip},
        node,
        roster::{self, RawRoster},
    },
};

use super::hosting::from_file;
use crate::{
    args::{LimitArgs, LogFormat},
    exit::Failure,
};

/// What `wirelab node` speaks.
pub(crate) const VERSION: Version = Version::V03;
/// Nobody was there for so long: then something may be wrong.
const ALONE_AFTER: Duration = Duration::from_secs(10);

/// How a node lives.
#[derive(Clone, Debug)]
pub(crate) struct Living {
    pub(crate) settings: node::Settings,
    pub(crate) alone_after: Option<Duration>,
    pub(crate) log: LogFormat,
}

/// For a node on loopback, or on a network.
///
/// # Errors
/// A setting that cannot be, or a file that cannot be read.
pub(crate) fn living(
    args: LimitArgs,
    file: Option<&Path>,
    loopback: bool,
    encrypt: bool,
) -> Result<Living, Failure> {
    let file = file.map_or_else(|| Ok(LimitArgs::default()), from_file)?;
    let LimitArgs {
        connect_timeout,
        read_timeout,
        idle_timeout,
        heartbeat,
        message_size_limit,
        max_connections,
        max_connections_each,
        connection_burst,
        peer_burst,
        author_rate,
        alone_after,
        log_format,
    } = args;
    let idle_timeout = idle_timeout.or(file.idle_timeout);
    let max_connections = max_connections.or(file.max_connections);
    let d = RawTerms::default();
    let terms = RawTerms {
        version: VERSION,
        encrypt,
        patience: read_timeout.or(file.read_timeout).unwrap_or(d.patience),
        idle: idle_timeout.unwrap_or(d.idle),
        heartbeat: heartbeat
            .or(file.heartbeat)
            .or(idle_timeout.map(|Span(idle)| Span(idle / 3)))
            .unwrap_or(d.heartbeat),
        message_size_limit: message_size_limit
            .or(file.message_size_limit)
            .unwrap_or(d.message_size_limit),
        ..d
    };
    let d = RawRoster::default();
    let calls = max_connections.unwrap_or(d.calls);
    let roster = RawRoster {
        // Discovery keeps our own announcement back, so any other with our id is a clone's.
        name: Some(String::new()),
        loopback,
        connect: connect_timeout.or(file.connect_timeout).unwrap_or(d.connect),
        calls,
        calls_each: max_connections_each
            .or(file.max_connections_each)
            .unwrap_or(d.calls_each.min(calls)),
        call_burst: connection_burst.or(file.connection_burst).unwrap_or(d.call_burst),
        ..d
    };
    let d = RawGossip::default();
    let gossip = RawGossip {
        peer_burst: peer_burst.or(file.peer_burst).unwrap_or(d.peer_burst),
        author_rate: author_rate.or(file.author_rate).unwrap_or(d.author_rate),
        ..d
    };
    let alone_after = alone_after.or(file.alone_after).map_or(ALONE_AFTER, |span| span.0);
    Ok(Living {
        settings: node::Settings {
            terms: Terms::new(terms).map_err(by_flag)?,
            roster: roster::Settings::new(roster).map_err(by_flag)?,
            gossip: gossip::Settings::new(gossip).map_err(by_flag)?,
        },
        alone_after: (!alone_after.is_zero()).then_some(alone_after),
        log: log_format.or(file.log_format).unwrap_or_default(),
    })
}

/// People know a setting by its flag.
fn by_flag(ConfigError { key, problem }: ConfigError) -> Failure {
    let key = match key.as_str() {
        "connect" => "connect_timeout",
        "patience" => "read_timeout",
        "idle" => "idle_timeout",
        "calls" => "max_connections",
        "calls_each" => "max_connections_each",
        "call_burst" => "connection_burst",
        same => same,
    };
    ConfigError::new(key, problem).into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KEYS: [(&str, &str); 11] = [
        ("connect_timeout", "'7s'"),
        ("read_timeout", "'7s'"),
        ("idle_timeout", "'77s'"),
        ("heartbeat", "'7s'"),
        ("message_size_limit", "777"),
        ("max_connections", "77"),
        ("max_connections_each", "7"),
        ("connection_burst", "7"),
        ("peer_burst", "7"),
        ("author_rate", "7"),
        ("alone_after", "'7s'"),
    ];

    fn args(toml: &str) -> LimitArgs {
        toml::from_str(toml).expect(toml)
    }

    fn shown(args: LimitArgs, file: Option<&str>) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.toml");
        fs::write(&path, file.unwrap_or_default()).unwrap();
        format!("{:?}", living(args, file.map(|_| path.as_path()), false, true).unwrap())
    }

    #[test]
    fn each_setting_has_an_effect_of_its_own_and_a_flag_goes_before_the_file() {
        let usual = shown(LimitArgs::default(), None);
        let mut seen = std::collections::BTreeSet::from([usual.clone()]);
        for (key, value) in KEYS {
            let toml = format!("{key} = {value}");
            let by_flag = shown(args(&toml), None);
            assert_eq!(shown(LimitArgs::default(), Some(&toml)), by_flag, "{key}");
            assert!(seen.insert(by_flag.clone()), "{key} changes nothing, or what another does");
            let other = toml.replace('7', "6");
            assert_eq!(shown(args(&toml), Some(&other)), by_flag, "{key}");
            assert_ne!(shown(LimitArgs::default(), Some(&other)), by_flag, "{key}");
        }
    }

    #[test]
    fn a_mistake_is_named_by_its_flag() {
        for (toml, flag) in [
            ("connect_timeout = 0", "--connect-timeout: "),
            ("read_timeout = 0", "--read-timeout: "),
            ("idle_timeout = 1\nheartbeat = 1", "--idle-timeout: "),
            ("message_size_limit = 9", "--message-size-limit: "),
            ("max_connections = 0", "--max-connections: "),
            ("max_connections_each = 257", "--max-connections-each: "),
            ("connection_burst = 0", "--connection-burst: "),
            ("peer_burst = 0", "--peer-burst: "),
            ("author_rate = 0", "--author-rate: "),
        ] {
            let failure = format!("{:?}", living(args(toml), None, false, true).unwrap_err());
            assert!(failure.contains(flag), "{failure}");
        }
    }

    #[test]
    fn a_word_that_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.toml");
        fs::write(&path, "idle_timeut = 3").unwrap();
        let failure = living(LimitArgs::default(), Some(&path), false, true).unwrap_err();
        assert!(format!("{failure:?}").contains("idle_timeut"), "{failure:?}");
    }

    #[test]
    fn never_is_never() {
        let after = |toml| living(args(toml), None, false, true).unwrap().alone_after;
        assert_eq!([after("alone_after = 0"), after("")], [None, Some(ALONE_AFTER)]);
    }
}
