//! How reliable delivery fares, as metrics: which answers came, what was tried again and given up, how
//! long answers are waited for, which repeats devices knew again, and what nobody read.
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use proto::{
    Fact, Stage,
    resilience::{Dropped, Pulse, QueueEvent, WhenFull},
};

use super::{
    Dir, End, Event, Record,
    exposition::{Family, Kind},
    links::{Value, family},
};

/// Attempts told apart; all later ones are counted together.
const ATTEMPTS: u32 = 10;

/// What was counted, by device and by node. Nodes are named by us; of devices as many are told apart as
/// elsewhere.
#[derive(Debug, Default)]
pub(super) struct Reliable {
    acks: BTreeMap<(Arc<str>, Cow<'static, str>, &'static str), u64>,
    ack_timeouts: BTreeMap<Arc<str>, u64>,
    retries: BTreeMap<(Arc<str>, u32), u64>,
    abandoned: BTreeMap<(Arc<str>, Stage), u64>,
    nodes: BTreeMap<Arc<str>, Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// An answer that came just now: whether it repeats one, the next record says.
    answer: Option<(Arc<str>, Cow<'static, str>)>,
    pulse: Option<Pulse>,
    intake: Option<Unread>,
    memory: Option<Remembered>,
}

/// Requests that a device remembers.
#[derive(Debug, Default)]
struct Remembered {
    size: u64,
    hits: u64,
    evictions: u64,
}

/// What came unasked and waits for its reader.
#[derive(Debug, Default)]
struct Unread {
    size: usize,
    full: u64,
    dropped: BTreeMap<Dropped, u64>,
    changes: BTreeMap<(WhenFull, WhenFull), u64>,
}

impl Reliable {
    /// Whether this record counts for a device.
    pub(super) fn is_of_a_device(event: &Event) -> bool {
        matches!(
            event,
            Event::Submitted { .. }
                | Event::Attempt { attempt: 2.., .. }
                | Event::AttemptFailed { stage: Stage::ReceiveTimeout, .. }
                | Event::Frame { dir: Dir::In, ticket: Some(_), .. }
                | Event::Done { end: End::Failed { .. }, .. }
        )
    }

    /// Takes one record of a client in, which counts for this device, if it counts for one.
    pub(super) fn count(&mut self, record: &Record, device: Arc<str>) {
        self.settle(record);
        let Record { node, event, .. } = record;
        match event {
            Event::Submitted { .. } => _ = self.ack_timeouts.entry(device).or_default(),
            Event::Frame { dir: Dir::In, ticket: Some(_), kind, .. } => {
                self.node(node).answer = Some((device, kind.clone()));
            }
            Event::Attempt { attempt: attempt @ 2.., .. } => {
                *self.retries.entry((device, (*attempt).min(ATTEMPTS))).or_default() += 1;
            }
            Event::AttemptFailed { stage: Stage::ReceiveTimeout, .. } => {
                *self.ack_timeouts.entry(device).or_default() += 1;
            }
            Event::Done { end: End::Failed { stage, .. }, .. } => {
                *self.abandoned.entry((device, *stage)).or_default() += 1;
            }
            Event::Pulse { pulse } => self.node(node).pulse = Some(*pulse),
            Event::Intake { what, depth } => {
                self.node(node).intake.get_or_insert_default().count(*what, *depth);
            }
            Event::Listening { .. }
            | Event::Deaf
            | Event::ListenFailed { .. }
            | Event::Attempt { .. }
            | Event::Connecting { .. }
            | Event::ConnectFailed { .. }
            | Event::Opened { .. }
            | Event::Sent { .. }
            | Event::Received { .. }
            | Event::Frame { .. }
            | Event::Ready { .. }
            | Event::Fact { .. }
            | Event::Push { .. }
            | Event::Eof { .. }
            | Event::Closed { .. }
            | Event::AttemptFailed { .. }
            | Event::Proved { .. }
            | Event::Lost { .. }
            | Event::Reached { .. }
            | Event::Resent { .. }
            | Event::Breaker { .. }
            | Event::Told { .. }
            | Event::Done { .. }
            | Event::Step { .. }
            | Event::StepFailed { .. }
            | Event::Armed { .. }
            | Event::Joined { .. }
            | Event::Struck { .. }
            | Event::Lifted { .. }
            | Event::Ended { .. } => {}
        }
    }

    /// The answer before this record was one, or the repetition of one.
    fn settle(&mut self, Record { node, event, .. }: &Record) {
        let answer = self.nodes.get_mut(node).and_then(|node| node.answer.take());
        let Some((device, kind)) = answer else { return };
        let orphan = matches!(event, Event::Fact { fact: Fact::Orphan { .. }, .. });
        let outcome = if orphan { "orphaned" } else { "matched" };
        *self.acks.entry((device, kind, outcome)).or_default() += 1;
    }

    /// Takes one record of a device in.
    pub(super) fn recall(&mut self, Record { node, event, .. }: &Record) {
        let Event::Fact { fact, .. } = event else { return };
        match fact {
            Fact::Applied { .. } => self.memory(node).size += 1,
            Fact::Duplicate { .. } => self.memory(node).hits += 1,
            Fact::Forgot { ids } => {
                let memory = self.memory(node);
                memory.evictions += u64::from(*ids);
                memory.size = memory.size.saturating_sub((*ids).into());
            }
            Fact::Quirk { .. }
            | Fact::Malformed { .. }
            | Fact::Orphan { .. }
            | Fact::Odd { .. } => {}
        }
    }

    /// It will not be heard of again.
    pub(super) fn forget(&mut self, node: &str) {
        self.nodes.remove(node);
    }

    fn node(&mut self, node: &Arc<str>) -> &mut Node {
        self.nodes.entry(node.clone()).or_default()
    }
    fn memory(&mut self, node: &Arc<str>) -> &mut Remembered {
        self.node(node).memory.get_or_insert_default()
    }

    /// Those that have a value.
    pub(super) fn families(&self) -> Vec<Family> {
        let all = [self.of_devices(), self.of_pulses(), self.of_memories(), self.of_intakes()];
        all.into_iter().flatten().filter(|family| !family.samples.is_empty()).collect()
    }

    fn of_devices(&self) -> Vec<Family> {
        let acks = self.acks.iter().map(|((device, kind, outcome), n)| {
            let kind = ("ack_type", kind.to_string());
            (
                vec![("device_id", device.to_string()), kind, ("outcome", (*outcome).into())],
                *n as f64,
            )
        });
        let timeouts = self.ack_timeouts.iter();
        let retries = self.retries.iter().map(|((device, attempt), n)| {
            let more = if *attempt == ATTEMPTS { "+" } else { "" };
            let attempt = format!("{attempt}{more}");
            (vec![("device_id", device.to_string()), ("attempt_number", attempt)], *n as f64)
        });
        let abandoned = self.abandoned.iter().map(|((device, stage), n)| {
            (vec![("device_id", device.to_string()), ("reason", stage.to_string())], *n as f64)
        });
        vec![
            family(
                Kind::Counter,
                "tcp_comm_ack_received_total",
                "Total answers, to what was asked or repeating one",
                acks,
            ),
            family(
                Kind::Counter,
                "tcp_comm_ack_timeout_total",
                "Total attempts that no answer came to in time",
                timeouts.map(|(device, n)| (vec![("device_id", device.to_string())], *n as f64)),
            ),
            family(
                Kind::Counter,
                "tcp_comm_retry_attempts_total",
                "Total attempts after the first, by which it was",
                retries,
            ),
            family(
                Kind::Counter,
                "tcp_comm_message_abandoned_total",
                "Total commands given up, by what the last attempt failed of",
                abandoned,
            ),
        ]
    }

    fn of_pulses(&self) -> Vec<Family> {
        let each = |value: fn(&Pulse) -> u64| {
            self.gauges(move |node| Some(value(node.pulse.as_ref()?) as f64 / 1e6))
        };
        vec![
            family(
                Kind::Gauge,
                "tcp_comm_smoothed_rtt_seconds",
                "How long answers take, smoothed (SRTT of RFC 6298)",
                each(|pulse| pulse.srtt_us),
            ),
            family(
                Kind::Gauge,
                "tcp_comm_rtt_variation_seconds",
                "How much that varies (RTTVAR of RFC 6298)",
                each(|pulse| pulse.rttvar_us),
            ),
            family(
                Kind::Gauge,
                "tcp_comm_ack_timeout_seconds",
                "How long the next answer is waited for",
                each(|pulse| pulse.timeout_us),
            ),
        ]
    }

    fn of_memories(&self) -> Vec<Family> {
        let each = |value: fn(&Remembered) -> u64| {
            self.gauges(move |node| Some(value(node.memory.as_ref()?) as f64))
        };
        vec![
            family(
                Kind::Gauge,
                "tcp_comm_dedup_cache_size",
                "Commands that the device would know again",
                each(|memory| memory.size),
            ),
            family(
                Kind::Counter,
                "tcp_comm_dedup_cache_hits_total",
                "Total commands that the device knew again",
                each(|memory| memory.hits),
            ),
            family(
                Kind::Counter,
                "tcp_comm_dedup_cache_evictions_total",
                "Total commands forgotten, for want of room or since they were old",
                each(|memory| memory.evictions),
            ),
            family(
                Kind::Counter,
                "tcp_comm_idempotent_drop_total",
                "Total commands answered and not done, since they had been done before",
                each(|memory| memory.hits),
            ),
        ]
    }

    fn of_intakes(&self) -> Vec<Family> {
        let unread = || {
            let nodes = self.nodes.iter();
            nodes.filter_map(|(node, counted)| Some((node, counted.intake.as_ref()?)))
        };
        let dropped = unread().flat_map(|(node, unread)| {
            unread.dropped.iter().map(move |(why, n)| {
                (vec![("node", node.to_string()), ("reason", why.to_string())], *n as f64)
            })
        });
        let changes = unread().flat_map(|(node, unread)| {
            unread.changes.iter().map(move |((from, to), n)| {
                let labels = [("from", from.to_string()), ("to", to.to_string())];
                let node = [("node", node.to_string())];
                (node.into_iter().chain(labels).collect(), *n as f64)
            })
        });
        vec![
            family(
                Kind::Gauge,
                "tcp_comm_recv_queue_size",
                "What the peer said unasked and nobody has read yet",
                self.gauges(|node| Some(node.intake.as_ref()?.size as f64)),
            ),
            family(
                Kind::Counter,
                "tcp_comm_queue_full_total",
                "Total times there was no room for what the peer said unasked",
                self.gauges(|node| Some(node.intake.as_ref()?.full as f64)),
            ),
            family(
                Kind::Counter,
                "tcp_comm_queue_dropped_total",
                "Total that the peer said unasked and nobody will read",
                dropped,
            ),
            family(
                Kind::Counter,
                "tcp_comm_queue_policy_changes_total",
                "Total changes of the rule for what there is no room for",
                changes,
            ),
        ]
    }

    fn gauges(&self, value: impl Fn(&Node) -> Option<f64>) -> impl Iterator<Item = Value> {
        self.nodes.iter().filter_map(move |(node, counted)| {
            Some((vec![("node", node.to_string())], value(counted)?))
        })
    }
}

impl Unread {
    fn count(&mut self, what: QueueEvent, depth: usize) {
        self.size = depth;
        match what {
            QueueEvent::Put | QueueEvent::Taken => {}
            QueueEvent::Full => self.full += 1,
            QueueEvent::Dropped { why } => *self.dropped.entry(why).or_default() += 1,
            QueueEvent::Changed { from, to } => *self.changes.entry((from, to)).or_default() += 1,
        }
    }
}

#[cfg(test)]
mod tests;
