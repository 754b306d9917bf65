//! What must hold of any item and of any bytes.
use bytes::Bytes;
use proptest::prelude::*;
use proto::{
    secs2::{Item, Limits, encode},
    testing::secs2::any_text,
};

use crate::support::any_item;

proptest! {
    #[test]
    fn any_item_comes_back_from_its_bytes(item in any_item()) {
        let text = encode(&item);
        prop_assert_eq!(text.len(), item.encoded_len());
        prop_assert_eq!(Item::decode(&text, &Limits::default()), Ok(Some(item.clone())));
        prop_assert_eq!(Item::decode_slice(&text, &Limits::default()), Ok(Some(item)));
    }

    #[test]
    fn no_bytes_confuse_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        any_text(&bytes);
    }

    #[test]
    fn a_cut_text_is_no_item(item in any_item(), cut in any::<prop::sample::Index>()) {
        let text = encode(&item);
        let cut = cut.index(text.len());
        let decoded = Item::decode(&text.slice(..cut), &Limits::default());
        prop_assert_eq!(decoded.is_err(), cut > 0, "{:?}", decoded);
    }

    #[test]
    fn a_flipped_bit_gives_an_item_or_an_error(
        item in any_item(),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let mut text = encode(&item).to_vec();
        let at = at.index(text.len());
        text[at] ^= 1u8 << bit;
        any_text(&text);
        let decoded = Item::decode(&Bytes::from(text), &Limits::default());
        prop_assert_ne!(decoded, Ok(Some(item)));
    }
}
