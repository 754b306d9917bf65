//! How a client fared with many requests: shares and percentiles rather than each alone.
use std::time::Duration;

use net::{Event, record::End};

use super::{Evidence, Judged, unless};
use crate::{report::stats::Stats, scenario::Quality};

impl Evidence<'_> {
    pub(super) fn quality(&self, Quality { client, requests, ok, p99 }: &Quality) -> Judged {
        let (mut took, mut bad, mut all) = (Vec::new(), Vec::new(), 0_usize);
        for record in self.at(client.get_ref()) {
            let Event::Done { end, elapsed_us, .. } = &record.event else { continue };
            all += 1;
            match end {
                End::Ok { .. } => took.push(*elapsed_us as f64 / 1e6),
                End::Failed { .. } => bad.push(record.seq),
            }
        }
        if all < *requests {
            return Err((format!("wanted {requests} requests or more, {client} had {all}"), bad));
        }
        let share = took.len() as f64 / all.max(1) as f64;
        let slow = Stats::of(&took).map(|stats| Duration::from_secs_f64(stats.p99));
        let late = p99.zip(slow).is_some_and(|(limit, slow)| slow > limit.0 + self.slack);
        let limit = p99.map_or_else(String::new, |limit| format!(", 99 of 100 within {limit}"));
        let text = format!(
            "wanted {ok} of {all} or more to end well{limit}; {client} had {} of them, p99 {:.0?}",
            took.len(),
            slow.unwrap_or_default(),
        );
        unless(share >= *ok && !late, text, bad)
    }
}
