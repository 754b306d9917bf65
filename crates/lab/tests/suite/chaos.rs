//! The shipped scenarios of chaos with as many commands as one likes: `shipped.rs` plays each with 200.
use std::collections::BTreeSet;

use lab::{
    Kind,
    judge::{Outcome, judge},
    report::Stats,
    run::play,
    scenario::Scenario,
    shipped::shipped,
};
use net::{Event, Record, record::End};
use proto::{Fact, Ticket};

/// What came of one of them.
struct Row {
    name: String,
    commands: usize,
    ok: usize,
    /// Different commands that the bridge did.
    done: usize,
    ms: Stats,
    outcome: Outcome,
}

/// The scenario of that path, with so many commands.
fn row((path, text): &(String, String), commands: usize, seed: u64) -> Row {
    let many = |key: &str| (format!("{key} = 200"), format!("{key} = {commands}"));
    let text = ["times", "requests"].map(many).iter().fold(text.clone(), |text, (from, to)| {
        assert!(text.contains(from), "{path} has 200 commands");
        text.replace(from, to)
    });
    let scenario = Scenario::parse(path, &text).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let records = play(&scenario, Kind::Sim, seed).unwrap().records;
    let took = |record: &Record| match &record.event {
        Event::Done { end: End::Ok { .. }, elapsed_us, .. } => Some(*elapsed_us as f64 / 1000.0),
        _ => None,
    };
    let took: Vec<_> = records.iter().filter_map(took).collect();
    let ended = records.iter().filter(|r| matches!(r.event, Event::Done { .. })).count();
    let done: BTreeSet<Ticket> = records.iter().filter_map(did).collect();
    Row {
        name: scenario.name.get_ref().clone(),
        commands: ended,
        ok: took.len(),
        done: done.len(),
        ms: Stats::of(&took).expect("some succeed"),
        outcome: judge(&scenario, Kind::Sim.name(), &records).outcome,
    }
}

/// The bridge says that it did this.
fn did(record: &Record) -> Option<Ticket> {
    match &record.event {
        Event::Fact { fact: Fact::Applied { ticket, .. }, .. } => Some(*ticket),
        _ => None,
    }
}

fn matrix() -> Vec<(String, String)> {
    let all = shipped().into_iter();
    all.filter(|(path, text)| path.contains("/chaos-") && text.contains("times = 200")).collect()
}

/// Commands that must succeed of 5000, if 99 of 100 do, in 99 of 100 runs.
const OF_5000: usize = 4935;

#[test]
fn what_succeeds_on_a_lossy_mesh_was_done_there_once() {
    let loss = matrix().into_iter().find(|(path, _)| path.ends_with("chaos-loss-10.toml")).unwrap();
    let Row { commands, ok, done, outcome, .. } = row(&loss, 500, 3);
    assert_eq!((commands, outcome), (500, Outcome::Pass));
    assert!(ok * 5000 >= OF_5000 * commands && (ok..=commands).contains(&done), "{ok} {done}");
}

/// `cargo test --release -p wirelab-lab --test suite chaos -- --ignored --nocapture`
#[test]
#[ignore = "takes a minute, and says how every row of the matrix fares with 2000 commands"]
fn the_matrix_holds_with_2000_commands_a_row_and_with_5000_at_a_tenth_lost() {
    println!("scenario              ok of commands    p50 ms     p99 ms     max ms  verdict");
    let mut failed = Vec::new();
    for scenario in matrix() {
        let times = if scenario.0.ends_with("chaos-loss-10.toml") { 5000 } else { 2000 };
        let Row { name, commands, ok, done, ms, outcome } = row(&scenario, times, 1);
        let Stats { p50, p99, max, .. } = ms;
        let shares = format!("{ok} of {commands}");
        println!("{name:<20} {shares:>15} {p50:>9.1} {p99:>10.1} {max:>10.1}  {outcome:?}");
        let enough = times < 5000 || ok >= OF_5000;
        if commands != times || outcome != Outcome::Pass || done < ok || !enough {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
