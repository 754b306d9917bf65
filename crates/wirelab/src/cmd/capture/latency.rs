//! `wirelab capture latency`: how long answers took, as a table or as JSON.
use std::fmt::Write;

use lab::capture::latency::{Row, Took, rows};
use serde::Serialize;

use super::told;
use crate::{
    args::LatencyArgs,
    exit::{Exit, Failure},
    text,
};

/// What `--json` prints of a run.
#[derive(Serialize)]
struct Measured {
    schema: u32,
    run: String,
    rows: Vec<Row>,
}

/// # Errors
/// It cannot be read, or there is nothing to measure.
pub(super) fn run(LatencyArgs { file, patience }: LatencyArgs) -> Result<Exit, Failure> {
    let (runs, exit) = told(&file)?;
    let mut measured = Vec::new();
    for run in &runs {
        if run.moments.last().is_some_and(|last| last.at == proto::Time::default()) {
            let name = &file.file;
            return Err(Failure::usage(format!("{name}: its records have no times to measure by")));
        }
        let rows = rows(&run.moments, run.protocol, patience.0);
        if rows.is_empty() {
            let name = run.protocol.name();
            return Err(Failure::usage(format!(
                "{}: no message of {name} in it that asks or answers, as far as is known of {name}",
                file.file
            )));
        }
        let name = crate::cmd::evidence::name(&run.header).to_owned();
        measured.push(Measured { schema: 1, run: name, rows });
    }
    for measured in &measured {
        text::print(&if file.json { text::json_line(measured) } else { table(&measured.rows) })?;
    }
    Ok(exit)
}

fn table(rows: &[Row]) -> String {
    let heads =
        ["exchange", "conn", "n", "p50", "p90", "p95", "p99", "max", "unanswered", "unasked"];
    let mut table = vec![heads.map(str::to_owned)];
    table.extend(rows.iter().map(|row| {
        let Row { exchange, connection, count, unanswered, unasked, took } = row;
        let conn = connection.map_or_else(|| "all".to_owned(), |n| format!("#{n}"));
        let ms =
            |of: fn(&Took) -> f64| took.as_ref().map_or("-".into(), |t| format!("{:.1}", of(t)));
        let [p50, p90, p95, p99, max] = [
            ms(|t| t.p50_ms),
            ms(|t| t.p90_ms),
            ms(|t| t.p95_ms),
            ms(|t| t.p99_ms),
            ms(|t| t.max_ms),
        ];
        let [n, lost, strays] = [count, unanswered, unasked].map(ToString::to_string);
        [(*exchange).to_owned(), conn, n, p50, p90, p95, p99, max, lost, strays]
    }));
    let width = |column: usize| table.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    let mut text = String::new();
    for row in &table {
        let mut line = format!("{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            write!(line, "  {cell:>width$}").expect("it has room");
        }
        writeln!(text, "{line}").expect("it has room");
    }
    text + "times in milliseconds\n"
}
