//! What a controller can be told through its socket, and what it says of each thing it was told: JSON, a
//! line each. Both ends are here, so that they agree.
use proto::{
    Delivery, Span,
    cync::{Combo, Hundred, Target},
};
use serde::{Deserialize, Serialize};

use crate::fared::Fared;

/// One order.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Order {
    /// Say who is there; a line a bridge.
    List {
        /// Ask them first.
        query: bool,
    },
    /// Say what happens from now on, until nobody reads.
    Watch {},
    /// Tell lamps something; a line a target, and one in the end.
    Command(Command),
}

/// What lamps are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    /// Lamps and groups.
    pub(super) whom: Vec<Target>,
    /// And every lamp heard of.
    pub(super) all: bool,
    /// Only through this bridge.
    pub(super) bridge: Option<String>,
    pub(super) be: Be,
    /// The level to reach.
    pub(super) confirm: Delivery,
    /// For all of it.
    pub(super) deadline: Span,
    /// If one fails, the others are told to be as they were.
    pub(super) rollback: bool,
}

/// What they are to be like; what is left out stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Be {
    pub(super) on: Option<bool>,
    pub(super) brightness: Option<Hundred>,
    pub(super) temperature: Option<Hundred>,
    pub(super) rgb: Option<[u8; 3]>,
}

impl Be {
    /// The same for somebody.
    pub(super) fn to(self, to: Target) -> Combo {
        let Self { on, brightness, temperature, rgb } = self;
        Combo { to, on, brightness, temperature, rgb }
    }
}

/// What became of a command to one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) to: Target,
    /// The bridge it went to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bridge: Option<String>,
    #[serde(flatten)]
    pub(super) fared: Fared,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_as_they_are_written() {
        let be = Be { on: Some(true), rgb: Some([1, 2, 3]), ..Be::default() };
        let (confirm, deadline) = (Delivery::Observed, Span::millis(1500));
        let whom = vec![Target::Lamp(206), Target::Group(18)];
        let (all, bridge, rollback) = (false, None, true);
        let command = Command { whom, all, bridge, be, confirm, deadline, rollback };
        for order in [Order::List { query: true }, Order::Watch {}, Order::Command(command)] {
            let text = serde_json::to_string(&order).unwrap();
            assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order, "{text}");
        }
        assert!(serde_json::from_str::<Order>(r#"{"watch":{"x":1}}"#).is_err());
        assert!(serde_json::from_str::<Be>(r#"{"brightness":101}"#).is_err());
    }
}
