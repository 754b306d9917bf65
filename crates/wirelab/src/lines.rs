//! Lines of a file or of stdin, read on a thread of their own: reading may block, and nothing else may.
use std::{
    io,
    io::{BufRead, BufReader, Read},
};

use tokio::sync::mpsc;

/// A longer line is refused, and skipped.
const MAX_LINE: u64 = 64 * 1024;
/// Lines read ahead.
const AHEAD: usize = 16;

/// A line without its end, or why there is none.
pub(crate) type Line = Result<String, String>;

/// Starts reading. The channel closes at the end of the input.
pub(crate) fn read(from: impl Read + Send + 'static) -> mpsc::Receiver<Line> {
    let (lines, receiver) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        loop {
            let (line, last) = match next_line(&mut from) {
                Ok(Some(line)) => (line, false),
                Ok(None) => return,
                Err(e) => (Err(format!("cannot be read: {e}")), true),
            };
            if lines.blocking_send(line).is_err() || last {
                return;
            }
        }
    });
    receiver
}

/// The next line; none at the end of the input.
///
/// # Errors
/// The operating system's; there is no next line then.
pub(crate) fn next_line(from: &mut impl BufRead) -> io::Result<Option<Line>> {
    next_line_of(from, MAX_LINE)
}

/// The next line of a file whose lines may have this many bytes, their ends included.
///
/// # Errors
/// The operating system's; there is no next line then.
pub(crate) fn next_line_of(from: &mut impl BufRead, most: u64) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    if from.take(most).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 == most && !bytes.ends_with(b"\n") {
        from.skip_until(b'\n')?;
        return Ok(Some(Err(format!("longer than {most} bytes"))));
    }
    let line = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned());
    Ok(Some(line.map(|line| line.trim_end_matches(['\n', '\r']).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_does_not_stop_the_next() {
        let mut input = b"one\r\n\xff\n".to_vec();
        input.extend(std::iter::repeat_n(b'x', 100_000));
        input.extend(b"\nlast");
        let mut from = &input[..];
        let mut next = || next_line(&mut from).unwrap();
        assert_eq!(next(), Some(Ok("one".into())));
        assert_eq!(next(), Some(Err("not UTF-8".into())));
        assert!(next().is_some_and(|line| line.is_err()));
        assert_eq!(next(), Some(Ok("last".into())));
        assert_eq!(next(), None);
    }
}
