//! Where commands come from: the one that was typed, or lines of JSON.
use std::{fs::File, io, io::Read, path::Path};

use proto::toggle::Toggle;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::{args::State, config::Commands, exit::Failure, lines, lines::Line};

/// The commands, one after the other.
pub(crate) enum Source {
    /// The one that was typed, until it is taken.
    One(Option<Toggle>),
    /// The lines of a file, and how many were taken.
    Lines(mpsc::Receiver<Line>, usize),
}

impl Source {
    /// # Errors
    /// There is no such file, or it may not be read.
    pub(crate) fn open(commands: Commands) -> Result<Self, Failure> {
        let path = match commands {
            Commands::One(command) => return Ok(Self::One(Some(command))),
            Commands::From(path) => path,
        };
        let from: Box<dyn Read + Send> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(&path).map_err(|e| {
                Failure::environment(format!("--from: cannot read {}: {e}", path.display()))
            })?)
        };
        Ok(Self::Lines(lines::read(from), 0))
    }
    /// It is about the one that was typed.
    pub(crate) fn is_one(&self) -> bool {
        matches!(self, Self::One(_))
    }
    /// The next command, or what is wrong with its line. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Toggle, String>> {
        match self {
            Self::One(command) => command.take().map(Ok),
            Self::Lines(lines, taken) => loop {
                let line = lines.recv().await?;
                *taken += 1;
                if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                    continue;
                }
                let command = line.and_then(|line| read(&line));
                return Some(command.map_err(|why| format!("line {taken}: {why}")));
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    device_id: String,
    state: Written,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "state is on or off, or true or false")]
enum Written {
    Flag(bool),
    Word(String),
}

fn read(line: &str) -> Result<Toggle, String> {
    let wrong = |why: String| {
        format!("{why}; a command is written {{\"device_id\": \"LAMP7\", \"state\": \"on\"}}")
    };
    let Command { device_id, state } =
        serde_json::from_str(line).map_err(|e| wrong(e.to_string()))?;
    let state = match state {
        Written::Flag(state) => state,
        Written::Word(word) => word.parse::<State>().map_err(|e| wrong(format!("state: {e}")))?.0,
    };
    Toggle::new(device_id, state).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_whole_command_and_nothing_else() {
        for state in ["true", "\"on\"", "\"1\"", "\"TRUE\""] {
            let read = read(&format!("{{\"device_id\": \"D1\", \"state\": {state}}}"));
            assert_eq!(read, Ok(Toggle::new("D1", true).unwrap()));
        }
        for wrong in [
            "D1 on",
            "{}",
            r#"{"device_id": "D1"}"#,
            r#"{"device_id": "D1", "state": "banana"}"#,
            r#"{"device_id": "D1", "state": 7}"#,
            r#"{"device_id": "", "state": true}"#,
            r#"{"device_id": "D1", "state": true, "stat": false}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
