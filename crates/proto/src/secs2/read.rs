//! Values from items.
use super::{Format, Item};

/// One value of a numeric item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// From U1 to U8.
    Unsigned(u64),
    /// From I1 to I8.
    Signed(i64),
    /// From F4.
    Single(f32),
    /// From F8.
    Double(f64),
}

impl Item {
    /// The text of an A or J, or of a localized text in ISO 646 or UTF-8, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        let text = match self.format() {
            Format::Ascii | Format::Jis8 => self.bytes(),
            Format::Localized => {
                self.bytes().strip_prefix(&[0, 2]).or_else(|| self.bytes().strip_prefix(&[0, 3]))?
            }
            Format::List | Format::Binary | Format::Boolean => return None,
            Format::I1 | Format::I2 | Format::I4 | Format::I8 => return None,
            Format::U1 | Format::U2 | Format::U4 | Format::U8 => return None,
            Format::F4 | Format::F8 => return None,
        };
        str::from_utf8(text).ok()
    }

    /// The truth of a single boolean: any byte but zero is true.
    pub fn as_bool(&self) -> Option<bool> {
        let [byte] = self.bytes() else { return None };
        (self.format() == Format::Boolean).then_some(*byte != 0)
    }

    /// The value of a single integer of any size, if it is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self.number()? {
            Number::Unsigned(n) => Some(n),
            Number::Signed(n) => n.try_into().ok(),
            Number::Single(_) | Number::Double(_) => None,
        }
    }

    /// The value of a single integer of any size, if it is not too large.
    pub fn as_i64(&self) -> Option<i64> {
        match self.number()? {
            Number::Unsigned(n) => n.try_into().ok(),
            Number::Signed(n) => Some(n),
            Number::Single(_) | Number::Double(_) => None,
        }
    }

    /// The value of a single number of any format; large integers are rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self.number()? {
            Number::Unsigned(n) => Some(n as f64),
            Number::Signed(n) => Some(n as f64),
            Number::Single(n) => Some(n.into()),
            Number::Double(n) => Some(n),
        }
    }

    /// Its values, if it is numeric; none otherwise.
    pub fn numbers(&self) -> impl Iterator<Item = Number> + '_ {
        let format = self.format();
        self.bytes().chunks_exact(format.unit()).map_while(move |bytes| number(format, bytes))
    }

    /// How many values it holds: items of a list, bytes of a text.
    pub fn count(&self) -> usize {
        self.items().map_or_else(|| self.bytes().len() / self.format().unit(), <[_]>::len)
    }

    fn number(&self) -> Option<Number> {
        let mut numbers = self.numbers();
        numbers.next().filter(|_| numbers.next().is_none())
    }
}

/// One value of a numeric format from just its bytes.
fn number(format: Format, bytes: &[u8]) -> Option<Number> {
    Some(match format {
        Format::List
        | Format::Binary
        | Format::Boolean
        | Format::Ascii
        | Format::Jis8
        | Format::Localized => return None,
        Format::I1 => Number::Signed(i8::from_be_bytes(whole(bytes)).into()),
        Format::I2 => Number::Signed(i16::from_be_bytes(whole(bytes)).into()),
        Format::I4 => Number::Signed(i32::from_be_bytes(whole(bytes)).into()),
        Format::I8 => Number::Signed(i64::from_be_bytes(whole(bytes))),
        Format::U1 => Number::Unsigned(u8::from_be_bytes(whole(bytes)).into()),
        Format::U2 => Number::Unsigned(u16::from_be_bytes(whole(bytes)).into()),
        Format::U4 => Number::Unsigned(u32::from_be_bytes(whole(bytes)).into()),
        Format::U8 => Number::Unsigned(u64::from_be_bytes(whole(bytes))),
        Format::F4 => Number::Single(f32::from_be_bytes(whole(bytes))),
        Format::F8 => Number::Double(f64::from_be_bytes(whole(bytes))),
    })
}

fn whole<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a chunk of the format's unit")
}
