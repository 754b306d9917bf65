//! `wirelab node simulate`: many nodes in one world, and how their messages fared.
use proto::tazcom::simulate::{self, Outcome, Plan};
use serde_json::json;

use crate::{
    args::SimulateArgs,
    exit::{Exit, Failure},
    text,
};

/// # Errors
/// A plan that is none, or the output is not writable.
pub(super) fn simulate(args: SimulateArgs) -> Result<Exit, Failure> {
    let SimulateArgs { nodes, topology, degree, loss, messages, seed, json } = args;
    let plan = Plan { nodes, topology, degree, loss, messages, seed };
    let outcome = simulate::simulate(&plan).map_err(|e| match e.key.as_str() {
        "nodes" => Failure::usage(format!("N {}", e.problem)),
        _ => e.into(),
    })?;
    text::print(&match json {
        true => text::json_line(&json!({ "plan": plan, "outcome": outcome, "schema": 1 })),
        false => table(&outcome),
    })?;
    Ok(Exit::Done)
}

fn table(outcome: &Outcome) -> String {
    let Outcome {
        worst_reach,
        reach,
        duplicates,
        copies,
        most_copies,
        hops,
        most_hops,
        bytes,
        p50_ms,
        p99_ms,
        max_ms,
    } = *outcome;
    let rows = [
        (
            "reach",
            format!("{:.2} %, of the worst message {:.2} %", reach * 100.0, worst_reach * 100.0),
        ),
        ("copies sent", format!("{copies:.2} per node and message, at most {most_copies}")),
        ("duplicates", format!("{duplicates:.2} per node and message")),
        ("hops", format!("{hops:.1}, at most {most_hops}")),
        ("bytes sent", format!("{bytes:.0} per node and message")),
        ("latency", format!("p50 {p50_ms:.0} ms, p99 {p99_ms:.0} ms, max {max_ms:.0} ms")),
    ];
    rows.iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect()
}
