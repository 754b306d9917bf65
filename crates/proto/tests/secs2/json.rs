//! Items as JSON: nothing is lost, and people may be brief.
use proptest::prelude::*;
use proto::secs2::{Format, Item};
use serde_json::json;

use crate::support::any_item;

fn written(item: &Item) -> String {
    serde_json::to_string(item).expect("items are JSON")
}

fn read(text: &str) -> Result<Item, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn means(text: &str, wanted: &Item) {
    assert_eq!(read(text).as_ref(), Ok(wanted), "{text}");
}

fn wrong(text: &str) -> String {
    read(text).expect_err(text)
}

#[test]
fn items_are_written_as_documented() {
    let nan = Item::f4s([25.5, 0.1, f32::NAN, f32::NEG_INFINITY, f32::from_bits(0x7fc0_0001)]);
    for (item, json) in [
        (Item::list([Item::ascii("x"), Item::list([])]), r#"[{"A":"x"},[]]"#),
        (Item::u4(1), r#"{"U4":[1]}"#),
        (Item::i1s([-1, 2]), r#"{"I1":[-1,2]}"#),
        (Item::u4s([]), r#"{"U4":[]}"#),
        (Item::binary([10, 255]), r#"{"B":"0a ff"}"#),
        (Item::binary([]), r#"{"B":""}"#),
        (Item::new(Format::Boolean, vec![0, 1, 255]).unwrap(), r#"{"BOOLEAN":[false,true,255]}"#),
        (Item::ascii("Küche\n"), r#"{"A":"Küche\n"}"#),
        (Item::jis8(b"caf\xe9s"), r#"{"J":["caf",233,"s"]}"#),
        (Item::localized(2, "Küche"), r#"{"C2":[2,"Küche"]}"#),
        (Item::localized(8, [0x82, 0xa0]), r#"{"C2":[8,130,160]}"#),
        (Item::new(Format::Localized, vec![]).unwrap(), r#"{"C2":[]}"#),
        (nan, r#"{"F4":[25.5,0.1,"NaN","-inf","NaN(0x7FC00001)"]}"#),
        (Item::f8s([-0.0, 1e300]), r#"{"F8":[-0.0,1e+300]}"#),
        (Item::u8s([(1 << 53) - 1, 1 << 53]), r#"{"U8":[9007199254740991,"9007199254740992"]}"#),
        (Item::u8(u64::MAX), r#"{"U8":["18446744073709551615"]}"#),
        (Item::i8(i64::MIN), r#"{"I8":["-9223372036854775808"]}"#),
    ] {
        assert_eq!(written(&item), json);
        means(json, &item);
    }
}

#[test]
fn people_may_be_brief() {
    means(r#"{"L":[{"U4":1},{"A":"x"}]}"#, &Item::list([Item::u4(1), Item::ascii("x")]));
    means(r#"{"u8":18446744073709551615}"#, &Item::u8(u64::MAX));
    means(r#"{"B":[1,"0xff"]}"#, &Item::binary([1, 255]));
    means(r#"{"B":7}"#, &Item::binary([7]));
    means(r#"{"BOOL":true}"#, &Item::boolean(true));
    means(r#"{"Boolean":["T",0]}"#, &Item::booleans([true, false]));
    means(r#"{"C2":"Küche"}"#, &Item::localized(2, "Küche"));
    means(r#"{"W":[1]}"#, &Item::localized(1, ""));
    means(r#"{"F8":1}"#, &Item::f8(1.0));
    means(r#"{"F4":["0.1"]}"#, &Item::f4(0.1));
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, message) in [
        ("7", "expected an item such as {\"A\": \"text\"}, found 7"),
        (r#"[[],[{"U1":[1,256]}]]"#, "[1] [0] U1: expected a number from 0 to 255, found 256"),
        (r#"{"I2":1.5}"#, "I2: expected a number from -32768 to 32767, found 1.5"),
        (
            r#"{"U9":1}"#,
            "expected L, B, BOOLEAN, A, J, C2, I1 to I8, U1 to U8, F4 or F8, found `U9`",
        ),
        (r#"{"A":"x","B":""}"#, "expected one format, found 2 keys"),
        (r#"{"L":{}}"#, "L: expected an array of items, found {}"),
        (r#"{"A":[[1]]}"#, "A: expected text in quotes or a byte, found [1]"),
        (r#"{"B":"0g"}"#, "B: `g` is not a hex digit"),
        (r#"{"F4":1e39}"#, "F4: expected a number within F4, NaN or inf, found 1e+39"),
        (r#"{"C2":["x"]}"#, "C2: expected a number from 0 to 65535, found \"x\""),
    ] {
        assert!(wrong(text).starts_with(message), "{text}: {}", wrong(text));
    }
}

#[test]
fn items_as_deep_as_can_be_come_back_inside_other_json() {
    let deepest = (0..100).fold(Item::u4(1), |inner, _| Item::list([inner]));
    let json = json!({ "record": { "message": [{ "item": deepest }] } }).to_string();
    let value: serde_json::Value = serde_json::from_str(&json).expect("not too deep");
    let item = value["record"]["message"][0]["item"].clone();
    assert_eq!(serde_json::from_value(item).ok(), Some(deepest));
    assert!(read(&("[".repeat(101) + &"]".repeat(101))).is_err(), "deeper than an item can be");
}

proptest! {
    #[test]
    fn any_item_comes_back(item in any_item()) {
        prop_assert_eq!(read(&written(&item)), Ok(item.clone()));
        let value = serde_json::to_value(&item).expect("items are JSON");
        prop_assert_eq!(serde_json::from_value(value).ok(), Some(item));
    }

    #[test]
    fn any_floats_keep_their_bits(singles: Vec<u32>, doubles: Vec<u64>) {
        let singles = Item::f4s(singles.into_iter().map(f32::from_bits));
        let doubles = Item::f8s(doubles.into_iter().map(f64::from_bits));
        prop_assert_eq!(read(&written(&singles)), Ok(singles));
        prop_assert_eq!(read(&written(&doubles)), Ok(doubles));
    }
}
