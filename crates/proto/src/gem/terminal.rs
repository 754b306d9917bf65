//! Terminals: what the host shows the operator, and the other way round.
use std::collections::VecDeque;

use serde::Serialize;

use super::{
    equipment::Gem,
    outbox::Message,
    text::{self, Read},
};
use crate::{ConfigError, Time, secs2::Item};

/// How many texts are remembered.
const MAX_SHOWN: usize = 32;

/// ACKC10, why a text is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Ackc10 {
    NotShown = 1,
    NoTerminal = 2,
}

/// A text the host has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// On which terminal.
    pub terminal: u8,
    /// The text; of several lines, each.
    pub text: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Terminals {
    numbers: Vec<u8>,
    longest: usize,
    /// The latest texts.
    pub(super) shown: VecDeque<Shown>,
}

impl Terminals {
    pub(super) fn new(numbers: Vec<u8>, longest: usize) -> Self {
        Self { numbers, longest, shown: VecDeque::new() }
    }

    fn show(&mut self, terminal: u8, lines: &[&str]) -> Result<(), Ackc10> {
        if !self.numbers.contains(&terminal) {
            return Err(Ackc10::NoTerminal);
        }
        if lines.iter().map(|line| line.len().max(1)).sum::<usize>() > self.longest {
            return Err(Ackc10::NotShown);
        }
        if self.shown.len() >= MAX_SHOWN {
            self.shown.pop_front();
        }
        let text = lines.iter().map(|line| (*line).into()).collect();
        self.shown.push_back(Shown { terminal, text });
        Ok(())
    }
}

fn ack(outcome: Result<(), Ackc10>) -> Item {
    text::code(outcome.map_or_else(|code| code as u8, |()| 0))
}

impl Gem {
    /// S10F3, terminal display, single.
    pub(super) fn display(&mut self, item: Option<&Item>) -> Read<Item> {
        let [terminal, line] = text::fields(text::some(item)?)?;
        Ok(ack(self.terminals.show(text::byte(terminal)?, &[text::text(line)?])))
    }

    /// S10F5, terminal display, multi-block.
    pub(super) fn display_lines(&mut self, item: Option<&Item>) -> Read<Item> {
        let [terminal, lines] = text::fields(text::some(item)?)?;
        let lines: Vec<&str> = text::list(lines)?.iter().map(text::text).collect::<Read<_>>()?;
        Ok(ack(self.terminals.show(text::byte(terminal)?, &lines)))
    }

    /// S10F1, terminal request.
    pub(super) fn request_attention(&mut self, now: Time, line: &str) -> Result<(), ConfigError> {
        let longest = self.terminals.longest;
        if line.len() > longest {
            let problem =
                format!("{} characters are too long for a terminal of {longest}", line.len());
            return Err(ConfigError::new("terminal", problem));
        }
        let terminal = self.terminals.numbers.first().copied().unwrap_or_default();
        let item = Item::list([Item::binary([terminal]), Item::ascii(line)]);
        self.say(now, Message::new(10, 1, item));
        Ok(())
    }
}
