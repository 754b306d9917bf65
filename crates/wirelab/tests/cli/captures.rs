//! `wirelab decode` of captures: connections put together, each message told.
use std::{io::Write, process::Command};

use serde_json::Value;

use crate::{pcap::*, support::*};

const HOST: End = (1, 40000);
const TOOL: End = (2, 5000);

const SELECT: &[u8] = b"\0\0\0\x0a\xff\xff\0\0\0\x01\0\0\0\x07";
const SELECTED: &[u8] = b"\0\0\0\x0a\xff\xff\0\0\0\x02\0\0\0\x07";
/// S1F1 W, and S1F2 <L [2] <A "M"> <A "1">>.
const ASK: &[u8] = b"\0\0\0\x0a\0\0\x81\x01\0\0\0\0\0\x08";
const SAY: &[u8] = b"\0\0\0\x12\0\0\x01\x02\0\0\0\0\0\x08\x01\x02\x41\x01M\x41\x011";

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn decode(flags: &[&str], capture: &[u8]) -> Ran {
    let dir = dir();
    let path = dir.path().join("a.pcap");
    std::fs::write(&path, capture).unwrap();
    finish(wirelab().args(["decode"]).args(flags).arg(path))
}

/// What the host sends, with the places of its bytes.
fn host(pieces: &[(u32, &[u8])]) -> Vec<(u32, Vec<u8>)> {
    let open = (0, tcp(HOST, TOOL, 99, SYN, b""));
    let said = pieces.iter().zip(1..);
    let said = said.map(|((at, bytes), n)| (n, tcp(HOST, TOOL, 100 + at, ACK, bytes)));
    std::iter::once(open).chain(said).collect()
}

fn hsms(packets: &[(u32, Vec<u8>)]) -> Ran {
    decode(&["hsms"], &classic(RAW, packets))
}

/// A conversation whose numbers pass their end on the way, a message in two pieces.
fn conversation() -> Vec<(u32, Vec<u8>)> {
    let first = u32::MAX - 20;
    vec![
        (1, tcp(HOST, TOOL, first - 1, SYN, b"")),
        (2, tcp(TOOL, HOST, 499, SYN | ACK, b"")),
        (3, tcp(HOST, TOOL, first, ACK, SELECT)),
        (4, tcp(TOOL, HOST, 500, ACK, SELECTED)),
        (5, tcp(HOST, TOOL, first.wrapping_add(14), ACK, ASK)),
        (6, tcp(TOOL, HOST, 514, ACK, &SAY[..9])),
        (1_000_007, tcp(TOOL, HOST, 523, ACK, &SAY[9..])),
        (1_000_008, tcp(TOOL, HOST, 536, FIN | ACK, b"")),
    ]
}

#[test]
fn both_formats_and_every_link_tell_the_same() {
    let expected = "\
2026-11-21T00:00:00.000003Z  10.0.0.1:40000 -> 10.0.0.2:5000  Select.req
2026-11-21T00:00:00.000004Z  10.0.0.2:5000 -> 10.0.0.1:40000  Select.rsp status 0
2026-11-21T00:00:00.000005Z  10.0.0.1:40000 -> 10.0.0.2:5000  S1F1 W.
2026-11-21T00:00:01.000007Z  10.0.0.2:5000 -> 10.0.0.1:40000  S1F2 <L [2] <A \"M\"> <A \"1\">>.
";
    for link in [ETHERNET, NULL, RAW, SLL, SLL2] {
        for capture in [classic(link, &conversation()), next_generation(link, &conversation())] {
            assert_eq!(decode(&["hsms"], &capture).ok().out, expected, "link {link}");
        }
    }
}

#[test]
fn repeated_overlapping_and_early_segments_tell_each_message_once() {
    let ran = hsms(&host(&[(0, SELECT), (0, SELECT), (28, ASK), (10, &ASK[..4]), (14, ASK)])).ok();
    assert_eq!(ran.out.matches("Select.req").count(), 1, "{ran:?}");
    assert_eq!(ran.out.matches("S1F1 W").count(), 2, "{ran:?}");
    let pieces: Vec<_> = (0..14).rev().map(|at| (at, &ASK[at as usize..])).collect();
    assert_eq!(hsms(&host(&pieces)).ok().out.lines().count(), 1);
}

#[test]
fn what_was_not_captured_is_told_and_the_rest_goes_on() {
    let ran = hsms(&host(&[(0, SELECT), (14, &ASK[..6]), (28, ASK), (52, ASK)]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(lines[0].ends_with("Select.req"), "{ran:?}");
    assert!(lines[1].contains("at byte 14: 8 bytes were not captured, after 6 of a message"));
    assert!(lines[2].ends_with("S1F1 W."), "{ran:?}");
    assert!(lines[3].contains("at byte 42: 10 bytes were not captured"), "{ran:?}");
    assert!(lines[4].ends_with("S1F1 W."), "{ran:?}");
    assert_eq!(lines.len(), 5);
}

#[test]
fn a_hole_in_a_message_does_not_hide_the_next_one() {
    let rest = [&SAY[14..], ASK].concat();
    let ran = hsms(&host(&[(0, SELECT), (14, &SAY[..6]), (28, &rest)]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(lines[1].contains("8 bytes were not captured, after 6 of a message"), "{ran:?}");
    assert!(lines[2].ends_with("S1F1 W.") && lines.len() == 3, "{ran:?}");
}

#[test]
fn a_wrong_message_is_told_with_its_place_and_the_rest_goes_on() {
    let short = b"\0\0\0\x03abc";
    let text = b"\0\0\0\x0c\0\0\x01\x03\0\0\0\0\0\x09\x41\x05";
    let ran = hsms(&host(&[(0, SELECT), (14, short), (21, text), (37, ASK), (51, &ASK[..5])]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(lines[1].contains("WRONG: at byte 14: length: below the header's 10 bytes"), "{ran:?}");
    assert!(lines[2].contains("S1F3") && lines[2].contains("WRONG: at byte 35: "), "{ran:?}");
    assert!(lines[3].ends_with("S1F1 W."), "{ran:?}");
    assert!(lines[4].contains("WRONG: at byte 51: 1 of 10 bytes of a message"), "{ran:?}");
}

#[test]
fn a_length_of_gigabytes_is_passed_over() {
    let huge = b"\x7f\xff\xff\xff\0\0\x01\x03";
    let ran = hsms(&host(&[(0, SELECT), (14, huge), (22, ASK)]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("at byte 14: a message of 2147483651 bytes"), "{ran:?}");
    assert!(ran.out.contains("it ends 2147483629 bytes before the message does"), "{ran:?}");
}

#[test]
fn json_has_an_object_a_message() {
    let ran = decode(&["hsms", "--json"], &classic(RAW, &conversation())).ok();
    let lines = ran.lines();
    assert_eq!(lines.len(), 4);
    let last = &lines[3];
    assert_eq!(last["time"], "2026-11-21T00:00:01.000007Z");
    assert_eq!((&last["src"], &last["dst"]), (&"10.0.0.2:5000".into(), &"10.0.0.1:40000".into()));
    assert_eq!(
        (&last["offset"], &last["len"], &last["sound"]),
        (&14.into(), &22.into(), &true.into())
    );
    assert!(last["message"].as_str().unwrap().starts_with("S1F2 "));
    let field = |name: &str| {
        let mut parts = last["parts"].as_array().unwrap().iter();
        parts.find(|part| part["field"] == name).map(|part| part["value"].clone())
    };
    assert_eq!(field("system bytes"), Some(Value::from("00000008")));
    assert_eq!(field("session"), Some(Value::from("device id 0")));
    assert_eq!(last["schema"], 1);
}

#[test]
fn every_protocol_reads_captures() {
    let frame = b"\xf0\x0d\x01\0\0\0\x2a{\"opcode\":\"nack\",\"msg_id\":\"1\",\"reason\":\"\"}";
    let both = host(&[(0, &frame[..3]), (3, &frame[3..]), (49, b"ACK")]);
    let ran = decode(&["toggle"], &classic(RAW, &both)).ok();
    assert!(ran.out.contains("payload: {\"opcode\"") && ran.out.contains("answer: ACK"), "{ran:?}");
    let both =
        host(&[(0, b"\xa5\x0d\0\x04\x05\0\0\0\xa5"), (9, b"\x0d\0\x04\0\0\0\0"), (16, b"\0\x01")]);
    let ran = decode(&["vkb"], &classic(RAW, &both)).ok();
    assert!(ran.out.contains("shift: 0x05: bits 0, 2"), "{ran:?}");
    assert_eq!(ran.out.lines().count(), 3, "{ran:?}");
}

#[test]
fn stdin_may_be_a_capture_or_hex_and_a_file_as_well() {
    let stdin = |bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        finish(wirelab().args(["decode", "hsms", "-"]).stdin(file)).ok().out
    };
    assert!(stdin(&next_generation(ETHERNET, &conversation())).contains("Select.rsp status 0"));
    assert!(stdin(b"0000000affff00000005 00000001\n").contains("sound: 14 bytes"));
    assert!(decode(&["hsms"], b"0000000affff00000005 00000001\n").ok().out.contains("sound: 14"));
}

#[test]
fn only_connections_with_the_port_are_told() {
    let mut packets = conversation();
    packets.push((9, tcp((3, 22), (4, 1234), 1, ACK, b"SSH-2.0-x")));
    let capture = classic(RAW, &packets);
    assert_eq!(decode(&["hsms"], &capture).code, Some(1));
    assert_eq!(decode(&["hsms", "--port", "5000"], &capture).ok().out.lines().count(), 4);
    let ran = decode(&["hsms", "--port", "1"], &capture);
    assert!(ran.failed(2).contains("no message in 9 packets"), "{ran:?}");
}

#[test]
fn a_reset_ends_both_directions_and_the_same_addresses_may_begin_again() {
    let mut packets = host(&[(0, SELECT), (14, &ASK[..5])]);
    packets.push((3, tcp(TOOL, HOST, 1, RST, b"")));
    packets.push((4, tcp(HOST, TOOL, 7000, SYN, b"")));
    packets.push((5, tcp(HOST, TOOL, 7001, ACK, SELECT)));
    let ran = hsms(&packets);
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(lines[1].contains("WRONG: at byte 14"), "{ran:?}");
    assert!(lines[2].ends_with("Select.req") && lines.len() == 3, "{ran:?}");
}

#[test]
fn a_capture_that_is_cut_off_is_told_as_far_as_it_goes() {
    let capture = classic(RAW, &conversation());
    let ran = decode(&["hsms"], &capture[..capture.len() - 20]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(1), 4), "{ran:?}");
    assert!(ran.err.contains("cut off"), "{ran:?}");
    assert!(decode(&["hsms"], &capture[..10]).failed(2).contains("no capture"));
}

/// The capture of others: text2pcap makes it, and tshark, which knows HSMS, says what is in it.
#[test]
fn a_capture_of_text2pcap_is_told_as_tshark_tells_it() {
    let missing = |tool: &str| Command::new(tool).arg("--version").output().is_err();
    if missing("text2pcap") || missing("tshark") {
        assert!(
            std::env::var_os("WIRELAB_REQUIRE_TOOLS").is_none(),
            "text2pcap and tshark are wanted"
        );
        eprintln!("SKIPPED: needs text2pcap and tshark");
        return;
    }
    let dir = dir();
    let (text, capture) = (dir.path().join("hex.txt"), dir.path().join("made.pcapng"));
    let line = |bytes: &[u8]| {
        let hex: Vec<_> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        format!("000000 {}\n", hex.join(" "))
    };
    std::fs::write(&text, [line(SELECT), line(ASK), line(SAY)].concat()).unwrap();
    let mut make = Command::new("text2pcap");
    make.args(["-q", "-T", "40000,5000"]).args([&text, &capture]);
    assert!(make.status().unwrap().success());
    let ran = finish(wirelab().args(["decode", "hsms", "--json"]).arg(&capture)).ok();
    let stype = |line: &Value| {
        let mut parts = line["parts"].as_array().unwrap().iter();
        let part = parts.find(|part| part["field"] == "SType").unwrap();
        part["value"].as_str().unwrap().split(':').next().unwrap().to_owned()
    };
    let ours: Vec<_> = ran.lines().iter().map(stype).collect();
    let shark = Command::new("tshark")
        .args(["-r", capture.to_str().unwrap(), "-d", "tcp.port==5000,hsms"])
        .args(["-T", "fields", "-e", "hsms.header.stype"])
        .output()
        .unwrap();
    let shark = String::from_utf8(shark.stdout).unwrap();
    let shark: Vec<_> = shark.lines().collect();
    assert_eq!(ours, shark);
    assert_eq!(ours, ["1", "0", "0"]);
}
