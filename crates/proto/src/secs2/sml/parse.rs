//! SML to messages and items: quotes or none, counts or none, names or none.
use std::str::FromStr;

use super::{Message, SmlError, cursor::Cursor};
use crate::secs2::{BuildError, Format, Item, MAX_DEPTH, word};

/// Any number of messages. A full stop ends each; the last may go without.
pub fn parse(text: &str) -> Result<Vec<Message>, SmlError> {
    let mut cursor = Cursor::new(text)?;
    let mut messages = Vec::new();
    while !cursor.rest().is_empty() {
        messages.push(message(&mut cursor)?);
    }
    Ok(messages)
}

/// Exactly one message.
pub fn parse_message(text: &str) -> Result<Message, SmlError> {
    let mut cursor = Cursor::new(text)?;
    let message = message(&mut cursor)?;
    end(cursor)?;
    Ok(message)
}

/// Exactly one item.
pub fn parse_item(text: &str) -> Result<Item, SmlError> {
    let mut cursor = Cursor::new(text)?;
    let item = item(&mut cursor, 0)?;
    end(cursor)?;
    Ok(item)
}

impl FromStr for Message {
    type Err = SmlError;

    fn from_str(text: &str) -> Result<Self, SmlError> {
        parse_message(text)
    }
}

impl FromStr for Item {
    type Err = SmlError;

    fn from_str(text: &str) -> Result<Self, SmlError> {
        parse_item(text)
    }
}

fn end(mut cursor: Cursor<'_>) -> Result<(), SmlError> {
    if cursor.rest().is_empty() { Ok(()) } else { Err(cursor.expected("nothing more")) }
}

fn message(cursor: &mut Cursor<'_>) -> Result<Message, SmlError> {
    let name = name(cursor);
    let (stream, function) = stream_function(cursor)?;
    let wait = wait(cursor);
    let item = if cursor.rest().starts_with('<') { Some(item(cursor, 0)?) } else { None };
    if !cursor.eat('.') && !cursor.rest().is_empty() {
        return Err(cursor.expected(match (wait, &item) {
            (_, Some(_)) => "`.`",
            (true, None) => "an item or `.`",
            (false, None) => "`W`, an item or `.`",
        }));
    }
    Ok(Message { name, stream, function, wait, item })
}

/// A word with a colon after it.
fn name(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut ahead = cursor.clone();
    let name = Some(ahead.word()).filter(|word| !word.is_empty())?;
    ahead.eat(':').then(|| {
        *cursor = ahead;
        name.to_owned()
    })
}

/// `S1F13`, or in quotes.
fn stream_function(cursor: &mut Cursor<'_>) -> Result<(u8, u8), SmlError> {
    const EXPECTED: &str = "a stream and a function, S0F0 to S127F255";
    let mut ahead = cursor.clone();
    let quote = ['"', '\''].into_iter().find(|quote| ahead.eat(*quote));
    let word = ahead.word();
    let plain = word.strip_suffix('.').unwrap_or(word);
    let Some(found) = numbers(plain) else { return Err(cursor.expected(EXPECTED)) };
    if let Some(quote) = quote {
        ahead.expect(quote)?;
    }
    ahead.at -= word.len() - plain.len();
    *cursor = ahead;
    Ok(found)
}

fn numbers(word: &str) -> Option<(u8, u8)> {
    let (stream, function) = word.strip_prefix(['S', 's'])?.split_once(['F', 'f'])?;
    let number = |digits: &str| {
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u8>().ok()).flatten()
    };
    Some((number(stream).filter(|stream| *stream < 128)?, number(function)?))
}

/// Whether a `W` comes next, and the full stop perhaps right behind it.
fn wait(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    let word = ahead.word();
    let wait = matches!(word.strip_suffix('.').unwrap_or(word), "W" | "w");
    if wait {
        cursor.rest();
        cursor.at += 1;
    }
    wait
}

fn item(cursor: &mut Cursor<'_>, depth: usize) -> Result<Item, SmlError> {
    cursor.expect('<')?;
    let mut ahead = cursor.clone();
    let format = format(ahead.word()).ok_or_else(|| cursor.expected(FORMATS))?;
    *cursor = ahead;
    let count = count(cursor)?;
    cursor.rest();
    let start = cursor.at;
    let item = if format == Format::List { list(cursor, depth)? } else { payload(cursor, format)? };
    match count {
        Some(count) if count != item.count() => {
            let expected = format!("{count} in this {}, as it says", format.sml());
            Err(cursor.wrong(start, expected, item.count().to_string()))
        }
        _ => Ok(item),
    }
}

/// The names of formats.
pub(in crate::secs2) const FORMATS: &str = "L, B, BOOLEAN, A, J, C2, I1 to I8, U1 to U8, F4 or F8";

/// The format of this name, or of another it goes by.
pub(in crate::secs2) fn format(name: &str) -> Option<Format> {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if is("BOOL") {
        return Some(Format::Boolean);
    }
    if is("W") {
        return Some(Format::Localized);
    }
    Format::ALL.into_iter().find(|format| is(format.sml()))
}

/// `[2]`. Some write the number of length bytes as well, `[2/1]`, which is up to us.
fn count(cursor: &mut Cursor<'_>) -> Result<Option<usize>, SmlError> {
    if !cursor.eat('[') {
        return Ok(None);
    }
    let count = number(cursor)?;
    if cursor.eat('/') {
        number(cursor)?;
    }
    cursor.expect(']')?;
    Ok(Some(count))
}

fn number(cursor: &mut Cursor<'_>) -> Result<usize, SmlError> {
    let mut ahead = cursor.clone();
    let number = ahead.word().parse().map_err(|_| cursor.expected("a count"))?;
    *cursor = ahead;
    Ok(number)
}

fn list(cursor: &mut Cursor<'_>, depth: usize) -> Result<Item, SmlError> {
    let start = cursor.at;
    if depth == MAX_DEPTH {
        return Err(cursor.expected(format!("at most {MAX_DEPTH} lists within each other")));
    }
    let mut items = Vec::new();
    while !cursor.eat('>') {
        if !cursor.rest().starts_with('<') {
            return Err(cursor.expected("`<` or `>`"));
        }
        items.push(item(cursor, depth + 1)?);
    }
    Item::try_list(items).map_err(|error| cursor.wrong(start, "fewer items", error.to_string()))
}

fn payload(cursor: &mut Cursor<'_>, format: Format) -> Result<Item, SmlError> {
    let start = cursor.at;
    let mut bytes = Vec::new();
    if format == Format::Localized && !cursor.rest().starts_with('>') {
        bytes.extend_from_slice(&encoding(cursor).to_be_bytes());
    }
    while !cursor.eat('>') {
        value(cursor, format, &mut bytes)?;
    }
    let long = |error: BuildError| cursor.wrong(start, "fewer values", error.to_string());
    Item::new(format, bytes).map_err(long)
}

/// In decimal, before the text. Without one it is UTF-8.
fn encoding(cursor: &mut Cursor<'_>) -> u16 {
    const UTF_8: u16 = 2;
    let mut ahead = cursor.clone();
    let Ok(encoding) = ahead.word().parse() else { return UTF_8 };
    *cursor = ahead;
    encoding
}

fn value(cursor: &mut Cursor<'_>, format: Format, bytes: &mut Vec<u8>) -> Result<(), SmlError> {
    let texts = matches!(format, Format::Ascii | Format::Jis8 | Format::Localized);
    let mut ahead = cursor.clone();
    if texts && let Some(text) = ahead.quoted()? {
        bytes.extend_from_slice(text.as_bytes());
    } else {
        word::put(format, ahead.word(), bytes)
            .ok_or_else(|| cursor.expected(word::expected(format) + ", or `>`"))?;
    }
    *cursor = ahead;
    Ok(())
}
