//! Bytes that are wrong, and bytes that only look it.
use bytes::{Bytes, BytesMut};
use proto::secs2::{
    Body, BuildError, DecodeError, Format, Item, Limits, MAX_DEPTH, MAX_LEN, Number, Problem,
    RawLimits, Reader, Stream9, encode, encode_into,
};

use crate::support::{bytes, decode, item};

fn wrong(hex: &str) -> (usize, Problem) {
    let error = decode(&bytes(hex)).expect_err(hex);
    assert_eq!(error.answer(), Stream9::IllegalData, "{error}");
    (error.offset, error.problem)
}

fn limits(raw: RawLimits) -> Limits {
    Limits::new(raw).expect("sound limits")
}

#[test]
fn malformed_texts_are_refused_where_they_are_wrong() {
    // Other stacks accept some of these, or make something of them.
    assert_eq!(wrong("00"), (0, Problem::NoLength));
    assert_eq!(wrong("0000"), (0, Problem::NoLength));
    assert_eq!(wrong("0401"), (0, Problem::Format(1)));
    assert_eq!(wrong("fd0100"), (0, Problem::Format(63)));
    assert_eq!(wrong("b105"), (0, Problem::Overrun { format: Format::U4, len: 5, left: 0 }));
    assert_eq!(wrong("b1030102ff"), (0, Problem::Ragged { format: Format::U4, len: 3 }));
    assert_eq!(wrong("0100ff"), (2, Problem::Trailing(1)));
    assert_eq!(wrong("03ffffff"), (0, Problem::Count { count: MAX_LEN, left: 0 }));
}

#[test]
fn a_mistake_deep_inside_is_found_there() {
    assert_eq!(wrong("0102 0100 0101 b0"), (4, Problem::Count { count: 1, left: 1 }));
    assert_eq!(wrong("0102 0100 0101 b0 00"), (6, Problem::NoLength));
    assert_eq!(wrong("0102 a50101 b102 0102"), (5, Problem::Ragged { format: Format::U4, len: 2 }));
    assert_eq!(wrong("0101 430000"), (2, Problem::Length { wanted: 3, had: 2 }));
    assert_eq!(wrong("0101 4901 00"), (2, Problem::Ragged { format: Format::Localized, len: 1 }));
}

#[test]
fn lists_cannot_promise_the_same_bytes_twice() {
    // Either list alone has its bytes, both together do not.
    assert_eq!(wrong("0102 0102 a500 a500"), (2, Problem::Count { count: 2, left: 4 }));
    let claims = [0x03, 0x7f, 0xff, 0xff].repeat(60);
    let text = Bytes::from([claims, vec![0; 1 << 20]].concat());
    let problem = Problem::Count { count: 0x7f_ffff, left: text.len() - 4 };
    assert_eq!(decode(&text), Err(DecodeError { offset: 0, problem }));
}

#[test]
fn length_bytes_nobody_needs_are_accepted_and_not_repeated() {
    assert_eq!(encode(&item("4200026f6b")), bytes("41026f6b"));
    for (long, short) in [
        ("020000", "0100"),
        ("03000001 4200026f6b", "0101 41026f6b"),
        ("b3000004 00000001", "b104 00000001"),
    ] {
        // With enough behind it to be copied as one block.
        let rest = format!("2128 {}", "ff".repeat(40));
        let (long, short) = (format!("0102 {long} {rest}"), format!("0102 {short} {rest}"));
        assert_eq!(encode(&item(&long)), bytes(&short), "{long}");
        assert_eq!(item(&long), item(&short));
    }
}

#[test]
fn an_empty_text_is_no_item() {
    assert_eq!(decode(&Bytes::new()), Ok(None));
    assert!(Reader::new(&[], &Limits::default()).next().is_none());
}

#[test]
fn every_format_may_be_empty() {
    for format in Format::ALL {
        let text = Bytes::from(vec![format.code() << 2 | 1, 0]);
        let empty = decode(&text).expect("sound").expect("an item");
        assert_eq!((empty.format(), empty.count()), (format, 0));
        assert_eq!(encode(&empty), text);
    }
}

#[test]
fn any_byte_but_zero_is_true_and_stays_itself() {
    for (hex, truth) in [("250100", false), ("250101", true), ("2501ff", true), ("250180", true)] {
        assert_eq!(item(hex).as_bool(), Some(truth));
        assert_eq!(encode(&item(hex)), bytes(hex));
    }
    assert_ne!(item("250101"), item("2501ff"));
}

#[test]
fn a_relayed_text_keeps_every_byte() {
    for hex in ["", "03000001 4200026f6b", "0101 2501ff", "4900"] {
        let body = Body::new(bytes(hex), &Limits::default()).expect("sound");
        assert_eq!(body.bytes(), &bytes(hex));
        assert_eq!(body.item(), decode(&bytes(hex)).expect("sound"));
    }
    assert!(Body::new(bytes("0100ff"), &Limits::default()).is_err());
    assert_eq!(Body::from(&Item::u1(7)).bytes(), &bytes("a50107"));
}

#[test]
fn the_depth_limit_counts_lists_within_lists() {
    let nested = |depth: usize| Bytes::from([[0x01, 0x01].repeat(depth - 1), vec![1, 0]].concat());
    assert_eq!(decode(&nested(64)).expect("as deep as allowed").expect("a list").depth(), 64);
    let problem = Problem::Depth { limit: 64 };
    assert_eq!(decode(&nested(65)), Err(DecodeError { offset: 128, problem: problem.clone() }));
    assert_eq!(decode(&nested(200_000)), Err(DecodeError { offset: 128, problem }));

    let shallow = limits(RawLimits { depth: 2, ..RawLimits::default() });
    assert!(Item::decode(&nested(2), &shallow).is_ok());
    assert!(Item::decode(&nested(3), &shallow).is_err());
}

#[test]
fn a_leaf_in_the_deepest_list_is_not_too_deep() {
    let text = [[0x01, 0x01].repeat(64), vec![0xa5, 1, 7]].concat();
    assert_eq!(decode(&text.into()).expect("as deep as allowed").expect("a list").depth(), 64);
}

#[test]
fn the_size_and_item_limits_are_too_long_not_illegal() {
    let text = bytes("0102 a50101 a50102");
    let small = |size| limits(RawLimits { size, ..RawLimits::default() });
    assert!(Item::decode(&text, &small(8)).is_ok());
    let error = Item::decode(&text, &small(7)).expect_err("a byte too long");
    assert_eq!((error.offset, error.answer()), (0, Stream9::TooLong));

    let few = |items| limits(RawLimits { items, ..RawLimits::default() });
    assert!(Item::decode(&text, &few(3)).is_ok());
    let error = Item::decode(&text, &few(2)).expect_err("an item too many");
    assert_eq!((error.offset, error.answer().function()), (0, 11));
}

#[test]
fn limits_that_cannot_be_are_refused() {
    let raw = RawLimits::default();
    assert!(Limits::new(RawLimits { depth: MAX_DEPTH, ..raw }).is_ok());
    for raw in [
        RawLimits { depth: 0, ..raw },
        RawLimits { depth: MAX_DEPTH + 1, ..raw },
        RawLimits { size: 0, ..raw },
        RawLimits { items: 0, ..raw },
    ] {
        assert!(Limits::new(raw).is_err(), "{raw:?}");
    }
    let error = Limits::new(RawLimits { depth: 0, ..raw }).expect_err("no depth");
    assert_eq!(error.to_string(), "depth must be 1 to 100, not 0");
}

#[test]
fn what_cannot_be_encoded_cannot_be_made() {
    let format = Format::Binary;
    assert!(Item::new(format, vec![0; MAX_LEN]).is_ok());
    let len = MAX_LEN + 1;
    assert_eq!(Item::new(format, vec![0; len]), Err(BuildError::TooLong { format, len }));
    let ragged = BuildError::Ragged { format: Format::F8, len: 7 };
    assert_eq!(Item::new(Format::F8, vec![0; 7]), Err(ragged));
    assert_eq!(Item::new(Format::List, vec![]), Err(BuildError::ListOfBytes));
    let deep = (1..MAX_DEPTH).fold(Item::list([]), |inner, _| Item::list([inner]));
    assert_eq!(deep.depth(), MAX_DEPTH);
    assert_eq!(Item::try_list([deep]), Err(BuildError::TooDeep));
}

#[test]
fn lengths_take_as_few_bytes_as_will_do() {
    for (len, head) in [
        (0, "2100"),
        (255, "21ff"),
        (256, "220100"),
        (65_535, "22ffff"),
        (65_536, "23010000"),
        (MAX_LEN, "23ffffff"),
    ] {
        let item = Item::new(Format::Binary, vec![7; len]).expect("not too long");
        let (text, head) = (encode(&item), bytes(head));
        assert_eq!(text[..head.len()], head[..]);
        assert_eq!((text.len(), item.encoded_len()), (head.len() + len, head.len() + len));
        assert_eq!(decode_all(&text), item);
    }
    let list = Item::list(vec![Item::u1(1); 65_536]);
    assert_eq!(encode(&list)[..4], [0x03, 1, 0, 0]);
    assert_eq!(decode_all(&encode(&list)), list);
}

fn decode_all(text: &Bytes) -> Item {
    let all = limits(RawLimits { size: 1 << 25, ..RawLimits::default() });
    Item::decode(text, &all).expect("sound").expect("an item")
}

#[test]
fn encoding_appends() {
    let mut text = BytesMut::from(&b"before"[..]);
    encode_into(&Item::list([Item::u1(7)]), &mut text);
    assert_eq!(text, &b"before\x01\x01\xa5\x01\x07"[..]);
}

#[test]
fn values_come_back_as_they_were_put_in() {
    assert_eq!(Item::u8(u64::MAX).as_u64(), Some(u64::MAX));
    assert_eq!(Item::i8(i64::MIN).as_i64(), Some(i64::MIN));
    assert_eq!(Item::i8(-1).as_u64(), None, "negative");
    assert_eq!(Item::u8(u64::MAX).as_i64(), None, "too large");
    assert_eq!(Item::i1(-1).as_f64(), Some(-1.0));
    assert_eq!(Item::f4(25.5).as_f64(), Some(25.5));
    assert_eq!(Item::f4(25.5).as_u64(), None);
    assert_eq!(Item::u4s([1, 2]).as_u64(), None, "not one value");
    assert_eq!(Item::u4s([]).as_u64(), None);
    assert_eq!(Item::binary([1]).as_u64(), None, "bytes are no number");
    let numbers: Vec<_> = Item::i2s([-1, 2]).numbers().collect();
    assert_eq!(numbers, [Number::Signed(-1), Number::Signed(2)]);
    assert_eq!(Item::ascii("ok").numbers().count(), 0);
    assert_eq!(Item::ascii("Küche").as_str(), Some("Küche"));
    assert_eq!(Item::localized(2, "Küche").as_str(), Some("Küche"));
    assert_eq!(Item::localized(8, "ok").as_str(), None, "another encoding");
    assert_eq!(Item::binary("ok").as_str(), None);
    assert_eq!(Item::boolean(true).as_bool(), Some(true));
    assert_eq!(Item::booleans([true, false]).bytes(), [1, 0]);
    assert_eq!(Item::list([Item::ascii("x")]).items(), Some(&[Item::ascii("x")][..]));
}

#[test]
fn a_nan_equals_itself_and_zeros_differ_in_sign() {
    assert_eq!(Item::f8(f64::NAN), Item::f8(f64::NAN));
    assert_ne!(Item::f8(0.0), Item::f8(-0.0));
    assert_ne!(Item::u1(1), Item::i1(1));
}
