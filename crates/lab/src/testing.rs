//! What holds of any file a person may hand us, as checks that tests and fuzzers call alike.
mod captures;

use std::{sync::LazyLock, time::Duration};

use jiff::Timestamp;
use net::{
    Sink,
    record::{EvidenceError, Header, Level, Metrics, PacketLog, read_evidence, read_sound},
};

use crate::{
    judge::{judge, judge_by_laws},
    report::{CaseResult, diff, html::Html, mermaid, pcapng},
    scenario::Scenario,
    shipped::shipped,
};

pub use captures::{any_pcap, any_raw, any_socat, any_text};

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

/// Any bytes are evidence or are refused; what is evidence can be judged, counted and logged; and
/// whatever of them is sound can be drawn, captured and compared.
///
/// # Panics
/// When it does not hold.
pub fn any_evidence(bytes: &[u8]) {
    any_sound_part(bytes);
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

/// Whatever is sound of any bytes can be drawn, captured and compared.
fn any_sound_part(bytes: &[u8]) {
    let sound = read_sound(bytes).runs;
    for (header, records) in &sound {
        mermaid::diagram(&header.world, records);
        pcapng::capture(&header.world, header.started, records);
        Html::default().add(&unjudged(header), header.started, records);
    }
    let first = &sound[..sound.len().min(1)];
    assert!(diff::compare(first, first).same);
    diff::text(&diff::compare(&sound, &[]));
}

fn unjudged(header: &Header) -> CaseResult {
    CaseResult {
        protocol: String::new(),
        scenario: header.scenario.clone().unwrap_or_default(),
        title: String::new(),
        world: header.world.clone(),
        seed: header.seed,
        verdict: judge_by_laws(&[]),
        elapsed: Duration::ZERO,
        latencies_ms: Vec::new(),
        replay: String::new(),
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
    pub(super) fn spoilt(text: &[u8], seed: u64) -> Vec<u8> {
        let mut rng = Rng::new(seed, &[]);
        let mut text = text.to_vec();
        for _ in 0..=rng.below(4) {
            if text.is_empty() {
                break;
            }
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
        // Lines gone, as when a recorder let them go.
        let lines: Vec<_> = run.split_inclusive(|byte| *byte == b'\n').collect();
        for seed in 0..200 {
            let mut rng = Rng::new(seed, &[]);
            let kept = lines.iter().enumerate().filter(|(n, _)| *n == 0 || rng.below(3) > 0);
            any_sound_part(&kept.flat_map(|(_, line)| line.to_vec()).collect::<Vec<u8>>());
        }
    }
}
