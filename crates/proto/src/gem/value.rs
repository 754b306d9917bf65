//! Values as files spell them: bare where the format is plain, else in a table under the name of the
//! format.
use serde::Deserialize;
use serde_json::Value as Json;

use crate::secs2::{Format, Item};

/// An item in a file: `"RUN"` is A, `true` BOOLEAN, `7` U4, `-7` I4, `0.5` F8; anything else names its
/// format, as `{ F4 = 25.5 }`, `{ U1 = [1, 2] }` or `{ L = ["a", { B = [0, 255] }] }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Json")]
pub struct Value(pub(super) Item);

impl TryFrom<Json> for Value {
    type Error = String;
    fn try_from(json: Json) -> Result<Self, String> {
        read(&json).map(Self)
    }
}

impl From<Item> for Value {
    fn from(item: Item) -> Self {
        Self(item)
    }
}

/// The format of this name in SML.
pub(super) fn format(name: &str) -> Result<Format, String> {
    let found = Format::ALL.into_iter().find(|format| format.sml() == name);
    found.ok_or_else(|| {
        let all = Format::ALL.map(Format::sml).join(", ");
        format!("no format is called `{name}`; there are {all}")
    })
}

fn read(json: &Json) -> Result<Item, String> {
    match json {
        Json::Null => Err("null is no value; leave it out".into()),
        Json::Bool(truth) => Ok(Item::boolean(*truth)),
        Json::String(text) => with_format(Format::Ascii, &text.as_str().into()),
        Json::Number(number) => Ok(bare(number)),
        Json::Array(_) => {
            Err("a bare list has no format; write { L = [..] } or { U4 = [..] }".into())
        }
        Json::Object(table) => match table.iter().collect::<Vec<_>>()[..] {
            [(name, value)] => with_format(format(name)?, value),
            _ => Err("a table names one format, as in { F4 = 25.5 }".into()),
        },
    }
}

fn bare(number: &serde_json::Number) -> Item {
    if let Some(n) = number.as_u64() {
        return u32::try_from(n).map_or_else(|_| Item::u8(n), Item::u4);
    }
    if let Some(n) = number.as_i64() {
        return i32::try_from(n).map_or_else(|_| Item::i8(n), Item::i4);
    }
    Item::f8(number.as_f64().unwrap_or(f64::NAN))
}

fn with_format(format: Format, json: &Json) -> Result<Item, String> {
    let wrong = |problem: crate::secs2::BuildError| problem.to_string();
    match (format, json) {
        (Format::List, Json::Array(items)) => {
            Item::try_list(items.iter().map(read).collect::<Result<Vec<_>, _>>()?).map_err(wrong)
        }
        (Format::List, _) => Err("L holds a list".into()),
        (Format::Ascii | Format::Jis8, Json::String(text)) => {
            Item::new(format, text.clone().into_bytes()).map_err(wrong)
        }
        (Format::Localized, Json::String(text)) => {
            // UTF-8, which is what a file is in.
            Item::new(format, [&[0, 2], text.as_bytes()].concat()).map_err(wrong)
        }
        (_, Json::Array(values)) => values_of(format, values),
        (_, value) => values_of(format, std::slice::from_ref(value)),
    }
}

fn values_of(format: Format, values: &[Json]) -> Result<Item, String> {
    let words: Vec<String> = values.iter().map(word).collect::<Result<_, _>>()?;
    words_of(format, words.iter().map(String::as_str))
}

fn word(json: &Json) -> Result<String, String> {
    match json {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(truth) => Ok(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(format!("{json} is no single value")),
    }
}

/// Values of a format from one word each.
fn words_of<'a>(format: Format, words: impl Iterator<Item = &'a str>) -> Result<Item, String> {
    let mut bytes = Vec::new();
    for word in words {
        push(format, word, &mut bytes)
            .ok_or_else(|| format!("`{word}` is no value of {}", format.sml()))?;
    }
    Item::new(format, bytes).map_err(|problem| problem.to_string())
}

fn push(format: Format, word: &str, bytes: &mut Vec<u8>) -> Option<()> {
    macro_rules! number {
        ($number:ty) => {
            bytes.extend(word.parse::<$number>().ok()?.to_be_bytes())
        };
    }
    match format {
        Format::List | Format::Ascii | Format::Jis8 | Format::Localized => return None,
        Format::Binary => bytes.push(match word.strip_prefix("0x") {
            Some(hex) => u8::from_str_radix(hex, 16).ok()?,
            None => word.parse().ok()?,
        }),
        Format::Boolean => bytes.push(match word.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => 1,
            "false" | "f" | "0" => 0,
            _ => return None,
        }),
        Format::I1 => number!(i8),
        Format::I2 => number!(i16),
        Format::I4 => number!(i32),
        Format::I8 => number!(i64),
        Format::U1 => number!(u8),
        Format::U2 => number!(u16),
        Format::U4 => number!(u32),
        Format::U8 => number!(u64),
        Format::F4 => number!(f32),
        Format::F8 => number!(f64),
    }
    Some(())
}

/// What a person types for any item: JSON as in a file, or nothing at all.
pub(super) fn any(text: &str) -> Result<Option<Item>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let json = serde_json::from_str(text).map_err(|problem| problem.to_string())?;
    read(&json).map(Some)
}

/// The same numbers in another format, if they fit.
pub(super) fn convert(item: &Item, format: Format) -> Option<Item> {
    let words: Vec<String> = item.numbers().map(|number| number.to_string()).collect();
    words_of(format, words.iter().map(String::as_str)).ok()
}

/// What a person types for a value that was in this format: text as it is, else a word for each value,
/// or `{..}` as in a file.
pub(super) fn typed(text: &str, format: Format) -> Result<Item, String> {
    if text.starts_with('{') {
        let json = serde_json::from_str(text).map_err(|problem| problem.to_string())?;
        return read(&json);
    }
    match format {
        Format::Ascii | Format::Jis8 | Format::Localized => with_format(format, &text.into()),
        Format::List => Err("a list is written as {\"L\": [..]}".into()),
        Format::Binary | Format::Boolean => words_of(format, text.split_whitespace()),
        Format::I1 | Format::I2 | Format::I4 | Format::I8 => {
            words_of(format, text.split_whitespace())
        }
        Format::U1 | Format::U2 | Format::U4 | Format::U8 => {
            words_of(format, text.split_whitespace())
        }
        Format::F4 | Format::F8 => words_of(format, text.split_whitespace()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_files_spell_them() {
        let read =
            |json: &str| serde_json::from_str::<Value>(json).map(|value| value.0.to_string());
        for (written, item) in [
            ("\"RUN\"", "<A \"RUN\">"),
            ("true", "<BOOLEAN TRUE>"),
            ("7", "<U4 7>"),
            ("-7", "<I4 -7>"),
            ("5000000000", "<U8 5000000000>"),
            ("0.5", "<F8 0.5>"),
            (r#"{"F4": 25.5}"#, "<F4 25.5>"),
            (r#"{"U1": [1, 2]}"#, "<U1 1 2>"),
            (r#"{"B": ["0x1f", 2]}"#, "<B 0x1F 0x02>"),
            (r#"{"L": ["a", {"L": []}]}"#, "<L [2] <A \"a\"> <L [0]>>"),
            (r#"{"F8": "NaN"}"#, "<F8 NaN>"),
        ] {
            assert_eq!(read(written).unwrap(), item);
        }
        for wrong in ["null", "[1]", "{}", r#"{"U1": 256}"#, r#"{"X": 1}"#, r#"{"L": 1}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_typed_takes_the_format_that_was_there() {
        assert_eq!(typed("25.5", Format::F4), Ok(Item::f4(25.5)));
        assert_eq!(typed("two words", Format::Ascii), Ok(Item::ascii("two words")));
        assert_eq!(typed("1 2", Format::U2), Ok(Item::u2s([1, 2])));
        assert_eq!(typed(r#"{"I1": -1}"#, Format::Ascii), Ok(Item::i1(-1)));
        assert!(typed("hot", Format::F4).is_err());
    }
}
