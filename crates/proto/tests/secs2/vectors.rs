//! Bytes that other stacks agree on.
use std::{env, fs, path::Path};

use bytes::Bytes;
use md5::{Digest, Md5};
use proto::{
    secs2::{Item, Limits, encode, sml},
    session::hex,
    testing::secs2::wafers,
};
use serde_json::Value;

use crate::support::{bytes, decode, item};

fn same(hex: &str, wanted: &Item) {
    assert_eq!(&item(hex), wanted);
    assert_eq!(encode(wanted), bytes(hex));
}

fn fake_eq() -> Item {
    Item::list([Item::ascii("FAKE-EQ"), Item::ascii("1.0.0")])
}

#[test]
fn items_have_the_bytes_of_other_stacks() {
    let svids = || Item::list([Item::u4(1001), Item::u4(1002)]);
    let one = |item| Item::list([item]);
    let pair = |a, b| Item::list([a, b]);
    let values = || pair(Item::f4(25.5), Item::ascii("RUN"));
    same("0102 4107 46414b452d4551 4105 312e302e30", &fake_eq());
    same("0102 b104000003e9 b104000003ea", &svids());
    same("0102 910441cc0000 410352554e", &values());
    same("0102 210100 0102 410746414b452d4551 4105312e302e30", &pair(Item::binary([0]), fake_eq()));
    same(
        "0102 b10400000001 0101 0102 b10400000064 0102 b104000003e9b104000003ea",
        &pair(Item::u4(1), one(pair(Item::u4(100), svids()))),
    );
    same("0102 250101 0101 b10400000032", &pair(Item::boolean(true), one(Item::u4(50))));
    same(
        "0102 4105 5354415254 0101 0102 4104 50504944 4108 5245434950452d41",
        &pair(Item::ascii("START"), one(pair(Item::ascii("PPID"), Item::ascii("RECIPE-A")))),
    );
    same(
        "0103 210181 b10400000bb9 4110 4348414d424552204f56455254454d50",
        &Item::list([Item::binary([0x81]), Item::u4(3001), Item::ascii("CHAMBER OVERTEMP")]),
    );
    same(
        "0103 b10400000001 b10400000032 0101 0102 b10400000064 0102 910441cc0000 410352554e",
        &Item::list([Item::u4(1), Item::u4(50), one(pair(Item::u4(100), values()))]),
    );
    same("210a 0000 e301 0000 0000002f", &Item::binary(bytes("0000e30100000000002f")));
}

#[test]
fn every_format_at_its_extremes_has_the_bytes_of_other_stacks() {
    let hex = "0111 21020102 25020100 4103414243 61088000000000000000 6502ff7f 69028000 \
               710480000000 8108bfe0000000000000 91083fc00000c0000000 a108ffffffffffffffff \
               a50200ff a902ffff b104ffffffff 4100 b100 0100 010101010100";
    same(
        hex,
        &Item::list([
            Item::binary([1, 2]),
            Item::booleans([true, false]),
            Item::ascii("ABC"),
            Item::i8(i64::MIN),
            Item::i1s([-1, 127]),
            Item::i2(i16::MIN),
            Item::i4(i32::MIN),
            Item::f8(-0.5),
            Item::f4s([1.5, -2.0]),
            Item::u8(u64::MAX),
            Item::u1s([0, 255]),
            Item::u2(u16::MAX),
            Item::u4(u32::MAX),
            Item::ascii(""),
            Item::u4s([]),
            Item::list([]),
            Item::list([Item::list([Item::list([])])]),
        ]),
    );
}

#[test]
fn bodies_of_other_stacks_come_back_byte_for_byte() {
    let Some(frames) = frames() else { return };
    // The stacks differ in how they say TRUE.
    let others = frames.iter().filter_map(|(_, java)| java.clone());
    let bodies: Vec<Bytes> =
        frames.iter().map(|(frame, _)| frame.slice(14..)).chain(others).collect();
    assert_eq!(bodies.len(), 27 + 2);
    for body in bodies {
        let decoded = decode(&body).expect("sound");
        assert_eq!(decoded.is_none(), body.is_empty());
        assert_eq!(decoded.as_ref().map(encode).unwrap_or_default(), body);
    }
}

#[test]
fn their_sml_has_their_bytes() {
    let (Some(frames), Some(text)) = (frames(), vector("hsms.sml")) else { return };
    let messages = sml::parse(&text).expect("sound");
    assert_eq!(messages.len(), frames.len());
    for (message, (frame, _)) in messages.iter().zip(frames) {
        let stream = message.stream | u8::from(message.wait) << 7;
        assert_eq!(frame[6..8], [stream, message.function], "{message}");
        assert_eq!(message.item.as_ref().map(encode).unwrap_or_default(), frame[14..], "{message}");
        assert_eq!(sml::parse_message(&format!("{message:#}")).as_ref(), Ok(message));
    }
}

/// Data messages, and the bodies of those that secs4java8 writes otherwise.
fn frames() -> Option<Vec<(Bytes, Option<Bytes>)>> {
    let frames: Vec<Value> = serde_json::from_str(&vector("hsms.json")?).expect("JSON");
    let both = frames.iter().map(|frame| {
        let java = frame["secs4java8"].as_str().and_then(|word| word.strip_prefix("differs: "));
        (bytes(frame["frame"].as_str().expect("hex")), java.map(bytes))
    });
    Some(both.filter(|(frame, _)| frame[9] == 0).collect())
}

fn vector(name: &str) -> Option<String> {
    let Some(folder) = env::var_os("WIRELAB_VECTORS") else {
        let skipped = format!("SKIPPED: needs WIRELAB_VECTORS ({name})");
        assert!(env::var_os("WIRELAB_REQUIRE_TOOLS").is_none(), "{skipped}");
        eprintln!("{skipped}");
        return None;
    };
    Some(fs::read_to_string(Path::new(&folder).join(name)).expect(name))
}

#[test]
fn a_megabyte_in_lists_has_the_bytes_of_other_stacks() {
    let text = encode(&wafers(25_000));
    assert_eq!(text.len(), 1_025_003);
    // As go-secs, secs4java8, secs4js, secsgem and semi_e5 have it.
    assert_eq!(
        hex::encode(&Md5::digest(&text)).replace(' ', ""),
        "004d8ddcfa680dfd75300638e519742b"
    );
    let decoded = Item::decode(&text, &Limits::default());
    assert!(decoded == Ok(Some(wafers(25_000))), "a list of 25 000 rows");
}
