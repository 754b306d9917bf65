//! The tool there is when nothing is said of it: one chamber, a bit of everything.
use super::{
    Control, Governs, Id, Occasion, RawAlarm, RawBounds, RawCommand, RawConstant, RawEvent,
    RawParam, RawRecipe, RawReport, RawSet, RawSpool, RawTool, RawVariable, Shows, TimeFormat,
    Value,
};
use crate::{Span, secs2::Item};

impl Default for RawTool {
    fn default() -> Self {
        Self {
            mdln: "FAKE-EQ".into(),
            softrev: "1.0.0".into(),
            clock: None,
            time_format: TimeFormat::Sixteen,
            establish: Span::millis(10_000),
            initiates: true,
            lenient: true,
            control: Control::Remote,
            attempt_failed: Control::HostOffline,
            status: status(),
            data: vec![variable(1501, "LastRecipe", "", Item::ascii(""))],
            constants: constants(),
            events: events(),
            reports: vec![RawReport { id: 1.into(), vids: vec![1001.into(), 1002.into()] }],
            alarms: alarms(),
            commands: commands(),
            recipes: vec![recipe("RECIPE-A", "heat 80; hold 30"), recipe("RECIPE-B", "vent")],
            terminals: vec![0],
            spool: RawSpool::default(),
            bounds: RawBounds::default(),
        }
    }
}

fn variable(id: u64, name: &str, units: &str, value: Item) -> RawVariable {
    let (name, units) = (name.into(), units.into());
    RawVariable { id: id.into(), name, units, value: Some(value.into()), shows: None }
}

fn shown(id: u64, name: &str, shows: Shows) -> RawVariable {
    let (name, units) = (name.into(), String::new());
    RawVariable { id: id.into(), name, units, value: None, shows: Some(shows) }
}

fn status() -> Vec<RawVariable> {
    vec![
        variable(1001, "Temperature", "degC", Item::f4(25.5)),
        variable(1002, "State", "", Item::ascii("IDLE")),
        shown(1003, "Clock", Shows::Clock),
        shown(1004, "ControlState", Shows::ControlState),
        shown(1005, "AlarmsSet", Shows::AlarmsSet),
        shown(1006, "AlarmsEnabled", Shows::AlarmsEnabled),
        shown(1007, "EventsEnabled", Shows::EventsEnabled),
        shown(1008, "SpoolCountActual", Shows::SpoolCountActual),
        shown(1009, "SpoolCountTotal", Shows::SpoolCountTotal),
        shown(1010, "SpoolStartTime", Shows::SpoolStartTime),
        shown(1011, "SpoolFullTime", Shows::SpoolFullTime),
    ]
}

fn governor(id: u64, name: &str, units: &str, governs: Governs) -> RawConstant {
    let (name, units) = (name.into(), units.into());
    let (min, max, default) = (None, None, None);
    RawConstant { id: id.into(), name, units, min, max, default, governs: Some(governs) }
}

fn constants() -> Vec<RawConstant> {
    let number = |n| Some(Value::from(Item::u4(n)));
    vec![
        RawConstant {
            id: 2001.into(),
            name: "WaferCount".into(),
            units: "wafers".into(),
            min: number(1),
            max: number(25),
            default: number(5),
            governs: None,
        },
        governor(2002, "EstablishCommunicationsTimeout", "s", Governs::Establish),
        governor(2003, "TimeFormat", "", Governs::TimeFormat),
        governor(2004, "MaxSpoolTransmit", "", Governs::SpoolTransmit),
        governor(2005, "OverWriteSpool", "", Governs::SpoolOverwrite),
    ]
}

fn events() -> Vec<RawEvent> {
    let event = |id: u64, name: &str, on| RawEvent {
        id: id.into(),
        name: name.into(),
        enabled: false,
        reports: Vec::new(),
        data: Vec::new(),
        on,
    };
    let started = RawEvent { data: vec![1501.into()], ..event(50, "ProcessStarted", None) };
    vec![
        started,
        event(51, "ProcessStopped", None),
        event(60, "EquipmentOffline", Some(Occasion::Offline)),
        event(61, "ControlStateLocal", Some(Occasion::Local)),
        event(62, "ControlStateRemote", Some(Occasion::Remote)),
        event(63, "SpoolingActivated", Some(Occasion::SpoolingActivated)),
        event(64, "SpoolingDeactivated", Some(Occasion::SpoolingDeactivated)),
        event(65, "SpoolTransmitFailure", Some(Occasion::SpoolTransmitFailure)),
        event(66, "ProcessProgramChange", Some(Occasion::RecipeChanged)),
        event(70, "OvertempDetected", None),
        event(71, "OvertempCleared", None),
    ]
}

fn alarms() -> Vec<RawAlarm> {
    let alarm = |id: u64, text: &str, category, set_event, clear_event| RawAlarm {
        id: id.into(),
        text: text.into(),
        category,
        enabled: true,
        set: false,
        set_event,
        clear_event,
    };
    let (on, off) = (Some(70.into()), Some(71.into()));
    vec![alarm(3001, "CHAMBER OVERTEMP", 1, on, off), alarm(3002, "DOOR OPEN", 2, None, None)]
}

fn set(id: u64, value: &str) -> RawSet {
    RawSet { id: id.into(), value: Some(Item::ascii(value).into()), param: None }
}

fn commands() -> Vec<RawCommand> {
    let named = |name: &str| name.parse::<Id>().expect("plain ASCII");
    let command = |name, state, event: u64| RawCommand {
        name: named(name),
        params: Vec::new(),
        unless: vec![set(1002, state)],
        sets: vec![set(1002, state)],
        raises: vec![event.into()],
        after: None,
        refused: None,
    };
    let mut start = command("START", "RUN", 50);
    start.params.push(RawParam {
        name: named("PPID"),
        format: Some("A".into()),
        one_of: Vec::new(),
        required: false,
        recipe: true,
    });
    start.sets.push(RawSet { id: 1501.into(), value: None, param: Some(named("PPID")) });
    vec![start, command("STOP", "IDLE", 51)]
}

fn recipe(name: &str, body: &str) -> RawRecipe {
    let id = name.parse().expect("plain ASCII");
    RawRecipe { id, body: Item::ascii(body).into() }
}
