//! The same metrics as OpenMetrics, by prometheus-client's encoder, and which of the two a scraper wants.
use std::{collections::BTreeMap, fmt};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet, text},
    metrics::MetricType,
    registry::Registry,
};

use super::{
    Metrics,
    counts::{BUCKETS, BUILD, Histogram, build_family, latency_family},
    exposition::{Family, Kind, Sample},
};

/// A way to render metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Metrics {
    /// OpenMetrics 1.0.0.
    pub fn openmetrics(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut rendered = String::new();
        text::encode(&mut rendered, &registry).expect("a String takes all");
        rendered
    }
    /// In the format asked for.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::OpenMetrics => self.openmetrics(),
        }
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let state = self.lock();
        for (counter, values) in &state.counts {
            let (name, help, label) = counter.words();
            // OpenMetrics names the family without the `_total` of its samples.
            let name = name.trim_end_matches("_total");
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for ((device, other), value) in values {
                let labels = [("device_id", &**device), (label, &**other)];
                metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(value, None)?;
            }
        }
        let Family { name, help, .. } = latency_family(&BTreeMap::new());
        let mut metric = encoder.encode_descriptor(&name, &help, None, MetricType::Histogram)?;
        for (device, Histogram { counts, sum }) in &state.latency {
            let bounds = BUCKETS.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<_> = bounds.zip(counts.iter().copied()).collect();
            metric.encode_family(&[("device_id", &**device)])?.encode_histogram::<NoLabelSet>(
                *sum,
                counts.iter().sum(),
                &buckets,
                None,
            )?;
        }
        for Family { name, help, kind, samples } in state.more() {
            let name = name.trim_end_matches("_total");
            let mut metric = encoder.encode_descriptor(name, &help, None, kind.into())?;
            for Sample { labels, value, .. } in &samples {
                let labels: Vec<_> = labels.iter().map(|(k, v)| (&**k, &**v)).collect();
                let mut metric = metric.encode_family(&labels)?;
                match kind {
                    Kind::Counter => metric.encode_counter::<NoLabelSet, _, f64>(value, None)?,
                    // None of these is a histogram.
                    Kind::Gauge | Kind::Histogram => metric.encode_gauge(value)?,
                }
            }
        }
        let (name, help) = (BUILD.trim_end_matches("_info"), build_family().help);
        encoder
            .encode_descriptor(name, &help, None, MetricType::Info)?
            .encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }
}

impl From<Kind> for MetricType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::Gauge => Self::Gauge,
            Kind::Histogram => Self::Histogram,
        }
    }
}

impl Format {
    /// What to say in `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The format a scraper's `Accept` header asks for; the classic one unless it prefers the other.
pub fn negotiate(accept: Option<&str>) -> Format {
    let (mut open, mut text) = (0.0, 0.0_f64);
    for range in accept.unwrap_or_default().split(',') {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let media = parts.next().unwrap_or_default();
        let parameters: Vec<_> = parts.collect();
        let value = |key: &str| {
            let of = |part: &String| Some(part.strip_prefix(key)?.strip_prefix('=')?.to_owned());
            parameters.iter().find_map(of)
        };
        let quality = value("q").map_or(1.0, |q| q.parse().unwrap_or(0.0));
        match media.as_str() {
            "application/openmetrics-text"
                if value("version").is_none_or(|v| v == "1.0.0" || v == "0.0.1") =>
            {
                open = quality;
            }
            "text/plain" | "text/*" | "*/*" => text = text.max(quality),
            _ => {}
        }
    }
    if open > 0.0 && open >= text { Format::OpenMetrics } else { Format::Text }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::record::{Sink, told::*};

    fn metrics() -> Metrics {
        let mut metrics = Metrics::new();
        happy().iter().chain(&anything(1, 500)).for_each(|r| metrics.take(r));
        metrics
    }

    #[test]
    fn openmetrics_says_the_same_in_its_own_words() {
        let (metrics, text) = (metrics(), metrics().openmetrics());
        assert!(text.contains("# TYPE tcp_comm_packet_sent counter\n"), "{text}");
        assert!(text.contains("# TYPE tcp_comm_build info\n"), "{text}");
        assert!(text.ends_with("# EOF\n"));
        for sample in metrics.samples() {
            let labels = |line: &&str| {
                sample.labels.iter().all(|(k, v)| line.contains(&format!("{k}=\"{v}\"")))
            };
            let named = |line: &&str| line.split(['{', ' ']).next() == Some(&sample.name);
            let line = text.lines().find(|line| named(line) && labels(line));
            let value = line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok());
            assert_eq!(value, Some(sample.value), "{sample:?}");
        }
    }

    #[test]
    fn a_scraper_gets_what_it_prefers() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(negotiate(Some(prometheus)), Format::OpenMetrics);
        assert_eq!(negotiate(Some("application/openmetrics-text")), Format::OpenMetrics);
        for classic in [
            None,
            Some(""),
            Some("*/*"),
            Some("text/html"),
            Some("text/plain, application/openmetrics-text; q=0.9"),
            Some("application/openmetrics-text; version=2.0.0, */*; q=0.1"),
            Some("application/openmetrics-text; q=0"),
            Some("application/openmetrics-text; q=much"),
        ] {
            assert_eq!(negotiate(classic), Format::Text, "{classic:?}");
        }
        assert!(metrics().render(Format::Text).contains("_total counter"));
        assert!(metrics().render(Format::OpenMetrics).ends_with("# EOF\n"));
    }

    #[test]
    fn promtool_finds_nothing_to_say() {
        let promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut promtool) = promtool else {
            let missing = "needs promtool (apt-get install prometheus)";
            let required = std::env::var("WIRELAB_REQUIRE_TOOLS").is_ok_and(|v| v == "1");
            assert!(!required, "{missing}");
            return eprintln!("SKIPPED: {missing}");
        };
        promtool.stdin.take().unwrap().write_all(metrics().text().as_bytes()).unwrap();
        let said = promtool.wait_with_output().unwrap();
        assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
    }
}
