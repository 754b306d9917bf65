//! A packet in a few words, for transcripts. Every byte is in `explain`.
use super::{
    command, explain,
    inner::{Inner, Kind},
    lamp::Lamp,
    message::Message,
    sync,
};
use crate::session::hex;

/// What a packet says; none, if it is not one sound packet.
pub(super) fn in_words(bytes: &[u8]) -> Option<String> {
    let message = Message::decode(bytes).ok()?;
    let kind = message.kind();
    Some(match &message {
        Message::Login(login) => {
            let who = if login.app { "app" } else { "device" };
            format!("login of {who} {:08x}, keep-alive {} s", login.id, login.keep_alive)
        }
        Message::LoginAck { code: 0, .. } => "welcome".into(),
        Message::LoginAck { code, .. } => format!("login refused with {code}"),
        Message::Sync { device, id, records, .. } => {
            let records: Vec<_> = records.map(|record| of_record(&record)).collect();
            let what = if records.is_empty() { "nothing".into() } else { records.join("; ") };
            format!("sync: {what} (device {device:08x}, id {id})")
        }
        Message::SyncAck { id, .. } => format!("sync taken (id {id})"),
        Message::Pipe { report, device, id, inner, raw, .. } => match inner {
            Ok(inner) => {
                let seq = inner.seq;
                let stale = match (inner.is_right(), explain::is_stale(inner)) {
                    (true, _) => "",
                    (false, true) => ", stale sum",
                    (false, false) => ", wrong sum",
                };
                format!(
                    "{} (device {device:08x}, id {id}, seq {seq}{stale})",
                    of_inner(kind, inner)
                )
            }
            Err(_) => {
                let what = if *report { "report" } else { "pipe" };
                format!("{what} of {} bytes, no frame (device {device:08x}, id {id})", raw.len())
            }
        },
        Message::PipeAck { device, id, code, of_device } => {
            let what = match (of_device, code) {
                (_, 5) => "refused".into(),
                (true, 0) | (false, 0x0a) => "taken".into(),
                (_, other) => format!("taken with {other:02x}"),
            };
            format!("{what} (device {device:08x}, id {id})")
        }
        Message::ReportAck { id, .. } => format!("report taken (id {id})"),
        Message::Probe { device, id } => format!("probe (device {device:08x}, id {id})"),
        Message::ProbeAck { device, id } => {
            format!("probe answered (device {device:08x}, id {id})")
        }
        Message::TimeAsked => "what time is it".into(),
        Message::Time(clock) => format!("it is {clock}"),
        Message::Ping => "ping".into(),
        Message::Pong => "pong".into(),
        Message::Disconnect { reason, .. } => format!("disconnect, reason {reason}"),
    })
}

fn of_inner(kind: &str, inner: &Inner) -> String {
    let said = explain::in_words(inner);
    match inner.kind {
        Kind::Request => format!("{kind} {said}"),
        Kind::Response => format!("{kind} of {}: {said}", command::name(inner.command)),
        Kind::Event => format!("{kind}: {said}"),
    }
}

fn of_record(record: &Result<sync::Record, (usize, usize)>) -> String {
    let Ok(record) = record else { return "the end of a record".into() };
    match (record.kind, Lamp::of_record(record.data)) {
        (sync::STATE, Some((mesh, lamp))) => format!("lamp {mesh}: {}", lamp.in_words()),
        (sync::TEXT, _) => String::from_utf8_lossy(record.data).trim_end_matches('\0').into(),
        _ => hex::encode(record.data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_one_short_line() {
        for (bytes, words) in [
            ("d3 00 00 00 00", "ping"),
            ("28 00 00 00 02 00 00", "welcome"),
            ("7b 00 00 00 07 64 57 e7 f2 00 09 00", "taken (device 6457e7f2, id 9)"),
            ("78 00 00 00 07 64 57 e7 f2 00 09 05", "refused (device 6457e7f2, id 9)"),
            (
                "73 00 00 00 1f 64 57 e7 f2 00 00 00 7e 04 00 00 00 f8 d0 0d 00 04 00 00 00 00 ce \
                 00 d0 11 02 01 00 00 93 7e",
                "power 206: on (device 6457e7f2, id 0, seq 4)",
            ),
            (
                "73 00 00 00 13 64 57 e7 f2 00 09 00 7e 04 00 00 00 f9 d0 01 00 00 d1 7e",
                "result of power: 0: done (device 6457e7f2, id 9, seq 4)",
            ),
            (
                "83 00 00 00 0c 64 57 e7 f2 02 ff 00 01 02 03 04 7e",
                "report of 5 bytes, no frame (device 6457e7f2, id 767)",
            ),
        ] {
            let bytes = hex::decode(bytes).unwrap();
            assert_eq!(in_words(&bytes).as_deref(), Some(words));
        }
        assert_eq!(in_words(b"\xd3\0\0\0"), None);
        assert_eq!(in_words(b"\xd3\0\0\0\0\xd3\0\0\0\0"), None, "these are two");
    }
}
