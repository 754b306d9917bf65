//! Names every byte of packets, however many there are, and of what lies between them.
use std::borrow::Cow;

use super::{
    Cync,
    command::{self, Command, code},
    inner::{Inner, Kind},
    lamp::{self, Lamp, REPORT},
    message::{Message, Wrong},
    packet::{self, HEADER, Head, head},
    sync::{self, Records},
};
use crate::{Protocol, cover, explain::Explanation, session::hex};

/// Every byte named, packet by packet. Keys are covered first: in a packet that is taken for another, one
/// would be shown.
pub(super) fn explain(bytes: &[u8]) -> Explanation {
    let covered = cover::covered(Cync::COVER, bytes);
    let bytes = covered.as_deref().unwrap_or(bytes);
    let mut all = Explanation::default();
    let (mut at, mut lost) = (0, false);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let taken = match head(rest, lost) {
            Head::Packet(total) if total <= rest.len() => {
                lost = false;
                whole(&mut all, &rest[..total]);
                total
            }
            Head::Packet(total) => {
                all.part(rest.len(), "cut short", hex::encode(rest));
                all.problem = Some(format!("{} of {total} bytes of a packet", rest.len()));
                rest.len()
            }
            Head::More => {
                all.part(rest.len(), "cut short", hex::encode(rest));
                all.problem = Some("not even a whole header".into());
                rest.len()
            }
            Head::Junk(place, why) => {
                lost = true;
                let junk = packet::junk(rest).max(1);
                all.part(junk, "junk", hex::encode(&rest[..junk]));
                all.wrong(format!("byte {place} of it: {why}"));
                junk
            }
        };
        at += taken;
    }
    all
}

/// The extent of the first packet of a stream, or of what comes before it.
pub(super) fn extent(bytes: &[u8]) -> Option<u64> {
    match head(bytes, false) {
        Head::Packet(total) => Some(total as u64),
        Head::More => None,
        Head::Junk(..) => Some(packet::junk(bytes).max(1) as u64),
    }
}

fn whole(all: &mut Explanation, bytes: &[u8]) {
    let (header, body) = bytes.split_at(HEADER);
    let message = Message::decode(bytes);
    let name = message.as_ref().map_or("malformed", Message::kind);
    let (one, response) = (header[0], header[0] & 8 != 0);
    let version = one & 7;
    let turn = if response { "answer" } else { "request" };
    all.part(1, "type", format!("{one:02x}: {name}, {turn}, version {version}"));
    all.part(4, "length", body.len().to_string());
    match message {
        Ok(message) => say(all, &message, body),
        Err(Wrong { offset, problem }) => {
            let before = all.parts.len();
            unknown(all, offset, &problem, body);
            // Of a login that cannot be told apart, nobody knows where its key is.
            if matches!(one, 0x13 | 0x23) {
                all.parts[before..].iter_mut().for_each(|part| {
                    (part.value, part.hidden) = (format!("{} bytes, not shown", part.len), true);
                });
            }
        }
    }
}

/// A body that cannot be told apart: up to the byte to blame, and from there.
fn unknown(all: &mut Explanation, offset: usize, problem: &str, body: &[u8]) {
    let Some(at) = offset.checked_sub(HEADER).filter(|at| *at < body.len()) else {
        // The length is to blame, which is the last part named.
        all.wrong(problem);
        if !body.is_empty() {
            all.part(body.len(), "body", format!("{} bytes", body.len()));
        }
        return;
    };
    if at > 0 {
        all.part(at, "body", hex::encode(&body[..at]));
    }
    all.part(body.len() - at, "body", format!("{} bytes", body.len() - at)).wrong(problem);
}

fn say(all: &mut Explanation, message: &Message, body: &[u8]) {
    match message {
        Message::Login(login) => {
            all.part(1, "protocol", login.protocol.to_string());
            all.part(4, if login.app { "user" } else { "device" }, format!("{:08x}", login.id));
            let key = login.key.0.len();
            all.part(2, "key length", key.to_string());
            all.part(key, "key", format!("{key} bytes, not shown")).hide();
            all.part(1, "reserved", hex::encode(&body[7 + key..][..1]));
            all.part(2, "keep-alive", format!("{} s", login.keep_alive));
        }
        Message::LoginAck { code, .. } => {
            all.part(1, "code", if *code == 0 { "0: welcome".into() } else { code.to_string() });
            all.part(1, "reserved", hex::encode(&body[1..]));
        }
        Message::Sync { device, id, flag, records } => {
            addressed(all, *device, *id, &format!("{flag}"), "flag");
            say_records(all, *records);
        }
        Message::SyncAck { id, code } | Message::ReportAck { id, code } => {
            all.part(2, "message id", id.to_string());
            all.part(1, "code", code.to_string());
        }
        Message::Pipe { device, id, flag, inner, raw, .. } => {
            addressed(all, *device, *id, &format!("{flag}"), "flag");
            match inner {
                Ok(inner) => say_inner(all, inner, raw),
                Err(wrong) => {
                    let at = wrong.offset(raw.len());
                    if at > 0 {
                        all.part(at, "inner", hex::encode(&raw[..at]));
                    }
                    let rest = &raw[at..];
                    match rest.is_empty() {
                        true => all.wrong(wrong.to_string()),
                        false => {
                            all.part(rest.len(), "inner", text_in(rest)).wrong(wrong.to_string())
                        }
                    };
                }
            }
        }
        Message::PipeAck { device, id, code, .. } => {
            let meaning = match code {
                0 | 0x0a => format!("{code}: it arrived"),
                5 => "5: refused, nobody asked for it".into(),
                other => format!("{other}: unknown"),
            };
            addressed(all, *device, *id, &meaning, "code");
        }
        Message::Probe { device, id } => addressed(all, *device, *id, "0", "flag"),
        Message::ProbeAck { device, id } => {
            addressed(all, *device, *id, &body[6].to_string(), "flag");
            if body.len() > 7 {
                all.part(body.len() - 7, "name", text_in(&body[7..]));
            }
        }
        Message::TimeAsked => _ = all.part(1, "question", "what time is it"),
        Message::Time(clock) => {
            all.part(1, "answer", "the time");
            all.part(10, "time", clock.to_string());
        }
        Message::Ping | Message::Pong => {}
        Message::Disconnect { reason, .. } => _ = all.part(1, "reason", reason.to_string()),
    }
}

fn addressed(all: &mut Explanation, device: u32, id: u16, last: &str, name: &'static str) {
    all.part(4, "device", format!("{device:08x}"));
    all.part(2, "message id", id.to_string());
    all.part(1, name, last);
}

fn say_records(all: &mut Explanation, records: Records) {
    let (mut left, mut text) = (records.0.len(), false);
    for record in records {
        match record {
            // Two bytes, of which nobody knows what they mean, follow the text of a clock.
            Err((_, 2)) if text => {
                _ = all.part(left, "tail", hex::encode(&records.0[records.0.len() - left..]))
            }
            Ok(record) => {
                text = record.kind == sync::TEXT;
                let what = match (record.kind, Lamp::of_record(record.data)) {
                    (sync::STATE, Some((mesh, lamp))) => {
                        format!("lamp {mesh}: {}", lamp.in_words())
                    }
                    (sync::TEXT, _) => text_in(record.data),
                    _ => hex::encode(record.data),
                };
                let value = format!("item {:02x}, kind {}: {what}", record.item, record.kind);
                all.part(sync::HEAD + record.data.len(), "record", value);
                left -= sync::HEAD + record.data.len();
            }
            Err((says, has)) => {
                all.part(left, "record", hex::encode(&records.0[records.0.len() - left..]));
                all.wrong(format!("says {says} bytes, where {has} are left"));
            }
        }
    }
}

/// As long as nothing is escaped, byte by byte; otherwise what lies between the marks as one.
fn say_inner(all: &mut Explanation, inner: &Inner, raw: &[u8]) {
    all.part(1, "mark", "7e");
    let body = raw.len() - 11;
    let checksum = match inner.is_right() {
        true => format!("{:02x}", inner.checksum),
        false => format!("{:02x}; it computes {:02x}", inner.checksum, inner.sum()),
    };
    let who = match inner.kind {
        Kind::Request => "f8: request",
        Kind::Response => "f9: answer",
        Kind::Event => "fa: event",
    };
    let command = format!("{:02x}: {}", inner.command, command::name(inner.command));
    let length = inner.body.len().to_string();
    if inner.escaped {
        let said = in_words(inner);
        let all_of_it = format!(
            "sequence {}, {who}, {command}, length {length}, {said}, checksum {checksum}",
            inner.seq
        );
        all.part(raw.len() - 2, "escaped", all_of_it);
    } else {
        all.part(4, "sequence", inner.seq.to_string());
        all.part(1, "kind", who);
        all.part(1, "command", command);
        all.part(2, "body length", length);
        if body > 0 {
            all.part(body, "body", in_words(inner));
        }
        all.part(1, "checksum", checksum);
    }
    // Reports of some firmware carry an old one, and are to be believed all the same.
    match (inner.is_right(), is_stale(inner)) {
        (true, _) => {}
        (false, true) => _ = all.tolerate("stale_checksum"),
        (false, false) => _ = all.wrong("not the sum of command, length and body"),
    }
    all.part(1, "mark", "7e");
}

/// A wrong checksum that devices are known to send.
pub(super) fn is_stale(inner: &Inner) -> bool {
    inner.kind == Kind::Event && inner.command == code::STATUS && !inner.is_right()
}

/// What an inner frame says, in words.
pub(super) fn in_words(inner: &Inner) -> String {
    let body: &Cow<[u8]> = &inner.body;
    match inner.kind {
        Kind::Request => match Command::decode(inner.command, body) {
            Ok((to, command)) => format!("{to}: {}", command.in_words()),
            Err(_) if inner.command == code::QUERY => "all lamps".into(),
            Err(_) => hex::encode(body),
        },
        Kind::Response => match (&body[..], lamp::page(body)) {
            ([0], _) => "0: done".into(),
            ([code], _) => format!("{code}: not done"),
            (_, Some(lamps)) => {
                let lamps =
                    lamps.iter().map(|(id, lamp)| format!("lamp {id}: {}", lamp.in_words()));
                lamps.collect::<Vec<_>>().join("; ")
            }
            _ => hex::encode(body),
        },
        Kind::Event => match Lamp::of_report(body).filter(|_| body.len() == REPORT) {
            Some((mesh, lamp)) => format!("lamp {mesh}: {}", lamp.in_words()),
            None => hex::encode(body),
        },
    }
}

/// Bytes with the text that is in them.
fn text_in(bytes: &[u8]) -> String {
    let text: String =
        bytes.iter().filter(|b| b.is_ascii_graphic()).map(|b| char::from(*b)).collect();
    match text.len() {
        0..4 => hex::encode(bytes),
        _ => format!("{} bytes: {text}", bytes.len()),
    }
}
