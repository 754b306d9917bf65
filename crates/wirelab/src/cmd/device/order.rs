//! What a running device can be told, by whoever tells it: how orders read, and what comes of one.
use lab::registry::{AnyHost, AnyProtocol};
use serde::Serialize;
use serde_json::Value;

/// Every order, as a reminder.
const HELP: &str =
    "mode MODE [TIME] | next N MODE [TIME] | reject-next N | tell WORDS | show | help | quit";

/// One thing to do.
#[derive(Debug, PartialEq)]
pub(super) enum Order {
    /// An empty line.
    Nothing,
    /// Behave like this from now on.
    Misbehave(String),
    /// Say something unasked.
    Tell(String),
    /// Show what is remembered.
    Show,
    /// Show which modes are in force.
    Modes,
    /// Say which orders there are.
    Help,
    /// End.
    Quit,
}

/// What came of an order.
pub(super) enum Done {
    /// There was nothing to do.
    Nothing,
    /// It is in force, or said.
    Did(String),
    /// What the device remembers.
    Memory(Memory),
    /// The modes in force.
    Modes(Modes),
    /// The orders there are.
    Help(&'static str),
    /// The device is to end.
    Quit,
}

/// What a device remembers, as it is shown.
#[derive(Serialize)]
pub(super) struct Memory {
    event: &'static str,
    #[serde(flatten)]
    snapshot: Value,
}

/// The mode that stands, and those for a few times that come before it.
#[derive(Serialize)]
pub(super) struct Modes {
    mode: Value,
    next: Value,
}

impl Order {
    /// Reads a line.
    ///
    /// # Errors
    /// It is no order; the message says which there are.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [] => Ok(Self::Nothing),
            ["mode", ref mode @ ..] if !mode.is_empty() => Ok(Self::Misbehave(mode.join(" "))),
            ["next", times, ref mode @ ..] if !mode.is_empty() => few(times, &mode.join(" ")),
            ["reject-next", times] => few(times, "reject"),
            ["tell", ref words @ ..] if !words.is_empty() => Ok(Self::Tell(words.join(" "))),
            ["show"] => Ok(Self::Show),
            ["help"] => Ok(Self::Help),
            ["quit"] => Ok(Self::Quit),
            _ => Err(format!("`{line}` is no order; there are: {HELP}")),
        }
    }

    /// Has the device do it.
    ///
    /// # Errors
    /// What the device makes of it.
    pub(super) async fn obey(
        self,
        protocol: &dyn AnyProtocol,
        host: &dyn AnyHost,
    ) -> Result<Done, String> {
        match self {
            Self::Nothing => Ok(Done::Nothing),
            Self::Misbehave(quirk) => {
                protocol.check_quirk(&quirk).map_err(|e| e.problem)?;
                host.misbehave(&quirk).await.map_err(|e| e.problem)?;
                Ok(Done::Did(quirk))
            }
            Self::Tell(words) => {
                host.prompt(Value::String(words.clone())).map_err(|e| e.problem)?;
                Ok(Done::Did(words))
            }
            Self::Show => Ok(Done::Memory(Memory { event: "snapshot", snapshot: host.snapshot() })),
            Self::Modes => {
                let snapshot = host.snapshot();
                let of = |key: &str| snapshot.get(key).cloned();
                let next = of("next").unwrap_or_else(|| Value::Array(Vec::new()));
                Ok(Done::Modes(Modes { mode: of("mode").unwrap_or_default(), next }))
            }
            Self::Help => Ok(Done::Help(HELP)),
            Self::Quit => Ok(Done::Quit),
        }
    }
}

fn few(times: &str, mode: &str) -> Result<Order, String> {
    match times.parse::<u32>() {
        Ok(times) if times > 0 => Ok(Order::Misbehave(format!("{mode} x{times}"))),
        _ => Err(format!("`{times}` is no number of times; write for instance next 3 {mode}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_as_people_type_them() {
        let quirk = |text: &str| Ok(Order::Misbehave(text.into()));
        assert_eq!(Order::read(" mode  delay 2 "), quirk("delay 2"));
        assert_eq!(Order::read("next 3 timeout"), quirk("timeout x3"));
        assert_eq!(Order::read("next 1 delay 200ms"), quirk("delay 200ms x1"));
        assert_eq!(Order::read("reject-next 2"), quirk("reject x2"));
        assert_eq!(Order::read(""), Ok(Order::Nothing));
        for wrong in ["mode", "next", "next 3", "next x reject", "reject-next 0", "show me", "off"]
        {
            assert!(Order::read(wrong).is_err(), "{wrong}");
        }
    }
}
