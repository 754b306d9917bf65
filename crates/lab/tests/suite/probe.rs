//! The probes against our own HSMS device. Played as another stack it must do what that stack was
//! seen to do; played by the standard it must not fail by it.
use std::collections::BTreeMap;

use lab::{
    World,
    probe::{
        CaseResult, Setup, Side, Verdict, devices::judge_device, find, pick::pick, setup::RawSetup,
    },
};
use proto::{Protocol, Span, hsms::Hsms};
use serde_json::json;

/// What other stacks were seen to do, case by case, by their names. `stays` and `closes` are of the
/// connection; a frame is what was said before that.
const OBSERVED: &str = include_str!("probe/observed.toml");

/// Where our device does something else, in the ways of that stack. A cell that is mended goes.
const DIVERGENT: &[(&str, &str)] = &[];

type Table = BTreeMap<String, BTreeMap<String, String>>;

/// Judges our device in the ways of `who`, its timers as given in milliseconds.
async fn judged(
    w: &World,
    who: &str,
    level: &str,
    cases: &[String],
    timers: &[(&'static str, u64)],
    patience: Span,
) -> Vec<CaseResult> {
    let suite = find("hsms", Side::Device).unwrap();
    let mut settings = json!({ "as": who });
    for (name, ms) in timers {
        settings[name] = json!(Span::millis(*ms));
    }
    let device = Hsms::new(serde_json::from_value(settings).unwrap()).unwrap();
    let host = w.device(device);
    let timers = timers.iter().map(|(name, ms)| (*name, Span::millis(*ms).0)).collect();
    let level = Some(level.into());
    let raw = RawSetup { timers, level, patience: patience.0, ..RawSetup::default() };
    let setup = Setup::new(suite, raw).unwrap();
    let cases = pick(suite, &[], cases, &[]).unwrap();
    let net = w.env().net.clone();
    let results = judge_device(suite, &cases, host.addr(), net, setup, 1, |_| {}).await;
    host.stop().await;
    results
}

/// In virtual time the standard's own timers take none.
fn in_sim(who: &'static str, level: &'static str, cases: Vec<String>) -> Vec<CaseResult> {
    World::sim(1, async move |w: World| {
        judged(&w, who, level, &cases, &[], Span::millis(1000)).await
    })
}

#[test]
fn each_personality_does_what_was_seen_of_it() {
    let observed: Table = toml::from_str(OBSERVED).unwrap();
    let mut wrong = Vec::new();
    for who in ["go-secs", "secs4java8", "secs4js", "secsgem"] {
        let wanted: BTreeMap<_, _> = observed
            .iter()
            .filter_map(|(case, cells)| Some((format!("hsms/{case}"), cells.get(who)?)))
            .collect();
        assert!(wanted.len() > 25, "{who}: {}", wanted.len());
        for result in in_sim(who, "e37", wanted.keys().cloned().collect()) {
            let wanted = wanted[result.id];
            let differs = result.brief != *wanted;
            if differs != DIVERGENT.contains(&(who, result.id)) {
                let CaseResult { id, title, actual, .. } = &result;
                wrong.push(format!("{who} {id} {title}: wanted `{wanted}`, it {actual}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Nothing failed, and little was left unseen.
fn is_clean(who: &str, results: &[CaseResult]) {
    let bad = |r: &&CaseResult| matches!(r.verdict, Verdict::Fail | Verdict::Inconclusive);
    let line = |r: &CaseResult| {
        format!("{} {} {}: wanted {}, it {}", r.verdict, r.id, r.title, r.expected, r.actual)
    };
    let bad: Vec<_> = results.iter().filter(bad).map(line).collect();
    assert!(bad.is_empty(), "{who}:\n{}", bad.join("\n"));
    let passed = results.iter().filter(|r| r.verdict == Verdict::Pass).count();
    assert!(passed >= 60, "{who}: {passed} passed");
}

#[test]
fn our_device_fails_no_case_by_the_standard_it_is_set_to() {
    for (who, level) in [("wirelab", "e37"), ("e37", "e37"), ("e37.1", "e37.1")] {
        is_clean(who, &in_sim(who, level, vec![]));
    }
}

/// On sockets with short timers, since only there a close can be a reset and time is real.
#[test]
fn our_device_fails_no_case_on_real_sockets_either() {
    const TIMERS: &[(&str, u64)] = &[("t6", 400), ("t7", 800), ("t8", 400)];
    let runs = [("wirelab", "e37"), ("e37", "e37"), ("e37.1", "e37.1")].map(|(who, level)| {
        std::thread::spawn(move || {
            World::tcp(1, async move |w: World| {
                judged(&w, who, level, &[], TIMERS, Span::millis(200)).await
            })
        })
    });
    for run in runs {
        is_clean("on tcp", &run.join().expect("judging does not panic"));
    }
}
