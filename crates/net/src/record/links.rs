//! How the links of clients fare: whether the peer is there, how often it came back, and what the
//! circuit breaker did. Nodes are named by us, and guests are forgotten when they leave, so there are no
//! more labels than clients.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proto::resilience::{BreakerEvent, BreakerState, Cause};

use super::{
    Event, Record,
    exposition::{Family, Kind, Sample},
};

/// The links, by node.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<Arc<str>, Link>);

#[derive(Debug, Default)]
struct Link {
    up: bool,
    /// It was up once, and has been lost since.
    lost: bool,
    proved_once: bool,
    reconnects: u64,
    failures: u64,
    /// None until the breaker counted something: a client may have none.
    breaker: Option<BreakerState>,
    transitions: BTreeMap<Transition, u64>,
}

/// Clients that were made for one connection, which somebody else opened.
#[derive(Debug, Default)]
pub(super) struct Guests(BTreeSet<Arc<str>>);

impl Guests {
    /// Takes one record of a client in. Whether it is the last of a guest.
    pub(super) fn has_left(&mut self, Record { node, event, .. }: &Record) -> bool {
        // A lobby calls its guests by where they dial from.
        if let Event::Opened { peer, .. } = event
            && **node == *peer.to_string()
        {
            self.0.insert(node.clone());
        }
        matches!(event, Event::Closed { .. }) && self.0.remove(node)
    }
}

type Transition = (BreakerState, BreakerState, Cause);

impl Links {
    /// Takes one record of a client in.
    pub(super) fn count(&mut self, Record { node, event, .. }: &Record) {
        match event {
            Event::Connecting { .. } => drop(self.link(node)),
            Event::Proved { .. } => self.link(node).prove(),
            Event::Lost { .. } => {
                if let Some(link) = self.0.get_mut(node) {
                    link.lost = link.proved_once;
                }
            }
            Event::Closed { .. } => self.link(node).up = false,
            Event::Breaker { what } => self.link(node).count_breaker(what),
            Event::Listening { .. }
            | Event::Deaf
            | Event::ListenFailed { .. }
            | Event::Submitted { .. }
            | Event::Attempt { .. }
            | Event::ConnectFailed { .. }
            | Event::Opened { .. }
            | Event::Sent { .. }
            | Event::Received { .. }
            | Event::Frame { .. }
            | Event::Ready { .. }
            | Event::Fact { .. }
            | Event::Push { .. }
            | Event::Eof { .. }
            | Event::AttemptFailed { .. }
            | Event::Reached { .. }
            | Event::Pulse { .. }
            | Event::Intake { .. }
            | Event::Resent { .. }
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

    /// It will not be heard of again.
    pub(super) fn forget(&mut self, node: &str) {
        self.0.remove(node);
    }

    fn link(&mut self, node: &Arc<str>) -> &mut Link {
        self.0.entry(node.clone()).or_default()
    }

    pub(super) fn families(&self) -> Vec<Family> {
        let each = |value: fn(&Link) -> f64| {
            self.0.iter().map(move |(node, link)| (vec![("node", node.to_string())], value(link)))
        };
        vec![
            family(
                Kind::Gauge,
                "tcp_comm_connection_up",
                "Whether the peer has proved to be there on the connection that is open",
                each(|link| f64::from(u8::from(link.up))),
            ),
            family(
                Kind::Counter,
                "tcp_comm_reconnects_total",
                "Total connections proved after one was lost",
                each(|link| link.reconnects as f64),
            ),
            family(
                Kind::Gauge,
                "tcp_comm_breaker_state",
                "The state the circuit breaker is in has 1, the others 0",
                self.states(),
            ),
            family(
                Kind::Counter,
                "tcp_comm_breaker_transitions_total",
                "Total changes of the circuit breaker's state",
                self.transitions(),
            ),
            family(
                Kind::Counter,
                "tcp_comm_breaker_failures_total",
                "Total failures the circuit breaker counted",
                each(|link| link.failures as f64),
            ),
        ]
    }

    fn states(&self) -> impl Iterator<Item = Value> {
        let known = self.0.iter().filter_map(|(node, link)| Some((node, link.breaker?)));
        known.flat_map(|(node, now)| {
            BreakerState::ALL.into_iter().map(move |state| {
                let labels = vec![("node", node.to_string()), ("state", state.to_string())];
                (labels, f64::from(u8::from(state == now)))
            })
        })
    }

    fn transitions(&self) -> impl Iterator<Item = Value> {
        self.0.iter().flat_map(|(node, link)| {
            link.transitions.iter().map(move |((from, to, cause), times)| {
                let labels = [("from", from.to_string()), ("to", to.to_string())];
                let more = [("cause", cause.to_string()), ("node", node.to_string())];
                (labels.into_iter().chain(more).collect(), *times as f64)
            })
        })
    }
}

impl Link {
    fn prove(&mut self) {
        self.reconnects += u64::from(self.lost);
        (self.up, self.lost, self.proved_once) = (true, false, true);
    }

    fn count_breaker(&mut self, what: &BreakerEvent) {
        match what {
            BreakerEvent::Counted { state, .. } => {
                self.failures += 1;
                self.breaker = Some(*state);
            }
            BreakerEvent::Changed { from, to, cause } => {
                *self.transitions.entry((*from, *to, *cause)).or_default() += 1;
                self.breaker = Some(*to);
            }
        }
    }
}

/// Labels, and what they have.
pub(super) type Value = (Vec<(&'static str, String)>, f64);

pub(super) fn family(
    kind: Kind,
    name: &str,
    help: &str,
    values: impl Iterator<Item = Value>,
) -> Family {
    let sample = |(labels, value): Value| Sample {
        name: name.into(),
        labels: labels.into_iter().map(|(key, value)| (key.into(), value)).collect(),
        value,
    };
    Family { name: name.into(), help: help.into(), kind, samples: values.map(sample).collect() }
}

#[cfg(test)]
mod tests {
    use BreakerState::{Closed, HalfOpen, Open};
    use proto::{CloseReason, Proof, resilience::Pulse};

    use super::*;
    use crate::record::{Level, Metrics, PacketLog, Role, Sink, told::*};

    fn connecting() -> Event {
        Event::Connecting { conn: 1, addr: addr() }
    }
    fn proved() -> Event {
        Event::Proved { conn: 1, proof: Proof::Survived }
    }
    fn lost() -> Event {
        Event::Lost { conn: 1, reason: "refused".into(), redial_in_us: 50_000 }
    }
    fn closed() -> Event {
        Event::Closed { conn: 1, reason: CloseReason::Peer }
    }
    fn counted(state: BreakerState) -> Event {
        Event::Breaker { what: BreakerEvent::Counted { failures: 1, threshold: 1, state } }
    }
    fn changed(from: BreakerState, to: BreakerState, cause: Cause) -> Event {
        Event::Breaker { what: BreakerEvent::Changed { from, to, cause } }
    }

    fn told(events: &[Event]) -> Metrics {
        let mut metrics = Metrics::new();
        events.iter().for_each(|event| metrics.take(&client(0, event.clone())));
        metrics
    }
    /// `up` and `reconnects` after these.
    fn link(events: &[Event]) -> [Option<f64>; 2] {
        let metrics = told(events);
        ["connection_up", "reconnects_total"]
            .map(|name| metrics.value(&format!(r#"tcp_comm_{name}{{node="toggler"}}"#)))
    }

    #[test]
    fn a_link_is_up_from_its_proof_to_its_end() {
        assert_eq!(link(&[]), [None, None]);
        assert_eq!(link(&[connecting()]), [Some(0.0), Some(0.0)]);
        assert_eq!(link(&[connecting(), proved()]), [Some(1.0), Some(0.0)]);
        assert_eq!(link(&[proved(), closed()]), [Some(0.0), Some(0.0)]);
    }

    #[test]
    fn only_a_proof_after_a_loss_is_a_reconnect() {
        let back = [proved(), closed(), lost(), lost(), connecting(), proved()];
        assert_eq!(link(&back), [Some(1.0), Some(1.0)]);
        let first = [connecting(), lost(), connecting(), proved()];
        assert_eq!(link(&first), [Some(1.0), Some(0.0)], "nothing was there to be lost");
        let hung_up = [proved(), closed(), connecting(), proved()];
        assert_eq!(link(&hung_up), [Some(1.0), Some(0.0)], "we closed it ourselves");
    }

    #[test]
    fn one_state_of_the_breaker_is_in_force() {
        let states = |events: &[Event]| {
            let metrics = told(events);
            BreakerState::ALL.map(|state| {
                metrics
                    .value(&format!(r#"tcp_comm_breaker_state{{state="{state}",node="toggler"}}"#))
            })
        };
        assert_eq!(states(&[connecting(), proved()]), [None; 4], "it may have no breaker");
        let story = [
            counted(Closed),
            changed(Closed, Open, Cause::Threshold),
            changed(Open, HalfOpen, Cause::Elapsed),
            counted(HalfOpen),
            changed(HalfOpen, Open, Cause::ProbeFailed),
        ];
        assert_eq!(states(&story[..1]), [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]);
        assert_eq!(states(&story[..3]), [Some(0.0), Some(0.0), Some(1.0), Some(0.0)]);
        assert_eq!(states(&story), [Some(0.0), Some(1.0), Some(0.0), Some(0.0)]);
        let metrics = told(&story);
        let failures = r#"tcp_comm_breaker_failures_total{node="toggler"}"#;
        assert_eq!(metrics.value(failures), Some(2.0));
        let opened = |from, cause| {
            let labels = format!(r#"node="toggler",from="{from}",to="open",cause="{cause}""#);
            metrics.value(&format!("tcp_comm_breaker_transitions_total{{{labels}}}"))
        };
        assert_eq!(opened("closed", "threshold"), Some(1.0));
        assert_eq!(opened("half_open", "probe_failed"), Some(1.0));
    }

    #[test]
    fn guests_are_forgotten_when_they_leave_and_others_are_not() {
        let mut metrics = Metrics::new();
        let mut is = |name: &str, event: Event| {
            metrics.take(&by(name, Role::Client, 0, event));
            let series = |n: &str| metrics.text().contains(&format!("node=\"{n}\""));
            [series(&addr().to_string()), series("toggler")]
        };
        let (guest, pulse) =
            (addr().to_string(), Pulse { srtt_us: 1, rttvar_us: 1, timeout_us: 1 });
        let opened = || Event::Opened { conn: 1, local: addr(), peer: addr() };
        is("toggler", opened());
        assert_eq!(is("toggler", proved()), [false, true]);
        is(&guest, opened());
        is(&guest, Event::Pulse { pulse });
        assert_eq!(is(&guest, proved()), [true, true]);
        is("toggler", closed());
        assert_eq!(is(&guest, closed()), [false, true]);
        assert_eq!(is(&guest, lost()), [false, true]);
    }

    #[test]
    fn a_device_has_no_links() {
        let mut metrics = Metrics::for_device();
        for event in [connecting(), proved(), closed()] {
            metrics.take(&by("device", Role::Device, 0, event));
        }
        assert!(!metrics.text().contains("node="), "{}", metrics.text());
    }

    /// What the lines of the log come to, by series.
    fn logged(history: &[Record]) -> BTreeMap<String, f64> {
        let mut text = Vec::new();
        let start = "2025-11-01T00:00:00Z".parse().unwrap();
        let mut log = PacketLog::new(start, Level::Debug, &mut text);
        history.iter().for_each(|r| log.take(r));
        let mut sum = BTreeMap::new();
        let mut lost = BTreeMap::new();
        for line in std::str::from_utf8(&text).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let (node, breaker) = (word(&line["module"]), &line["breaker"]);
            let up = format!("connection_up {node}");
            let mut add = |series: String| *sum.entry(series).or_default() += 1.0;
            match (&*word(&line["event"]), &*word(&breaker["breaker"])) {
                ("breaker", "counted") => add(format!("breaker_failures_total {node}")),
                ("breaker", "changed") => {
                    let [from, to, cause] = ["from", "to", "cause"].map(|key| word(&breaker[key]));
                    add(format!("breaker_transitions_total {cause} {from} {node} {to}"));
                }
                ("lost", _) => drop(lost.get_mut(&node).map(|lost| *lost = true)),
                ("proved", _) => {
                    if lost.insert(node.clone(), false) == Some(true) {
                        add(format!("reconnects_total {node}"));
                    }
                    sum.insert(up, 1.0);
                }
                ("closed", _) => drop(sum.insert(up, 0.0)),
                _ => {}
            }
        }
        sum.retain(|_, value| *value > 0.0);
        sum
    }

    fn measured(metrics: &Metrics) -> BTreeMap<String, f64> {
        let link = |Sample { name, labels, value }: Sample| {
            let name = name.strip_prefix("tcp_comm_")?.to_owned();
            let labels: Vec<_> = labels.values().map(String::as_str).collect();
            let states = name == "breaker_state";
            let ours = name.starts_with("breaker_")
                || name.starts_with("reconnects")
                || name == "connection_up";
            (ours && !states && value > 0.0)
                .then(|| (format!("{name} {}", labels.join(" ")), value))
        };
        metrics.samples().into_iter().filter_map(link).collect()
    }

    #[test]
    fn log_and_metrics_agree_about_links_on_any_history() {
        for seed in 0..20 {
            let clients = |r: &Record| r.role == Role::Client;
            let history: Vec<_> = anything(seed, 1000).into_iter().filter(clients).collect();
            let mut metrics = Metrics::new();
            history.iter().for_each(|r| metrics.take(r));
            let logged = logged(&history);
            assert!(logged.len() > 8, "nothing was compared: {logged:?}");
            assert_eq!(measured(&metrics), logged, "seed {seed}");
        }
    }
}
