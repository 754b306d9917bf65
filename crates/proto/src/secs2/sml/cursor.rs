//! A place in a text of SML: what comes next, and where that is when it is wrong.
use std::borrow::Cow;

/// The longest text of SML that is read, in bytes. The longest item in hex takes 80 MiB.
pub const MAX_TEXT: usize = 1 << 27;

/// A text that is no SML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
pub struct SmlError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What could have stood there.
    pub expected: Cow<'static, str>,
    /// What stands there.
    pub found: String,
}

#[derive(Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// Where it is, in bytes.
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, SmlError> {
        let cursor = Self { text, at: 0 };
        if text.len() > MAX_TEXT {
            let found = format!("{} bytes", text.len());
            return Err(cursor.wrong(0, format!("at most {MAX_TEXT} bytes"), found));
        }
        Ok(cursor)
    }

    /// What is left, from the next thing that is neither blank nor a comment.
    pub(super) fn rest(&mut self) -> &'a str {
        loop {
            let rest = self.text[self.at..].trim_ascii_start();
            self.at = self.text.len() - rest.len();
            let comment = if rest.starts_with("//") {
                Some(rest.find('\n').unwrap_or(rest.len()))
            } else if rest.starts_with("/*") {
                // One without an end is no comment, and so will be complained about.
                rest.find("*/").map(|end| end + 2)
            } else {
                None
            };
            let Some(len) = comment else { return rest };
            self.at += len;
        }
    }

    /// Goes past this character, if it comes next.
    pub(super) fn eat(&mut self, c: char) -> bool {
        let here = self.rest().starts_with(c);
        self.at += if here { c.len_utf8() } else { 0 };
        here
    }

    pub(super) fn expect(&mut self, c: char) -> Result<(), SmlError> {
        if self.eat(c) { Ok(()) } else { Err(self.expected(format!("`{c}`"))) }
    }

    /// Goes past a name or a number; past nothing if something else comes next.
    pub(super) fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = |c: char| c.is_ascii_whitespace() || "<>[]\"':/".contains(c);
        let word = &rest[..rest.find(end).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Goes past a text in either kind of quotes, if one comes next. A backslash stands for itself
    /// unless a quote or another backslash follows.
    pub(super) fn quoted(&mut self) -> Result<Option<Cow<'a, str>>, SmlError> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            return Ok(None);
        };
        let inside = &rest[1..];
        let mut escapes = false;
        let mut from = 0;
        loop {
            let Some(found) = inside[from..].find([quote, '\\']) else {
                return Err(self.expected(format!("a {quote} at the end of this text")));
            };
            let at = from + found;
            if inside[at..].starts_with(quote) {
                self.at += at + 2;
                let text = &inside[..at];
                return Ok(Some(if escapes { unescape(text).into() } else { text.into() }));
            }
            let escape = inside[at + 1..].starts_with(['\\', '"', '\'']);
            escapes |= escape;
            from = at + 1 + usize::from(escape);
        }
    }

    /// What comes next is wrong.
    pub(super) fn expected(&mut self, expected: impl Into<Cow<'static, str>>) -> SmlError {
        let rest = self.rest();
        let word: String =
            rest.split_ascii_whitespace().next().unwrap_or("").chars().take(32).collect();
        let found = if word.is_empty() { "the end".into() } else { format!("`{word}`") };
        self.wrong(self.at, expected, found)
    }

    /// What stands at an earlier place is wrong.
    pub(super) fn wrong(
        &self,
        at: usize,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
    ) -> SmlError {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        SmlError {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = chars.next_if(|next| c == '\\' && matches!(next, '\\' | '"' | '\''));
        plain.push(escaped.unwrap_or(c));
    }
    plain
}
