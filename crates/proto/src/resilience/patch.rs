//! What a file says about a policy, and nothing else: the rest stays as the protocol has it.
use serde::Deserialize;

use super::{
    Connection, Delivery, Queueing, RawBackoff, RawBreaker, RawPolicy, RawReconnect, Stage,
    WhenOpen,
};
use crate::Span;

/// The settings of a policy that are given. Tables within it are given whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the setting of `RawPolicy` with its name")]
pub struct PolicyPatch {
    pub connect_timeout: Option<Span>,
    pub ready_timeout: Option<Span>,
    pub send_timeout: Option<Span>,
    pub recv_timeout: Option<Span>,
    pub survive: Option<Span>,
    pub deadline: Option<Span>,
    pub max_attempts: Option<u32>,
    pub backoff: Option<RawBackoff>,
    pub retry_on: Option<Vec<Stage>>,
    pub retry_ambiguous: Option<bool>,
    pub confirm: Option<Delivery>,
    pub connection: Option<Connection>,
    pub queue: Option<usize>,
    pub queueing: Option<Queueing>,
    pub expire_after: Option<Span>,
    pub reconnect: Option<RawReconnect>,
    pub breaker: Option<RawBreaker>,
    pub when_open: Option<WhenOpen>,
}

impl PolicyPatch {
    /// The policy `base`, with what is given here instead.
    pub fn over(self, base: RawPolicy) -> RawPolicy {
        let Self {
            connect_timeout,
            ready_timeout,
            send_timeout,
            recv_timeout,
            survive,
            deadline,
            max_attempts,
            backoff,
            retry_on,
            retry_ambiguous,
            confirm,
            connection,
            queue,
            queueing,
            expire_after,
            reconnect,
            breaker,
            when_open,
        } = self;
        RawPolicy {
            connect_timeout: connect_timeout.unwrap_or(base.connect_timeout),
            ready_timeout: ready_timeout.unwrap_or(base.ready_timeout),
            send_timeout: send_timeout.unwrap_or(base.send_timeout),
            recv_timeout: recv_timeout.unwrap_or(base.recv_timeout),
            survive: survive.unwrap_or(base.survive),
            deadline: deadline.or(base.deadline),
            max_attempts: max_attempts.unwrap_or(base.max_attempts),
            backoff: backoff.unwrap_or(base.backoff),
            retry_on: retry_on.unwrap_or(base.retry_on),
            retry_ambiguous: retry_ambiguous.unwrap_or(base.retry_ambiguous),
            confirm: confirm.or(base.confirm),
            connection: connection.unwrap_or(base.connection),
            queue: queue.unwrap_or(base.queue),
            queueing: queueing.unwrap_or(base.queueing),
            expire_after: expire_after.or(base.expire_after),
            reconnect: reconnect.or(base.reconnect),
            breaker: breaker.or(base.breaker),
            when_open: when_open.unwrap_or(base.when_open),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole policy, written down and read back as what is given, is that policy over any other.
    #[test]
    fn everything_given_stands_and_nothing_given_changes_nothing() {
        let base = RawPolicy { queue: 7, ..RawPolicy::default() };
        assert_eq!(PolicyPatch::default().over(base.clone()), base);
        let whole = RawPolicy {
            connect_timeout: Span::millis(1),
            ready_timeout: Span::millis(2),
            send_timeout: Span::millis(3),
            recv_timeout: Span::millis(4),
            survive: Span::millis(5),
            deadline: Some(Span::millis(6)),
            max_attempts: 7,
            backoff: RawBackoff { base: Span::millis(8), ..RawBackoff::default() },
            retry_on: vec![Stage::Nack],
            retry_ambiguous: false,
            confirm: Some(Delivery::Replied),
            connection: Connection::Kept,
            queue: 9,
            queueing: Queueing::Latest,
            expire_after: Some(Span::millis(10)),
            reconnect: Some(RawReconnect::default()),
            breaker: Some(RawBreaker::default()),
            when_open: WhenOpen::Hold,
        };
        let written = serde_json::to_value(&whole).unwrap();
        let given: PolicyPatch = serde_json::from_value(written).unwrap();
        assert_eq!(given.over(base), whole);
    }
}
