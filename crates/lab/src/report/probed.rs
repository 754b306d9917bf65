//! What `wirelab judge device --json` and `judge client --json` wrote, read back to be shown.
use std::net::SocketAddr;

use bytes::Bytes;
use net::{Event, Record, Role};
use proto::{CloseReason, Stage, Time, session::hex};
use serde::Deserialize;

use crate::judge::Outcome;

/// How somebody else's device or client fared, case by case.
#[derive(Clone, Debug, Deserialize)]
pub struct Probed {
    schema: u32,
    /// The protocol.
    pub protocol: String,
    /// Who was judged.
    pub judged: String,
    /// By which reading of the standard.
    pub level: String,
    /// The cases.
    pub cases: Vec<ProbedCase>,
}

/// One case.
#[derive(Clone, Debug, Deserialize)]
pub struct ProbedCase {
    /// Its id.
    pub id: String,
    /// What was tried.
    pub title: String,
    /// What the standard says of it.
    pub requirement: String,
    /// How it went, in a word.
    pub verdict: String,
    /// What may come.
    pub expected: String,
    /// What came.
    pub actual: String,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// Milliseconds it took.
    pub elapsed_ms: f64,
    evidence: Vec<Moment>,
}

#[derive(Clone, Debug, Deserialize)]
struct Moment {
    at_us: u64,
    conn: u32,
    what: String,
    detail: String,
}

impl Probed {
    /// The version of the format that is read.
    const FORMAT: u32 = 1;

    /// Reads such a file.
    ///
    /// # Errors
    /// It is none, or a newer program wrote it; in words.
    pub fn read(file: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(file).map_err(|e| e.to_string())?;
        match read.schema {
            Self::FORMAT => Ok(read),
            newer => Err(format!("written in format {newer}: use a newer wirelab")),
        }
    }
}

impl ProbedCase {
    /// What it adds to the verdict on all.
    pub fn outcome(&self) -> Outcome {
        match self.verdict.as_str() {
            "fail" => Outcome::Fail,
            "inconclusive" => Outcome::Inconclusive,
            _ => Outcome::Pass,
        }
    }
    /// What was on the wire, as records of the judge. Of long pieces only the beginning is there.
    pub(super) fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for Moment { at_us, conn, what, detail } in &self.evidence {
            let conn = *conn;
            let bytes = || hex::decode(&detail.replace('…', "")).unwrap_or_else(|_| Bytes::new());
            let event = match what.as_str() {
                "opened" => {
                    let peer = detail.parse().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
                    Event::Opened { conn, local: SocketAddr::from(([0, 0, 0, 0], 0)), peer }
                }
                "sent" => Event::Sent { conn, bytes: bytes() },
                "received" => Event::Received { conn, bytes: bytes() },
                "eof" => Event::Eof { conn },
                "failed" => {
                    Event::ConnectFailed { conn, stage: Stage::Unreachable, detail: detail.clone() }
                }
                // Its words stand for themselves.
                _ => Event::Closed { conn, reason: CloseReason::Timer(detail.clone()) },
            };
            // Cases of clients are those that clients dial into.
            let of_client = self.id.rsplit('/').next().is_some_and(|id| id.starts_with('c'));
            let role = if of_client { Role::Device } else { Role::Client };
            let (seq, at) = (records.len() as u64, Time::from_micros(*at_us));
            records.push(Record { seq, at, node: "judge".into(), role, line: 0, event });
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{self, Side};

    #[test]
    fn what_the_judge_writes_is_read_back() {
        let file = include_bytes!("html/probed.json");
        let probed = Probed::read(file).unwrap();
        assert_eq!((probed.judged.as_str(), probed.cases.len()), ("192.0.2.7:5000", 3));
        assert_eq!(probed.cases[0].records().len(), 4);
    }

    /// The keys are those of the program, whatever the file above says.
    #[test]
    fn the_format_is_that_of_the_probes() {
        let suite = probe::find("hsms", Side::Device).unwrap();
        let json = probe::report::json(suite.protocol, "x", "e37", &[]);
        let text = serde_json::to_vec(&json).unwrap();
        assert_eq!(Probed::read(&text).unwrap().cases.len(), 0);
    }

    #[test]
    fn a_newer_format_and_noise_are_refused() {
        let newer = include_str!("html/probed.json").replacen("\"schema\":1", "\"schema\":2", 1);
        assert!(Probed::read(newer.as_bytes()).unwrap_err().contains("format 2"));
        assert!(Probed::read(b"noise").is_err());
    }
}
