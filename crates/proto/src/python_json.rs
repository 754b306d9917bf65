//! JSON as Python's `json.dumps` writes it: `", "` and `": "`, and non-ASCII as `\uXXXX`. Peers written in
//! Python compare bytes, so ours are the same.
use std::io;

use serde::Serialize;

/// Appends a value to `bytes`.
///
/// # Panics
/// When it cannot be JSON, a map with keys that are no text.
pub(crate) fn append(bytes: &mut Vec<u8>, value: &impl Serialize) {
    let mut json = serde_json::Serializer::with_formatter(bytes, AsPython);
    value.serialize(&mut json).expect("texts, numbers and flags always serialize");
}

struct AsPython;

impl serde_json::ser::Formatter for AsPython {
    fn begin_array_value<W>(&mut self, w: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        if first { Ok(()) } else { w.write_all(b", ") }
    }
    fn begin_object_key<W>(&mut self, w: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        if first { Ok(()) } else { w.write_all(b", ") }
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }
    fn write_string_fragment<W>(&mut self, w: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut utf16 = [0; 2];
        for c in fragment.chars() {
            // 0x7f is ASCII to Python, and printed as it is.
            if c.is_ascii() {
                w.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut utf16) {
                write!(w, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}
