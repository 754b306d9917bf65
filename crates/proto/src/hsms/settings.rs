//! What a person may set about an HSMS node, and what it comes to.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    conduct::{Conduct, Conformance, Personality},
    endpoint::Config,
    message::HEADER,
};
use crate::{
    ConfigError, RawPolicy, Span,
    gem::{RawTool, Tool},
    resilience::{Connection, RawBreaker, RawReconnect, Stage},
};

/// The largest device id: 15 bits, the top one is 0 in HSMS-SS.
const MAX_SESSION: u16 = 0x7FFF;
/// Nobody waits longer than this for a peer to dial.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Who opens the TCP connection, and so who sends Select.req.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connect {
    /// This node does.
    Active,
    /// It waits for the peer to.
    Passive,
}

/// Who answers the equipment's primaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answering {
    /// The host itself, with the usual acknowledge.
    #[default]
    Auto,
    /// Whoever uses it, with a request that names the primary.
    Manual,
}

/// What a file or flag may set about an HSMS node.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who opens the connection; the host, unless set.
    pub connect: Option<Connect>,
    /// Device id, 0 to 32767.
    pub session: u16,
    /// Reply timeout: from a primary with W-bit to its reply; up to 120 s.
    pub t3: Span,
    /// Connect separation: between the end of one attempt to connect and the next, at the end that
    /// dials; up to 240 s.
    pub t5: Span,
    /// Control transaction timeout: from Select.req, Deselect.req or Linktest.req to its answer; up to 240 s.
    pub t6: Span,
    /// NOT SELECTED timeout: a connection may be up and not selected; up to 240 s.
    pub t7: Span,
    /// Intercharacter timeout: between two bytes of one message; up to 120 s.
    pub t8: Span,
    /// Send Linktest.req after so long without traffic; never, unless set.
    pub linktest: Option<Span>,
    /// Linktests in a row without an answer that end the connection.
    pub linktest_threshold: u32,
    /// How strictly to read the standard.
    pub conformance: Conformance,
    /// The longest length taken, header included; at most 16 MiB unless set.
    pub max_message: u32,
    /// Transactions of ours open at once.
    pub max_open: usize,
    /// Host: who answers the equipment's primaries.
    pub answers: Answering,
    /// Equipment: whose ways it has, instead of those of `conformance`.
    pub r#as: Option<Personality>,
    /// Equipment: a message for another device id is answered S9F1 and not processed.
    pub check_session: bool,
    /// Equipment: what it is and can do.
    pub tool: Option<RawTool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect: None,
            session: 0,
            t3: Span::millis(45_000),
            t5: Span::millis(10_000),
            t6: Span::millis(5_000),
            t7: Span::millis(10_000),
            t8: Span::millis(5_000),
            linktest: None,
            linktest_threshold: 1,
            conformance: Conformance::default(),
            max_message: 16 * 1024 * 1024,
            max_open: 1024,
            answers: Answering::default(),
            r#as: None,
            check_session: false,
            tool: None,
        }
    }
}

/// How long each timer runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timers {
    pub(super) t3: Duration,
    pub(super) t5: Duration,
    pub(super) t6: Duration,
    pub(super) t7: Duration,
    pub(super) t8: Duration,
    pub(super) linktest: Option<Duration>,
    pub(super) linktest_threshold: u32,
}

/// Checked settings.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    connect: Option<Connect>,
    session: u16,
    timers: Timers,
    max_message: u32,
    max_open: usize,
    conformance: &'static Conduct,
    personality: &'static Conduct,
    pub(super) answers: Answering,
    pub(super) check_session: bool,
    pub(super) tool: Tool,
}

impl Checked {
    pub(super) fn new(settings: Settings) -> Result<Self, ConfigError> {
        let Settings {
            connect,
            session,
            t3,
            t5,
            t6,
            t7,
            t8,
            linktest,
            linktest_threshold,
            conformance,
            max_message,
            max_open,
            answers,
            r#as,
            check_session,
            tool,
        } = settings;
        if session > MAX_SESSION {
            return Err(ConfigError::new("session", "a device id is at most 32767"));
        }
        if (max_message as usize) < HEADER {
            return Err(ConfigError::new("max_message", "must be at least the header's 10 bytes"));
        }
        if max_open == 0 {
            return Err(ConfigError::new("max_open", "must be at least 1"));
        }
        if linktest_threshold == 0 {
            return Err(ConfigError::new("linktest_threshold", "must be at least 1"));
        }
        if linktest.is_some_and(|interval| interval.0.is_zero()) {
            return Err(ConfigError::new("linktest", "must be longer than 0"));
        }
        let timer = |key, span: Span, most| within(key, span, conformance, most);
        let timers = Timers {
            t3: timer("t3", t3, 120)?,
            t5: timer("t5", t5, 240)?,
            t6: timer("t6", t6, 240)?,
            t7: timer("t7", t7, 240)?,
            t8: timer("t8", t8, 120)?,
            linktest: linktest.map(|interval| interval.0),
            linktest_threshold,
        };
        let conformance = conformance.conduct();
        let personality = r#as.map_or(conformance, Personality::conduct);
        Ok(Self {
            connect,
            session,
            timers,
            max_message,
            max_open,
            conformance,
            personality,
            answers,
            check_session,
            tool: Tool::new(tool.unwrap_or_default())
                .map_err(|e| ConfigError::new(format!("tool.{}", e.key), e.problem))?,
        })
    }

    /// Whether the host waits for the equipment to dial.
    pub(super) fn host_listens(&self) -> bool {
        self.connect == Some(Connect::Passive)
    }

    /// If the equipment dials: how long it waits between attempts.
    pub(super) fn equipment_dials(&self) -> Option<Duration> {
        (self.connect == Some(Connect::Active)).then_some(self.timers.t5)
    }

    pub(super) fn host(&self) -> Config {
        let active = !self.host_listens();
        self.config(self.conformance, active, false)
    }

    pub(super) fn equipment(&self) -> Config {
        self.config(self.personality, self.equipment_dials().is_some(), true)
    }

    pub(super) fn conduct(&self) -> &'static Conduct {
        self.personality
    }

    pub(super) fn session(&self) -> u16 {
        self.session
    }

    fn config(&self, conduct: &'static Conduct, active: bool, keeps_t3: bool) -> Config {
        Config {
            conduct,
            timers: self.timers,
            session: self.session,
            max_message: self.max_message,
            max_open: self.max_open,
            active,
            keeps_t3,
            exhausted: false,
        }
    }

    /// T3 is the patience of a host's requests, T5 the pause before it dials again. A cycle succeeds
    /// at SELECTED and nowhere before, and a request that was written is never sent twice.
    pub(super) fn policy(&self) -> RawPolicy {
        let Timers { t3, t5, t6, t7, .. } = self.timers;
        let open_for = Span(t5.max(Duration::from_secs(10)));
        let dial = RawPolicy::default().connect_timeout;
        let patience = t6.min(t7) + Duration::from_secs(1);
        // T5 binds the end that dials; one that listens is there again at once.
        let pause = if self.host_listens() { Duration::from_micros(1) } else { t5 };
        RawPolicy {
            connect_timeout: if self.host_listens() { Span(FOREVER) } else { dial },
            // The session's own timers come first, and say more.
            ready_timeout: Span(patience),
            recv_timeout: Span(t3),
            max_attempts: 1,
            retry_on: vec![Stage::Refused, Stage::Unreachable, Stage::ConnectTimeout],
            retry_ambiguous: false,
            connection: Connection::Kept,
            reconnect: Some(RawReconnect {
                min: Span(pause),
                max: Span(pause),
                eager_for: Span(FOREVER),
                cap: Span(pause),
            }),
            breaker: Some(RawBreaker { open_for, ..RawBreaker::default() }),
            ..RawPolicy::default()
        }
    }
}

/// The standard's ranges. Below a second is for laboratories, and so for `lenient` only.
fn within(
    key: &str,
    span: Span,
    conformance: Conformance,
    most: u64,
) -> Result<Duration, ConfigError> {
    let least = match conformance {
        Conformance::Lenient => Duration::from_micros(1),
        Conformance::E37 | Conformance::E37_1 => Duration::from_secs(1),
    };
    if span.0 < least || span.0 > Duration::from_secs(most) {
        let from = if least < Duration::from_secs(1) { "above 0" } else { "from 1 s" };
        let name = key.to_uppercase();
        let problem = format!("{name} is {from} to {most} s in {conformance}; {span} is not");
        return Err(ConfigError::new(key, problem));
    }
    Ok(span.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(settings: Settings) -> String {
        Checked::new(settings).unwrap_err().key
    }

    #[test]
    fn senseless_settings_name_themselves() {
        let d = Settings::default;
        assert_eq!(key(Settings { session: 0x8000, ..d() }), "session");
        assert_eq!(key(Settings { max_message: 9, ..d() }), "max_message");
        assert_eq!(key(Settings { max_open: 0, ..d() }), "max_open");
        assert_eq!(key(Settings { linktest_threshold: 0, ..d() }), "linktest_threshold");
        assert_eq!(key(Settings { linktest: Some(Span::millis(0)), ..d() }), "linktest");
        assert_eq!(key(Settings { t3: Span::millis(121_000), ..d() }), "t3");
        assert_eq!(key(Settings { t8: Span::millis(0), ..d() }), "t8");
        for ok in [Span::millis(1), Span::millis(240_000)] {
            assert!(Checked::new(Settings { t6: ok, ..d() }).is_ok());
        }
        let strict = Settings { conformance: Conformance::E37, t7: Span::millis(999), ..d() };
        assert_eq!(key(strict), "t7");
    }
}
