//! A fake VKB-Link as a process, spoken to over bare sockets.
use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::support::*;

const SHIFT_1: [u8; 8] = [0xa5, 0x0d, 0, 4, 1, 0, 0, 0];

/// Writes bytes, finishes, and reads until the device does too.
fn exchange(device: &Device, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(device.addr).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn it_keeps_the_bytes_of_every_connection() {
    let mut device = device_of("vkb", &[]);
    assert_eq!(exchange(&device, &SHIFT_1), b"");
    assert_eq!(exchange(&device, b"FSDJump\n\xa5\x0d\x00\x04\x02\x01\x00\x00"), b"");
    let (memory, records) = device.show();
    assert_eq!((&memory["shift"], &memory["subshift"]), (&2.into(), &1.into()));
    assert_eq!(memory["connections"][0]["bytes"], "a5 0d 00 04 01 00 00 00");
    assert_eq!(memory["connections"][1]["total"], 16);
    assert_eq!(memory["numbers"]["frames"], 2);
    let junk = records.iter().find(|r| r["fact"] == "malformed").unwrap();
    assert_eq!(
        (&junk["reason"], &junk["bytes"]),
        (&"junk".into(), &"46 53 44 4a 75 6d 70 0a".into())
    );
}

#[test]
fn it_answers_only_if_set_to() {
    for (flags, answer) in [(&[][..], &b""[..]), (&["--set", "replies=true"], b"\x00\x01")] {
        assert_eq!(exchange(&device_of("vkb", flags), &SHIFT_1), answer);
    }
}

#[test]
fn its_modes_are_switched_while_it_runs() {
    let mut device = device_of("vkb", &["--set", "replies=true", "--mode", "mute"]);
    assert_eq!(exchange(&device, &SHIFT_1), b"");
    device.running.say("mode disconnect_after 2");
    assert_eq!(device.show().0["mode"], "disconnect_after 2");
    device.running.say("next 2 nack");
    assert!(device.running.err.until("error").contains("no mode `nack`"));
}

#[test]
fn settings_that_are_none_are_refused() {
    let refused = |flags: &[&str]| {
        run(["device", "vkb", "--port", "0"].iter().chain(flags)).failed(2).to_owned()
    };
    assert!(refused(&["--set", "colour=red"]).contains("--set colour: unknown field"));
    assert!(refused(&["--set", "header_byte=256"]).contains("--set header_byte: invalid value"));
    assert!(refused(&["--set", "replies"]).contains("KEY=VALUE"));
    assert!(refused(&["--set", "replies=true", "--set", "replies=false"]).contains("twice"));
    assert!(refused(&["--answer", "ack"]).contains("answer"));
}

#[test]
fn its_bytes_are_explained() {
    let ran = run(["decode", "vkb", "a50d000405000000"]).ok();
    assert!(ran.out.contains("shift     0x05: bits 0, 2"), "{ran:?}");
    assert!(ran.out.ends_with("sound: 8 bytes\n"), "{ran:?}");
    let ran = run(["decode", "vkb", "a50d000805000000"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("WRONG: must be 04"), "{ran:?}");
}
