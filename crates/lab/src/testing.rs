//! What holds of any file a person may hand us, as checks that tests and fuzzers call alike.
use std::sync::LazyLock;

use jiff::Timestamp;
use net::{
    Sink,
    record::{EvidenceError, Level, Metrics, PacketLog, read_evidence},
};

use crate::{judge::judge, scenario::Scenario, shipped::shipped};

/// Any text is a scenario, or each mistake in it has its line.
///
/// # Panics
/// When it does not hold.
pub fn any_scenario(text: &str) {
    let mistakes = match Scenario::parse("any.toml", text) {
        Ok(scenario) => scenario.check_spoken().err().unwrap_or_default(),
        Err(mistakes) => mistakes,
    };
    let lines = 1 + text.matches('\n').count();
    assert!(mistakes.iter().all(|m| (1..=lines).contains(&m.line)), "{mistakes:?}");
}

/// Any bytes are evidence or are refused; and what is evidence can be judged, counted and logged.
///
/// # Panics
/// When it does not hold.
pub fn any_evidence(bytes: &[u8]) {
    let (Ok(runs) | Err(EvidenceError::Cut { runs, .. })) = read_evidence(bytes) else { return };
    for (header, records) in runs {
        for scenario in &*SHIPPED {
            judge(scenario, &header.world, &records);
        }
        let mut metrics = Metrics::new();
        let mut log = PacketLog::new(Timestamp::UNIX_EPOCH, Level::Debug, std::io::sink());
        for record in &records {
            metrics.take(record);
            log.take(record);
        }
        metrics.text();
    }
}

static SHIPPED: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
    let parsed = shipped().into_iter().map(|(path, text)| Scenario::parse(&path, &text));
    parsed.map(|scenario| scenario.expect("what we ship is sound")).collect()
});

#[cfg(test)]
mod tests {
    use proto::rng::Rng;

    use super::*;

    /// The text with a few bytes of it changed, dropped or doubled.
    fn spoilt(text: &[u8], seed: u64) -> Vec<u8> {
        let mut rng = Rng::new(seed, &[]);
        let mut text = text.to_vec();
        for _ in 0..=rng.below(4) {
            let at = rng.below(text.len() as u64) as usize;
            match rng.below(4) {
                0 => text[at] = rng.next_u64() as u8,
                1 => text[at] = b"09-\"[]{}\n="[rng.below(10) as usize],
                2 => drop(text.remove(at)),
                _ => text.insert(at, text[at]),
            }
        }
        text
    }

    #[test]
    fn a_spoilt_scenario_is_refused_with_its_line() {
        for (_, text) in shipped() {
            for seed in 0..50 {
                any_scenario(&String::from_utf8_lossy(&spoilt(text.as_bytes(), seed)));
            }
        }
    }

    #[test]
    fn spoilt_evidence_does_no_harm() {
        let run = include_bytes!("../../../fuzz/seeds/evidence/late-answer.jsonl");
        assert!(read_evidence(&run[..]).is_ok());
        any_evidence(run);
        for seed in 0..500 {
            any_evidence(&spoilt(run, seed));
        }
    }
}
