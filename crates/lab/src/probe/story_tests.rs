use super::{super::setup::RawSetup, *};

fn setup() -> Setup {
    Setup::new(&super::super::toggle::CLIENT, RawSetup::default()).unwrap()
}
fn attempt(at_ms: u64, over_ms: u64, asked: &[&str]) -> Attempt {
    Attempt {
        at_us: at_ms * 1000,
        over_us: Some(over_ms * 1000),
        asked: asked.iter().map(|id| (*id).to_owned()).collect(),
        said: asked.iter().map(|id| id.as_bytes().to_vec()).collect(),
        ..Attempt::default()
    }
}
fn claim(success: bool) -> Option<Claim> {
    Some(Claim { success, code: i32::from(!success), outcome: None })
}
/// Two attempts, the second 300 ms after the first.
fn twice(success: bool, done: usize, ids: [&str; 2]) -> Story {
    let attempts = vec![attempt(10, 20, &[ids[0]]), attempt(320, 330, &[ids[1]])];
    Story { attempts, claim: claim(success), done, ..Story::default() }
}

#[test]
fn a_claim_is_held_against_what_was_done() {
    let is = |told: Told, story: &Story| told.is(story, &setup());
    let good = twice(true, 1, ["a", "a"]);
    assert!(is(succeeds().done(Times::Once).tries(Tries::All).same().paced(), &good));
    assert!(is(ends().tries(Tries::More), &good) && !is(fails(), &good));
    assert!(!is(succeeds().tries(Tries::One), &good) && !is(ends().done(Times::Never), &good));
    assert!(!is(ends().same(), &twice(true, 1, ["a", "b"])));
    let silent = Story { claim: None, ..good };
    assert!(!is(ends(), &silent), "nothing was claimed");
}

#[test]
fn the_pauses_are_the_rules_or_not() {
    let paced = |at: u64| {
        let attempts = vec![attempt(10, 20, &[]), attempt(at, at, &[])];
        let story = Story { attempts, claim: claim(false), ..Story::default() };
        ends().paced().is(&story, &setup())
    };
    // 250 ms and up to 100 more, which may be 300 ms late.
    assert_eq!([240, 255, 620, 700].map(paced), [false, true, true, false]);
}

#[test]
fn success_without_effect_is_believed_whatever_the_case() {
    let faults = |story: &Story| story.faults().join("; ");
    assert_eq!(faults(&twice(true, 1, ["a", "a"])), "");
    assert_eq!(faults(&twice(false, 0, ["a", "a"])), "");
    assert!(faults(&twice(true, 0, ["a", "a"])).starts_with("believed: "));
    let nothing = Story { claim: claim(true), ..Story::default() };
    assert!(faults(&nothing).contains("never got a whole command"));
    let mut lost = twice(true, 0, ["a", "a"]);
    lost.attempts[1].asked.clear();
    assert!(faults(&lost).starts_with("lost after reconnect: "), "{}", faults(&lost));
}

#[test]
fn whoever_comes_again_at_once_loops_hot() {
    let mut story = twice(false, 0, ["a", "a"]);
    story.attempts[1].at_us = 29_999;
    assert!(story.faults()[0].starts_with("hot loop"));
    story.attempts[1].at_us = 30_000;
    assert!(story.faults().is_empty());
    // The next began while this one was still open: it is no pause at all that is measured.
    story.attempts[0].over_us = Some(5_000_000);
    assert!(story.faults().is_empty(), "{:?}", story.faults());
}

#[test]
fn a_claim_may_not_contradict_itself() {
    let mut story = twice(true, 1, ["a", "a"]);
    story.claim = Some(Claim { success: true, code: 3, outcome: Some("ok".into()) });
    assert!(story.faults()[0].contains("contradicts itself"));
    story.claim = Some(Claim { success: false, code: 0, outcome: Some("failed".into()) });
    assert!(story.faults()[0].contains("contradicts itself"));
}
