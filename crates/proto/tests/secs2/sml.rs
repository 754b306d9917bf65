//! Every dialect in, one out.
use proptest::prelude::*;
use proto::{
    secs2::{
        Format, Item, MAX_DEPTH,
        sml::{Message, parse, parse_item, parse_message},
    },
    testing::secs2::any_sml,
};

use crate::support::any_item;

fn wrong(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

fn means(text: &str, wanted: &Item) {
    assert_eq!(
        &parse_item(text).unwrap_or_else(|error| panic!("{text}: {error}")),
        wanted,
        "{text}"
    );
}

fn hello() -> Message {
    let item = Some(Item::list([Item::ascii("SIM"), Item::u4s([1, 2])]));
    Message { name: None, stream: 1, function: 13, wait: true, item }
}

#[test]
fn every_dialect_says_the_same() {
    for text in [
        "S1F13 W <L <A \"SIM\"> <U4 1 2>>.",
        "S1F13 W\n<L [2]\n  <A \"SIM\">\n  <U4 1 2>\n>.",
        "'S1F13' W <L[2] <A 'SIM'> <U4[2] 1 2> > .",
        "\"s1f13\" w\n<l[2/1]\n<a [3] 'SIM' >\n<u4 [2/8] 1 0x2 >\n>\n.",
        "S1F13 W <L<A\"SI\"\"M\"><U4 +1 0b10>>",
        "/* greet */ S1F13 W // it waits\n<L [2] /* two > */ <A \"SIM\"/**/> <U4 1/*one*/2> >.// end",
        "S1F13 W <L <A 0x53 'I' 0x4D> <U4 1 2>>.\r\n",
    ] {
        assert_eq!(parse(text), Ok(vec![hello()]), "{text}");
    }
}

#[test]
fn a_name_stands_before_a_colon() {
    let named = Message { name: Some("Hello-1".into()), ..hello() };
    for text in ["Hello-1: S1F13 W", "Hello-1 :'S1F13' W", "Hello-1:S1F13 W"] {
        let text = format!("{text} <L <A 'SIM'> <U4 1 2>>.");
        assert_eq!(parse_message(&text), Ok(named.clone()), "{text}");
    }
    assert_eq!(named.to_string(), "Hello-1: S1F13 W <L [2] <A \"SIM\"> <U4 1 2>>.");
}

#[test]
fn messages_follow_each_other_and_need_no_item() {
    let bare = |stream, function, wait| Message { name: None, stream, function, wait, item: None };
    let wanted = vec![bare(1, 1, true), bare(1, 2, false), bare(127, 255, false), bare(0, 0, true)];
    assert_eq!(parse("S1F1 W. S1F2.\nS127F255 .S0F0 W"), Ok(wanted));
    assert_eq!(parse(" // nothing\n"), Ok(vec![]));
    assert!(parse_message("").is_err());
    assert!(parse_message("S1F1 W. S1F2.").is_err());
}

#[test]
fn a_message_is_printed_on_one_line_or_on_many() {
    assert_eq!(hello().to_string(), "S1F13 W <L [2] <A \"SIM\"> <U4 1 2>>.");
    assert_eq!(format!("{:#}", hello()), "S1F13 W\n<L [2]\n  <A \"SIM\">\n  <U4 1 2>\n>.");
    let nested = Item::list([Item::list([]), Item::list([Item::binary([0, 255])])]);
    let wanted = "<L [2]\n  <L [0]>\n  <L [1]\n    <B 0x00 0xFF>\n  >\n>";
    assert_eq!(format!("{nested:#}"), wanted);
    assert_eq!(nested.to_string(), "<L [2] <L [0]> <L [1] <B 0x00 0xFF>>>");
    assert_eq!(Message { wait: false, item: None, ..hello() }.to_string(), "S1F13.");
}

#[test]
fn booleans_have_many_names_and_keep_their_byte() {
    means("<BOOLEAN TRUE FALSE>", &Item::booleans([true, false]));
    means("<Boolean True f T>", &Item::booleans([true, false, true]));
    means("<BOOL 0x01 0>", &Item::booleans([true, false]));
    means("<BOOLEAN [1] 0xFF>", &Item::new(Format::Boolean, vec![255]).expect("a byte"));
    assert_eq!(
        Item::new(Format::Boolean, vec![0, 1, 255]).expect("bytes").to_string(),
        "<BOOLEAN FALSE TRUE 0xFF>"
    );
}

#[test]
fn text_that_is_not_plain_stands_outside_the_quotes() {
    let text = Item::ascii("say \"C:\\x\"\n\u{7f}é'");
    let sml = r#"<A "say " 0x22 "C:" 0x5C "x" 0x22 0x0A 0x7F 0xC3 0xA9 "'">"#;
    assert_eq!(text.to_string(), sml);
    means(sml, &text);
}

#[test]
fn backslashes_escape_quotes_and_themselves_only() {
    means(r#"<A "say \"hi\"">"#, &Item::ascii("say \"hi\""));
    means(r"<A 'it\'s'>", &Item::ascii("it's"));
    means(r#"<A "C:\temp\\new">"#, &Item::ascii(r"C:\temp\new"));
    means("<A \"two\nlines\">", &Item::ascii("two\nlines"));
    means("<A \"Küche\">", &Item::ascii("Küche"));
    means("<A>", &Item::ascii(""));
    means("<J \"kana\" 0xB1>", &Item::jis8(b"kana\xb1"));
}

#[test]
fn localized_text_may_name_its_encoding() {
    means("<C2 \"Küche\">", &Item::localized(2, "Küche"));
    means("<W 8 0x82 0xA0>", &Item::localized(8, [0x82, 0xa0]));
    means("<C2>", &Item::new(Format::Localized, vec![]).expect("empty"));
    means("<C2 1>", &Item::localized(1, ""));
    assert_eq!(Item::localized(8, [0x82, 0xa0]).to_string(), "<C2 8 0x82 0xA0>");
}

#[test]
fn integers_are_exact_to_the_last_and_not_beyond() {
    means("<U8 18446744073709551615>", &Item::u8(u64::MAX));
    means("<U8 0xFFFFFFFFFFFFFFFF>", &Item::u8(u64::MAX));
    means("<I8 -9223372036854775808 9223372036854775807>", &Item::i8s([i64::MIN, i64::MAX]));
    means("<I1 -128 0x7f -0x1>", &Item::i1s([-128, 127, -1]));
    for (text, expected) in [
        ("<U8 18446744073709551616>", "a number from 0 to 18446744073709551615"),
        ("<I8 -9223372036854775809>", "-9223372036854775808 to 9223372036854775807"),
        ("<U1 256>", "a number from 0 to 255"),
        ("<U1 -1>", "a number from 0 to 255"),
        ("<I2 32768>", "a number from -32768 to 32767"),
        ("<I2 1.0>", "a number"),
        ("<I2 --1>", "a number"),
        ("<I2 0x>", "a number"),
        ("<B 0x100>", "a byte"),
        ("<A 256>", "text in quotes or a byte"),
    ] {
        let error = parse_item(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn floats_keep_their_bits() {
    means("<F4 25.5 -0.0 1e3 .5>", &Item::f4s([25.5, -0.0, 1000.0, 0.5]));
    means("<F8 0.1 5e-324>", &Item::f8s([0.1, 5e-324]));
    means("<F4 NaN inf -inf>", &Item::f4s([f32::NAN, f32::INFINITY, f32::NEG_INFINITY]));
    means("<F8 nan Infinity>", &Item::f8s([f64::NAN, f64::INFINITY]));
    assert!(parse_item("<F4 1e39>").is_err(), "too large is not infinity");
    assert!(parse_item("<F8 1e309>").is_err(), "too large is not infinity");
    assert!(parse_item("<F4 NaN(0x00000001)>").is_err(), "no NaN");
    let odd = Item::f4(f32::from_bits(0xffc0_0001));
    assert_eq!(odd.to_string(), "<F4 NaN(0xFFC00001)>");
    means(&odd.to_string(), &odd);
}

#[test]
fn counts_must_be_true() {
    assert_eq!(
        wrong("S1F1 <L [2] <A 'x'>>."),
        "line 1, column 13: expected 2 in this L, as it says, found 1"
    );
    assert!(parse_item("<A [3] \"four\">").is_err());
    assert!(parse_item("<U4 [0] 1>").is_err());
    assert!(parse_item("<B [3] 1 2 3>").is_ok());
    assert!(parse_item("<L [-1]>").is_err());
    assert!(parse_item("<L [99999999999999999999]>").is_err());
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, message) in [
        (
            "S1F1 W\n<L\n  <A \"é\"> <U9 1>>.",
            "line 3, column 12: expected L, B, BOOLEAN, A, J, C2, I1 to I8, U1 to U8, F4 or F8, found `U9`",
        ),
        ("S1F1 X.", "line 1, column 6: expected `W`, an item or `.`, found `X.`"),
        (
            "S128F1.",
            "line 1, column 1: expected a stream and a function, S0F0 to S127F255, found `S128F1.`",
        ),
        ("S1F1 W <L <A 'x'>", "line 1, column 18: expected `<` or `>`, found the end"),
        ("S1F1 <A \"x>.", "line 1, column 9: expected a \" at the end of this text, found `\"x>.`"),
        ("S1F1 <A 'x'> <B>.", "line 1, column 14: expected `.`, found `<B>.`"),
        ("S1F1 <L> /* .", "line 1, column 10: expected `.`, found `/*`"),
        ("'S1F1 W.", "line 1, column 7: expected `'`, found `W.`"),
        (
            "S1F1 <U1 <A>>.",
            "line 1, column 10: expected a number from 0 to 255, or `>`, found `<A>>.`",
        ),
    ] {
        assert_eq!(wrong(text), message, "{text}");
    }
}

#[test]
fn lists_nest_as_deep_as_items_do_and_no_deeper() {
    let nested = |depth: usize| "<L".repeat(depth) + &">".repeat(depth);
    assert_eq!(parse_item(&nested(MAX_DEPTH)).expect("as deep as allowed").depth(), MAX_DEPTH);
    assert!(parse_item(&nested(MAX_DEPTH + 1)).is_err());
    assert!(parse_item(&nested(200_000)).is_err());
}

proptest! {
    #[test]
    fn any_message_comes_back_from_either_form(
        item in proptest::option::of(any_item()),
        name in proptest::option::of("[A-Za-z][A-Za-z0-9_.-]{0,9}"),
        stream in 0..128u8,
        function: u8,
        wait: bool,
    ) {
        let message = Message { name, stream, function, wait, item };
        prop_assert_eq!(parse(&message.to_string()), Ok(vec![message.clone()]));
        prop_assert_eq!(parse_message(&format!("{message:#}")), Ok(message));
    }

    #[test]
    fn any_floats_keep_their_bits(singles: Vec<u32>, doubles: Vec<u64>) {
        let singles = Item::f4s(singles.into_iter().map(f32::from_bits));
        let doubles = Item::f8s(doubles.into_iter().map(f64::from_bits));
        prop_assert_eq!(parse_item(&singles.to_string()), Ok(singles));
        prop_assert_eq!(parse_item(&doubles.to_string()), Ok(doubles));
    }

    #[test]
    fn no_text_confuses_the_parser(text in "[SFW0-9<>\\[\\]LAUB4'\"./*: \nx\\\\é]{0,60}") {
        any_sml(&text);
        any_sml(&format!("S1F1 <L {text}>"));
    }
}
