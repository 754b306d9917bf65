//! The verdict on one case: what came, held against what each reading of the standard demands.
use std::{fmt, time::Duration};

use net::{Event, Record};
use proto::{CloseReason, session::hex};
use serde::Serialize;

use super::{
    Case, Setup, Suite,
    backoff::{self, Fit, Pause},
    outcome::{Ended, Observed, Want},
    story::{Attempt, Claim},
};

/// How a case went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As the standard demands.
    Pass,
    /// The other reading of the standard demands it, or a peer can live with it.
    NonStrict,
    /// No standard says anything; here is what came.
    Info,
    /// The case does not apply to this peer.
    Skipped,
    /// It could not be seen, for a reason that is not this case's.
    Inconclusive,
    /// No reading allows it.
    Fail,
}

impl Verdict {
    /// All there are, in the order of a summary.
    pub const ALL: [Self; 6] =
        [Self::Pass, Self::NonStrict, Self::Fail, Self::Info, Self::Skipped, Self::Inconclusive];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::NonStrict => "NON-STRICT",
            Self::Info => "INFO",
            Self::Skipped => "SKIPPED",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
        })
    }
}

/// One case, and how it went.
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    /// Its id.
    pub id: &'static str,
    /// What was tried.
    pub title: &'static str,
    /// What the standard says of it.
    pub requirement: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What may come, in words.
    pub expected: String,
    /// What came, in words.
    pub actual: String,
    /// The same in few words that do not depend on the clock; empty if nothing was seen.
    pub brief: String,
    /// Every attempt of a client.
    pub attempts: Vec<Attempt>,
    /// The rule that the pauses between them follow.
    pub backoff: Option<Fit>,
    /// What a client's program says of itself.
    pub claim: Option<Claim>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// Milliseconds it took.
    pub elapsed_ms: f64,
    /// The bytes both ways.
    pub evidence: Vec<Moment>,
}

/// Something on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Microseconds since the case began.
    pub at_us: u64,
    /// On which connection.
    pub conn: u32,
    /// What: `opened`, `sent`, `received`, `eof`, `closed`, `failed`.
    pub what: &'static str,
    /// The first bytes in hex, or in which way.
    pub detail: String,
    /// How many bytes in all.
    pub len: usize,
}

/// Bytes of one write or read that are shown.
const SHOWN: usize = 128;
/// Moments kept of one case, from the first.
const KEPT: usize = 1000;

/// Why a case shows nothing, or what happened besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It does not apply.
    Skipped(String),
    /// It could not be seen.
    Inconclusive(String),
    /// The peer did something no case allows.
    Fault(String),
}

/// Judges what came of a case, or why nothing did.
pub fn judge(
    suite: &Suite,
    case: &'static Case,
    setup: &Setup,
    seen: &Result<Observed, Trouble>,
) -> CaseResult {
    let (verdict, actual, brief) = match seen {
        Ok(seen) => {
            (verdict(case, seen, setup), seen.full(suite.name), seen.brief(suite.name, setup))
        }
        Err(Trouble::Skipped(why)) => (Verdict::Skipped, why.clone(), String::new()),
        Err(Trouble::Inconclusive(why)) => (Verdict::Inconclusive, why.clone(), String::new()),
        Err(Trouble::Fault(what)) => (Verdict::Fail, what.clone(), String::new()),
    };
    let story = seen.as_ref().ok().and_then(|seen| seen.story.clone());
    let mut result = CaseResult {
        id: case.id,
        title: case.title,
        requirement: case.rule,
        verdict,
        expected: expected(case, setup),
        actual,
        brief,
        attempts: Vec::new(),
        backoff: seen.as_ref().ok().and_then(|seen| backoff::fit(&pauses(seen))),
        claim: None,
        notes: Vec::new(),
        elapsed_ms: 0.0,
        evidence: Vec::new(),
    };
    if let Some(story) = story {
        story.faults().into_iter().for_each(|fault| result.also(fault));
        result.attempts = story.attempts;
        result.claim = story.claim;
    }
    result
}

fn pauses(seen: &Observed) -> Vec<Pause> {
    let plain = |length: &Duration| Pause { length: *length, after_success: false };
    match &seen.story {
        Some(story) => story.pauses(),
        None => seen.gaps.iter().map(plain).collect(),
    }
}

fn verdict(case: &Case, seen: &Observed, setup: &Setup) -> Verdict {
    let is = |wants: &[Want]| wants.iter().any(|want| want.is(seen, setup));
    let (own, other) = readings(case, setup);
    if is(own) {
        Verdict::Pass
    } else if is(other) || is(case.acceptable) {
        Verdict::NonStrict
    } else if own.is_empty() && other.is_empty() && seen.end != Ended::Deaf {
        Verdict::Info
    } else {
        // A peer that keeps a connection and answers on it no more is broken by any standard.
        Verdict::Fail
    }
}

/// What the reading it is judged by demands, and what the other does.
fn readings(case: &Case, setup: &Setup) -> (&'static [Want], &'static [Want]) {
    match setup.level() {
        0 => (case.first, case.second),
        _ => (case.second, case.first),
    }
}

fn expected(case: &Case, setup: &Setup) -> String {
    let (own, other) = readings(case, setup);
    let any = |wants: &[Want]| wants.iter().map(Want::to_string).collect::<Vec<_>>().join("; or ");
    match (own, other) {
        ([], []) => "the standard does not say".into(),
        ([], other) => format!("not said here; elsewhere: {}", any(other)),
        (own, _) => any(own),
    }
}

/// The bytes both ways, as a person or a report wants them.
pub(super) fn moments(records: &[Record]) -> Vec<Moment> {
    records.iter().filter_map(moment).take(KEPT).collect()
}

fn moment(record: &Record) -> Option<Moment> {
    let (conn, what, detail, len) = match &record.event {
        Event::Opened { conn, peer, .. } => (*conn, "opened", peer.to_string(), 0),
        Event::ConnectFailed { conn, detail, .. } => (*conn, "failed", detail.clone(), 0),
        Event::Sent { conn, bytes } => (*conn, "sent", shown(bytes), bytes.len()),
        Event::Received { conn, bytes } => (*conn, "received", shown(bytes), bytes.len()),
        Event::Eof { conn } => (*conn, "eof", "FIN".into(), 0),
        Event::Closed { conn, reason } => (*conn, "closed", way(reason), 0),
        _ => return None,
    };
    Some(Moment { at_us: record.at.as_micros(), conn, what, detail, len })
}

fn way(reason: &CloseReason) -> String {
    match reason {
        CloseReason::Reset => "RST".into(),
        other => other.to_string(),
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = hex::encode(&bytes[..bytes.len().min(SHOWN)]);
    if bytes.len() > SHOWN { format!("{text} …") } else { text }
}

impl CaseResult {
    /// The same with the evidence of `records`.
    pub(super) fn shown_by(mut self, records: &[Record], took: Duration) -> Self {
        self.evidence = moments(records);
        self.elapsed_ms = took.as_secs_f64() * 1000.0;
        self
    }
    /// It also did this, which no case allows.
    pub(super) fn also(&mut self, fault: String) {
        self.notes.push(fault);
        self.verdict = Verdict::Fail;
    }
}
