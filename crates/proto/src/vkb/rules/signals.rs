//! The signals of the later format: what a status means, in one word or number.
use serde_json::Value;

use super::status::{FOCUS, Known, Status, Word, at};

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

const OFF_ON: &[[&str; 2]] = &[["off", "on"]];
const NO_YES: &[[&str; 2]] = &[["no", "yes"]];
const STOWED: &[[&str; 2]] = &[["retracted", "deployed"]];
const NORMAL_LOW: &[[&str; 2]] = &[["normal", "low"]];

const fn ship(name: &'static str, bit: u8, words: &'static [[&'static str; 2]]) -> Signal {
    Signal { name, kind: Kind::Switch { word: Word::Flags, bit, set: true, words } }
}

const fn foot(name: &'static str, bit: u8, words: &'static [[&'static str; 2]]) -> Signal {
    Signal { name, kind: Kind::Switch { word: Word::Flags2, bit, set: true, words } }
}

const fn state(
    name: &'static str,
    values: &'static [&'static str],
    read: fn(Known) -> Option<&'static str>,
) -> Signal {
    Signal { name, kind: Kind::State { values, read } }
}

const fn number(name: &'static str, path: &'static str) -> Signal {
    Signal { name, kind: Kind::Number(path) }
}

const fn text(name: &'static str, path: &'static str) -> Signal {
    Signal { name, kind: Kind::Text(path) }
}

/// Every flag under its own name, and the catalog's signals that a status decides by itself. Those that
/// last some seconds after an event, or need other files, are not here: rules with them are refused.
const SIGNALS: &[Signal] = &[
    ship("docked", 0, &[]),
    ship("landed", 1, &[]),
    ship("landing_gear_down", 2, &[]),
    ship("gear_down", 2, &[]),
    ship("landing_gear", 2, &[["retracted", "deployed"], ["up", "down"]]),
    ship("shields_up", 3, &[]),
    ship("shield_state", 3, &[["down", "up"]]),
    ship("in_supercruise", 4, &[]),
    ship("supercruise", 4, OFF_ON),
    ship("flight_assist_off", 5, &[]),
    Signal {
        name: "flight_assist",
        kind: Kind::Switch { word: Word::Flags, bit: 5, set: false, words: OFF_ON },
    },
    ship("hardpoints_deployed", 6, &[]),
    ship("weapons_out", 6, &[]),
    ship("hardpoints", 6, STOWED),
    ship("in_wing", 7, &[]),
    ship("lights_on", 8, &[]),
    ship("ship_lights", 8, OFF_ON),
    ship("cargo_scoop_deployed", 9, &[]),
    ship("scoop_out", 9, &[]),
    ship("cargo_scoop", 9, STOWED),
    ship("cargo_hatch", 9, STOWED),
    ship("silent_running", 10, OFF_ON),
    ship("scooping_fuel", 11, &[]),
    ship("srv_handbrake", 12, OFF_ON),
    ship("srv_turret", 13, &[]),
    ship("srv_turret_view", 13, &[]),
    ship("flag_srv_turret", 13, STOWED),
    ship("srv_under_ship", 14, NO_YES),
    ship("srv_turret_retracted", 14, &[]),
    ship("srv_drive_assist", 15, OFF_ON),
    ship("fsd_mass_locked", 16, &[]),
    ship("fsd_charging", 17, &[]),
    ship("fsd_cooldown", 18, &[]),
    ship("low_fuel", 19, &[]),
    ship("over_heating", 20, &[]),
    ship("overheating", 20, &[]),
    ship("heat_status", 20, &[["normal", "overheating"]]),
    ship("has_lat_long", 21, NO_YES),
    ship("is_in_danger", 22, &[]),
    ship("in_danger", 22, &[]),
    ship("being_interdicted", 23, &[]),
    ship("in_main_ship", 24, &[]),
    ship("in_fighter", 25, &[]),
    ship("in_srv", 26, &[]),
    ship("srv_deployed_state", 26, &[["stowed", "deployed"]]),
    ship("analysis_mode", 27, &[]),
    ship("hud_in_analysis_mode", 27, &[]),
    ship("hud_mode", 27, &[["combat", "analysis"]]),
    ship("night_vision", 28, OFF_ON),
    ship("average_altitude", 29, &[]),
    ship("altitude_from_average_radius", 29, &[]),
    ship("flag_altitude_from_avg_radius", 29, NO_YES),
    ship("fsd_jump", 30, &[]),
    ship("srv_high_beam", 31, OFF_ON),
    foot("on_foot", 0, &[]),
    foot("presence", 0, &[["vehicle", "foot"]]),
    foot("in_taxi", 1, &[]),
    foot("in_multicrew", 2, &[]),
    foot("on_foot_in_station", 3, &[]),
    foot("on_foot_on_planet", 4, &[]),
    foot("aim_down_sight", 5, &[]),
    foot("flag_aim_down_sight", 5, NO_YES),
    foot("aim", 5, &[["normal", "aiming"]]),
    foot("low_oxygen", 6, &[]),
    foot("flag_low_oxygen", 6, NORMAL_LOW),
    foot("oxygen", 6, &[["ok", "low"]]),
    foot("low_health", 7, &[]),
    foot("flag_low_health", 7, NORMAL_LOW),
    foot("cold", 8, &[]),
    foot("hot", 9, &[]),
    foot("very_cold", 10, &[]),
    foot("very_hot", 11, &[]),
    foot("glide_mode", 12, &[]),
    foot("on_foot_in_hangar", 13, &[]),
    foot("on_foot_social_space", 14, &[]),
    foot("on_foot_exterior", 15, &[]),
    foot("breathable_atmosphere", 16, NO_YES),
    state("gui_focus", &FOCUS, focused),
    state("docking_state", &["in_space", "landed", "docked"], docking_state),
    state("vehicle", &["ship", "srv", "fighter", "unknown"], vehicle),
    state(
        "mode",
        &["ship", "srv", "fighter", "on_foot", "in_taxi", "in_multicrew", "unknown"],
        mode,
    ),
    state("fsd_state", &["idle", "charging", "cooldown", "jumping"], fsd_state),
    state(
        "fsd_status",
        &["idle", "charging", "cooldown", "jump_active", "supercruise", "gliding", "masslocked"],
        fsd_status,
    ),
    state("temperature_state", &["ok", "cold", "hot", "very_cold", "very_hot"], temperature_state),
    state(
        "on_foot_location",
        &["none", "station", "planet", "hangar", "social_space", "exterior"],
        on_foot_location,
    ),
    number("cargo_count", "Cargo"),
    number("fire_group", "FireGroup"),
    number("fuel_main", "Fuel.FuelMain"),
    number("fuel_reservoir", "Fuel.FuelReservoir"),
    number("pips_sys", "Pips.0"),
    number("pips_eng", "Pips.1"),
    number("pips_wep", "Pips.2"),
    number("credits", "Balance"),
    number("altitude", "Altitude"),
    number("heading", "Heading"),
    number("latitude", "Latitude"),
    number("longitude", "Longitude"),
    number("gravity_level", "Gravity"),
    number("oxygen_level", "Oxygen"),
    number("health_level", "Health"),
    number("temperature_value", "Temperature"),
    text("body_name", "BodyName"),
    text("legal_state", "LegalState"),
    text("selected_weapon", "SelectedWeapon"),
    text("destination_name", "Destination.Name"),
];

/// The name of the first bit that is set.
fn first_set(word: u32, names: &[(u8, &'static str)]) -> Option<&'static str> {
    names.iter().find(|(bit, _)| word >> bit & 1 == 1).map(|(_, name)| *name)
}

fn focused(known: Known) -> Option<&'static str> {
    FOCUS.get(usize::try_from(known.focus?).ok()?).copied()
}

fn docking_state(known: Known) -> Option<&'static str> {
    first_set(known.flags?, &[(0, "docked"), (1, "landed")]).or(Some("in_space"))
}

fn vehicle(known: Known) -> Option<&'static str> {
    first_set(known.flags?, &[(24, "ship"), (25, "fighter"), (26, "srv")]).or(Some("unknown"))
}

// The game before Odyssey has no Flags2, and nobody walks, takes taxis or multicrews in its terms.
fn mode(known: Known) -> Option<&'static str> {
    let foot = [(0, "on_foot"), (1, "in_taxi"), (2, "in_multicrew")];
    first_set(known.flags2.unwrap_or(0), &foot).or_else(|| vehicle(known))
}

fn fsd_state(known: Known) -> Option<&'static str> {
    let names = [(30, "jumping"), (17, "charging"), (18, "cooldown")];
    first_set(known.flags?, &names).or(Some("idle"))
}

/// What happens now comes before what goes on, and that before what is not possible.
fn fsd_status(known: Known) -> Option<&'static str> {
    let flags = known.flags?;
    let now = first_set(flags, &[(30, "jump_active"), (17, "charging")]);
    let gliding = || first_set(known.flags2.unwrap_or(0), &[(12, "gliding")]);
    let rest = [(4, "supercruise"), (18, "cooldown"), (16, "masslocked")];
    now.or_else(gliding).or_else(|| first_set(flags, &rest)).or(Some("idle"))
}

fn temperature_state(known: Known) -> Option<&'static str> {
    let names = [(10, "very_cold"), (11, "very_hot"), (8, "cold"), (9, "hot")];
    first_set(known.flags2?, &names).or(Some("ok"))
}

/// The closest place wins: a hangar is in a station.
fn on_foot_location(known: Known) -> Option<&'static str> {
    let names =
        [(13, "hangar"), (14, "social_space"), (15, "exterior"), (3, "station"), (4, "planet")];
    first_set(known.flags2?, &names).or(Some("none"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
