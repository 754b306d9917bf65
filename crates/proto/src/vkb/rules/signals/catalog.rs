//! Every signal there is, and what of a status each of them reads.
use super::{
    super::status::{FOCUS, Known, Word},
    Kind, Signal,
};

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
pub(super) const SIGNALS: &[Signal] = &[
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
