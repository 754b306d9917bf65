//! What proxies did: connections carried, and how often their faults struck. Proxies are named by those
//! who start them and faults by us, so labels are few.
use std::{collections::BTreeMap, sync::Arc};

use super::{
    Event, Record,
    exposition::{Family, Kind},
    links::family,
};

/// The proxies, by node.
#[derive(Debug, Default)]
pub(super) struct Proxies(BTreeMap<Arc<str>, Carried>);

#[derive(Debug, Default)]
struct Carried {
    connections: u64,
    refused: u64,
    /// By the fault's name.
    strikes: BTreeMap<String, u64>,
}

impl Proxies {
    /// Takes one record of a proxy in.
    pub(super) fn count(&mut self, Record { node, event, .. }: &Record) {
        match event {
            Event::Listening { .. } => drop(self.carried(node)),
            Event::Joined { .. } => self.carried(node).connections += 1,
            Event::ConnectFailed { .. } => self.carried(node).refused += 1,
            Event::Armed { quirk: fault, .. } => {
                self.carried(node).strikes.entry(name(fault)).or_default();
            }
            Event::Struck { fault, .. } => {
                *self.carried(node).strikes.entry(name(fault)).or_default() += 1;
            }
            Event::Deaf
            | Event::ListenFailed { .. }
            | Event::Submitted { .. }
            | Event::Attempt { .. }
            | Event::Connecting { .. }
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
            | Event::Pulse { .. }
            | Event::Intake { .. }
            | Event::Resent { .. }
            | Event::Breaker { .. }
            | Event::Told { .. }
            | Event::Done { .. }
            | Event::Step { .. }
            | Event::StepFailed { .. }
            | Event::Lifted { .. }
            | Event::Ended { .. } => {}
        }
    }

    fn carried(&mut self, node: &Arc<str>) -> &mut Carried {
        self.0.entry(node.clone()).or_default()
    }

    /// None where there is no proxy.
    pub(super) fn families(&self) -> Vec<Family> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let each = |value: fn(&Carried) -> u64| {
            self.0
                .iter()
                .map(move |(node, is)| (vec![("node", node.to_string())], value(is) as f64))
        };
        let strikes = self.0.iter().flat_map(|(node, is)| {
            is.strikes.iter().map(move |(fault, times)| {
                (vec![("node", node.to_string()), ("fault", fault.clone())], *times as f64)
            })
        });
        vec![
            family(
                Kind::Counter,
                "tcp_comm_proxy_connections_total",
                "Total connections carried to the target",
                each(|is| is.connections),
            ),
            family(
                Kind::Counter,
                "tcp_comm_proxy_connect_failures_total",
                "Total connections the target did not take",
                each(|is| is.refused),
            ),
            family(
                Kind::Counter,
                "tcp_comm_proxy_strikes_total",
                "Total times a fault did harm, or told of it",
                strikes,
            ),
        ]
    }
}

/// Of a rule on one line.
fn name(fault: &str) -> String {
    fault.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use crate::record::{Flow, Metrics, Role, Sink, told::*};

    use super::*;

    #[test]
    fn what_a_proxy_did_is_counted_and_nobody_elses() {
        let mut metrics = Metrics::for_proxy();
        let struck = |fault: &str| Event::Struck {
            conn: 1,
            flow: Flow::Up,
            fault: fault.into(),
            at: 0,
            did: String::new(),
        };
        for event in [
            Event::Armed { device: "wire".into(), quirk: "reset byte=4".into() },
            Event::Joined { conn: 1, onto: 2 },
            struck("latency delay=20ms"),
            struck("latency delay=30ms"),
        ] {
            metrics.take(&by("wire", Role::Proxy, 0, event.clone()));
            metrics.take(&by("lamp", Role::Device, 0, event));
        }
        let value = |series: &str| metrics.value(&format!("tcp_comm_proxy_{series}"));
        assert_eq!(value(r#"connections_total{node="wire"}"#), Some(1.0));
        assert_eq!(value(r#"strikes_total{node="wire",fault="latency"}"#), Some(2.0));
        assert_eq!(value(r#"strikes_total{node="wire",fault="reset"}"#), Some(0.0));
        assert_eq!(value(r#"connections_total{node="lamp"}"#), None);
        assert!(!Metrics::new().text().contains("tcp_comm_proxy"));
    }
}
