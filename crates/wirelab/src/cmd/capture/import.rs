//! `wirelab capture import`: which format a capture has, and its lines or bytes handed on.
use std::{
    fs::File,
    io::{BufRead, BufReader, Cursor, Read},
};

use lab::{
    capture::{
        Reading, Said, What,
        carried::Account,
        packets::{self, Unreadable},
        pcap::{Pcap, Told},
        socat::{self, Socat},
        text::{Reader, Text},
    },
    registry::AnyProtocol,
};
use net::Flow;
use serde_json::Value;

use super::paper::Paper;
use crate::{
    args::{FormatArg, ImportArgs, WayArg},
    config,
    exit::{Exit, Failure},
    lines, text,
};

/// More than 4 GiB is not read of one file.
const MOST: u64 = 4 << 30;
/// The longest line: a block of socat's, a mebibyte in hex.
const MOST_LINE: u64 = 4 << 20;
/// Bytes that tell a format.
const HEAD: usize = 4096;
/// Bytes of a raw capture that are one record.
const PIECE: usize = 16 * 1024;

/// # Errors
/// It cannot be read or written, or there is nothing in it.
pub(super) fn run(args: ImportArgs) -> Result<Exit, Failure> {
    let ImportArgs { file, out, format, protocol, way, swap, port, show_secrets } = args;
    let protocol = config::find(&protocol)?;
    let mut from = source(&file)?.take(MOST);
    let mut head = Vec::new();
    packets::fill(&mut head, &mut from, HEAD).map_err(Unreadable::Io)?;
    let format = settled(format, &head).map_err(|why| Failure::usage(format!("{file}: {why}")))?;
    if port.is_some() && format != FormatArg::Pcap {
        return Err(Failure::usage("--port is for captures of packets; this one names none"));
    }
    let mut import = Import {
        paper: Paper::new(&out, protocol, !show_secrets)?,
        protocol,
        way: if way == WayArg::Up { Flow::Up } else { Flow::Down },
        swap,
        wrong: Wrong::default(),
        notes: Vec::new(),
    };
    match format {
        FormatArg::Pcap => import.packets(head, &mut from, port)?,
        FormatArg::Raw => import.raw(Cursor::new(head).chain(&mut from))?,
        FormatArg::Socat => import.lines(&mut Socat::default(), whole(head, &mut from))?,
        FormatArg::Text | FormatArg::Auto => import.text(whole(head, &mut from))?,
    }
    if from.limit() == 0 {
        import.wrong.tell(format!("over {MOST} bytes; cut it into pieces"));
    }
    import.end(&file, &out.display().to_string(), format)
}

fn source(file: &str) -> Result<Box<dyn Read + Send>, Failure> {
    if file == "-" {
        return Ok(Box::new(std::io::stdin()));
    }
    let opened = File::open(file);
    let opened = opened.map_err(|e| Failure::environment(format!("cannot read {file}: {e}")))?;
    Ok(Box::new(opened))
}

fn whole(head: Vec<u8>, from: impl Read) -> impl BufRead {
    BufReader::new(Cursor::new(head).chain(from))
}

/// The format it has, by its first bytes.
fn settled(said: FormatArg, head: &[u8]) -> Result<FormatArg, String> {
    if head.starts_with(b"{\"wirelab_evidence\"") {
        return Err("this is evidence already; wirelab capture show reads it".into());
    }
    if said != FormatArg::Auto {
        return Ok(said);
    }
    if packets::is_capture(head) {
        return Ok(FormatArg::Pcap);
    }
    // A character may be cut in two at the end of what was read.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => {
            std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return Ok(FormatArg::Raw),
    };
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Ok(FormatArg::Raw);
    }
    let is_socat = text.lines().take(50).any(socat::begins);
    Ok(if is_socat { FormatArg::Socat } else { FormatArg::Text })
}

/// What cannot be understood: the first thing, and how many there are.
#[derive(Default)]
struct Wrong {
    first: Option<String>,
    count: u64,
}

impl Wrong {
    fn tell(&mut self, what: impl Into<String>) {
        self.first.get_or_insert_with(|| what.into());
        self.count += 1;
    }
}

/// A capture being imported.
struct Import {
    paper: Paper,
    protocol: &'static dyn AnyProtocol,
    way: Flow,
    swap: bool,
    wrong: Wrong,
    /// What whoever imports it should know, and is no mistake.
    notes: Vec<String>,
}

impl Import {
    /// Something happened, as the capture has it.
    fn take(&mut self, said: Said) {
        let Said { at, conn, flow, what } = said;
        let flow = match (self.swap, flow) {
            (false, flow) => flow,
            (true, Flow::Up) => Flow::Down,
            (true, Flow::Down) => Flow::Up,
        };
        self.paper.take(Said { at, conn, flow, what });
    }

    fn text(&mut self, from: impl BufRead) -> Result<(), Failure> {
        let device = self.protocol.device(Value::Null)?;
        let mut text = Text::new(Reader { device_dials: device.dials(), way: self.way });
        self.lines(&mut text, from)?;
        if text.wayless() > 0 {
            let way = if self.way == Flow::Up { "up" } else { "down" };
            self.notes.push(format!("{} packets name no direction and went {way}", text.wayless()));
        }
        Ok(())
    }

    fn packets(
        &mut self,
        head: Vec<u8>,
        from: impl Read + Send,
        port: Option<u16>,
    ) -> Result<(), Failure> {
        let (mut pcap, mut tells) = (Pcap::new(self.protocol.port(), port), Vec::new());
        let ended = packets::each(head, from, &mut |packet| {
            pcap.packet(&packet, &mut tells);
            tells.drain(..).for_each(|told| self.told(told));
            Ok::<_, Failure>(())
        })?;
        pcap.end(&mut tells);
        tells.drain(..).for_each(|told| self.told(told));
        if pcap.unread() > 0 {
            let unread = pcap.unread();
            self.notes
                .push(format!("{unread} packets are fragments, or of links that are not read"));
        }
        if let Some(why) = ended {
            self.wrong.tell(why);
        }
        Ok(())
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Opened { at, conn, ends } => self.paper.open(at, conn, ends),
            Told::Said(said) => self.take(said),
            Told::Missing { conn, bytes } => {
                self.wrong.tell(format!("connection {conn}: {bytes} bytes were not captured"));
            }
        }
    }

    fn lines(&mut self, reading: &mut dyn Reading, mut from: impl BufRead) -> Result<(), Failure> {
        let unreadable = |e| Failure::environment(format!("cannot read the lines: {e}"));
        let (mut number, mut tells) = (0_u64, Vec::new());
        while let Some(line) = lines::next_line_of(&mut from, MOST_LINE).map_err(unreadable)? {
            number += 1;
            if let Err(why) = line.and_then(|line| reading.line(&line, &mut tells)) {
                self.wrong.tell(format!("line {number}: {why}"));
            }
            tells.drain(..).for_each(|said| self.take(said));
        }
        if let Err(why) = reading.end(&mut tells) {
            self.wrong.tell(format!("line {number}: {why}"));
        }
        tells.drain(..).for_each(|said| self.take(said));
        if reading.passed_over() > 0 {
            self.notes.push(format!("{} lines hold no bytes", reading.passed_over()));
        }
        Ok(())
    }

    fn raw(&mut self, mut from: impl Read) -> Result<(), Failure> {
        let mut piece = vec![0; PIECE];
        loop {
            let read = from.read(&mut piece);
            let n =
                read.map_err(|e| Failure::environment(format!("cannot read the bytes: {e}")))?;
            if n == 0 {
                return Ok(());
            }
            let what = What::Bytes(piece[..n].to_vec().into());
            self.take(Said { at: None, conn: 0, flow: self.way, what });
        }
    }

    /// Puts the evidence into its place, and says what is in it and what is not.
    fn end(self, file: &str, out: &str, format: FormatArg) -> Result<Exit, Failure> {
        let Self { paper, wrong: Wrong { first, count }, mut notes, .. } = self;
        let Some(account) = paper.finish()? else {
            let why = first.unwrap_or_else(|| format!("no bytes in it, read as {}", name(format)));
            return Err(Failure::usage(format!("{file}: {why}; --format says what it is")));
        };
        let Account { connections, bytes, covered, backwards, timeless, left_out } = account;
        for (n, what) in [
            (covered, "bytes of login keys are covered; --show-secrets leaves them"),
            (backwards, "things are earlier than what stands before them, and got its time"),
            (timeless, "things have no time, and got that of what stands before them"),
        ] {
            if n > 0 {
                notes.push(format!("{n} {what}"));
            }
        }
        notes.iter().for_each(|note| text::talk(&format!("note: {note}")));
        text::talk(&format!("ok: {connections} connections, {bytes} bytes, to {out}"));
        if left_out > 0 {
            text::talk(&format!("warning: {left_out} things on further connections are left out"));
        }
        let Some(first) = first else {
            return Ok(if left_out > 0 { Exit::Failed } else { Exit::Done });
        };
        let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
        text::talk(&format!("warning: {file}: {first}{more}; what is sound is imported"));
        Ok(Exit::Failed)
    }
}

fn name(format: FormatArg) -> &'static str {
    match format {
        FormatArg::Auto | FormatArg::Text => "text",
        FormatArg::Socat => "socat",
        FormatArg::Raw => "raw",
        FormatArg::Pcap => "pcap",
    }
}
