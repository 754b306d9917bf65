//! What one line of a captured text says: words about a packet, and hex digits at its end.
use bytes::Bytes;
use net::Flow;
use serde_json::Value;

use super::{super::when, bytes};

/// A line, as far as it can be told alone.
#[derive(Debug)]
pub(super) enum Line {
    /// Nothing, a rule or a comment.
    Blank,
    /// Something that is not about bytes.
    Other,
    /// Bytes and nothing else.
    Bytes(Bytes),
    /// A packet, the bytes of which may come below.
    Packet(About, Bytes),
}

/// What is said about a packet.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) when: Option<when::Found>,
    pub(super) conn: Option<String>,
    pub(super) flow: Option<Flow>,
    pub(super) size: Option<Size>,
}

/// How many bytes a packet is said to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl Line {
    /// # Errors
    /// It is about a packet, and cannot be understood.
    pub(super) fn of(line: &str, device_dials: bool) -> Result<Self, String> {
        let line = line.trim();
        let rule = line.chars().all(|c| matches!(c, '=' | '-' | '_' | '*' | '#'));
        if rule || line.starts_with("# ") || line.starts_with("//") {
            return Ok(Self::Blank);
        }
        if line.starts_with('{') {
            return of_json(line, device_dials);
        }
        let line = line.replace('→', "->").replace('←', "<-");
        let (plain, notes) = without_notes(&line);
        let is_gap = |c: char| c.is_whitespace() || matches!(c, '|' | ';');
        let words: Vec<_> =
            plain.split(is_gap).map(|word| word.trim_end_matches([':', ','])).collect();
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let mut about = About { when: when::find(&words), ..About::default() };
        let words = &words[about.when.as_ref().map_or(0, |found| found.words)..];
        let hex = words.iter().rev().take_while(|word| is_hex(word)).count();
        let (meta, hex) = words.split_at(words.len() - hex);
        let bytes = bytes(&hex.join(" "))?;
        if meta.is_empty() && notes.is_empty() && about.when.is_none() && !bytes.is_empty() {
            return Ok(Self::Bytes(bytes));
        }
        about.words(meta, device_dials)?;
        for note in &notes {
            let words: Vec<_> = note.split_whitespace().collect();
            about.when = about.when.take().or_else(|| when::find(&words));
            about.words(&words, device_dials)?;
        }
        let arrow = meta.iter().chain(&notes).any(|word| word.contains('>') || word.contains('<'));
        match (about.flow, bytes.is_empty()) {
            (_, false) => Ok(Self::Packet(about, bytes)),
            (Some(_), true) if arrow || about.size.is_some() => {
                match meta.iter().any(|w| is_hex(w)) {
                    true => Err(format!("`{}` is not hex digits in pairs", meta[meta.len() - 1])),
                    false => Ok(Self::Packet(about, bytes)),
                }
            }
            // Prose says "in" and "out", too.
            (Some(_) | None, true) => Ok(Self::Other),
        }
    }
}

/// What stands in brackets is about the packet and no bytes of it.
fn without_notes(line: &str) -> (String, Vec<&str>) {
    let (mut plain, mut notes, mut rest) = (String::new(), Vec::new(), line);
    while let Some(at) = rest.find(['[', '(']) {
        let close = if rest[at..].starts_with('[') { ']' } else { ')' };
        let Some(len) = rest[at..].find(close) else { break };
        plain.push_str(&rest[..at]);
        plain.push(' ');
        notes.push(&rest[at + 1..at + len]);
        rest = &rest[at + len + 1..];
    }
    plain.push_str(rest);
    (plain, notes)
}

fn is_hex(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let count = digits.chars().filter(|c| *c != ':').count();
    count > 0 && count % 2 == 0 && digits.chars().all(|c| c == ':' || c.is_ascii_hexdigit())
}

impl About {
    /// Takes what these words say; what they say besides is no matter.
    fn words(&mut self, words: &[&str], device_dials: bool) -> Result<(), String> {
        for (n, word) in words.iter().enumerate() {
            let next = words.get(n + 1).copied().unwrap_or_default();
            if self.size.is_none() {
                self.size = size(word, next);
            }
            if self.conn.is_none() {
                self.conn = conn(word, next);
            }
            if self.flow.is_none() {
                // `DEV -> CLOUD` is one word, too.
                let before = n.checked_sub(1).map_or("", |n| words[n]);
                let named = is_arrow(word) && side(before).is_some() && side(next).is_some();
                let word = if named { format!("{before}{word}{next}") } else { (*word).to_owned() };
                self.flow = flow(&word, device_dials)?;
            }
        }
        Ok(())
    }
}

/// `31 bytes`, `length=31`, `LEN:31`.
fn size(word: &str, next: &str) -> Option<Size> {
    let counted = next.to_ascii_lowercase().starts_with("byte").then_some(word);
    let lower = word.to_ascii_lowercase();
    let keyed =
        lower.split_once(['=', ':']).filter(|(key, _)| matches!(*key, "len" | "length" | "size"));
    counted.or(keyed.map(|(_, value)| value))?.parse().ok().map(Size)
}

/// `#3`, `conn=3`, `conn:3`, `conn 3`, `connection_id=3`.
fn conn(word: &str, next: &str) -> Option<String> {
    if let Some(name) = word.strip_prefix('#').filter(|name| !name.is_empty()) {
        return Some(name.to_owned());
    }
    let lower = word.to_ascii_lowercase();
    let rest = ["connection_id", "conn_id", "connection", "conn"]
        .iter()
        .find_map(|key| lower.strip_prefix(key))?;
    let name = rest.trim_start_matches([':', '=', '#']);
    let number = |name: &str| name.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty();
    match (rest, name) {
        ("", _) if number(next) => Some(next.to_owned()),
        (rest, name) if !name.is_empty() && (rest != name || number(name)) => Some(name.to_owned()),
        _ => None,
    }
}

fn is_arrow(word: &str) -> bool {
    let arrow = word.chars().all(|c| matches!(c, '-' | '=' | '>' | '<'));
    arrow && word.contains('>') != word.contains('<')
}

/// Which side of a connection a name stands for.
enum Side {
    Device,
    Other,
    Dialler,
    Listener,
}

fn side(name: &str) -> Option<Side> {
    match name.to_ascii_lowercase().as_str() {
        "d" | "dev" | "device" | "bridge" | "lamp" | "bulb" | "plug" | "switch" | "tool"
        | "equipment" => Some(Side::Device),
        "cloud" | "controller" | "hub" | "app" | "host" | "addon" | "add-on" => Some(Side::Other),
        "client" | "dialler" | "dialer" => Some(Side::Dialler),
        "server" | "srv" | "s" | "listener" | "upstream" => Some(Side::Listener),
        _ => None,
    }
}

/// Which way a word says that bytes went, if it does.
///
/// # Errors
/// It says from whom to whom, and nobody knows them.
fn flow(word: &str, device_dials: bool) -> Result<Option<Flow>, String> {
    let lower = word.to_ascii_lowercase().replace("_to_", "->");
    if is_arrow(&lower) {
        return Ok(Some(if lower.contains('>') { Flow::Up } else { Flow::Down }));
    }
    match lower.as_str() {
        "up" | "out" | "outbound" | "send" | "sent" | "tx" => return Ok(Some(Flow::Up)),
        "down" | "in" | "inbound" | "recv" | "received" | "rx" => return Ok(Some(Flow::Down)),
        _ => {}
    }
    let to = |arrow: char| {
        lower.split_once(arrow).map(|(one, other)| {
            let ends = ['-', '=', '>', '<'];
            (one.trim_end_matches(ends), other.trim_start_matches(ends))
        })
    };
    let (from, onto) = match (to('>'), to('<')) {
        (Some(from_to), _) => from_to,
        (None, Some((to, from))) => (from, to),
        (None, None) => return Ok(None),
    };
    let up_if = |up: bool| Some(if up { Flow::Up } else { Flow::Down });
    Ok(match (side(from), side(onto)) {
        (Some(Side::Dialler), _) | (_, Some(Side::Listener)) => Some(Flow::Up),
        (Some(Side::Listener), _) | (_, Some(Side::Dialler)) => Some(Flow::Down),
        (Some(Side::Device), _) | (_, Some(Side::Other)) => up_if(device_dials),
        (Some(Side::Other), _) | (_, Some(Side::Device)) => up_if(!device_dials),
        (None, None) => {
            return Err(format!(
                "nobody knows `{from}` and `{onto}`; write DEV->CLOUD, or > and <"
            ));
        }
    })
}

/// A log line with a packet in it.
fn of_json(line: &str, device_dials: bool) -> Result<Line, String> {
    let log: Value = serde_json::from_str(line).map_err(|e| format!("no JSON: {e}"))?;
    let text = |keys: &[&str]| {
        keys.iter().find_map(|key| match log.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let Some(hex) = text(&["hex", "raw_packet_hex", "payload", "data"]) else {
        return Ok(Line::Other);
    };
    let bytes = bytes(&hex)?;
    let time = text(&["timestamp", "time", "ts"]).unwrap_or_default();
    // What follows tells a number of milliseconds from hex digits.
    let words: Vec<_> = time.split(' ').chain([""]).collect();
    let way = text(&["direction", "dir"]).unwrap_or_default().replace('→', "->").replace('←', "<-");
    let way = way.split(" [").next().unwrap_or_default();
    Ok(Line::Packet(
        About {
            when: when::find(&words),
            conn: text(&["conn", "connection", "connection_id", "conn_id"]),
            flow: flow(way, device_dials)?,
            size: text(&["length", "len"]).and_then(|size| size.parse().ok()).map(Size),
        },
        bytes,
    ))
}
