//! Counts what the packet log prints, for Prometheus. It serves nothing; it renders.
use std::sync::{Arc, Mutex, MutexGuard};

use super::{
    Record, Role, Sink,
    counts::State,
    exposition::{self, Family, Sample},
};

/// Devices told apart, unless asked otherwise.
pub const DEVICES: usize = 1000;

/// The counts of one side of all conversations. Clones share them; as a [`Sink`] it counts.
///
/// The values live in maps of our own, since verdicts and the textfile read them back and
/// prometheus-client lets no one enumerate a family; it only encodes OpenMetrics (`openmetrics.rs`).
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Mutex<State>>);

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// What clients saw, the toggler's view.
    pub fn new() -> Self {
        Self::limited(Role::Client, DEVICES)
    }
    /// What devices saw.
    pub fn for_device() -> Self {
        Self::limited(Role::Device, DEVICES)
    }
    /// What proxies saw.
    pub fn for_proxy() -> Self {
        Self::limited(Role::Proxy, DEVICES)
    }
    /// What nodes of `role` saw, telling at most `devices` apart.
    pub fn limited(role: Role, devices: usize) -> Self {
        Self(Arc::new(Mutex::new(State::new(role, devices))))
    }
    /// Prometheus text format 0.0.4.
    pub fn text(&self) -> String {
        exposition::write(&self.families())
    }
    /// Every value, in the order of [`text`](Self::text).
    pub fn samples(&self) -> Vec<Sample> {
        self.families().into_iter().flat_map(|family| family.samples).collect()
    }
    /// The value of one series, its labels in any order:
    ///
    /// ```
    /// # let metrics = net::record::Metrics::new();
    /// let sent = metrics.value(r#"tcp_comm_packet_sent_total{outcome="success",device_id="D1"}"#);
    /// assert_eq!(sent, None); // D1 was never heard of
    /// ```
    pub fn value(&self, series: &str) -> Option<f64> {
        let (name, labels) = exposition::read_series(series).ok()?;
        let wanted = |sample: &Sample| sample.name == name && sample.labels == labels;
        self.samples().into_iter().find(wanted).map(|sample| sample.value)
    }
    /// Every metric with its values.
    pub fn families(&self) -> Vec<Family> {
        self.lock().families()
    }
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("counting does not panic")
    }
}

impl Sink for Metrics {
    fn take(&mut self, record: &Record) {
        self.lock().count(record);
    }
    fn hears_bytes(&self) -> bool {
        self.lock().hears_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proto::{Stage, Ticket};

    use super::*;
    use crate::record::{
        Dir, Event, Level, PacketLog,
        exposition::{LONGEST_ID, OTHER},
        told::*,
    };

    fn told(mut metrics: Metrics, records: &[Record]) -> Metrics {
        records.iter().for_each(|r| metrics.take(r));
        metrics
    }
    /// What is not zero, as `series value`, the build apart, and what `reliable.rs` and `peers.rs` have their own tests for.
    fn counts(metrics: &Metrics) -> Vec<String> {
        let text = metrics.text();
        let moved = |line: &&str| {
            !line.starts_with('#') && !line.ends_with(" 0.0") && !line.contains("bucket")
        };
        let short = |line: &str| line.trim_start_matches("tcp_comm_").to_owned();
        let apart =
            ["build", "ack_", "retry_", "message_", "connection_state", "handshake_", "heartbeat_"];
        let ours = |line: &String| !apart.iter().any(|name| line.starts_with(name));
        text.lines().filter(moved).map(short).filter(ours).collect()
    }
    /// What the last of these events moves.
    fn moves(story: &[Record]) -> Vec<String> {
        let (last, before) = story.split_last().unwrap();
        let metrics = told(Metrics::new(), before);
        let earlier = counts(&metrics);
        let after = counts(&told(metrics, std::slice::from_ref(last)));
        after.into_iter().filter(|line| !earlier.contains(line)).collect()
    }
    fn sent() -> Vec<Record> {
        happy()[..5].to_vec()
    }
    fn then(mut story: Vec<Record>, event: Event) -> Vec<Record> {
        story.push(client(3100, event));
        story
    }

    #[test]
    fn each_count_moves_on_exactly_its_event() {
        let story = happy();
        let moved: Vec<_> = (1..=story.len()).map(|n| moves(&story[..n])).collect();
        let none: [&str; 0] = [];
        assert_eq!(moved[0], none, "submitted");
        assert_eq!(moved[1], none, "attempt");
        assert_eq!(moved[2], none, "connecting");
        assert_eq!(moved[3], [r#"connect_total{device_id="D1",outcome="success"} 1.0"#]);
        assert_eq!(moved[4], [r#"packet_sent_total{device_id="D1",outcome="success"} 1.0"#]);
        assert_eq!(
            moved[5],
            [
                r#"packet_recv_total{device_id="D1",outcome="success"} 1.0"#,
                r#"packet_latency_seconds_sum{device_id="D1"} 0.0025"#,
                r#"packet_latency_seconds_count{device_id="D1"} 1.0"#,
            ]
        );
        assert_eq!(moved[6], [r#"commands_total{device_id="D1",outcome="ok"} 1.0"#]);
    }

    #[test]
    fn each_failure_moves_its_own_count() {
        for (stage, outcome) in
            [(Stage::ReceiveTimeout, "timeout"), (Stage::Closed, "closed"), (Stage::Reset, "reset")]
        {
            let moved = moves(&then(sent(), failed(T1, 1, stage, true)));
            let line = format!(r#"packet_recv_total{{device_id="D1",outcome="{outcome}"}} 1.0"#);
            assert_eq!(moved, [line]);
        }
        for stage in [Stage::SendFailed, Stage::Refused] {
            let moved = moves(&then(happy()[..3].to_vec(), failed(T1, 1, stage, true)));
            assert_eq!(moved, [r#"packet_sent_total{device_id="D1",outcome="error"} 1.0"#]);
        }
        let nack = moves(&then(sent(), frame(Dir::In, "nack", T1, 0)));
        assert_eq!(nack, [r#"packet_recv_total{device_id="D1",outcome="nack"} 1.0"#]);
        let noise = moves(&then(sent(), malformed()));
        assert_eq!(
            noise,
            [
                r#"packet_recv_total{device_id="D1",outcome="malformed"} 1.0"#,
                r#"decode_errors_total{device_id="D1",reason="bad_magic"} 1.0"#,
            ]
        );
        let end = moves(&then(sent(), done(T1, Some(Stage::Deadline))));
        assert_eq!(end, [r#"commands_total{device_id="D1",outcome="deadline"} 1.0"#]);
    }

    #[test]
    fn a_failed_connect_is_its_requests() {
        let detail = String::new();
        let event = Event::ConnectFailed { conn: 1, stage: Stage::Refused, detail };
        let moved = moves(&then(happy()[..3].to_vec(), event));
        assert_eq!(moved, [r#"connect_total{device_id="D1",outcome="refused"} 1.0"#]);
    }

    #[test]
    fn a_retransmission_counts_when_it_happens_not_when_it_is_promised() {
        let promised = then(sent(), failed(T1, 1, Stage::ReceiveTimeout, true));
        assert!(!moves(&promised).concat().contains("retransmit"));
        let moved = moves(&then(promised, attempt(T1, 2)));
        let line = r#"packet_retransmit_total{device_id="D1",reason="receive_timeout"} 1.0"#;
        assert_eq!(moved, [line]);
    }

    #[test]
    fn a_latency_falls_into_the_bucket_it_does_not_exceed() {
        let metrics = told(Metrics::new(), &happy());
        let bucket = |le: &str| {
            let name = "tcp_comm_packet_latency_seconds_bucket";
            metrics.value(&format!(r#"{name}{{le="{le}",device_id="D1"}}"#))
        };
        assert_eq!(bucket("0.001"), Some(0.0));
        assert_eq!(bucket("0.0025"), Some(1.0), "le means at most");
        assert_eq!(bucket("+Inf"), Some(1.0));
        assert_eq!(bucket("7"), None);
    }

    #[test]
    fn each_side_counts_its_own() {
        let device = by("device", Role::Device, 0, frame(Dir::In, "toggle", T1, 0));
        let received = |metrics: Metrics| {
            let series = r#"tcp_comm_packet_recv_total{device_id="",outcome="success"}"#;
            told(metrics, std::slice::from_ref(&device)).value(series)
        };
        assert_eq!(received(Metrics::new()), None);
        assert_eq!(received(Metrics::for_device()), Some(1.0));
    }

    #[test]
    fn devices_past_the_limit_share_one_label() {
        let ends = |limit, ids: &[&str]| {
            let mut metrics = Metrics::limited(Role::Client, limit);
            for (n, id) in ids.iter().enumerate() {
                metrics.take(&client(0, submitted(Ticket(n as u64), id)));
                metrics.take(&client(0, done(Ticket(n as u64), None)));
            }
            let of = |id| format!(r#"tcp_comm_commands_total{{device_id="{id}",outcome="ok"}}"#);
            ["a", "b", OTHER].map(|id| metrics.value(&of(id)))
        };
        assert_eq!(ends(1, &["a", "b", "c", "a"]), [Some(2.0), None, Some(2.0)]);
        assert_eq!(ends(2, &["a", "b", "c", "a"]), [Some(2.0), Some(1.0), Some(1.0)]);
        assert_eq!(ends(9, &[&"x".repeat(LONGEST_ID + 1)]), [None, None, Some(1.0)]);
    }

    #[test]
    fn log_and_metrics_agree_on_any_history() {
        for seed in 0..20 {
            let history = anything(seed, 1000);
            for (role, nodes) in
                [(Role::Client, &["toggler", "second"][..]), (Role::Device, &["device"])]
            {
                let metrics = told(Metrics::limited(role, DEVICES), &history);
                let logged = logged_packets(&history, nodes);
                assert!(logged.len() > 3, "nothing was compared: {logged:?}");
                assert_eq!(counted_packets(&metrics), logged, "seed {seed}");
            }
        }
    }

    type Tally = BTreeMap<(String, String, String), u64>;

    fn logged_packets(history: &[Record], nodes: &[&str]) -> Tally {
        let mut text = Vec::new();
        let mut log =
            PacketLog::new("2025-11-01T00:00:00Z".parse().unwrap(), Level::Debug, &mut text);
        history.iter().for_each(|r| log.take(r));
        let mut tally = Tally::new();
        for line in std::str::from_utf8(&text).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            if word("event") == "tcp_packet" && nodes.contains(&&*word("module")) {
                let key = (word("direction"), word("outcome"), word("device_id"));
                *tally.entry(key).or_default() += 1;
            }
        }
        tally
    }

    fn counted_packets(metrics: &Metrics) -> Tally {
        let samples = metrics.samples();
        let packets = samples.iter().filter_map(|Sample { name, labels, value }| {
            let direction = name.strip_prefix("tcp_comm_packet_")?.strip_suffix("_total")?;
            let outcome = labels.get("outcome")?.clone();
            Some((
                (direction.replace("sent", "send"), outcome, labels["device_id"].clone()),
                *value as u64,
            ))
        });
        packets.filter(|(_, count)| *count > 0).collect()
    }

    #[test]
    fn names_types_and_help_are_these() {
        let text = Metrics::new().text();
        let head: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(
            head,
            [
                "# HELP tcp_comm_packet_sent_total Total packets sent",
                "# TYPE tcp_comm_packet_sent_total counter",
                "# HELP tcp_comm_packet_recv_total Total packets received",
                "# TYPE tcp_comm_packet_recv_total counter",
                "# HELP tcp_comm_packet_latency_seconds Packet round-trip latency in seconds",
                "# TYPE tcp_comm_packet_latency_seconds histogram",
                "# HELP tcp_comm_packet_retransmit_total Total packet retransmissions",
                "# TYPE tcp_comm_packet_retransmit_total counter",
                "# HELP tcp_comm_decode_errors_total Total decode errors",
                "# TYPE tcp_comm_decode_errors_total counter",
                "# HELP tcp_comm_commands_total Total commands, by how they ended",
                "# TYPE tcp_comm_commands_total counter",
                "# HELP tcp_comm_connect_total Total connections dialled",
                "# TYPE tcp_comm_connect_total counter",
                "# HELP tcp_comm_connection_up \
                 Whether the peer has proved to be there on the connection that is open",
                "# TYPE tcp_comm_connection_up gauge",
                "# HELP tcp_comm_reconnects_total Total connections proved after one was lost",
                "# TYPE tcp_comm_reconnects_total counter",
                "# HELP tcp_comm_breaker_state \
                 The state the circuit breaker is in has 1, the others 0",
                "# TYPE tcp_comm_breaker_state gauge",
                "# HELP tcp_comm_breaker_transitions_total \
                 Total changes of the circuit breaker's state",
                "# TYPE tcp_comm_breaker_transitions_total counter",
                "# HELP tcp_comm_breaker_failures_total Total failures the circuit breaker counted",
                "# TYPE tcp_comm_breaker_failures_total counter",
                "# HELP tcp_comm_build_info The version that runs",
                "# TYPE tcp_comm_build_info gauge",
            ]
        );
    }

    #[test]
    fn what_is_rendered_reads_back() {
        let metrics = told(Metrics::new(), &anything(5, 500));
        assert_eq!(exposition::read(&metrics.text()), Ok(metrics.families()));
    }
}
