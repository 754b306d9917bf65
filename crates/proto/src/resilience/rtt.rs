//! How long to wait for an answer, learnt from how long answers took (RFC 6298).
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Time;

/// Nobody is given less time than this. RFC 6298 says a second, which is for segments of strangers.
pub const SHORTEST: Duration = Duration::from_millis(100);
/// Nobody is given more.
pub const LONGEST: Duration = Duration::from_secs(5);
/// What a clock may be wrong by: G of RFC 6298 §2.
const GRANULARITY: Duration = Duration::from_millis(1);

/// How long answers take, smoothed, and how long to wait for the next one.
#[derive(Clone, Debug)]
pub struct Rtt {
    /// SRTT and RTTVAR; none before the first answer.
    known: Option<(Duration, Duration)>,
    timeout: Duration,
    /// When it was last made longer for want of an answer.
    backed_off: Option<Time>,
}

/// What is known of it, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// How long answers take, smoothed; 0 before the first.
    pub srtt_us: u64,
    /// How much that varies.
    pub rttvar_us: u64,
    /// How long the next one is waited for.
    pub timeout_us: u64,
}

impl Rtt {
    /// Knows nothing yet, and waits for `first`, within the limits.
    pub fn new(first: Duration) -> Self {
        let timeout = first.clamp(SHORTEST, LONGEST);
        Self { known: None, timeout, backed_off: None }
    }

    /// How long to wait for an answer to what is sent now.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// An answer took this long. Of a request that was sent more than once nobody knows which of them
    /// it answers: such a time must not be told (Karn's rule).
    pub fn took(&mut self, time: Duration) {
        // RFC 6298 §2.2 and §2.3, with alpha 1/8 and beta 1/4.
        let (srtt, rttvar) = match self.known {
            None => (time, time / 2),
            Some((srtt, rttvar)) => ((srtt * 7 + time) / 8, (rttvar * 3 + srtt.abs_diff(time)) / 4),
        };
        self.known = Some((srtt, rttvar));
        self.timeout = (srtt + (rttvar * 4).max(GRANULARITY)).clamp(SHORTEST, LONGEST);
        self.backed_off = None;
    }

    /// Nothing came in time for what was sent at `sent`: wait twice as long from now on (§5.5), until
    /// an answer says better. Many that were on their way together are one loss. Says whether it did.
    pub fn timed_out(&mut self, now: Time, sent: Time) -> bool {
        if self.backed_off.is_some_and(|at| sent < at) {
            return false;
        }
        self.backed_off = Some(now);
        self.timeout = (self.timeout * 2).min(LONGEST);
        true
    }

    /// All that is known.
    pub fn pulse(&self) -> Pulse {
        let us = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        let (srtt, rttvar) = self.known.unwrap_or_default();
        Pulse { srtt_us: us(srtt), rttvar_us: us(rttvar), timeout_us: us(self.timeout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
    fn after(times: &[u64]) -> Rtt {
        let mut rtt = Rtt::new(ms(1500));
        times.iter().for_each(|time| rtt.took(ms(*time)));
        rtt
    }

    /// Worked by hand from RFC 6298 §2.
    #[test]
    fn the_timeout_is_that_of_the_rfc() {
        assert_eq!(after(&[]).timeout(), ms(1500));
        assert_eq!(after(&[200]).timeout(), ms(200 + 4 * 100));
        // SRTT 7/8 * 200 + 1/8 * 400, RTTVAR 3/4 * 100 + 1/4 * |200 - 400|.
        let pulse = Pulse { srtt_us: 225_000, rttvar_us: 125_000, timeout_us: 725_000 };
        assert_eq!(after(&[200, 400]).pulse(), pulse);
    }

    #[test]
    fn even_answers_bring_it_down_and_no_further_than_the_shortest() {
        let even = after(&[300; 100]).timeout();
        assert!((ms(300)..ms(302)).contains(&even), "{even:?}");
        assert_eq!(after(&[1; 100]).timeout(), SHORTEST);
    }

    #[test]
    fn it_is_never_longer_than_the_longest() {
        assert_eq!(after(&[60_000]).timeout(), LONGEST);
        assert_eq!(Rtt::new(ms(60_000)).timeout(), LONGEST);
        assert_eq!(Rtt::new(ms(1)).timeout(), SHORTEST);
        let mut rtt = after(&[1000]);
        for second in 0..10 {
            rtt.timed_out(
                Time::from_millis(second * 10_000 + 9000),
                Time::from_millis(second * 10_000),
            );
        }
        assert_eq!(rtt.timeout(), LONGEST);
    }

    #[test]
    fn silence_doubles_it_until_an_answer_says_better() {
        let mut rtt = after(&[200]);
        assert!(rtt.timed_out(Time::from_millis(600), Time::default()));
        assert_eq!(rtt.timeout(), ms(1200));
        rtt.took(ms(200));
        assert!(rtt.timeout() < ms(600), "{:?}", rtt.timeout());
    }

    #[test]
    fn many_on_their_way_together_are_one_loss() {
        let mut rtt = after(&[200]);
        let sent = Time::from_millis;
        let doubled: Vec<_> = (0..10).map(|n| rtt.timed_out(sent(600 + n), sent(n))).collect();
        assert_eq!(doubled.iter().filter(|doubled| **doubled).count(), 1);
        assert_eq!(rtt.timeout(), ms(1200));
        assert!(rtt.timed_out(sent(2000), sent(601)), "this one was given the longer time");
    }
}
