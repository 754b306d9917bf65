//! Wires that do harm: exchanges swept byte by byte, swarms, and a planted bug that must be found.
use lab::{
    Kind,
    judge::{Outcome, judge},
    run::play,
    scenario::Scenario,
    shipped::shipped,
    swarm,
    sweep::{Break, Case, Lane, Sweep, Unswept, plan},
    trial::{Tally, Trial, play_all},
};

fn text(path: &str) -> String {
    let path = format!("scenarios/{path}.toml");
    shipped().into_iter().find(|(known, _)| *known == path).expect("it is shipped").1
}

fn scenario(path: &str) -> Scenario {
    Scenario::parse(&format!("{path}.toml"), &text(path)).unwrap_or_else(|e| panic!("{e:#?}"))
}

/// Every trial's verdict, counted; the replays of those that failed.
fn tally(trials: &[Trial]) -> (Tally, Vec<String>) {
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    let verdicts = play_all(trials, 2, &|| false).unwrap();
    for (trial, verdict) in trials.iter().zip(verdicts) {
        let verdict = verdict.expect("nothing halts it");
        tally.count(verdict.outcome);
        if verdict.outcome == Outcome::Fail {
            failed.push(format!("{}: {:?}", trial.replay("FILE"), verdict.findings));
        }
    }
    (tally, failed)
}

fn sweep(scenario: &Scenario, cases: &[Case], kind: Kind) -> (Vec<Break>, Vec<Trial>) {
    let planned = plan(scenario, cases, &Lane::ALL, kind, 1);
    let Sweep { trials, .. } = planned.unwrap_or_else(|e| panic!("{e:?}"));
    trials.into_iter().unzip()
}

#[test]
fn no_break_at_any_byte_of_an_exchange_breaks_a_law() {
    for protocol in ["toggle", "vkb", "hsms"] {
        let (breaks, trials) =
            sweep(&scenario(&format!("{protocol}/through-a-proxy")), &Case::ALL, Kind::Sim);
        assert!(Case::ALL.iter().all(|case| breaks.iter().any(|b| b.case == *case)), "{protocol}");
        let (tally, failed) = tally(&trials);
        assert_eq!((tally.failed, tally.inconclusive), (0, 0), "{protocol}: {failed:#?}");
    }
}

#[test]
fn real_sockets_are_cut_at_every_byte_too() {
    let (_, trials) = sweep(&scenario("vkb/through-a-proxy"), &[Case::Cut, Case::Reset], Kind::Tcp);
    let (tally, failed) = tally(&trials);
    assert_eq!(tally, Tally { passed: 18, failed: 0, inconclusive: 0 }, "{failed:#?}");
}

#[test]
fn a_sweep_finds_a_client_that_believes_its_send() {
    let careless = text("toggle/through-a-proxy").replace(
        "via = \"wire\"\npolicy = { recv_timeout = \"150ms\", backoff = { base = \"20ms\", jitter = \"10ms\" } }",
        "via = \"wire\"\nkind = \"careless\"",
    );
    let careless = Scenario::parse("through-a-proxy.toml", &careless).unwrap();
    let (breaks, trials) = sweep(&careless, &[Case::Cut, Case::Whole], Kind::Sim);
    let verdicts = play_all(&trials, 2, &|| false).unwrap();
    let failed = breaks.iter().zip(verdicts).filter(|(_, verdict)| {
        verdict.as_ref().is_some_and(|verdict| verdict.outcome == Outcome::Fail)
    });
    let failed: Vec<Break> = failed.map(|(at, _)| *at).collect();
    assert!(!failed.is_empty(), "it believed everything and nobody objected");
    assert!(failed.iter().all(|at| at.case == Case::Cut && at.lane == Lane::Up), "{failed:?}");
}

#[test]
fn what_fails_unbroken_is_not_swept() {
    let guilty = scenario("toggle/a-planted-bug-is-convicted");
    let planned = plan(&guilty, &Case::ALL, &Lane::ALL, Kind::Sim, 1);
    assert!(matches!(planned, Err(Unswept::Broken(_))), "{planned:?}");
}

#[test]
fn fifty_bad_wires_break_no_law() {
    let paths =
        ["toggle/kept-connection", "vkb/kept-connection", "hsms/works", "toggle/late-answer"];
    for path in paths {
        let scenario = scenario(path);
        let trials: Vec<Trial> =
            (1..=50).map(|seed| swarm::draw(&scenario, Kind::Sim, seed).unwrap()).collect();
        let (tally, failed) = tally(&trials);
        assert_eq!(tally.failed, 0, "{path}: {failed:#?}");
        assert!(tally.passed >= 25, "most of them show something: {tally:?}");
    }
}

#[test]
fn a_swarm_finds_a_client_that_believes_its_send() {
    let careless = text("toggle/kept-connection")
        .replace("policy = { connection = \"kept\" }", "kind = \"careless\"");
    let careless = Scenario::parse("kept-connection.toml", &careless).unwrap();
    let trials: Vec<Trial> =
        (1..=50).map(|seed| swarm::draw(&careless, Kind::Sim, seed).unwrap()).collect();
    let (tally, failed) = tally(&trials);
    assert!(tally.failed > 0 && failed[0].contains("law 2"), "{tally:?}");
    let again = swarm::draw(&careless, Kind::Sim, 7).unwrap();
    assert_eq!(again.replay("x"), trials[6].replay("x"), "a seed is a history");
}

#[test]
fn who_should_be_convicted_and_is_not_fails_the_scenario() {
    let planted = text("toggle/a-planted-bug-is-convicted");
    let verdict = |text: &str| {
        let scenario = Scenario::parse("a-planted-bug-is-convicted.toml", text).unwrap();
        judge(&scenario, "sim", &play(&scenario, Kind::Sim, 1).unwrap().records)
    };
    let convicted = verdict(&planted);
    assert_eq!(convicted.outcome, Outcome::Pass);
    assert!(convicted.notes[0].contains("believer is convicted, as it should be: law 2"));
    let ours =
        verdict(&planted.replace("kind = \"careless\"", "policy = { connection = \"kept\" }"));
    assert_eq!(ours.outcome, Outcome::Fail);
    assert!(ours.findings.iter().any(|f| f.rule == "convicts"), "{ours:?}");
    let other_law = verdict(&planted.replace("law = 2", "law = 5"));
    assert_eq!(other_law.outcome, Outcome::Fail, "another law is no alibi");
}

#[test]
fn a_scenario_without_a_proxy_gets_one() {
    let scenario = scenario("toggle/happy-path").through_a_proxy();
    assert_eq!(scenario.proxies.len(), 1);
    let played = play(&scenario, Kind::Sim, 1).unwrap();
    let joined = |r: &&net::Record| matches!(r.event, net::Event::Joined { .. });
    assert_eq!(played.records.iter().filter(joined).count(), 1);
    assert_eq!(judge(&scenario, "sim", &played.records).outcome, Outcome::Pass);
}
