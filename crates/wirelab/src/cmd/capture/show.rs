//! `wirelab capture show` and `check`: the transcript of a run, or only what is wrong in it.
use std::{collections::BTreeMap, fmt::Write};

use jiff::{SignedDuration, Timestamp};
use lab::capture::talk::{Moment, Packet, What};
use net::Flow;
use proto::explain::Explanation;
use serde::Serialize;

use super::{Told, told};
use crate::{
    args::RunFileArgs,
    exit::{Exit, Failure},
    text,
};

/// What `--json` prints of a packet.
#[derive(Serialize)]
struct Line<'a> {
    time: Timestamp,
    connection: usize,
    flow: Flow,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    len: Option<usize>,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    coalesced: bool,
    problems: Vec<Problem>,
    record: u64,
    schema: u32,
}

/// Something wrong with a packet.
#[derive(Serialize)]
struct Problem {
    /// The byte to blame, counted in its direction of the connection.
    byte: u64,
    problem: String,
}

/// What `check --json` prints in the end.
#[derive(Serialize)]
struct Checked {
    what: &'static str,
    packets: u64,
    wrong: u64,
    tolerated: BTreeMap<&'static str, u64>,
    schema: u32,
}

/// What was found in a run.
#[derive(Default)]
struct Found {
    packets: u64,
    /// Packets, or bytes that are none, with something wrong.
    wrong: u64,
    /// What is wrong and believed all the same: how often, by what the record calls it.
    tolerated: BTreeMap<&'static str, u64>,
    /// Directions that are out of step since so many bytes.
    lost: BTreeMap<(usize, bool), u64>,
}

/// # Errors
/// It cannot be read, or it is not known what is spoken in it.
pub(super) fn show(args: RunFileArgs) -> Result<Exit, Failure> {
    let (runs, exit) = told(&args)?;
    for run in &runs {
        Found::default().go(run, args.json, false)?;
    }
    Ok(exit)
}

/// # Errors
/// It cannot be read, or it is not known what is spoken in it.
pub(super) fn check(args: RunFileArgs) -> Result<Exit, Failure> {
    let (runs, exit) = told(&args)?;
    let mut found = Found::default();
    for run in &runs {
        found.lost.clear();
        found.go(run, args.json, true)?;
    }
    let Found { packets, wrong, tolerated, lost: _ } = found;
    let verdict = match wrong {
        0 => format!("ok: {packets} packets, none contradicts the protocol"),
        _ => format!("{wrong} of {packets} packets contradict the protocol"),
    };
    let believed = tolerated.iter().map(|(what, times)| format!("; {times} {what} tolerated"));
    text::talk(&(verdict + &believed.collect::<String>()));
    if args.json {
        let what = "checked";
        text::print(&text::json_line(&Checked { what, packets, wrong, tolerated, schema: 1 }))?;
    }
    Ok(if wrong > 0 { Exit::Failed } else { exit })
}

impl Found {
    fn go(&mut self, run: &Told, json: bool, only_wrong: bool) -> Result<(), Failure> {
        for moment in &run.moments {
            let Some(line) = self.line(run, moment, json, only_wrong) else { continue };
            text::print(&line)?;
        }
        Ok(())
    }

    fn line(
        &mut self,
        run: &Told,
        moment: &Moment,
        json: bool,
        only_wrong: bool,
    ) -> Option<String> {
        let Moment { at, record, conn, what } = moment;
        let after = SignedDuration::try_from(at.since_start()).unwrap_or_default();
        let time = run.header.started.checked_add(after).unwrap_or(run.header.started);
        let mut line = Line {
            time,
            connection: *conn,
            flow: Flow::Up,
            what: "packet",
            offset: None,
            len: None,
            message: "",
            coalesced: false,
            problems: Vec::new(),
            record: *record,
            schema: 1,
        };
        let (words, again);
        (line.what, line.flow, again) = match what {
            What::Packet(packet) => {
                words = run.protocol.in_words(&packet.bytes);
                line.message = &words;
                let explanation = run.protocol.explain(&packet.bytes);
                line.problems = problems(&explanation, packet.offset);
                for what in &explanation.tolerated {
                    *self.tolerated.entry(*what).or_default() += 1;
                }
                (line.offset, line.len) = (Some(packet.offset), Some(packet.bytes.len()));
                line.coalesced = packet.coalesced;
                let again = self.in_step(*conn, packet, &line.problems);
                ("packet", packet.flow, again)
            }
            What::Opened => ("opened", Flow::Up, None),
            What::Fin(flow) => ("fin", *flow, None),
            What::Reset(flow) => ("reset", *flow, None),
            What::Closed => ("closed", Flow::Up, None),
        };
        if only_wrong && line.problems.is_empty() {
            return None;
        }
        Some(if json { text::json_line(&line) } else { line.in_words(again) })
    }

    /// Counts the packet; how many bytes lay between the last sound one and this, if any.
    fn in_step(&mut self, conn: usize, packet: &Packet, problems: &[Problem]) -> Option<u64> {
        self.packets += 1;
        self.wrong += u64::from(!problems.is_empty());
        let lane = (conn, packet.flow == Flow::Up);
        if problems.iter().any(|problem| problem.problem.starts_with("junk")) {
            *self.lost.entry(lane).or_default() += packet.bytes.len() as u64;
            return None;
        }
        self.lost.remove(&lane)
    }
}

fn problems(explanation: &Explanation, offset: u64) -> Vec<Problem> {
    let of = |(at, problem): (Option<usize>, String)| {
        let byte = offset + at.unwrap_or(0) as u64;
        Problem { byte, problem }
    };
    explanation.problems().into_iter().map(of).collect()
}

impl Line<'_> {
    fn in_words(&self, again: Option<u64>) -> String {
        let Self { time, connection, flow, what, message, coalesced, problems, .. } = self;
        let way = if *flow == Flow::Up { '>' } else { '<' };
        let mut line = match *what {
            "packet" => {
                let joined = if *coalesced { '+' } else { ' ' };
                format!("{time:.6}  #{connection} {way}{joined} {}", text::plain(message))
            }
            "fin" | "reset" => format!("{time:.6}  #{connection} {way}  -- {what}"),
            what => format!("{time:.6}  #{connection}    -- {what}"),
        };
        if let Some(bytes) = again {
            write!(line, "  (in step again after {bytes} bytes)").expect("it has room");
        }
        for Problem { byte, problem } in problems {
            let problem = text::plain(problem);
            write!(line, "  \x1b[1;31mWRONG:\x1b[0m at byte {byte}: {problem}")
                .expect("it has room");
        }
        line.push('\n');
        line
    }
}
