//! Captured text: a packet a line, or a line about it and its bytes below.
//!
//! ```text
//! 2025-11-06T08:20:40.581Z #1 > d3 00 00 00 00
//! 08:20:40.601 DEV->CLOUD [conn:2] (5 bytes): d3:00:00:00:00
//! 1762417240.625 recv d800000000
//! 2025-11-06T08:20:40.700+00:00 DEV→CLOUD [a note] [conn:2] (5 bytes)
//! d3 00 00 00 00
//! {"timestamp": "2025-11-06T08:20:41Z", "direction": "CLOUD→DEV", "hex": "d8 00 00 00 00"}
//! ```
//! Only the bytes must be there. Comments (`#` and a blank), rules and blank lines are no packets.
mod line;

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use net::Flow;
use proto::session::hex;

use super::{MOST_CONNECTIONS, Reading, Said, What, when::Days};
use line::{About, Line, Size};

/// Bytes of one packet, however many lines it takes.
const MOST_PACKET: usize = 1 << 20;

/// How to read what a capture leaves open.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// Devices dial, so that what they say goes up.
    pub device_dials: bool,
    /// The way of packets that name none.
    pub way: Flow,
}

/// A capture that is lines of text.
#[derive(Debug)]
pub struct Text {
    reader: Reader,
    days: Days,
    conns: BTreeMap<String, u64>,
    /// A packet whose bytes may still come.
    open: Option<Open>,
    passed_over: u64,
    wayless: u64,
}

#[derive(Debug)]
struct Open {
    at: Option<Timestamp>,
    conn: u64,
    flow: Flow,
    size: Option<Size>,
    bytes: BytesMut,
}

impl Text {
    /// One that is read like this.
    pub fn new(reader: Reader) -> Self {
        let (days, conns) = (Days::default(), BTreeMap::new());
        Self { reader, days, conns, open: None, passed_over: 0, wayless: 0 }
    }
    /// Packets that named no direction.
    pub fn wayless(&self) -> u64 {
        self.wayless
    }
}

impl Reading for Text {
    fn line(&mut self, line: &str, tells: &mut Vec<Said>) -> Result<(), String> {
        match Line::of(line, self.reader.device_dials)? {
            Line::Blank => self.finish(tells),
            Line::Other => {
                self.passed_over += 1;
                self.finish(tells)
            }
            Line::Bytes(bytes) => match &mut self.open {
                Some(open) => open.add(&bytes),
                None => self.packet(About::default(), bytes, tells),
            },
            Line::Packet(about, bytes) => {
                let ended = self.finish(tells);
                if bytes.is_empty() {
                    let open = self.begin(about)?;
                    self.open = Some(open);
                    return ended;
                }
                self.packet(about, bytes, tells).and(ended)
            }
        }
    }
    fn end(&mut self, tells: &mut Vec<Said>) -> Result<(), String> {
        self.finish(tells)
    }
    fn passed_over(&self) -> u64 {
        self.passed_over
    }
}

impl Text {
    /// A packet that is all there.
    fn packet(&mut self, about: About, bytes: Bytes, tells: &mut Vec<Said>) -> Result<(), String> {
        let mut open = self.begin(about)?;
        let added = open.add(&bytes);
        added.and(open.tell(tells))
    }
    fn finish(&mut self, tells: &mut Vec<Said>) -> Result<(), String> {
        self.open.take().map_or(Ok(()), |open| open.tell(tells))
    }
    fn begin(&mut self, about: About) -> Result<Open, String> {
        let About { when, conn, flow, size } = about;
        let conn = self.conn(conn.unwrap_or_default())?;
        self.wayless += u64::from(flow.is_none());
        let flow = flow.unwrap_or(self.reader.way);
        let at = when.map(|found| self.days.place(&found));
        Ok(Open { at, conn, flow, size, bytes: BytesMut::new() })
    }
    fn conn(&mut self, name: String) -> Result<u64, String> {
        if let Some(conn) = self.conns.get(&name) {
            return Ok(*conn);
        }
        if self.conns.len() == MOST_CONNECTIONS {
            return Err(format!(
                "over {MOST_CONNECTIONS} connections; cut the capture into pieces"
            ));
        }
        let conn = self.conns.len() as u64;
        self.conns.insert(name, conn);
        Ok(conn)
    }
}

impl Open {
    fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.bytes.len() + bytes.len() > MOST_PACKET {
            return Err(format!("a packet of over {MOST_PACKET} bytes; the rest is left out"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
    fn tell(self, tells: &mut Vec<Said>) -> Result<(), String> {
        let Self { at, conn, flow, size, bytes } = self;
        let has = bytes.len();
        if has > 0 {
            tells.push(Said { at, conn, flow, what: What::Bytes(bytes.freeze()) });
        }
        match size {
            Some(Size(says)) if says != has as u64 => {
                Err(format!("a packet of {says} bytes has {has}"))
            }
            None if has == 0 => Err("a packet without its bytes".into()),
            Some(_) | None => Ok(()),
        }
    }
}

/// Hex digits in pairs, or why they are none.
fn bytes(text: &str) -> Result<Bytes, String> {
    hex::decode(text).map_err(|e| format!("not hex: {e}"))
}
