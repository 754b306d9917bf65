//! A login key is on the wire, and in nothing that is written down of it: however the stream is cut and
//! harmed, whoever writes, whatever is made of it later.
use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use lab::{
    Kind,
    judge::{Outcome, judge_by_laws},
    registry,
    report::{CaseResult, html::Html},
    run::play,
    scenario::Scenario,
};
use net::{
    Event, Record, Sink,
    record::{Evidence, Header, Level, PacketLog},
};
use proptest::prelude::*;
use proto::session::hex;

const KEY: &str = "c0ffee5ec4e7b105";
/// So many bytes of it in a row are a leak.
const RUN: usize = 4;

/// A bridge that is switched on through a wire with these faults.
fn scenario(faults: &[String]) -> Scenario {
    let faults: Vec<_> = faults.iter().map(|fault| format!("\"{fault}\"")).collect();
    let text = format!(
        r#"
        name = "secret"
        title = "t"
        protocol = "cync"
        [[device]]
        name = "bridge"
        settings = {{ key = "{KEY}", redial = "50ms", patience = "300ms" }}
        [[proxy]]
        name = "wire"
        device = "bridge"
        faults = [{}]
        [[client]]
        name = "home"
        device = "bridge"
        via = "wire"
        settings = {{ greeting = "10ms", patience = "300ms" }}
        policy = {{ deadline = "3s" }}
        [[step]]
        request = {{ client = "home", send = {{ power = {{ to = 1, on = true }} }} }}
        [[expect]]
        connections = {{ device = "wire", count = 1 }}
        "#,
        faults.join(", ")
    );
    Scenario::parse("secret.toml", &text).unwrap_or_else(|e| panic!("{e:#?}"))
}

/// A place to write to, and to look at afterwards.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn folded(records: &[Record], mut sink: impl Sink) {
    records.iter().for_each(|record| sink.take(record));
}

/// Everything that is made of a record, by name.
fn papers(records: &[Record]) -> Vec<(&'static str, String)> {
    let (file, log) = (Paper::default(), Paper::default());
    let header = Header {
        wirelab_evidence: Header::FORMAT,
        scenario: None,
        seed: 1,
        world: "sim".into(),
        version: "0".into(),
        commit: None,
        started: Timestamp::UNIX_EPOCH,
    };
    folded(records, Evidence::new(file.clone(), &header));
    folded(records, PacketLog::new(Timestamp::UNIX_EPOCH, Level::Debug, log.clone()));
    let mut html = Html::default();
    let case = CaseResult {
        protocol: "cync".into(),
        scenario: "secret".into(),
        title: "t".into(),
        world: "sim".into(),
        seed: 1,
        verdict: judge_by_laws(records),
        elapsed: Duration::ZERO,
        latencies_ms: Vec::new(),
        replay: String::new(),
    };
    html.add(&case, Timestamp::UNIX_EPOCH, records);
    let cync = registry::find("cync").unwrap();
    let explained = records.iter().filter_map(|record| match &record.event {
        Event::Sent { bytes, .. } | Event::Received { bytes, .. } | Event::Frame { bytes, .. } => {
            Some(format!("{:?} {}\n", cync.explain(bytes), cync.in_words(bytes)))
        }
        _ => None,
    });
    vec![
        ("run.jsonl", file.text()),
        ("packet log", log.text()),
        ("HTML", html.finish("t")),
        ("decode", explained.collect()),
    ]
}

/// Where the key is, and what of it.
fn leak(papers: &[(&'static str, String)]) -> Option<(&'static str, String)> {
    let runs = KEY.as_bytes().windows(RUN).flat_map(|run| {
        let text = String::from_utf8(run.to_vec()).unwrap();
        [text, hex::encode(run), hex::encode(run).replace(' ', "")]
    });
    let mut runs = runs.collect::<Vec<_>>().into_iter();
    runs.find_map(|run| {
        let (name, _) = papers.iter().find(|(_, text)| text.contains(&run))?;
        Some((*name, run))
    })
}

fn fault() -> impl Strategy<Value = String> {
    let at = 0u64..40;
    prop_oneof![
        (4u32..32).prop_map(|size| format!("slice size={size} vary=3")),
        Just("dribble".to_owned()),
        at.clone().prop_map(|at| format!("split byte={at} lane=up")),
        (at.clone(), 1u64..20)
            .prop_map(|(at, n)| format!("drop bytes={n} byte={at} lane=up times=1")),
        (at.clone(), 0u8..8).prop_map(|(at, bit)| format!(
            "corrupt mask={:02x} byte={at} lane=up times=1",
            1 << bit
        )),
        (at.clone(), 1u64..20)
            .prop_map(|(at, n)| format!("duplicate bytes={n} byte={at} lane=up times=1")),
        at.clone().prop_map(|at| format!("insert hex=ff007e byte={at} lane=up times=1")),
        at.prop_map(|at| format!("close byte={at} lane=up times=1")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_four_bytes_of_a_login_key_are_written_down(faults in prop::collection::vec(fault(), 0..3)) {
        let played = play(&scenario(&faults), Kind::Sim, 1).unwrap();
        let sent = |r: &Record| matches!(&r.event, Event::Sent { .. });
        prop_assert!(played.records.iter().any(sent), "nobody said anything");
        prop_assert_eq!(leak(&papers(&played.records)), None, "{:?}", faults);
    }
}

#[test]
fn a_covered_login_breaks_no_law() {
    for world in [Kind::Sim, Kind::Tcp] {
        let played = play(&scenario(&["slice size=3".into()]), world, 1).unwrap();
        let verdict = judge_by_laws(&played.records);
        assert_eq!(verdict.outcome, Outcome::Pass, "{:?}", verdict.findings);
        let login = played.records.iter().find_map(|record| match &record.event {
            Event::Frame { kind, bytes, .. } if kind == "login" => Some(bytes.clone()),
            _ => None,
        });
        assert_eq!(login.unwrap()[12..28], [b'*'; 16], "it is covered, and as long as it was");
    }
}
