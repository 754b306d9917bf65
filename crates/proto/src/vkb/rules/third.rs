//! The later format: conditions on signals. Its rules act when they begin to hold and when they cease.
use serde_json::Value;

use super::{
    compare::{self, Missing, Order, Truth},
    place::{Place, Wrong, unknown},
    signals::{Shape, Signal},
    status::Status,
};

/// When a rule holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct When {
    all: Vec<Condition>,
    any: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
struct Condition {
    signal: Signal,
    op: Op,
}

#[derive(Clone, Debug, PartialEq)]
enum Op {
    Eq(Value),
    Ne(Value),
    In(Vec<Value>),
    Nin(Vec<Value>),
    Compare(Order, f64),
    Contains(String),
    Exists,
}

const OPS: [&str; 10] = ["eq", "ne", "in", "nin", "lt", "lte", "gt", "gte", "contains", "exists"];

impl When {
    pub(super) fn parse(when: Option<Place<'_>>) -> Result<Self, Wrong> {
        let mut parsed = Self { all: Vec::new(), any: Vec::new() };
        let Some(when) = when else { return Ok(parsed) };
        for (key, place) in when.entries(&["all", "any"])? {
            match key {
                _ if place.value.is_null() => {}
                "all" => parsed.all = conditions(&place)?,
                _ => parsed.any = conditions(&place)?,
            }
        }
        Ok(parsed)
    }
    /// An unknown signal leaves the whole rule open, even where others would decide: so the format has
    /// it.
    pub(super) fn ask(&self, status: &Status) -> Truth {
        let ask = |conditions: &[Condition]| {
            conditions.iter().map(|condition| condition.ask(status)).collect::<Result<Vec<_>, _>>()
        };
        let (all, any) = (ask(&self.all)?, ask(&self.any)?);
        Ok(all.iter().all(|holds| *holds) && (any.is_empty() || any.contains(&true)))
    }
}

fn conditions(place: &Place<'_>) -> Result<Vec<Condition>, Wrong> {
    place.list()?.iter().map(Condition::parse).collect()
}

impl Condition {
    fn parse(place: &Place<'_>) -> Result<Self, Wrong> {
        place.entries(&["signal", "op", "value"])?;
        let name = place.key("signal").ok_or_else(|| place.wrong("has no `signal`"))?;
        let text = name.text()?;
        let signal = Signal::find(text);
        let signal = signal.ok_or_else(|| name.wrong(unknown("signal", text, Signal::names())))?;
        let op = place.key("op").ok_or_else(|| place.wrong("has no `op`"))?;
        Ok(Self { signal, op: Op::parse(signal, &op, place)? })
    }
    fn ask(&self, status: &Status) -> Truth {
        let value = self.signal.read(status);
        if self.op == Op::Exists {
            return Ok(value.is_some());
        }
        let missing = || Missing(self.signal.name.to_owned());
        let value = value.ok_or_else(missing)?;
        self.op.holds(&value).ok_or_else(missing)
    }
}

impl Op {
    fn parse(signal: Signal, op: &Place<'_>, condition: &Place<'_>) -> Result<Self, Wrong> {
        let name = op.text()?;
        let value = condition.key("value");
        if name == "exists" {
            return match value.map(|value| value.wrong("`exists` takes no value")) {
                None => Ok(Self::Exists),
                Some(wrong) => Err(wrong),
            };
        }
        if !OPS.contains(&name) {
            return Err(op.wrong(unknown("operator", name, OPS.into_iter())));
        }
        let value = value.ok_or_else(|| condition.wrong(format!("`{name}` needs a `value`")))?;
        let one = |place: &Place<'_>| signal.value(place.value).map_err(|e| place.wrong(e));
        let many = || value.list()?.iter().map(one).collect::<Result<Vec<_>, _>>();
        let shape = signal.shape();
        let unfit = || op.wrong(format!("`{name}` does not fit `{}`", signal.name));
        match (name, shape) {
            ("eq", _) => one(&value).map(Self::Eq),
            ("ne", _) => one(&value).map(Self::Ne),
            ("in", _) => many().map(Self::In),
            ("nin", _) => many().map(Self::Nin),
            ("contains", Shape::Word | Shape::Text) => Ok(Self::Contains(value.text()?.to_owned())),
            (_, Shape::Number) => {
                let order = Order::find(name).ok_or_else(unfit)?;
                Ok(Self::Compare(order, value.number()?))
            }
            (_, Shape::Switch | Shape::Word | Shape::Text) => Err(unfit()),
        }
    }
    /// None: the value is of another kind.
    fn holds(&self, value: &Value) -> Option<bool> {
        match self {
            Self::Eq(wanted) => Some(compare::same(value, wanted)),
            Self::Ne(wanted) => Some(!compare::same(value, wanted)),
            Self::In(list) => Some(compare::one_of(value, list)),
            Self::Nin(list) => Some(!compare::one_of(value, list)),
            Self::Compare(order, limit) => Some(order.holds(value.as_f64()?, *limit)),
            Self::Contains(part) => Some(value.as_str()?.contains(part.as_str())),
            Self::Exists => Some(true),
        }
    }
}
