//! Items of any kind, and bytes as people write them.
use bytes::Bytes;
use proptest::prelude::*;
use proto::{
    secs2::{DecodeError, Format, Item, Limits},
    session::hex,
};

pub(crate) fn bytes(hex: &str) -> Bytes {
    hex::decode(hex).expect("hex")
}

pub(crate) fn decode(text: &Bytes) -> Result<Option<Item>, DecodeError> {
    Item::decode(text, &Limits::default())
}

/// The item these bytes are.
pub(crate) fn item(hex: &str) -> Item {
    decode(&bytes(hex)).expect("sound").expect("an item")
}

/// Any item: every format, empty ones, ones too long for a node, lists within lists.
pub(crate) fn any_item() -> impl Strategy<Value = Item> {
    any_leaf().prop_recursive(5, 60, 6, |inner| {
        proptest::collection::vec(inner, 0..6).prop_map(Item::list)
    })
}

fn any_leaf() -> impl Strategy<Value = Item> {
    let payload = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..40),
        2 => "[ -~]{0,30}".prop_map(String::into_bytes),
        1 => "\\PC{0,9}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 250..300),
    ];
    (proptest::sample::select(&Format::ALL[1..]), payload).prop_map(|(format, mut payload)| {
        payload.truncate(payload.len() / format.unit() * format.unit());
        if format == Format::Localized && payload.len() == 1 {
            payload.clear();
        }
        Item::new(format, payload).expect("whole values")
    })
}
