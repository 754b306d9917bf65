//! `wirelab node simulate`: many nodes in one world, and how their messages fared.
use lab::report::plot::Plots;
use proto::tazcom::simulate::{self, Outcome, Plan, Spread, Topology};
use serde_json::json;

use crate::{
    args::SimulateArgs,
    exit::{Exit, Failure},
    text,
};

/// Characters of the longest bar.
const LONGEST: usize = 40;
/// When so many percent had heard is said.
const PERCENTS: [usize; 11] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 99, 100];
/// Bars beyond that many are left out; the last line says so.
const MOST_BARS: usize = 24;

/// # Errors
/// A plan that is none, or the output is not writable.
pub(super) fn simulate(args: SimulateArgs) -> Result<Exit, Failure> {
    let SimulateArgs { nodes, topology, degree, loss, messages, seed, json, plot } = args;
    let plan = Plan { nodes, topology, degree, loss, messages, seed };
    let outcome = simulate::simulate(&plan).map_err(|e| match e.key.as_str() {
        "nodes" => Failure::usage(format!("N {}", e.problem)),
        _ => e.into(),
    })?;
    if let Some(path) = plot {
        net::files::replace(&path, drawn(&plan, &outcome.spread))
            .map_err(|e| text::unwritable(&path.display().to_string(), &e))?;
    }
    text::print(&match json {
        true => text::json_line(&json!({ "plan": plan, "outcome": outcome, "schema": 1 })),
        false => table(&outcome) + &bars(&outcome.spread),
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
        spread: _,
    } = outcome;
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

/// The same as bars of text.
fn bars(Spread { reached, hops, copies }: &Spread) -> String {
    let mut said = String::from("\nheard by\n");
    for at in PERCENTS.into_iter().filter_map(|percent| reached.get(percent)) {
        let percent = at.share * 100.0;
        said += &line(&format!("{:.0} ms", at.ms), &format!("{percent:.2} %"), at.share);
    }
    said + &counted("hops", hops) + &counted("copies sent", copies)
}

fn counted(title: &str, counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let all = counts.iter().sum::<u64>().max(1) as f64;
    let mut said = format!("\n{title}\n");
    for (n, count) in counts.iter().enumerate().take(MOST_BARS) {
        let percent = *count as f64 * 100.0 / all;
        said += &line(&n.to_string(), &format!("{percent:.2} %"), *count as f64 / most);
    }
    if counts.len() > MOST_BARS {
        said += &format!("{:>10} and more, up to {}\n", "…", counts.len() - 1);
    }
    said
}

fn line(name: &str, value: &str, share: f64) -> String {
    let bar = "#".repeat((share.clamp(0.0, 1.0) * LONGEST as f64).round() as usize);
    format!("{name:>10} {value:>9}  {bar}").trim_end().to_owned() + "\n"
}

fn drawn(plan: &Plan, Spread { reached, hops, copies }: &Spread) -> String {
    let Plan { nodes, topology, degree, loss, messages, seed } = plan;
    let links = match topology {
        Topology::Mesh => "all linked to all".to_owned(),
        Topology::Line => "in a line".to_owned(),
        Topology::Random => format!("with {degree} links each at random"),
    };
    let lost = loss * 100.0;
    let title = format!("{nodes} nodes {links}, {lost} % lost, {messages} messages, seed {seed}");
    let mut plots = Plots::new(&title);
    let points: Vec<_> = reached.iter().map(|at| (at.ms, at.share)).collect();
    plots.curve("Nodes that have heard a message", "ms after it was said", &points);
    plots.bars("Nodes it came through", "hops", hops);
    plots.bars("Copies a node sent of it", "copies", copies);
    plots.finish()
}

#[cfg(test)]
mod tests {
    use proto::tazcom::simulate::Reached;

    use super::*;

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        let mut reached = vec![Reached { ms: 0.0, share: 0.0 }; 10];
        reached.push(Reached { ms: 12.4, share: 0.5 });
        let spread = Spread { reached, hops: vec![1, 3], copies: vec![0, 4] };
        let said = bars(&spread);
        let wanted = format!(
            "\nheard by\n     12 ms   50.00 %  {}\n\
             \nhops\n         0   25.00 %  {}\n         1   75.00 %  {}\n\
             \ncopies sent\n         0    0.00 %\n         1  100.00 %  {}\n",
            "#".repeat(20),
            "#".repeat(13),
            "#".repeat(40),
            "#".repeat(40),
        );
        assert_eq!(said, wanted);
    }

    #[test]
    fn many_bars_are_cut_and_said_to_be() {
        let said = counted("hops", &[1; 100]);
        assert_eq!(said.lines().count(), 1 + 1 + MOST_BARS + 1);
        assert!(said.ends_with("and more, up to 99\n"), "{said}");
    }
}
