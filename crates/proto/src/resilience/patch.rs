//! What a file says about a policy, and nothing else: the rest stays as the protocol has it.
use serde::Deserialize;

use super::{
    Connection, Delivery, Queueing, RawBackoff, RawBreaker, RawPolicy, RawReconnect, Stage,
    Timeout, WhenOpen,
};
use crate::Span;

macro_rules! policy_patch {
    ({ $($key:ident: $type:ty,)* } or none { $($optional:ident: $its:ty,)* }) => {
        /// The settings of a policy that are given. Tables within it are given whole or not at all.
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[expect(missing_docs, reason = "each is the setting of `RawPolicy` with its name")]
        pub struct PolicyPatch {
            $(pub $key: Option<$type>,)*
            $(pub $optional: Option<$its>,)*
        }

        impl PolicyPatch {
            /// The policy `base`, with what is given here instead.
            pub fn over(self, base: RawPolicy) -> RawPolicy {
                // All of them: a setting that is missing here does not compile.
                RawPolicy {
                    $($key: self.$key.unwrap_or(base.$key),)*
                    $($optional: self.$optional.or(base.$optional),)*
                }
            }
        }
    };
}

policy_patch! { {
    connect_timeout: Span,
    ready_timeout: Span,
    send_timeout: Span,
    recv_timeout: Span,
    timeout: Timeout,
    survive: Span,
    max_attempts: u32,
    backoff: RawBackoff,
    retry_on: Vec<Stage>,
    retry_ambiguous: bool,
    tell_acked: bool,
    connection: Connection,
    queue: usize,
    queueing: Queueing,
    when_open: WhenOpen,
} or none {
    deadline: Span,
    confirm: Delivery,
    expire_after: Span,
    reconnect: RawReconnect,
    breaker: RawBreaker,
} }

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
            timeout: Timeout::Adaptive,
            survive: Span::millis(5),
            deadline: Some(Span::millis(6)),
            max_attempts: 7,
            backoff: RawBackoff { base: Span::millis(8), ..RawBackoff::default() },
            retry_on: vec![Stage::Nack],
            retry_ambiguous: false,
            confirm: Some(Delivery::Replied),
            tell_acked: true,
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
