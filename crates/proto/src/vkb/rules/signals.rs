//! The signals of the later format: what a status means, in one word or number.
mod catalog;

use serde_json::Value;

use super::status::{Known, Status, Word, at};
use catalog::SIGNALS;

/// A signal of the later format.
#[derive(Clone, Copy, Debug)]
pub struct Signal {
    /// Its name.
    pub name: &'static str,
    kind: Kind,
}

impl PartialEq for Signal {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// One flag. `set` is what the signal is when the flag is set; the words are other names for false
    /// and true.
    Switch { word: Word, bit: u8, set: bool, words: &'static [[&'static str; 2]] },
    /// One word out of a few.
    State { values: &'static [&'static str], read: fn(Known) -> Option<&'static str> },
    /// A number at this path of the status.
    Number(&'static str),
    /// Text at this path of the status.
    Text(&'static str),
}

/// What a signal can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// True or false, and perhaps words for them.
    Switch,
    /// One of a few words.
    Word,
    /// A number.
    Number,
    /// Any text.
    Text,
}

impl Signal {
    /// The signal of this name.
    pub fn find(name: &str) -> Option<Self> {
        SIGNALS.iter().find(|signal| signal.name == name).copied()
    }
    /// The names of all.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        SIGNALS.iter().map(|signal| signal.name)
    }
    /// What it can be compared with.
    pub fn shape(self) -> Shape {
        match self.kind {
            Kind::Switch { .. } => Shape::Switch,
            Kind::State { .. } => Shape::Word,
            Kind::Number(_) => Shape::Number,
            Kind::Text(_) => Shape::Text,
        }
    }
    /// What it is now, if known: true or false, a word, a number or text.
    pub fn read(self, status: &Status) -> Option<Value> {
        match self.kind {
            Kind::Switch { word, bit, set, .. } => {
                let bits = status.known.word(word)?;
                Some(Value::Bool((bits >> bit & 1 == 1) == set))
            }
            Kind::State { read, .. } => read(status.known).map(Value::from),
            Kind::Number(path) => at(&status.entry, path).filter(|v| v.is_number()).cloned(),
            Kind::Text(path) => at(&status.entry, path).filter(|v| v.is_string()).cloned(),
        }
    }
    /// What `value` is called when the signal is read.
    ///
    /// # Errors
    /// It is never that; says what it can be.
    pub fn value(self, value: &Value) -> Result<Value, String> {
        match (self.kind, value) {
            (Kind::Switch { .. }, Value::Bool(_))
            | (Kind::Number(_), Value::Number(_))
            | (Kind::Text(_), Value::String(_)) => Ok(value.clone()),
            (Kind::Switch { words, .. }, Value::String(text)) => {
                let of = |on: bool| words.iter().any(|pair| pair[usize::from(on)] == text);
                [false, true].into_iter().find(|on| of(*on)).map(Value::Bool).ok_or(())
            }
            (Kind::State { values, .. }, Value::String(text)) => {
                values.contains(&text.as_str()).then(|| value.clone()).ok_or(())
            }
            (Kind::Switch { .. } | Kind::State { .. } | Kind::Number(_) | Kind::Text(_), _) => {
                Err(())
            }
        }
        .map_err(|()| format!("`{}` is {}, never {value}", self.name, self.kind.range()))
    }
}

impl Kind {
    fn range(self) -> String {
        match self {
            Self::Switch { words, .. } => {
                let words = words.iter().map(|[off, on]| format!(", {off} or {on}"));
                format!("true or false{}", words.collect::<String>())
            }
            Self::State { values, .. } => format!("one of {}", values.join(", ")),
            Self::Number(_) => "a number".to_owned(),
            Self::Text(_) => "text".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::status::FOCUS, *};

    fn status(entry: Value) -> Status {
        let Value::Object(entry) = entry else { panic!("an object") };
        Status { known: Known::of(&entry), entry }
    }

    fn read(name: &str, entry: Value) -> Option<Value> {
        Signal::find(name).expect(name).read(&status(entry))
    }

    fn snake(name: &str) -> String {
        let name = name.replace("SRV", "Srv");
        let mut snake = String::new();
        for c in name.chars() {
            if c.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(c.to_lowercase());
        }
        snake
    }

    #[test]
    fn every_flag_is_a_signal_of_its_own_name() {
        for word in [Word::Flags, Word::Flags2] {
            for (bit, names) in word.names().iter().enumerate() {
                for name in names.iter().filter(|name| **name != "Supercruise") {
                    let set = read(&snake(name), json!({ word.name(): 1u32 << bit }));
                    assert_eq!(set, Some(true.into()), "{name}");
                    assert_eq!(read(&snake(name), json!({ word.name(): 0 })), Some(false.into()));
                    assert_eq!(read(&snake(name), json!({})), None, "{name} is unknown");
                }
            }
        }
    }

    #[test]
    fn the_focus_is_read_by_its_name() {
        for (value, name) in FOCUS.into_iter().enumerate() {
            assert_eq!(read("gui_focus", json!({ "GuiFocus": value })), Some(name.into()));
        }
        assert_eq!(read("gui_focus", json!({ "GuiFocus": 12 })), None);
    }

    #[test]
    fn a_state_is_what_matters_most_of_its_flags() {
        let flags = |name, bits: &[u8]| {
            let word = bits.iter().fold(0u32, |word, bit| word | 1 << bit);
            read(name, json!({ "Flags": word })).unwrap()
        };
        assert_eq!(flags("docking_state", &[0]), "docked");
        assert_eq!(flags("docking_state", &[1]), "landed");
        assert_eq!(flags("docking_state", &[]), "in_space");
        assert_eq!(flags("fsd_status", &[4, 30]), "jump_active");
        assert_eq!(flags("fsd_status", &[16]), "masslocked");
        assert_eq!(flags("fsd_state", &[17]), "charging");
        assert_eq!(flags("vehicle", &[26]), "srv");
        assert_eq!(read("mode", json!({ "Flags": 0, "Flags2": 1 })).unwrap(), "on_foot");
        assert_eq!(read("temperature_state", json!({ "Flags2": 0x500 })).unwrap(), "very_cold");
        assert_eq!(read("on_foot_location", json!({ "Flags2": 0x2008 })).unwrap(), "hangar");
        assert_eq!(flags("flight_assist", &[5]), false, "the flag says it is off");
    }

    #[test]
    fn every_state_can_be_what_it_claims_and_nothing_else() {
        for signal in SIGNALS {
            let Kind::State { values, read } = signal.kind else { continue };
            for bits in [0, 1, 2, 1 << 13, 1 << 17, 0x0100_0000, u32::MAX] {
                let known = Known { flags: Some(bits), flags2: Some(bits), focus: Some(0) };
                let value = read(known).unwrap();
                assert!(values.contains(&value), "{}: {value}", signal.name);
            }
        }
    }

    #[test]
    fn numbers_and_text_come_from_their_places() {
        let entry =
            json!({ "Fuel": { "FuelMain": 7.5 }, "Pips": [2, 8, 2], "LegalState": "Clean" });
        assert_eq!(read("fuel_main", entry.clone()), Some(json!(7.5)));
        assert_eq!(read("pips_eng", entry.clone()), Some(json!(8)));
        assert_eq!(read("legal_state", entry.clone()), Some(json!("Clean")));
        assert_eq!(read("fuel_reservoir", entry.clone()), None);
        assert_eq!(read("body_name", entry), None);
        assert_eq!(read("body_name", json!({ "BodyName": 5 })), None, "not text");
    }

    #[test]
    fn a_value_that_can_never_be_is_refused_with_those_that_can() {
        let value = |name, value| Signal::find(name).unwrap().value(&value);
        assert_eq!(value("landing_gear", json!("down")), Ok(json!(true)));
        assert_eq!(value("landing_gear", json!("retracted")), Ok(json!(false)));
        assert_eq!(value("docked", json!(true)), Ok(json!(true)));
        assert!(value("landing_gear", json!("sideways")).unwrap_err().contains("up or down"));
        assert!(value("gui_focus", json!("Map")).unwrap_err().contains("GalaxyMap"));
        assert!(value("docking_state", json!("just_docked")).unwrap_err().contains("in_space"));
        assert!(value("altitude", json!("high")).unwrap_err().contains("a number"));
    }

    #[test]
    fn a_name_stands_for_one_signal() {
        let mut names: Vec<_> = Signal::names().collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SIGNALS.len());
    }
}
