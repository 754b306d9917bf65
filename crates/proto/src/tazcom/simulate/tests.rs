//! Worlds of a few nodes, and what comes of them.
use super::*;

fn plan(nodes: usize, topology: Topology, loss: f64) -> Plan {
    Plan { nodes, topology, degree: 8, loss, messages: 3, seed: 7 }
}

#[test]
fn everybody_hears_everything_in_every_topology_though_lines_are_lost() {
    for topology in [Topology::Mesh, Topology::Line, Topology::Random] {
        let outcome = simulate(&plan(24, topology, 0.05)).unwrap();
        assert!(outcome.worst_reach == 1.0, "{topology:?}: {outcome:?}");
        assert!(outcome.most_copies <= 6, "{topology:?}: {outcome:?}");
        assert!(outcome.bytes > 500.0 && outcome.max_ms > 1.0, "{topology:?}: {outcome:?}");
    }
}

#[test]
fn a_line_takes_as_many_hops_as_it_has_links() {
    let outcome = simulate(&plan(20, Topology::Line, 0.0)).unwrap();
    assert!((10..=19).contains(&outcome.most_hops), "{outcome:?}");
}

#[test]
fn the_curves_say_what_the_figures_say() {
    let plan = plan(24, Topology::Random, 0.05);
    let Outcome { reach, copies, most_copies, hops, most_hops, p50_ms, max_ms, spread, .. } =
        simulate(&plan).unwrap();
    let Spread { reached, hops: by_hops, copies: by_copies } = spread;
    let last = reached.last().unwrap();
    assert_eq!((last.share, last.ms), (reach, max_ms));
    assert!(reached.is_sorted_by(|a, b| a.ms <= b.ms && a.share <= b.share), "{reached:?}");
    assert_eq!((reached[0].share, reached[0].ms, reached[50].ms), (0.0, 0.0, p50_ms));
    let mean = |counts: &[u64]| {
        let weighed = counts.iter().enumerate().map(|(n, count)| n as u64 * count).sum::<u64>();
        weighed as f64 / counts.iter().sum::<u64>() as f64
    };
    assert_eq!(by_copies.iter().sum::<u64>(), 24 * 3, "each node and message once");
    assert_eq!(
        (by_copies.len(), by_hops.len()),
        (1 + most_copies as usize, 1 + most_hops as usize)
    );
    assert!((mean(&by_copies) - copies).abs() < 1e-9 && (mean(&by_hops) - hops).abs() < 1e-9);
}

#[test]
fn equal_seeds_give_equal_worlds() {
    let once = |seed| simulate(&Plan { seed, ..plan(12, Topology::Random, 0.2) }).unwrap();
    assert_eq!(once(1), once(1));
    assert_ne!(once(1), once(2));
}

#[test]
fn where_all_is_lost_nobody_is_reached() {
    let outcome = simulate(&plan(4, Topology::Mesh, 0.999_999)).unwrap();
    assert_eq!((outcome.reach, outcome.worst_reach), (0.0, 0.0));
}

#[test]
fn a_plan_that_is_none_is_refused() {
    let key = |plan: Plan| simulate(&plan).unwrap_err().key;
    let sound = || plan(8, Topology::Random, 0.0);
    assert_eq!(key(Plan { nodes: 1, ..sound() }), "nodes");
    assert_eq!(key(plan(257, Topology::Mesh, 0.0)), "nodes");
    assert_eq!(key(Plan { degree: 1, ..sound() }), "degree");
    assert_eq!(key(Plan { loss: 1.0, ..sound() }), "loss");
    assert_eq!(key(Plan { messages: 0, ..sound() }), "messages");
    assert_eq!("ring".parse::<Topology>().unwrap_err().key, "topology");
}

/// In a release build: `cargo test --release -p wirelab-proto a_thousand -- --ignored --nocapture`.
#[test]
#[ignore = "a minute without optimisation"]
fn a_thousand_nodes_hear_everything_at_six_copies_each() {
    let plan = Plan { messages: 20, ..plan(1000, Topology::Random, 0.05) };
    let outcome = simulate(&plan).unwrap();
    eprintln!("{outcome:#?}");
    assert!(outcome.worst_reach >= 0.999 && outcome.most_copies <= 6, "{outcome:?}");
}
