//! The evidence file `run.jsonl`: of each run a header, then every record, a line each. It reads what it
//! wrote and says of anything else which line is wrong.
use std::{io, io::BufRead, io::Read, io::Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Event, Record, Sink,
    lines::{Lines, Written},
};

/// No line is longer: 64 MiB, many times what the largest frame needs.
const MAX_LINE: u64 = 64 << 20;

/// The first line: of which run this is the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format, [`Header::FORMAT`].
    pub wirelab_evidence: u32,
    /// Name of the scenario, if there was one.
    pub scenario: Option<String>,
    /// Where all chance came from.
    pub seed: u64,
    /// Which network: `sim` or `tcp`.
    pub world: String,
    /// Version of the program that wrote it.
    pub version: String,
    /// Commit it was built from, if known.
    pub commit: Option<String>,
    /// When the run began; records count microseconds from here.
    pub started: Timestamp,
}

impl Header {
    /// The version written, and the newest that is read.
    pub const FORMAT: u32 = 1;
}

/// Writes the evidence file.
pub struct Evidence<W> {
    out: Lines<W>,
}

impl<W: Write + Send> Evidence<W> {
    /// Begins a file with its header.
    pub fn new(out: W, header: &Header) -> Self {
        let mut out = Lines::new(out);
        put(&mut out, header);
        Self { out }
    }
    /// Ask this, when the run is over, whether every record got out.
    pub fn written(&self) -> Written {
        self.out.written()
    }
}

impl<W: Write + Send> Sink for Evidence<W> {
    fn take(&mut self, record: &Record) {
        put(&mut self.out, record);
        if matches!(record.event, Event::Ended { .. }) {
            self.out.flush();
        }
    }
}

fn put(out: &mut Lines<impl Write>, value: &impl Serialize) {
    let mut line = serde_json::to_vec(value).expect("keys are text and numbers are finite");
    line.push(b'\n');
    out.put(&line);
}

/// Why a file is not, or not wholly, evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// It could not be read.
    #[error("line {line}: cannot be read")]
    Io {
        /// The line, from 1.
        line: usize,
        /// What the system said.
        source: io::Error,
    },
    /// It does not begin with a header.
    #[error("line 1: no evidence header; is this a run.jsonl?")]
    NoHeader(#[source] serde_json::Error),
    /// A later wirelab wrote it.
    #[error(
        "line 1: written in format {found}, and this wirelab reads up to {}: use a newer wirelab",
        Header::FORMAT
    )]
    Newer {
        /// The format it is in.
        found: u32,
    },
    /// A line is no record.
    #[error("line {line}: not a record")]
    NotARecord {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line is longer than any record.
    #[error("line {line}: longer than {MAX_LINE} bytes")]
    TooLong {
        /// The line, from 1.
        line: usize,
    },
    /// The last line stops short, as after a crash or on a full disk. What came before is sound.
    #[error("line {line}: cut short, after {} whole records", runs.iter().map(|run| run.1.len()).sum::<usize>())]
    Cut {
        /// The line, from 1.
        line: usize,
        /// The runs, of the last one what came before the cut.
        runs: Vec<Run>,
    },
}

/// One run: its header and its records.
pub type Run = (Header, Vec<Record>);

/// Reads an evidence file: one run or several, one after the other.
///
/// # Errors
/// Anything but headers of a format we know and whole records; see [`EvidenceError`].
pub fn read_evidence(mut from: impl BufRead) -> Result<Vec<Run>, EvidenceError> {
    let first = next_line(&mut from, 1)?.unwrap_or_default();
    let mut runs = vec![(read_header(&first)?.map_err(EvidenceError::NoHeader)?, Vec::new())];
    for line in 2.. {
        let Some(text) = next_line(&mut from, line)? else { break };
        match serde_json::from_slice(&text) {
            Ok(record) => runs.last_mut().expect("it begins with one").1.push(record),
            Err(_) if !text.ends_with(b"\n") => return Err(EvidenceError::Cut { line, runs }),
            Err(source) => match read_header(&text)? {
                Ok(header) => runs.push((header, Vec::new())),
                Err(_) => return Err(EvidenceError::NotARecord { line, source }),
            },
        }
    }
    Ok(runs)
}

/// What of a file is sound, and what is not.
#[derive(Debug, Default)]
pub struct Sound {
    /// The runs that have a header we know, and of each the records that are whole.
    pub runs: Vec<Run>,
    /// The first thing that is wrong, and how many lines are.
    pub wrong: Option<(String, usize)>,
}

/// Reads whatever can be read of an evidence file: a line that is no record is passed over, and so is
/// a run in a format we do not know. Gaps show in the numbers of the records.
pub fn read_sound(mut from: impl BufRead) -> Sound {
    let mut sound = Sound::default();
    // Whose records are being read; nobody's after a header that we cannot read.
    let mut known = false;
    for line in 1.. {
        let text = match next_line(&mut from, line) {
            Ok(Some(text)) => text,
            Ok(None) if line == 1 => Vec::new(),
            Ok(None) => break,
            Err(error) => {
                sound.blame(&error);
                break;
            }
        };
        let record: serde_json::Result<Record> = serde_json::from_slice(&text);
        let source = match (record, sound.runs.last_mut().filter(|_| known)) {
            (Ok(record), Some((_, records))) => {
                records.push(record);
                continue;
            }
            // It belongs to a header that was blamed already.
            (Ok(_), None) if line > 1 => continue,
            (Ok(_), None) => serde::de::Error::custom("a record before any header"),
            (Err(source), _) => source,
        };
        match read_header(&text) {
            Ok(Ok(header)) => {
                known = true;
                sound.runs.push((header, Vec::new()));
            }
            Ok(Err(_)) if line == 1 => sound.blame(&EvidenceError::NoHeader(source)),
            Ok(Err(_)) if !text.ends_with(b"\n") => {
                let whole = sound.runs.iter().map(|run| run.1.len()).sum::<usize>();
                sound.blame(&format!("line {line}: cut short, after {whole} whole records"));
            }
            Ok(Err(_)) => sound.blame(&EvidenceError::NotARecord { line, source }),
            Err(newer) => {
                known = false;
                sound.blame(&format!("{newer}").replacen("line 1", &format!("line {line}"), 1));
            }
        }
    }
    sound
}

impl Sound {
    fn blame(&mut self, what: &impl std::fmt::Display) {
        self.wrong.get_or_insert_with(|| (what.to_string(), 0)).1 += 1;
    }
}

/// A header; no header at all is the inner error, one we are too old for the outer.
fn read_header(line: &[u8]) -> Result<serde_json::Result<Header>, EvidenceError> {
    #[derive(Deserialize)]
    struct Format {
        wirelab_evidence: u32,
    }
    match serde_json::from_slice(line) {
        Ok(Format { wirelab_evidence: found }) if found > Header::FORMAT => {
            Err(EvidenceError::Newer { found })
        }
        Ok(Format { .. }) => Ok(serde_json::from_slice(line)),
        Err(e) => Ok(Err(e)),
    }
}

/// The next line with its end, if it has one; none at the end of the file.
fn next_line(from: &mut impl BufRead, line: usize) -> Result<Option<Vec<u8>>, EvidenceError> {
    let mut text = Vec::new();
    from.take(MAX_LINE)
        .read_until(b'\n', &mut text)
        .map_err(|source| EvidenceError::Io { line, source })?;
    if text.len() as u64 == MAX_LINE && !text.ends_with(b"\n") {
        return Err(EvidenceError::TooLong { line });
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::told::*;

    fn header() -> Header {
        Header {
            wirelab_evidence: Header::FORMAT,
            scenario: Some("toggle/happy".into()),
            seed: 7,
            world: "sim".into(),
            version: "0.1.0".into(),
            commit: None,
            started: "2025-11-01T12:34:56.789Z".parse().unwrap(),
        }
    }
    fn file(records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut evidence = Evidence::new(&mut bytes, &header());
        records.iter().for_each(|r| evidence.take(r));
        evidence.written().check().unwrap();
        bytes
    }

    #[test]
    fn what_was_written_is_read_back() {
        for records in [vec![], happy(), anything(3, 2000)] {
            assert_eq!(read_evidence(&file(&records)[..]).unwrap(), [(header(), records)]);
        }
    }

    /// A record's own keys and its event's share one object.
    #[test]
    fn what_a_proxy_did_is_read_back() {
        let fault: std::sync::Arc<str> = "reset byte=5".into();
        let (device, did): (std::sync::Arc<str>, String) = ("wire".into(), "RST to both".into());
        let events = [
            Event::Joined { conn: 1, onto: 2 },
            Event::Struck { conn: 1, flow: crate::Flow::Up, fault: fault.clone(), at: 5, did },
            Event::Armed { device: device.clone(), quirk: fault.to_string().into() },
            Event::Lifted { device, fault },
            Event::ListenFailed { addr: ([127, 0, 0, 1], 9000).into(), detail: "taken".into() },
        ];
        let records: Vec<Record> =
            events.map(|event| by("wire", crate::Role::Proxy, 7, event)).into();
        assert_eq!(read_evidence(&file(&records)[..]).unwrap(), [(header(), records)]);
    }

    #[test]
    fn runs_may_follow_one_another_in_one_file() {
        let both = [file(&happy()), file(&[])].concat();
        assert_eq!(read_evidence(&both[..]).unwrap(), [(header(), happy()), (header(), vec![])]);
    }

    #[test]
    fn a_file_cut_anywhere_still_gives_what_came_before() {
        let whole = file(&happy());
        let header_end = whole.iter().position(|b| *b == b'\n').unwrap();
        for end in header_end..whole.len() {
            let whole_lines = whole[..end].iter().filter(|b| **b == b'\n').count();
            match read_evidence(&whole[..end]) {
                Ok(runs) => assert_eq!(runs[0].1, happy()[..runs[0].1.len()]),
                Err(EvidenceError::Cut { line, runs }) => {
                    assert_eq!(line, whole_lines + 1);
                    assert_eq!(runs, [(header(), happy()[..whole_lines - 1].to_vec())]);
                }
                Err(other) => panic!("at {end}: {other}"),
            }
        }
        assert!(matches!(read_evidence(&whole[..9]), Err(EvidenceError::NoHeader(_))));
    }

    #[test]
    fn errors_name_the_line() {
        let mut bytes = file(&happy()[..2]);
        bytes.extend(b"{\"seq\": 1}\n");
        bytes.extend(&file(&happy()[..1])[..]);
        let error = read_evidence(&bytes[..]).unwrap_err();
        assert_eq!(error.to_string(), "line 4: not a record");
        assert!(matches!(read_evidence(&b""[..]), Err(EvidenceError::NoHeader(_))));
    }

    #[test]
    fn a_newer_format_is_refused_in_so_many_words() {
        let error =
            read_evidence(&b"{\"wirelab_evidence\": 2, \"all\": \"new\"}\n"[..]).unwrap_err();
        assert!(error.to_string().contains("format 2"), "{error}");
        assert!(error.to_string().contains("use a newer wirelab"), "{error}");
    }

    #[test]
    fn what_is_sound_is_read_whatever_stands_between() {
        let newer = b"{\"wirelab_evidence\": 2}\n{\"event\": \"news\"}\n";
        let mut bytes = [&file(&happy())[..], b"noise\n", newer, &file(&happy())].concat();
        bytes.extend(b"{\"seq\": 1");
        let Sound { runs, wrong } = read_sound(&bytes[..]);
        assert_eq!(runs, [(header(), happy()), (header(), happy())]);
        let line = 1 + happy().len() + 1;
        assert_eq!(wrong, Some((format!("line {line}: not a record"), 4)));
        let Sound { runs, wrong } = read_sound(&newer[..]);
        assert_eq!(runs, []);
        assert!(wrong.unwrap().0.starts_with("line 1: written in format 2"));
    }

    #[test]
    fn a_file_cut_anywhere_is_read_up_to_there() {
        let whole = file(&happy());
        for end in 0..whole.len() {
            let lines = whole[..end].iter().filter(|b| **b == b'\n').count();
            let Sound { runs, wrong } = read_sound(&whole[..end]);
            let records: usize = runs.iter().map(|run| run.1.len()).sum();
            // The last line may be whole but for its end.
            assert!(records + 1 == lines || records == lines, "at {end}: {records} of {lines}");
            assert!(wrong.is_some() || records + 1 == lines || whole[end] == b'\n', "at {end}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_swallowed() {
        let mut bytes = io::BufReader::new(io::repeat(b'x'));
        assert!(matches!(next_line(&mut bytes, 9), Err(EvidenceError::TooLong { line: 9 })));
    }

    #[test]
    fn a_full_disk_is_noticed() {
        let mut room = [0; 300];
        let mut evidence = Evidence::new(&mut room[..], &header());
        happy().iter().for_each(|r| evidence.take(r));
        assert!(evidence.written().check().is_err());
    }
}
