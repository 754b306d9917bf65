//! `wirelab decode`: every byte explained, and what is wrong with it.
use std::io::Write;

use crate::support::*;

const D1: &str = "f0 0d 01 00 00 00 54 7b 22 6f 70 63 6f 64 65 22 3a 20 22 74 6f 67 67 6c 65 22 2c 20 \
22 64 65 76 69 63 65 5f 69 64 22 3a 20 22 44 31 22 2c 20 22 6d 73 67 5f 69 64 22 3a 20 22 33 66 65 \
31 36 62 36 31 34 33 33 34 34 61 66 62 22 2c 20 22 73 74 61 74 65 22 3a 20 74 72 75 65 7d";

fn decode(flags: &[&str], stdin: &[u8]) -> Ran {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(stdin).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    finish(wirelab().args(["decode", "toggle"]).args(flags).stdin(file))
}

#[test]
fn a_sound_frame_is_laid_out_field_by_field() {
    let ran = decode(&[D1], b"").ok();
    let table: Vec<_> = ran.out.lines().collect();
    assert_eq!(table[0], "offset  bytes                   field    value");
    assert_eq!(table[1], "     0  f0 0d                   magic    f0 0d");
    assert!(table[3].starts_with("     3  00 00 00 54             length   84 bytes"), "{ran:?}");
    assert!(
        table[4].starts_with("     7  7b 22 6f 70 … 75 65 7d  payload  {\"opcode\""),
        "{ran:?}"
    );
    assert_eq!(table[5], "sound: 91 bytes");
}

#[test]
fn bytes_may_come_in_pieces_and_without_spaces() {
    let words: Vec<_> = D1.split(' ').collect();
    let whole = decode(&[D1], b"").out;
    assert_eq!(decode(&words, b"").ok().out, whole);
    assert_eq!(decode(&[&words.concat()], b"").ok().out, whole);
}

#[test]
fn what_is_wrong_is_marked_with_a_word() {
    let ran = decode(&["f0 0d 02 00 00 00 01 7b"], b"");
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("WRONG: only version 1 exists"), "{ran:?}");
    assert!(!ran.out.contains('\x1b'), "no colour into a pipe: {ran:?}");
    let coloured = finish(wirelab().args(["decode", "toggle", "00"]).env("CLICOLOR_FORCE", "1"));
    assert!(coloured.out.contains("\x1b[1;31mWRONG:"), "{coloured:?}");
    let mut plain = wirelab();
    plain.args(["decode", "toggle", "00"]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert!(!finish(&mut plain).out.contains('\x1b'));
}

#[test]
fn what_is_not_hex_is_refused() {
    for wrong in ["zz", "4", "{}", "{"] {
        decode(&[wrong], b"").failed(2);
    }
    decode(&["-"], b"\n").failed(2);
    let ran = decode(&["-"], b"41434b\nzz\n41434b\n");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("line 2"), "{ran:?}");
    assert_eq!(ran.out.matches("sound: 3 bytes").count(), 2);
}

#[test]
fn a_packet_log_is_read_as_it_is() {
    let device = device(&[]);
    let log = device.toggle(&[]).ok().out;
    let ran = decode(&["-", "--json"], log.as_bytes()).ok();
    let frames = ran.lines();
    assert_eq!(frames.len(), 2, "only packets are frames");
    assert_eq!((&frames[0]["sound"], &frames[0]["len"]), (&true.into(), &91.into()));
    assert_eq!(frames[1]["parts"][0]["field"], "answer");
    assert_eq!(frames[0]["schema"], 1);
}

#[test]
fn raw_bytes_are_read_as_well() {
    let ran = decode(&["--binary"], b"ACK\xf0\x0d");
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("2 of 7 header bytes"), "{ran:?}");
    assert_eq!(decode(&["--binary"], b"ACK").code, Some(0));
    assert_eq!(decode(&["--binary"], b"").code, Some(1));
}

#[test]
fn bytes_meant_for_a_terminal_do_not_reach_it() {
    let ran = decode(&["--binary"], b"\xf0\x0d\x01\x00\x00\x00\x05\x1b[2J\r");
    assert_eq!(ran.code, Some(1));
    assert!(!ran.out.contains(['\x1b', '\r']), "{ran:?}");
}
