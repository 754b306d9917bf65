//! The line a person types: what it says, where the cursor is, and what was typed before.
use std::collections::VecDeque;

use proto::tazcom::gossip::MAX_TEXT;

/// Lines remembered.
const REMEMBERED: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Input {
    text: Vec<char>,
    /// How many characters stand before it.
    cursor: usize,
    typed: VecDeque<String>,
    /// Which of them is shown, counted from the newest; none is the line that is being typed.
    at: Option<usize>,
    /// That line, while another is shown.
    kept: Vec<char>,
}

impl Input {
    /// What stands before the cursor, and behind it.
    pub(super) fn sides(&self) -> (String, String) {
        let (before, behind) = self.text.split_at(self.cursor);
        (before.iter().collect(), behind.iter().collect())
    }
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
    /// Puts text where the cursor is; what is more than a message can hold is left out.
    pub(super) fn put(&mut self, text: &str) {
        let mut bytes: usize = self.text.iter().map(|c| c.len_utf8()).sum();
        for c in text.chars() {
            bytes += c.len_utf8();
            if bytes > MAX_TEXT {
                return;
            }
            // A line is one line, also if it was pasted.
            let c = if c.is_control() { ' ' } else { c };
            self.text.insert(self.cursor, c);
            self.cursor += 1;
        }
    }
    pub(super) fn erase(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            self.text.remove(self.cursor);
        }
    }
    pub(super) fn delete(&mut self) {
        if self.cursor < self.text.len() {
            self.text.remove(self.cursor);
        }
    }
    /// Erases the word before the cursor.
    pub(super) fn erase_word(&mut self) {
        let before = &self.text[..self.cursor];
        let word = before.iter().rposition(|c| *c != ' ').unwrap_or(0);
        let start = before[..word].iter().rposition(|c| *c == ' ').map_or(0, |at| at + 1);
        self.text.drain(start..self.cursor);
        self.cursor = start;
    }
    pub(super) fn clear(&mut self) {
        self.text.clear();
        (self.cursor, self.at) = (0, None);
    }
    pub(super) fn left(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }
    pub(super) fn right(&mut self) {
        self.cursor = (self.cursor + 1).min(self.text.len());
    }
    pub(super) fn home(&mut self) {
        self.cursor = 0;
    }
    pub(super) fn end(&mut self) {
        self.cursor = self.text.len();
    }
    /// Shows what was typed before this.
    pub(super) fn older(&mut self) {
        let at = self.at.map_or(0, |at| at + 1);
        if at < self.typed.len() {
            if self.at.is_none() {
                self.kept = std::mem::take(&mut self.text);
            }
            self.show(Some(at));
        }
    }
    /// Shows what was typed after this, at last what is being typed.
    pub(super) fn newer(&mut self) {
        if let Some(at) = self.at {
            self.show(at.checked_sub(1));
        }
    }
    /// The line is finished; it is empty again.
    pub(super) fn finish(&mut self) -> String {
        let line: String = std::mem::take(&mut self.text).into_iter().collect();
        self.clear();
        if !line.trim().is_empty() && self.typed.front() != Some(&line) {
            self.typed.push_front(line.clone());
            self.typed.truncate(REMEMBERED);
        }
        line
    }

    fn show(&mut self, at: Option<usize>) {
        self.text = match at {
            Some(at) => self.typed[at].chars().collect(),
            None => std::mem::take(&mut self.kept),
        };
        self.at = at;
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &Input) -> String {
        let (before, behind) = input.sides();
        format!("{before}|{behind}")
    }

    #[test]
    fn a_line_is_changed_where_the_cursor_is() {
        let mut input = Input::default();
        input.put("hi wörld");
        input.erase_word();
        assert_eq!(line(&input), "hi |");
        input.put("all");
        input.left();
        input.erase();
        assert_eq!(line(&input), "hi a|l");
        input.home();
        input.delete();
        input.left();
        input.put("H");
        assert_eq!(line(&input), "H|i al");
        input.end();
        input.right();
        input.delete();
        assert_eq!(line(&input), "Hi al|");
        assert_eq!(input.finish(), "Hi al");
        input.erase_word();
        input.erase();
        assert!(input.is_empty());
    }

    #[test]
    fn a_line_has_an_end_and_no_commands_for_terminals() {
        let mut input = Input::default();
        input.put("a\nb\x1b[2J");
        assert_eq!(line(&input), "a b [2J|");
        input.put(&"ü".repeat(MAX_TEXT));
        let (before, _) = input.sides();
        assert!((MAX_TEXT - 1..=MAX_TEXT).contains(&before.len()), "{}", before.len());
    }

    #[test]
    fn what_was_typed_comes_back_and_what_is_being_typed_is_kept() {
        let mut input = Input::default();
        input.older();
        for line in ["one", "two", "two", "  "] {
            input.put(line);
            input.finish();
        }
        input.put("three");
        for wanted in ["two|", "one|", "one|"] {
            input.older();
            assert_eq!(line(&input), wanted);
        }
        for wanted in ["two|", "three|", "three|"] {
            input.newer();
            assert_eq!(line(&input), wanted);
        }
    }
}
