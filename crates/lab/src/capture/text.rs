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

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(text: &str, device_dials: bool) -> (Vec<Said>, Vec<String>, Text) {
        let mut reading = Text::new(Reader { device_dials, way: Flow::Up });
        let (mut tells, mut wrong) = (Vec::new(), Vec::new());
        for (n, line) in text.lines().enumerate() {
            let told = reading.line(line, &mut tells);
            wrong.extend(told.err().map(|why| format!("{}: {why}", n + 1)));
        }
        wrong.extend(reading.end(&mut tells).err().map(|why| format!("end: {why}")));
        (tells, wrong, reading)
    }

    /// Of one packet: time, connection, direction, bytes.
    fn one(line: &str) -> (Option<String>, u64, Flow, Vec<u8>) {
        let (tells, wrong, _) = reading(line, true);
        assert_eq!(wrong, [""; 0], "{line}");
        let [Said { at, conn, flow, what: What::Bytes(bytes) }] = &tells[..] else {
            panic!("{line}: {tells:?}")
        };
        (at.map(|at| at.to_string()), *conn, *flow, bytes.to_vec())
    }

    #[test]
    fn a_packet_is_read_in_every_usual_spelling() {
        const PING: [u8; 5] = [0xd3, 0, 0, 0, 0];
        let at = |text: &str| Some(format!("2025-11-06T08:20:40{text}Z"));
        for (line, time, flow) in [
            ("d3 00 00 00 00", None, Flow::Up),
            ("d300000000", None, Flow::Up),
            ("d3:00:00:00:00", None, Flow::Up),
            ("> d3 00 00 00 00", None, Flow::Up),
            ("<- 0xd3 0x00 0x00 0x00 0x00", None, Flow::Down),
            ("2025-11-06T08:20:40.581Z #7 -> d3 00 00 00 00", at(".581"), Flow::Up),
            ("2025-11-06 08:20:40.581 recv d300000000", at(".581"), Flow::Down),
            ("[2025-11-06 08:20:40] SEND (5 bytes): d300000000", at(""), Flow::Up),
            ("1762417240.581 | CLOUD->DEV | length=5 | d3 00 00 00 00", at(".581"), Flow::Down),
            ("2025-11-06T08:20:40+00:00 DEV -> CLOUD d3 00 00 00 00", at(""), Flow::Up),
            ("2025-11-06T08:20:40Z device_to_cloud d3 00 00 00 00", at(""), Flow::Up),
            ("DEV→CLOUD [dead beef] [conn:140] (5 bytes)\nd3 00\n00 00 00", None, Flow::Up),
            ("client->server d3 00 00 00 00", None, Flow::Up),
            ("{\"hex\": \"d3 00 00 00 00\", \"direction\": \"CLOUD→DEV\"}", None, Flow::Down),
            (
                "{\"timestamp\": \"2025-11-06T08:20:40Z\", \"raw_packet_hex\": \"d300000000\", \"length\": 5}",
                at(""),
                Flow::Up,
            ),
        ] {
            assert_eq!(one(line), (time, 0, flow, PING.to_vec()), "{line}");
        }
    }

    #[test]
    fn whoever_dials_is_the_one_whose_bytes_go_up() {
        for (device_dials, flow) in [(true, Flow::Up), (false, Flow::Down)] {
            let (tells, ..) = reading("DEV->CLOUD d3 00 00 00 00\nHOST->TOOL d8", device_dials);
            assert_eq!(tells[0].flow, flow);
            assert_ne!(tells[1].flow, flow);
        }
    }

    #[test]
    fn connections_keep_their_names_and_notes_hold_no_bytes() {
        let text = "# a note\n\n> #a d3\n> #b d3\n=====\nANNOTATION SET: a note\n< [conn:a] d8\n> conn 9 d3\n";
        let (tells, wrong, reading) = reading(text, true);
        assert_eq!(tells.iter().map(|said| said.conn).collect::<Vec<_>>(), [0, 1, 0, 2]);
        assert_eq!((wrong, reading.passed_over(), reading.wayless()), (vec![], 1, 0));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_rest_is_read() {
        let wrong = |text: &str| reading(text, true).1;
        assert_eq!(wrong("> d3 0"), ["1: `0` is not hex digits in pairs"]);
        assert_eq!(wrong("> d3 zz"), ["1: `zz` is not hex digits in pairs"]);
        assert_eq!(wrong("> (5 bytes): d3 00"), ["1: a packet of 5 bytes has 2"]);
        assert_eq!(wrong("DEV->CLOUD (5 bytes)\nd3 00\n\n"), ["3: a packet of 5 bytes has 2"]);
        assert_eq!(wrong("DEV->CLOUD\n> d3"), ["2: a packet without its bytes"]);
        assert!(wrong("alice->bob d3")[0].starts_with("1: nobody knows `alice` and `bob`"));
        assert!(wrong("{\"hex\": ")[0].starts_with("1: no JSON"));
        let (tells, wrong, reading) = reading("> d3\nwe looked in and out\n> d4 x\n> d5\n", true);
        assert_eq!((tells.len(), wrong.len(), reading.passed_over()), (2, 1, 1));
    }
}
