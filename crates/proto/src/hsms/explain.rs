//! Names every byte of HSMS messages, down to the single item of SECS-II.
use super::{
    framing::{Framed, Framing},
    message::{
        HEADER, Header, LENGTH, Message, SType, deselect_status, reject_reason, select_status,
    },
    names,
    request::sml_of,
};
use crate::{
    explain::Explanation,
    secs2::{Format, Item, Limits, Reader, View},
    session::hex,
};

/// Every byte named, message by message.
pub(super) fn explain(bytes: &[u8]) -> Explanation {
    let mut all = Explanation::default();
    let mut framing = Framing::new(u32::MAX);
    framing.push(bytes);
    let mut at = 0;
    while let Some(Framed::Whole(frame)) = framing.next() {
        at += frame.len();
        if let Some(message) = Message::of_frame(&frame) {
            part_of_message(&mut all, &message);
        }
    }
    rest(&mut all, &bytes[at..]);
    all
}

fn part_of_message(all: &mut Explanation, message: &Message) {
    let header = &message.header;
    let length = HEADER + message.text.len();
    all.part(LENGTH, "length", format!("{length}: {header}"));
    part_of_header(all, header);
    if message.text.is_empty() {
        return;
    }
    if header.stype != SType::Data {
        all.part(message.text.len(), "text", hex::encode(&message.text));
        all.wrong("a control message has no text");
        return;
    }
    part_of_text(all, message);
}

fn part_of_header(all: &mut Explanation, header: &Header) {
    let control = header.stype != SType::Data;
    match header.session {
        super::message::NO_SESSION => all.part(2, "session", "ffff: none (control message)"),
        id => all.part(2, "session", format!("device id {id}")),
    };
    if header.session > 0x7FFF && !(control && header.session == super::message::NO_SESSION) {
        all.wrong("the top bit of a device id is 0 in HSMS-SS");
    }
    let (byte2, byte3) = (header.byte2, header.byte3);
    match header.stype {
        SType::Data => {
            let wait = if header.wait() { ", reply expected (W)" } else { "" };
            all.part(1, "byte 2", format!("stream {}{wait}", header.stream()));
            let name = names::of(header.stream(), header.function());
            let name = name.map_or(String::new(), |known| format!(": {}", known.name));
            all.part(1, "byte 3", format!("function {byte3}{name}"));
        }
        SType::SelectRsp => {
            all.part(1, "byte 2", format!("{byte2}"));
            all.part(1, "byte 3", format!("status {byte3}: {}", select_status(byte3)));
        }
        SType::DeselectRsp => {
            all.part(1, "byte 2", format!("{byte2}"));
            all.part(1, "byte 3", format!("status {byte3}: {}", deselect_status(byte3)));
        }
        SType::RejectReq => {
            let what = if byte3 == 2 { "PType" } else { "SType" };
            all.part(1, "byte 2", format!("rejected {what} {byte2}"));
            all.part(1, "byte 3", format!("reason {byte3}: {}", reject_reason(byte3)));
        }
        SType::SelectReq
        | SType::DeselectReq
        | SType::LinktestReq
        | SType::LinktestRsp
        | SType::SeparateReq
        | SType::Other(_) => {
            all.part(1, "byte 2", format!("{byte2}"));
            all.part(1, "byte 3", format!("{byte3}"));
            if matches!(header.stype, SType::Other(_)) {
            } else if (byte2, byte3) != (0, 0) {
                all.wrong("bytes 2 and 3 are 0 here");
            }
        }
    }
    match header.ptype {
        0 => all.part(1, "PType", "0: SECS-II"),
        other => all.part(1, "PType", format!("{other}: not in use")),
    };
    if header.ptype != 0 {
        all.wrong(format!(
            "PType {} is not in use; the message type goes into SType",
            header.ptype
        ));
    }
    all.part(1, "SType", format!("{}: {}", header.stype.number(), header.stype.name()));
    if matches!(header.stype, SType::Other(_)) {
        all.wrong("there is no such SType");
    }
    all.part(4, "system bytes", format!("{:08x}", header.system));
}

/// Items one by one: a list is its header, anything else its header and values.
fn part_of_text(all: &mut Explanation, message: &Message) {
    let text = &message.text;
    let mut covered = 0;
    let mut views = Reader::new(text, &Limits::default()).peekable();
    while let Some(view) = views.next() {
        match view {
            Ok(view) => {
                let end = match views.peek() {
                    Some(Ok(next)) => next.offset,
                    Some(Err(e)) => e.offset.max(covered),
                    None => text.len(),
                };
                let indent = "  ".repeat(view.depth);
                all.part(end - covered, "item", format!("{indent}{}", in_words(&view)));
                covered = end;
            }
            Err(e) if covered < text.len() => {
                all.part(text.len() - covered, "text", hex::encode(&text[covered..]));
                all.wrong(e.to_string());
            }
            Err(e) => all.problem = Some(format!("{}: {e}", message.header)),
        }
    }
}

fn in_words(view: &View) -> String {
    match view.format {
        Format::List => format!("L [{}]", view.items),
        format => Item::new(format, view.payload.to_vec())
            .map_or_else(|e| e.to_string(), |item| item.to_string()),
    }
}

fn rest(all: &mut Explanation, rest: &[u8]) {
    if rest.is_empty() {
        return;
    }
    let length = rest.get(..LENGTH).map(|four| u32::from_be_bytes(four.try_into().expect("four")));
    match length {
        Some(length) if (length as usize) < HEADER => {
            all.part(LENGTH, "length", length.to_string()).wrong("below the header's 10 bytes");
            if rest.len() > LENGTH {
                all.part(rest.len() - LENGTH, "lost", hex::encode(&rest[LENGTH..]));
            }
        }
        Some(length) => {
            all.part(LENGTH, "length", length.to_string());
            if rest.len() > LENGTH {
                all.part(rest.len() - LENGTH, "cut short", hex::encode(&rest[LENGTH..]));
            }
            let had = rest.len() - LENGTH;
            all.problem = Some(format!("{had} of {length} bytes of a message"));
        }
        None => {
            all.part(rest.len(), "cut short", hex::encode(rest));
            all.problem = Some("not even a whole length".into());
        }
    }
}

/// The messages in these bytes as SML, one a line; what is no message is left out.
pub fn to_sml(bytes: &[u8]) -> Vec<String> {
    let mut framing = Framing::new(u32::MAX);
    framing.push(bytes);
    std::iter::from_fn(|| framing.next())
        .filter_map(|framed| match framed {
            Framed::Whole(frame) => Message::of_frame(&frame),
            Framed::TooShort(_) | Framed::TooLong(_) => None,
        })
        .map(|message| match message.header.stype {
            SType::Data => sml_of(&message),
            _ => message.header.to_string(),
        })
        .collect()
}
