//! Items as JSON that Python and JavaScript read without loss, and people write without counting.
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::Error,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Map, Value};

use super::{Format, Item, Number, sml, word};
use crate::session::hex;

/// The largest integer that every reader of JSON has exactly: 2^53 - 1.
const EXACT: u64 = (1 << 53) - 1;

/// | item | JSON |
/// |---|---|
/// | list | `[{"A": "x"}, {"U4": [1]}]` |
/// | B | `{"B": "0a ff"}`, hex |
/// | BOOLEAN | `{"BOOLEAN": [true, 255]}`, a number where TRUE is not `01` |
/// | A, J | `{"A": "text"}`; `{"A": ["caf", 233]}` where bytes are no UTF-8 |
/// | C2 | `{"C2": [2, "text"]}`, the number of the encoding first |
/// | numbers | `{"U4": [1, 2]}`; beyond 2^53 as strings, and so are `"NaN"` and `"inf"` |
impl Serialize for Item {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if let Some(items) = self.items() {
            return s.collect_seq(items);
        }
        let mut object = s.serialize_map(Some(1))?;
        object.serialize_entry(self.format().sml(), &Payload(self))?;
        object.end()
    }
}

struct Payload<'a>(&'a Item);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.bytes();
        match self.0.format() {
            Format::List | Format::Binary => s.serialize_str(&hex::encode(bytes)),
            Format::Boolean => s.collect_seq(bytes.iter().map(|byte| Truth(*byte))),
            Format::Ascii | Format::Jis8 => match str::from_utf8(bytes) {
                Ok(text) => s.serialize_str(text),
                Err(_) => s.collect_seq(parts(bytes)),
            },
            Format::Localized => match bytes.split_first_chunk() {
                Some((encoding, text)) => {
                    let encoding = Part::Number(u16::from_be_bytes(*encoding));
                    s.collect_seq(std::iter::once(encoding).chain(parts(text)))
                }
                None => s.serialize_seq(Some(0))?.end(),
            },
            Format::I1 | Format::I2 | Format::I4 | Format::I8 => s.collect_seq(self.0.numbers()),
            Format::U1 | Format::U2 | Format::U4 | Format::U8 => s.collect_seq(self.0.numbers()),
            Format::F4 | Format::F8 => s.collect_seq(self.0.numbers()),
        }
    }
}

struct Truth(u8);

impl Serialize for Truth {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 | 1 => s.serialize_bool(self.0 == 1),
            byte => s.serialize_u8(byte),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Part<'a> {
    Text(&'a str),
    Number(u16),
}

/// What is text as text, and what is not byte by byte.
fn parts(bytes: &[u8]) -> impl Iterator<Item = Part<'_>> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let text = Some(chunk.valid()).filter(|text| !text.is_empty()).map(Part::Text);
        text.into_iter().chain(chunk.invalid().iter().map(|byte| Part::Number((*byte).into())))
    })
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Unsigned(n) if n <= EXACT => s.serialize_u64(n),
            Self::Signed(n) if n.unsigned_abs() <= EXACT => s.serialize_i64(n),
            Self::Single(n) if n.is_finite() => s.serialize_f32(n),
            Self::Double(n) if n.is_finite() => s.serialize_f64(n),
            Self::Unsigned(_) | Self::Signed(_) | Self::Single(_) | Self::Double(_) => {
                s.collect_str(self)
            }
        }
    }
}

/// Reads what is written, and briefer forms: a list as `{"L": […]}`, one value without brackets, as in
/// `{"U4": 1}`, and any value as the string that SML would have.
impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        item(&Value::deserialize(d)?).map_err(D::Error::custom)
    }
}

fn item(value: &Value) -> Result<Item, String> {
    match value {
        Value::Array(items) => list(items),
        Value::Object(object) => one(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(format!("expected an item such as {{\"A\": \"text\"}}, found {}", shown(value)))
        }
    }
}

fn list(values: &[Value]) -> Result<Item, String> {
    let at = |(i, value)| item(value).map_err(|error| format!("[{i}] {error}"));
    let items: Result<Vec<_>, _> = values.iter().enumerate().map(at).collect();
    Item::try_list(items?).map_err(|error| error.to_string())
}

fn one(object: &Map<String, Value>) -> Result<Item, String> {
    let [(name, value)] = &object.iter().collect::<Vec<_>>()[..] else {
        return Err(format!("expected one format, found {} keys", object.len()));
    };
    let format =
        sml::format(name).ok_or_else(|| format!("expected {}, found `{name}`", sml::FORMATS))?;
    let item = match (format, value) {
        (Format::List, Value::Array(items)) => list(items),
        (Format::List, _) => Err(format!("expected an array of items, found {}", shown(value))),
        _ => payload(format, value),
    };
    item.map_err(|error| format!("{name}: {error}"))
}

fn payload(format: Format, value: &Value) -> Result<Item, String> {
    let mut bytes = Vec::new();
    match (format, value) {
        (Format::Binary, Value::String(text)) => bytes = hex::decode(text)?.into(),
        (Format::Localized, Value::Array(values)) => localized(values, &mut bytes)?,
        (Format::Localized, value) => localized(&[2.into(), value.clone()], &mut bytes)?,
        (_, Value::Array(values)) => {
            values.iter().try_for_each(|value| put(format, value, &mut bytes))?;
        }
        (_, value) => put(format, value, &mut bytes)?,
    }
    Item::new(format, bytes).map_err(|error| error.to_string())
}

/// The number of the encoding, then text and bytes.
fn localized(values: &[Value], bytes: &mut Vec<u8>) -> Result<(), String> {
    let [encoding, parts @ ..] = values else { return Ok(()) };
    put(Format::U2, encoding, bytes)?;
    parts.iter().try_for_each(|part| put(Format::Localized, part, bytes))
}

fn put(format: Format, value: &Value, bytes: &mut Vec<u8>) -> Result<(), String> {
    let texts = matches!(format, Format::Ascii | Format::Jis8 | Format::Localized);
    let put = match value {
        Value::String(text) if texts => {
            bytes.extend_from_slice(text.as_bytes());
            Some(())
        }
        Value::String(word) => word::put(format, word, bytes),
        Value::Bool(_) | Value::Number(_) => word::put(format, &value.to_string(), bytes),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    put.ok_or_else(|| format!("expected {}, found {}", word::expected(format), shown(value)))
}

/// Enough of it to find it again.
fn shown(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}
