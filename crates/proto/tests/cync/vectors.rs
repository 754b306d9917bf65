//! Bytes of real devices and of other programs. `WIRELAB_VECTORS` names the folder that has them.
use std::{borrow::Cow, env, fs, path::Path};

use bytes::Bytes;
use proto::{
    Protocol,
    cync::{Command, Cync, Inner, Kind, Lamp, Message, Packet, Target},
    session::hex,
    testing,
};
use serde_json::Value;

pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
    decoded: Vec<Value>,
}

/// All of them; nothing, said aloud, where they are not at hand.
pub(crate) fn vectors() -> Vec<Vector> {
    let Some(folder) = env::var_os("WIRELAB_VECTORS") else {
        let skipped = "SKIPPED: needs WIRELAB_VECTORS (a folder with cync.json)";
        assert!(env::var_os("WIRELAB_REQUIRE_TOOLS").is_none(), "{skipped}");
        eprintln!("{skipped}");
        return Vec::new();
    };
    let text = fs::read_to_string(Path::new(&folder).join("cync.json")).expect("cync.json");
    let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(all.len(), 38);
    let vector = |value: Value| Vector {
        name: value["name"].as_str().expect("a name").into(),
        bytes: hex::decode(value["hex"].as_str().expect("bytes")).expect("hex"),
        decoded: value["decoded"].as_array().expect("packets").clone(),
    };
    all.into_iter().map(vector).collect()
}

/// Their packets, one after the other.
fn packets(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut all, mut rest) = (Vec::new(), bytes);
    while let Some(extent) = Cync::extent(rest) {
        let (packet, after) = rest.split_at(extent as usize);
        all.push(packet);
        rest = after;
    }
    assert!(rest.is_empty());
    all
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("{key} in {value}"))
}

#[test]
fn every_vector_says_what_its_source_says_it_says() {
    for Vector { name, bytes, decoded } in vectors() {
        let packets = packets(&bytes);
        assert_eq!(packets.len(), decoded.len(), "{name}");
        for (bytes, expected) in packets.iter().zip(&decoded) {
            let Packet { response, version, body, .. } = Packet::of(bytes).expect("a packet");
            assert_eq!(u64::from(bytes[0] >> 4), number(expected, "type"), "{name}");
            assert_eq!(response, expected["response"].as_bool().unwrap(), "{name}");
            assert_eq!(u64::from(version), number(expected, "version"), "{name}");
            assert_eq!(body.len() as u64, number(expected, "length"), "{name}");
            let message = Message::decode(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
            says(&name, &message, expected);
            // What is read from a packet makes the same packet again.
            assert_eq!(message.encode(), bytes[..], "{name}");
        }
    }
}

fn says(name: &str, message: &Message, expected: &Value) {
    let device = |id: &u32| assert_eq!(format!("{id:08x}"), expected["device_id"], "{name}");
    let msg_id = |id: &u16| assert_eq!(u64::from(*id), number(expected, "msg_id"), "{name}");
    let code = |code: &u8| assert_eq!(u64::from(*code), number(expected, "code"), "{name}");
    match message {
        Message::Login(login) => {
            device(&login.id);
            assert_eq!(u64::from(login.protocol), number(expected, "proto"));
            assert_eq!(login.key.0.len() as u64, number(expected, "auth_len"));
            assert_eq!(u64::from(login.keep_alive), number(expected, "keepalive_s"));
        }
        Message::Sync { device: id, id: msg, flag, records: _ } => {
            device(id);
            msg_id(msg);
            assert_eq!(u64::from(*flag), number(expected, "flag"));
        }
        Message::SyncAck { id, code: c } | Message::ReportAck { id, code: c } => {
            msg_id(id);
            code(c);
        }
        Message::Pipe { device: id, id: msg, flag, inner, .. } => {
            device(id);
            msg_id(msg);
            assert_eq!(u64::from(*flag), number(expected, "flag"));
            match inner {
                Ok(inner) => says_within(name, inner, &expected["inner"]),
                Err(_) => assert!(expected["inner"].is_null(), "{name}"),
            }
        }
        Message::PipeAck { device: id, id: msg, code: c, .. } => {
            device(id);
            msg_id(msg);
            code(c);
        }
        Message::Probe { device: id, id: msg } => {
            device(id);
            msg_id(msg);
        }
        Message::Time(clock) => {
            let told = [
                ("year", u64::from(clock.year)),
                ("month", clock.month.into()),
                ("day", clock.day.into()),
                ("weekday_sun1", clock.weekday.into()),
                ("hour", clock.hour.into()),
                ("minute", clock.minute.into()),
                ("second", clock.second.into()),
            ];
            assert!(told.iter().all(|(key, value)| *value == number(expected, key)), "{clock}");
            assert_eq!(Some(i64::from(clock.offset)), expected["tz_hhmm"].as_i64());
        }
        Message::LoginAck { .. }
        | Message::ProbeAck { .. }
        | Message::TimeAsked
        | Message::Ping
        | Message::Pong
        | Message::Disconnect { .. } => {}
    }
}

fn says_within(name: &str, inner: &Inner, expected: &Value) {
    assert_eq!(u64::from(inner.seq), number(expected, "seq"), "{name}");
    let kind = match inner.kind {
        Kind::Request => "request",
        Kind::Response => "response",
        Kind::Event => "event",
    };
    assert_eq!(kind, expected["kind"], "{name}");
    assert_eq!(u64::from(inner.command), number(expected, "cmd"), "{name}");
    assert_eq!(hex::encode(&inner.body).replace(' ', ""), expected["body"], "{name}");
    assert_eq!(u64::from(inner.checksum), number(expected, "checksum"), "{name}");
    assert_eq!(inner.is_right(), expected["checksum_ok"].as_bool().unwrap(), "{name}");
    assert_eq!(inner.escaped, expected["escaped"].as_bool().unwrap(), "{name}");
}

#[test]
fn commands_have_the_bytes_of_other_controllers() {
    let combo =
        |on, brightness, temperature| Command::Combo { on, brightness, temperature, rgb: None };
    let lamp = Target::Lamp(206);
    let commands = [
        ("power_off", 3, lamp, Command::Power(false)),
        ("power_on", 4, lamp, Command::Power(true)),
        ("power_on_group", 11, Target::Group(18), Command::Power(true)),
        ("combo", 6, lamp, combo(Some(true), Some(100), None)),
        ("combo_ct", 5, lamp, combo(Some(true), None, Some(58))),
        ("escaped_7e", 257, Target::Lamp(126), Command::Power(true)),
    ];
    for Vector { name, bytes, .. } in vectors() {
        let Some((_, seq, to, command)) = commands.iter().find(|c| c.0 == name) else { continue };
        let Ok(Message::Pipe { report, device, id, flag, inner: Ok(was), raw }) =
            Message::decode(&bytes)
        else {
            panic!("{name} is no pipe")
        };
        let body = command.body(*seq, *to);
        let mut inner = Inner::new(*seq, Kind::Request, command.code(), &body);
        assert_eq!(inner.body, was.body, "{name}");
        inner.escaped = was.escaped;
        let made = Message::Pipe { report, device, id, flag, inner: Ok(inner), raw };
        assert_eq!(made.encode(), bytes, "{name}");
    }
}

#[test]
fn a_page_has_all_its_lamps_and_a_record_its_lamp() {
    for Vector { name, bytes, .. } in vectors() {
        let explained = Cync::explain(&bytes).in_words();
        match &*name {
            "mesh_page" => {
                assert_eq!(explained.matches("lamp ").count(), 31);
                assert!(explained.contains("lamp 103: on, 75 %, temperature 255"), "{explained}");
            }
            "sync_one" => assert!(explained.contains("lamp 12: on, 100 %, temperature 10")),
            "sync_clock" => assert!(explained.contains("20251107:0922:-34"), "{explained}"),
            "status_ok_checksum" => {
                assert!(explained.contains("lamp 80: on, 10 %, temperature 10"), "{explained}");
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_wrong_with_a_vector_is_said_and_nothing_else() {
    let wrong = ["firmware_unframed", "coalesced_sync_firmware", "upstream_padded_toggle"];
    for Vector { name, bytes, .. } in vectors() {
        let explained = Cync::explain(&bytes);
        assert_eq!(explained.is_sound(), !wrong.contains(&&*name), "{name}: {explained:?}");
        testing::explains::<Cync>(&bytes);
    }
}

#[test]
fn packets_are_explained_one_by_one_and_after_junk() {
    let ping = [0xd3, 0, 0, 0, 0];
    let bytes = [b"\xd3\0\0\0\0\xffnoise\0".as_slice(), &ping, &ping[..3]].concat();
    let fields: Vec<_> = Cync::explain(&bytes).parts.iter().map(|p| p.field).collect();
    assert_eq!(fields, ["type", "length", "junk", "type", "length", "cut short"]);
}

/// From the sheet's worked sums, without the file.
#[test]
fn checksums_are_those_worked_out_by_hand() {
    let sum = |command, body: &[u8]| {
        Inner {
            seq: 0,
            kind: Kind::Request,
            command,
            body: Cow::Borrowed(body),
            checksum: 0,
            escaped: false,
        }
        .sum()
    };
    assert_eq!(sum(0x52, &[0, 0, 0xff, 0xff, 0, 0]), 0x56);
    assert_eq!(sum(0xd0, b"\x03\0\0\0\0\xce\0\xd0\x11\x02\0\0\0"), 0x91);
    assert_eq!(sum(0xd0, b"\0"), 0xd1);
    let lamp = Lamp { online: true, on: true, brightness: 10, temperature: 10, rgb: [0xff; 3] };
    assert_eq!(sum(0xdb, &lamp.report([0x72, 0x25, 0x11], 80)), 0x37);
}
