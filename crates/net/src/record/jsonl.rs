//! The packet log: one JSON object a line, keys in a fixed order. It never writes a peer's control
//! characters raw.
mod words;

use std::{borrow::Cow, io::Write, net::SocketAddr, time::Duration};

use jiff::Timestamp;
use proto::{
    Delivery, Fact, Proof,
    resilience::{BreakerEvent, Pulse, QueueEvent},
    session::hex,
};
use serde::Serialize;

use super::{
    Dir, End, Event, Level, Record, Sink, lines::Lines, lines::Written, packet::About,
    packets::Packets,
};
use words::{Words, words};

/// Writes the packet log.
pub struct PacketLog<W> {
    start: Timestamp,
    min_level: Level,
    packets: Packets,
    out: Lines<W>,
}

impl<W: Write + Send> PacketLog<W> {
    /// A log of a run that began at `start`, of lines that matter at least `min_level`.
    pub fn new(start: Timestamp, min_level: Level, out: W) -> Self {
        Self { start, min_level, packets: Packets::default(), out: Lines::new(out) }
    }
    /// Ask this, when the run is over, whether every line got out.
    pub fn written(&self) -> Written {
        self.out.written()
    }
}

impl<W: Write + Send> Sink for PacketLog<W> {
    fn take(&mut self, record: &Record) {
        let about = self.packets.read(record);
        let Some(words) = words(&about, &record.event).filter(|w| w.level >= self.min_level) else {
            return;
        };
        let mut line = Line::new(self.start, record, words, &about);
        line.fill(&record.event);
        self.out.put(&safe(&line));
    }
}

fn direction(dir: Dir) -> &'static str {
    match dir {
        Dir::Out => "send",
        Dir::In => "recv",
    }
}

/// One line. Keys come out in the order of the fields; a key without a value is left out.
#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    level: Level,
    module: &'a str,
    line: u32,
    message: Cow<'static, str>,
    event: &'static str,
    #[serde(flatten)]
    keys: Keys<'a>,
}

macro_rules! left_out_if_none {
    ($($key:ident: $type:ty),* $(,)?) => {
        #[derive(Default, Serialize)]
        struct Keys<'a> {
            $(#[serde(skip_serializing_if = "Option::is_none")] $key: Option<$type>,)*
        }
    };
}

left_out_if_none! {
    direction: &'static str,
    msg_id: Cow<'a, str>,
    device_id: &'a str,
    raw_packet_hex: String,
    elapsed_ms: f64,
    outcome: &'static str,
    attempt: u32,
    attempts: u32,
    conn: u32,
    kind: &'a str,
    peer: SocketAddr,
    proof: Proof,
    delivery: Delivery,
    bytes: usize,
    reason: Cow<'a, str>,
    detail: &'a str,
    retry_in_ms: f64,
    breaker: &'a BreakerEvent,
    pulse: &'a Pulse,
    intake: &'a QueueEvent,
    depth: usize,
    ids: u32,
}

impl<'a> Line<'a> {
    fn new(start: Timestamp, record: &'a Record, words: Words, about: &'a About<'a>) -> Self {
        let Words { level, event, message } = words;
        let now = start.checked_add(record.at.since_start()).unwrap_or(Timestamp::MAX);
        let packet = about.packet.as_ref();
        let msg_id = match (&about.msg_id, about.ticket) {
            (Some(id), _) => Some(Cow::Borrowed(&**id)),
            (None, ticket) => ticket.map(|ticket| ticket.to_string().into()),
        };
        let keys = Keys {
            direction: packet.map(|p| direction(p.direction)),
            msg_id,
            device_id: about.device_id.as_deref(),
            raw_packet_hex: packet.and_then(|p| p.bytes).map(|bytes| hex::encode(bytes)),
            elapsed_ms: about.elapsed.map(ms),
            outcome: packet.map(|p| p.outcome.as_str()),
            attempt: about.attempt,
            reason: packet.and_then(|p| p.reason.clone()),
            ..Keys::default()
        };
        let ts = format!("{now:.3}");
        Self { ts, level, module: &record.node, line: record.line, message, event, keys }
    }

    /// Adds what only this kind of event knows.
    fn fill(&mut self, event: &'a Event) {
        let keys = &mut self.keys;
        match event {
            Event::Deaf | Event::Submitted { .. } | Event::Attempt { .. } => {}
            Event::Listening { addr } => keys.peer = Some(*addr),
            Event::ListenFailed { addr, detail } => {
                (keys.peer, keys.detail) = (Some(*addr), Some(detail.as_str()));
            }
            Event::Connecting { conn, addr: peer } | Event::Opened { conn, peer, .. } => {
                (keys.conn, keys.peer) = (Some(*conn), Some(*peer));
            }
            Event::ConnectFailed { conn, stage, detail } => {
                keys.conn = Some(*conn);
                keys.detail = Some(detail);
                keys.reason = Some(stage.to_string().into());
            }
            Event::Sent { conn, bytes } | Event::Received { conn, bytes } => {
                (keys.conn, keys.bytes) = (Some(*conn), Some(bytes.len()));
            }
            Event::Frame { conn, kind, .. } => {
                keys.conn = Some(*conn);
                keys.kind = Some(kind);
            }
            Event::Ready { conn, proof } => {
                (keys.conn, keys.proof) = (Some(*conn), Some(*proof));
            }
            Event::Fact { conn, fact } => {
                keys.conn = Some(*conn);
                match fact {
                    Fact::Applied { state, .. } => keys.detail = Some(state),
                    Fact::Malformed { detail, .. } => keys.detail = Some(detail),
                    Fact::Quirk { name, .. } => keys.reason = Some(Cow::Borrowed(name)),
                    Fact::Odd { what, detail } => {
                        keys.reason = Some(Cow::Borrowed(what));
                        keys.detail = Some(detail);
                    }
                    Fact::Forgot { ids } => keys.ids = Some(*ids),
                    Fact::Duplicate { .. } | Fact::Orphan { .. } => {}
                }
            }
            Event::Push { conn, said } => {
                keys.conn = Some(*conn);
                keys.detail = Some(said);
            }
            Event::Eof { conn } => keys.conn = Some(*conn),
            Event::Closed { conn, reason } => {
                (keys.conn, keys.reason) = (Some(*conn), Some(reason.to_string().into()));
            }
            Event::AttemptFailed { detail, retry_in_us, stage, .. } => {
                keys.detail = Some(detail);
                keys.retry_in_ms = retry_in_us.map(|us| ms(Duration::from_micros(us)));
                if keys.outcome.is_none() {
                    keys.reason = Some(stage.to_string().into());
                }
            }
            Event::Done { end, attempts, .. } => {
                keys.attempt = None;
                keys.attempts = Some(*attempts);
                match end {
                    End::Ok { delivery, reply } => {
                        (keys.delivery, keys.detail) = (Some(*delivery), reply.as_deref());
                    }
                    End::Failed { stage, detail } => {
                        keys.reason = Some(stage.to_string().into());
                        keys.detail = Some(detail);
                    }
                }
            }
            Event::Proved { conn, proof } => {
                (keys.conn, keys.proof) = (Some(*conn), Some(*proof));
            }
            Event::Lost { conn, reason, redial_in_us } => {
                (keys.conn, keys.detail) = (Some(*conn), Some(reason.as_str()));
                keys.retry_in_ms = Some(ms(Duration::from_micros(*redial_in_us)));
            }
            Event::Reached { level, .. } => keys.delivery = Some(*level),
            Event::Pulse { pulse } => keys.pulse = Some(pulse),
            Event::Intake { what, depth } => {
                (keys.intake, keys.depth) = (Some(what), Some(*depth));
            }
            Event::Resent { conn, .. } => keys.conn = Some(*conn),
            Event::Breaker { what } => keys.breaker = Some(what),
            Event::Told { order } => keys.detail = Some(order),
            Event::Step { text, .. } => keys.detail = Some(text),
            Event::StepFailed { problem, .. } => keys.detail = Some(problem),
            Event::Armed { device, quirk } => {
                keys.detail = Some(device);
                keys.reason = Some(Cow::Borrowed(quirk));
            }
            Event::Joined { conn, .. } => keys.conn = Some(*conn),
            Event::Struck { conn, fault, did, .. } => {
                keys.conn = Some(*conn);
                keys.reason = Some(Cow::Borrowed(fault));
                keys.detail = Some(did);
            }
            Event::Lifted { device, fault } => {
                keys.detail = Some(device);
                keys.reason = Some(Cow::Borrowed(fault));
            }
            Event::Ended { .. } => {}
        }
    }
}

/// Milliseconds with two decimals.
fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

/// The line as JSON that is safe to show: what serde_json leaves raw and a terminal would obey (DEL,
/// C1 controls, direction overrides) is written `\u....` as well.
fn safe(line: &Line<'_>) -> Vec<u8> {
    let mut text = serde_json::to_string(line).expect("keys are text and numbers are finite");
    if !text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        text = text.chars().fold(String::with_capacity(text.len() + 16), |mut safe, c| {
            match c {
                '\u{7f}'..='\u{9f}'
                | '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
                _ => safe.push(c),
            }
            safe
        });
    }
    text.push('\n');
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use bytes::Bytes;
    use proto::{Stage, Time};
    use serde_json::Value;

    use super::*;
    use crate::record::{Role, told::*};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<Vec<u8>>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(min: Level, records: &[Record]) -> Vec<String> {
        let (out, start) = (Shared::default(), "2025-11-01T12:34:56.789Z".parse().unwrap());
        let mut log = PacketLog::new(start, min, out.clone());
        records.iter().for_each(|r| log.take(r));
        let writes = out.0.lock().unwrap();
        writes.iter().map(|w| String::from_utf8(w.clone()).unwrap()).collect()
    }
    fn last(records: &[Record]) -> Value {
        serde_json::from_str(logged(Level::Debug, records).last().unwrap()).unwrap()
    }

    #[test]
    fn the_line_of_d1_is_exactly_this() {
        let lines = logged(Level::Info, &happy());
        let hex = hex::encode(&d1_bytes());
        assert_eq!(d1_bytes().len(), 91);
        let sent = format!(
            r#"{{"ts":"2025-11-01T12:34:56.790Z","level":"INFO","module":"toggler","line":30,"message":"Packet tcp_packet send success","event":"tcp_packet","direction":"send","msg_id":"3fe16b6143344afb","device_id":"D1","raw_packet_hex":"{hex}","elapsed_ms":0.4,"outcome":"success","attempt":1,"conn":1,"kind":"toggle"}}"#
        );
        let received = r#"{"ts":"2025-11-01T12:34:56.792Z","level":"INFO","module":"toggler","line":30,"message":"Packet tcp_packet recv success","event":"tcp_packet","direction":"recv","msg_id":"3fe16b6143344afb","device_id":"D1","raw_packet_hex":"41 43 4b","elapsed_ms":2.5,"outcome":"success","attempt":1,"conn":1,"kind":"ack"}"#;
        assert_eq!(lines[1..3], [sent + "\n", received.to_owned() + "\n"]);
    }

    #[test]
    fn a_line_is_one_write() {
        let lines = logged(Level::Debug, &happy());
        assert_eq!(lines.len(), happy().len());
        assert!(lines.iter().all(|l| l.ends_with("}\n") && l.matches('\n').count() == 1));
    }

    #[test]
    fn the_level_decides_what_is_written() {
        let count = |level| logged(level, &happy()).len();
        assert_eq!([count(Level::Debug), count(Level::Info), count(Level::Warning)], [7, 4, 0]);
        let lost = [client(0, failed(T1, 1, Stage::Reset, false))];
        assert_eq!(logged(Level::Error, &lost).len(), 1);
    }

    #[test]
    fn a_failed_connect_is_a_packet_that_never_went() {
        let mut story = happy()[..2].to_vec();
        story.push(client(1_000_000, failed(T1, 1, Stage::ConnectTimeout, true)));
        let line = last(&story);
        assert_eq!(line["message"], "Packet tcp_packet send error");
        assert_eq!(line["reason"], "connect_timeout");
        assert_eq!(line["level"], "WARNING");
        assert_eq!(line["elapsed_ms"], 1000.0);
        assert_eq!(line["retry_in_ms"], 250.0);
        assert_eq!(line["device_id"], "D1");
    }

    #[test]
    fn a_no_is_logged_once() {
        let mut story = happy()[..5].to_vec();
        story.push(client(2000, frame(Dir::In, "nack", T1, 0)));
        story.push(client(2000, failed(T1, 1, Stage::Nack, false)));
        assert_eq!(last(&story)["message"], "Packet tcp_packet recv nack");
    }

    #[test]
    fn noise_is_logged_with_its_bytes() {
        let mut story = happy()[..5].to_vec();
        story.push(client(2000, malformed()));
        let line = last(&story);
        assert_eq!(line["message"], "Packet tcp_packet recv malformed");
        assert_eq!(line["raw_packet_hex"], "4e 41 4b");
        assert_eq!(line["reason"], "bad_magic");
        assert_eq!(line["device_id"], "D1");
    }

    #[test]
    fn what_is_no_packet_has_neither_direction_nor_outcome() {
        for (record, end) in happy().iter().zip(logged(Level::Debug, &happy())) {
            let line: Value = serde_json::from_str(&end).unwrap();
            let packet = matches!(record.event, Event::Frame { .. });
            assert_eq!(line.get("direction").is_some(), packet, "{end}");
            assert_eq!(line.get("outcome").is_some(), packet, "{end}");
        }
        let end = last(&[client(0, done(T1, Some(Stage::Refused)))]);
        assert_eq!((&end["level"], &end["reason"]), (&"ERROR".into(), &"refused".into()));
    }

    #[test]
    fn a_peer_cannot_paint_the_terminal() {
        let said = "a\nb\x1b[2J\x7f\u{9b}31m\u{202e}\u{2066}\u{2028}\u{200f}ü".to_owned();
        let line =
            &logged(Level::Debug, &[client(0, Event::Push { conn: 1, said: said.clone() })])[0];
        assert!(line.trim_end().chars().all(|c| (' '..'\x7f').contains(&c) || c == 'ü'), "{line}");
        let read: Value = serde_json::from_str(line).unwrap();
        assert_eq!(read["detail"], said);
    }

    #[test]
    fn any_history_gives_whole_lines() {
        for line in logged(Level::Debug, &anything(1, 5000)) {
            let keys: serde_json::Map<String, Value> = serde_json::from_str(&line).unwrap();
            assert!(keys.values().all(|v| !v.is_null()), "{line}");
        }
    }

    #[test]
    fn a_time_past_all_calendars_is_still_logged() {
        let far = Record { at: Time::from_micros(u64::MAX), ..client(0, Event::Deaf) };
        assert_eq!(last(&[far])["ts"], "9999-12-30T22:00:00.999Z");
        let chunk = Event::Received { conn: 1, bytes: Bytes::from_static(b"ACK") };
        assert_eq!(last(&[by("proxy", Role::Proxy, 0, chunk)])["bytes"], 3);
    }
}
