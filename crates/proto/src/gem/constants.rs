//! Equipment constants: what they can be, who changes them, and the settings some of them govern.
use std::{collections::BTreeMap, time::Duration};

use super::{
    Governs, Id, RawConstant, TimeFormat,
    equipment::Gem,
    text::{self, Read},
    tool, value,
    variables::{Variables, Vid},
};
use crate::{
    ConfigError,
    secs2::{Format, Item, Number},
};

/// EAC, what became of a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Eac {
    Unknown = 1,
    Busy = 2,
    Range = 3,
    Format = 4,
}

#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub(super) id: Id,
    name: String,
    units: String,
    min: Option<Item>,
    max: Option<Item>,
    default: Item,
    pub(super) value: Item,
    governs: Option<Governs>,
}

/// The settings that constants can govern, as they are when the tool is switched on.
#[derive(Clone, Debug)]
pub(super) struct Governed {
    pub(super) establish: Duration,
    pub(super) time_format: TimeFormat,
    pub(super) transmit: u32,
    pub(super) overwrite: bool,
}

impl Governed {
    /// What a constant shows of a setting, and between what it can be.
    fn constant(&self, governs: Governs) -> (Item, Option<Item>, Option<Item>) {
        let seconds = self.establish.as_secs_f64().ceil() as u32;
        match governs {
            Governs::Establish => (Item::u4(seconds), Some(Item::u4(1)), Some(Item::u4(u32::MAX))),
            Governs::TimeFormat => {
                (Item::u4(self.time_format.code().into()), Some(Item::u4(0)), Some(Item::u4(2)))
            }
            Governs::SpoolTransmit => (Item::u4(self.transmit), None, None),
            Governs::SpoolOverwrite => (Item::boolean(self.overwrite), None, None),
        }
    }
}

impl Constant {
    pub(super) fn new(
        key: &str,
        raw: RawConstant,
        governed: &Governed,
    ) -> Result<Self, ConfigError> {
        let RawConstant { id, name, units, min, max, default, governs } = raw;
        let item = |field: &str, value| tool::value(&format!("{key}.{field}"), value);
        let min = min.map(|value| item("min", value)).transpose()?;
        let max = max.map(|value| item("max", value)).transpose()?;
        let default = default.map(|value| item("default", value)).transpose()?;
        let (default, min, max) = match (governs, default) {
            (None, Some(default)) => (default, min, max),
            (Some(governs), None) if min.is_none() && max.is_none() => governed.constant(governs),
            (Some(_), _) => {
                let problem =
                    "with `governs` come no `default`, `min` or `max`; the setting has them";
                return Err(ConfigError::new(key, problem));
            }
            (None, None) => {
                return Err(ConfigError::new(key, "needs either `default` or `governs`"));
            }
        };
        let value = default.clone();
        let constant = Self { id, name, units, min, max, default, value, governs };
        constant.bounds(key)?;
        Ok(constant)
    }

    /// A default must be possible, and bounds must be comparable to it.
    fn bounds(&self, key: &str) -> Result<(), ConfigError> {
        for (field, bound) in [("min", &self.min), ("max", &self.max)] {
            let like = |bound: &Item| bound.format() == self.default.format();
            if bound.as_ref().is_some_and(|bound| !like(bound) || bound.as_f64().is_none()) {
                let problem =
                    format!("should be a number of format {}", self.default.format().sml());
                return Err(ConfigError::new(format!("{key}.{field}"), problem));
            }
        }
        let problem = "is not between `min` and `max`";
        let wrong = || ConfigError::new(format!("{key}.default"), problem);
        self.check(&self.default).map(drop).map_err(|_| wrong())
    }

    /// A new value in the format it has to have.
    fn check(&self, item: &Item) -> Result<Item, Eac> {
        let (from, to) = (item.format(), self.default.format());
        let numeric = kind(to) != Kind::Other;
        let alike = from == to || numeric && kind(from) == kind(to);
        let counted = !numeric || item.count() == self.default.count();
        if !alike || !counted || item.depth() != self.default.depth() {
            return Err(Eac::Format);
        }
        if !text::small(item) {
            return Err(Eac::Range);
        }
        let converted = if from == to {
            text::kept(item)
        } else {
            value::convert(item, to).ok_or(Eac::Range)?
        };
        let within = converted.numbers().all(|number| self.within(number));
        within.then_some(converted).ok_or(Eac::Range)
    }

    fn within(&self, number: Number) -> bool {
        let min = self.min.as_ref().and_then(|min| min.numbers().next());
        let max = self.max.as_ref().and_then(|max| max.numbers().next());
        min.is_none_or(|min| at_most(min, number)) && max.is_none_or(|max| at_most(number, max))
    }

    /// L6 of the name list.
    fn described(&self, id: Item) -> Item {
        let bound = |bound: &Option<Item>| bound.clone().unwrap_or_else(|| Item::ascii(""));
        Item::list([
            id,
            Item::ascii(&self.name),
            bound(&self.min),
            bound(&self.max),
            self.default.clone(),
            Item::ascii(&self.units),
        ])
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Integer,
    Float,
    Other,
}

/// Formats of a kind stand for one another: hosts rarely know which of them a constant has.
fn kind(format: Format) -> Kind {
    match format {
        Format::I1 | Format::I2 | Format::I4 | Format::I8 => Kind::Integer,
        Format::U1 | Format::U2 | Format::U4 | Format::U8 => Kind::Integer,
        Format::F4 | Format::F8 => Kind::Float,
        Format::List | Format::Binary | Format::Boolean => Kind::Other,
        Format::Ascii | Format::Jis8 | Format::Localized => Kind::Other,
    }
}

/// Both are of the same format.
fn at_most(a: Number, b: Number) -> bool {
    match (a, b) {
        (Number::Unsigned(a), Number::Unsigned(b)) => a <= b,
        (Number::Signed(a), Number::Signed(b)) => a <= b,
        (Number::Single(a), Number::Single(b)) => a <= b,
        (Number::Double(a), Number::Double(b)) => a <= b,
        (Number::Unsigned(_) | Number::Signed(_), _)
        | (Number::Single(_) | Number::Double(_), _) => false,
    }
}

impl Variables {
    fn constant(&self, item: &Item) -> Option<usize> {
        match self.find(item)? {
            Vid::Constant(i) => Some(i),
            Vid::Status(_) | Vid::Data(_) => None,
        }
    }
}

impl Gem {
    /// S2F13, equipment constant request.
    pub(super) fn tell_constants(&self, item: Option<&Item>) -> Read<Item> {
        let constants = &self.variables.constants;
        let asked = text::asked(item)?;
        if asked.is_empty() {
            return text::gather(constants.iter().map(|constant| constant.value.clone()));
        }
        text::gather(asked.iter().map(|id| {
            let found = self.variables.constant(id).map(|i| constants[i].value.clone());
            found.unwrap_or_else(|| Item::list([]))
        }))
    }

    /// S2F29, equipment constant name list.
    pub(super) fn name_constants(&self, item: Option<&Item>) -> Read<Item> {
        let constants = &self.variables.constants;
        let asked = text::asked(item)?;
        if asked.is_empty() {
            return text::gather(
                constants.iter().map(|constant| constant.described(constant.id.item())),
            );
        }
        text::gather(asked.iter().map(|id| match self.variables.constant(id) {
            Some(i) => constants[i].described(id.clone()),
            None => {
                let rest = std::iter::repeat_with(|| Item::ascii("")).take(5);
                Item::list(std::iter::once(id.clone()).chain(rest))
            }
        }))
    }

    /// S2F15, new equipment constants: all of them, or none.
    pub(super) fn set_constants(&mut self, item: Option<&Item>) -> Read<Item> {
        let mut wanted = BTreeMap::new();
        for pair in text::list(text::some(item)?)? {
            let [id, value] = text::fields(pair)?;
            match self.constant_value(id, value) {
                Ok((i, value)) => drop(wanted.insert(i, value)),
                Err(eac) => return Ok(text::code(eac as u8)),
            }
        }
        for (i, value) in wanted {
            self.set_constant(i, value);
        }
        Ok(text::code(0))
    }

    fn constant_value(&self, id: &Item, value: &Item) -> Result<(usize, Item), Eac> {
        if self.busy {
            return Err(Eac::Busy);
        }
        let i = self.variables.constant(id).ok_or(Eac::Unknown)?;
        Ok((i, self.variables.constants[i].check(value)?))
    }

    /// The operator's way to do the same.
    pub(super) fn try_constant(&mut self, i: usize, value: &Item) -> Result<(), Eac> {
        let value = self.variables.constants[i].check(value)?;
        self.set_constant(i, value);
        Ok(())
    }

    fn set_constant(&mut self, i: usize, value: Item) {
        let constant = &mut self.variables.constants[i];
        constant.value = value;
        let number = constant.value.as_u64().unwrap_or_default();
        match constant.governs {
            None => {}
            Some(Governs::Establish) => self.communication.establish = Duration::from_secs(number),
            Some(Governs::TimeFormat) => {
                self.clock.format = TimeFormat::from_code(number).unwrap_or_default();
            }
            Some(Governs::SpoolTransmit) => self.spool.transmit = number as u32,
            Some(Governs::SpoolOverwrite) => {
                self.spool.overwrite = constant.value.as_bool() == Some(true);
            }
        }
    }
}
