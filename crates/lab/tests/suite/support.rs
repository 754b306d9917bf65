//! What the tests share: quick policies, and questions to the record.
use net::{Event, Record, record::End};
use proto::{RawPolicy, Span, resilience::RawBackoff, toggle::Toggle};

pub(crate) fn quick() -> RawPolicy {
    RawPolicy {
        connect_timeout: Span::millis(500),
        send_timeout: Span::millis(300),
        recv_timeout: Span::millis(150),
        backoff: RawBackoff {
            base: Span::millis(20),
            jitter: Span::millis(10),
            ..RawBackoff::default()
        },
        ..RawPolicy::default()
    }
}

pub(crate) fn on() -> Toggle {
    Toggle::new("D1", true).unwrap()
}

/// How many records of `node` satisfy `is`.
pub(crate) fn count(records: &[Record], node: &str, is: impl Fn(&Event) -> bool) -> usize {
    records.iter().filter(|r| &*r.node == node && is(&r.event)).count()
}

/// Every request's end, in order.
pub(crate) fn ends(records: &[Record]) -> Vec<End> {
    let end = |r: &Record| match &r.event {
        Event::Done { end, .. } => Some(end.clone()),
        _ => None,
    };
    records.iter().filter_map(end).collect()
}
