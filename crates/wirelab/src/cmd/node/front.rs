//! Who sits before a running node: a program that writes it lines and reads others, or a person with a
//! screen. Neither can hold the node up.
use std::{io, time::Duration};

use net::node::Told;
use tokio::sync::mpsc;

use super::{
    order::Order,
    tell::{self, Line},
    tui::Screen,
};
use crate::{exit::Failure, lines, out::Out, text};

/// How long whoever reads may take for the last lines.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where a node's news go, and where its orders come from.
pub(super) enum Front {
    /// Stdout and stdin.
    Lines {
        out: Out,
        typed: mpsc::Receiver<lines::Line>,
        /// Stdin has not ended.
        typing: bool,
    },
    Screen(Screen),
}

/// What comes from there.
pub(super) enum Said {
    Order(Order),
    /// No order, and why.
    Wrong(String),
    /// Nobody is there any more, or cannot be told anything.
    Lost(Failure),
}

impl Front {
    /// A program, or a person who uses one without a screen.
    pub(super) fn lines() -> Self {
        let out = Out::start(|lines| Line::Missing { lines }.json());
        Self::Lines { out, typed: lines::read(io::stdin()), typing: true }
    }
    /// Tells what the node has to tell.
    pub(super) fn told(&self, told: Told) {
        if let Some(line) = tell::line(told) {
            self.tell(line);
        }
    }
    /// Tells this.
    pub(super) fn tell(&self, line: Line) {
        match self {
            Self::Lines { out, .. } => out.line(line.json()),
            Self::Screen(screen) => screen.tell(line),
        }
    }
    /// Says something to the person alone, in one line.
    pub(super) fn talk(&self, line: &str) {
        match self {
            Self::Lines { .. } => text::talk(line),
            Self::Screen(screen) => screen.talk(line),
        }
    }
    /// So much was not told.
    pub(super) fn missing(&self, lines: u64) {
        if lines == 0 {
            return;
        }
        match self {
            Self::Lines { out, .. } => out.missing(lines),
            Self::Screen(screen) => screen.tell(Line::Missing { lines }),
        }
    }
    /// What comes next from there. Cancel safe.
    pub(super) async fn next(&mut self) -> Said {
        match self {
            Self::Lines { out, typed, typing } => loop {
                tokio::select! {
                    biased;
                    failure = out.lost() => return Said::Lost(failure),
                    line = typed.recv(), if *typing => match line {
                        None => *typing = false,
                        Some(line) => match line.and_then(|line| Order::read(&line)) {
                            Ok(order) => return Said::Order(order),
                            Err(problem) => return Said::Wrong(problem),
                        },
                    },
                }
            },
            Self::Screen(screen) => screen.next().await,
        }
    }
    /// Gives a screen back; stdout may still be written to.
    pub(super) fn close(&mut self) {
        match self {
            Self::Lines { .. } => {}
            Self::Screen(screen) => screen.close(),
        }
    }
    /// Waits a little for whoever still reads.
    pub(super) fn finish(self) {
        match self {
            Self::Lines { out, .. } => {
                let unread = out.finish(LAST_WORDS);
                if unread > 0 {
                    text::talk(&format!("warning: {unread} lines were not read"));
                }
            }
            Self::Screen(_) => {}
        }
    }
}
