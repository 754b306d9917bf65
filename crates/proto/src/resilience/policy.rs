//! The numbers a client lives by, and the words for how a request can end.
use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Backoff, BreakerConfig, RawBackoff, RawBreaker, RawReconnect, Reconnect};
use crate::{ConfigError, Protocol, Span, session::CloseReason};

/// How far one request provably got. Each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// We hold it.
    Queued,
    /// Our kernel took the bytes.
    Written,
    /// The peer's kernel has them.
    TcpAcked,
    /// The connection was still healthy a while later.
    Survived,
    /// The peer answered something after it.
    Replied,
    /// The peer says it did this very request.
    Applied,
    /// The effect itself was seen.
    Observed,
}

/// Where an attempt, or the whole request, came to grief. Labels of metrics, reports and exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody listens there.
    Refused,
    /// No way there, by name or by route.
    Unreachable,
    /// The connection did not open in time.
    ConnectTimeout,
    /// The bytes could not be handed to the kernel, or not in time.
    SendFailed,
    /// No answer in time.
    ReceiveTimeout,
    /// The peer closed before it answered.
    Closed,
    /// The connection was reset before the answer.
    Reset,
    /// The device answered no.
    Nack,
    /// The answer was no answer.
    Malformed,
    /// Answered, but the level asked for was not proved.
    NotConfirmed,
    /// The whole-request deadline passed.
    Deadline,
    /// The outbox was full, so it was never taken on.
    QueueFull,
    /// We were told to stop first.
    Cancelled,
    /// The circuit breaker let nobody pass.
    BreakerOpen,
    /// A newer state was submitted before this one was sent.
    Superseded,
    /// It went stale before it could be sent.
    Expired,
}

macro_rules! spelled_like_serde {
    ($($type:ident: $all:expr),*) => {$(
        impl $type {
            /// Every value, in order.
            pub const ALL: &[Self] = $all;
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.serialize(f)
            }
        }
        impl FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.to_string() == text).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(Self::to_string).collect();
                    format!("`{text}` is none of {}", all.join(", "))
                })
            }
        }
    )*};
}

spelled_like_serde! {
    Delivery: &[
        Self::Queued, Self::Written, Self::TcpAcked, Self::Survived, Self::Replied, Self::Applied,
        Self::Observed,
    ],
    Stage: &[
        Self::Refused, Self::Unreachable, Self::ConnectTimeout, Self::SendFailed,
        Self::ReceiveTimeout, Self::Closed, Self::Reset, Self::Nack, Self::Malformed,
        Self::NotConfirmed, Self::Deadline, Self::QueueFull, Self::Cancelled, Self::BreakerOpen,
        Self::Superseded, Self::Expired,
    ]
}

/// Why a request failed: the last attempt's stage, and what led there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{stage} after {attempts} attempt{}: {detail}", if *.attempts == 1 { "" } else { "s" })]
pub struct RequestError {
    /// Where it ended.
    pub stage: Stage,
    /// Attempts made.
    pub attempts: u32,
    /// The particulars, for a person.
    pub detail: String,
}

/// How connections are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// A new one for every attempt, closed by us after the answer.
    PerRequest,
    /// One, kept open between requests.
    Kept,
}

/// What becomes of requests while there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queueing {
    /// All are sent, in order.
    Ordered,
    /// Requests are whole states: only the latest counts, and it is the first thing a new
    /// connection carries.
    Latest,
}

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timeout {
    /// `recv_timeout`, always.
    #[default]
    Fixed,
    /// `recv_timeout` at first, and then what the answers so far make likely, from 100 ms to 5 s.
    Adaptive,
}

/// What becomes of requests while the circuit breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenOpen {
    /// They fail at once.
    Refuse,
    /// They wait.
    Hold,
}

/// Everything a person may set about a client's patience, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawPolicy {
    /// For the connection to open.
    pub connect_timeout: Span,
    /// For the protocol's handshake.
    pub ready_timeout: Span,
    /// For the kernel to take a request's bytes.
    pub send_timeout: Span,
    /// For the answer, from when the bytes were taken.
    pub recv_timeout: Span,
    /// Whether that stays so.
    pub timeout: Timeout,
    /// How long a connection must stay healthy to count as survived.
    pub survive: Span,
    /// For the whole request, all attempts and delays included.
    pub deadline: Option<Span>,
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// Delays between attempts.
    pub backoff: RawBackoff,
    /// Stages worth another attempt.
    pub retry_on: Vec<Stage>,
    /// Retry also when bytes were written and nobody knows what became of them.
    pub retry_ambiguous: bool,
    /// The level a request must reach; the protocol's own by default.
    pub confirm: Option<Delivery>,
    /// Tell when the peer's kernel has a request, also where more is demanded. Only Linux can.
    pub tell_acked: bool,
    /// How connections are used.
    pub connection: Connection,
    /// Requests held at once; one more is refused.
    pub queue: usize,
    /// What becomes of requests while there is no connection.
    pub queueing: Queueing,
    /// How long a request may wait before it is first sent.
    pub expire_after: Option<Span>,
    /// Keeps the connection up, also when nobody asks anything; without it, requests dial.
    pub reconnect: Option<RawReconnect>,
    /// Stops dialling a peer that keeps failing.
    pub breaker: Option<RawBreaker>,
    /// What becomes of requests while the breaker is open.
    pub when_open: WhenOpen,
}

impl Default for RawPolicy {
    fn default() -> Self {
        use Stage::*;
        Self {
            connect_timeout: Span::millis(1000),
            ready_timeout: Span::millis(5000),
            send_timeout: Span::millis(1500),
            recv_timeout: Span::millis(1500),
            timeout: Timeout::Fixed,
            survive: Span::millis(500),
            deadline: None,
            max_attempts: 2,
            backoff: RawBackoff::default(),
            retry_on: vec![
                Refused,
                Unreachable,
                ConnectTimeout,
                SendFailed,
                ReceiveTimeout,
                Closed,
                Reset,
            ],
            retry_ambiguous: true,
            confirm: None,
            tell_acked: false,
            connection: Connection::PerRequest,
            queue: 1024,
            queueing: Queueing::Ordered,
            expire_after: None,
            reconnect: None,
            breaker: None,
            when_open: WhenOpen::Refuse,
        }
    }
}

/// A checked policy. It cannot be changed; make another.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(super) connect_timeout: Duration,
    pub(super) ready_timeout: Duration,
    pub(super) send_timeout: Duration,
    pub(super) recv_timeout: Duration,
    pub(super) timeout: Timeout,
    pub(super) survive: Duration,
    pub(super) deadline: Option<Duration>,
    pub(super) max_attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) retry_on: Vec<Stage>,
    pub(super) retry_ambiguous: bool,
    pub(super) confirm: Delivery,
    pub(super) tell_acked: bool,
    pub(super) connection: Connection,
    pub(super) queue: usize,
    pub(super) queueing: Queueing,
    pub(super) expire_after: Option<Duration>,
    pub(super) reconnect: Option<Reconnect>,
    pub(super) breaker: Option<BreakerConfig>,
    pub(super) when_open: WhenOpen,
}

impl Policy {
    /// Checks the settings against what protocol `P` can prove.
    ///
    /// # Errors
    /// A timeout or a count of zero, or a confirmation that `P` can never give.
    pub fn new<P: Protocol>(raw: RawPolicy) -> Result<Self, ConfigError> {
        let RawPolicy {
            connect_timeout,
            ready_timeout,
            send_timeout,
            recv_timeout,
            timeout,
            survive,
            deadline,
            max_attempts,
            backoff,
            retry_on,
            retry_ambiguous,
            confirm,
            tell_acked,
            connection,
            queue,
            queueing,
            expire_after,
            reconnect,
            breaker,
            when_open,
        } = raw;
        let positive = |key: &str, span: Span| match span.0 {
            Duration::ZERO => Err(ConfigError::new(key, "must be longer than 0")),
            long => Ok(long),
        };
        if max_attempts == 0 {
            return Err(ConfigError::new("max_attempts", "must be at least 1"));
        }
        if queue == 0 {
            return Err(ConfigError::new("queue", "must be at least 1"));
        }
        if reconnect.is_some() && connection == Connection::PerRequest {
            let problem = "keeps a connection up; set connection = \"kept\" as well";
            return Err(ConfigError::new("reconnect", problem));
        }
        let confirm = confirm.unwrap_or(P::CONFIRM);
        if confirm > P::HIGHEST || confirm == Delivery::Queued {
            let problem = format!("{} proves levels from written to {}", P::NAME, P::HIGHEST);
            return Err(ConfigError::new("confirm", problem));
        }
        if confirm == Delivery::TcpAcked && !cfg!(target_os = "linux") {
            return Err(ConfigError::new("confirm", "tcp_acked needs Linux; ask for survived"));
        }
        Ok(Self {
            connect_timeout: positive("connect_timeout", connect_timeout)?,
            ready_timeout: positive("ready_timeout", ready_timeout)?,
            send_timeout: positive("send_timeout", send_timeout)?,
            recv_timeout: positive("recv_timeout", recv_timeout)?,
            timeout,
            survive: positive("survive", survive)?,
            deadline: deadline.map(|d| positive("deadline", d)).transpose()?,
            max_attempts,
            backoff: Backoff::new(backoff)?,
            retry_on,
            retry_ambiguous,
            confirm,
            tell_acked: tell_acked && cfg!(target_os = "linux"),
            connection,
            queue,
            queueing,
            expire_after: expire_after.map(|d| positive("expire_after", d)).transpose()?,
            reconnect: reconnect.map(Reconnect::new).transpose()?,
            breaker: breaker.map(BreakerConfig::new).transpose()?,
            when_open,
        })
    }
}

impl From<&CloseReason> for Stage {
    /// What a connection's end means to a request that was waiting on it.
    fn from(reason: &CloseReason) -> Self {
        match reason {
            CloseReason::Peer | CloseReason::Left(_) => Self::Closed,
            CloseReason::Reset => Self::Reset,
            CloseReason::TimedOut(_) | CloseReason::Timer(_) => Self::ReceiveTimeout,
            CloseReason::Refused(_) => Self::Nack,
            CloseReason::Misbehaved(_) => Self::Malformed,
            CloseReason::Failed(_) => Self::Reset,
            CloseReason::Local | CloseReason::Abort => Self::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toggle::Lamp;

    #[test]
    fn words_read_as_they_are_written() {
        for stage in Stage::ALL {
            assert_eq!(stage.to_string().parse(), Ok(*stage));
        }
        assert_eq!(Stage::ConnectTimeout.to_string(), "connect_timeout");
        assert!("banana".parse::<Delivery>().unwrap_err().contains("tcp_acked"));
    }

    #[test]
    fn senseless_policies_name_the_setting() {
        let key = |raw| Policy::new::<Lamp>(raw).unwrap_err().key;
        let d = RawPolicy::default;
        assert_eq!(key(RawPolicy { max_attempts: 0, ..d() }), "max_attempts");
        assert_eq!(key(RawPolicy { queue: 0, ..d() }), "queue");
        assert_eq!(key(RawPolicy { recv_timeout: Span::millis(0), ..d() }), "recv_timeout");
        assert_eq!(key(RawPolicy { confirm: Some(Delivery::Observed), ..d() }), "confirm");
        assert_eq!(key(RawPolicy { confirm: Some(Delivery::Queued), ..d() }), "confirm");
    }
}
