//! One value as a person writes it, to its bytes. SML and JSON share it.
use super::Format;

/// Appends the bytes of one value, if the word is one. Of a list there are no values.
pub(super) fn put(format: Format, word: &str, bytes: &mut Vec<u8>) -> Option<()> {
    match format {
        Format::List => return None,
        Format::Boolean => bytes.push(boolean(word).or_else(|| byte(word))?),
        Format::Binary | Format::Ascii | Format::Jis8 | Format::Localized => {
            bytes.push(byte(word)?);
        }
        Format::F4 => bytes.extend_from_slice(&single(word)?.to_be_bytes()),
        Format::F8 => bytes.extend_from_slice(&double(word)?.to_be_bytes()),
        Format::I1 | Format::I2 | Format::I4 | Format::I8 => put_integer(format, word, bytes)?,
        Format::U1 | Format::U2 | Format::U4 | Format::U8 => put_integer(format, word, bytes)?,
    }
    Some(())
}

/// What could have been put.
pub(super) fn expected(format: Format) -> String {
    match format {
        Format::List => "an item".into(),
        Format::Boolean => "TRUE, FALSE or a byte".into(),
        Format::Binary => "a byte".into(),
        Format::Ascii | Format::Jis8 | Format::Localized => "text in quotes or a byte".into(),
        Format::F4 | Format::F8 => format!("a number within {}, NaN or inf", format.sml()),
        Format::I1 | Format::I2 | Format::I4 | Format::I8 => range(format),
        Format::U1 | Format::U2 | Format::U4 | Format::U8 => range(format),
    }
}

fn range(format: Format) -> String {
    let (least, most) = bounds(format);
    format!("a number from {least} to {most}")
}

fn bounds(format: Format) -> (i128, i128) {
    let signed = matches!(format, Format::I1 | Format::I2 | Format::I4 | Format::I8);
    let values = 1 << (8 * format.unit());
    let least = if signed { -values / 2 } else { 0 };
    (least, least + values - 1)
}

fn put_integer(format: Format, word: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let (least, most) = bounds(format);
    let number = integer(word).filter(|number| (least..=most).contains(number))?;
    bytes.extend_from_slice(&number.to_be_bytes()[size_of::<i128>() - format.unit()..]);
    Some(())
}

fn boolean(word: &str) -> Option<u8> {
    let is = |names: [&str; 2]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    if is(["TRUE", "T"]) {
        return Some(1);
    }
    is(["FALSE", "F"]).then_some(0)
}

fn byte(word: &str) -> Option<u8> {
    integer(word)?.try_into().ok()
}

/// `-17`, `0x11`, `0b10001`.
fn integer(word: &str) -> Option<i128> {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        _ => (10, unsigned),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    Some(if word.starts_with('-') { -number } else { number })
}

/// What is written as a number is one: too large a number is a mistake, not infinity.
fn single(word: &str) -> Option<f32> {
    if let Some(bits) = nan_bits(word, 8) {
        return Some(f32::from_bits(bits as u32)).filter(|number| number.is_nan());
    }
    if word.eq_ignore_ascii_case("nan") {
        return Some(f32::NAN);
    }
    word.parse().ok().filter(|number: &f32| !number.is_infinite() || names_infinity(word))
}

fn double(word: &str) -> Option<f64> {
    if let Some(bits) = nan_bits(word, 16) {
        return Some(f64::from_bits(bits)).filter(|number| number.is_nan());
    }
    if word.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    word.parse().ok().filter(|number: &f64| !number.is_infinite() || names_infinity(word))
}

/// The bits of `NaN(0x7FC00001)`.
fn nan_bits(word: &str, digits: usize) -> Option<u64> {
    let bits = word.strip_prefix("NaN(0x")?.strip_suffix(')')?;
    let plain = bits.len() == digits && bits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(bits, 16).ok()).flatten()
}

fn names_infinity(word: &str) -> bool {
    word.trim_start_matches(['-', '+']).starts_with(['i', 'I'])
}
