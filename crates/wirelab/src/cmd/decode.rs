//! `wirelab decode`: what every byte of a frame is, and what is wrong with it; and what the messages of
//! a capture are.
pub(super) mod capture;
mod flow;
mod tell;
#[cfg(test)]
mod tests;

use std::{
    fmt::Write,
    fs::File,
    io,
    io::{BufRead, BufReader, Cursor, Read},
};

use lab::{
    capture::packets::{self, Unreadable},
    registry::AnyProtocol,
};
use proto::{
    cover::{Cover, covered},
    explain::{Explanation, Part},
    session::hex,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    args::DecodeArgs,
    config,
    exit::{Exit, Failure},
    lines::next_line,
    text,
};
use tell::Teller;

/// More is not read from stdin at once.
const MOST: u64 = 16 << 20;
/// Longer runs of bytes lose their middle.
const BYTES_SHOWN: usize = 8;
/// Longer values lose their end.
const CHARS_SHOWN: usize = 160;

/// # Errors
/// The bytes are not hex, or cannot be read, or the output is not writable.
pub(crate) fn run(args: DecodeArgs) -> Result<Exit, Failure> {
    let DecodeArgs { protocol, hex, binary, json, port, show_secrets } = args;
    let decoder = Decoder { protocol: config::find(&protocol)?, json, port, show_secrets };
    if binary {
        return decoder.show(&read_stdin()?);
    }
    if hex == ["-"] {
        return decoder.show_all(io::stdin());
    }
    if let [path] = &hex[..]
        && frame(path).is_err()
        && let Ok(file) = File::open(path)
    {
        return decoder.show_all(file);
    }
    if port.is_some() {
        return Err(Failure::usage("--port is for captures; these bytes have none"));
    }
    match frame(&hex.join(" ")).map_err(Failure::usage)? {
        Some(bytes) => decoder.show(&bytes),
        None => Err(Failure::usage("the log line holds no packet; choose one with raw_packet_hex")),
    }
}

fn read_stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().take(MOST).read_to_end(&mut bytes);
    read.map_err(|e| Failure::environment(format!("cannot read stdin: {e}")))?;
    match bytes.len() as u64 {
        MOST => Err(Failure::usage(format!("more than {MOST} bytes; cut them into pieces"))),
        _ => Ok(bytes),
    }
}

/// The bytes a line stands for; none if it is a log line about something else.
fn frame(line: &str) -> Result<Option<Vec<u8>>, String> {
    if !line.trim_start().starts_with('{') {
        return decode(line).map(Some);
    }
    let log: Value = serde_json::from_str(line)
        .map_err(|e| format!("neither hex nor a line of a packet log: {e}"))?;
    match log.get("raw_packet_hex").and_then(Value::as_str) {
        Some(packet) => decode(packet).map(Some),
        None => Ok(None),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    let bytes = hex::decode(text).map(|bytes| bytes.to_vec());
    bytes.map_err(|e| format!("not hex: {e}; write bytes as `f0 0d 01` or f00d01"))
}

struct Decoder {
    protocol: &'static dyn AnyProtocol,
    json: bool,
    port: Option<u16>,
    show_secrets: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Explained<'a> {
    sound: bool,
    len: usize,
    #[serde(flatten)]
    explanation: &'a Explanation,
    schema: u32,
}

impl Decoder {
    /// A capture or lines, whichever it turns out to be.
    fn show_all(&self, mut from: impl Read + Send) -> Result<Exit, Failure> {
        let mut head = Vec::new();
        packets::fill(&mut head, &mut from, packets::MAGIC).map_err(Unreadable::Io)?;
        if !packets::is_capture(&head) {
            return self.show_lines(BufReader::new(Cursor::new(head).chain(from)));
        }
        let shows = self.show_secrets;
        let mut teller = Teller::new(self.protocol, self.json, shows, Box::new(text::print));
        capture::decode(head, from, self.port, &mut teller)
    }

    fn show_lines(&self, mut from: impl BufRead) -> Result<Exit, Failure> {
        let mut end = Exit::Done;
        let mut number = 0;
        let mut frames = 0;
        let mut lines = Lines::new(self.protocol);
        let unreadable = |e| Failure::environment(format!("cannot read the lines: {e}"));
        while let Some(line) = next_line(&mut from).map_err(unreadable)? {
            number += 1;
            if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                continue;
            }
            match line.and_then(|line| frame(&line)) {
                Ok(None) => {}
                Ok(Some(bytes)) => {
                    if !self.json && frames > 0 {
                        text::print("\n")?;
                    }
                    frames += 1;
                    let shown = (!self.show_secrets).then(|| lines.cover(&bytes)).flatten();
                    end = worse(end, self.show(shown.as_deref().unwrap_or(&bytes))?);
                }
                Err(problem) => {
                    text::talk(&format!("error: line {number}: {problem}"));
                    end = Exit::Usage;
                }
            }
        }
        if frames == 0 && end == Exit::Done {
            return Err(Failure::usage("no frame in it; give one a line, in hex"));
        }
        Ok(end)
    }

    fn show(&self, bytes: &[u8]) -> Result<Exit, Failure> {
        let mut explanation = self.protocol.explain(bytes);
        let covered = covered(self.protocol.cover(), bytes).filter(|_| !self.show_secrets);
        if self.show_secrets {
            explanation.reveal(bytes);
        }
        let (bytes, explanation) = (covered.as_deref().unwrap_or(bytes), &explanation);
        let sound = explanation.is_sound();
        text::print(&match self.json {
            true => text::json_line(&Explained { sound, len: bytes.len(), explanation, schema: 1 }),
            false => table(bytes, explanation),
        })?;
        Ok(if sound { Exit::Done } else { Exit::Failed })
    }
}

/// What was read line by line, in which a secret may go on in the next line.
struct Lines {
    protocol: &'static dyn AnyProtocol,
    stream: Option<Box<dyn Cover>>,
}

impl Lines {
    fn new(protocol: &'static dyn AnyProtocol) -> Self {
        Self { protocol, stream: None }
    }
    /// The next line's bytes as they may be shown. A line that is sound by itself goes on with nothing.
    fn cover(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let new = self.protocol.cover()?;
        if self.protocol.explain(bytes).is_sound() {
            self.stream = None;
        }
        self.stream.get_or_insert_with(new).pass(bytes).map(|shown| shown.to_vec())
    }
}

/// Not hex at all is worse than wrong.
fn worse(one: Exit, other: Exit) -> Exit {
    if one.code() >= other.code() { one } else { other }
}

fn table(bytes: &[u8], explanation: &Explanation) -> String {
    let mut rows = vec![["offset".into(), "bytes".into(), "field".into()]];
    rows.extend(explanation.parts.iter().map(|part| {
        let its = &bytes[part.offset..part.offset + part.len];
        let its = if part.hidden { "…".to_owned() } else { shortened(its) };
        [part.offset.to_string(), its, part.field.to_owned()]
    }));
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let (offset, hex, field) = (width(0), width(1), width(2));
    let values = std::iter::once("value".to_owned()).chain(explanation.parts.iter().map(value));
    let mut said = String::new();
    for ([at, its, name], value) in rows.iter().zip(values) {
        writeln!(said, "{at:>offset$}  {its:<hex$}  {name:<field$}  {value}").expect("it has room");
    }
    let verdict = match &explanation.problem {
        Some(problem) => format!("{}\n", wrong(problem)),
        None if explanation.is_sound() => format!("sound: {} bytes\n", bytes.len()),
        None => "not sound; see WRONG above\n".to_owned(),
    };
    said + &verdict
}

fn value(part: &Part) -> String {
    let mut text = text::plain(&part.value);
    if let Some((end, _)) = text.char_indices().nth(CHARS_SHOWN) {
        let more = text[end..].chars().count();
        text.truncate(end);
        write!(text, "… ({more} more characters)").expect("it has room");
    }
    match &part.problem {
        Some(problem) => format!("{text}  {}", wrong(problem)),
        None => text,
    }
}

fn wrong(problem: &str) -> String {
    format!("\x1b[1;31mWRONG:\x1b[0m {}", text::plain(problem))
}

fn shortened(bytes: &[u8]) -> String {
    if bytes.len() <= BYTES_SHOWN {
        return hex::encode(bytes);
    }
    let (head, tail) = (&bytes[..BYTES_SHOWN / 2], &bytes[bytes.len() - BYTES_SHOWN / 2 + 1..]);
    format!("{} … {}", hex::encode(head), hex::encode(tail))
}
