//! Items as SML that any dialect reads: lists with their count, one item a line, text in double
//! quotes, and every byte that is not plain text as a number.
use std::fmt::{self, Display, Formatter, Write};

use super::Message;
use crate::secs2::{Format, Item, Number};

/// One line; with `{:#}` a line for each item of a list.
impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write(self, 0, f)
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

fn write(item: &Item, indent: usize, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "<{}", item.format().sml())?;
    match item.format() {
        Format::List => list(item.items().unwrap_or_default(), indent, f)?,
        Format::Binary => item.bytes().iter().try_for_each(|byte| write!(f, " 0x{byte:02X}"))?,
        Format::Boolean => item.bytes().iter().try_for_each(|byte| boolean(*byte, f))?,
        Format::Ascii | Format::Jis8 => text(item.bytes(), f)?,
        Format::Localized => localized(item.bytes(), f)?,
        Format::I1 | Format::I2 | Format::I4 | Format::I8 => numbers(item, f)?,
        Format::U1 | Format::U2 | Format::U4 | Format::U8 => numbers(item, f)?,
        Format::F4 | Format::F8 => numbers(item, f)?,
    }
    f.write_char('>')
}

fn list(items: &[Item], indent: usize, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, " [{}]", items.len())?;
    for item in items {
        line(indent + 1, f)?;
        write(item, indent + 1, f)?;
    }
    if items.is_empty() || !f.alternate() {
        return Ok(());
    }
    line(indent, f)
}

fn line(indent: usize, f: &mut Formatter<'_>) -> fmt::Result {
    match f.alternate() {
        true => write!(f, "\n{:1$}", "", indent * 2),
        false => f.write_char(' '),
    }
}

/// Whatever is neither is a byte: some say TRUE with `ff`.
fn boolean(byte: u8, f: &mut Formatter<'_>) -> fmt::Result {
    match byte {
        0 => f.write_str(" FALSE"),
        1 => f.write_str(" TRUE"),
        _ => write!(f, " 0x{byte:02X}"),
    }
}

/// Dialects disagree about backslashes and quotes within quotes, so neither stands there.
fn text(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    if bytes.is_empty() {
        return f.write_str(" \"\"");
    }
    for part in bytes.chunk_by(|a, b| plain(*a) && plain(*b)) {
        match part {
            [byte] if !plain(*byte) => write!(f, " 0x{byte:02X}")?,
            _ => write!(f, " \"{}\"", str::from_utf8(part).expect("plain text"))?,
        }
    }
    Ok(())
}

fn plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// The number of the encoding, then the text.
fn localized(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    let Some((encoding, rest)) = bytes.split_first_chunk() else { return Ok(()) };
    write!(f, " {}", u16::from_be_bytes(*encoding))?;
    text(rest, f)
}

fn numbers(item: &Item, f: &mut Formatter<'_>) -> fmt::Result {
    item.numbers().try_for_each(|number| write!(f, " {number}"))
}

/// Floats with as few digits as bring back the same bits; a NaN that is not the usual one with all
/// of its bits.
impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unsigned(n) => write!(f, "{n}"),
            Self::Signed(n) => write!(f, "{n}"),
            Self::Single(n) if odd_single(n) => write!(f, "NaN(0x{:08X})", n.to_bits()),
            Self::Double(n) if odd_double(n) => write!(f, "NaN(0x{:016X})", n.to_bits()),
            Self::Single(n) => write!(f, "{n:?}"),
            Self::Double(n) => write!(f, "{n:?}"),
        }
    }
}

fn odd_single(n: f32) -> bool {
    n.is_nan() && n.to_bits() != f32::NAN.to_bits()
}

fn odd_double(n: f64) -> bool {
    n.is_nan() && n.to_bits() != f64::NAN.to_bits()
}

/// One line; with `{:#}` the item below, a line for each item of a list.
impl Display for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, stream, function, wait, item } = self;
        if let Some(name) = name {
            write!(f, "{name}: ")?;
        }
        write!(f, "S{stream}F{function}{}", if *wait { " W" } else { "" })?;
        if let Some(item) = item {
            line(0, f)?;
            write(item, 0, f)?;
        }
        f.write_char('.')
    }
}
