//! Newline framing. The limit is applied before the newline is looked for, so a peer that never ends its
//! line costs no more than one line.
use bytes::Bytes;

use crate::inbox::Inbox;

/// Received bytes, cut into lines.
#[derive(Debug, Default)]
pub struct Lines {
    inbox: Inbox,
    /// So many bytes at the front hold no newline.
    searched: usize,
}

/// Bytes that can be no line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Too long already.
    #[error("a line of more than {0} bytes, its end included")]
    TooLong(usize),
    /// No text.
    #[error("no UTF-8, from byte {0} of the line on")]
    NotText(usize),
}

impl LineError {
    /// A short name from a closed list, fit for a metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too_long",
            Self::NotText(_) => "not_text",
        }
    }
}

impl Lines {
    /// Adds what just arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.inbox.push(bytes);
    }
    /// Takes the next line with its newline, if it is all there, of at most `limit` bytes.
    ///
    /// # Errors
    /// There can be none: it is too long already, or no text. What was received is best given up then.
    pub fn take(&mut self, limit: usize) -> Result<Option<Bytes>, LineError> {
        let bytes = self.inbox.peek();
        let end = bytes.len().min(limit);
        let unsearched = bytes.get(self.searched..end).unwrap_or_default();
        let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') else {
            if bytes.len() >= limit {
                return Err(LineError::TooLong(limit));
            }
            self.searched = end;
            return Ok(None);
        };
        let len = self.searched + at + 1;
        if let Err(wrong) = std::str::from_utf8(&bytes[..len]) {
            return Err(LineError::NotText(wrong.valid_up_to()));
        }
        self.searched = 0;
        Ok(Some(self.inbox.take(len)))
    }
    /// What is not taken yet.
    pub fn peek(&self) -> &[u8] {
        self.inbox.peek()
    }
    /// Gives everything up.
    pub fn take_all(&mut self) -> Bytes {
        self.searched = 0;
        self.inbox.take_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_gives_the_same_lines() {
        for piece in 1..8 {
            let mut lines = Lines::default();
            let mut taken = Vec::new();
            for bytes in b"ACK\n\n{\"a\": 1}\r\nrest".chunks(piece) {
                lines.push(bytes);
                while let Some(line) = lines.take(1024).unwrap() {
                    taken.push(line);
                }
            }
            assert_eq!(taken, [&b"ACK\n"[..], b"\n", b"{\"a\": 1}\r\n"]);
            assert_eq!(lines.peek(), b"rest");
        }
    }

    #[test]
    fn the_limit_counts_the_newline() {
        let take = |len: usize| {
            let mut lines = Lines::default();
            lines.push(&[vec![b'x'; len - 1], b"\n".to_vec()].concat());
            lines.take(1024)
        };
        assert_eq!(take(1024).unwrap().unwrap().len(), 1024);
        assert_eq!(take(1025), Err(LineError::TooLong(1024)));
    }

    #[test]
    fn a_line_without_end_is_refused_as_soon_as_it_is_too_long() {
        let mut lines = Lines::default();
        for _ in 0..1023 {
            lines.push(b"x");
            assert_eq!(lines.take(1024), Ok(None));
        }
        lines.push(b"x");
        assert_eq!(lines.take(1024), Err(LineError::TooLong(1024)));
    }

    #[test]
    fn what_is_no_text_is_told_with_its_place() {
        let mut lines = Lines::default();
        lines.push(b"{\"a\xff\n");
        assert_eq!(lines.take(1024), Err(LineError::NotText(3)));
    }
}
