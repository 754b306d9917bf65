//! Every shipped scenario, in every world it names, judged by its own record.
use lab::{
    Kind,
    judge::{Outcome, judge},
    run::play,
    scenario::Scenario,
    shipped::shipped,
};

fn scenarios() -> impl Iterator<Item = Scenario> {
    shipped().into_iter().map(|(path, text)| {
        Scenario::parse(&path, &text).unwrap_or_else(|errors| panic!("{errors:#?}"))
    })
}

fn all_pass(kind: Kind, seeds: std::ops::Range<u64>) {
    let mut failed = Vec::new();
    for scenario in scenarios().filter(|s| s.worlds.contains(&kind)) {
        for seed in seeds.clone() {
            let played = play(&scenario, kind, seed).unwrap();
            let verdict = judge(&scenario, kind.name(), &played.records);
            if verdict.outcome != Outcome::Pass {
                failed.push(format!("{} --seed {seed}: {verdict:#?}", scenario.name.get_ref()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn they_pass_on_real_sockets() {
    all_pass(Kind::Tcp, 1..2);
}

#[test]
fn they_pass_in_the_simulated_world_under_many_seeds() {
    all_pass(Kind::Sim, 1..21);
}

#[test]
fn the_same_seed_gives_the_same_record_and_another_does_not() {
    for scenario in scenarios().filter(|s| s.worlds.contains(&Kind::Sim)) {
        let record = |seed| play(&scenario, Kind::Sim, seed).unwrap().records;
        assert!(record(7) == record(7), "{}", scenario.name.get_ref());
        if !scenario.clients.is_empty() {
            assert!(record(7) != record(8), "{}", scenario.name.get_ref());
        }
    }
}
