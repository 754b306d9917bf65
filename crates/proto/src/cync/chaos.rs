//! What goes wrong on the way to and from a bridge by chance, or at packets named beforehand: commands
//! and what it says of them are lost, doubled, late or damaged. Whole packets, that is, inside a stream
//! of TCP that itself loses nothing: what a mesh does to its own messages.
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use crate::{ConfigError, Span, rng::Rng};

/// Packets named at most.
const MOST_NAMED: usize = 10_000;
/// Parts this chance from that of latencies.
const PURPOSE: u64 = 0xc4a0;

/// What a file or flag may set about it. Rates are from 0 to 1.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawChaos {
    /// Packets lost, either way.
    pub loss: f64,
    /// Packets that are lost of those it says, by their numbers on a connection, from 1.
    pub lose: Vec<u64>,
    /// Packets that come twice, either way.
    pub duplicates: f64,
    /// Packets of those it says that come later than they should, and so after others.
    pub reorder: f64,
    /// How much later.
    pub reorder_delay: Span,
    /// Packets of those it says that are damaged.
    pub corruption: f64,
    /// In how many bytes each.
    pub corruption_bytes: u32,
}

impl Default for RawChaos {
    fn default() -> Self {
        Self {
            loss: 0.0,
            lose: Vec::new(),
            duplicates: 0.0,
            reorder: 0.0,
            reorder_delay: Span::millis(50),
            corruption: 0.0,
            corruption_bytes: 1,
        }
    }
}

/// The same, checked.
#[derive(Clone, Debug)]
pub(super) struct Chaos {
    loss: f64,
    lose: Vec<u64>,
    duplicates: f64,
    reorder: f64,
    delay: Duration,
    corruption: f64,
    bytes: u32,
}

/// What becomes of a packet: its copies, and how late each is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) copies: Vec<(Duration, Bytes)>,
    /// What went wrong, in a word each.
    pub(super) did: Vec<&'static str>,
}

impl Chaos {
    /// # Errors
    /// A rate that is none, or too many packets.
    pub(super) fn new(raw: RawChaos) -> Result<Self, ConfigError> {
        let RawChaos {
            loss,
            lose,
            duplicates,
            reorder,
            reorder_delay,
            corruption,
            corruption_bytes: bytes,
        } = raw;
        let rates = [
            ("loss", loss),
            ("duplicates", duplicates),
            ("reorder", reorder),
            ("corruption", corruption),
        ];
        let wrong = |key: &str, problem| Err(ConfigError::new(format!("chaos.{key}"), problem));
        if let Some((key, _)) = rates.iter().find(|(_, rate)| !(0.0..=1.0).contains(rate)) {
            return wrong(key, "must be a rate from 0 to 1");
        }
        if lose.len() > MOST_NAMED {
            return wrong("lose", "must name at most 10000 packets");
        }
        if bytes == 0 {
            return wrong("corruption_bytes", "must be at least 1");
        }
        let delay = reorder_delay.0;
        Ok(Self { loss, lose, duplicates, reorder, delay, corruption, bytes })
    }
    /// That of one connection.
    pub(super) fn storm(&self, seed: u64, connection: u64) -> Storm {
        Storm { chance: Rng::new(seed, &[connection, PURPOSE]), said: 0 }
    }
}

/// Chance at work on one connection.
#[derive(Debug)]
pub(super) struct Storm {
    chance: Rng,
    said: u64,
}

impl Storm {
    /// How often a command that was read has come: not at all, once or twice.
    pub(super) fn hears(&mut self, chaos: &Chaos) -> u32 {
        if self.strikes(chaos.loss) {
            return 0;
        }
        1 + u32::from(self.strikes(chaos.duplicates))
    }
    /// What becomes of a packet it says.
    pub(super) fn says(&mut self, chaos: &Chaos, packet: Bytes) -> Fate {
        self.said += 1;
        let mut did = Vec::new();
        let lost = self.strikes(chaos.loss) || chaos.lose.contains(&self.said);
        if lost {
            return Fate { copies: Vec::new(), did: vec!["lost"] };
        }
        let mut packet = packet;
        if self.strikes(chaos.corruption) {
            did.push("damaged");
            packet = self.damage(chaos.bytes, &packet);
        }
        let late = self.strikes(chaos.reorder);
        let delay = if late { chaos.delay } else { Duration::ZERO };
        did.extend(late.then_some("late"));
        let mut copies = vec![(delay, packet)];
        if self.strikes(chaos.duplicates) {
            did.push("doubled");
            copies.push(copies[0].clone());
        }
        Fate { copies, did }
    }

    /// What is never to happen draws no chance, so that setting one thing moves no other.
    fn strikes(&mut self, rate: f64) -> bool {
        rate > 0.0 && self.chance.fraction() < rate
    }

    fn damage(&mut self, bytes: u32, packet: &[u8]) -> Bytes {
        let mut damaged = packet.to_vec();
        for _ in 0..bytes {
            let at = self.chance.below(damaged.len().max(1) as u64) as usize;
            let bit = self.chance.below(8);
            if let Some(byte) = damaged.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        damaged.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(raw: RawChaos, packets: usize) -> Vec<Fate> {
        let chaos = Chaos::new(raw).unwrap();
        let mut storm = chaos.storm(7, 1);
        (0..packets).map(|n| storm.says(&chaos, Bytes::from(vec![n as u8; 24]))).collect()
    }

    fn share(raw: RawChaos, what: &str) -> f64 {
        let fates = fates(raw, 10_000);
        fates.iter().filter(|fate| fate.did.contains(&what)).count() as f64 / 10_000.0
    }

    #[test]
    fn without_chaos_nothing_happens() {
        for (n, fate) in fates(RawChaos::default(), 100).into_iter().enumerate() {
            let copies = vec![(Duration::ZERO, Bytes::from(vec![n as u8; 24]))];
            assert_eq!(fate, Fate { copies, did: Vec::new() });
        }
    }

    #[test]
    fn each_rate_is_kept_and_does_what_it_says() {
        let d = RawChaos::default;
        let near = |share: f64, rate: f64| assert!((share - rate).abs() < 0.02, "{share}");
        near(share(RawChaos { loss: 0.2, ..d() }, "lost"), 0.2);
        near(share(RawChaos { duplicates: 0.5, ..d() }, "doubled"), 0.5);
        near(share(RawChaos { reorder: 0.3, ..d() }, "late"), 0.3);
        near(share(RawChaos { corruption: 0.1, ..d() }, "damaged"), 0.1);
        for fate in fates(RawChaos { duplicates: 1.0, reorder: 1.0, ..d() }, 10) {
            let late = fate.copies.iter().filter(|(delay, _)| *delay == Duration::from_millis(50));
            assert_eq!((fate.copies.len(), late.count()), (2, 2));
        }
        for (n, fate) in fates(RawChaos { corruption: 1.0, ..d() }, 10).iter().enumerate() {
            let differ = fate.copies[0].1.iter().filter(|byte| **byte != n as u8).count();
            assert_eq!((fate.copies[0].1.len(), differ), (24, 1));
        }
        let more = RawChaos { corruption: 1.0, corruption_bytes: 200, ..d() };
        assert!(fates(more, 1)[0].copies[0].1.iter().filter(|byte| **byte != 0).count() > 5);
        let delayed = RawChaos { reorder: 1.0, reorder_delay: Span::millis(7), ..d() };
        assert_eq!(fates(delayed, 1)[0].copies[0].0, Duration::from_millis(7));
    }

    #[test]
    fn named_packets_are_lost_and_no_others() {
        let lost = fates(RawChaos { lose: vec![1, 4], ..RawChaos::default() }, 5);
        let lost: Vec<bool> = lost.iter().map(|fate| fate.copies.is_empty()).collect();
        assert_eq!(lost, [true, false, false, true, false]);
    }

    #[test]
    fn what_is_heard_is_lost_or_doubled_too() {
        let heard = |raw| {
            let chaos = Chaos::new(raw).unwrap();
            let mut storm = chaos.storm(7, 1);
            (0..1000).map(|_| storm.hears(&chaos)).collect::<Vec<_>>()
        };
        let d = RawChaos::default;
        assert!(heard(d()).iter().all(|times| *times == 1));
        let lost = heard(RawChaos { loss: 0.5, ..d() }).iter().filter(|times| **times == 0).count();
        assert!((400..600).contains(&lost), "{lost}");
        assert!(heard(RawChaos { duplicates: 1.0, ..d() }).iter().all(|times| *times == 2));
    }

    #[test]
    fn senseless_settings_name_themselves() {
        let d = RawChaos::default;
        let key = |raw| Chaos::new(raw).unwrap_err().key;
        assert_eq!(key(RawChaos { loss: 1.1, ..d() }), "chaos.loss");
        assert_eq!(key(RawChaos { duplicates: -0.1, ..d() }), "chaos.duplicates");
        assert_eq!(key(RawChaos { reorder: f64::NAN, ..d() }), "chaos.reorder");
        assert_eq!(key(RawChaos { corruption: 2.0, ..d() }), "chaos.corruption");
        assert_eq!(key(RawChaos { lose: vec![1; 10_001], ..d() }), "chaos.lose");
        assert_eq!(key(RawChaos { corruption_bytes: 0, ..d() }), "chaos.corruption_bytes");
    }
}
