//! The probes against our own toggle device, with either form of answer: what it does in each case is
//! written down, and none of it may be a fail.
use std::{collections::BTreeMap, fmt::Write};

use lab::{
    World,
    probe::{
        CaseResult, Setup, Side, Verdict, devices::judge_device, find, pick::pick, setup::RawSetup,
    },
};
use proto::{Protocol, Span, toggle::Lamp};
use serde_json::json;

/// Judges our device by the reading called `level`, which it follows.
async fn judged(w: &World, level: &str) -> Vec<CaseResult> {
    let answer = if level == "bare" { "ack" } else { "framed" };
    let settings = serde_json::from_value(json!({ "answer": answer })).unwrap();
    let host = w.device(Lamp::new(settings).unwrap());
    let suite = find("toggle", Side::Device).unwrap();
    let patience = Span::millis(400).0;
    let raw = RawSetup { level: Some(level.into()), patience, ..RawSetup::default() };
    let setup = Setup::new(suite, raw).unwrap();
    let cases = pick(suite, &[], &[], &[]).unwrap();
    let net = w.env().net.clone();
    let results = judge_device(suite, &cases, host.addr(), net, setup, 1, |_| {}).await;
    host.stop().await;
    results
}

/// Nothing failed, nothing was left unseen.
fn is_clean(level: &str, results: &[CaseResult]) {
    let bad = |r: &&CaseResult| matches!(r.verdict, Verdict::Fail | Verdict::Inconclusive);
    let line = |r: &CaseResult| {
        format!("{} {} {}: wanted {}, it {}", r.verdict, r.id, r.title, r.expected, r.actual)
    };
    let bad: Vec<_> = results.iter().filter(bad).map(line).collect();
    assert!(bad.is_empty(), "{level}:\n{}", bad.join("\n"));
    let passed = results.iter().filter(|r| r.verdict == Verdict::Pass).count();
    assert!(passed >= 60, "{level}: {passed} passed");
}

#[test]
fn our_device_fails_no_case_and_does_what_is_written_down() {
    let mut rows: BTreeMap<usize, String> = BTreeMap::new();
    for level in ["bare", "framed"] {
        let results = World::sim(1, async move |w: World| judged(&w, level).await);
        is_clean(level, &results);
        for (n, result) in results.iter().enumerate() {
            let row = rows.entry(n).or_insert_with(|| format!("{:<12}", result.id));
            let seen = format!("{} ({})", result.brief, result.verdict.to_string().trim());
            let _ = write!(row, " | {seen:<30}");
        }
    }
    let lines = rows.into_values().map(|row| format!("{}\n", row.trim_end()));
    insta::assert_snapshot!(lines.collect::<String>());
}

#[test]
fn our_device_fails_no_case_on_real_sockets_either() {
    for level in ["bare", "framed"] {
        is_clean(level, &World::tcp(1, async move |w: World| judged(&w, level).await));
    }
}

#[test]
fn a_device_of_the_other_reading_is_not_strict_and_one_that_errs_fails() {
    let verdicts = World::sim(1, async |w: World| {
        let host = w.device(Lamp::default());
        let suite = find("toggle", Side::Device).unwrap();
        let raw = RawSetup { level: Some("framed".into()), ..RawSetup::default() };
        let setup = Setup::new(suite, raw).unwrap();
        let cases = pick(suite, &[], &["1.1".into()], &[]).unwrap();
        let judge = async |net| {
            judge_device(suite, &cases, host.addr(), net, setup.clone(), 1, |_| {}).await
        };
        let bare = judge(w.env().net.clone()).await[0].verdict;
        host.misbehave("wrong_id".parse().unwrap()).await.unwrap();
        let wrong = judge(w.env().net.clone()).await[0].verdict;
        host.misbehave("timeout".parse().unwrap()).await.unwrap();
        let mute = judge(w.env().net.clone()).await[0].verdict;
        host.stop().await;
        [bare, wrong, mute]
    });
    assert_eq!(verdicts, [Verdict::NonStrict, Verdict::Fail, Verdict::Fail]);
}
