//! What the game says of itself in `Status.json`: its flags and its focus, by the names rules have for
//! them.
//!
//! Bits and meanings are those of the game's published journal documentation, section Status File.
use serde_json::{Map, Value};

/// One of the two words of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// `Flags`: ship and vehicles.
    Flags,
    /// `Flags2`: on foot.
    Flags2,
}

impl Word {
    /// Its key in `Status.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flags => "Flags",
            Self::Flags2 => "Flags2",
        }
    }
    /// The names of its flags by bit: the first format's, then the documentation's where it differs.
    pub fn names(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Flags => &FLAGS,
            Self::Flags2 => &FLAGS2,
        }
    }
    /// The mask of a flag, named with the word in front (`FlagsDocked`) or without (`Docked`).
    pub fn mask(self, name: &str) -> Option<u32> {
        let bare = name.strip_prefix(self.name()).unwrap_or(name);
        let bit = self.names().iter().position(|names| names.contains(&bare))?;
        Some(1 << bit)
    }
}

const FLAGS: [&[&str]; 32] = [
    &["Docked"],
    &["Landed"],
    &["LandingGearDown"],
    &["ShieldsUp"],
    &["Supercruise"],
    &["FlightAssistOff"],
    &["HardpointsDeployed"],
    &["InWing"],
    &["LightsOn"],
    &["CargoScoopDeployed"],
    &["SilentRunning"],
    &["ScoopingFuel"],
    &["SrvHandbrake"],
    &["SrvTurret", "SrvTurretView"],
    &["SrvUnderShip", "SrvTurretRetracted"],
    &["SrvDriveAssist"],
    &["FsdMassLocked"],
    &["FsdCharging"],
    &["FsdCooldown"],
    &["LowFuel"],
    &["OverHeating"],
    &["HasLatLong"],
    &["IsInDanger"],
    &["BeingInterdicted"],
    &["InMainShip"],
    &["InFighter"],
    &["InSRV"],
    &["AnalysisMode", "HudInAnalysisMode"],
    &["NightVision"],
    &["AverageAltitude", "AltitudeFromAverageRadius"],
    &["FsdJump"],
    &["SrvHighBeam"],
];

const FLAGS2: [&[&str]; 17] = [
    &["OnFoot"],
    &["InTaxi"],
    &["InMulticrew"],
    &["OnFootInStation"],
    &["OnFootOnPlanet"],
    &["AimDownSight"],
    &["LowOxygen"],
    &["LowHealth"],
    &["Cold"],
    &["Hot"],
    &["VeryCold"],
    &["VeryHot"],
    &["GlideMode"],
    &["OnFootInHangar"],
    &["OnFootSocialSpace"],
    &["OnFootExterior"],
    &["BreathableAtmosphere"],
];

/// By their value of `GuiFocus`.
pub const FOCUS: [&str; 12] = [
    "NoFocus",
    "InternalPanel",
    "ExternalPanel",
    "CommsPanel",
    "RolePanel",
    "StationServices",
    "GalaxyMap",
    "SystemMap",
    "Orrery",
    "FSS",
    "SAA",
    "Codex",
];

/// The value of a focus, named with `GuiFocus` in front or without.
pub fn focus(name: &str) -> Option<u64> {
    let bare = name.strip_prefix("GuiFocus").unwrap_or(name);
    FOCUS.iter().position(|known| *known == bare).map(|at| at as u64)
}

/// The words and the focus of a status, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// `Flags`.
    pub flags: Option<u32>,
    /// `Flags2`.
    pub flags2: Option<u32>,
    /// `GuiFocus`.
    pub focus: Option<u64>,
}

impl Known {
    /// What an entry says; what it does not say is unknown.
    pub fn of(entry: &Map<String, Value>) -> Self {
        let number = |key| entry.get(key).and_then(Value::as_u64);
        let word = |key| number(key).and_then(|bits| u32::try_from(bits).ok());
        Self { flags: word("Flags"), flags2: word("Flags2"), focus: number("GuiFocus") }
    }
    /// This, and what `before` said of the rest.
    pub fn or(self, before: Self) -> Self {
        Self {
            flags: self.flags.or(before.flags),
            flags2: self.flags2.or(before.flags2),
            focus: self.focus.or(before.focus),
        }
    }
    /// One of the words.
    pub fn word(self, word: Word) -> Option<u32> {
        match word {
            Word::Flags => self.flags,
            Word::Flags2 => self.flags2,
        }
    }
}

/// The last status, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Its flags and its focus.
    pub known: Known,
    /// Its other keys.
    pub entry: Map<String, Value>,
}

/// The value at a dotted path; numbers in it are places in a list.
pub fn at<'a>(entry: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut keys = path.split('.');
    let first = entry.get(keys.next()?)?;
    keys.try_fold(first, |value, key| match value {
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_flag_has_its_bit_under_both_spellings() {
        for word in [Word::Flags, Word::Flags2] {
            for (bit, names) in word.names().iter().enumerate() {
                for name in *names {
                    assert_eq!(word.mask(name), Some(1 << bit), "{name}");
                    assert_eq!(word.mask(&format!("{}{name}", word.name())), Some(1 << bit));
                }
            }
        }
        assert_eq!(Word::Flags.mask("FlagsSrvHighBeam"), Some(1 << 31));
        assert_eq!(Word::Flags2.mask("Flags2BreathableAtmosphere"), Some(1 << 16));
        assert_eq!(Word::Flags.mask("FlagsOnFoot"), None);
        assert_eq!(Word::Flags.mask("Flags2OnFoot"), None);
    }

    #[test]
    fn every_focus_has_its_number() {
        for (value, name) in FOCUS.into_iter().enumerate() {
            assert_eq!(focus(name), Some(value as u64));
            assert_eq!(focus(&format!("GuiFocus{name}")), Some(value as u64));
        }
        assert_eq!(focus("GuiFocusBanana"), None);
    }

    #[test]
    fn what_an_entry_does_not_say_is_unknown() {
        let known = |entry: Value| Known::of(entry.as_object().unwrap());
        let some = known(json!({ "Flags": 5, "Flags2": "5", "GuiFocus": -1 }));
        assert_eq!(some, Known { flags: Some(5), flags2: None, focus: None });
        assert_eq!(known(json!({ "Flags": 1u64 << 32 })), Known::default());
        let rest = known(json!({ "Flags": 1, "GuiFocus": 6 }));
        assert_eq!(some.or(rest), Known { flags: Some(5), flags2: None, focus: Some(6) });
    }

    #[test]
    fn a_path_goes_through_objects_and_lists() {
        let entry = json!({ "a": { "b": [1, { "c": 2 }] } });
        let at = |path| at(entry.as_object().unwrap(), path).cloned();
        assert_eq!(at("a.b.1.c"), Some(json!(2)));
        for path in ["", "a.", "a.b.2", "a.b.x", "a.b.0.c"] {
            assert_eq!(at(path), None, "{path}");
        }
    }
}
