//! Captures that others made, as if a proxy of ours had carried what is in them: [`carried`] makes
//! records of what [`socat`], [`text`], [`pcap`] or a caller found in a file, [`talk`] takes the records of any
//! run apart again into what was said, and [`latency`] measures how long answers took.
//!
//! Nothing here opens a file, and nothing believes one: every list has a limit.
pub mod carried;
pub mod latency;
pub mod packets;
pub mod pcap;
pub mod segment;
pub mod socat;
pub mod stream;
pub mod talk;
pub mod text;
mod when;

use bytes::Bytes;
use jiff::Timestamp;
use net::Flow;

/// Connections of a capture that are told apart; more are not taken.
pub const MOST_CONNECTIONS: usize = 1 << 16;

/// Something that happened on a captured connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When, as far as the capture says.
    pub at: Option<Timestamp>,
    /// The connection; the capture's own way to tell them apart.
    pub conn: u64,
    /// Which way: up is from whoever dialled.
    pub flow: Flow,
    /// What.
    pub what: What,
}

/// What can happen to one direction of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Bytes went through.
    Bytes(Bytes),
    /// Its sender finished (FIN).
    Fin,
    /// Its sender reset the connection (RST).
    Reset,
}

/// A capture that is text, read line by line.
pub trait Reading {
    /// The next line, without its end; adds what it tells.
    ///
    /// # Errors
    /// What is wrong with the line. What it tells in spite of that is added.
    fn line(&mut self, line: &str, tells: &mut Vec<Said>) -> Result<(), String>;
    /// There are no more lines.
    ///
    /// # Errors
    /// Something is missing at the end.
    fn end(&mut self, tells: &mut Vec<Said>) -> Result<(), String>;
    /// Lines passed over because they are not about bytes.
    fn passed_over(&self) -> u64;
}

#[cfg(test)]
mod tests {
    use proto::rng::Rng;

    use super::{
        socat::Socat,
        text::{Reader, Text},
        *,
    };

    /// Lines of both formats with a few characters changed, moved and left out.
    #[test]
    fn no_line_does_harm() {
        const LINES: [&str; 8] = [
            "> 2025/11/06 12:34:56.000123456  length=7 from=0 to=6",
            " 28 00 00 00 02 00 00                             (......",
            "--",
            "2025-11-06T08:20:40.581Z #1 -> d3 00 00 00 00",
            "1762417240581 DEV→CLOUD [a note] [conn:2] (5 bytes): d3:00",
            "{\"timestamp\": 1762417240.5, \"direction\": \"CLOUD→DEV\", \"hex\": \"d8 00\"}",
            "23:59:59,999 CLOUD -> DEV length=1 | 0xd3",
            "d300000000",
        ];
        const CHARS: [char; 14] =
            ['0', '9', 'f', ':', '.', '-', '>', '<', '[', ')', '→', ' ', '=', '\u{1f600}'];
        let mut rng = Rng::new(7, &[]);
        for _ in 0..5000 {
            let (mut text, mut socat) =
                (Text::new(Reader { device_dials: true, way: Flow::Up }), Socat::default());
            let mut tells = Vec::new();
            let mut given = 0;
            for _ in 0..4 {
                let line = LINES[rng.below(LINES.len() as u64) as usize];
                let mut line: Vec<char> = line.chars().collect();
                for _ in 0..rng.below(4) {
                    let at = rng.below(line.len() as u64) as usize;
                    match rng.below(3) {
                        0 => line[at] = CHARS[rng.below(CHARS.len() as u64) as usize],
                        1 => line.insert(at, CHARS[rng.below(CHARS.len() as u64) as usize]),
                        _ => line.truncate(at.max(1)),
                    }
                }
                let line: String = line.into_iter().collect();
                given += 2 * line.len();
                let _ = text.line(&line, &mut tells);
                let _ = socat.line(&line, &mut tells);
            }
            let _ = text.end(&mut tells);
            let _ = socat.end(&mut tells);
            let told = |said: &Said| match &said.what {
                What::Bytes(bytes) => bytes.len(),
                What::Fin | What::Reset => panic!("no line says so"),
            };
            assert!(tells.iter().map(told).sum::<usize>() <= given);
        }
    }
}
