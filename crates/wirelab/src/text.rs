//! Text on its way to people and to pipes. What came from elsewhere is escaped: no byte of a peer
//! reaches a terminal as a command.
use std::{fmt::Write as _, io, io::Write};

use serde::Serialize;

use crate::exit::Failure;

/// What a terminal would obey: control characters, line breaks and changes of direction.
fn is_command(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line that is safe to show.
pub(crate) fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '\n' => safe.push_str(r"\n"),
            '\r' => safe.push_str(r"\r"),
            '\t' => safe.push_str(r"\t"),
            c if is_command(c) => write!(safe, "\\u{{{:x}}}", u32::from(c)).expect("it has room"),
            c => safe.push(c),
        }
        safe
    })
}

/// One line of JSON that is safe to show, its line feed included.
pub(crate) fn json_line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("keys are text and numbers are finite");
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            // Outside of strings there are none, and inside they may be written like this.
            c if is_command(c) => write!(safe, "\\u{:04x}", u32::from(c)).expect("it has room"),
            c => safe.push(c),
        }
    }
    safe.push('\n');
    safe
}

/// Says something to the person at stderr, in one line.
pub(crate) fn talk(line: &str) {
    // If nobody can be told, the exit code still tells.
    let _ = writeln!(anstream::stderr(), "{}", coloured(&plain(line)));
}

/// anstream takes the colours out again where they are not wanted.
fn coloured(line: &str) -> String {
    match line.split_once(": ") {
        Some(("error", rest)) => format!("\x1b[1;31merror:\x1b[0m {rest}"),
        Some(("warning", rest)) => format!("\x1b[1;33mwarning:\x1b[0m {rest}"),
        Some(("ok", rest)) => format!("\x1b[1;32mok:\x1b[0m {rest}"),
        _ => line.to_owned(),
    }
}

/// Writes a result to stdout, now.
///
/// # Errors
/// The reader has gone, or the output is not writable.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| unwritable("to stdout", &e))
}

/// Writes bytes to stdout as they are, now.
///
/// # Errors
/// The reader has gone, or the output is not writable.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| unwritable("to stdout", &e))
}

/// What it means that `output` cannot be written.
pub(crate) fn unwritable(output: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Unheard,
        _ => Failure::environment(format!("cannot write {output}: {error}; choose another place")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_gets_through() {
        assert_eq!(plain("a\n\x1b[2J\u{9b}31m\u{202e}ü"), r"a\n\u{1b}[2J\u{9b}31m\u{202e}ü");
        let line = json_line(&"a\n\x1b[2J\u{9b}\u{7f}\u{202e}ü");
        assert_eq!(line, "\"a\\n\\u001b[2J\\u009b\\u007f\\u202eü\"\n");
        let back: String = serde_json::from_str(&line).unwrap();
        assert_eq!(back, "a\n\x1b[2J\u{9b}\u{7f}\u{202e}ü");
    }

    #[test]
    fn a_reader_who_left_is_not_an_error_and_a_full_disk_is() {
        let error = |kind: io::ErrorKind| unwritable("x", &kind.into());
        assert_eq!(error(io::ErrorKind::BrokenPipe), Failure::Unheard);
        assert!(matches!(error(io::ErrorKind::StorageFull), Failure::Told { .. }));
    }
}
