//! The metrics of a command while it runs, and a while longer.
use net::{Env, record::Metrics};

use crate::{config::Linger, http::Exporter, signals::Signals, text};

/// A toggle never fails for its metrics.
pub(crate) fn export(port: u16, metrics: &Metrics) -> Option<Exporter> {
    match Exporter::start(port, metrics.clone()) {
        Ok(exporter) => {
            if port == 0 {
                text::talk(&format!("metrics on {}", exporter.url()));
            }
            Some(exporter)
        }
        Err(e) => {
            text::talk(&format!(
                "warning: no metrics on 127.0.0.1:{port}: {e}; going on without \
                 (--metrics-port 0 is any free one, --no-metrics none)"
            ));
            None
        }
    }
}

/// Goes on serving metrics. The command is over, so being told to stop is no interruption.
pub(crate) async fn stay(exporter: Exporter, linger: Linger, env: &Env, signals: &mut Signals) {
    let (until_scraped, time) = match linger {
        Linger::For(time) => (false, time),
        Linger::Scraped(limit) => (true, limit),
    };
    let words = if until_scraped { "until scraped, at most" } else { "for" };
    text::talk(&format!("metrics stay on {} {words} {time:?}; Ctrl+C ends that", exporter.url()));
    let scraped = async {
        match until_scraped {
            true => exporter.scraped().await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = signals.stop() => return,
        () = scraped => {}
        () = env.sleep_until(env.now() + time) => if until_scraped {
            text::talk(&format!("warning: nobody scraped the metrics within {time:?}"));
        },
    }
    tokio::select! {
        biased;
        () = signals.stop() => {}
        () = exporter.finish() => {}
    }
}
