//! The texts of messages taken apart, and put together within bounds.
use crate::secs2::{Body, Format, Item, MAX_DEPTH};

/// Why a primary gets no ordinary reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// S9F3: nothing in this stream is known.
    Stream,
    /// S9F5: this function is not.
    Function,
    /// S9F7: the text is not what the standard says.
    Data,
    /// SxF0: the reply would be longer than any host takes.
    Long,
}

pub(super) type Read<T> = Result<T, Refusal>;

/// The longest reply or report, in bytes; what hosts commonly take.
pub(super) const LONGEST: usize = 16_777_216;
/// The most bytes of a value the host can leave with us.
const MAX_VALUE: usize = 65_536;
/// The deepest value that still fits into every message that tells values.
const MAX_VALUE_DEPTH: usize = MAX_DEPTH - 10;

/// No text; an empty list, which some send instead, is as good.
pub(super) fn nothing(text: Option<&Item>) -> Read<()> {
    let empty = text.is_none_or(|item| item.items() == Some(&[]));
    empty.then_some(()).ok_or(Refusal::Data)
}

pub(super) fn some(text: Option<&Item>) -> Read<&Item> {
    text.ok_or(Refusal::Data)
}

pub(super) fn list(item: &Item) -> Read<&[Item]> {
    item.items().ok_or(Refusal::Data)
}

/// A list of names. What can be none is answered like one that nothing has, but for lists: they would
/// make the reply deeper than the question.
pub(super) fn asked(text: Option<&Item>) -> Read<&[Item]> {
    let all = list(some(text)?)?;
    let flat = all.iter().all(|item| item.items().is_none());
    flat.then_some(all).ok_or(Refusal::Data)
}

/// A list of exactly so many items.
pub(super) fn fields<const N: usize>(item: &Item) -> Read<&[Item; N]> {
    list(item)?.try_into().map_err(|_| Refusal::Data)
}

/// A single byte, as codes are.
pub(super) fn byte(item: &Item) -> Read<u8> {
    match (item.format(), item.bytes()) {
        (Format::Binary | Format::U1, [byte]) => Ok(*byte),
        _ => Err(Refusal::Data),
    }
}

/// A truth value; some send a byte instead.
pub(super) fn truth(item: &Item) -> Read<bool> {
    item.as_bool().map_or_else(|| byte(item).map(|byte| byte != 0), Ok)
}

pub(super) fn text(item: &Item) -> Read<&str> {
    item.as_str().ok_or(Refusal::Data)
}

pub(super) fn number(item: &Item) -> Read<u64> {
    item.as_u64().ok_or(Refusal::Data)
}

/// The names in a list, or in an array of numbers as older hosts have it.
pub(super) fn names(item: &Item) -> Read<impl Iterator<Item = Item> + '_> {
    let format = item.format();
    match format {
        Format::List | Format::Ascii | Format::Jis8 => {}
        Format::I1 | Format::I2 | Format::I4 | Format::I8 => {}
        Format::U1 | Format::U2 | Format::U4 | Format::U8 => {}
        Format::Binary | Format::Boolean | Format::Localized => return Err(Refusal::Data),
        Format::F4 | Format::F8 => return Err(Refusal::Data),
    }
    let whole = matches!(format, Format::Ascii | Format::Jis8);
    let size = if whole { item.bytes().len().max(1) } else { format.unit() };
    let single = move |bytes: &[u8]| Item::new(format, bytes.to_vec()).expect("whole values");
    let listed = if format == Format::List { asked(Some(item))? } else { &[] }.iter().cloned();
    Ok(listed.chain(item.bytes().chunks(size).map(single)))
}

/// A code on its own, as most replies are.
pub(super) fn code(code: u8) -> Item {
    Item::binary([code])
}

/// A list of what may have no end.
pub(super) fn gather(items: impl IntoIterator<Item = Item>) -> Read<Item> {
    let mut size = 0;
    let mut all = Vec::new();
    for item in items {
        size += item.encoded_len();
        if size > LONGEST {
            return Err(Refusal::Long);
        }
        all.push(item);
    }
    Item::try_list(all).map_err(|_| Refusal::Long)
}

/// Whether a value is small enough to be kept.
pub(super) fn small(item: &Item) -> bool {
    item.depth() <= MAX_VALUE_DEPTH && item.encoded_len() <= MAX_VALUE
}

/// A copy that does not keep the message alive in which the item came.
pub(super) fn kept(item: &Item) -> Item {
    Body::from(item).item().expect("the text of an item")
}

/// An item as people read it; a long one only by its size.
pub(super) fn brief(item: &Item) -> String {
    match item.encoded_len() {
        0..=1024 => item.to_string(),
        bytes => format!("<{} .. {bytes} bytes>", item.format().sml()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_lists_and_in_arrays() {
        let of = |item: Item| names(&item).map(|names| names.collect::<Vec<_>>());
        let both = vec![Item::u2(1), Item::u2(2)];
        assert_eq!(of(Item::list(both.clone())).as_ref(), Ok(&both));
        assert_eq!(of(Item::u2s([1, 2])), Ok(both));
        assert_eq!(of(Item::ascii("ABC")), Ok(vec![Item::ascii("ABC")]));
        assert_eq!(of(Item::ascii("")), Ok(vec![]));
        assert_eq!(of(Item::f4(1.0)), Err(Refusal::Data));
    }

    #[test]
    fn what_has_no_end_is_not_gathered() {
        let many = std::iter::repeat(Item::ascii("x".repeat(1000)));
        assert_eq!(gather(many), Err(Refusal::Long));
    }
}
