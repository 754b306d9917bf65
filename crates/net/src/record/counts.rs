//! The values behind the metrics: which record moves which count, and under which labels.
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proto::Fact;

use super::{
    Dir, End, Event, Record, Role,
    exposition::{Family, Kind, LONGEST_ID, OTHER, Sample},
    links::{Guests, Links},
    packet::{About, Outcome, Packet},
    packets::Packets,
    peers::Peers,
    proxies::Proxies,
    reliable::Reliable,
};

/// Upper bounds of the latency buckets, in seconds. They hold the objectives 0.3, 0.8 and 1.5 and tell
/// apart what happens within one LAN.
pub(super) const BUCKETS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.3, 0.5, 0.8,
    1.0, 1.5, 2.0, 5.0,
];

const LATENCY: &str = "tcp_comm_packet_latency_seconds";
pub(super) const BUILD: &str = "tcp_comm_build_info";

/// All counts of one side.
#[derive(Debug)]
pub(super) struct State {
    role: Role,
    limit: usize,
    packets: Packets,
    devices: BTreeSet<Arc<str>>,
    pub(super) counts: BTreeMap<Counter, BTreeMap<Series, u64>>,
    pub(super) latency: BTreeMap<Arc<str>, Histogram>,
    guests: Guests,
    links: Links,
    peers: Peers,
    proxies: Proxies,
    reliable: Reliable,
}

/// A device, and the value of the counter's other label.
pub(super) type Series = (Arc<str>, Cow<'static, str>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counter {
    Sent,
    Received,
    Retransmit,
    DecodeErrors,
    Commands,
    Connect,
}

#[derive(Debug, Default)]
pub(super) struct Histogram {
    pub(super) counts: [u64; BUCKETS.len() + 1],
    pub(super) sum: f64,
}

impl State {
    pub(super) fn new(role: Role, limit: usize) -> Self {
        Self {
            role,
            limit,
            packets: Packets::default(),
            devices: BTreeSet::new(),
            counts: Counter::ALL.map(|counter| (counter, BTreeMap::new())).into(),
            latency: BTreeMap::new(),
            guests: Guests::default(),
            links: Links::default(),
            peers: Peers::new(limit),
            proxies: Proxies::default(),
            reliable: Reliable::default(),
        }
    }

    /// Proxies count what happens to connections, not what goes over them.
    pub(super) fn hears_bytes(&self) -> bool {
        self.role != Role::Proxy
    }

    pub(super) fn families(&self) -> Vec<Family> {
        let counter = |(counter, values): (&Counter, _)| counter.family(values);
        let mut families: Vec<_> = self.counts.iter().map(counter).collect();
        families.insert(2, latency_family(&self.latency));
        families.extend(self.more());
        families.push(build_family());
        families
    }

    /// Those about links and who is at their ends, proxies, and what makes delivery reliable.
    pub(super) fn more(&self) -> impl Iterator<Item = Family> {
        let links = self.links.families().into_iter().chain(self.peers.families());
        links.chain(self.reliable.families()).chain(self.proxies.families())
    }

    /// Takes one record in, if it is of our side.
    pub(super) fn count(&mut self, record: &Record) {
        if record.role != self.role {
            return;
        }
        let about = self.packets.read(record);
        match self.role {
            Role::Client => {
                self.links.count(record);
                if self.guests.has_left(record) {
                    self.links.forget(&record.node);
                    self.reliable.forget(&record.node);
                }
                self.peers.count(record, about.device_id.as_ref());
                let device = match Reliable::is_of_a_device(&record.event) {
                    true => self.device(&about),
                    false => Arc::default(),
                };
                self.reliable.count(record, device);
            }
            Role::Proxy => self.proxies.count(record),
            Role::Device => self.reliable.recall(record),
            Role::Lab => {}
        }
        if let Some(packet) = &about.packet {
            self.count_packet(&about, packet);
        }
        match &record.event {
            // Counted when it begins: a retry that was only announced may never happen.
            Event::Attempt { attempt: 2.., .. } => {
                let after = about.after.map_or("unknown".into(), |stage| stage.to_string().into());
                self.add(Counter::Retransmit, &about, after);
            }
            Event::Opened { .. } if about.dialled => {
                self.add(Counter::Connect, &about, "success".into());
            }
            Event::ConnectFailed { stage, .. } => {
                self.add(Counter::Connect, &about, stage.to_string().into());
            }
            Event::Fact { fact: Fact::Malformed { reason, .. }, .. } => {
                self.add(Counter::DecodeErrors, &about, reason.clone());
            }
            Event::Done { end, .. } => {
                let outcome = match end {
                    End::Ok { .. } => "ok".into(),
                    End::Failed { stage, .. } => stage.to_string().into(),
                };
                self.add(Counter::Commands, &about, outcome);
            }
            Event::Listening { .. }
            | Event::Deaf
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
            | Event::Step { .. }
            | Event::StepFailed { .. }
            | Event::Armed { .. }
            | Event::Joined { .. }
            | Event::Struck { .. }
            | Event::Lifted { .. }
            | Event::Ended { .. } => {}
        }
    }

    fn count_packet(&mut self, about: &About<'_>, packet: &Packet<'_>) {
        let counter = match packet.direction {
            Dir::Out => Counter::Sent,
            Dir::In => Counter::Received,
        };
        self.add(counter, about, packet.outcome.as_str().into());
        if let (Dir::In, Outcome::Success, Some(elapsed)) =
            (packet.direction, packet.outcome, about.elapsed)
        {
            let device = self.device(about);
            self.latency.entry(device).or_default().observe(elapsed);
        }
    }

    fn add(&mut self, counter: Counter, about: &About<'_>, label: Cow<'static, str>) {
        let device = self.device(about);
        *self.slot(counter, device, label) += 1;
    }

    fn slot(&mut self, counter: Counter, device: Arc<str>, label: Cow<'static, str>) -> &mut u64 {
        self.counts.entry(counter).or_default().entry((device, label)).or_default()
    }

    /// The device's label. One without a name has the empty label, which Prometheus treats as none.
    fn device(&mut self, about: &About<'_>) -> Arc<str> {
        let device = about.device_id.clone().unwrap_or_default();
        if self.devices.contains(&device) {
            return device;
        }
        let full = self.devices.len() >= self.limit || device.len() > LONGEST_ID;
        let label = if full { OTHER.into() } else { device };
        if !full {
            self.devices.insert(label.clone());
        }
        self.start_at_zero(&label);
        label
    }

    /// A rate needs the zero before the first one.
    fn start_at_zero(&mut self, device: &Arc<str>) {
        for outcome in Outcome::SENT {
            self.slot(Counter::Sent, device.clone(), outcome.as_str().into());
        }
        for outcome in Outcome::RECEIVED {
            self.slot(Counter::Received, device.clone(), outcome.as_str().into());
        }
        if self.role == Role::Client {
            self.slot(Counter::Commands, device.clone(), "ok".into());
        }
    }
}

impl Counter {
    const ALL: [Self; 6] = [
        Self::Sent,
        Self::Received,
        Self::Retransmit,
        Self::DecodeErrors,
        Self::Commands,
        Self::Connect,
    ];

    /// Name, help and the label beside `device_id`.
    pub(super) fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Sent => ("tcp_comm_packet_sent_total", "Total packets sent", "outcome"),
            Self::Received => ("tcp_comm_packet_recv_total", "Total packets received", "outcome"),
            Self::Retransmit => {
                ("tcp_comm_packet_retransmit_total", "Total packet retransmissions", "reason")
            }
            Self::DecodeErrors => ("tcp_comm_decode_errors_total", "Total decode errors", "reason"),
            Self::Commands => {
                ("tcp_comm_commands_total", "Total commands, by how they ended", "outcome")
            }
            Self::Connect => ("tcp_comm_connect_total", "Total connections dialled", "outcome"),
        }
    }

    fn family(self, values: &BTreeMap<Series, u64>) -> Family {
        let (name, help, label) = self.words();
        let sample = |((device, other), value): (&Series, &u64)| {
            sample(name, &[("device_id", device), (label, other)], *value as f64)
        };
        let samples = values.iter().map(sample).collect();
        Family { name: name.into(), help: help.into(), kind: Kind::Counter, samples }
    }
}

impl Histogram {
    fn observe(&mut self, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        self.counts[BUCKETS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum += seconds;
    }
}

pub(super) fn latency_family(values: &BTreeMap<Arc<str>, Histogram>) -> Family {
    let mut samples = Vec::new();
    for (device, Histogram { counts, sum }) in values {
        let mut seen = 0;
        for (at, count) in counts.iter().enumerate() {
            seen += count;
            let le = BUCKETS.get(at).map_or("+Inf".into(), |bound| format!("{bound:?}"));
            let labels = [("device_id", &**device), ("le", &le)];
            samples.push(sample(&format!("{LATENCY}_bucket"), &labels, seen as f64));
        }
        samples.push(sample(&format!("{LATENCY}_sum"), &[("device_id", device)], *sum));
        samples.push(sample(&format!("{LATENCY}_count"), &[("device_id", device)], seen as f64));
    }
    let help = "Packet round-trip latency in seconds".into();
    Family { name: LATENCY.into(), help, kind: Kind::Histogram, samples }
}

pub(super) fn build_family() -> Family {
    let samples = vec![sample(BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1.0)];
    let help = "The version that runs".into();
    Family { name: BUILD.into(), help, kind: Kind::Gauge, samples }
}

fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Sample {
    let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Sample { name: name.into(), labels, value }
}
