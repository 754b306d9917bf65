//! Values as files and people spell them: bare where the format is plain, else as SML or JSON.
use serde::Deserialize;
use serde_json::Value as Json;

use crate::secs2::{Format, Item};

/// An item in a file: `"RUN"` is A, `true` BOOLEAN, `7` U4, `-7` I4, `0.5` F8. Anything else says its
/// format, as SML, `"<U1 1 2>"`, or in the JSON of items, `{ F4 = 25.5 }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Json")]
pub struct Value(pub(super) Item);

impl TryFrom<Json> for Value {
    type Error = String;
    fn try_from(json: Json) -> Result<Self, String> {
        Ok(Self(match json {
            Json::Null => return Err("null is no value; leave it out".into()),
            Json::Bool(truth) => Item::boolean(truth),
            Json::Number(number) => bare(&number),
            Json::String(text) => typed(&text, Format::Ascii)?,
            Json::Array(_) | Json::Object(_) => {
                Item::deserialize(json).map_err(|problem| problem.to_string())?
            }
        }))
    }
}

impl From<Item> for Value {
    fn from(item: Item) -> Self {
        Self(item)
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

/// The format of this name in SML.
pub(super) fn format(name: &str) -> Result<Format, String> {
    let found = Format::ALL.into_iter().find(|format| format.sml() == name);
    found.ok_or_else(|| {
        let all = Format::ALL.map(Format::sml).join(", ");
        format!("no format is called `{name}`; there are {all}")
    })
}

/// What a person types for a value of this format: text as it is, else a word for each value; or SML
/// for one of any format.
pub(super) fn typed(text: &str, format: Format) -> Result<Item, String> {
    if text.starts_with('<') {
        return text.parse().map_err(wrong);
    }
    match format {
        Format::Ascii | Format::Jis8 => {
            Item::new(format, text.to_owned().into_bytes()).map_err(|problem| problem.to_string())
        }
        Format::List | Format::Localized => Err("it has to be written as SML, `<L ..>`".into()),
        Format::Binary | Format::Boolean | Format::F4 | Format::F8 => words(format, text),
        Format::I1 | Format::I2 | Format::I4 | Format::I8 => words(format, text),
        Format::U1 | Format::U2 | Format::U4 | Format::U8 => words(format, text),
    }
}

/// The same numbers in another format, if they fit.
pub(super) fn convert(item: &Item, format: Format) -> Option<Item> {
    let all: Vec<String> = item.numbers().map(|number| number.to_string()).collect();
    words(format, &all.join(" ")).ok()
}

fn words(format: Format, words: &str) -> Result<Item, String> {
    format!("<{} {words}>", format.sml()).parse().map_err(wrong)
}

fn wrong(problem: crate::secs2::sml::SmlError) -> String {
    problem.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_files_spell_them() {
        let read = |json: &str| serde_json::from_str::<Value>(json).map(|v| v.0.to_string());
        for (written, item) in [
            ("\"RUN\"", "<A \"RUN\">"),
            ("true", "<BOOLEAN TRUE>"),
            ("7", "<U4 7>"),
            ("-7", "<I4 -7>"),
            ("5000000000", "<U8 5000000000>"),
            ("0.5", "<F8 0.5>"),
            (r#"{"F4": 25.5}"#, "<F4 25.5>"),
            (r#""<U1 1 2>""#, "<U1 1 2>"),
            (r#"{"L": [{"A": "a"}, {"L": []}]}"#, "<L [2] <A \"a\"> <L [0]>>"),
        ] {
            assert_eq!(read(written).unwrap(), item);
        }
        for wrong in ["null", "[1]", "{}", r#"{"U1": 256}"#, r#""<U1 256>""#, r#"{"L": 1}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_typed_takes_the_format_that_was_there() {
        assert_eq!(typed("25.5", Format::F4), Ok(Item::f4(25.5)));
        assert_eq!(typed("two words", Format::Ascii), Ok(Item::ascii("two words")));
        assert_eq!(typed("1 2", Format::U2), Ok(Item::u2s([1, 2])));
        assert_eq!(typed("<I1 -1>", Format::Ascii), Ok(Item::i1(-1)));
        for wrong in ["hot", "1> <F4 2", "1>"] {
            assert!(typed(wrong, Format::F4).is_err(), "{wrong}");
        }
        assert!(typed("1", Format::List).is_err());
    }

    #[test]
    fn numbers_change_their_format_where_they_fit() {
        assert_eq!(convert(&Item::i1(7), Format::U4), Some(Item::u4(7)));
        assert_eq!(convert(&Item::i1(-7), Format::U4), None);
        assert_eq!(convert(&Item::f8(1e300), Format::F4), None);
    }
}
