//! What things are called: by a number or by text, matched by value and told as they came.
use std::{
    borrow::{Borrow, Cow},
    cmp::Ordering,
    fmt,
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::secs2::{Format, Item};

/// The longest name of anything, in bytes.
const MAX_NAME: usize = 120;

/// The name of a variable, a report, an event, an alarm, a command or a recipe.
///
/// Two are the same if they read the same: U4 7, I1 7 and A "7" name one thing. What is kept beside is
/// how it was spelt.
#[derive(Clone)]
pub struct Id {
    name: Arc<str>,
    item: Item,
}

impl Id {
    /// What an item names. Nothing if it is neither one integer nor text, or absurdly long.
    pub(super) fn read(item: &Item) -> Option<Self> {
        let name = name(item)?;
        // A copy, so that it does not keep the message alive in which it came.
        let item = Item::new(item.format(), item.bytes().to_vec()).ok()?;
        Some(Self { name: name.as_ref().into(), item })
    }

    /// As it was spelt.
    pub(super) fn item(&self) -> Item {
        self.item.clone()
    }

    /// As it reads.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What an item names, see [`Id::read`].
pub(super) fn name(item: &Item) -> Option<Cow<'_, str>> {
    if matches!(item.format(), Format::Ascii | Format::Jis8) {
        return item.as_str().filter(|text| text.len() <= MAX_NAME).map(Cow::Borrowed);
    }
    let number = item.as_u64().map(|n| n.to_string());
    number.or_else(|| item.as_i64().map(|n| n.to_string())).map(Cow::Owned)
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        let item = u32::try_from(number).map_or_else(|_| Item::u8(number), Item::u4);
        Self { name: number.to_string().into(), item }
    }
}

impl FromStr for Id {
    type Err = String;
    /// Digits are a number, as they are in a file.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<u64>() {
            Ok(number) if number.to_string() == text => Ok(number.into()),
            _ => Self::try_from(text.to_owned()),
        }
    }
}

impl TryFrom<String> for Id {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(|b| (32..127).contains(&b))
        {
            return Err(format!(
                "`{}` is no name; use 1 to {MAX_NAME} characters of ASCII, or a number",
                text.escape_default()
            ));
        }
        let item = Item::ascii(&text);
        Ok(Self { name: text.into(), item })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Id {}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.name
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(d)? {
            Written::Number(number) => Ok(number.into()),
            Written::Text(text) => Self::try_from(text).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_it_reads_as_and_keeps_its_spelling() {
        let seven = [Item::u4(7), Item::i1(7), Item::u8(7), Item::ascii("7"), Item::jis8("7")];
        for item in seven {
            let id = Id::read(&item).unwrap();
            assert_eq!(id, Id::from(7));
            assert_eq!(id.item(), item);
        }
        assert_eq!(Id::read(&Item::i2(-7)).unwrap().name(), "-7");
        assert_eq!(Id::read(&Item::u8(u64::MAX)).unwrap(), Id::from(u64::MAX));
    }

    #[test]
    fn what_is_no_name_is_no_id() {
        let long = Item::ascii("x".repeat(MAX_NAME + 1));
        let none = [Item::f4(7.0), Item::list([]), Item::u4s([]), Item::u4s([7, 8]), long];
        for item in none {
            assert!(Id::read(&item).is_none(), "{item}");
        }
    }

    #[test]
    fn files_name_things_by_number_or_text() {
        let read = |json: &str| serde_json::from_str::<Id>(json).map(|id| id.item());
        assert_eq!(read("7").unwrap(), Item::u4(7));
        assert_eq!(read("5000000000").unwrap(), Item::u8(5_000_000_000));
        assert_eq!(read("\"7\"").unwrap(), Item::ascii("7"));
        assert!(read("\"\"").is_err() && read("\"\\u00e9\"").is_err() && read("-1").is_err());
    }
}
