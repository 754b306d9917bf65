//! What holds of any SECS-II text, for tests and fuzzers, and a large one.
use bytes::Bytes;

use crate::secs2::{Body, Item, Limits, Reader, encode, sml};

/// Whatever the bytes: they are refused, or they are an item that every form of it brings back.
/// Fuzzers call this.
///
/// # Panics
/// When it does not hold.
pub fn any_text(bytes: &[u8]) {
    let limits = Limits::default();
    let walked: Result<Vec<_>, _> = Reader::new(bytes, &limits).collect();
    match (walked, Item::decode_slice(bytes, &limits)) {
        (Err(walked), Err(decoded)) => assert_eq!(walked, decoded),
        (Ok(views), Ok(item)) => {
            let body = Body::new(Bytes::copy_from_slice(bytes), &limits).expect("it was decoded");
            assert_eq!(body.bytes(), bytes);
            assert_eq!(body.item(), item);
            assert_eq!(views.is_empty(), item.is_none());
            item.iter().for_each(|item| comes_back(item, &limits));
        }
        (walked, decoded) => panic!("a reader says {walked:?}, a decoder {decoded:?}"),
    }
}

fn comes_back(item: &Item, limits: &Limits) {
    let text = encode(item);
    assert_eq!(text.len(), item.encoded_len());
    assert_eq!(Item::decode(&text, limits).as_ref(), Ok(&Some(item.clone())));
    assert_eq!(item.to_string().parse().as_ref(), Ok(item));
    let json = serde_json::to_string(item).expect("items are JSON");
    assert_eq!(serde_json::from_str(&json).ok().as_ref(), Some(item));
}

/// Whatever the text: it is refused, or it is messages that either form of them brings back. Fuzzers
/// call this.
///
/// # Panics
/// When it does not hold.
pub fn any_sml(text: &str) {
    for message in sml::parse(text).unwrap_or_default() {
        assert_eq!(message.to_string().parse().as_ref(), Ok(&message));
        assert_eq!(format!("{message:#}").parse().as_ref(), Ok(&message));
    }
}

/// So many rows of numbers, text and a list. 25 000 of them make a megabyte in 175 001 items.
pub fn wafers(rows: u16) -> Item {
    Item::list((0..rows).map(|i| {
        Item::list([
            Item::u4(i.into()),
            Item::ascii(format!("WAFER-{i:06}")),
            Item::f8(f64::from(i) * 0.5),
            Item::list([Item::u2(i), Item::binary([1])]),
        ])
    }))
}
