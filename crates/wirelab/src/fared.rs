//! How a command to many fared: one by one, all together, as a table for people, and as an exit code.
use std::{fmt::Write, time::Duration};

use net::{
    Answer, Reached,
    group::{End, Lost, Row, Table},
};
use proto::{Delivery, Stage, Ticket};
use serde::{Deserialize, Serialize};

use crate::{exit::Exit, text};

/// How a command to one of them ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// It reached the level.
    Ok,
    /// It did not.
    NotReached,
    /// It was refused.
    Refused,
    /// Nobody is there who could be told.
    Nobody,
    /// The deadline passed first.
    Deadline,
    /// We were told to stop first.
    Interrupted,
}

impl From<Stage> for Ending {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Nack => Self::Refused,
            Stage::Deadline => Self::Deadline,
            Stage::Cancelled => Self::Interrupted,
            Stage::Refused
            | Stage::Unreachable
            | Stage::ConnectTimeout
            | Stage::SendFailed
            | Stage::ReceiveTimeout
            | Stage::Closed
            | Stage::Reset
            | Stage::Malformed
            | Stage::NotConfirmed
            | Stage::QueueFull
            | Stage::BreakerOpen
            | Stage::Superseded
            | Stage::Expired => Self::NotReached,
        }
    }
}

/// What became of a command to one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fared {
    pub(crate) ending: Ending,
    /// Where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<Stage>,
    /// The highest level that is known to be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<Delivery>,
    /// Each level that was seen to be reached, and after how many milliseconds.
    pub(crate) levels: Vec<(Delivery, f64)>,
    /// It was told to be as it was before; whether that reached the level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) undone: Option<bool>,
    /// From the order to its end.
    pub(crate) elapsed_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) msg_id: Option<Ticket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

/// What became of all of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) targets: usize,
    pub(crate) ok: usize,
    /// Between the first that reached the level and the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spread_ms: Option<f64>,
}

/// How each fared of whom a table tells, and all. Whatever was left open is waited for: whoever was
/// told to stop has closed its clients. `short` says why no more could be proved where that is so.
pub(crate) async fn fared<R>(table: Table<R>, short: &str) -> (Vec<Fared>, Summary) {
    let spread_ms = table.spread().map(ms);
    let mut all = Vec::with_capacity(table.rows.len());
    for row in table.rows {
        all.push(Fared::of(row, short).await);
    }
    let ok = all.iter().filter(|fared| fared.ending == Ending::Ok).count();
    let summary = Summary { targets: all.len(), ok, spread_ms };
    (all, summary)
}

/// How the program ends: by the worst of them. Told to stop is worse than a deadline, since some were
/// not even tried; a deadline is worse than a no, since nobody knows.
pub(crate) fn exit<'a>(all: impl Iterator<Item = &'a Fared> + Clone, by_stage: bool) -> Exit {
    let any = |is: Ending| all.clone().any(|fared| fared.ending == is);
    if any(Ending::Interrupted) {
        return Exit::Interrupted;
    }
    if any(Ending::Deadline) {
        return Exit::Deadline;
    }
    let failed = all.filter(|fared| fared.ending != Ending::Ok);
    match failed.min_by_key(|fared| fared.delivery) {
        None => Exit::Done,
        Some(Fared { stage: Some(stage), .. }) if by_stage => Exit::At(*stage),
        Some(_) => Exit::Failed,
    }
}

/// For people: a row each, whom and through whom first, and a last line about all.
pub(crate) fn table<'a>(
    heads: [&str; 2],
    rows: impl Iterator<Item = ([String; 2], &'a Fared)>,
    summary: &Summary,
) -> String {
    let [whom, by] = heads;
    let mut all = vec![[whom, by, "reached", "ms", "tries", ""].map(str::to_owned)];
    all.extend(rows.map(|([whom, by], fared)| {
        let [reached, ms, tries, note] = fared.cells();
        [text::plain(&whom), text::plain(&by), reached, ms, tries, note]
    }));
    let Summary { targets, ok, spread_ms } = summary;
    let spread = spread_ms.map_or_else(String::new, |ms| format!(", within {ms:.1} ms"));
    format!("{}{ok} of {targets} reached{spread}\n", columns(&all))
}

/// Columns as wide as what is in them.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut said = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(said, "{}", line.trim_end()).expect("it has room");
    }
    said
}

impl Fared {
    async fn of<R>(Row { name: _, end, obeyed, undone }: Row<R>, short: &str) -> Self {
        let fared = match end {
            End::Answered(answer) => Self::answered(answer, obeyed, short),
            End::Lost(lost) => Self::lost(lost),
            End::Open(asked) => Self::answered(asked.outcome().await, false, short),
        };
        let undone = match undone {
            None => None,
            Some(End::Answered(answer)) => Some(answer.is_ok()),
            Some(End::Lost(_)) => Some(false),
            Some(End::Open(asked)) => Some(asked.outcome().await.is_ok()),
        };
        Self { undone, ..fared }
    }

    /// There was no way to it.
    fn lost(Lost { stage, detail }: Lost) -> Self {
        let ending = match Ending::from(stage) {
            Ending::Ok | Ending::NotReached | Ending::Refused | Ending::Nobody => Ending::Nobody,
            late @ (Ending::Deadline | Ending::Interrupted) => late,
        };
        let (delivery, levels, undone, attempts, msg_id) = (None, Vec::new(), None, None, None);
        let (stage, detail, elapsed_ms) = (Some(stage), Some(detail), 0.0);
        Self { ending, stage, delivery, levels, undone, elapsed_ms, attempts, msg_id, detail }
    }

    fn answered<R>(answer: Answer<R>, obeyed: bool, short: &str) -> Self {
        let (ticket, elapsed, levels, attempts) = match &answer {
            Ok(receipt) => (receipt.ticket, receipt.elapsed, &receipt.levels, receipt.attempts),
            Err(failure) => {
                (failure.ticket, failure.elapsed, &failure.levels, failure.error.attempts)
            }
        };
        let (elapsed_ms, attempts, msg_id) = (ms(elapsed), Some(attempts), Some(ticket));
        let levels: Vec<_> =
            levels.iter().map(|Reached { level, after }| (*level, ms(*after))).collect();
        let delivery = levels.iter().map(|(level, _)| *level).max();
        let (ending, stage, detail) = match answer {
            Ok(_) if obeyed => (Ending::Ok, None, None),
            Ok(receipt) => {
                let detail = format!("no more than {} can be proved: {short}", receipt.delivery);
                (Ending::NotReached, Some(Stage::NotConfirmed), Some(detail))
            }
            Err(failure) => {
                let stage = failure.error.stage;
                (Ending::from(stage), Some(stage), Some(failure.error.detail))
            }
        };
        let undone = None;
        Self { ending, stage, delivery, levels, undone, elapsed_ms, attempts, msg_id, detail }
    }

    /// How far it got, in how many milliseconds and attempts, and what else there is to say.
    fn cells(&self) -> [String; 4] {
        let word = match self.ending {
            Ending::Ok => "",
            Ending::NotReached => "not reached: ",
            Ending::Refused => "refused: ",
            Ending::Nobody => "nobody to tell: ",
            Ending::Deadline => "too late: ",
            Ending::Interrupted => "interrupted: ",
        };
        let back = match self.undone {
            None => "",
            Some(true) => "taken back",
            Some(false) => "could not be taken back",
        };
        let stage = self.stage.filter(|_| self.ending == Ending::NotReached);
        let stage = stage.map_or_else(String::new, |stage| format!("{stage}: "));
        let detail = text::plain(self.detail.as_deref().unwrap_or_default());
        let gap = if detail.is_empty() || back.is_empty() { "" } else { "; " };
        [
            self.delivery.map_or_else(|| "-".into(), |level| level.to_string()),
            format!("{:.1}", self.levels.last().map_or(self.elapsed_ms, |(_, ms)| *ms)),
            self.attempts.map_or_else(|| "-".into(), |attempts| attempts.to_string()),
            format!("{word}{stage}{detail}{gap}{back}"),
        ]
    }
}

fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
