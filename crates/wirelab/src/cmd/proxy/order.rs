//! What a running proxy can be told on stdin, and what comes of it.
use net::proxy::Rule;
use serde::Serialize;

use super::house::{House, Shown};
use crate::{exit::Failure, text};

/// Every order, as a reminder.
const HELP: &str = "fault RULE | lift NAME | cut | heal | list | help | quit";

/// One thing to do.
#[derive(Debug, PartialEq)]
pub(super) enum Order {
    /// An empty line.
    Nothing,
    /// Put this in force.
    Fault(Box<Rule>),
    /// Take this out of force.
    Lift(String),
    /// Let nothing pass.
    Cut,
    /// Let everything pass.
    Heal,
    /// Show what is in force.
    List,
    /// Say which orders there are.
    Help,
    /// End.
    Quit,
}

/// Whether to go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    On,
    Quit,
}

impl Order {
    /// Reads a line.
    ///
    /// # Errors
    /// It is no order, and there are those; or the rule makes no sense.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match (word, rest.trim()) {
            ("", _) => Ok(Self::Nothing),
            ("fault", rule) if !rule.is_empty() => {
                rule.parse().map(|rule| Self::Fault(Box::new(rule))).map_err(|e| e.to_string())
            }
            ("lift", name) if !name.is_empty() => Ok(Self::Lift(name.into())),
            ("cut", "") => Ok(Self::Cut),
            ("heal", "") => Ok(Self::Heal),
            ("list", "") => Ok(Self::List),
            ("help", "") => Ok(Self::Help),
            ("quit", "") => Ok(Self::Quit),
            _ => Err(format!("`{line}` is no order; there are: {HELP}")),
        }
    }
    /// Has it done, and says how it went.
    ///
    /// # Errors
    /// Stdout is not writable.
    pub(super) fn obey(self, house: &mut House) -> Result<Next, Failure> {
        let kept = match self {
            Self::Nothing => return Ok(Next::On),
            Self::Quit => return Ok(Next::Quit),
            Self::Help => {
                text::talk(HELP);
                return Ok(Next::On);
            }
            _ => house.pick(None),
        };
        let kept = match kept {
            Ok(kept) => kept,
            Err(refusal) => {
                text::talk(&format!("error: {}", refusal.problem));
                return Ok(Next::On);
            }
        };
        let done = match self {
            Self::Fault(rule) => kept.arm(*rule).map(|name| format!("{name} is in force")),
            Self::Lift(name) => kept.lift(&name).map(|()| format!("{name} is lifted")),
            Self::Cut => kept.cut().map(|()| "cut".into()),
            Self::Heal => {
                kept.heal();
                Ok("healed".into())
            }
            Self::List => {
                text::print(&text::json_line(&Listed { event: "faults", faults: kept.faults() }))?;
                return Ok(Next::On);
            }
            Self::Nothing | Self::Help | Self::Quit => return Ok(Next::On),
        };
        match done {
            Ok(what) => text::talk(&format!("ok: {what}")),
            Err(refusal) => text::talk(&format!("error: {}", refusal.problem)),
        }
        Ok(Next::On)
    }
}

#[derive(Serialize)]
struct Listed {
    event: &'static str,
    faults: Vec<Shown>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_as_people_type_them() {
        let rule: Rule = "latency delay=20ms".parse().unwrap();
        assert_eq!(Order::read(" fault  latency delay=20ms "), Ok(Order::Fault(Box::new(rule))));
        assert_eq!(Order::read("lift fault1"), Ok(Order::Lift("fault1".into())));
        assert_eq!(Order::read("cut"), Ok(Order::Cut));
        for (wrong, why) in [
            ("fault", "there are: fault RULE"),
            ("fault wobble", "no fault `wobble`; there are latency"),
            ("fault bandwidth rate=-1", "invalid value"),
            ("lift", "there are"),
            ("cut it", "there are"),
        ] {
            let error = Order::read(wrong).unwrap_err();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
